import assert from "node:assert/strict";
import { copyFileSync, existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { setTimeout as sleep } from "node:timers/promises";
import { firstSliceSize } from "../../src/engines/slices/size.ts";
import { backupsIn, eachCase, fill, flipByte, initial, storageFields } from "../support/backups.ts";
import { engines, sqlitePath } from "../support/databases.ts";
import { startCli } from "../support/run_cli.ts";

// What was true at the first look need not be at the second: copies, files and revisions that change in between.

const sqliteOnly = engines.filter(({ name }) => name === "sqlite file");

eachCase("a copy that was damaged and kept its length is no way back", async (given) => {
  await fill(given, 200);
  await given.expect(0, "backup");
  const [damaged] = backupsIn(given.folder);
  flipByte(join(given.folder, damaged!), 0.6);
  const { backup } = (await given.expect(0, "upgrade", storageFields, "--json"))
    .json<{ backup: { path: string; verified: boolean } }>();
  assert.notEqual(backup.path, join(given.folder, damaged!));
  assert.equal(backup.verified, true);
  await given.expect(0, "backup", "verify", backup.path);
});

// One row a lie: what the manifest says of the copy that is not so, with the checksum of the file left right.
const lies: readonly (readonly [what: string, change: (table: { rows: number; digest: string }) => void])[] =
  [
    ["another number of rows", (table) => table.rows--],
    ["other rows", (table) => table.digest = table.digest.replace(/.$/, (last) => last === "0" ? "1" : "0")],
  ];
for (const [what, change] of lies) {
  eachCase(
    `a copy with ${what} than its manifest says is not restored, though its checksum is right`,
    async (given) => {
      await fill(given, 50);
      await given.expect(0, "backup");
      const path = join(given.folder, backupsIn(given.folder)[0]!);
      const manifest = JSON.parse(readFileSync(`${path}.json`, "utf8"));
      change(manifest.tables.find(({ name }: { readonly name: string }) => name === "files"));
      writeFileSync(`${path}.json`, JSON.stringify(manifest));
      await given.query("DELETE FROM files WHERE id = 50");
      const { stderr } = await given.expect(4, "restore", path, "--yes");
      assert.match(stderr, /files/);
      assert.equal(await given.value("SELECT count(*) FROM files"), "49");
      await given.expect(3, "backup", "verify", path);
    },
  );
}

eachCase(
  "a compressed copy that decodes to something else than was copied is not restored",
  async (given) => {
    await fill(given, 50);
    await given.expect(0, "backup", "--compress", "gzip");
    const path = join(given.folder, backupsIn(given.folder)[0]!);
    const manifest = JSON.parse(readFileSync(`${path}.json`, "utf8"));
    manifest.plain.sha256 = manifest.plain.sha256.replace(/.$/, (last: string) => last === "0" ? "1" : "0");
    writeFileSync(`${path}.json`, JSON.stringify(manifest));
    await given.query("DELETE FROM files WHERE id = 50");
    const { stderr } = await given.expect(4, "restore", path, "--yes");
    assert.match(stderr, /it does not decode to what was copied/);
    assert.equal(await given.value("SELECT count(*) FROM files"), "49");
  },
  sqliteOnly,
);

/** Returns a file that an application which was killed leaves beside its database: `-wal`, or a hot `-journal`. */
function leftBehind(path: string, ending: "-wal" | "-journal", keep: string): void {
  const application = new DatabaseSync(path, { enableForeignKeyConstraints: false });
  application.exec(
    ending === "-wal" ? "PRAGMA journal_mode = WAL; PRAGMA wal_autocheckpoint = 0" : "PRAGMA cache_size = 1",
  );
  // A transaction larger than the cache is in the file before it commits, and what was there is in the journal.
  application.exec("BEGIN; UPDATE files SET size = 7; DELETE FROM files WHERE id > 20");
  if (ending === "-wal") application.exec("COMMIT");
  copyFileSync(path + ending, keep);
  if (ending === "-journal") application.exec("ROLLBACK");
  application.close();
}

for (const ending of ["-wal", "-journal"] as const) {
  eachCase(
    `a ${ending} that was left beside a database that is gone does not get into the restored one`,
    async (given) => {
      await fill(given, 400);
      await given.expect(0, "backup");
      const path = sqlitePath(given.url);
      const kept = join(given.cwd, "left");
      leftBehind(path, ending, kept);
      for (const each of ["", "-wal", "-shm", "-journal"]) rmSync(path + each, { force: true });
      copyFileSync(kept, path + ending);
      await given.expect(0, "restore", join(given.folder, backupsIn(given.folder)[0]!), "--yes");
      assert.ok(!existsSync(path + ending), `${ending} is still there`);
      assert.equal(await given.value("SELECT count(*) FROM files WHERE size = id * 1000"), "400");
      assert.equal(await given.value("PRAGMA integrity_check"), "ok");
    },
    sqliteOnly,
  );
}

eachCase("a revision that moves while a backup is made leaves no backup", async (given) => {
  await fill(given, 20_000);
  // So that it can be written while it is copied.
  if (given.engine.name === "sqlite file") await given.query("PRAGMA journal_mode = WAL");
  const running = startCli(["backup", "--json"], {
    cwd: given.cwd,
    env: { DATABASE_URL: given.url, HARBOR_DB_BACKUP_DIR: given.folder },
  });
  while (!existsSync(given.folder) || readdirSync(given.folder).length === 0) await sleep(2);
  await given.query(
    `UPDATE harbor_version SET finished_at = '2026-01-01T00:00:00.000Z' WHERE revision = '${initial}'`,
  );
  const { code, stdout, stderr, json } = await running.result;
  assert.equal(code, 1, stdout + stderr);
  assert.match(
    json<{ error: { message: string } }>().error.message,
    /somebody took it over, or to another revision, meanwhile/,
  );
  assert.deepEqual(readdirSync(given.folder), []);
});

eachCase("verify finds duplicates on both sides of a slice's border", async (given) => {
  await fill(given, firstSliceSize + 50);
  await given.expect(0, "upgrade", "--no-backup", "--batch-time", "500");
  // As an application may have it whose index is not unique.
  await given.query("DROP INDEX ix_files_uuid");
  await given.query("CREATE INDEX ix_files_uuid ON files (uuid)");
  const name = (id: number) => `u-${String(id).padStart(9, "0")}`;
  const padded = given.engine.dialect === "sqlite" ? "printf('%09d', id)" : "lpad(id::text, 9, '0')";
  await given.query(`UPDATE files SET uuid = 'u-' || ${padded}`);
  for (const shift of [0, 1, 2]) {
    const id = firstSliceSize + shift;
    await given.query(`UPDATE files SET uuid = '${name(id - 1)}' WHERE id = ${id}`);
    const { stdout } = await given.run("verify", "--only", "data", "--json");
    assert.match(stdout, /the uuid of another row/, `rows ${id - 1} and ${id}`);
    await given.query(`UPDATE files SET uuid = '${name(id)}' WHERE id = ${id}`);
  }
});

eachCase("verify finds bad metadata wherever in a table it is", async (given) => {
  const rows = 5_000;
  await fill(given, rows);
  await given.expect(0, "upgrade", "--no-backup", "--batch-time", "500");
  await given.query(`UPDATE files SET metadata_json = '{"width": 1}'`);
  for (const id of [1_001, firstSliceSize, firstSliceSize + 1, rows]) {
    await given.query(`UPDATE files SET metadata_json = 'no json' WHERE id = ${id}`);
    const { stdout, stderr } = await given.run("verify", "--only", "data", "--json");
    assert.match(stdout, /metadata_not_json/, `row ${id}: ${stdout}${stderr}`);
    await given.query(`UPDATE files SET metadata_json = '{}' WHERE id = ${id}`);
  }
});
