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
  const chunk = rowsOf(40_000);
  const { give, came, state } = socketWith();
  const began = performance.now();
  give(chunk);
  // One copy a row would be 160 GB.
  assert.ok(performance.now() - began < 20_000);
  assert.equal(state.isClosed, false);
  assert.deepEqual(came.map(({ length }) => length), [5 + 40_000 * 200]);
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

test("postgres: rows of a COPY that come together are one message, and all else stays as it came", () => {
  const message = (type: string, content: string) => {
    const head = Buffer.from(`${type}0000`);
    head.writeInt32BE(4 + content.length, 1);
    return Buffer.concat([head, Buffer.from(content)]);
  };
  const notices = [message("N", "first"), message("N", "between")];
  const rows = Array.from({ length: 40 }, (_, at) => message("d", `${at}\t${"x".repeat(at)}\n`));
  const end = ["c", "C", "Z"].map((type) =>
    message(type, type === "C" ? "COPY 40\0" : type === "Z" ? "I" : "")
  );
  const all = [notices[0]!, ...rows.slice(0, 20), notices[1]!, ...rows.slice(20), ...end];
  const bytes = Buffer.concat(all);
  const contents = Buffer.concat(rows.map((row) => row.subarray(5)));
  for (const size of [1, 4, 7, 64, 333, bytes.length]) {
    const { give, came, state } = socketWith();
    for (let at = 0; at < bytes.length; at += size) give(new Uint8Array(bytes.subarray(at, at + size)));
    assert.equal(state.isClosed, false, `pieces of ${size}`);
    const found: { type: string; content: Buffer }[] = [];
    for (let rest = Buffer.concat(came); rest.length > 0; rest = rest.subarray(1 + rest.readUInt32BE(1))) {
      found.push({
        type: String.fromCharCode(rest[0]!),
        content: rest.subarray(5, 1 + rest.readUInt32BE(1)),
      });
    }
    const ofRows = found.filter(({ type }) => type === "d");
    assert.deepEqual(Buffer.concat(ofRows.map(({ content }) => content)), contents, `pieces of ${size}`);
    assert.equal(found.filter(({ type }) => type !== "d").map(({ type }) => type).join(""), "NNcCZ");
    if (size === bytes.length) assert.deepEqual(found.map(({ type }) => type).join("").slice(0, 3), "NdN");
  }
});
