import { setTimeout as sleep } from "node:timers/promises";
import { HarborError } from "../../base/errors.ts";
import type { HranaFailure } from "./hrana.ts";
import { danglingFailure, failure, type FailurePlace } from "../sqlite/errors.ts";

/**
 * What is known of a request that failed: `undone`: nothing was committed, and it may do better next time · `final`:
 * nothing was committed, and it never will be · `unknown`.
 */
export type State = "undone" | "final" | "unknown";

const states = new WeakMap<Error, State>();

/** Notes down what is known of the request that failed with an error, and returns the error. */
export function withState<E>(error: E, state: State): E {
  if (error instanceof Error) states.set(error, state);
  return error;
}

/** Returns what {@link withState} noted down; `final` for any other error. */
export function stateOf(error: unknown): State {
  return (error instanceof Error ? states.get(error) : undefined) ?? "final";
}

/** Milliseconds for which a request is tried again. */
const retryMs = 15_000;

/** For {@link persist}: work that must not run twice. */
export function isUndone(state: State): boolean {
  return state === "undone";
}

/** For {@link persist}: work that may run twice. */
export function isHarmless(state: State): boolean {
  return state !== "final";
}

/**
 * Repeats work that failed for a passing reason, after growing pauses. What was undone is tried three times at least,
 * since a transaction that the server took away may have run for longer than the time for repeating.
 */
export async function persist<T>(
  work: () => Promise<T>,
  mayRepeat: (state: State) => boolean,
): Promise<T> {
  const deadline = Date.now() + retryMs;
  for (let attempt = 1, pauseMs = 50;; attempt++, pauseMs = Math.min(pauseMs * 2, 2_000)) {
    try {
      return await work();
    } catch (error) {
      const state = stateOf(error);
      const isOver = Date.now() + pauseMs > deadline && (state !== "undone" || attempt >= 3);
      if (!mayRepeat(state) || isOver) throw error;
    }
    await sleep(pauseMs * (0.5 + Math.random()));
  }
}

/** Turns a request without a usable answer into an error; the token is in none of its texts. */
export function connectionFailure(url: string, failed: HranaFailure): HarborError {
  const { status, isUnsent, message } = failed;
  const isRefused = status !== null && status < 500 && status !== 429;
  const error = new HarborError("connection_failed", `Cannot connect to "${url}": ${message}`, {
    hint: hintFor(status),
    ...(status === null ? {} : { details: { status } }),
    cause: failed,
  });
  return withState(error, isRefused ? "final" : isUnsent || status === 429 ? "undone" : "unknown");
}

/** Turns what the engine said into an error. Whatever it refuses, it does not commit. */
export function engineFailure(place: FailurePlace, message: string, code: string | null): HarborError {
  const references = /harbor_dangling (.*?)'?$/.exec(message)?.[1];
  if (references !== undefined) return danglingFailure(place.url, references);
  const isBusy = /^(SQLITE_(BUSY|LOCKED)|TRANSACTION_TIMEOUT|STREAM_EXPIRED)/.test(code ?? "");
  const text = isBusy && !/is locked/.test(message) ? `database is locked (${message})` : message;
  return withState(failure(place, text), isBusy ? "undone" : "final");
}

/** Returns the error for a batch that was committed while its answer was lost. */
export function answerLost(url: string, cause: unknown): HarborError {
  return new HarborError(
    "connection_failed",
    `Cannot go on with "${url}": the batch was committed, but the server's answer was lost`,
    { hint: "Run the same command again: it goes on from there.", details: { committed: true }, cause },
  );
}

function hintFor(status: number | null): string {
  if (status === 401 || status === 403) {
    return "Give a valid token: HARBOR_DB_AUTH_TOKEN or LIBSQL_AUTH_TOKEN in the environment. Tokens expire.";
  }
  if (status === 404) return "Check the URL: there is no libSQL database at this address.";
  return "Check that the server runs and that the URL is right (--database-url).";
}
