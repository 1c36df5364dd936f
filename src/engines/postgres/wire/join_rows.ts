import type { Buffer } from "node:buffer";

/** The header of a message `CopyData`: its type, and its length with the length's own four bytes. */
const headerBytes = 5;

/**
 * Makes one message of those of a COPY's rows that follow each other in a piece, in its own memory. A server sends one a row,
 * whose ends mean nothing, and postgres.js takes four objects, a look at twenty kinds of messages and a turn of a stream for each.
 *
 * @param from Where what may be changed begins
 * Source: https://www.postgresql.org/docs/current/protocol-flow.html#PROTOCOL-COPY
 */
export function joinRows(bytes: Buffer, from: number) {
  /** Where the joined message begins, where it ends, and where what was joined to it ended. */
  let [start, end, past] = [-1, 0, 0];
  return {
    /** Takes the message of a row. */
    add(at: number, length: number): void {
      if (at < from || at + length > bytes.length) return;
      if (start < 0) [start, end, past] = [at, at + length, at + length];
      else if (at === past) {
        bytes.copyWithin(end, at + headerBytes, at + length);
        end += length - headerBytes;
        past = at + length;
      }
    },
    /** Returns the piece with what became of it. */
    end(): Buffer {
      if (end === past) return bytes;
      bytes.writeUInt32BE(end - start - 1, start + 1);
      bytes.copyWithin(end, past);
      return bytes.subarray(0, bytes.length - (past - end));
    },
  };
}
