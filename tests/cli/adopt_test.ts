import assert from "node:assert/strict";
import { copyFileSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { readFile, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { test } from "node:test";
import { engines, sqliteUrl, withFolder, withTestDatabase } from "../support/databases.ts";
import { useApplication } from "../support/samples/open_harbor.ts";
import { makeOrigin, origins, readOrigin } from "../support/samples/origins.ts";
import { runCli } from "../support/run_cli.ts";

const latest = origins.find(({ name }) => name.endsWith("stamped, alembic upgrade f27bd10b7ec4"))!;
const alembicHead = origins.find(({ name }) => name === "alembic upgrade f27bd10b7ec4")!;
const sqlite = engines.find(({ name }) => name === "sqlite file")!;
const head = /^[0-9a-f]{12}$/;

/** Runs work in a folder with an openharbor.db of an origin. */
function inFolder(
  origin: typeof latest,
  work: (place: { readonly cwd: string; readonly path: string; readonly url: string }) => Promise<void>,
): Promise<void> {
  return withFolder(async (cwd) => {
    const path = join(cwd, "openharbor.db");
    await writeFile(path, "");
    await makeOrigin(sqlite, sqliteUrl(path), origin);
    await work({ cwd, path, url: sqliteUrl(path) });
  });
}

/** Runs harbor-db with --json; fails when the exit code is another than expected. */
async function json(args: readonly string[], cwd: string, code = 0) {
  const result = await runCli([...args, "--json"], { cwd });
  assert.equal(result.code, code, result.stdout + result.stderr);
  // deno-lint-ignore no-explicit-any
  return result.json<any>();
}

test("adopt says what it found and would do, and without consent changes no byte", () =>
  inFolder(latest, async ({ cwd, path }) => {
    const before = await readFile(path);
    const shown = await runCli(["adopt"], { cwd });
    assert.equal(shown.code, 4);
    assert.match(shown.stdout, /^label +alembic_version says f27bd10b7ec4, and that is not true/m);
    assert.match(shown.stdout, /^schema +is no revision's; nearest is [0-9a-f]{12} .* differences:$/m);
    assert.match(shown.stdout, /column users\.uuid is missing/);
    assert.match(shown.stdout, /^plan +a bridge of \d+ statements to/m);
    assert.match(shown.stderr, /Add --yes/);

    const refused = await json(["adopt"], cwd, 4);
    assert.deepEqual([refused.ok, refused.exact, refused.stamped, refused.error.code], [
      false,
      false,
      null,
      "needs_confirmation",
    ]);
    const planned = await json(["adopt", "--dry-run"], cwd);
    assert.deepEqual([planned.ok, planned.action, planned.stamped], [true, "bridge", null]);
    assert.match(planned.matched, head);
    assert.deepEqual(planned.differences, refused.differences);
    assert.deepEqual(Object.keys(planned.differences[0]).toSorted(), ["actual", "expected", "kind", "path"]);
    assert.ok(planned.bridge.some((text: string) => text.startsWith("CREATE UNIQUE INDEX `ix_users_uuid`")));
    const script = await runCli(["adopt", "--sql"], { cwd });
    assert.match(script.stdout, /^PRAGMA foreign_keys = OFF;[^]*INSERT INTO "harbor_version"[^]*COMMIT;\n$/);
    assert.deepEqual(await readFile(path), before);
  }));

test("adopt --rehearse tries the bridge on a copy, and changes no byte", () =>
  inFolder(latest, async ({ cwd, path }) => {
    const before = await readFile(path);
    const { rehearsal, action } = await json(["upgrade", "--adopt", "--rehearse"], cwd, 3);
    // The sample has rows that no schema mends.
    assert.deepEqual(rehearsal.findings.map(({ check }: { check: string }) => check), ["data", "data"]);
    assert.equal(action, "bridge");
    assert.deepEqual(rehearsal.steps.map((step: { name: string }) => step.name), ["adoption"]);
    assert.ok(rehearsal.compared.columns > 20, `${rehearsal.compared.columns} columns`);
    assert.match(rehearsal.wayBack.why, /only the backup/);
    assert.ok((await readFile(path)).equals(before));
    const refused = await json(["adopt", "--yes", "--max-disk", "1"], cwd, 4);
    assert.equal(refused.error.code, "over_budget");
    assert.equal((await json(["status"], cwd)).state, "unmanaged");
  }));

test("adopt --yes backs up, bridges and stamps; downgrade names the backup that has it as it was, or says that none does", () =>
  inFolder(latest, async ({ cwd, url }) => {
    const before = await readOrigin(sqlite, url, latest);
    const adopted = await json(["adopt", "--yes"], cwd);
    assert.deepEqual([adopted.ok, adopted.stamped, adopted.backup.verified], [true, adopted.to, true]);
    const status = await json(["status"], cwd);
    assert.deepEqual([status.state, status.current, status.pending], ["managed", adopted.to, []]);
    assert.equal(status.adopted.how, "bridge");

    // As a run leaves it that went on after one that was stopped: of what was half done there is a backup, too.
    const manifest = JSON.parse(readFileSync(`${adopted.backup.path}.json`, "utf8"));
    const createdAt = new Date(Date.parse(manifest.createdAt) + 1).toISOString();
    const redate = (text: string) => text.replace(/\d{8}T\d{9}Z/, createdAt.replaceAll(/[-:.]/g, ""));
    const half = { ...manifest, id: redate(manifest.id), file: redate(manifest.file), createdAt };
    const halfPath = join(dirname(adopted.backup.path), half.file);
    copyFileSync(adopted.backup.path, halfPath);
    writeFileSync(`${halfPath}.json`, JSON.stringify(half));
    const [newest] = (await json(["backup", "list"], cwd)).backups;
    assert.deepEqual([newest.own, newest.path], [true, halfPath]);

    const asked = await json(["downgrade", "-1"], cwd, 4);
    assert.equal(asked.error.code, "needs_confirmation");
    assert.deepEqual(asked.undoesBridge, { adoptedAt: status.adopted.at, backup: adopted.backup.path });
    const shown = await runCli(["downgrade", "-1", "--dry-run"], { cwd });
    assert.match(
      shown.stdout,
      /^adopted +by a bridge on \S+: the scripts lead back to schemas that it need not have had$/m,
    );
    const [, command = "", path = ""] =
      /^as it was +on \S+: harbor-db (restore) (\S+)$/m.exec(shown.stdout) ?? [];
    assert.equal(path, adopted.backup.path);
    const down = await json(["downgrade", "-1", "--yes"], cwd);
    assert.deepEqual([down.steps.length, down.undoesBridge], [1, asked.undoesBridge]);
    assert.equal((await json(["upgrade"], cwd)).undoesBridge, null);
    // Its own script made it now.
    assert.equal((await json(["downgrade", "-1", "--dry-run"], cwd)).undoesBridge, null);
    assert.equal((await json(["downgrade", "-2", "--dry-run"], cwd)).undoesBridge.backup, path);
    await json([command, path, "--yes"], cwd);
    assert.equal((await json(["status"], cwd)).state, "unmanaged");
    assert.deepEqual(await readOrigin(sqlite, url, latest), before);

    await json(["adopt", "--yes", "--no-backup"], cwd);
    rmSync(dirname(path), { recursive: true });
    const without = await runCli(["downgrade", "-1", "--dry-run"], { cwd });
    assert.match(without.stdout, /^as it was +in no backup in \S+backups$/m);
    assert.equal((await json(["downgrade", "-1", "--yes"], cwd)).undoesBridge.backup, null);
  }));

test("upgrade stops at what nobody manages and says what it found; upgrade --adopt does both", () =>
  inFolder(latest, async ({ cwd, url }) => {
    for (const command of [["upgrade"], ["upgrade", "--dry-run"]]) {
      assert.equal((await json(command, cwd, 4)).error.code, "unmanaged");
    }
    const { error } = await json(["upgrade"], cwd, 4);
    assert.match(error.hint, /harbor-db adopt/);
    const target = await json(["upgrade", "5b09", "--adopt"], cwd, 2);
    assert.match(target.error.message, /the bridge leads to head/);
    const dry = await json(["upgrade", "--adopt", "--dry-run"], cwd);
    assert.equal(dry.action, "bridge");
    const done = await json(["upgrade", "--adopt"], cwd);
    assert.deepEqual([done.to, done.adopted.stamped, done.steps], [done.adopted.to, done.to, []]);
    assert.ok(done.backup.verified);
    await useApplication(sqlite, url);
    const again = await json(["upgrade", "--adopt"], cwd);
    assert.deepEqual([again.steps, again.adopted], [[], undefined]);
  }));

test("a downgrade from head gives back exactly the schema that Alembic made, and every value", () =>
  inFolder(alembicHead, async ({ cwd, url }) => {
    const whole = async () => ({
      tables: await withTestDatabase(url, async (database) => (await database.introspect()).tables),
      rows: await readOrigin(sqlite, url, { ...alembicHead, tables: withoutBackend }),
    });
    const before = await whole();
    await json(["adopt", "--yes"], cwd);
    await json(["upgrade"], cwd);
    await json(["downgrade", "f27bd10b7ec4", "--yes"], cwd);
    assert.deepEqual(await whole(), before);
    const versions = await sqlite.query(url, "SELECT version_num FROM alembic_version");
    assert.deepEqual(versions.map((row) => row["version_num"]), ["f27bd10b7ec4"]);
  }));

/** Whose NULLs are filled for good. */
const withoutBackend = {
  ...alembicHead.tables,
  files: {
    ...alembicHead.tables["files"]!,
    columns: alembicHead.tables["files"]!.columns.filter((column) => !column.startsWith("storage_backend")),
  },
};

test("what the rows say against it is in the document too, beside what was found", () =>
  inFolder(latest, async ({ cwd, url }) => {
    await sqlite.query(url, "DELETE FROM users WHERE id = 1");
    const { ok, matched, differences, error } = await json(["adopt", "--yes"], cwd, 4);
    assert.equal(ok, false);
    assert.match(matched, head);
    assert.ok(differences.length > 0);
    assert.equal(error.code, "data_conflict");
    const [conflict] = error.details.conflicts;
    assert.deepEqual([conflict.kind, conflict.table, conflict.rows, conflict.examples], [
      "orphan",
      "collections",
      1,
      [2],
    ]);
  }));

test("an index that lacks a row stops a takeover that nobody is asked about, however large the file, and no backup is left of it", () =>
  inFolder(latest, async ({ cwd, path, url }) => {
    // Of a file that size the proof of a copy that a change waits for leaves out what indexes hold.
    await sqlite.query(url, "CREATE TABLE ballast (body BLOB)");
    await sqlite.query(
      url,
      "WITH RECURSIVE n (i) AS (VALUES (1) UNION ALL SELECT i + 1 FROM n WHERE i < 20) INSERT INTO ballast SELECT zeroblob(1000000) FROM n",
    );
    const [file] = await sqlite.query(url, "SELECT id, uuid FROM files ORDER BY id DESC LIMIT 1");
    const bytes = await readFile(path);
    // In the index an entry is the value and the row's id.
    const at = bytes.indexOf(Buffer.from(`${file!["uuid"]}${String.fromCharCode(Number(file!["id"]))}`));
    assert.ok(at > 0);
    bytes[at] = "~".charCodeAt(0);
    await writeFile(path, bytes);
    for (const command of [["upgrade", "--adopt"], ["adopt", "--yes"], ["adopt", "--yes", "--no-backup"]]) {
      const { error } = await json(command, cwd, 1);
      assert.equal(error.code, "not_a_database");
      assert.match(error.message, /the file is damaged: .*index ix_files_uuid/);
      assert.match(error.hint, /REINDEX/);
    }
    assert.deepEqual((await json(["backup", "list"], cwd)).backups, []);
    assert.equal((await json(["status"], cwd)).state, "unmanaged");
  }));

test("adopt has nothing to do on no file, an empty one and one that is managed", async () => {
  await withFolder(async (cwd) => {
    assert.equal((await json(["adopt"], cwd)).action, "none");
    await json(["upgrade"], cwd);
    const managed = await json(["adopt"], cwd);
    assert.deepEqual([managed.action, managed.exact, managed.stamped], ["none", true, null]);
  });
});
