import assert from "node:assert/strict";
import { readApplied } from "../../src/engines/version_table.ts";
import type { Direction } from "../../src/history/applied.ts";
import { migrate } from "../../src/migrate/migrate.ts";
import { stamp } from "../../src/state/stamp.ts";
import { engines } from "../support/databases.ts";
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
      [
        // It comes when the look before has passed.
        "CREATE TRIGGER quiet BEFORE INSERT ON harbor_version WHEN NEW.finished_at IS NOT NULL BEGIN SELECT RAISE(IGNORE); END",
        "DROP TRIGGER quiet",
      ],
      ["CREATE TABLE u (id integer NOT NULL PRIMARY KEY)", "DROP TABLE u"],
    ]),
  );
  const go = (direction: Direction, text: string) =>
    migrate(context, { goal: { direction, text }, lockWaitMs: 0 });
  await go("upgrade", idOf(0));
  const error = await failureOf(go("upgrade", "head"));
  assert.equal(error.code, "statement_failed");
  assert.match(error.message, /its script ran, and harbor_version does not say so/);
  const [, id] = /harbor-db stamp ([\w-]+)/.exec(error.hint!)!;
  // Nothing runs behind it.
  assert.deepEqual(await engine.query(url, "SELECT name FROM sqlite_schema WHERE name = 'u'"), []);
  await engine.query(url, "DROP TRIGGER quiet");
  await stamp(context, id!, 0);
  assert.deepEqual(
    (await readApplied(database))!.map(({ revision }) => revision).sort(),
    [idOf(0), idOf(1)].sort(),
  );
});

onEngines(
  engines.map(({ name }) => name),
  "a step does not begin while something hangs on a table of harbor-db's own",
  async (given) => {
    const { engine, url, database } = given;
    const context = contextOf(
      database,
      historyOf(engine.dialect, [
        ["CREATE TABLE t (id integer NOT NULL PRIMARY KEY)", "SELECT 1"],
        ["ALTER TABLE t ADD COLUMN d text", "ALTER TABLE t DROP COLUMN d"],
      ]),
    );
    let isAsked = false;
    const go = (direction: Direction, text: string) =>
      migrate(context, {
        goal: { direction, text },
        lockWaitMs: 0,
        beforeSteps: () => Promise.resolve(void (isAsked = true)),
      });
    await go("upgrade", idOf(0));
    const isSqlite = engine.dialect === "sqlite";
    const make = (event: string, table: string) =>
      isSqlite
        ? `CREATE TRIGGER quiet BEFORE ${event} ON ${table} BEGIN SELECT RAISE(IGNORE); END`
        : `CREATE FUNCTION quiet() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NULL; END $$;
        CREATE TRIGGER quiet BEFORE ${event} ON ${table} FOR EACH ROW EXECUTE FUNCTION quiet()`;
    const isThere = async () => JSON.stringify(await database.introspect());
    const before = await isThere();
    for (
      const [event, table, direction] of [
        ["INSERT", "harbor_version", "upgrade"],
        ["UPDATE", "harbor_version", "upgrade"],
        ["DELETE", "harbor_version", "downgrade"],
        ["INSERT", "harbor_ledger", "upgrade"],
        ...isSqlite ? [["UPDATE", "harbor_lock", "upgrade"]] as const : [],
      ] as const
    ) {
      await engine.query(url, make(event, table));
      isAsked = false;
      const error = await failureOf(go(direction, direction === "upgrade" ? "head" : "base"));
      assert.equal(error.code, "schema_mismatch", error.message);
      assert.match(error.message, new RegExp(`the trigger quiet hangs on ${table}`));
      assert.equal(isAsked, false, "no backup was made either");
      const unstamped = await failureOf(stamp(context, idOf(0), 0));
      assert.deepEqual([unstamped.code, unstamped.hint], ["schema_mismatch", error.hint]);
      await engine.query(url, /DROP TRIGGER .*$/.exec(error.hint!)![0]);
      if (!isSqlite) await engine.query(url, "DROP FUNCTION quiet()");
      assert.equal(await isThere(), before);
    }
    // A rule does as a trigger does, and one that never fires does nothing.
    if (!isSqlite) {
      await engine.query(url, "CREATE RULE mute AS ON INSERT TO harbor_version DO INSTEAD NOTHING");
      const error = await failureOf(go("upgrade", "head"));
      assert.match(error.message, /the rule mute hangs on harbor_version/);
      await engine.query(url, /DROP RULE .*$/.exec(error.hint!)![0]);
      await engine.query(url, make("INSERT", "harbor_version"));
      await engine.query(url, "ALTER TABLE harbor_version DISABLE TRIGGER quiet");
    }
    await go("upgrade", "head");
    assert.equal((await readApplied(database))?.length, 2);
  },
);
