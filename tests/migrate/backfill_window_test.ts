import assert from "node:assert/strict";
import { test } from "node:test";
import { openSqliteMemory } from "../../src/engines/sqlite/driver.ts";
import { countKeys, hasMatch, readWindow, updateWithin } from "../../src/migrate/paced/backfill_window.ts";
import { parseScript } from "../../src/history/scripts/script.ts";
import { testClient } from "../support/databases.ts";
import { sql } from "../support/user_sql.ts";

// One row a script: its statement, and which of six boats it changes behind the second and up to the fifth.
const statements = [
  ["UPDATE boats SET size = 1", [3, 4, 5]],
  ["UPDATE boats SET size = 1 WHERE id % 2 = 0", [4]],
  ["UPDATE boats SET size = 1 WHERE id = 1 OR id = 4 OR id = 6", [4]],
  ["UPDATE boats SET size = 1 WHERE id <> 4 -- but for this one", [3, 5]],
] as const;
for (const [statement, changed] of statements) {
  test(`a batch of "${statement}" changes its own rows only`, async () => {
    const database = await openSqliteMemory({ client: testClient, access: "write" });
    try {
      await database.write([
        sql`CREATE TABLE boats (id INTEGER PRIMARY KEY NOT NULL, size INTEGER)`,
        sql`INSERT INTO boats (id) VALUES (1), (2), (3), (4), (5), (6)`,
      ]);
      const text = `-- harbor:backfill table=boats key=id\n${statement}`;
      const { run } = parseScript({ file: "s.sql", dialect: "sqlite", text }).statements[0]!;
      assert.ok(run.kind === "backfill");
      const from = { key: "2", isAhead: false };
      const window = await readWindow(database, run, { from, end: "5", limit: 10 });
      assert.deepEqual(window, {
        last: "5",
        walked: 3,
        matching: changed.length,
        firstMatching: String(changed[0]),
      });
      assert.equal(await hasMatch(database, run, { from, end: "5" }), true);
      assert.equal(await countKeys(database, run, { from, atMost: 10 }), 4);
      assert.deepEqual(await database.write([updateWithin(run, { from, end: "5" })]), [changed.length]);
      const rows = await database.read<{ id: number }>(sql`SELECT id FROM boats WHERE size = 1 ORDER BY id`);
      assert.deepEqual(rows.map(({ id }) => id), changed);
    } finally {
      await database.close();
    }
  });
}
