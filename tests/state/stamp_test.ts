import assert from "node:assert/strict";
import { test } from "node:test";
import { openSqliteMemory } from "../../src/engines/sqlite/driver.ts";
import { readApplied } from "../../src/engines/version_table.ts";
import { migrate } from "../../src/migrate/migrate.ts";
import { stamp } from "../../src/state/stamp.ts";
import { testClient } from "../support/databases.ts";
import { buildHistory } from "../../src/history/history.ts";
import { readProgress } from "../../src/migrate/read_progress.ts";
import { readMark } from "../../src/backup/position.ts";
import { inspect } from "../../src/adopt/inspect.ts";
import { contextOf } from "../support/samples/adoption.ts";
import { emptySnapshots, historyOf, idOf } from "../support/samples/script_history.ts";

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

/** A history of revisions as drizzle-kit calls them, each with a script that makes a table. */
function historyOfTags(...tags: readonly string[]) {
  const snapshot = JSON.stringify({ ...emptySnapshots.sqlite, id: "1", prevId: "0" });
  const entries = tags.map((tag, idx) => ({ idx, when: idx, tag }));
  return buildHistory("sqlite", {
    folder: "drizzle/sqlite",
    read: (path) =>
      path === "meta/_journal.json"
        ? JSON.stringify({ dialect: "sqlite", entries })
        : path.startsWith("meta/")
        ? snapshot
        : tags.includes(path.replace(".sql", ""))
        ? `CREATE TABLE "${path}" (id INTEGER)`
        : null,
  });
}

test("a revision that has a longer id since a twin came is the one that it was", async () => {
  const database = await openSqliteMemory({ client: testClient, access: "write" });
  try {
    const before = { ...contextOf(database), history: historyOfTags("0000_first", "0001_mine") };
    await migrate(before, { goal: { direction: "upgrade", text: "head" }, lockWaitMs: 0 });
    const history = historyOfTags("0000_first", "0001_mine", "0001_theirs");
    const context = { ...before, history };
    const rows = async () =>
      (await readApplied(database))!.map(({ revision, origin }) => `${revision} ${origin}`).sort();

    const revision = history.revisions[1]!;
    const step = { revision, direction: "upgrade" as const, script: revision.upgrade(), resume: null };
    assert.deepEqual((await readProgress(context, [step])).left, []);
    assert.equal(await readMark(context), (await readMark(before)).replace("0001 ", "0001_mine "));
    assert.deepEqual((await inspect(context)).applied!.map((row) => row.revision), ["0000", "0001_mine"]);

    assert.deepEqual(await stamp(context, "+1", 0), { from: "0001_mine", to: "0001_theirs" });
    assert.deepEqual(await rows(), ["0000 run", "0001_mine run", "0001_theirs stamp"]);
    // And back, as when the twin's branch is given up.
    assert.deepEqual(await stamp(context, "-1", 0), { from: "0001_theirs", to: "0001_mine" });
    assert.deepEqual(await stamp(before, "head", 0), { from: "0001", to: "0001" });
    assert.deepEqual(await rows(), ["0000 run", "0001 run"]);
  } finally {
    await database.close();
  }
});
