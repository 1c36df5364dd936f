import { HarborError } from "./errors.ts";

/** For how long nothing may be heard of signals, in milliseconds. */
export const unheardMs = 20;

/**
 * Throws `interrupted` when the user asked to stop, and the reason itself where that is an error of ours. Called between
 * batches.
 */
export function stopIfAsked(signal: AbortSignal | undefined): void {
  if (!signal?.aborted) return;
  if (signal.reason instanceof HarborError) throw signal.reason;
  throw new HarborError("interrupted", "Stopped on request", {
    hint: "Run the same command again to go on.",
  });
}

/**
 * Waits for work that changes nothing, and no longer than until the user asks to stop: a server may never answer. What it still
 * does is nobody's then, its failure as well.
 *
 * @throws {HarborError} `interrupted`; what the work throws
 */
export async function unlessAsked<T>(work: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (signal === undefined) return await work;
  let asked = () => {};
  const stopped = new Promise<void>((resolve) => asked = resolve);
  signal.addEventListener("abort", asked);
  if (signal.aborted) asked();
  try {
    work.catch(() => {});
    await Promise.race([work, stopped]);
    stopIfAsked(signal);
    return await work;
  } finally {
    signal.removeEventListener("abort", asked);
  }
}
