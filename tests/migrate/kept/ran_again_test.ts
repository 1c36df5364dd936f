import assert from "node:assert/strict";
import { readKept } from "../../../src/engines/kept_table.ts";
import { migrate } from "../../../src/migrate/migrate.ts";
import { pruneKept } from "../../../src/migrate/kept/prune.ts";
import type { Direction } from "../../../src/history/applied.ts";
import { type Given, onEngines } from "../../support/each_engine.ts";
import { contextOf } from "../../support/samples/adoption.ts";
import { historyOf } from "../../support/samples/script_history.ts";

const one = ["sqlite file", "libsql", "postgres 15"] as const;

/** A table, what makes it, and a column of it that the last revision adds. */
function contextFor({ database, engine }: Given) {
  const history = historyOf(engine.dialect, [
    ["CREATE TABLE other (id integer PRIMARY KEY)", "DROP TABLE other"],
    ["CREATE TABLE notes (id integer PRIMARY KEY)", "DROP TABLE notes"],
    ["ALTER TABLE notes ADD COLUMN body text", "ALTER TABLE notes DROP COLUMN body"],
  ]);
  return contextOf(database, history);
}

function going(given: Given) {
  return (direction: Direction, text: string, keep = true) =>
    migrate(contextFor(given), { goal: { direction, text }, lockWaitMs: 0, keep });
}

/** Goes to head and writes two notes. */
async function withNotes(given: Given) {
  const go = going(given);
  const run = (text: string) => given.engine.query(given.url, text);
  await go("upgrade", "head");
  await run("INSERT INTO notes VALUES (1, 'one'), (2, 'two')");
  return { go, run };
}

onEngines(
  one,
  "what is kept of rows whose table was let go and made again is not taken for deleted",
  async (given) => {
    const { go, run } = await withNotes(given);
    await go("downgrade", "-1");
    await go("downgrade", "-1", false);
    await go("upgrade", "+1");
    // The same notes by other numbers, as whoever has them elsewhere writes them again.
    await run("INSERT INTO notes VALUES (11), (12)");
    assert.deepEqual((await pruneKept(contextFor(given))).pruned, []);
    const { steps, pruned } = await go("upgrade", "head");
    assert.deepEqual(pruned, []);
    assert.deepEqual(steps.flatMap(({ returned }) => returned).map(({ deleted, left }) => [deleted, left]), [[
      0,
      2,
    ]]);
    const { unpruned } = await pruneKept(contextFor(given));
    assert.deepEqual(unpruned.map(({ table, rows }) => [table, rows]), [["notes", 2]]);
    assert.deepEqual((await readKept(given.database)).map(({ state, rows }) => [state, rows]), [["left", 2]]);
  },
);

onEngines(
  one,
  "of a table that another revision left alone rows that were deleted are forgotten",
  async (given) => {
    const { go, run } = await withNotes(given);
    await go("downgrade", "-1");
    await run("DELETE FROM notes WHERE id = 2");
    const { steps } = await go("upgrade", "head");
    assert.deepEqual(steps.flatMap(({ returned }) => returned).map(({ deleted, left }) => [deleted, left]), [[
      1,
      0,
    ]]);
    assert.deepEqual((await run("SELECT id, body FROM notes")).map(Object.values), [[1, "one"]]);
    assert.deepEqual(await readKept(given.database), []);
  },
);

onEngines(one, "what was kept on the whole way down comes back on the whole way up", async (given) => {
  const { go, run } = await withNotes(given);
  await go("downgrade", "base");
  await go("upgrade", "head");
  const rows = await run("SELECT id, body FROM notes ORDER BY id");
  assert.deepEqual(rows.map(Object.values), [[1, "one"], [2, "two"]]);
  assert.deepEqual(await readKept(given.database), []);
});
