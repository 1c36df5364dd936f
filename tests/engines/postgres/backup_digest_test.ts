import assert from "node:assert/strict";
import { test } from "node:test";
import { digestRows } from "../../../src/engines/postgres/backup/digest.ts";

const columns = ["id", "name"];
const rows = ["1\ta\n", "2\tb\n", "3\t\\N\n", "3\t\\N\n", "\n"];

function digest(
  text: string,
  options: { readonly pieces?: number; readonly columns?: readonly string[] } = {},
) {
  const bytes = new TextEncoder().encode(text);
  const size = options.pieces ?? bytes.length + 1;
  const made = digestRows(options.columns ?? columns);
  for (let at = 0; at < bytes.length; at += size) made.add(bytes.subarray(at, at + size));
  return made.content("t");
}

const original = digest(rows.join(""));

test("digestRows() counts rows", () => {
  assert.equal(original.rows, 5);
  assert.match(original.digest, /^[0-9a-f]{64}$/);
  assert.equal(digest("").rows, 0);
});

for (let pieces = 1; pieces < 8; pieces++) {
  test(`digestRows() does not depend on where pieces of ${pieces} bytes end`, () => {
    assert.deepEqual(digest(rows.join(""), { pieces }), original);
  });
}

test("digestRows() keeps what it was given of a row, whatever becomes of the memory", () => {
  const made = digestRows(columns);
  const memory = new Uint8Array(4);
  for (const piece of ["1\ta\n", "2\tb\n", "3\t\\N", "\n3\t\\", "N\n\n"]) {
    const { written } = new TextEncoder().encodeInto(piece, memory);
    made.add(memory.subarray(0, written));
  }
  assert.deepEqual(made.content("t"), original);
});

const others: readonly [string, string][] = [
  ["a changed value", rows.join("").replace("a", "A")],
  ["two values swapped between rows", rows.join("").replace(/a(.*)b/s, "b$1a")],
  ["a lost row", rows.slice(1).join("")],
  ["a row twice", rows.join("") + rows[0]],
  ["a row that was there twice, once", rows.toSpliced(3, 1).join("")],
  ["two equal rows less", rows.toSpliced(2, 2).join("")],
  ["a row instead of its double", [...rows.slice(0, 2), rows[0], rows[1], rows[4]].join("")],
  ["an empty row less", rows.slice(0, 4).join("")],
  ["a line cut in two", rows.join("").replace("1\ta", "1\n\ta")],
];
for (const [what, text] of others) {
  test(`digestRows() notices ${what}`, () => assert.notEqual(digest(text).digest, original.digest));
}

test("digestRows() notices columns of other names or in another order", () => {
  for (const renamed of [["id", "title"], ["name", "id"], ["id"]]) {
    assert.notEqual(digest(rows.join(""), { columns: renamed }).digest, original.digest);
  }
});

test("digestRows() does not depend on the order of rows", () => {
  assert.deepEqual(digest(rows.toReversed().join("")), original);
});
