/** Follows a zstd frame piece by piece. */
export interface FrameCheck {
  /**
   * Takes the next piece.
   * @throws {Error} for what is no frame, and when something is behind its end
   */
  take(piece: Uint8Array): void;
  /** @throws {Error} when the frame is not at its end */
  end(): void;
}

/** What the next bytes of a frame are. */
type Part = "start" | "header" | "block" | "content" | "checksum" | "nothing";

/** Lengths of the fields that a frame's descriptor says something of. */
const dictionaryBytes = [0, 1, 2, 4];
const sizeBytes = [0, 2, 4, 8];

/**
 * Follows one frame to its end (https://datatracker.ietf.org/doc/html/rfc8878#section-3.1). What unpacks it gives what it has
 * when the rest is missing, and looks at nothing behind it.
 */
export function createFrameCheck(): FrameCheck {
  let part: Part = "start";
  // The magic number, and the descriptor.
  let needed = 5;
  let held: number[] = [];
  let isLast = false;
  let hasChecksum = false;

  /** Goes on with what comes after a part that is there as a whole. */
  function next(): void {
    if (part === "start") {
      if (held.slice(0, 4).join() !== "40,181,47,253") throw new Error("it is no zstd frame");
      const descriptor = held[4]!;
      const isSingle = (descriptor & 0x20) !== 0;
      const size = sizeBytes[descriptor >> 6]! || (isSingle ? 1 : 0);
      hasChecksum = (descriptor & 4) !== 0;
      [part, needed] = ["header", (isSingle ? 0 : 1) + dictionaryBytes[descriptor & 3]! + size];
    } else if (part === "block") {
      const header = held[0]! | held[1]! << 8 | held[2]! << 16;
      isLast = (header & 1) === 1;
      // Of a byte that is repeated there is one.
      [part, needed] = ["content", (header >> 1 & 3) === 1 ? 1 : header >> 3];
    } else if (part === "header" || (part === "content" && !isLast)) [part, needed] = ["block", 3];
    else if (part === "content" && hasChecksum) [part, needed] = ["checksum", 4];
    else [part, needed] = ["nothing", Infinity];
    held = [];
    if (needed === 0) next();
  }

  return {
    take: (piece) => {
      for (let at = 0; at < piece.length;) {
        if (part === "nothing") throw new Error("something is behind its end");
        const taken = Math.min(needed, piece.length - at);
        if (part === "start" || part === "block") held.push(...piece.subarray(at, at + taken));
        at += taken;
        needed -= taken;
        if (needed === 0) next();
      }
    },
    end: () => {
      if (part !== "nothing") throw new Error("it is cut off");
    },
  };
}
