import {
  type Answer,
  decodeResults,
  encodeStep,
  type HranaError,
  HranaFailure,
  type HranaLists,
  type HranaRows,
  type HranaStep,
  parseAnswer,
  withNames,
} from "./hrana_wire.ts";
import type { SqliteStatement } from "../sqlite/statement.ts";

export {
  type HranaError,
  HranaFailure,
  type HranaLists,
  type HranaRows,
  type HranaStep,
} from "./hrana_wire.ts";

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

export type HranaResult = HranaRows | HranaError;

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
      return decodeResults(parseAnswer(text), steps.length).map((result) =>
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

/** Opens a {@link HranaStream}; the server hears of it with the first request. */
export function openHranaStream(url: string, authToken: string | undefined): HranaStream {
  const headers = headersOf(authToken);
  let base = url;
  let baton: string | null = null;

  async function request(requests: readonly unknown[], limitMs: number): Promise<Answer> {
    const body = asStream(JSON.stringify({ baton, requests }));
    const answer = parseAnswer(await post(endpointOf(base), { headers, body, limitMs }));
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
