import assert from "node:assert/strict";
import { test } from "node:test";
import type { Dialect } from "../../src/base/dialect.ts";
import { repeatableCondition } from "../../src/sql/repeatable_update.ts";

/** `as it is`: under its own condition. `where it has a value`: where the expression is not NULL. */
type Repeats = "as it is" | "where it has a value" | "never";

// SET, WHERE, and whether that may be repeated.
const both: readonly (readonly [set: string, where: string, repeats: Repeats])[] = [
  [`c = 'local'`, `c IS NULL`, "as it is"],
  [`"c" = 'local'`, `"t"."c" IS NULL AND size > 5`, "as it is"],
  [`c = 1, n = n + 1`, `c IS NULL`, "as it is"],
  [`c = coalesce(a, '')`, `(c IS NULL)`, "as it is"],
  [`c = CURRENT_TIMESTAMP`, `c IS NULL`, "as it is"],
  [`c = 'x'`, `c IS NULL OR c = ''`, "as it is"],
  [`c = 'b'`, `c = 'a'`, "as it is"],
  [`c = 2`, `c = 1`, "as it is"],
  [`c = NULL`, `c IS NOT NULL`, "as it is"],
  [`c = NULL`, `c = 'a'`, "as it is"],
  [`c = 'a'`, `c <> 'a'`, "as it is"],
  [`c = 'a'`, `c IS DISTINCT FROM 'a'`, "as it is"],
  [`c = upper(a)`, `c IS NULL`, "where it has a value"],
  [`c = (SELECT a FROM u WHERE u.id = t.id)`, `c IS NULL AND a > 1`, "where it has a value"],
  [`c = c + 1`, `a IS NOT NULL`, "never"],
  [`c = c || '!'`, `c IS NOT NULL`, "never"],
  [`c = 'x'`, `a IS NULL`, "never"],
  [`c = 'a'`, `c = 'A'`, "never"],
  [`c = 1.0`, `c = 1`, "never"],
  [`c = 'b', n = n + 1`, `c = 'a'`, "never"],
  [`c = a, n = n + 1`, `c IS NULL`, "never"],
  [`c = NULL`, `c IS NULL`, "where it has a value"],
  [`c = 'x'`, `c IS NULL OR a > 1`, "never"],
  [`c = upper(a)`, `c IS NULL OR a > 1`, "never"],
  [`c = 'x'`, `NOT c IS NULL`, "never"],
  [`c = 'x'`, `NOT (c IS NULL)`, "never"],
  [`c = 'b'`, `a BETWEEN 1 AND c = 'a'`, "never"],
  [`c = own_function(a)`, `c IS NULL`, "never"],
  [`(c, a) = (SELECT 1, 2)`, `c IS NULL`, "never"],
];
const postgres: typeof both = [
  [`c = gen_random_uuid()::text`, `c IS NULL`, "as it is"],
  [`c = 'b'::mood`, `c = 'a'::mood`, "as it is"],
  [`c = now()`, `c ISNULL`, "as it is"],
  [`c = '(,)'::pair`, `c IS NULL`, "where it has a value"],
  [`c = 'true'::boolean AND a`, `c IS NULL`, "where it has a value"],
  [`c = other.lower(a)`, `c IS NULL`, "never"],
];

const cases: readonly (readonly [Dialect, typeof both])[] = [
  ["sqlite", both],
  ["postgresql", [...both, ...postgres]],
];
for (const [dialect, rows] of cases) {
  test(`${dialect}: a change is repeated only where it ends its own condition`, () => {
    for (const [set, where, repeats] of rows) {
      const found = repeatableCondition({ update: `UPDATE "t" SET ${set}`, condition: where }, dialect);
      const seen = found === null ? "never" : found === where ? "as it is" : "where it has a value";
      assert.equal(seen, repeats, `SET ${set} WHERE ${where}: ${found}`);
    }
  });
}

test("a change of every row is not repeated, and a DELETE is", () => {
  assert.equal(repeatableCondition({ update: `UPDATE "t" SET c = 1`, condition: null }, "sqlite"), null);
  const deletion = { update: `DELETE FROM "t"`, deletes: true, condition: "a > 1" } as const;
  assert.equal(repeatableCondition(deletion, "sqlite"), "a > 1");
});

test("a condition is narrowed to where its expression has a value", () => {
  const change = { update: `UPDATE "t" SET c = upper(a) -- loud`, condition: "c IS NULL -- or not" };
  assert.equal(
    repeatableCondition(change, "sqlite"),
    "(c IS NULL -- or not\n) AND (upper(a)\n) IS NOT NULL",
  );
});
