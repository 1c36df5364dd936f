import { formatDuration } from "../../base/quantity.ts";

/** What comes more slowly than this, over the time that a bucket is given, has stalled. */
const slowestBytesPerMs = 1;

/** An error's answer is short. */
const longestError = 64 * 1024;

/** Thrown where the body of an answer comes so slowly that it would not end. */
export class Stalled extends Error {
  /** @param didCome Whether it came fast enough before */
  constructor(state: string, readonly didCome: boolean) {
    super(state);
  }
}

/**
 * Reads the text of an answer.
 *
 * @throws {RangeError} when it is longer than it may be; {@link Stalled}; what the connection throws
 */
export async function readShort(
  response: Response,
  patienceMs: number,
  most = longestError,
): Promise<string> {
  return new TextDecoder().decode(await readBytes(response, patienceMs, most));
}

/** As {@link readShort}, of what need not be a text. */
export async function readBytes(response: Response, patienceMs: number, most: number): Promise<Uint8Array> {
  const pieces: Uint8Array[] = [];
  let bytes = 0;
  for await (const piece of piecesOf(response, patienceMs)) {
    bytes += piece.length;
    if (bytes > most) throw new RangeError(`it is longer than ${most} bytes`);
    pieces.push(piece);
  }
  return joined(pieces, bytes);
}

/**
 * Returns the pieces of an answer's body. Whoever leaves early closes it.
 *
 * Within the time that it is given there have to come 1,000 bytes a second, or its end: a server that sends a byte now and then is one
 * that nobody waits for, and a slow line is none. The time that the reader takes for a piece does not count.
 *
 * @throws {Stalled}; what the connection throws
 */
export async function* piecesOf(response: Response, patienceMs: number): AsyncGenerator<Uint8Array> {
  if (response.body === null) return;
  const reader = response.body.getReader();
  let [waitedMs, bytes] = [0, 0];
  let didCome = false;
  const stalled = () =>
    new Stalled(`for ${formatDuration(patienceMs)} less than 1 kB a second came`, didCome);
  try {
    for (;;) {
      const began = performance.now();
      const { done, value } = await withinTime(reader.read(), patienceMs - waitedMs, stalled);
      if (done) return;
      waitedMs += performance.now() - began;
      bytes += value.length;
      if (bytes >= patienceMs * slowestBytesPerMs) [waitedMs, bytes, didCome] = [0, 0, true];
      yield value;
    }
  } finally {
    await reader.cancel().catch(() => {});
  }
}

async function withinTime<T>(work: Promise<T>, leftMs: number, failure: () => Error): Promise<T> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(failure()), leftMs);
  });
  return await Promise.race([work, late]).finally(() => clearTimeout(timer));
}

function joined(pieces: readonly Uint8Array[], bytes: number): Uint8Array {
  const whole = new Uint8Array(bytes);
  let at = 0;
  for (const piece of pieces) {
    whole.set(piece, at);
    at += piece.length;
  }
  return whole;
}
