import assert from "node:assert/strict";
import { test } from "node:test";
import type { ErrorCode, HarborError } from "../../src/base/errors.ts";
import type { Database } from "../../src/engines/database.ts";
import { historyFor } from "../../src/engines/history_for.ts";
import { readKept } from "../../src/engines/kept_table.ts";
import { readLedger } from "../../src/engines/ledger.ts";
import type { RunContext } from "../../src/engines/run_context.ts";
import { readApplied } from "../../src/engines/version_table.ts";
import type { History } from "../../src/history/history.ts";
import { snapshotIfThere } from "../../src/history/revision_schema.ts";
import { migrate } from "../../src/migrate/migrate.ts";
import { compareSnapshots } from "../../src/schema/compare/snapshots.ts";
import { readStatus } from "../../src/state/read_status.ts";
import { stamp } from "../../src/state/stamp.ts";
import { judgeLedger } from "../../src/verify/rules/judge_ledger.ts";
import { engines, withTestDatabase } from "../support/databases.ts";
import type { Given } from "../support/each_engine.ts";
import { failureOf } from "../support/harbor_error.ts";
import { contextOf } from "../support/samples/adoption.ts";
import { historyOf, idOf } from "../support/samples/script_history.ts";
import {
  ddlOf,
  type SampleRevision,
  type SampleTable,
  schemaHistory,
} from "../support/samples/schema_history.ts";

/** A second PostgreSQL tells nothing new. */
function on(names: readonly string[], rule: string, work: (given: Given) => Promise<void>): void {
  for (const engine of engines.filter(({ name }) => names.includes(name))) {
    test(`${engine.name}: ${rule}`, () =>
      engine.withDatabase((url) => withTestDatabase(url, (database) => work({ engine, url, database }))));
  }
}

const every = ["sqlite file", "libsql", "postgres 15"];
const plain = ["sqlite file"];

/** Returns what a release of before has of a history. */
function cut(history: History, length: number): History {
  return { ...history, revisions: history.revisions.slice(0, length) };
}

async function contextWith(database: Database, history: History): Promise<RunContext> {
  return contextOf(database, await historyFor(database, history));
}

async function run(database: Database, history: History, direction: "upgrade" | "downgrade", text: string) {
  const context = await contextWith(database, history);
  return await migrate(context, { goal: { direction, text }, lockWaitMs: 0 });
}

const files: SampleTable = { columns: { id: "integer!", size: "integer" } };
const wide: SampleTable = { columns: { ...files.columns, name: "text" } };
const notes: SampleTable = { columns: { id: "integer!", body: "text" } };

/** Three revisions; what the second does can only be undone in phases. */
const releases: readonly SampleRevision[] = [
  { tables: { files }, up: ddlOf("files", files), down: ['DROP TABLE "files"'] },
  {
    tables: { files: wide },
    up: ['ALTER TABLE "files" ADD COLUMN "name" text'],
    down: [
      '\n-- harbor:backfill table=files key=id\nUPDATE "files" SET "size" = "size" + 1',
      'ALTER TABLE "files" DROP COLUMN "name"',
    ],
  },
  { tables: { files: wide, notes }, up: ddlOf("notes", notes), down: ['DROP TABLE "notes"'] },
];

on(
  every,
  "a release that lacks two revisions names them, goes back past them and no further up",
  async (given) => {
    const { engine, url, database } = given;
    const newer = schemaHistory(engine.dialect, releases);
    const older = cut(newer, 1);
    await run(database, newer, "upgrade", "head");
    await engine.query(url, "INSERT INTO files (id, size, name) VALUES (1, 10, 'a'), (2, 20, NULL)");

    const context = await contextWith(database, older);
    const status = await readStatus(context);
    assert.equal(status.current?.revision, idOf(2));
    assert.equal(status.head?.revision, idOf(0));
    assert.deepEqual(status.pending, []);
    assert.deepEqual(status.ahead.map(({ revision, wayBack }) => [revision, wayBack]), [
      [idOf(1), "ledger"],
      [idOf(2), "ledger"],
    ]);
    // What it does not have of the schemas it knows from there.
    for (const [place, { revisions }] of [context.history, newer].entries()) {
      assert.equal(
        revisions.length,
        3,
        `${place}`,
      );
    }
    for (const [at, revision] of context.history.revisions.entries()) {
      assert.deepEqual(snapshotIfThere(revision), snapshotIfThere(newer.revisions[at]!));
    }
    const live = await database.introspect();
    assert.deepEqual(compareSnapshots(snapshotIfThere(context.history.revisions[2]!)!, live), []);

    for (const text of ["head", "+1", idOf(2)]) {
      const { message, hint } = await refused("missing_revision", run(database, older, "upgrade", text));
      assert.match(message, new RegExp(`${idOf(1)} .*${idOf(2)} `));
      assert.match(hint!, new RegExp(`harbor-db downgrade ${idOf(0)}`));
    }

    const { steps, to } = await run(database, older, "downgrade", "head");
    assert.deepEqual(steps.map(({ revision, source }) => [revision, source]), [
      [idOf(2), "ledger"],
      [idOf(1), "ledger"],
    ]);
    assert.equal(to, idOf(0));
    assert.deepEqual(
      (await engine.query(url, "SELECT * FROM files ORDER BY id")).map((row) =>
        Object.values(row).map(Number)
      ),
      [[1, 11], [2, 21]],
    );
    assert.deepEqual((await readApplied(database))?.map(({ revision }) => revision), [idOf(0)]);
    assert.deepEqual((await readLedger(database))?.map(({ revision }) => revision), [idOf(0)]);
    assert.deepEqual((await run(database, older, "upgrade", "head")).steps, []);
    assert.equal((await run(database, newer, "upgrade", "head")).to, idOf(2));
    // What the older release put aside, by a script that it does not have, the newer one puts back.
    const back = await engine.query(url, "SELECT id, size, name FROM files ORDER BY id");
    assert.deepEqual(back.map(({ id, size, name }) => [Number(id), Number(size), name]), [
      [1, 10, "a"],
      [2, 20, null],
    ]);
    assert.deepEqual(await readKept(database), []);
  },
);

on(
  every,
  "a downgrade out of the ledger that is killed goes on, by the script with which it began",
  async (given) => {
    const { engine, url, database } = given;
    const newer = schemaHistory(engine.dialect, releases);
    // It was mended since, into one statement: after the first, nothing would be left of it.
    const mended = schemaHistory(
      engine.dialect,
      releases.map((each, at) =>
        at === 1 ? { ...each, down: ['ALTER TABLE "files" DROP COLUMN "name"'] } : each
      ),
    );
    for (const release of [cut(newer, 1), mended]) {
      await run(database, newer, "upgrade", idOf(1));
      await engine.query(url, "DELETE FROM files");
      await engine.query(url, "INSERT INTO files (id, size) VALUES (1, 10)");
      let left = 2;
      const killed: Database = {
        ...database,
        async write(batch, mode) {
          if (left-- === 0) throw new Killed();
          return await database.write(batch, mode);
        },
      };
      await assert.rejects(run(killed, cut(newer, 1), "downgrade", idOf(0)), Killed);
      const [, half] = await readApplied(database) ?? [];
      assert.equal(half?.finishedAt, null);
      const { steps } = await run(database, release, "downgrade", idOf(0));
      assert.deepEqual(steps.map(({ source }) => source), ["ledger"]);
      const [row] = await engine.query(url, "SELECT * FROM files");
      assert.deepEqual(Object.values(row!).map(Number), [1, 11]);
    }
  },
);

class Killed extends Error {}

async function refused(code: ErrorCode, promise: Promise<unknown>): Promise<HarborError> {
  const error = await failureOf(promise);
  assert.equal(error.code, code, error.message);
  return error;
}

on(
  plain,
  "a row that was changed is found, refused by name, and written anew by who has the revision",
  async (given) => {
    const { engine, url, database } = given;
    const newer = schemaHistory(engine.dialect, releases);
    const older = cut(newer, 1);
    await run(database, newer, "upgrade", "head");
    const changes = [
      "downgrade = 'DROP TABLE files'",
      "downgrade = NULL, downgrade_checksum = NULL",
      "parent = NULL",
      `parent = '${idOf(7)}'`,
      "tag = 'x'",
      "dialect = 'postgresql'",
      "form = 2",
      `upgrade_checksum = '${"0".repeat(64)}'`,
      `schema_change = '{"base":null,"delta":{"to":{}}}'`,
      "recorded_by = 'nobody'",
      `checksum = '${"0".repeat(64)}'`,
    ];
    const applied = await readApplied(database) ?? [];
    for (const change of changes) {
      await engine.query(url, `UPDATE harbor_ledger SET ${change} WHERE revision = '${idOf(2)}'`);
      const { message } = await refused("checksum_mismatch", run(database, older, "downgrade", idOf(0)));
      assert.match(message, new RegExp(`"${idOf(2)}".*harbor_ledger`), change);
      assert.equal((await readStatus(await contextWith(database, older))).ahead.at(-1)?.wayBack, "damaged");
      for (const history of [older, newer]) {
        const { history: seen } = await contextWith(database, history);
        const found = judgeLedger(seen, applied, await readLedger(database));
        assert.deepEqual(found.map(({ status }) => status), ["fail"], change);
        assert.match(found[0]!.message, new RegExp(idOf(2)));
      }
      assert.equal(
        (await engine.query(url, "SELECT name FROM sqlite_schema WHERE name = 'notes'")).length,
        1,
      );
      await run(database, newer, "upgrade", "head");
      assert.deepEqual(judgeLedger(newer, applied, await readLedger(database)), [], change);
    }
    // One from another database is whole, and not of what was applied here.
    await engine.query(url, `UPDATE harbor_version SET checksum = 'x' WHERE revision = '${idOf(2)}'`);
    await refused("checksum_mismatch", run(database, older, "downgrade", idOf(0)));
  },
);

on(plain, "a damaged row in the middle lets nobody past it, whatever it says of its place", async (given) => {
  const { engine, url, database } = given;
  const newer = schemaHistory(engine.dialect, releases);
  await run(database, newer, "upgrade", "head");
  await engine.query(url, `UPDATE harbor_ledger SET parent = NULL WHERE revision = '${idOf(1)}'`);
  const older = cut(newer, 1);
  const { steps, to } = await run(database, older, "downgrade", idOf(1));
  assert.deepEqual([to, steps.map(({ revision }) => revision)], [idOf(1), [idOf(2)]]);
  await refused("checksum_mismatch", run(database, older, "downgrade", "base"));
});

on(
  every,
  "a database of an earlier release gets the ways back from the next upgrade, also with nothing to do",
  async (given) => {
    const { engine, url, database } = given;
    const newer = schemaHistory(engine.dialect, releases);
    await run(database, newer, "upgrade", idOf(1));
    await engine.query(url, "DROP TABLE harbor_ledger");
    const { hint } = await refused("missing_revision", run(database, cut(newer, 1), "downgrade", "base"));
    assert.match(hint!, /does not carry the way back/);
    const applied = await readApplied(database) ?? [];
    assert.match(judgeLedger(newer, applied, null)[0]!.message, new RegExp(`${idOf(0)}, ${idOf(1)}`));
    assert.deepEqual((await run(database, newer, "upgrade", idOf(1))).steps, []);
    assert.deepEqual(judgeLedger(newer, applied, await readLedger(database)), []);
    // A release that knows no ledger leaves in it what it took back.
    await engine.query(url, `DELETE FROM harbor_version WHERE revision = '${idOf(1)}'`);
    await engine.query(url, 'ALTER TABLE "files" DROP COLUMN "name"');
    await run(database, cut(newer, 1), "upgrade", "head");
    assert.deepEqual((await readLedger(database))?.map(({ revision }) => revision), [idOf(0)]);
  },
);

on(
  plain,
  "a script that was mended since runs where the history has it, and reaches the ledger by an upgrade",
  async ({ engine, url, database }) => {
    const [files = "", ...downs] = [
      "CREATE TABLE files (id integer PRIMARY KEY)",
      "DROP TABLE filess",
      "DROP TABLE files",
    ];
    const [released, mended] = downs.map((down) =>
      historyOf(engine.dialect, [["SELECT 1", "SELECT 2"], [files, down]])
    );
    await run(database, released!, "upgrade", "head");
    await refused("missing_table", run(database, cut(mended!, 1), "downgrade", idOf(0)));
    const applied = await readApplied(database) ?? [];
    const [found] = judgeLedger(mended!, applied, await readLedger(database));
    assert.equal(found?.status, "warn");
    assert.equal((await run(database, mended!, "downgrade", idOf(0))).steps[0]?.source, "history");
    await run(database, released!, "upgrade", "head");
    await run(database, mended!, "upgrade", "head");
    await run(database, cut(mended!, 1), "downgrade", idOf(0));
    assert.deepEqual(await engine.query(url, "SELECT name FROM sqlite_schema WHERE name = 'files'"), []);
  },
);

on(
  plain,
  "what cannot be undone says so, and an upgrade that stopped half way is for its own release",
  async ({ engine, database }) => {
    const up = "\n-- harbor:alone\nSELECT 1;\n-- harbor:alone\nSELECT nothing";
    const newer = historyOf(engine.dialect, [["SELECT 1", "SELECT 2"], "SELECT 3", [up, "SELECT 4"]]);
    await run(database, newer, "upgrade", idOf(1));
    const { hint } = await refused("irreversible", run(database, cut(newer, 1), "downgrade", "base"));
    assert.match(hint!, /had none/);
    await assert.rejects(run(database, newer, "upgrade", "head"));
    const older = cut(newer, 2);
    const error = await refused("unfinished", run(database, older, "downgrade", "-1"));
    assert.match(error.hint!, /Only a release that has the revision can finish it/);
    await refused("missing_revision", run(database, older, "upgrade", "head"));
  },
);

const reaching = [
  "ATTACH DATABASE '/tmp/harbor_reach' AS x",
  "\n-- harbor:alone\nVACUUM INTO '/tmp/harbor_reach'",
  "PRAGMA writable_schema = ON",
  "/* */ pragma main . 'writable_schema' = 1",
  "detach database x",
];
on(plain, "a script out of a database does not reach out of it", async ({ engine, database }) => {
  for (const down of reaching) {
    const newer = historyOf(engine.dialect, [["SELECT 1", "SELECT 2"], ["SELECT 3", down]]);
    await run(database, newer, "upgrade", "head");
    await refused("untrusted_owner", run(database, cut(newer, 1), "downgrade", idOf(0)));
    await stamp(await contextWith(database, newer), "base", 0);
    assert.deepEqual(await readLedger(database), []);
  }
  // What drizzle-kit writes around a rebuild does not.
  const newer = historyOf(engine.dialect, [["SELECT 1", "SELECT 2"], [
    "SELECT 3",
    "PRAGMA foreign_keys=OFF",
  ]]);
  await run(database, newer, "upgrade", "head");
  assert.equal((await run(database, cut(newer, 1), "downgrade", idOf(0))).steps.length, 1);
});

on(
  plain,
  "a stamp puts on record the way back past what it says is applied",
  async ({ engine, database }) => {
    const newer = historyOf(engine.dialect, [["SELECT 1", "SELECT 2"], ["SELECT 3", "SELECT 4"]]);
    await stamp(await contextWith(database, newer), "head", 0);
    assert.deepEqual((await readLedger(database))?.map(({ downgrade }) => downgrade), [
      "SELECT 2",
      "SELECT 4",
    ]);
    // On the word of who lacks the second, the schema is the first's.
    await stamp(await contextWith(database, cut(newer, 1)), "head", 0);
    assert.deepEqual((await readLedger(database))?.map(({ revision }) => revision), [idOf(0)]);
  },
);
