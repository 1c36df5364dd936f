import assert from "node:assert/strict";
import type { Dialect } from "../../../src/base/dialect.ts";
import { historyFor } from "../../../src/engines/history_for.ts";
import { readKept } from "../../../src/engines/kept_table.ts";
import { readApplied } from "../../../src/engines/version_table.ts";
import type { Direction } from "../../../src/history/applied.ts";
import { buildHistory, type History } from "../../../src/history/history.ts";
import { revisionFiles } from "../../../src/history/revision_name.ts";
import { migrate } from "../../../src/migrate/migrate.ts";
import { readStatus } from "../../../src/state/read_status.ts";
import { type Given, onEngines } from "../../support/each_engine.ts";
import { contextOf } from "../../support/samples/adoption.ts";
import { ddlOf, historyFiles, type SampleRevision } from "../../support/samples/schema_history.ts";
import { idOf } from "../../support/samples/script_history.ts";

const extra = { columns: { id: "integer!", word: "text" } };
const more = { columns: { ...extra.columns, more: "text" } };
const users = { columns: { id: "integer!", note: "text" } };
const plain = { columns: { id: "integer!" } };

/** The second drops a column on its way up, the third on its way down. */
const revisions: readonly SampleRevision[] = [
  {
    tables: { extra, users },
    up: [...ddlOf("extra", extra), ...ddlOf("users", users)],
    down: ['DROP TABLE "users"', 'DROP TABLE "extra"'],
  },
  {
    tables: { extra, users: plain },
    up: ['ALTER TABLE "users" DROP COLUMN "note"'],
    down: ['ALTER TABLE "users" ADD COLUMN "note" text'],
  },
  {
    tables: { extra: more, users: plain },
    up: ['ALTER TABLE "extra" ADD COLUMN "more" text'],
    down: ['ALTER TABLE "extra" DROP COLUMN "more"'],
  },
];

/** Returns the history of the first revisions as drizzle-kit counts them, or as `drizzle-kit up` lays them out. */
function historyOf(dialect: Dialect, isFoldered: boolean, count = revisions.length): History {
  const written = historyFiles(dialect, revisions);
  const tags = revisions.slice(0, count).map((_, at) =>
    `${isFoldered ? `2024010100000${at}` : `000${at}`}_step_${at}`
  );
  const files = new Map(tags.flatMap((tag, at) => {
    const [up, down, snapshot] = revisionFiles(`${idOf(at)}_step`);
    const ends = { id: `s${at}`, prevId: `s${at - 1}` };
    const texts = [
      written.get(up)!,
      written.get(down)!,
      JSON.stringify({ ...JSON.parse(written.get(snapshot)!), ...ends }),
    ];
    return revisionFiles(tag, isFoldered).map((path, which) => [path, texts[which]!] as const);
  }));
  const entries = tags.map((tag, idx) => ({ idx, when: idx, tag }));
  if (!isFoldered) files.set("meta/_journal.json", JSON.stringify({ dialect, entries }));
  return buildHistory(dialect, {
    folder: "drizzle",
    read: (path) => files.get(path) ?? null,
    folders: () => tags,
  });
}

async function go({ database }: Given, history: History, direction: Direction, text: string) {
  const context = contextOf(database, await historyFor(database, history));
  return await migrate(context, { goal: { direction, text }, lockWaitMs: 0 });
}

/** A database at the second revision, with something kept of the way there and something of the way back from the third. */
async function withKept(given: Given, history: History): Promise<void> {
  const { engine, url } = given;
  const [first, second] = history.revisions.map(({ id }) => id);
  await go(given, history, "upgrade", first!);
  await engine.query(url, "INSERT INTO users (id, note) VALUES (1, 'of the upgrade')");
  await go(given, history, "upgrade", "head");
  await engine.query(url, "INSERT INTO extra (id, word, more) VALUES (1, 'a', 'of the downgrade')");
  await go(given, history, "downgrade", second!);
}

onEngines(
  ["sqlite file", "postgres 15"],
  "what is kept comes back where drizzle-kit 1.0 laid the history out anew, and not before its step is undone",
  async (given) => {
    const { database, engine, url } = given;
    const { dialect } = engine;
    const after = historyOf(dialect, true);
    await withKept(given, historyOf(dialect, false));
    const { unreturned, kept } = await readStatus(contextOf(database, after));
    assert.deepEqual(unreturned, []);
    assert.deepEqual(kept?.map(({ revision }) => revision), ["20240101000001", "20240101000002"]);
    // Nothing is to be done: what the upgrade kept stays aside.
    assert.deepEqual((await go(given, after, "upgrade", "20240101000001")).returned, []);
    assert.deepEqual((await readKept(database)).map(({ state }) => state), ["kept", "kept"]);
    await go(given, after, "upgrade", "head");
    assert.deepEqual(await engine.query(url, "SELECT more FROM extra"), [{ more: "of the downgrade" }]);
    await go(given, after, "downgrade", "20240101000000");
    assert.deepEqual(await engine.query(url, "SELECT note FROM users"), [{ note: "of the upgrade" }]);
  },
);

onEngines(
  ["sqlite file", "postgres 15"],
  "a release of before drizzle-kit 1.0 laid the history out anew goes on with it, and back by the ledger",
  async (given) => {
    const { database, engine, url } = given;
    const { dialect } = engine;
    await withKept(given, historyOf(dialect, true));
    await go(given, historyOf(dialect, true), "upgrade", "head");
    const before = historyOf(dialect, false, 1);
    // The second time nothing but the ledger tells behind which one the second stands.
    for (const left of [["0000", "20240101000001"], ["0000"]]) {
      const [step] = (await go(given, before, "downgrade", "-1")).steps;
      assert.equal(step?.source, "ledger");
      const ids = (await readApplied(database))?.map(({ revision }) => revision).toSorted();
      assert.deepEqual(ids, left);
    }
    assert.deepEqual(await engine.query(url, "SELECT note FROM users"), [{ note: "of the upgrade" }]);
    await go(given, historyOf(dialect, false), "upgrade", "head");
    assert.deepEqual((await engine.query(url, "SELECT more FROM extra")).length, 1);
  },
);
