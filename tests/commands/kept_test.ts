import assert from "node:assert/strict";
import { sql } from "drizzle-orm";
import {
  createKeptTable,
  insertKept,
  type Kept,
  readKept,
  readWithdrawal,
  sideTableOf,
} from "../../src/engines/kept_table.ts";
import { countKept, seenText } from "../../src/migrate/kept/count_kept.ts";
import { ownTable } from "../../src/engines/statement_names.ts";
import { verifyUrl } from "../support/verified.ts";
import { type Given, onEngines } from "../support/each_engine.ts";
import { sqlitePath, withFolder, withTestDatabase } from "../support/databases.ts";
import { type HereOptions, runHere } from "../support/run_here.ts";
import { changedForGood, filledForGood } from "../../src/commands/migrate/kept_lines.ts";
import { readStatus } from "../../src/state/read_status.ts";
import { historyOf } from "../support/samples/script_history.ts";
import { migrate } from "../../src/migrate/migrate.ts";
import { preparePlan } from "../../src/migrate/prepare_plan.ts";
import { waysOfPlan } from "../../src/migrate/steps/run_steps.ts";
import { withLarge } from "../support/beside_writer.ts";
import { addFiles } from "../support/samples/application.ts";
import { contextOf, upgradeDatabase } from "../support/samples/adoption.ts";
import { dyingAt, returnWords } from "../support/dying_database.ts";

const values = { direction: "upgrade", state: "kept", lastRow: 0, keys: ["id"] } as const;
const kept: readonly Kept[] = [
  {
    ...values,
    id: 3,
    revision: "5b09ebe23c76",
    kind: "columns",
    table: "files",
    sideTable: sideTableOf(3),
    columns: ["storage_backend", "metadata_json"].map((name) => ({ name, type: "TEXT", given: null })),
    rows: 1_012,
    bytes: 4_100_000,
    madeAt: "2026-11-28T05:00:00.000Z",
  },
  {
    ...values,
    id: 4,
    revision: "71dda59686db",
    kind: "table",
    table: "users",
    sideTable: sideTableOf(4),
    columns: [{ name: "id", type: "INTEGER", given: null }],
    rows: 2,
    bytes: 20,
    madeAt: "2026-11-28T05:00:00.000Z",
  },
];

const two = ["sqlite file", "postgres 18"] as const;

/** A database at head in which steps kept something. */
async function keepSomething({ url, database }: Given): Promise<void> {
  await upgradeDatabase(url);
  const withdrawn = await readWithdrawal(database);
  await database.write([
    createKeptTable(),
    ...withdrawn("harbor_kept"),
    ...kept.flatMap((each) => [
      sql`CREATE TABLE ${ownTable(each.sideTable)} (harbor_row INTEGER PRIMARY KEY, id INTEGER)`,
      sql`INSERT INTO ${
        ownTable(each.sideTable)
      } WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ${
        sql.raw(String(each.rows))
      }) SELECT i, i FROM n`,
      insertKept(each, {
        rows: sql.raw(String(each.rows)),
        bytes: sql.raw(String(each.bytes)),
      }),
    ]),
  ]);
}

function run(url: string, args: readonly string[], world: HereOptions = {}) {
  return runHere(args, { ...world, env: { DATABASE_URL: url } });
}

async function json(url: string, ...args: readonly string[]) {
  const { code, stdout } = await run(url, [...args, "--json"]);
  return { code, ...JSON.parse(stdout) };
}

onEngines(two, "what is kept is listed, and status mentions it", async (given) => {
  const { url } = given;
  assert.deepEqual(await json(url, "kept", "list"), { code: 0, ok: true, kept: [] });
  assert.equal((await run(url, ["kept"])).stdout, "nothing is kept\n");
  await keepSomething(given);
  const listed = await json(url, "kept", "list");
  assert.deepEqual(listed.kept[0], {
    id: 3,
    revision: "5b09ebe23c76",
    direction: "upgrade",
    kind: "columns",
    table: "files",
    columns: ["storage_backend", "metadata_json"],
    state: "kept",
    rows: 1_012,
    bytes: 4_100_000,
    madeAt: "2026-11-28T05:00:00.000Z",
    sideTable: "harbor_kept_3",
    there: 1_012,
    nameless: 0,
    returnable: false,
  });
  const { stdout } = await run(url, ["kept", "list"]);
  assert.match(
    stdout,
    /^3 +files\.storage_backend, files\.metadata_json +upgrade of 5b09ebe23c76 .* 1\u00a0012 +4\.1 MB +kept$/m,
  );
  assert.match(stdout, /^4 +table users +upgrade of 71dda59686db .* 2 +20 B +kept$/m);
  assert.match(stdout, /^1\u00a0014 rows counted, about 4\.1 MB$/m);
  const onRecord = listed.kept.map((
    { there: _, nameless: __, returnable: ___, ...rest }: Record<string, unknown>,
  ) => rest);
  assert.deepEqual((await json(url, "status")).kept, onRecord);
  assert.match(
    (await run(url, ["status"])).stdout,
    /^kept +on record: 1\u00a0014 rows, 4\.1 MB of files\.storage_backend, files\.metadata_json; table users$/m,
  );
});

onEngines(two, "of what is kept by a key with NULL in it the list says that it stays", async (given) => {
  const { url, database } = given;
  await keepSomething(given);
  for (const { sideTable } of kept) {
    await database.write([sql`UPDATE ${ownTable(sideTable)} SET id = NULL WHERE harbor_row < 3`]);
  }
  const counts = (await json(url, "kept", "list")).kept.map(({ nameless }: { nameless: number }) => nameless);
  // Whole rows are known by all that they have.
  assert.deepEqual(counts, [2, 0]);
  const { stderr } = await run(url, ["kept", "list"]);
  assert.match(
    stderr,
    /of files \(3\) 2 rows have a NULL in their key \(id\), which names no row\. They stay kept when the rest comes back\. To see them: SELECT \* FROM harbor_kept_3 WHERE "id" IS NULL$/m,
  );
  assert.doesNotMatch(stderr, /of users/);
});

onEngines(["sqlite file"], "kept data goes only with a yes, and only what is meant", async (given) => {
  const { url, database } = given;
  await keepSomething(given);
  const ids = async () => (await readKept(database)).map(({ id }) => id);

  const refused = await json(url, "kept", "drop", "3");
  assert.deepEqual([refused.code, refused.error.code], [4, "needs_confirmation"]);
  assert.match(refused.error.message, /Let go of 1\u00a0012 rows, 4\.1 MB on /);
  assert.deepEqual(refused.kept.map(({ id }: Kept) => id), [3]);
  const no = await run(url, ["kept", "drop", "--all"], { answer: "n" });
  assert.equal(no.code, 4);
  assert.match(
    no.stderr,
    /^goes +table users \(2 rows, 20 B\), put aside by the upgrade of 71dda59686db /m,
  );
  assert.deepEqual(await ids(), [3, 4]);

  for (const id of ["7", "0", "files"]) {
    const { code, error } = await json(url, "kept", "drop", id, "--yes");
    assert.equal(code, 2, id);
    assert.match(error.hint, /harbor-db kept list/);
  }
  assert.equal((await run(url, ["kept", "drop", "--yes"])).code, 2);
  assert.equal((await run(url, ["kept", "drop", "3", "--all", "--yes"])).code, 2);
  assert.deepEqual(await ids(), [3, 4]);

  const yes = await run(url, ["kept", "drop", "3"], { answer: "yes" });
  assert.match(yes.stdout, /^dropped +files\.storage_backend, files\.metadata_json: 1\u00a0012 rows/m);
  assert.deepEqual(await ids(), [4]);
  assert.deepEqual((await json(url, "kept", "drop", "--all", "--yes")).dropped.map(({ id }: Kept) => id), [
    4,
  ]);
  assert.deepEqual(await json(url, "kept", "drop", "--all"), { code: 0, ok: true, dropped: [] });
  await assert.rejects(database.read(sql`SELECT 1 FROM ${ownTable("harbor_kept_3")}`));
});

onEngines(
  ["sqlite file"],
  "what is still being put aside is not counted, and put aside to the end before it is let go of",
  async (given) => {
    const { url, database } = given;
    const interrupt = async () => {
      await database.write([
        sql`DROP TABLE IF EXISTS harbor_kept_3`,
        sql`CREATE TABLE harbor_kept_3 (harbor_row INTEGER PRIMARY KEY, id, storage_backend, metadata_json)`,
        sql`INSERT INTO harbor_kept_3 VALUES (1, 4711, 'r2', '{}')`,
        sql`UPDATE harbor_kept SET state = 'keeping', row_count = 0, byte_count = 0 WHERE id = 3`,
        sql`CREATE TABLE harbor_keeping_3 (id INTEGER PRIMARY KEY, storage_backend, metadata_json)`,
        sql`INSERT INTO harbor_keeping_3 VALUES (4712, 'r2', '{}'), (4713, 'r2', '{}')`,
      ]);
    };
    await keepSomething(given);
    await interrupt();
    const [listed] = (await json(url, "kept", "list")).kept;
    assert.deepEqual([listed.state, listed.rows, listed.bytes], ["keeping", null, null]);
    const alone = (await countKept(database, await readKept(database))).slice(0, 1);
    assert.equal(seenText(alone), "not yet counted");
    assert.match((await run(url, ["kept"])).stdout, /^3 .* not yet counted +- +being put aside$/m);
    assert.match(
      (await run(url, ["status"])).stdout,
      /^kept +on record: 2 rows, 20 B, and what is not yet counted of /m,
    );
    const findings =
      (await verifyUrl(url, { history: contextOf(database).history, checks: ["history"] })).findings;
    assert.deepEqual(findings.map(({ hint }) => hint), [
      "The next upgrade or downgrade ends it; to do nothing else: harbor-db upgrade --abandon",
    ]);
    // No row of what is there now has the key of those.
    const { pruned, unpruned } = await json(url, "kept", "prune");
    assert.deepEqual([pruned, unpruned], [[], [3]]);

    const dry = await run(url, ["downgrade", "7b1f73160408", "--dry-run"]);
    assert.match(dry.stdout, /^nothing to do/m);
    assert.equal((await readKept(database))[0]?.state, "keeping");
    const idle = await run(url, ["downgrade", "7b1f73160408"]);
    assert.deepEqual([idle.code, idle.stdout.includes("nothing to do")], [0, true], idle.stderr);
    const [whole] = await readKept(database);
    assert.deepEqual([whole?.state, whole?.rows], ["kept", 3]);

    await interrupt();
    const refused = await json(url, "kept", "drop", "3");
    assert.match(refused.error.message, /Let go of 3 rows, /);
    assert.match((await run(url, ["kept", "drop", "3", "--yes"])).stdout, /^dropped .*: 3 rows, /m);
    await assert.rejects(database.read(sql`SELECT 1 FROM ${ownTable("harbor_keeping_3")}`));
  },
);

onEngines(
  two,
  "of what a backfill has put aside so far no size is told that is not on record",
  async (given) => {
    const { url, database } = given;
    await keepSomething(given);
    await database.write([
      sql`UPDATE ${ownTable("harbor_kept")} SET row_count = 0, byte_count = 0 WHERE id = 3`,
    ]);
    const [listed] = (await json(url, "kept", "list")).kept;
    assert.deepEqual([listed.rows, listed.bytes, listed.there], [null, null, 1_012]);
    const { stdout } = await run(url, ["kept"]);
    assert.match(stdout, /^3 .* 1\u00a0012 +- +kept$/m);
    assert.match(stdout, /^1\u00a0014 rows counted, about 20 B, and what is not yet counted$/m);
    assert.match(
      (await run(url, ["status"])).stdout,
      /^kept +on record: 2 rows, 20 B, and what is not yet counted of /m,
    );
  },
);

onEngines(["sqlite file"], "a registry that cannot be read is named below the plan", async (given) => {
  const { url, database } = given;
  await keepSomething(given);
  await database.write([sql`UPDATE harbor_kept SET key_columns = 'oops'`]);
  const { code, stdout, stderr } = await run(url, ["downgrade", "-1", "--dry-run"]);
  assert.equal(code, 1);
  assert.match(stdout, /^downgrade +[0-9a-f]{12} /m);
  assert.match(stderr, /Cannot read "harbor_kept": its column "key_columns" /);
});

onEngines(["sqlite file"], "NULLs that are filled for good are counted before", async ({ engine, url }) => {
  await upgradeDatabase(url);
  await addFiles(engine, url, 3);
  await engine.query(url, "UPDATE files SET created_at = NULL WHERE id < 3");
  const texts = () =>
    withLarge(sqlitePath(url), async (database) => {
      const context = contextOf(database);
      const plan = await preparePlan(context, { direction: "downgrade", text: "-1" });
      return await filledForGood(context, await waysOfPlan(context, plan));
    });
  assert.match((await texts()).join(), /^2 NULLs of files\.created_at for good: .* '1970-01-01 00:00:00'$/);
  await engine.query(url, "UPDATE files SET created_at = '2026-11-29 00:00:00'");
  assert.deepEqual(await texts(), []);
});

onEngines(two, "values that become others for good are counted before", async ({ engine, url, database }) => {
  const context = contextOf(
    database,
    historyOf(engine.dialect, [
      ["CREATE TABLE t (id integer PRIMARY KEY, v text, w text)", "DROP TABLE t"],
      ["SELECT 1", "UPDATE t SET v = lower(v), w = 'x'"],
    ]),
  );
  await migrate(context, { goal: { direction: "upgrade", text: "head" }, lockWaitMs: 0 });
  const texts = async () =>
    await changedForGood(context, await preparePlan(context, { direction: "downgrade", text: "-1" }));
  assert.deepEqual(await texts(), []);
  await engine.query(url, "INSERT INTO t VALUES (1, 'A', NULL), (2, 'b', NULL), (3, NULL, NULL)");
  assert.deepEqual(await texts(), [
    "up to 2 values of t.v for good: the scripts make others of them, and what they were is not kept",
  ]);
});

onEngines(
  two,
  "rows of kept data that somebody took away are said to be missing",
  async ({ engine, url }) => {
    await upgradeDatabase(url);
    await addFiles(engine, url, 3);
    await engine.query(url, "UPDATE files SET storage_backend = 'r2'");
    const there = async (args: readonly string[]) => {
      const { code, stdout, stderr } = await run(url, [...args, "--no-backup", "--yes"]);
      assert.equal(code, 0, stderr);
      return stdout + stderr;
    };
    await there(["downgrade", "71dda59686db"]);
    const before = (await json(url, "kept", "list")).kept as readonly { sideTable: string; rows: number }[];
    const { sideTable, rows } = before.find((each) => each.rows > 1)!;
    await engine.query(url, `DELETE FROM ${sideTable} WHERE harbor_row > 1`);
    const asked = await run(url, ["kept", "drop", sideTable.split("_").at(-1)!]);
    assert.match(asked.stderr, /^goes +.* \(1 row, /m);
    const said = await there(["upgrade"]);
    assert.match(
      said,
      new RegExp(`${rows - 1} rows? of .* did not come back: on record as kept, and not in ${sideTable}`),
    );
    assert.equal(said.split("did not come back").length, 2);
  },
);

onEngines(two, "verify finds side tables without a registry and the other way round", async (given) => {
  const { url, database } = given;
  const { history } = contextOf(database);
  const look = async () =>
    (await verifyUrl(url, { history, checks: ["history"] })).findings.map(({ status, message }) =>
      `${status} ${message}`
    );
  await keepSomething(given);
  assert.match((await look()).join(), /^pass at head .*; kept data: 1\u00a0014 rows counted, about 4\.1 MB$/);
  await database.write([sql`DELETE FROM ${ownTable("harbor_kept_3")} WHERE harbor_row > 12`]);
  await database.write([sql`DELETE FROM ${ownTable("harbor_kept_4")}`]);
  const gone = [
    "harbor_kept_3 lacks 1\u00a0000 of the 1\u00a0012 rows of files on record, put aside by the upgrade of 5b09ebe23c76",
    "harbor_kept_4 lacks 2 of the 2 rows of users on record, put aside by the upgrade of 71dda59686db",
  ];
  assert.deepEqual(await look(), gone.map((each) => `warn ${each}`));
  const list = await run(url, ["kept", "list"]);
  assert.match(list.stdout, /^3 .* 12 +4\.1 MB +kept$/m);
  assert.match(list.stdout, /^12 rows counted, about 4\.1 MB$/m);
  for (const each of gone) assert.ok(list.stderr.includes(each), list.stderr);
  await database.write([sql`UPDATE ${ownTable("harbor_kept")} SET row_count = 0 WHERE id = 4`]);
  await database.write([
    sql`DROP TABLE ${ownTable("harbor_kept_3")}`,
    sql`CREATE TABLE ${ownTable("harbor_kept_9")} (harbor_row INTEGER PRIMARY KEY)`,
  ]);
  assert.deepEqual(await look(), [
    "fail harbor_kept_3 is missing, in which the upgrade of 5b09ebe23c76 put aside 1\u00a0012 rows of files",
    "fail harbor_kept_9 holds kept data, and harbor_kept does not know of what",
  ]);
  assert.match((await run(url, ["kept"])).stderr, /harbor_kept_3 is missing, .*kept drop 3/);
  // What its table is lost of can be let go of.
  assert.equal((await run(url, ["kept", "drop", "3", "--yes"])).code, 0);
  assert.deepEqual(await look(), [
    "fail harbor_kept_9 holds kept data, and harbor_kept does not know of what",
  ]);
});

onEngines(two, "kept prune forgets what is kept of rows that were deleted since", async (given) => {
  const { engine, url, database } = given;
  const context = contextOf(database);
  const go = (direction: "upgrade" | "downgrade", text: string) =>
    migrate(context, { goal: { direction, text }, lockWaitMs: 0 });
  await go("upgrade", "5b09ebe23c76");
  await addFiles(engine, url, 3);
  await engine.query(url, "UPDATE files SET storage_backend = 'r2'");
  await go("downgrade", "71dda59686db");
  assert.deepEqual(await json(url, "kept", "prune"), { code: 0, ok: true, pruned: [], unpruned: [] });
  assert.match((await run(url, ["kept", "prune"])).stdout, /^nothing is kept of deleted rows$/m);
  await engine.query(url, "DELETE FROM files WHERE id = 2");
  const [{ id }] = await readKept(database) as [Kept];
  // What was left when the rest came back is known again where that came back.
  await engine.query(url, "UPDATE harbor_kept SET state = 'left'");
  assert.deepEqual(await json(url, "kept", "prune"), { code: 0, ok: true, pruned: [], unpruned: [id] });
  assert.match(
    (await run(url, ["kept", "prune"])).stdout,
    /^stays +what is kept of files \(\d+\): nobody can tell now which rows were deleted\n$/,
  );
  await engine.query(url, "UPDATE harbor_kept SET state = 'kept'");
  assert.deepEqual((await json(url, "kept", "prune")).pruned, [{ id, table: "files", rows: 1 }]);
  assert.deepEqual((await readKept(database)).map(({ rows }) => rows), [2]);
  await engine.query(url, "DELETE FROM files");
  assert.match((await run(url, ["kept", "prune"])).stdout, /^forgot +2 rows of files \(\d+\)$/m);
  assert.deepEqual(await readKept(database), []);
});

onEngines(
  two,
  "kept return tries again what stayed kept of steps that were undone, and nothing else",
  async (given) => {
    const { engine, url, database } = given;
    const context = contextOf(database);
    const go = (direction: "upgrade" | "downgrade", text: string) =>
      migrate(context, { goal: { direction, text }, lockWaitMs: 0 });
    const values = async () =>
      (await engine.query(url, "SELECT id, storage_backend FROM files ORDER BY id")).map(Object.values);
    const returnable = async () =>
      (await json(url, "kept", "list")).kept.map((each: Record<string, unknown>) => each["returnable"]);
    await go("upgrade", "5b09ebe23c76");
    await addFiles(engine, url, 3);
    await engine.query(url, "UPDATE files SET storage_backend = 'r2'");
    await go("downgrade", "71dda59686db");
    // The step is not undone.
    assert.deepEqual(await returnable(), [false]);
    assert.deepEqual(await json(url, "kept", "return"), { code: 0, ok: true, returned: [], untried: [] });
    assert.match(
      (await run(url, ["kept", "return"])).stdout,
      /^nothing stays kept of a step that was undone$/m,
    );
    await assert.rejects(
      migrate(contextOf(dyingAt(database, returnWords)), {
        goal: { direction: "upgrade", text: "5b09ebe23c76" },
        lockWaitMs: 0,
      }),
      /killed/,
    );
    // What a run that was killed has left is put back as well.
    assert.deepEqual(await returnable(), [true]);
    await engine.query(url, "UPDATE harbor_kept SET state = 'left'");
    assert.deepEqual(await values(), [[1, "local"], [2, "local"], [3, "local"]]);
    assert.match(
      (await run(url, ["kept", "list"])).stderr,
      /of files \(1\) 3 rows stayed kept when the rest came back\. .*harbor-db .*kept return/,
    );
    await engine.query(url, "UPDATE files SET storage_backend = 'newer' WHERE id = 2");

    // What the script gave is not known: nobody could tell what was written since.
    const columns = (await engine.query(url, "SELECT kept_columns FROM harbor_kept"))[0]!["kept_columns"];
    await engine.query(
      url,
      `UPDATE harbor_kept SET kept_columns = replace(kept_columns, '"given":"NULL"', '"given":null')`,
    );
    assert.deepEqual(await json(url, "kept", "return"), { code: 0, ok: true, returned: [], untried: [1] });
    const byHand = await run(url, ["kept", "return"]);
    assert.match(byHand.stdout, /^nothing of what stays kept can be put back now$/m);
    assert.match(byHand.stderr, /they come back by hand alone/);
    assert.doesNotMatch((await run(url, ["kept", "list"])).stderr, /kept return/);
    assert.deepEqual(await returnable(), [false]);
    await engine.query(
      url,
      `UPDATE harbor_kept SET kept_columns = '${String(columns).replaceAll("'", "''")}'`,
    );

    // A newer revision may have made something else of the column.
    await go("upgrade", "f27bd10b7ec4");
    assert.deepEqual((await json(url, "kept", "return")).untried, [1]);
    for (const word of ["return", "list"]) {
      assert.match(
        (await run(url, ["kept", word])).stderr,
        /They fit the schema of 5b09ebe23c76: harbor-db downgrade 5b09ebe23c76, then harbor-db kept return/,
      );
    }
    assert.deepEqual([await returnable(), await values()], [[false], [[1, "local"], [2, "newer"], [
      3,
      "local",
    ]]]);
    await go("downgrade", "5b09ebe23c76");
    assert.deepEqual(await returnable(), [true]);

    const { code, stdout, stderr } = await run(url, ["kept", "return"]);
    assert.equal(code, 0, stderr);
    assert.match(stdout, /put back 2 rows of files/);
    assert.doesNotMatch(stderr, /kept list/);
    assert.match(stderr, /1 row of files .* stays kept in harbor_kept_1: 1 row holds something newer/);
    assert.deepEqual(await values(), [[1, "r2"], [2, "newer"], [3, "r2"]]);
    await engine.query(url, "UPDATE files SET storage_backend = 'local' WHERE id = 2");
    assert.deepEqual(
      (await json(url, "kept", "return")).returned.map((
        { rows, left }: Record<string, unknown>,
      ) => [rows, left]),
      [[0, 1]],
    );
    assert.deepEqual((await values())[1], [2, "local"]);
  },
);

onEngines(
  ["sqlite file"],
  "a run without a step that puts back or forgets says so, and not that there was nothing to do",
  async (given) => {
    const { engine, url, database } = given;
    const go = (direction: "upgrade" | "downgrade", text: string, on = database) =>
      migrate(contextOf(on), { goal: { direction, text }, lockWaitMs: 0 });
    const upgrade = async (...more: readonly string[]) =>
      (await run(url, ["upgrade", "5b09ebe23c76", ...more])).stdout;
    await go("upgrade", "5b09ebe23c76");
    await addFiles(engine, url, 3);
    await engine.query(url, "UPDATE files SET storage_backend = 'r2'");
    await go("downgrade", "71dda59686db");
    await assert.rejects(go("upgrade", "5b09ebe23c76", dyingAt(database, returnWords)), /killed/);
    assert.match(await upgrade("--dry-run"), /^the database is at 5b09ebe23c76\nputs back {2}3 rows /m);
    assert.match(await upgrade(), /^ +put back 3 rows [\s\S]*\nthe database is at 5b09ebe23c76$/m);
    assert.match(await upgrade(), /^nothing to do: the database is at 5b09ebe23c76$/m);
  },
);

onEngines(["sqlite file"], "an interrupted return is named, and ended by either direction", async (given) => {
  const { engine, url, database } = given;
  const history = historyOf(engine.dialect, [
    ["CREATE TABLE t (id integer NOT NULL PRIMARY KEY, a text, b text)", "SELECT 1"],
    ["ALTER TABLE t DROP COLUMN a", "ALTER TABLE t ADD COLUMN a text"],
  ]);
  const [first, second] = history.revisions.map(({ id }) => id);
  const dying = dyingAt(database, returnWords);
  const go = (direction: "upgrade" | "downgrade", text: string, on = database) =>
    migrate(contextOf(on, history), { goal: { direction, text }, lockWaitMs: 0 });
  const values = async () =>
    (await engine.query(url, "SELECT id, a FROM t ORDER BY id")).map((row) => Object.values(row).join());
  await go("upgrade", "head");
  await go("downgrade", "-1");
  await engine.query(url, "INSERT INTO t (id, a) VALUES (1, 'one'), (2, 'two')");
  await go("upgrade", "head");
  await assert.rejects(go("downgrade", "-1", dying), /killed/);

  const { unreturned } = await preparePlan(contextOf(database, history), {
    direction: "downgrade",
    text: first!,
  });
  assert.deepEqual(unreturned.map(({ rows, table }) => [rows, table]), [[2, "t"]]);
  const status = await readStatus(contextOf(database, history));
  assert.deepEqual(status.unreturned, unreturned);
  const { findings } = await verifyUrl(url, { history, checks: ["history"] });
  assert.deepEqual(
    findings.map(({ status, hint }) => [status, hint]),
    [["fail", `harbor-db downgrade ${first}`], ["fail", "harbor-db upgrade"]],
  );
  // Another one that is at it is waited for.
  await withTestDatabase(url, (other) =>
    other.withLock(
      () => assert.rejects(go("downgrade", first!), { code: "locked" }),
      { signal: new AbortController().signal, waitMs: 0 },
    ));
  const { returned } = await go("downgrade", first!);
  assert.deepEqual(returned.map(({ rows, left }) => [rows, left]), [[2, 0]]);
  assert.deepEqual(await values(), ["1,one", "2,two"]);

  // What was kept of a deleted row goes, and is said to.
  await go("upgrade", "head");
  await engine.query(url, "DELETE FROM t WHERE id = 1");
  const { pruned } = await go("upgrade", second!);
  assert.deepEqual(pruned.map(({ table, rows }) => [table, rows]), [["t", 1]]);
});

onEngines(two, "a restore brings the kept data of its time, and says which it replaces", async (given) => {
  const { engine, url, database } = given;
  const context = contextOf(database);
  const go = (direction: "upgrade" | "downgrade", text: string) =>
    migrate(context, { goal: { direction, text }, lockWaitMs: 0 });
  await withFolder(async (folder) => {
    const inFolder = ["--backup-dir", folder];
    await go("upgrade", "5b09ebe23c76");
    await addFiles(engine, url, 3);
    await engine.query(url, "UPDATE files SET storage_backend = 'r2'");
    await go("downgrade", "71dda59686db");
    const { backup } = await json(url, "backup", ...inFolder);
    await go("upgrade", "5b09ebe23c76");
    await engine.query(url, "UPDATE files SET storage_backend = 'local' WHERE id <> 1");
    await go("downgrade", "71dda59686db");
    const rows = (kept: readonly Kept[]) => kept.map(({ revision, rows }) => [revision, rows]);
    const told = await run(url, ["restore", backup.path, ...inFolder], { answer: "no" });
    assert.match(
      told.stderr,
      /^goes +kept data of files\.storage_backend, files\.metadata_json, 1 row, \d+ B, put aside by the downgrade of 5b09ebe23c76$/m,
    );
    await database.close();
    const restored = await json(url, "restore", backup.path, "--yes", ...inFolder);
    assert.deepEqual(rows(restored.replacedKept), [["5b09ebe23c76", 1]]);
    assert.deepEqual(rows(restored.kept), [["5b09ebe23c76", 3]]);
  });
  await withTestDatabase(url, (again) =>
    migrate(contextOf(again), {
      goal: { direction: "upgrade", text: "5b09ebe23c76" },
      lockWaitMs: 0,
    }));
  const backends = await engine.query(url, "SELECT DISTINCT storage_backend FROM files");
  assert.deepEqual(backends.map(({ storage_backend }) => storage_backend), ["r2"]);
});

onEngines(two, "a restore says that it could not look at what is kept in what it replaces", async (given) => {
  const { engine, url, database } = given;
  await withFolder(async (folder) => {
    const inFolder = ["--backup-dir", folder];
    await upgradeDatabase(url);
    await database.close();
    const { backup } = await json(url, "backup", ...inFolder);
    await engine.query(url, "CREATE TABLE harbor_kept (id integer, row_count text)");
    await engine.query(url, "INSERT INTO harbor_kept VALUES (1, 'few')");
    const text = "kept data, if there is any, which could not be looked at: ";
    const told = await run(url, ["restore", backup.path, ...inFolder], { answer: "no" });
    assert.match(told.stderr, new RegExp(`^goes +${text}`, "m"));
    const { code, stderr, stdout } = await run(url, ["restore", backup.path, "--yes", "--json", ...inFolder]);
    assert.equal(code, 0, stderr);
    assert.match(stderr, new RegExp(`replaced, too: ${text}Cannot read "harbor_kept"`));
    const { replacedKept, kept, goes } = JSON.parse(stdout);
    assert.deepEqual({ replacedKept, kept, goes }, { replacedKept: null, kept: [], goes: [] });
  });
});
