import assert from "node:assert/strict";
import { test } from "node:test";
import { wasUnique } from "../../src/author/check/rules/was_unique.ts";
import type { Operation } from "../../src/sql/operations/operation.ts";
import type { Table, Unique } from "../../src/schema/snapshot.ts";
import { column, index, snapshot, tableOf } from "../support/samples/snapshot_parts.ts";

const unique = (name: string, ...columns: readonly string[]) => index(name, { columns, unique: true });
const constraint = (name: string, ...columns: readonly string[]): Unique => ({ name, columns });
const rename = (from: string, to: string): Operation => ({
  kind: "rename column",
  table: "t",
  column: from,
  to,
});
const table = (columns: string, facts: Partial<Table>) =>
  tableOf("t", columns.split(" ").map((name) => column(name)), facts);
const [ab, cb] = ["a b", "c b"];
const onA = table(ab, { indexes: [unique("i", "a")] });

// One row a rule: the table before and after, what the script does besides, and whether `i` is known to have no duplicates.
const cases: readonly (readonly [rule: string, Table, Table, readonly Operation[], boolean])[] = [
  ["knows an index that is made anew", onA, onA, [], true],
  ["knows one of another name", table(ab, { indexes: [unique("old", "a")] }), onA, [], true],
  [
    "knows no index that was not unique",
    table(ab, { indexes: [index("i", { columns: ["a"] })] }),
    onA,
    [],
    false,
  ],
  ["knows no index of another column", table(ab, { indexes: [unique("i", "b")] }), onA, [], false],
  ["knows no index of more columns", table(ab, { indexes: [unique("i", "a", "b")] }), onA, [], false],
  ["knows an index of fewer columns", onA, table(ab, { indexes: [unique("i", "b", "a")] }), [], true],
  ["knows an index in another order", table(ab, { indexes: [unique("i", "a DESC")] }), onA, [], true],
  ["knows a UNIQUE constraint", table(ab, { uniques: [constraint("u", "a")] }), onA, [], true],
  ["knows a key", onA, table(ab, { indexes: [unique("i", "id", "a")] }), [], true],
  [
    "follows a column to its new name",
    table(ab, { uniques: [constraint("u", "a")] }),
    table(cb, { indexes: [unique("i", "c")] }),
    [rename("a", "c")],
    true,
  ],
  [
    "follows columns that change places",
    onA,
    table(ab, { indexes: [unique("i", "b")] }),
    [rename("a", "x"), rename("b", "a"), rename("x", "b")],
    true,
  ],
  [
    "does not take another column for one that changed places",
    onA,
    onA,
    [rename("a", "x"), rename("b", "a"), rename("x", "b")],
    false,
  ],
  [
    "follows an index to its own place",
    onA,
    table(ab, { indexes: [unique("j", "a")] }),
    [{ kind: "rename index", index: "i", to: "j" }],
    true,
  ],
  ["does not trust rows that are written", onA, onA, [{ kind: "update", table: "t" }], false],
  ["does not trust what is hidden", onA, onA, [{ kind: "hidden", what: "DO" }], false],
  [
    "does not trust a column that is made anew",
    onA,
    onA,
    [{ kind: "add column", table: "t", column: "a", notNull: false, value: "none" }],
    false,
  ],
  [
    "does not trust a column of another type",
    onA,
    tableOf("t", [column("a", { type: "integer" }), column("b")], { indexes: [unique("i", "a")] }),
    [],
    false,
  ],
  [
    "does not trust a column that had NULLs",
    onA,
    tableOf("t", [column("a", { notNull: true }), column("b")], { indexes: [unique("i", "a")] }),
    [],
    false,
  ],
  [
    "knows no part of the rows for all",
    table(ab, { indexes: [index("i", { columns: ["a"], unique: true, where: "b > 0" })] }),
    onA,
    [],
    false,
  ],
  [
    "does not take NULLs for alike that were not",
    onA,
    table(ab, { uniques: [{ ...constraint("i", "a"), nullsAlike: true }] }),
    [],
    false,
  ],
  ["knows nothing of what the snapshot does not have", onA, table(ab, {}), [], false],
];
for (const [rule, before, after, operations, expected] of cases) {
  test(`wasUnique() ${rule}`, () => {
    const statement = {
      statement: { sql: "", line: 1, allowed: [], run: { kind: "transaction" } },
      operations,
      phase: 1,
    } as const;
    const place = {
      dialect: "postgresql",
      version: 15,
      name: "Change",
      statement,
      script: [statement],
      before: snapshot("postgresql", [before]),
      after: snapshot("postgresql", [after]),
    } as const;
    assert.equal(wasUnique("t", "i", place), expected);
  });
}
