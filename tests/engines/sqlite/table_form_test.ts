import assert from "node:assert/strict";
import { test } from "node:test";
import { openReplica } from "../../../src/engines/sqlite/beside/form/replica.ts";
import { readTable } from "../../../src/engines/sqlite/beside/form/table.ts";

test("the collation of each column is told, and what it is asked by is gone then", () => {
  const sql =
    `CREATE TABLE "a t" (id INTEGER PRIMARY KEY, "a b" TEXT COLLATE NOCASE, c TEXT, d GENERATED ALWAYS AS (id + 1), e TEXT COLLATE RTRIM)`;
  const replica = openReplica([{ type: "table", name: "a t", table: "a t", sql }]);
  const form = replica && readTable(replica, "a t");
  const told = form?.columns.map(({ collation }) => collation);
  assert.deepEqual(told, ["BINARY", "NOCASE", "BINARY", "BINARY", "RTRIM"]);
  assert.deepEqual(replica?.rows("SELECT name FROM sqlite_schema"), [{ name: "a t" }]);
});
