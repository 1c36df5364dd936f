import assert from "node:assert/strict";
import {
  copyFileSync,
  existsSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import {
  addFiles,
  type BackupCase,
  backupCase,
  backupsIn,
  eachCase,
  fill,
  flipByte,
  initial,
  storageFields,
} from "../support/backups.ts";
import { engines } from "../support/databases.ts";
import { withLockHeldElsewhere } from "../support/other_process.ts";
import { startCli } from "../support/run_cli.ts";

interface BackupJson {
  readonly path: string;
  readonly manifest: string;
  readonly bytes: number;
  readonly sha256: string;
  readonly verified: boolean;
  readonly revision: string | null;
  readonly createdAt: string;
  readonly copyMs: number;
  readonly proofMs: number;
  readonly tables: readonly { readonly name: string; readonly rows: number; readonly digest: string }[];
}

async function makeBackup(given: BackupCase, ...options: readonly string[]): Promise<BackupJson> {
  const result = await given.expect(0, "backup", "--json", ...options);
  return result.json<{ backup: BackupJson }>().backup;
}

// What the copy of a server's version brings back is tried on each version; when one is made and refused, on each driver.

eachCase("upgrade and downgrade back up before they change anything, and only then", async (given) => {
  const first = (await given.expect(0, "upgrade", initial, "--json")).json<{ backup: unknown }>();
  assert.equal(first.backup, null, "an empty database needs none");
  assert.ok(!existsSync(given.folder));
  await addFiles(given.engine, given.url, 20);

  const up = (await given.expect(0, "upgrade", storageFields, "--json"))
    .json<{ backup: { path: string; verified: boolean } }>();
  assert.equal(up.backup.verified, true);
  const manifest = JSON.parse(readFileSync(`${up.backup.path}.json`, "utf8"));
  assert.equal(manifest.revision, initial);
  assert.equal(manifest.reason, "before upgrade");
  assert.equal(manifest.tables.find((table: { name: string }) => table.name === "files").rows, 20);

  const again = (await given.expect(0, "upgrade", storageFields, "--json")).json<{ backup: unknown }>();
  assert.equal(again.backup, null, "there was nothing to do");
  const down = (await given.expect(0, "downgrade", initial, "--yes", "--json")).json<{ backup: unknown }>();
  assert.notEqual(down.backup, null);
  assert.equal(backupsIn(given.folder).length, 2);

  const bare = await given.expect(0, "upgrade", storageFields, "--no-backup");
  assert.match(bare.stderr, /--no-backup: nothing is backed up, only what is kept comes back$/m);
  assert.equal(backupsIn(given.folder).length, 2);
});

eachCase("a backup goes back to exactly what was there, and what it replaces is kept", async (given) => {
  await fill(given, 300);
  const began = performance.now();
  const before = await makeBackup(given);
  assert.equal(before.verified, true);
  // Each is rounded.
  assert.ok(before.copyMs >= 0 && before.proofMs > 0);
  assert.ok(before.copyMs + before.proofMs <= performance.now() - began + 1);
  assert.equal(before.revision, initial);
  assert.equal(before.bytes, statSync(before.path).size);
  assert.equal(statSync(before.path).mode & 0o777, 0o600);
  assert.equal(statSync(before.manifest).mode & 0o777, 0o600);
  assert.equal(statSync(given.folder).mode & 0o777, 0o700);

  await given.expect(0, "upgrade", storageFields, "--no-backup");
  await given.query("DELETE FROM files WHERE id > 100");
  const restored = (await given.expect(0, "restore", "--yes", before.path, "--json"))
    .json<{ restored: { path: string; revision: string }; safetyBackup: string }>();
  assert.equal(restored.restored.revision, initial);
  const after = await makeBackup(given);
  assert.deepEqual(after.tables, before.tables);
  const status = (await given.expect(0, "status", "--json"))
    .json<{ current: string; lock: unknown; lastBackup: { path: string; revision: string } }>();
  assert.deepEqual([status.current, status.lock], [initial, null]);
  assert.equal(status.lastBackup.path, after.path);

  // And forth again.
  await given.expect(0, "restore", "--yes", restored.safetyBackup);
  assert.equal(await given.value("SELECT count(*) FROM files"), "100");
  await given.expect(0, "upgrade", "--no-backup");
}, engines);

// On PostgreSQL 18 these two are in tests/engines/postgres/backup_test.ts.
eachCase("a backup restores into another, empty database", async (given) => {
  await fill(given, 50);
  const backup = await makeBackup(given);
  await given.engine.withDatabase(async (other) => {
    const { restored, safetyBackup } =
      (await given.expect(0, "restore", "--yes", backup.path, "--to", other, "--json"))
        .json<{ restored: { revision: string }; safetyBackup: unknown }>();
    assert.equal(restored.revision, initial);
    assert.equal(safetyBackup, null);
    const there = backupCase(given.engine, other, given.cwd);
    assert.deepEqual((await makeBackup(there)).tables, backup.tables);
    // What makes ids goes on behind the last one.
    await there.query(
      `INSERT INTO files (uuid, filename, original_filename, mime_type, size, storage_path, created_at, collection_id) VALUES ('n', 'n', 'n', 'image/jpeg', 1, 'n', '2025-09-25 13:06:54.566933', 1)`,
    );
    assert.equal(await there.value("SELECT max(id) FROM files"), "51");
    await there.expect(0, "upgrade", "--no-backup");
  });
});

eachCase("a copy is of one moment while others write", async (given) => {
  await fill(given, 2_000);
  let isDone = false;
  let next = 2;
  const writing = (async () => {
    while (!isDone) {
      const now = "'2025-09-25 13:06:54.566933'";
      // A collection first, then its file: a copy that has the file has the collection.
      await given.query(
        `INSERT INTO collections (id, uuid, name, created_at, user_id) VALUES (${next}, 'c-${next}', 'c', ${now}, 1)`,
      );
      await given.query(
        `INSERT INTO files (id, uuid, filename, original_filename, mime_type, size, storage_path, created_at, collection_id) VALUES (${
          10_000 + next
        }, 'w-${next}', 'w', 'w', 'image/jpeg', 1, 'w', ${now}, ${next})`,
      );
      next++;
      await sleep(2);
    }
  })();
  const backup = await makeBackup(given);
  isDone = true;
  await writing;
  const rows = new Map(backup.tables.map((table) => [table.name, table.rows]));
  const collections = rows.get("collections")!;
  const files = rows.get("files")! - 2_000;
  assert.ok(
    collections - 1 === files || collections - 2 === files,
    `${collections} collections, ${files} new files`,
  );
  await given.engine.withDatabase(async (other) => {
    await given.expect(0, "restore", "--yes", backup.path, "--to", other);
    const { query } = given.engine;
    const [orphans] = await query(
      other,
      "SELECT count(*) AS n FROM files LEFT JOIN collections ON collections.id = files.collection_id WHERE collections.id IS NULL",
    );
    assert.equal(Number(orphans!["n"]), 0);
    const [highest] = await query(other, "SELECT max(id) AS n FROM collections");
    assert.equal(Number(highest!["n"]), collections);
  });
});

eachCase("what was damaged is found, and not restored", async (given) => {
  await fill(given, 500);
  const backup = await makeBackup(given);
  const pristine = join(given.cwd, "pristine");
  copyFileSync(backup.path, pristine);
  const damages: readonly (readonly [string, () => void, RegExp])[] = [
    ["a byte in the first third", () => flipByte(backup.path, 0.2), /SHA-256/],
    ["a byte in the last third", () => flipByte(backup.path, 0.9), /SHA-256/],
    ["a truncated file", () => truncateSync(backup.path, backup.bytes - 1), /bytes long instead of/],
    ["an empty file", () => truncateSync(backup.path, 0), /bytes long instead of/],
    ["a missing file", () => rmSync(backup.path), /is missing/],
    ["a missing manifest", () => rmSync(backup.manifest), /there is no such manifest/],
  ];
  const manifest = readFileSync(backup.manifest);
  for (const [what, damage, words] of damages) {
    damage();
    const verified = await given.run("backup", "verify", backup.path, "--json");
    assert.equal(verified.code, 3, `${what}: ${verified.stdout}`);
    assert.match(verified.stdout, words, what);
    // What has no manifest is restored with a yes: tests/cli/bare_restore_test.ts.
    const yes = what === "a missing manifest" ? [] : ["--yes"];
    const refused = await given.run("restore", ...yes, backup.path);
    assert.equal(refused.code, 4, `${what}: ${refused.stdout}${refused.stderr}`);
    assert.equal(await given.value("SELECT count(*) FROM files"), "500");
    copyFileSync(pristine, backup.path);
    writeFileSync(backup.manifest, manifest);
  }
  await given.expect(0, "backup", "verify", backup.path);
  assert.ok(
    !readdirSync(given.folder).some((name) => name.startsWith(".")),
    "nothing is left of a verification",
  );
});

eachCase("a manifest that belongs to another file is found", async (given) => {
  await fill(given, 10);
  const one = await makeBackup(given);
  await given.query("DELETE FROM files WHERE id = 1");
  const two = await makeBackup(given);
  renameSync(one.manifest, two.manifest);
  const { stdout } = await given.expect(3, "backup", "verify", two.path);
  assert.match(stdout, /it is the manifest of .*, and stands beside |bytes long instead of/);
});

eachCase("a loop of failing upgrades makes one backup", async (given) => {
  await fill(given, 30);
  await given.query("ALTER TABLE files ADD COLUMN storage_backend VARCHAR(20)");
  for (let round = 0; round < 3; round++) {
    const result = await given.run("upgrade", storageFields);
    assert.equal(result.code, 1, result.stdout + result.stderr);
    if (round > 0) assert.match(result.stdout, /nothing that it holds has changed since/);
  }
  assert.equal(backupsIn(given.folder).length, 1);
  await given.query("DELETE FROM files WHERE id = 3");
  await given.run("upgrade", storageFields);
  assert.equal(backupsIn(given.folder).length, 2);
});

eachCase("a backup is not taken again for the way back when a sequence has moved since", async (given) => {
  await fill(given, 5);
  const counted = given.engine.dialect === "sqlite"
    ? "CREATE TABLE counted (id INTEGER PRIMARY KEY AUTOINCREMENT)"
    : "CREATE TABLE counted (id SERIAL PRIMARY KEY)";
  await given.query(counted);
  await given.query("ALTER TABLE files ADD COLUMN storage_backend VARCHAR(20)");
  const fail = async () => assert.equal((await given.run("upgrade", storageFields)).code, 1);
  await fail();
  await fail();
  assert.equal(backupsIn(given.folder).length, 1);
  // The rows are as before, and the next one gets another number.
  await given.query(
    given.engine.dialect === "sqlite"
      ? "INSERT INTO counted DEFAULT VALUES"
      : "SELECT nextval('counted_id_seq'), nextval('counted_id_seq')",
  );
  await given.query("DELETE FROM counted");
  await fail();
  assert.equal(backupsIn(given.folder).length, 2);
  if (given.engine.name !== "sqlite file") return;
  await given.query("PRAGMA user_version = 7");
  await fail();
  assert.equal(backupsIn(given.folder).length, 3);
}, engines);

eachCase("a loop of upgrades that fail half way keeps the way back to before the first", async (given) => {
  await fill(given, 30);
  await given.query("CREATE TABLE ix_files_storage_backend (id INTEGER)");
  for (let round = 0; round < 4; round++) {
    const result = await given.run("upgrade", storageFields);
    assert.equal(result.code, 1, result.stdout + result.stderr);
  }
  assert.ok(backupsIn(given.folder).length <= 2, backupsIn(given.folder).join());
  await given.expect(0, "backup", "prune", "--keep-last", "1", "--yes");
  const { backups } = (await given.expect(0, "backup", "list", "--json"))
    .json<{ backups: { revision: string; unfinished: string | null }[] }>();
  assert.ok(backups.some(({ unfinished }) => unfinished === null));
});

eachCase("restore waits for the lock, and refuses", async (given) => {
  await fill(given, 5);
  const backup = await makeBackup(given);
  await withLockHeldElsewhere(given.url, async () => {
    const { stderr } = await given.expect(5, "restore", "--yes", backup.path, "--lock-wait", "0");
    assert.match(stderr, /Cannot lock .* holds /);
  });
  assert.equal(await given.value("SELECT count(*) FROM files"), "5");
});

eachCase("Ctrl-C during a backup leaves none", async (given) => {
  await fill(given, 30_000);
  const running = startCli(["backup", "--compress", "gzip"], {
    cwd: given.cwd,
    env: { DATABASE_URL: given.url, HARBOR_DB_BACKUP_DIR: given.folder },
  });
  while (!existsSync(given.folder) || readdirSync(given.folder).length === 0) await sleep(2);
  running.kill("SIGINT");
  const { code, stderr } = await running.result;
  assert.ok(code === 130 || code === 0, stderr);
  assert.deepEqual(backupsIn(given.folder).length, code === 0 ? 1 : 0);
  assert.ok(!readdirSync(given.folder).some((name) => name.endsWith(".partial")));
});
