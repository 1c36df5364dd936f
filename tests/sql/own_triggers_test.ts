import assert from "node:assert/strict";
import { DatabaseSync } from "node:sqlite";
import { test } from "node:test";
import { guardsOf } from "../../src/engines/sqlite/beside/definition/demands.ts";
import { openReplica } from "../../src/engines/sqlite/beside/form/replica.ts";
import { readTable } from "../../src/engines/sqlite/beside/form/table.ts";
import { isOwnTrigger } from "../../src/sql/own/triggers.ts";
import { quoteName } from "../../src/sql/quote.ts";

test("a guard is known for harbor-db's own, whatever its table is called, now or later", () => {
  for (const name of ["t", 'we"ird; BEGIN', "two\nlines", "it's"]) {
    const sql = `CREATE TABLE ${quoteName(name)} (id INTEGER PRIMARY KEY, a TEXT)`;
    const table = readTable(openReplica([{ type: "table", name, table: name, sql }])!, name)!;
    const handle = new DatabaseSync(":memory:");
    try {
      handle.exec(sql);
      const fills = [{ column: "a", value: "'x'" }];
      for (const guard of guardsOf(table, { demands: [], fills })) handle.exec(guard.sql);
      const own = () =>
        handle.prepare("SELECT name, sql FROM sqlite_schema WHERE type = 'trigger'").all()
          .filter((row) => isOwnTrigger({ name: String(row["name"]), sql: String(row["sql"]) })).length;
      assert.equal(own(), 2, name);
      handle.exec(`ALTER TABLE ${quoteName(name)} RENAME TO "an\nother"`);
      assert.equal(own(), 2, name);
    } finally {
      handle.close();
    }
  }
});
