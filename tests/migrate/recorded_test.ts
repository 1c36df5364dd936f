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
      ["ALTER TABLE t ADD COLUMN d text", "ALTER TABLE t DROP COLUMN d"],
      ["CREATE TABLE u (id integer NOT NULL PRIMARY KEY)", "DROP TABLE u"],
    ]),
  );
  const go = (direction: Direction, text: string) =>
    migrate(context, { goal: { direction, text }, lockWaitMs: 0 });
  await go("upgrade", idOf(0));
  // It goes by what is written, and lets the look before pass.
  await engine.query(
    url,
    `CREATE TRIGGER quiet BEFORE INSERT ON harbor_version WHEN NEW.finished_at IS NOT NULL BEGIN SELECT RAISE(IGNORE); END`,
  );
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
  "a step that something would keep off the record does not begin",
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
    const words = (event: string, body: string) =>
      isSqlite
        ? `CREATE TRIGGER quiet BEFORE ${event} ON harbor_version BEGIN SELECT ${body}; END`
        : `CREATE FUNCTION quiet() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN ${body}; END $$;
        CREATE TRIGGER quiet BEFORE ${event} ON harbor_version FOR EACH ROW EXECUTE FUNCTION quiet()`;
    const drop = isSqlite
      ? "DROP TRIGGER quiet"
      : "DROP TRIGGER quiet ON harbor_version; DROP FUNCTION quiet()";
    const ignore = isSqlite ? "RAISE(IGNORE)" : "RETURN NULL";
    const refuse = isSqlite ? "RAISE(ABORT, 'no more')" : "RAISE 'no more'";
    const { tables } = await database.introspect();
    for (
      const [event, body, direction] of [
        ["INSERT", ignore, "upgrade"],
        ["UPDATE", ignore, "upgrade"],
        ["INSERT", refuse, "upgrade"],
        ["DELETE", ignore, "downgrade"],
      ] as const
    ) {
      await engine.query(url, words(event, body));
      isAsked = false;
      const error = await failureOf(go(direction, direction === "upgrade" ? "head" : "base"));
      assert.equal(error.code, "schema_mismatch", error.message);
      assert.match(error.message, /harbor_version keeps its record from being written \(quiet\)/);
      assert.equal(isAsked, false, "no backup was made either");
      assert.deepEqual((await database.introspect()).tables, tables);
      await engine.query(url, drop);
    }
    // What only looks on is no obstacle.
    await engine.query(url, words("INSERT", isSqlite ? "1" : "RETURN NEW"));
    await go("upgrade", "head");
    assert.equal((await readApplied(database))?.length, 2);
  },
);
