import assert from "node:assert/strict";
import { test } from "node:test";
import { lockOrder } from "../../../src/migrate/kept/rules/lock_order.ts";
import type { Table } from "../../../src/schema/snapshot.ts";

function table(name: string, ...parents: readonly string[]): Pick<Table, "name" | "foreignKeys" | "indexes"> {
  const to = (table: string) => ({ table }) as Table["foreignKeys"][number];
  return {
    name,
    foreignKeys: parents.map(to),
    indexes: [{ name: `of_${name}` } as Table["indexes"][number]],
  };
}

const tables = [table("users", "users"), table("collections", "users"), table("files", "collections")];

// One row a rule: statements, tables that are locked anyhow, the order.
const rules = [
  ["what refers to others comes first", [], ["users", "collections"], "collections users"],
  [
    "what is altered or dropped is locked with them",
    ['ALTER TABLE "users" DROP COLUMN a', "DROP TABLE IF EXISTS Files"],
    ["collections"],
    "files collections users",
  ],
  ["an index is its table's", ["DROP INDEX of_files"], ["collections"], "files collections"],
  [
    "what is only written or named is not",
    [
      "UPDATE files SET a = 1",
      "CREATE TABLE t (a integer REFERENCES users)",
    ],
    ["collections"],
    "collections",
  ],
] as const;
for (const [rule, statements, locked, order] of rules) {
  test(`lockOrder(): ${rule}`, () =>
    assert.equal(lockOrder(tables, { statements, locked, dialect: "postgresql" }).join(" "), order));
}
