import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Readable } from "node:stream";
import { Buffer } from "node:buffer";
import S3rver from "s3rver";

/** A request on its way into the server. */
export interface S3Request {
  readonly method: string;
  /** Below the bucket, without the query. */
  readonly key: string;
  readonly query: Readonly<Record<string, string>>;
  readonly headers: Readonly<Record<string, string | undefined>>;
}

/** An answer in the place of the server's own. */
export interface S3Answer {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Readable;
}

/** What a test does to requests: answers them itself, or lets them pass. */
export type Meddle = (request: S3Request, pass: () => Promise<S3Passed>) => Promise<S3Answer | void>;

/** What the server did with a request that was let pass. */
export interface S3Passed {
  readonly status: number;
  /** Takes so many bytes of the body away from its end, while the length stays. */
  cut(bytes: number): Promise<void>;
}

/** An S3 server with one bucket, `copies`. */
export interface S3Server {
  /** Its address, as `?endpoint=` takes it. */
  readonly endpoint: string;
  /** What opens it. */
  readonly env: Readonly<Record<string, string>>;
  /** What was asked of it, such as `PUT nightly/a.db`. */
  readonly requests: readonly string[];
  /** Stores an object by hand, which says of itself that it has this SHA-256. */
  put(key: string, body: string | Uint8Array, sha256?: string): Promise<void>;
  /** Returns the keys of all objects. */
  keys(): Promise<readonly string[]>;
  /** Does something to requests while `work` runs. */
  meddling<T>(meddle: Meddle, work: () => Promise<T>): Promise<T>;
}

interface Context {
  method: string;
  path: string;
  query: Record<string, string>;
  headers: Record<string, string | undefined>;
  status: number;
  body: unknown;
  length: number;
  set(headers: Record<string, string>): void;
  res: { destroy(): void };
}

/** What of s3rver is used here: a Koa application with a store of files behind it. */
interface Server {
  readonly middleware: ((context: Context, next: () => Promise<void>) => Promise<void>)[];
  readonly store: {
    existsObject(bucket: string, key: string): Promise<boolean>;
    putObject(object: object): Promise<unknown>;
    listObjects(
      bucket: string,
      options: object,
    ): Promise<{ readonly objects: readonly { readonly key: string }[] }>;
  };
  run(): Promise<{ readonly port: number }>;
  close(): Promise<void>;
}

/** Runs work with a real S3 server that keeps no condition by itself: `if-none-match` is kept before it, as the field does. */
export async function withS3Server<T>(work: (server: S3Server) => Promise<T>): Promise<T> {
  const directory = await mkdtemp(join(tmpdir(), "harbor_db_s3_"));
  const requests: string[] = [];
  let meddle: Meddle | null = null;
  const server = new S3rver({
    port: 0,
    address: "127.0.0.1",
    silent: true,
    directory,
    configureBuckets: [{ name: "copies" }],
  }) as unknown as Server;
  server.middleware.unshift(async (context, next) => {
    const key = decodeURIComponent(context.path.replace(/^\/copies\/?/, ""));
    const { method, query, headers } = context;
    requests.push(`${method} ${key}`);
    const pass = async (): Promise<S3Passed> => {
      if (method === "PUT" && headers["if-none-match"] === "*" && await exists(key)) {
        context.status = 412;
        context.body = "<Error><Code>PreconditionFailed</Code></Error>";
        return { status: 412, cut: () => Promise.resolve() };
      }
      await next();
      return { status: context.status, cut: (bytes) => cut(context, bytes) };
    };
    const answer = await meddle?.({ method, key, query, headers }, pass);
    if (answer === undefined) return meddle === null ? void await pass() : undefined;
    context.status = answer.status;
    context.body = answer.body ?? "";
    context.set({ ...answer.headers });
  });
  const exists = (key: string) => server.store.existsObject("copies", key);
  const { port } = await server.run();
  const env = { AWS_ACCESS_KEY_ID: "S3RVER", AWS_SECRET_ACCESS_KEY: "S3RVER" };
  try {
    return await work({
      endpoint: `http://127.0.0.1:${port}`,
      env,
      requests,
      put: async (key, body, sha256) => {
        await server.store.putObject({
          bucket: "copies",
          key,
          content: Readable.from([body]),
          metadata: sha256 === undefined ? {} : { "x-amz-meta-sha256": sha256 },
        });
      },
      keys: async () => {
        const listed = await server.store.listObjects("copies", { maxKeys: 1_000 });
        return listed.objects.map(({ key }) => key);
      },
      meddling: async (what, during) => {
        meddle = what;
        try {
          return await during();
        } finally {
          meddle = null;
        }
      },
    });
  } finally {
    await server.close();
    await rm(directory, { recursive: true, force: true });
  }
}

/** Sends a body but for its end, and breaks the connection off. */
async function cut(context: Context, bytes: number): Promise<void> {
  const pieces: Uint8Array[] = [];
  for await (const piece of context.body as AsyncIterable<Uint8Array>) pieces.push(piece);
  const whole = Buffer.concat(pieces);
  context.body = Readable.from((async function* () {
    yield whole.subarray(0, whole.length - bytes);
    await new Promise((resolve) => setTimeout(resolve, 20));
    context.res.destroy();
  })());
  context.length = whole.length;
}
