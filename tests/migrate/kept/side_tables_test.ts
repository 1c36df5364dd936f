import assert from "node:assert/strict";
import { forgetKept, readKept } from "../../../src/engines/kept_table.ts";
import type { Direction } from "../../../src/history/applied.ts";
import { pruneKept } from "../../../src/migrate/kept/prune.ts";
import { requireThere } from "../../../src/migrate/kept/side_tables.ts";
import { migrate } from "../../../src/migrate/migrate.ts";
import { type Given, onEngines } from "../../support/each_engine.ts";
import { readStatus } from "../../../src/state/read_status.ts";
import { rejectsWith } from "../../support/harbor_error.ts";
import { contextOf } from "../../support/samples/adoption.ts";
import { historyOf, idOf } from "../../support/samples/script_history.ts";

const two = ["sqlite file", "postgres 15"] as const;

/** Goes along a history of a table and a revision that adds `d` to it. */
function along({ engine, database }: Given, columns = "c text") {
  const history = historyOf(engine.dialect, [
    [`CREATE TABLE t (id integer NOT NULL PRIMARY KEY, ${columns})`, "SELECT 1"],
    ["ALTER TABLE t ADD COLUMN d text", "ALTER TABLE t DROP COLUMN d"],
  ]);
  return (direction: Direction, text: string, keep = true) =>
    migrate(contextOf(database, history), { goal: { direction, text }, lockWaitMs: 0, keep });
}

onEngines(two, "without its side table nothing is undone, and the way on is named", async (given) => {
  const { engine, database, url } = given;
  const go = along(given);
  await go("upgrade", "head");
  await engine.query(url, "INSERT INTO t (id, d) VALUES (1, 'one'), (2, 'two')");
  await go("downgrade", "-1");
  const [kept] = await readKept(database);
  await engine.query(url, `DROP TABLE ${kept!.sideTable}`);
  const error = await rejectsWith("missing_table", go("upgrade", "head"));
  assert.equal(
    error.message,
    `Cannot put back what was kept of "t": harbor_kept_1 is missing, in which the downgrade of ${
      idOf(1)
    } put aside 2 rows of t`,
  );
  assert.match(error.hint!, /harbor-db backup list; where it is given up: harbor-db kept drop 1$/);
  assert.equal((await engine.query(url, "SELECT * FROM t"))[0]!["d"], undefined);
  // The way on, and what has nothing to do with it: a view in its place as well.
  assert.deepEqual(await pruneKept(contextOf(database)), { pruned: [], unpruned: [] });
  await engine.query(url, `CREATE VIEW ${kept!.sideTable} AS SELECT 1 AS a`);
  await forgetKept(database, [kept!]);
  assert.deepEqual((await engine.query(url, `SELECT a FROM ${kept!.sideTable}`)).map(Object.values), [[1]]);
  assert.deepEqual(await readKept(database), []);
  await go("upgrade", "head");
  assert.deepEqual((await engine.query(url, "SELECT d FROM t")).map(Object.values), [[null], [null]]);
});

onEngines(two, "what somebody lets go of while it is looked at is not missed", async (given) => {
  const { engine, database, url } = given;
  const go = along(given);
  await go("upgrade", "head");
  await engine.query(url, "INSERT INTO t (id, d) VALUES (1, 'one')");
  await go("downgrade", "-1");
  const [kept] = await readKept(database);
  await requireThere(database, [kept!]);
  await forgetKept(database, [kept!]);
  await requireThere(database, [kept!]);
});

onEngines(two, "what a registry says a script gives runs only as a literal", async (given) => {
  const { engine, url, database } = given;
  const go = along(given);
  await go("upgrade", "head");
  await engine.query(url, "INSERT INTO t (id, d) VALUES (1, 'one')");
  await go("downgrade", "-1");
  const give = (text: string) =>
    engine.query(
      url,
      `UPDATE harbor_kept SET kept_columns = '${
        JSON.stringify([{ name: "d", type: "text", given: text }]).replaceAll("'", "''")
      }'`,
    );
  for (const text of ["(SELECT max(d) FROM t)", "NULL) OR (1=1", "'a' || 'b'", "'a'; DROP TABLE t"]) {
    await give(text);
    const error = await rejectsWith("not_a_database", go("upgrade", "head"));
    assert.match(
      error.message,
      /^Cannot use "harbor_kept": what its row 1 gives column "d" is no literal/,
    );
    assert.match(error.hint!, /harbor-db kept drop 1$/);
    assert.equal((await engine.query(url, "SELECT * FROM t"))[0]!["d"], undefined);
  }
  assert.equal((await readKept(database)).length, 1);
  await give("NULL");
  await go("upgrade", "head");
  assert.deepEqual((await engine.query(url, "SELECT d FROM t")).map(Object.values), [["one"]]);
});

onEngines(two, "a table of another's that is called like a side table is left alone", async (given) => {
  const { engine, url } = given;
  const go = along(given);
  await go("upgrade", "head");
  await engine.query(url, "CREATE TABLE harbor_kept_1 (id integer)");
  await engine.query(url, "INSERT INTO t (id, d) VALUES (1, 'one')");
  const { steps: [down] } = await go("downgrade", "-1");
  assert.deepEqual(down!.kept.map(({ id, rows }) => [id, rows]), [[2, 1]]);
  await go("upgrade", "head");
  assert.deepEqual((await engine.query(url, "SELECT d FROM t")).map(Object.values), [["one"]]);
  assert.deepEqual(await engine.query(url, "SELECT * FROM harbor_kept_1"), []);
});

onEngines(
  two,
  "a column that is called like one of side tables is named before anything is changed",
  async (given) => {
    const { engine, url } = given;
    const go = along(given, "harbor_row integer");
    await go("upgrade", "head");
    await engine.query(url, "INSERT INTO t (id, d) VALUES (1, 'one')");
    const error = await rejectsWith("data_conflict", go("downgrade", "-1"));
    assert.match(
      error.message,
      /^Cannot put aside what goes of "t": its column harbor_row is called like one that/,
    );
    assert.match(error.hint!, /--no-keep$/);
    assert.equal((await engine.query(url, "SELECT d FROM t"))[0]!["d"], "one");
    await go("downgrade", "-1", false);
    assert.equal((await engine.query(url, "SELECT * FROM t"))[0]!["d"], undefined);
  },
);

onEngines(
  ["postgres 18"],
  "a table that goes with one from which it inherits is named before anything is changed",
  async (given) => {
    const { database, engine, url } = given;
    const history = historyOf("postgresql", [
      ["SELECT 1", "SELECT 1"],
      [
        "CREATE TABLE t (id integer PRIMARY KEY);--> statement-breakpoint\nCREATE TABLE h (d text) INHERITS (t)",
        "DROP TABLE t CASCADE",
      ],
    ]);
    const go = (direction: "upgrade" | "downgrade", text: string, keep = true) =>
      migrate(contextOf(database, history), { goal: { direction, text }, lockWaitMs: 0, keep });
    await go("upgrade", "head");
    await engine.query(url, "INSERT INTO h VALUES (1, 'one')");
    const error = await rejectsWith("data_conflict", go("downgrade", "-1"));
    assert.match(error.message, /^Cannot put aside what goes of "t": its heir h goes with it/);
    assert.match(error.hint!, /^Drop h by name before it\. .* --no-keep$/);
    assert.equal((await engine.query(url, "SELECT d FROM h"))[0]!["d"], "one");
    await go("downgrade", "-1", false);
  },
);

onEngines(two, "where there is nothing to keep none is made, but for what comes meanwhile", async (given) => {
  const { database, engine, url } = given;
  const made: string[] = [];
  let meanwhile = () => Promise.resolve();
  const go = along({
    ...given,
    database: {
      ...database,
      async write(batch, mode) {
        if (JSON.stringify(batch).includes("DROP COLUMN d")) await meanwhile();
        made.push(JSON.stringify(batch));
        return await database.write(batch, mode);
      },
    },
  });
  await go("upgrade", "head");
  await engine.query(url, "INSERT INTO t (id) VALUES (1)");
  const { steps: [empty] } = await go("downgrade", "-1");
  assert.deepEqual(empty!.kept, []);
  assert.equal(made.some((text) => text.includes("harbor_kept")), false);

  await go("upgrade", "head");
  // Behind the look, and before the batch.
  meanwhile = async () => {
    meanwhile = () => Promise.resolve();
    await engine.query(url, "UPDATE t SET d = 'late'");
  };
  const { steps: [late] } = await go("downgrade", "-1");
  assert.deepEqual(late!.kept.map(({ columns, rows }) => [columns, rows]), [[["d"], 1]]);
  await go("upgrade", "head");
  assert.deepEqual((await engine.query(url, "SELECT d FROM t")).map(Object.values), [["late"]]);
});

onEngines(
  ["sqlite file", "libsql", "postgres 15"],
  "a side table that a run which was killed left empty is not counted, and goes with the next run",
  async ({ database, engine, url }) => {
    const history = historyOf(engine.dialect, [
      ["CREATE TABLE t (id integer PRIMARY KEY)", "DROP TABLE t"],
      ["ALTER TABLE t ADD COLUMN d text", "ALTER TABLE t DROP COLUMN d"],
      ["CREATE TABLE u (id integer PRIMARY KEY)", "DROP TABLE u"],
    ]);
    const context = contextOf(database, history);
    const go = (direction: "upgrade" | "downgrade", text: string) =>
      migrate(context, { goal: { direction, text }, lockWaitMs: 0 });
    await go("upgrade", "head");
    await engine.query(url, "INSERT INTO t VALUES (1, 'd')");
    await go("downgrade", "-2");
    const [kept] = await readKept(database);
    await engine.query(url, `DELETE FROM ${kept!.sideTable}`);
    await engine.query(url, "UPDATE harbor_kept SET row_count = 0");
    assert.deepEqual((await readStatus(context)).kept, []);
    await go("downgrade", "-1");
    assert.deepEqual((await readKept(database)).map(({ table, kind }) => [table, kind]), [["t", "table"]]);
    await go("upgrade", "head");
    assert.deepEqual(await readKept(database), []);
  },
);
