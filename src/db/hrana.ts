import { Buffer } from "node:buffer";
import { exactInteger, type SqliteStatement, type SqliteValue } from "./sqlite_statement.ts";

/**
 * Speaks to a libSQL server in Hrana over HTTP, version 2 in JSON, which every libSQL server and Turso understand.
 * Each batch is one request with a connection of its own on the server, so that nothing has to be kept open.
 *
 * Source: https://github.com/tursodatabase/libsql/blob/main/docs/HTTP_V2_SPEC.md
 */
export interface Hrana {
  /**
   * Runs a list of steps and returns a result for each: `null` where the step was left out because the one before
   * it failed. A step that is not `always` runs only after one that succeeded.
   *
   * @throws {HranaFailure} when there is no answer, or none that can be used
   */
  run(steps: readonly HranaStep[], limitMs: number): Promise<readonly (HranaResult | null)[]>;
}

export interface HranaStep extends SqliteStatement {
  /** `always` runs whatever happened before; `unless` runs when the step at that place did not succeed. */
  readonly when?: "always" | { readonly unless: number };
}

export type HranaResult = HranaRows | HranaError;

export interface HranaRows {
  readonly rows: readonly Record<string, unknown>[];
  /** Rows changed. */
  readonly changed: number;
}

/** What the engine said to one step. */
export interface HranaError {
  readonly error: string;
  /** `SQLITE_BUSY`, `TRANSACTION_TIMEOUT`, …; not every error has one. */
  readonly code: string | null;
}

/** A request without an answer that can be used. */
export class HranaFailure extends Error {
  override readonly name = "HranaFailure";
  /** HTTP's status; `null` when no answer came. */
  readonly status: number | null;
  /** Whether it is certain that the server has not seen the request. */
  readonly isUnsent: boolean;

  constructor(
    message: string,
    options: { readonly status?: number; readonly isUnsent?: boolean; readonly cause?: unknown } = {},
  ) {
    super(message, { cause: options.cause });
    this.status = options.status ?? null;
    this.isUnsent = options.isUnsent ?? false;
  }
}

/** Returns a client for the server at an `http:` or `https:` URL. */
export function connectHrana(url: string, authToken: string | undefined): Hrana {
  const endpoint = endpointOf(url);
  const headers = headersOf(authToken);
  return {
    async run(steps, limitMs) {
      const body = JSON.stringify({
        requests: [{ type: "batch", batch: { steps: steps.map(encodeStep) } }, { type: "close" }],
      });
      const text = await post(endpoint, { headers, body: asStream(body), limitMs });
      return decodeResults(parse(text), steps.length).map((result) =>
        result !== null && "rows" in result ? withNames(result) : result
      );
    },
  };
}

/**
 * A connection on the server that lasts from one request to the next, with the transaction that was begun on it. The
 * server closes it when nothing is asked for ten seconds.
 */
export interface HranaStream {
  /**
   * Runs statements one after the other and returns the rows of each as lists, integers as `bigint`.
   *
   * @throws {HranaFailure} when there is no answer, or none that can be used
   */
  run(
    statements: readonly SqliteStatement[],
    limitMs: number,
  ): Promise<readonly (HranaLists | HranaError | null)[]>;
  close(): Promise<void>;
}

export interface HranaLists {
  readonly rows: readonly (readonly SqliteValue[])[];
}

/** Opens a {@link HranaStream}; the server hears of it with the first request. */
export function openHranaStream(url: string, authToken: string | undefined): HranaStream {
  const headers = headersOf(authToken);
  let base = url;
  let baton: string | null = null;

  async function request(requests: readonly unknown[], limitMs: number): Promise<Answer> {
    const body = asStream(JSON.stringify({ baton, requests }));
    const answer = parse(await post(endpointOf(base), { headers, body, limitMs }));
    baton = answer.baton ?? null;
    // A server may want the rest of a stream at another address.
    base = answer.base_url ?? base;
    return answer;
  }

  return {
    async run(statements, limitMs) {
      const steps = statements.map((statement, index) => encodeStep(statement, index));
      return decodeResults(await request([{ type: "batch", batch: { steps } }], limitMs), steps.length);
    },
    async close() {
      if (baton !== null) await request([{ type: "close" }], 5_000).catch(() => undefined);
    },
  };
}

function endpointOf(url: string): URL {
  return new URL("v2/pipeline", url.endsWith("/") ? url : `${url}/`);
}

function headersOf(authToken: string | undefined): Readonly<Record<string, string>> {
  return {
    "content-type": "application/json",
    ...(authToken === undefined ? {} : { authorization: `Bearer ${authToken}` }),
  };
}

interface PostOptions {
  readonly headers: Readonly<Record<string, string>>;
  readonly body: ReadableStream<Uint8Array>;
  readonly limitMs: number;
}

async function post(endpoint: URL, { headers, body, limitMs }: PostOptions): Promise<string> {
  try {
    const response = await fetch(endpoint, {
      method: "POST",
      headers,
      body,
      duplex: "half",
      signal: AbortSignal.timeout(limitMs),
    });
    const text = await response.text();
    if (response.ok) return text;
    throw new HranaFailure(`the server answered with HTTP status ${response.status}`, {
      status: response.status,
    });
  } catch (error) {
    throw error instanceof HranaFailure ? error : unanswered(error);
  }
}

/**
 * Makes a body that can be read once only. `fetch` sends any other a second time by itself, without a word, when a
 * connection that it used before breaks off: the server may have run the batch by then.
 *
 * Source: https://fetch.spec.whatwg.org/#http-network-or-cache-fetch (a body without a source is not sent again)
 */
function asStream(text: string): ReadableStream<Uint8Array> {
  return new ReadableStream({
    start(controller) {
      controller.enqueue(new TextEncoder().encode(text));
      controller.close();
    },
  });
}

/** The runtimes word it differently; all of them say when there was no connection to begin with. */
function unanswered(error: unknown): HranaFailure {
  const texts = [error, error instanceof Error ? error.cause : undefined].map((each) =>
    each instanceof Error ? `${each.name} ${each.message} ${(each as { code?: unknown }).code ?? ""}` : ""
  ).join(" ");
  if (/TimeoutError/.test(texts)) {
    return new HranaFailure("the server did not answer in time", { cause: error });
  }
  const unsent = [
    [/ECONNREFUSED|ConnectionRefused|connection refused/i, "the server refused the connection"],
    [/ENOTFOUND|EAI_AGAIN|dns error|failed to lookup/i, "there is no such host"],
    [/ENETUNREACH|EHOSTUNREACH|unreachable/i, "the server cannot be reached"],
    [/certificate|self.signed|ERR_TLS/i, "the server's certificate is not valid"],
  ] as const;
  const known = unsent.find(([words]) => words.test(texts));
  return known === undefined
    ? new HranaFailure("the connection broke off", { cause: error })
    : new HranaFailure(known[1], { isUnsent: true, cause: error });
}

function encodeStep(step: HranaStep, index: number): unknown {
  const { text, values, when } = step;
  const stmt = { sql: text, args: values.map(encodeValue), want_rows: true };
  if (when === "always" || index === 0) return { stmt };
  if (when !== undefined) {
    return { stmt, condition: { type: "not", cond: { type: "ok", step: when.unless } } };
  }
  return { stmt, condition: { type: "ok", step: index - 1 } };
}

function encodeValue(value: SqliteValue): unknown {
  if (value === null) return { type: "null" };
  if (typeof value === "bigint") return { type: "integer", value: String(value) };
  if (typeof value === "number") return { type: "float", value };
  if (typeof value === "string") return { type: "text", value };
  return { type: "blob", base64: Buffer.from(value).toString("base64") };
}

/** The parts of an answer that are used; anything else may be there. */
interface Answer {
  readonly baton?: string | null;
  readonly base_url?: string | null;
  readonly results?: readonly {
    readonly error?: { readonly message?: string; readonly code?: string | null };
    readonly response?: { readonly result?: BatchResult };
  }[];
}

interface BatchResult {
  readonly step_results: readonly ({
    readonly cols: readonly { readonly name: string | null }[];
    readonly rows: readonly (readonly WireValue[])[];
    readonly affected_row_count: number;
  } | null)[];
  readonly step_errors: readonly ({ readonly message: string; readonly code?: string | null } | null)[];
}

interface WireValue {
  readonly type: string;
  readonly value?: unknown;
  readonly base64?: string;
}

/** The rows of one step as lists, with what else the server tells. */
interface DecodedRows extends HranaLists {
  readonly names: readonly string[];
  readonly changed: number;
}

function decodeResults(answer: Answer, count: number): readonly (DecodedRows | HranaError | null)[] {
  const first = answer.results?.[0];
  if (first?.error !== undefined) {
    // The stream failed as a whole (it expired, say), so its transaction is gone.
    return [{ error: first.error.message ?? "the server gave no reason", code: first.error.code ?? null }];
  }
  const batch = first?.response?.result;
  if (batch?.step_results.length !== count) {
    throw new HranaFailure("the answer is not that of a libSQL server");
  }
  return batch.step_results.map((result, index) => {
    const error = batch.step_errors[index];
    if (error) {
      return {
        error: error.message.replace(/^(SQLite|SQL input) error: | \(at offset \d+\)$/g, ""),
        code: error.code ?? null,
      };
    }
    if (result === null) return null;
    return {
      names: result.cols.map((column) => column.name ?? ""),
      rows: result.rows.map((row) => row.map(decodeValue)),
      changed: result.affected_row_count,
    };
  });
}

function withNames({ names, rows, changed }: DecodedRows): HranaRows {
  const plain = (value: SqliteValue) => typeof value === "bigint" ? exactInteger(value) : value;
  return {
    rows: rows.map((row) => Object.fromEntries(row.map((value, place) => [names[place]!, plain(value)]))),
    changed,
  };
}

function parse(text: string): Answer {
  try {
    return JSON.parse(text) as Answer;
  } catch (error) {
    throw new HranaFailure("the answer is not that of a libSQL server", { cause: error });
  }
}

function decodeValue({ type, value, base64 }: WireValue): SqliteValue {
  if (type === "integer") return BigInt(String(value));
  if (type === "blob") return new Uint8Array(Buffer.from(base64 ?? "", "base64"));
  if (type === "text") return String(value);
  // JSON has no infinite numbers; the server sends null for both of them.
  if (type === "float" && typeof value !== "number") {
    throw new HranaFailure("the server cannot send an infinite number");
  }
  return typeof value === "number" ? value : null;
}
