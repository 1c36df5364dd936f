import assert from "node:assert/strict";
import { test } from "node:test";
import { adopt } from "../../src/adopt/adopt.ts";
import { adoptionBatches } from "../../src/adopt/bridge_beside.ts";
import { prepareAdoption } from "../../src/adopt/prepare.ts";
import { renderBatches } from "../../src/engines/render_script.ts";
import type { RunContext } from "../../src/engines/run_context.ts";
import { tryAdoption } from "../../src/rehearse/of_adoption.ts";
import { engines } from "../support/databases.ts";
import { rejectsWith } from "../support/harbor_error.ts";
import { withContext } from "../support/samples/adoption.ts";
import { useApplication } from "../support/samples/open_harbor.ts";
import { makeOrigin, origins } from "../support/samples/origins.ts";

const engine = engines.find(({ name }) => name === "postgres 15")!;
const models = origins.find(({ name }) => name === "create_all of the newest commit")!;

/** So many files that no bridge may hold their table. */
const files = "INSERT INTO files (id, uuid, filename, original_filename, mime_type, size, storage_path, " +
  "collection_id, storage_backend) SELECT i, 'g-' || i, 'f', 'o', 'm', i, 'p', 2, " +
  "CASE WHEN i % 5 > 0 THEN 'local' END FROM generate_series(1001, 11000) i; " +
  "SELECT setval('files_id_seq', 11000)";

function withLarge(work: (url: string) => Promise<void>): Promise<void> {
  return engine.withDatabase(async (url) => {
    await makeOrigin(engine, url, models);
    await engine.query(url, files);
    await work(url);
  });
}

test("no transaction of a bridge in phases locks two tables that its statements alter one by one", () =>
  engine.withDatabase(async (url) => {
    await makeOrigin(engine, url, origins.find(({ name }) => name === "create_all before R2")!);
    await engine.query(
      url,
      "INSERT INTO files (uuid, filename, original_filename, mime_type, size, storage_path, collection_id) " +
        "SELECT 'g-' || i, 'f', 'o', 'm', i, 'p', (SELECT min(id) FROM collections) FROM generate_series(1, 10000) i",
    );
    const script = await withContext(url, async (context) => {
      const adoption = await prepareAdoption(context);
      return renderBatches(context.database, await adoptionBatches(context, adoption));
    });
    // The ledger keeps scripts as texts.
    const statements = script.replaceAll(/'(?:[^']|'')*'/g, "''");
    const transactions = statements.split(/^BEGIN;$/m).slice(1).map((text) => text.split(/^COMMIT;$/m)[0]!);
    const altered = transactions.map((
      text,
    ) => [...new Set([...text.matchAll(/^ALTER TABLE ("\w+")/gm)].map(([, table]) => table!))]);
    assert.deepEqual(altered.filter((tables) => tables.length > 1), []);
    assert.deepEqual(new Set(altered.flat()), new Set(['"users"', '"files"', '"collections"']));
    await adoptUntil(url, Infinity);
    await useApplication(engine, url);
  }));

/** Takes over a database, and ends as a process that is killed before so many batches are written. */
async function adoptUntil(url: string, batches: number): Promise<boolean> {
  let left = batches;
  try {
    await withContext(url, (context) => {
      const write: RunContext["database"]["write"] = (batch, mode) => {
        if (left-- === 0) throw new Error("killed");
        return context.database.write(batch, mode);
      };
      return adopt({ ...context, database: { ...context.database, write } }, { lockWaitMs: 0 });
    });
    return true;
  } catch (error) {
    assert.match(String(error), /killed/);
    return false;
  }
}

const contents =
  "SELECT id, uuid, filename, size, storage_path, coalesce(storage_backend, 'local') AS backend, " +
  "collection_id FROM files ORDER BY id";

test("a large database is bridged in phases, and one that is killed goes on from there, managed only at its end", () =>
  withLarge(async (url) => {
    // An index that has to become unique, and what a broken-off attempt at that left.
    for (
      const statement of [
        "DROP INDEX ix_files_uuid",
        "CREATE INDEX ix_files_uuid ON files (uuid)",
        "UPDATE files SET uuid = 'f-1' WHERE id = 2",
      ]
    ) await engine.query(url, statement);
    await assert.rejects(
      engine.query(url, "CREATE UNIQUE INDEX CONCURRENTLY ix_files_uuid_new ON files (uuid)"),
    );
    await engine.query(url, "UPDATE files SET uuid = 'f-2' WHERE id = 2");
    const before = await engine.query(url, contents);
    let kills = 0;
    for (let batches = 0; !await adoptUntil(url, batches); batches++) {
      kills++;
      await assert.rejects(engine.query(url, "SELECT 1 FROM harbor_version"));
      if (kills % 4 === 0) await useApplication(engine, url);
      const { to, inspection } = await withContext(url, prepareAdoption);
      assert.equal(to, inspection.schemas.at(-1)!.revision);
      assert.deepEqual(inspection.kept, []);
    }
    assert.ok(kills > 6, `${kills} kills`);
    assert.deepEqual(await engine.query(url, contents), before);
    const { action, inspection } = await withContext(url, prepareAdoption);
    assert.deepEqual([action, inspection.match.exact, inspection.kept], ["none", true, []]);
    await useApplication(engine, url);
  }));

// One row a rule: what makes the bridge one transaction all the same, and what is said of it.
const holders = [
  [
    "CREATE FUNCTION touch() RETURNS trigger LANGUAGE plpgsql AS 'begin return new; end'; CREATE TRIGGER t BEFORE UPDATE ON files FOR EACH ROW EXECUTE FUNCTION touch()",
    "DROP FUNCTION touch CASCADE",
    /the trigger t rests while files is filled/,
  ],
  [
    "CREATE RULE also AS ON UPDATE TO files DO ALSO UPDATE collections SET description = 'ruled'",
    "DROP RULE also ON files",
    /a rule of files/,
  ],
  ["ALTER TABLE files ALTER COLUMN size TYPE bigint", "SELECT 1", /files\.size is written anew/],
] as const;

test("where rows would be changed otherwise, a bridge of large tables is one transaction, and why is said", () =>
  withLarge(async (url) => {
    const look = () => withContext(url, prepareAdoption);
    const phased = await look();
    assert.equal(phased.whyWhole, null);
    const kinds = new Set(phased.phases!.map(({ run }) => run.kind));
    assert.deepEqual([...kinds].toSorted(), ["alone", "backfill", "transaction"]);
    for (const [statement, undo, words] of holders) {
      await engine.query(url, statement);
      const { phases, whyWhole } = await look();
      assert.equal(phases, null);
      assert.match(whyWhole ?? "", words);
      await engine.query(url, undo);
    }
  }));

test("a copy on which a bridge in phases changes other values is told before the database is touched", () =>
  withLarge((url) =>
    withContext(url, async (context) => {
      const hold = () => Promise.resolve({ changed: () => Promise.resolve(["size"]) });
      const error = await rejectsWith("data_conflict", tryAdoption(context, hold));
      assert.match(error.message, /files\.size has other values than before/);
    })
  ));
