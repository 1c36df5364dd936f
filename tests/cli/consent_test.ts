import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import {
  type BackupCase,
  backupCase,
  backupsIn,
  eachCase,
  fill,
  initial,
  storageFields,
} from "../support/backups.ts";
import { engines, withFolder } from "../support/databases.ts";
import { runCli } from "../support/run_cli.ts";

const head = "7b1f73160408";

/** Runs a command without a terminal, which must be refused for want of consent, and returns what it asked. */
async function asked(given: BackupCase, ...args: readonly string[]): Promise<string> {
  const { error } = (await given.expect(4, ...args, "--json")).json<
    { error: { code: string; message: string; hint: string } }
  >();
  assert.equal(error.code, "needs_confirmation", error.message);
  assert.match(error.hint, /--yes/);
  return error.message;
}

async function newBackup(given: BackupCase): Promise<string> {
  return (await given.expect(0, "backup", "--json")).json<{ backup: { path: string } }>().backup.path;
}

eachCase("restore overwrites nothing without a yes, and its question says what goes", async (given) => {
  await fill(given, 30);
  const path = await newBackup(given);
  await given.query("DELETE FROM files WHERE id > 12");
  const question = await asked(given, "restore", path);
  assert.match(
    question,
    /\(at 71dda59686db, 14 rows in 3 tables\) with .* \(at 71dda59686db, 32 rows in 3 tables\)/,
  );
  assert.match(question, /is backed up first/);
  assert.match(await asked(given, "restore", path, "--no-backup"), /What is there is lost/);
  assert.equal(await given.value("SELECT count(*) FROM files"), "12");

  await given.engine.withDatabase(async (other) => {
    const there = backupCase(given.engine, other, given.cwd);
    await given.expect(0, "restore", path, "--to", other);
    await there.query("DELETE FROM files");
    assert.match(await asked(given, "restore", path, "--to", other), /2 rows in 3 tables\) with/);
    assert.equal(await there.value("SELECT count(*) FROM files"), "0");
    await given.expect(0, "restore", path, "--to", other, "--yes");
    assert.equal(await there.value("SELECT count(*) FROM files"), "30");
  });
});

eachCase("restore reports the revision that the database has then", async (given) => {
  await fill(given, 5);
  const path = await newBackup(given);
  const manifest = readFileSync(`${path}.json`, "utf8");
  writeFileSync(
    `${path}.json`,
    manifest.replace(`"revision": "${initial}"`, `"revision": "${storageFields}"`),
  );
  const result = await given.expect(0, "restore", path, "--yes", "--json");
  assert.equal(result.json<{ restored: { revision: string } }>().restored.revision, initial);
  assert.match(result.stderr, new RegExp(`manifest says ${storageFields}`));
});

test("restore over what is no database needs a yes, too", () =>
  withFolder(async (cwd) => {
    await runCli(["upgrade"], { cwd });
    const { backup } = (await runCli(["backup", "--json"], { cwd })).json<{ backup: { path: string } }>();
    const file = join(cwd, "openharbor.db");
    writeFileSync(file, "a shopping list\n".repeat(500));
    const refused = await runCli(["restore", backup.path], { cwd });
    assert.equal(refused.code, 4, refused.stderr);
    assert.match(refused.stderr, /cannot be read as a database/);
    assert.match(readFileSync(file, "utf8"), /^a shopping list/);
    assert.equal((await runCli(["restore", backup.path, "--yes"], { cwd })).code, 0);
  }));

interface Refused {
  readonly from: string;
  readonly to: string | null;
  readonly losses: readonly string[];
  readonly goes: readonly { table: string; column: string | null; rows: number; atLeast: boolean }[];
  readonly keeps: readonly { table: string; columns: readonly string[] | null }[];
  readonly releases: readonly {
    release: string;
    mayRun: boolean;
    mayRunNow: boolean;
    reasons: readonly object[];
  }[];
}

eachCase(
  "downgrade names the database, what is in it, what of it goes and which releases stop",
  async (given) => {
    await fill(given, 7);
    await given.expect(0, "upgrade", "--no-backup");
    await given.query("UPDATE files SET metadata_json = '{}' WHERE id < 4");
    const shown =
      (await given.expect(0, "status", "--json")).json<{ database: { url: string } }>().database.url;
    const one = await given.expect(4, "downgrade", initial, "--json");
    const { error, ...refused } = one.json<Refused & { error: { code: string; message: string } }>();
    assert.equal(error.code, "needs_confirmation", error.message);
    assert.ok(error.message.includes(`Undo 3 revisions on ${shown} and go to ${initial}?`), error.message);
    assert.deepEqual([refused.from, refused.to], [head, initial]);
    const rowsOf = (name: string) =>
      refused.goes.find(({ table, column }) => `${table}.${column}` === name)?.rows;
    assert.deepEqual(
      ["files.metadata_json", "files.storage_backend", "files.thumb_path", "users.last_login"].map(rowsOf),
      [3, 7, 0, 0],
    );
    const f5b2770 = refused.releases.find(({ release }) => release === "f5b2770")!;
    // PostgreSQL cuts blanks that a shorter type has no room for.
    const cut = given.engine.dialect === "postgresql" ? ["name"] : [];
    assert.deepEqual(
      new Set(refused.keeps.find(({ table }) => table === "collections")?.columns),
      new Set(["updated_at", "created_at", ...cut]),
    );
    assert.deepEqual([f5b2770.mayRunNow, f5b2770.mayRun], [true, false]);
    assert.deepEqual(f5b2770.reasons[0], { kind: "missing column", table: "users", column: "last_login" });
    // What the question is about is said whatever else is not.
    for (const stderr of [one.stderr, (await given.expect(4, "downgrade", initial, "--quiet")).stderr]) {
      assert.ok(stderr.includes(`${shown} (at ${head}, 9 rows in 3 tables)`), stderr);
      assert.match(
        stderr,
        /^goes +files\.storage_backend \(7 values\), files\.metadata_json \(3 values\), /m,
      );
      assert.match(stderr, /^stops +ec13aa6, 24de3e0, 80527ac, f5b2770: users\.last_login is missing then$/m);
      assert.match(stderr, /^may run +none of the known releases$/m);
      assert.match(stderr, /^kept +what goes is put aside in the database, and comes back when /m);
      assert.match(stderr, /^backup +made first$/m);
    }
    if (given.engine.dialect === "postgresql") {
      await given.query("COMMENT ON INDEX ix_files_storage_backend IS 'for the bill'");
      const loss = "the comment of index ix_files_storage_backend";
      const plan = await given.expect(0, "downgrade", initial, "--dry-run", "--json");
      const { losses, goes } = plan.json<Refused>();
      assert.deepEqual([losses, goes], [[loss], refused.goes]);
      assert.match(
        (await given.expect(0, "downgrade", initial, "--dry-run")).stdout,
        new RegExp(`^goes +${loss}$`, "m"),
      );
    }
    const alone = await given.expect(4, "downgrade", initial, "--no-keep");
    assert.match(alone.stderr, /^kept +nothing: what goes does not come back$/m);
    assert.match(alone.stderr, /^backup +made first; only it has what goes$/m);
    const { stderr } = await given.expect(4, "downgrade", "base", "--no-backup");
    assert.match(stderr, /^goes +table files \(7 rows\), table (?:users|collections) \(1 row\)/m);
    assert.match(stderr, /^backup +none$/m);
    assert.equal(await given.value("SELECT count(*) FROM files"), "7");
  },
);

eachCase("stamp looks at the schema, says what differs and asks", async (given) => {
  await given.expect(0, "upgrade", storageFields);
  const refused = await given.expect(4, "stamp", initial, "--json");
  const { error, differences } = refused.json<
    { error: { code: string; message: string }; differences: { path: string; kind: string }[] }
  >();
  assert.equal(error.code, "needs_confirmation");
  assert.match(error.message, /at 71dda59686db, whose schema it does not have \(\d+ differences\)/);
  assert.ok(
    differences.some(({ path }) => path === "column files.storage_backend"),
    JSON.stringify(differences),
  );
  assert.match(refused.stderr, /column files\.storage_backend is not expected/);
  assert.match((await given.expect(0, "current")).stdout, new RegExp(storageFields));

  await given.expect(0, "stamp", initial, "--yes");
  assert.match((await given.expect(0, "current")).stdout, new RegExp(initial));
  // And verify knows which revision it is.
  const found = (await given.expect(3, "verify", "--only", "schema", "--json"))
    .json<{ findings: { message: string; hint: string }[] }>().findings;
  assert.deepEqual(found.map(({ message, hint }) => [message, hint]), [[
    `this is exactly ${storageFields}, and the version table says ${initial}`,
    `harbor-db stamp ${storageFields}`,
  ]]);
  // The hint needs no consent, since it is true.
  await given.expect(0, "stamp", storageFields);
  await given.expect(0, "verify", "--only", "schema");
  await given.expect(4, "stamp", "base");
});

test("stamp on an empty database asks, since no revision's tables are there", () =>
  engines[0]!.withDatabase((url) =>
    withFolder(async (cwd) => {
      const given = backupCase(engines[0]!, url, cwd);
      await given.query("CREATE TABLE another (id INTEGER)");
      await asked(given, "stamp", "head");
      await given.expect(0, "stamp", "base");
      assert.throws(() => backupsIn(given.folder), /ENOENT/);
    })
  ));
