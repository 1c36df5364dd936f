import { clearInterval, setInterval } from "node:timers";
import { type ErrorCode, type ErrorOptions, HarborError } from "../../../base/errors.ts";
import type { Stopping } from "../../../base/stop_backup.ts";
import type { OnProgress } from "../../backup/engine.ts";

/** How a piece of work in a thread is watched. */
export interface ThreadOptions {
  readonly signal?: AbortSignal;
  readonly onProgress?: OnProgress | undefined;
  /** Called once when the work has come to where other work may begin beside it. */
  readonly onReady?: (() => void) | undefined;
  /**
   * Returns what a request to stop makes of the work at once; the work is left to itself then, and ends with the
   * process. Left out where it holds what others wait for: it stops by itself, and is waited for.
   */
  readonly leave?: () => HarborError;
}

/** What a thread is given. */
interface ThreadData {
  readonly job: unknown;
  /** Not 0 when it is to stop: what holds a thread up receives no message. */
  readonly stopped: Int32Array;
}

/** What a thread answers: how far it is, and at the end what came of it. */
type Answer =
  | { readonly share: number }
  | { readonly isReady: true }
  | { readonly result: unknown }
  | { readonly failure: Failure };

type Failure = readonly [ErrorCode, readonly string[], ErrorOptions];

/** How often it is said how far the work is while itself it says nothing, in milliseconds. */
const tellEveryMs = 500;

/**
 * Does work that lets nothing else run, such as a statement of SQLite's that reads a whole file, in a thread of its own.
 * This one hears of signals meanwhile, and says how far the work is.
 *
 * @param entry The module of the thread, which calls {@link serveThread}
 */
export async function runInThread<Result>(
  entry: URL,
  job: unknown,
  { signal, onProgress, onReady, leave }: ThreadOptions,
): Promise<Result> {
  const { Worker } = await import("node:worker_threads");
  const stopped = new Int32Array(new SharedArrayBuffer(4));
  const thread = new Worker(entry, { workerData: { job, stopped } satisfies ThreadData });
  const { promise, resolve, reject } = Promise.withResolvers<Result>();
  let share = 0;
  const ticker = setInterval(() => onProgress?.(share), tellEveryMs);
  const stop = () => {
    Atomics.store(stopped, 0, 1);
    if (leave !== undefined) reject(leave());
  };
  thread.on("message", (answer: Answer) => {
    if ("share" in answer) onProgress?.(share = answer.share);
    else if ("isReady" in answer) onReady?.();
    else if ("result" in answer) resolve(answer.result as Result);
    else reject(new HarborError(...answer.failure));
  });
  thread.on("error", reject);
  thread.on("exit", () => reject(new Error("the thread ended without an answer")));
  signal?.addEventListener("abort", stop);
  if (signal?.aborted) stop();
  try {
    return await promise;
  } finally {
    clearInterval(ticker);
    signal?.removeEventListener("abort", stop);
    thread.unref();
  }
}

/** What work in a thread hears and says. */
export interface ThreadWork {
  readonly signal: Stopping;
  readonly onProgress: OnProgress;
  readonly onReady: () => void;
}

/** Does in a thread what {@link runInThread} gave it. */
export async function serveThread(
  work: (job: unknown, options: ThreadWork) => Promise<unknown>,
): Promise<void> {
  const { parentPort, workerData } = await import("node:worker_threads");
  const { job, stopped } = workerData as ThreadData;
  const answer = (answer: Answer) => parentPort!.postMessage(answer);
  const signal = {
    get aborted() {
      return Atomics.load(stopped, 0) !== 0;
    },
  };
  try {
    const onProgress = (share: number) => answer({ share });
    const onReady = () => answer({ isReady: true });
    answer({ result: await work(job, { signal, onProgress, onReady }) });
  } catch (error) {
    // Any other comes to the thread that waits as it is.
    if (!(error instanceof HarborError)) throw error;
    answer({ failure: partsOf(error) });
  }
}

/** Returns what makes the same error in another thread. */
function partsOf({ code, lines, message, state, hintLines, details }: HarborError): Failure {
  const isWhole = state === message;
  const action = lines.with(-1, isWhole ? lines.at(-1)! : lines.at(-1)!.slice(0, -`: ${state}`.length));
  const hint = hintLines.length === 0 ? undefined : hintLines;
  return [code, action, { state: isWhole ? undefined : state, hint, details }];
}
