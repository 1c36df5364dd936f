import type { Dialect } from "../../src/base/dialect.ts";
import assert from "node:assert/strict";
import { test } from "node:test";
import { settledBy } from "../../src/migrate/rules/columns_filled.ts";

const both = ["sqlite", "postgresql"] as const;

// One row a rule: the dialects, the statements, the columns that are filled, and those that change otherwise.
const cases: readonly (readonly [
  rule: string,
  dialects: readonly Dialect[],
  statements: readonly string[],
  filled: readonly string[],
  rewritten: readonly string[],
])[] = [
  [
    "takes an update of what is NULL for a fill",
    both,
    ['UPDATE "t" SET "c" = 1 WHERE "c" IS NULL;'],
    ["t.c"],
    [],
  ],
  ["takes a longer condition for more", both, ["UPDATE t SET c = 1 WHERE c IS NULL AND d"], [], ["t.c"]],
  ["takes IS NOT NULL for more", both, ["UPDATE t SET c = 1 WHERE c IS NOT NULL"], [], ["t.c"]],
  ["takes no condition for more", both, ["UPDATE t SET c = 1"], [], ["t.c"]],
  [
    "reads every column behind SET",
    both,
    ["UPDATE t SET a = 1, b = f(x, y = 2), c = (SELECT 1) WHERE c IS NULL"],
    [],
    [
      "t.a",
      "t.b",
      "t.c",
    ],
  ],
  ["reads comments as nothing", both, ["-- UPDATE u\nUPDATE t /* x */ SET c = 1 WHERE c IS NULL -- y"], [
    "t.c",
  ], []],
  ["takes a delete for a change of all columns", both, ['DELETE FROM "t" WHERE c IS NULL'], [], ["t.*"]],
  ["gathers what several statements do", both, [
    "UPDATE t SET a = 1 WHERE a IS NULL",
    "UPDATE t SET b = 1",
    "DELETE FROM u",
  ], [
    "t.a",
  ], ["t.b", "u.*"]],
  [
    "reads a copy that changes nothing",
    ["sqlite"],
    ['INSERT INTO `__new_t`("id", "c") SELECT "id", "c" FROM `t`'],
    [],
    [],
  ],
  [
    "reads a copy that fills",
    ["sqlite"],
    ['INSERT INTO `__new_t`("id", "c") SELECT "id", coalesce("c", \'x\') FROM `t`'],
    ["t.c"],
    [],
  ],
  [
    "takes coalesce of another column for a change",
    ["sqlite"],
    ['INSERT INTO `__new_t`("id", "c") SELECT "id", coalesce("d", 1) FROM `t`'],
    [],
    ["t.c"],
  ],
  [
    "takes an expression for a change",
    ["sqlite"],
    ['INSERT INTO `__new_t`("id", "c") SELECT "id", "a" || \', \' FROM `t`'],
    [],
    ["t.c"],
  ],
  [
    "takes a copy of some rows for a change of all columns",
    ["sqlite"],
    ['INSERT INTO `__new_t`("id") SELECT "id" FROM `t` WHERE 1'],
    [],
    ["t.*"],
  ],
  ["passes over rows that are added", both, ["INSERT INTO t (c) VALUES (1)"], [], []],
  [
    "passes over statements of other kinds",
    both,
    ["ALTER TABLE t ADD c text", "CREATE INDEX i ON t (c)"],
    [],
    [],
  ],
];
for (const [rule, dialects, statements, filled, rewritten] of cases) {
  for (const dialect of dialects) {
    test(`settledBy() ${rule} (${dialect})`, () => {
      const settled = settledBy(statements, dialect);
      assert.deepEqual([[...settled.filled], [...settled.rewritten]], [filled, rewritten]);
    });
  }
}
