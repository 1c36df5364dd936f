import assert from "node:assert/strict";
import { readApplied } from "../../src/engines/version_table.ts";
import type { Direction } from "../../src/history/applied.ts";
import { migrate } from "../../src/migrate/migrate.ts";
import { stamp } from "../../src/state/stamp.ts";
import { onEngines } from "../support/each_engine.ts";
import { failureOf } from "../support/harbor_error.ts";
import { contextOf } from "../support/samples/adoption.ts";
import { historyOf, idOf } from "../support/samples/script_history.ts";

onEngines(["sqlite file"], "a step that a trigger keeps off the record has failed", async (given) => {
  const { engine, url, database } = given;
  const context = contextOf(
    database,
    historyOf(engine.dialect, [
      ["CREATE TABLE t (id integer NOT NULL PRIMARY KEY)", "SELECT 1"],
      ["ALTER TABLE t ADD COLUMN d text", "ALTER TABLE t DROP COLUMN d"],
      ["CREATE TABLE u (id integer NOT NULL PRIMARY KEY)", "DROP TABLE u"],
    ]),
  );
  const go = (direction: Direction, text: string) =>
    migrate(context, { goal: { direction, text }, lockWaitMs: 0 });
  await go("upgrade", idOf(0));
  for (const [event, direction] of [["INSERT", "upgrade"], ["DELETE", "downgrade"]] as const) {
    await engine.query(
      url,
      `CREATE TRIGGER quiet BEFORE ${event} ON harbor_version BEGIN SELECT RAISE(IGNORE); END`,
    );
    const error = await failureOf(go(direction, direction === "upgrade" ? "head" : "-1"));
    assert.equal(error.code, "statement_failed");
    assert.match(error.message, /its script ran, and harbor_version does not say so/);
    const [, id] = /harbor-db stamp ([\w-]+)/.exec(error.hint!)!;
    const said = async () => (await readApplied(database))!.map(({ revision }) => revision).sort();
    // Nothing runs behind it.
    assert.deepEqual(await engine.query(url, "SELECT name FROM sqlite_schema WHERE name = 'u'"), []);
    await engine.query(url, "DROP TRIGGER quiet");
    await stamp(context, id!, 0);
    assert.deepEqual(await said(), (direction === "upgrade" ? [idOf(0), idOf(1)] : [idOf(0)]).sort());
  }
});
