import { HarborError } from "../base/errors.ts";
import { stopIfAsked } from "../base/interrupt.ts";
import { formatDuration } from "../base/quantity.ts";
import { shownAddress } from "./shown_address.ts";

/** Milliseconds that one answer may take, and between two questions. */
const answerMs = 5_000;
const pauseMs = 500;

/**
 * Asks the application how it is until it answers with a status of 200 to 299. A redirect is no such answer: it may lead to
 * a page that says what is wrong.
 *
 * @throws {HarborError} `unhealthy` when the time is up, with its last answer; `interrupted`
 */
export async function askHealth(
  url: string,
  { limitMs, signal }: { readonly limitMs: number; readonly signal: AbortSignal },
): Promise<void> {
  const end = performance.now() + limitMs;
  let state: string | null;
  do {
    stopIfAsked(signal);
    state = await ask(url, Math.min(answerMs, Math.max(1, end - performance.now())), signal);
    if (state === null) return;
    await pause(Math.min(pauseMs, Math.max(0, end - performance.now())), signal);
  } while (performance.now() < end);
  stopIfAsked(signal);
  throw new HarborError("unhealthy", `Cannot see the application well at "${shownAddress(url)}"`, {
    state: `${state}, for ${formatDuration(limitMs)}`,
    hint: "Look into its log. It has as long as --health-timeout <time> says.",
    details: { url: shownAddress(url) },
  });
}

/** Returns what is wrong; `null` when nothing is. */
async function ask(url: string, limitMs: number, signal: AbortSignal): Promise<string | null> {
  const timeUp = AbortSignal.timeout(limitMs);
  try {
    const response = await fetch(url, { redirect: "manual", signal: AbortSignal.any([timeUp, signal]) });
    await response.body?.cancel();
    return response.ok ? null : `it answers with HTTP status ${response.status}`;
  } catch {
    return timeUp.aborted ? `it does not answer within ${formatDuration(limitMs)}` : "it cannot be reached";
  }
}

function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      clearTimeout(timer);
      signal.removeEventListener("abort", done);
      resolve();
    };
    const timer = setTimeout(done, ms);
    signal.addEventListener("abort", done, { once: true });
  });
}
