import type { PostgresUrl } from "../../../base/url/postgres_url.ts";
import { readFileSync, statSync } from "node:fs";
import type { Socket } from "node:net";
import type { ConnectionOptions } from "node:tls";
import { HarborError, messageOf } from "../../../base/errors.ts";
import { otherKindAt } from "../../../base/files/regular_file.ts";
import { quoteForShell } from "../../../base/quote_shell.ts";

/** `plain`: no TLS. `if_offered`: TLS unless the server has none. `tls`: TLS or nothing. */
export type Encryption = "plain" | "if_offered" | "tls";

/** A connected socket on which nothing of the PostgreSQL protocol was said but the question for TLS. */
export interface Dialed {
  readonly socket: Socket;
  readonly encrypted: boolean;
}

/** What {@link dial} throws when the other end cannot be talked to; `code` as errors of `node:net` have it. */
export class DialError extends Error {
  readonly code: "ETIMEDOUT" | "TLS_NOT_OFFERED" | "NOT_POSTGRES";

  constructor(code: DialError["code"], message: string) {
    super(message);
    this.code = code;
  }
}

/**
 * Connects to the server as libpq does for the URL's `sslmode` and `sslrootcert`.
 *
 * postgres.js would do this itself, but it waits forever on a server that refuses TLS under `sslmode=require`, knows
 * no `verify-ca`, and connects again by itself, which here must never happen.
 *
 * @throws The socket's own error, or {@link DialError}
 */
export async function dial(
  url: PostgresUrl,
  encryption: Encryption,
  timeoutMs: number,
): Promise<Dialed> {
  const isPlain = encryption === "plain" || isUnixSocket(url);
  // Servers on the same machine seldom offer TLS, and it takes long to load.
  const isLight = isPlain || (encryption === "if_offered" && isLoopback(url));
  const { createConnection } = isLight ? await import("./light_socket.ts") : await import("node:net");
  let socket = isUnixSocket(url)
    ? createConnection({ path: `${url.host}/.s.PGSQL.${url.port}` })
    : createConnection({ host: url.host, port: url.port });
  const timer = setTimeout(
    () => socket.destroy(new DialError("ETIMEDOUT", `no answer within ${timeoutMs / 1000} s`)),
    timeoutMs,
  );
  try {
    await happens(socket, "connect");
    socket.setNoDelay(true);
    if (isPlain) return { socket, encrypted: false };
    if (!(await offersTls(socket))) {
      if (encryption === "if_offered") return { socket, encrypted: false };
      throw new DialError("TLS_NOT_OFFERED", "the server does not offer TLS");
    }
    if (isLight) {
      socket.destroy();
      return await dial(url, "tls", timeoutMs);
    }
    const { connect } = await import("node:tls");
    socket = connect({ ...await tlsOptions(url), socket });
    await happens(socket, "secureConnect");
    return { socket, encrypted: true };
  } catch (error) {
    socket.on("error", () => {});
    socket.destroy();
    throw error;
  } finally {
    clearTimeout(timer);
  }
}

/** Whether the host is the folder of a Unix socket. */
export function isUnixSocket(url: PostgresUrl): boolean {
  return url.host.startsWith("/");
}

function isLoopback(url: PostgresUrl): boolean {
  return /^(?:localhost|127\..*|::1)$/.test(url.host);
}

/** Protocol message `SSLRequest`: its length, 8, and the code 80877103. */
const sslRequest = Uint8Array.of(0, 0, 0, 8, 4, 210, 22, 47);

async function offersTls(socket: Socket): Promise<boolean> {
  const answer = happens<Uint8Array>(socket, "data");
  socket.write(sslRequest);
  const bytes = await answer;
  // More than one byte would be text that somebody put in before the encryption (CVE-2021-23222).
  const word = bytes.length === 1 ? String.fromCharCode(bytes[0] ?? 0) : "";
  if (word !== "S" && word !== "N") {
    throw new DialError("NOT_POSTGRES", "the answer is not PostgreSQL's");
  }
  return word === "S";
}

/** Waits for one event; rejects when the socket fails or closes before. */
function happens<T = void>(socket: Socket, event: string): Promise<T> {
  return new Promise((resolve, reject) => {
    const settle = (run: () => void) => {
      socket.off(event, onEvent);
      socket.off("error", onError);
      socket.off("close", onClose);
      run();
    };
    const onEvent = (value: T) => settle(() => resolve(value));
    const onError = (error: Error) => settle(() => reject(error));
    const onClose = () => settle(() => reject(new DialError("NOT_POSTGRES", "the server hung up at once")));
    socket.on(event, onEvent);
    socket.on("error", onError);
    socket.on("close", onClose);
  });
}

/**
 * https://www.postgresql.org/docs/current/libpq-ssl.html: up to `require` the certificate is not looked at, unless
 * `require` comes with a root certificate; `verify-ca` does not compare the name. Without one the verifying modes trust
 * the machine's authorities.
 */
async function tlsOptions(url: PostgresUrl): Promise<ConnectionOptions> {
  const { isIP } = await import("node:net");
  const { host, sslmode, sslFiles } = url;
  const { rootcert, cert, key } = sslFiles;
  const verifies = sslmode.startsWith("verify-") || (sslmode === "require" && rootcert !== undefined);
  return {
    host,
    ...(isIP(host) ? {} : { servername: host }),
    rejectUnauthorized: verifies,
    ...(sslmode === "verify-full" ? {} : { checkServerIdentity: () => undefined }),
    ...(verifies && rootcert !== undefined ? { ca: await readCertificate(rootcert, "sslrootcert") } : {}),
    ...(cert === undefined ? {} : { cert: await readCertificate(cert, "sslcert") }),
    ...(key === undefined ? {} : { key: await readKey(key) }),
  };
}

/** Reads certificates. What is wrong with them the runtimes say of a connection, without a file, or not at all. */
async function readCertificate(path: string, parameter: string): Promise<string> {
  const { X509Certificate } = await import("node:crypto");
  return readPem(path, { parameter, what: "certificate", parse: (text) => new X509Certificate(text) });
}

/**
 * Reads a key, which as for libpq nobody else may use; the group may read one of root's. Where `prefer` alone asks for TLS
 * libpq goes on without: what was to be encrypted then is not, and nobody is told.
 */
async function readKey(path: string): Promise<string> {
  const { createPrivateKey } = await import("node:crypto");
  const what = "key without a passphrase";
  const text = readPem(path, { parameter: "sslkey", what, parse: createPrivateKey });
  const { uid, mode } = statSync(path);
  if ((mode & (uid === 0 ? 0o037 : 0o077)) === 0) return text;
  throw new HarborError("bad_config", `Cannot use the key "${path}": others may use it`, {
    hint: `chmod 600 ${quoteForShell(path)}`,
  });
}

interface PemFile {
  /** By which the URL names it. */
  readonly parameter: string;
  readonly what: string;
  /** Throws for what is none. */
  parse(text: string): unknown;
}

function readPem(path: string, { parameter, what, parse }: PemFile): string {
  const refuse = (state: string, cause?: unknown) =>
    new HarborError("bad_config", `Cannot read "${path}"`, {
      state,
      hint: `Look at that file, or name another one in the database URL: ${parameter}=FILE`,
      cause,
    });
  let text: string;
  try {
    const kind = otherKindAt(path);
    if (kind !== null) throw new Error(`it is ${kind}`);
    // Editors of Windows put a mark in front, which libpq passes over.
    text = readFileSync(path, "utf8").replace(/^\uFEFF/, "");
  } catch (error) {
    throw refuse(messageOf(error), error);
  }
  try {
    parse(text);
    return text;
  } catch {
    // The runtime's own words name routines of its library.
    throw refuse(`it holds no ${what} in PEM`);
  }
}
