import assert from "node:assert/strict";
import { test } from "node:test";
import { keyShare } from "../../src/migrate/steps/rules/key_share.ts";

// One row a rule: first, last and end key, and the share of the way.
const cases = [
  ["is whole at the end", "1", "100", "100", 1],
  ["counts from the first key", "901", "950", "1000", 0.5],
  ["is hardly begun at the first key", "1", "1", "1000", 0.001],
  ["knows keys below zero", "-99", "-50", "0", 0.5],
  ["is not known for keys that are no numbers", "a", "b", "c", null],
  ["is not known without an end", "1", "5", null, null],
  ["is not known without a first key", null, "5", "9", null],
  ["never passes the whole", "1", "200", "100", 1],
] as const;

for (const [rule, first, last, end, share] of cases) {
  test(`keyShare() ${rule}`, () => assert.equal(keyShare({ first, last, end }), share));
}
