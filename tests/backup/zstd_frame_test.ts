import assert from "node:assert/strict";
import { test } from "node:test";
import { createFrameCheck } from "../../src/backup/rules/zstd_frame.ts";

/** Frames by hand: a descriptor with what it says is there, and blocks of each kind. */
const frames: readonly (readonly [what: string, bytes: readonly number[]])[] = [
  ["one raw block", [0x20, 5, 0x29, 0, 0, 104, 101, 108, 108, 111]],
  ["a window, a checksum and a repeated byte", [0x04, 0x58, 0x2b, 0, 0, 7, 1, 2, 3, 4]],
  ["two blocks and a long size", [0xa0, 3, 0, 0, 0, 0x10, 0, 0, 1, 2, 0x09, 0, 0, 3]],
  ["nothing in it", [0x20, 0, 0x01, 0, 0]],
  ["a dictionary and the longest size", [0xe3, 1, 2, 3, 4, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0]],
];

function follow(bytes: readonly number[], pieceBytes: number): void {
  const check = createFrameCheck();
  for (let at = 0; at < bytes.length; at += pieceBytes) {
    check.take(Uint8Array.from(bytes.slice(at, at + pieceBytes)));
  }
  check.end();
}

for (const [what, rest] of frames) {
  test(`createFrameCheck() knows the end of a frame with ${what}, however it comes`, () => {
    const frame = [0x28, 0xb5, 0x2f, 0xfd, ...rest];
    for (const pieceBytes of [1, 3, frame.length]) {
      follow(frame, pieceBytes);
      assert.throws(() => follow([...frame, 0], pieceBytes), /something is behind its end/);
      for (let bytes = 0; bytes < frame.length; bytes++) {
        assert.throws(() => follow(frame.slice(0, bytes), pieceBytes), /it is cut off/);
      }
    }
  });
}

test("createFrameCheck() follows nothing else", () => {
  assert.throws(() => follow([0x1f, 0x8b, 8, 0, 0], 5), /is no zstd frame/);
});
