import assert from "node:assert/strict";
import { test } from "node:test";
import { openSqliteMemory } from "../../src/engines/sqlite/driver.ts";
import { readApplied } from "../../src/engines/version_table.ts";
import { migrate } from "../../src/migrate/migrate.ts";
import { testClient } from "../support/databases.ts";
import { rejectsWith } from "../support/harbor_error.ts";
import { contextOf } from "../support/samples/adoption.ts";
import { historyOf, idOf } from "../support/samples/script_history.ts";
import { sql } from "../support/user_sql.ts";

const scripts = [
  "CREATE TABLE boats (id INTEGER PRIMARY KEY NOT NULL, trips INTEGER)",
  [
    "UPDATE boats SET trips = trips + 100",
    "-- harbor:backfill table=boats key=id\nUPDATE boats SET trips = trips + 1",
    "INSERT INTO log VALUES ('done')",
    "-- harbor:backfill table=boats key=id\nUPDATE boats SET trips = trips * 10",
  ].join("\n--> statement-breakpoint\n"),
];

test("a revision of several phases is recorded after each, complete after the last, and goes on where it failed", async () => {
  const database = await openSqliteMemory({ client: testClient, access: "write" });
  try {
    const context = { ...contextOf(database), history: historyOf("sqlite", scripts) };
    const upgrade = (text: string) =>
      migrate(context, { goal: { direction: "upgrade", text }, lockWaitMs: 0 });
    const row = async () => (await readApplied(database))!.find(({ revision }) => revision === idOf(1))!;
    const trips = () => database.read(sql`SELECT trips FROM boats`);
    await upgrade("+1");
    await database.write([sql`INSERT INTO boats VALUES (1, 0)`]);

    await rejectsWith("missing_table", upgrade("head"));
    const { statementsDone, finishedAt, direction } = await row();
    assert.deepEqual([statementsDone, finishedAt, direction], [2, null, "upgrade"]);
    assert.deepEqual(await trips(), [{ trips: 101 }]);

    await database.write([sql`CREATE TABLE log (words TEXT)`]);
    await upgrade("head");
    assert.equal((await row()).statementsDone, 4);
    assert.notEqual((await row()).finishedAt, null);
    assert.deepEqual(await trips(), [{ trips: 1010 }]);
  } finally {
    await database.close();
  }
});
