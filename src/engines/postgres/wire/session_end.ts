import type { Socket } from "node:net";

/** Why the server ended a session. */
export interface SessionEnd {
  readonly sqlState: string;
  readonly message: string;
}

/**
 * Listens for the error with which a server ends a session (`terminating connection due to administrator command`).
 * postgres.js drops it: between statements always, and during one because no `ReadyForQuery` follows it.
 *
 * @returns What the server said last, if that was an error
 */
export function listenForSessionEnd(socket: Socket): () => SessionEnd | undefined {
  let last: Uint8Array | undefined;
  socket.on("data", (chunk: Uint8Array) => last = chunk);
  return () => last && parseError(last);
}

/**
 * Reads the last message of a chunk when it is an error: `E`, the length of what follows, then fields of a letter and
 * text that ends with a zero byte. The rest of an unfinished answer may stand before it.
 */
function parseError(chunk: Uint8Array): SessionEnd | undefined {
  const view = new DataView(chunk.buffer, chunk.byteOffset, chunk.byteLength);
  let at = 0;
  let size = 0;
  while (at + 5 < chunk.length && at + (size = 1 + view.getUint32(at + 1)) < chunk.length) at += size;
  if (chunk[at] !== "E".charCodeAt(0) || at + size !== chunk.length) return undefined;
  const fields = new Map(
    new TextDecoder().decode(chunk.subarray(at + 5)).split("\0").map((field) => [field[0], field.slice(1)]),
  );
  const sqlState = fields.get("C");
  const message = fields.get("M");
  return sqlState === undefined || message === undefined ? undefined : { sqlState, message };
}
