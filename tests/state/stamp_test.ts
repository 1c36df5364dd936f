import assert from "node:assert/strict";
import { test } from "node:test";
import { openSqliteMemory } from "../../src/engines/sqlite/driver.ts";
import { readApplied } from "../../src/engines/version_table.ts";
import { migrate } from "../../src/migrate/migrate.ts";
import { stamp } from "../../src/state/stamp.ts";
import { testClient } from "../support/databases.ts";
import { contextOf } from "../support/samples/adoption.ts";
import { historyOf, idOf } from "../support/samples/script_history.ts";

const scripts = ["CREATE TABLE a (id INTEGER)", "CREATE TABLE b (id INTEGER)", "CREATE TABLE c (id INTEGER)"];
const edited = [scripts[0]!, `${scripts[1]} -- edited`, scripts[2]!];

// One row a stamp: its target, and which rows stand then and how they came about.
const stamps = [
  ["head", ["run", "stamp", "run"]],
  [idOf(1), ["run", "stamp"]],
  [idOf(0), ["run"]],
  ["base", []],
] as const;
for (const [target, origins] of stamps) {
  test(`stamp ${target} settles a script that was edited, and leaves what stays right as it was`, async () => {
    const database = await openSqliteMemory({ client: testClient, access: "write" });
    try {
      const context = { ...contextOf(database), history: historyOf("sqlite", scripts) };
      await migrate(context, { goal: { direction: "upgrade", text: "head" }, lockWaitMs: 0 });
      const before = await readApplied(database) ?? [];
      const history = historyOf("sqlite", edited);
      await stamp({ ...context, history }, target, 0);
      const after = (await readApplied(database) ?? []).toSorted((a, b) => a.revision < b.revision ? -1 : 1);
      assert.deepEqual(after.map(({ origin }) => origin), origins);
      for (const [place, row] of after.entries()) {
        assert.equal(row.checksum, history.revisions[place]!.checksum);
        const old = before.find(({ revision }) => revision === row.revision);
        if (row.origin === "run") assert.deepEqual(row, old);
      }
    } finally {
      await database.close();
    }
  });
}
