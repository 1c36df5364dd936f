import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { EventEmitter } from "node:events";
import type { Socket } from "node:net";
import { test } from "node:test";
import { refuseNonsense } from "../../../src/engines/postgres/wire/sane_messages.ts";

/** A socket that is given pieces, what came through it, and whether it was closed. */
function socketWith() {
  const came: Uint8Array[] = [];
  const state = { isClosed: false };
  const socket = Object.assign(new EventEmitter(), { destroy: () => (state.isClosed = true) });
  socket.on("data", (piece: Uint8Array) => came.push(piece));
  refuseNonsense(socket as unknown as Socket);
  return { give: (piece: Uint8Array) => socket.emit("data", piece), came, state };
}

function rowsOf(count: number): Buffer {
  const content = Buffer.alloc(200, "x");
  const length = Buffer.alloc(4);
  length.writeInt32BE(4 + content.length);
  return Buffer.concat(Array.from({ length: count }, () => [Buffer.from("d"), length, content]).flat());
}

test("postgres: looking through the rows of one chunk takes no copy of it for each", () => {
  const chunk = rowsOf(20_000);
  const { give, came, state } = socketWith();
  const began = performance.now();
  give(chunk);
  // One copy a row would be 40 GB.
  assert.ok(performance.now() - began < 5_000);
  assert.equal(state.isClosed, false);
  assert.deepEqual(came.map(({ length }) => length), [chunk.length]);
});

test("postgres: messages that come in pieces whose memory is used again are read whole", () => {
  const bytes = rowsOf(3);
  const { give, state } = socketWith();
  for (let at = 0; at < bytes.length; at++) {
    const piece = Uint8Array.of(bytes[at]!);
    give(piece);
    piece.fill(0);
  }
  assert.equal(state.isClosed, false);
  give(Buffer.from("HTTP/1.1 400"));
  assert.equal(state.isClosed, true);
});
