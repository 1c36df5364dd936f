import { setTimeout as sleep } from "node:timers/promises";
import { HarborError } from "../../base/errors.ts";
import { certificateHint } from "../../base/certificate.ts";
import { firstLine } from "../../sql/first_line.ts";
import type { HranaError } from "./hrana.ts";
import type { HranaFailure, HranaReason } from "./hrana_fetch.ts";
import { type Step, stepFailure } from "../sqlite/transaction/transaction.ts";

/**
 * What is known of a request that failed: `undone`: nothing was committed, and it may do better next time · `final`:
 * nothing was committed, and it never will be · `unknown`.
 */
export type RequestState = "undone" | "final" | "unknown";

const states = new WeakMap<Error, RequestState>();

/** Notes down what is known of the request that failed with an error, and returns the error. */
export function withState<E>(error: E, state: RequestState): E {
  if (error instanceof Error) states.set(error, state);
  return error;
}

/** Returns what {@link withState} noted down; `final` for any other error. */
export function stateOf(error: unknown): RequestState {
  return (error instanceof Error ? states.get(error) : undefined) ?? "final";
}

/** Milliseconds for which a request is tried again. */
const retryMs = 15_000;

/** For {@link persist}: work that must not run twice. */
export function isUndone(state: RequestState): boolean {
  return state === "undone";
}

/** For {@link persist}: work that may run twice. */
export function isHarmless(state: RequestState): boolean {
  return state !== "final";
}

/**
 * Repeats work that failed for a passing reason, after growing pauses. What was undone is tried three times at least,
 * since a transaction that the server took away may have run for longer than the time for repeating.
 */
export async function persist<T>(
  work: () => Promise<T>,
  mayRepeat: (state: RequestState) => boolean,
): Promise<T> {
  const deadline = performance.now() + retryMs;
  for (let attempt = 1, pauseMs = 50;; attempt++, pauseMs = Math.min(pauseMs * 2, 2_000)) {
    try {
      return await work();
    } catch (error) {
      const state = stateOf(error);
      const isOver = performance.now() + pauseMs > deadline && (state !== "undone" || attempt >= 3);
      if (!mayRepeat(state) || isOver) throw error;
    }
    await sleep(pauseMs * (0.5 + Math.random()));
  }
}

/**
 * Turns a request without a usable answer into an error; the token is in none of its texts.
 *
 * @param asked The query, where there is one alone
 */
export function connectionFailure(url: string, failed: HranaFailure, asked?: string): HarborError {
  const { reason, status, message } = failed;
  const { verb, state } = reasons[reason];
  if (reason === "infinite") {
    const what = asked === undefined ? `${verb} "${url}"` : `run "${firstLine(asked)}"`;
    return withState(
      new HarborError("statement_failed", `Cannot ${what}: ${message}`, {
        hint:
          "Write another number there, or NULL: UPDATE … SET <column> = NULL WHERE <column> IN (9e999, -9e999);",
        details: { isInfinite: true, ...asked === undefined ? {} : { statement: asked } },
        cause: failed,
      }),
      state,
    );
  }
  if (status === 403 && /\bwrite\b/i.test(message)) {
    const hint =
      "This token may only read. Give one that may write: HARBOR_DB_AUTH_TOKEN or LIBSQL_AUTH_TOKEN in the environment.";
    return withState(
      new HarborError("read_only", `Cannot write to "${url}": ${message}`, {
        hint,
        details: { status },
        cause: failed,
      }),
      "final",
    );
  }
  const error = new HarborError("connection_failed", `Cannot ${verb} "${url}": ${message}`, {
    hint: hintFor(reason, status),
    ...(status === null ? {} : { details: { status } }),
    cause: failed,
  });
  const isForGood = status !== null && status < 500 && status !== 429;
  return withState(error, isForGood ? "final" : status === 429 ? "undone" : state);
}

/** What each reason says of a request, and of what could not be done. */
const reasons: Readonly<Record<HranaReason, { readonly verb: string; readonly state: RequestState }>> = {
  unsent: { verb: "connect to", state: "undone" },
  untrusted: { verb: "connect to", state: "final" },
  unanswered: { verb: "connect to", state: "unknown" },
  refused: { verb: "use", state: "unknown" },
  unusable: { verb: "use", state: "unknown" },
  token: { verb: "connect to", state: "final" },
  infinite: { verb: "read from", state: "final" },
};

/** Turns what the engine said to a step into an error. Whatever it refuses, it does not commit. */
export function engineFailure(url: string, step: Step, { error, code }: HranaError): HarborError {
  const isBusy = /^(SQLITE_(BUSY|LOCKED)|TRANSACTION_TIMEOUT|STREAM_EXPIRED)/.test(code ?? "");
  const message = isBusy && !/is locked/.test(error) ? `database is locked (${error})` : error;
  return withState(stepFailure({ url }, step, { message }), isBusy ? "undone" : "final");
}

/** Returns the error for a batch that was committed while its answer was lost. */
export function answerLost(url: string, cause: unknown): HarborError {
  return new HarborError(
    "connection_failed",
    `Cannot use "${url}": the batch was committed, but the server's answer was lost`,
    { hint: "Run the same command again: it goes on from there.", details: { committed: true }, cause },
  );
}

function hintFor(reason: HranaReason, status: number | null): string {
  if (status === 401 || status === 403 || reason === "token") {
    return "Give a valid token: HARBOR_DB_AUTH_TOKEN or LIBSQL_AUTH_TOKEN in the environment. Tokens expire.";
  }
  if (reason === "untrusted") return certificateHint;
  if (status === 404) return "Check the URL: there is no libSQL database at this address.";
  if (reason === "unusable" || (status !== null && status < 400)) {
    return "Check that the URL (--database-url) is that of a libSQL server, and what stands before it.";
  }
  return "Check that the server runs and that the URL is right (--database-url).";
}
