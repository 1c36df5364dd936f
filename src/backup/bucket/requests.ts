import { setTimeout as sleep } from "node:timers/promises";
import { AwsV4Signer } from "aws4fetch";
import { createHash } from "node:crypto";
import { HarborError } from "../../base/errors.ts";
import { stopBackupIfAsked } from "../../base/stop_backup.ts";
import { readShort } from "./answer_body.ts";
import { errorCode } from "./rules/answers.ts";
import { certificateHint, isOfCertificate } from "../../base/certificate.ts";
import type { BucketAddress, BucketKeys } from "./rules/address.ts";

/** One request, which may be sent several times. */
export interface BucketRequest {
  readonly method: "GET" | "HEAD" | "PUT" | "POST" | "DELETE";
  /** Of the object; "" for the bucket itself. */
  readonly key: string;
  readonly query?: Readonly<Record<string, string>>;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: Uint8Array<ArrayBuffer>;
  /** Statuses beside 2xx that are an answer and no failure. */
  readonly answers?: readonly number[];
}

/** Sends requests to one bucket. */
export interface BucketRequests {
  /**
   * Sends a request until it is answered, a bounded number of times.
   *
   * @throws {HarborError} `bucket_failed`, `interrupted`
   */
  send(request: BucketRequest, signal: AbortSignal): Promise<Response>;
  /** See {@link BucketConnection}. */
  readonly patienceMs: number;
  /** Waits before another attempt; the first has the number 1. */
  pause(attempt: number, signal: AbortSignal): Promise<void>;
  /** Returns the error for what a bucket did. */
  failure(state: string, cause?: unknown): HarborError;
}

export interface BucketConnection {
  readonly address: BucketAddress;
  readonly keys: BucketKeys;
  /** Before the second attempt, in milliseconds; it doubles from there. */
  readonly pauseMs: number;
  /** How long it may let wait for an answer, and be slow with it, in milliseconds. */
  readonly patienceMs: number;
  /** What is longer goes in parts that are at least as long, in bytes. */
  readonly partBytes: number;
}

/** How often a request is sent in all. */
export const mostAttempts = 4;

/** How slow the body of a request may leave. */
const slowestBytesPerMs = 32;

/** Opens a bucket; nothing is sent before it is asked for. */
export function openRequests(
  { address, keys, pauseMs, patienceMs }: Omit<BucketConnection, "partBytes">,
): BucketRequests {
  const failure = (state: string, cause?: unknown) =>
    new HarborError("bucket_failed", `Cannot use "${address.place}"`, {
      state,
      hint: hintFor(state),
      details: { bucket: address.bucket },
      cause,
    });
  const cache = new Map<string, ArrayBuffer>();

  async function sendOnce(request: BucketRequest, signal: AbortSignal): Promise<Response> {
    const { method, key, query = {}, headers = {}, body } = request;
    const url = new URL(address.base + key);
    for (const [name, value] of Object.entries(query)) url.searchParams.set(name, value);
    const signed = await new AwsV4Signer({
      ...keys,
      method,
      url: url.href,
      headers: { ...headers, "x-amz-content-sha256": createHash("sha256").update(body ?? "").digest("hex") },
      service: "s3",
      region: address.region,
      cache,
    }).sign();
    // Signed, it would not survive a proxy; without it, a runtime takes what an object says of itself and unpacks it.
    signed.headers.set("accept-encoding", "identity");
    const deadline = new AbortController();
    const timer = setTimeout(() => deadline.abort(), patienceMs + (body?.length ?? 0) / slowestBytesPerMs);
    try {
      return await fetch(signed.url, {
        method,
        headers: signed.headers,
        // A redirect could lead a signed request anywhere.
        redirect: "manual",
        signal: AbortSignal.any([signal, deadline.signal]),
        ...body === undefined ? {} : { body },
      });
    } catch (error) {
      stopBackupIfAsked(signal);
      throw failure(
        deadline.signal.aborted ? "it does not answer in time" : unreachable(address, error),
        error,
      );
    } finally {
      clearTimeout(timer);
    }
  }

  /** Returns the code of what went wrong. An answer to HEAD has no words, so the same is asked with GET. */
  async function reasonOf(request: BucketRequest, response: Response, signal: AbortSignal) {
    const asked = request.method === "HEAD" && response.status >= 400
      ? await sendOnce({ ...request, method: "GET", headers: { range: "bytes=0-0" } }, signal)
      : response;
    return errorCode(await readShort(asked, patienceMs).catch(() => ""));
  }

  async function pause(attempt: number, signal: AbortSignal): Promise<void> {
    // Not all at the same moment, when a service comes back.
    const ms = pauseMs * 2 ** (attempt - 1) * (0.75 + Math.random() / 2);
    await sleep(ms, undefined, { signal }).catch(() => {});
    stopBackupIfAsked(signal);
  }

  return {
    patienceMs,
    failure,
    pause,
    send: async (request, signal) => {
      for (let attempt = 1;; attempt++) {
        stopBackupIfAsked(signal);
        let problem: HarborError;
        let isFinal = false;
        try {
          const response = await sendOnce(request, signal);
          if (response.ok || request.answers?.includes(response.status)) return response;
          const code = await reasonOf(request, response, signal);
          isFinal = !isPassing(response.status, code);
          problem = failure(stateOf(response, code));
        } catch (error) {
          if (!(error instanceof HarborError) || error.code !== "bucket_failed") throw error;
          problem = error;
        }
        if (isFinal || attempt === mostAttempts) throw problem;
        await pause(attempt, signal);
      }
    },
  };
}

/** Whether the same request may well succeed in a moment. */
function isPassing(status: number, code: string | null): boolean {
  return status >= 500 && status !== 501 || status === 408 || status === 429 ||
    (status === 400 && code === "RequestTimeout") ||
    (status === 409 && code === "ConditionalRequestConflict");
}

function unreachable({ base }: BucketAddress, error: unknown): string {
  const { host } = new URL(base);
  const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
  const { code } = (cause ?? {}) as { readonly code?: unknown };
  const said = typeof code === "string" ? ` (${code})` : "";
  return isOfCertificate(error)
    ? `the certificate of "${host}" is not trusted${said}`
    : `"${host}" cannot be reached${said}`;
}

function stateOf(response: Response, code: string | null): string {
  const { status } = response;
  if (status >= 300 && status < 400) {
    const region = response.headers.get("x-amz-bucket-region");
    const where = region !== null && /^[a-z0-9-]{1,60}$/.test(region) ? ` to the region ${region}` : "";
    return `it redirects${where}, where no signed request is sent`;
  }
  const said = code === null ? `HTTP status ${status}` : `${code}, HTTP status ${status}`;
  return `${wordsFor[code ?? ""] ?? (status === 403 ? "these keys may not" : "it refuses")} (${said})`;
}

const wordsFor: Readonly<Record<string, string>> = {
  NoSuchBucket: "there is no such bucket",
  AccessDenied: "these keys may not",
  InvalidAccessKeyId: "it does not know the access key",
  SignatureDoesNotMatch: "the secret key is not that of the access key",
  RequestTimeTooSkewed: "the clock of this machine is wrong",
  ExpiredToken: "the session token has expired",
  InvalidObjectState: "the object is in an archive, out of which it has to be taken there first",
};

function hintFor(state: string): string {
  if (state.includes("clock")) return "Put the clock right: date -u";
  if (state.includes("certificate")) return certificateHint;
  if (state.includes("redirects")) return "Name the bucket's own region: s3://bucket/prefix?region=…";
  if (/keys? |token/.test(state)) {
    return "Look at AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, and what they may do in the bucket.";
  }
  return "Look at the bucket, and at the endpoint and region: s3://bucket/prefix?endpoint=https://…&region=…";
}
