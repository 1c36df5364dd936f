import assert from "node:assert/strict";
import { test } from "node:test";
import { applyDelta, deltaOf } from "../../src/history/ledger/json_delta.ts";

const table = { name: "t", columns: { id: { type: "integer" }, size: { type: "text", default: null } } };

// One row a change: before, after, the longest that it may be as text.
const cases = [
  ["nothing", { a: table }, { a: table }, 2],
  ["a member that comes", { a: table }, { a: table, b: 1 }, 20],
  ["one that goes", { a: table, b: table }, { b: table }, 20],
  ["one that changes deep within", { a: table }, { a: { ...table, name: "u" } }, 40],
  ["null, which is a value", { a: 1 }, { a: null }, 30],
  ["a member called __proto__", JSON.parse("{}"), JSON.parse('{"__proto__":{"x":1}}'), 40],
  ["the order of members", { a: 1, b: 2 }, { b: 2, a: 1 }, 30],
  ["a new member in front", { b: 2 }, { a: 1, b: 2 }, 30],
  ["an item in a list", [1, 2, 3, 4, 5, 6, 7, 8, 9], [1, 2, 3, 4, 0, 5, 6, 7, 8, 9], 30],
  ["equal items beside each other", [1, 1, 1], [1, 1], 30],
  ["a list that empties", { a: [1] }, { a: [] }, 50],
  ["a list where an object was", { a: {} }, { a: [] }, 30],
  ["text of any kind", "a", 'b"\u2028', 30],
] as const;

for (const [what, from, to, most] of cases) {
  test(`a delta keeps ${what}`, () => {
    // As it lies in a database.
    const text = JSON.stringify(deltaOf(from, to));
    assert.equal(JSON.stringify(applyDelta(from, JSON.parse(text))), JSON.stringify(to));
    assert.ok(text.length <= most, text);
  });
}
