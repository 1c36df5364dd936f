import { isOfCertificate } from "../../base/certificate.ts";

/**
 * Why there is no answer that can be used.
 * - `unsent`: it is certain that the server has not seen the request.
 * - `untrusted`: so it is, since the server's certificate is not trusted.
 * - `unanswered`: no answer came, or not all of it.
 * - `refused`: the server answered with an error of HTTP.
 * - `unusable`: an answer came that says nothing.
 * - `token`: HTTP cannot carry the token.
 * - `infinite`: rows were asked for that hold an infinite number, which the protocol has no form for.
 */
export type HranaReason =
  | "unsent"
  | "untrusted"
  | "unanswered"
  | "refused"
  | "unusable"
  | "token"
  | "infinite";

/** A request without an answer that can be used. */
export class HranaFailure extends Error {
  override readonly name = "HranaFailure";
  readonly reason: HranaReason;
  /** HTTP's status when the reason is `refused`. */
  readonly status: number | null;

  constructor(
    reason: HranaReason,
    message: string,
    options: { readonly status?: number; readonly cause?: unknown } = {},
  ) {
    super(message, { cause: options.cause });
    this.reason = reason;
    this.status = options.status ?? null;
  }
}

/** Bytes that one answer may have. Servers stop at 10 MB unless they are told otherwise; memory ends somewhere, too. */
const mostBytes = 64 * 1024 * 1024;

/**
 * Returns a `fetch` that sends each request once, to the server that it was made for, and gives the whole answer one
 * limit of time. What it throws is a {@link HranaFailure}.
 */
export function fetchOnce(protocol: string, limitMs: number): (request: Request) => Promise<Response> {
  return async (request) => {
    if (new URL(request.url).protocol !== protocol) {
      throw new HranaFailure("unusable", "the server points to an address of another kind");
    }
    try {
      const response = await fetch(request.url, {
        method: request.method,
        headers: request.headers,
        body: asStream(await request.text()),
        duplex: "half",
        // The token and the rows are meant for this server alone.
        redirect: "manual",
        signal: AbortSignal.timeout(limitMs),
      });
      const text = await readText(response);
      const { ok, status } = response;
      if (!ok) {
        throw new HranaFailure("refused", `the server answered with HTTP status ${status}${wordsOf(text)}`, {
          status,
        });
      }
      // JSON has no infinite numbers. Within a text the quotes would have backslashes.
      if (text.includes('"float","value":null')) {
        throw new HranaFailure("infinite", "a libSQL server cannot send an infinite number");
      }
      return new Response(text);
    } catch (error) {
      throw error instanceof HranaFailure ? error : unanswered(error);
    }
  };
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

async function readText({ body }: Response): Promise<string> {
  const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
  let text = "";
  let bytes = 0;
  const decode = (chunk?: Uint8Array) => {
    try {
      text += chunk === undefined ? decoder.decode() : decoder.decode(chunk, { stream: true });
    } catch (error) {
      throw new HranaFailure("unusable", "the answer is not that of a libSQL server", { cause: error });
    }
  };
  if (body === null) return text;
  for await (const chunk of body) {
    bytes += chunk.length;
    if (bytes > mostBytes) {
      const most = `${mostBytes / 1024 / 1024} MiB`;
      throw new HranaFailure("unusable", `the server's answer is longer than ${most}`);
    }
    decode(chunk);
  }
  decode();
  return text;
}

/** What a server says about an error, as far as it fits a line. */
function wordsOf(text: string): string {
  const words = /^\s*\{\s*"(?:error|message)"\s*:\s*"((?:[^"\\]|\\.)*)"/.exec(text)?.[1] ?? text;
  // A web page is not for a terminal.
  if (/^\s*<|[^\P{C}\s]/u.test(words) || words.trim() === "") return "";
  const line = words.trim().replaceAll(/\s+/g, " ");
  return `: ${line.length > 160 ? `${line.slice(0, 159)}…` : line}`;
}

/** The runtimes word it differently; all of them say when there was no connection to begin with. */
function unanswered(error: unknown): HranaFailure {
  if (isOfCertificate(error)) {
    return new HranaFailure("untrusted", "the server's certificate is not trusted", { cause: error });
  }
  const texts = [error, error instanceof Error ? error.cause : undefined].map((each) =>
    each instanceof Error ? `${each.name} ${each.message} ${(each as { code?: unknown }).code ?? ""}` : ""
  ).join(" ");
  if (/TimeoutError/.test(texts)) {
    return new HranaFailure("unanswered", "the server did not answer in time", { cause: error });
  }
  const unsent = [
    [/ECONNREFUSED|ConnectionRefused|connection refused/i, "the server refused the connection"],
    [/ENOTFOUND|EAI_AGAIN|dns error|failed to lookup/i, "there is no such host"],
    [/ENETUNREACH|EHOSTUNREACH|unreachable/i, "the server cannot be reached"],
  ] as const;
  const known = unsent.find(([words]) => words.test(texts));
  return known === undefined
    ? new HranaFailure("unanswered", "the connection broke off", { cause: error })
    : new HranaFailure("unsent", known[1], { cause: error });
}
