import { generateIdentity, identityToRecipient } from "age-encryption";
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { once } from "node:events";
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import process from "node:process";
import { test } from "node:test";
import { type BackupCase, backupCase, backupsIn, fill, flipByte, initial } from "../support/backups.ts";
import { engines, sqlitePath, withFolder } from "../support/databases.ts";
import { withSmallDisk } from "../support/servers/small_disk.ts";

const [sqlite] = engines;

/** Declares a test with a SQLite file of 200 files at the first revision. */
function testFile(
  rule: string,
  work: (given: BackupCase & { readonly path: string }) => Promise<void>,
): void {
  test(`sqlite file: ${rule}`, () =>
    sqlite!.withDatabase((url) =>
      withFolder(async (cwd) => {
        const given = backupCase(sqlite!, url, cwd);
        await fill(given, 200);
        await work({ ...given, path: sqlitePath(url) });
      })
    ));
}

/** What `backup list` and `status` have of runs that did not end. */
interface Listed {
  readonly leftovers: readonly unknown[];
}

async function newest(given: BackupCase): Promise<string> {
  const { backups } = (await given.expect(0, "backup", "list", "--json")).json<
    { backups: { path: string }[] }
  >();
  return backups[0]!.path;
}

function journalOf(path: string): string {
  const database = new DatabaseSync(path);
  try {
    return String(Object.values(database.prepare("PRAGMA journal_mode").get()!)[0]);
  } finally {
    database.close();
  }
}

testFile("a backup is a plain SQLite file without a live lock", async (given) => {
  await given.expect(0, "upgrade", "+1");
  const copy = new DatabaseSync(await newest(given), { readOnly: true });
  assert.deepEqual({ ...copy.prepare("SELECT count(*) AS n FROM files").get() }, { n: 200 });
  assert.deepEqual(copy.prepare("SELECT 1 FROM harbor_lock WHERE token <> '' OR pid IS NOT NULL").all(), []);
  copy.close();
});

for (const mode of ["wal", "delete"]) {
  testFile(
    `in journal mode ${mode}, with another program's connection open, a backup is whole`,
    async (given) => {
      const beside = new DatabaseSync(given.path);
      beside.exec(`PRAGMA journal_mode = ${mode}; UPDATE files SET size = 7 WHERE id = 1`);
      await given.expect(0, "backup");
      beside.close();
      assert.equal(journalOf(given.path), mode);
      const path = await newest(given);
      await given.expect(0, "restore", "--yes", path);
      assert.equal(journalOf(given.path), mode);
      assert.equal(await given.value("SELECT size FROM files WHERE id = 1"), "7");
    },
  );
}

for (const options of [["--compress", "zstd"], ["--compress", "gzip"]]) {
  testFile(`${options.join(" ")} is smaller, and comes back`, async (given) => {
    const { backup } = (await given.expect(0, "backup", ...options, "--json"))
      .json<{ backup: { path: string; bytes: number } }>();
    assert.ok(backup.bytes < statSync(given.path).size / 2, `${backup.bytes} bytes`);
    await given.expect(0, "backup", "verify", backup.path);
    await given.query("DELETE FROM files");
    await given.expect(0, "restore", "--yes", backup.path);
    assert.equal(await given.value("SELECT count(*) FROM files"), "200");
    for (const share of [0.1, 0.5, 0.95]) {
      const pristine = readFileSync(backup.path);
      flipByte(backup.path, share);
      await given.expect(3, "backup", "verify", backup.path);
      writeFileSync(backup.path, pristine);
    }
    assert.deepEqual(readdirSync(given.folder).filter((name) => name.startsWith(".")), []);
  });
}

testFile("an encrypted backup opens with its key and no other, and no plain copy stays", async (given) => {
  const identity = await generateIdentity();
  const other = await generateIdentity();
  const [key, wrong] = [join(given.cwd, "key.txt"), join(given.cwd, "wrong.txt")];
  writeFileSync(key, `# created by a test\n${identity}\n`);
  writeFileSync(wrong, `${other}\n`);
  const recipient = await identityToRecipient(identity);
  await given.expect(0, "backup", "--encrypt-to", recipient, "--compress", "zstd");
  const path = await newest(given);
  assert.match(path, /\.db\.zst\.age$/);
  assert.match(readFileSync(path, "latin1"), /^age-encryption\.org\/v1\n/);
  assert.deepEqual(
    readdirSync(given.folder).toSorted(),
    [path, `${path}.json`].map((each) => each.split("/").at(-1)),
  );

  const blind = await given.expect(0, "backup", "verify", path);
  assert.match(blind.stdout, /warn .*encrypted/);
  await given.expect(0, "backup", "verify", path, "--identity", key);
  await given.expect(2, "backup", "verify", path, "--identity", wrong);
  const refused = await given.expect(2, "restore", "--yes", path);
  assert.match(refused.stderr, /--identity/);
  await given.query("DELETE FROM files");
  await given.expect(0, "restore", "--yes", path, "--identity", key);
  assert.equal(await given.value("SELECT count(*) FROM files"), "200");
  assert.ok(!readdirSync(given.folder).some((name) => name.endsWith(".partial")));
});

testFile(
  "what a backup left that did not end is no backup, is named, and is cleared away by the next one",
  async (given) => {
    await given.expect(0, "backup");
    const whole = await newest(given);
    // A process of this machine that is gone: what it was writing, and a file that had its name but no manifest.
    const { processSpace } = hereAndNow();
    const gone = "openharbor-20260101T000000000Z-71dda59686db";
    const partial = join(given.folder, `.${gone}.${await deadPid()}.${processSpace}.partial`);
    mkdirSync(partial);
    copyFileSync(whole, join(partial, "copy"));
    copyFileSync(whole, join(given.folder, `${gone}.db`));
    // And one that somebody keeps there by hand.
    const kept = join(given.folder, "by-hand.db");
    copyFileSync(whole, kept);
    // And one that is at work.
    const living = join(given.folder, `.${gone}-2.${process.ppid}.${processSpace}.partial`);
    mkdirSync(living);
    const bytes = statSync(whole).size;
    const leftovers = [{ name: partial, isDatabase: false, bytes, isOver: true }];
    const listed = (await given.expect(0, "backup", "list", "--json")).json<
      Listed & { backups: unknown[] }
    >();
    assert.deepEqual([listed.backups.length, listed.leftovers], [1, leftovers]);
    assert.deepEqual((await given.expect(0, "status", "--json")).json<Listed>().leftovers, leftovers);
    const pruned = await given.expect(0, "backup", "prune", "--dry-run");
    assert.ok(pruned.stderr.includes(`left by a run that did not end: ${partial} (`), pruned.stderr);
    rmSync(living, { recursive: true });
    await given.expect(0, "backup");
    assert.ok(!existsSync(partial));
    assert.ok(!existsSync(join(given.folder, `${gone}.db`)));
    assert.ok(existsSync(kept));
    assert.equal(backupsIn(given.folder).length, 2);
  },
);

testFile("a restore is refused while another program has the file open for writing", async (given) => {
  await given.expect(0, "backup");
  const path = await newest(given);
  await given.query("DELETE FROM files WHERE id > 10");
  const application = spawn("python3", [
    "-c",
    `import sqlite3, sys
d = sqlite3.connect(sys.argv[1]); d.execute("SELECT count(*) FROM files").fetchall()
print("open", flush=True); sys.stdin.read()`,
    given.path,
  ], { stdio: ["pipe", "pipe", "inherit"] });
  await once(application.stdout, "data");
  const { stderr } = await given.expect(4, "restore", "--yes", path);
  assert.match(stderr, /pid \d+ \(python3.*\) has the file open for writing/);
  assert.equal(await given.value("SELECT count(*) FROM files"), "10");
  application.stdin.end();
  await once(application, "exit");
  await given.expect(0, "restore", "--yes", path);
  assert.equal(await given.value("SELECT count(*) FROM files"), "200");
});

testFile("a database that is none any more can be restored, and is kept as it is", async (given) => {
  await given.expect(0, "backup");
  const path = await newest(given);
  writeFileSync(given.path, "this is no database, whatever its name says");
  writeFileSync(`${given.path}-wal`, "nor is this its log");
  const { safetyBackup } = (await given.expect(0, "restore", "--yes", path, "--json")).json<
    { safetyBackup: string }
  >();
  assert.equal(readFileSync(safetyBackup, "utf8"), "this is no database, whatever its name says");
  assert.equal(await given.value("SELECT count(*) FROM files"), "200");
  await given.expect(0, "upgrade", "--no-backup");
});

testFile("a damaged index is no proven backup, and no reason not to restore", async (given) => {
  await given.expect(0, "backup");
  const path = await newest(given);
  damageIndex(given.path);
  const { stderr } = await given.expect(1, "upgrade");
  assert.match(stderr, /without a backup: Cannot prove/);
  assert.equal(await given.value("SELECT count(*) FROM harbor_version"), "1");
  const { safetyBackup } = (await given.expect(0, "restore", "--yes", path, "--json")).json<
    { safetyBackup: string }
  >();
  assert.match(safetyBackup, /\.damaged-/);
  await given.expect(0, "upgrade");
});

testFile("a side file that does not belong to the restored database does not harm it", async (given) => {
  const writer = new DatabaseSync(given.path);
  writer.exec("PRAGMA journal_mode = WAL; PRAGMA wal_autocheckpoint = 0");
  await given.expect(0, "backup");
  const path = await newest(given);
  writer.exec("UPDATE files SET size = 99");
  // As a crash leaves them: the log holds what is not in the file yet.
  copyFileSync(given.path, `${given.path}.left`);
  copyFileSync(`${given.path}-wal`, `${given.path}.left-wal`);
  writer.close();
  renameSync(`${given.path}.left`, given.path);
  renameSync(`${given.path}.left-wal`, `${given.path}-wal`);
  assert.equal(await given.value("SELECT sum(size) FROM files"), String(99 * 200));
  const { safetyBackup } = (await given.expect(0, "restore", "--yes", path, "--json")).json<
    { safetyBackup: string }
  >();
  assert.notEqual(await given.value("SELECT sum(size) FROM files"), String(99 * 200));
  await given.expect(0, "restore", "--yes", safetyBackup);
  assert.equal(await given.value("SELECT sum(size) FROM files"), String(99 * 200));
});

testFile("a link to the file stays a link, and owner and permissions stay", async (given) => {
  const link = join(given.cwd, "link.db");
  symlinkSync(given.path, link);
  await given.expect(0, "backup");
  const path = await newest(given);
  const { chmodSync, chownSync } = await import("node:fs");
  chmodSync(given.path, 0o640);
  if (statSync(given.path).uid === 0) chownSync(given.path, 1234, 1235);
  const before = statSync(given.path);
  await given.expect(0, "restore", "--yes", path, "--to", `sqlite:///${link}`);
  assert.equal(readlinkSync(link), given.path);
  const after = statSync(given.path);
  assert.deepEqual([after.mode, after.uid, after.gid], [before.mode, before.uid, before.gid]);
  assert.notEqual(after.ino, before.ino);
});

testFile("a database that is not there can be restored", async (given) => {
  await given.expect(0, "backup");
  const path = await newest(given);
  renameSync(given.path, `${given.path}.gone`);
  const { safetyBackup } = (await given.expect(0, "restore", "--yes", path, "--json")).json<
    { safetyBackup: unknown }
  >();
  assert.equal(safetyBackup, null);
  assert.equal(await given.value("SELECT count(*) FROM files"), "200");
});

testFile("a database with nothing but a view in it is kept when it is replaced", async (given) => {
  await given.expect(0, "backup");
  const path = await newest(given);
  rmSync(given.path);
  await given.query("CREATE VIEW hulls AS SELECT 7 AS size");
  const { safetyBackup } = (await given.expect(0, "restore", path, "--yes", "--json"))
    .json<{ safetyBackup: string | null }>();
  assert.equal(await given.value("SELECT count(*) FROM files"), "200");
  await given.expect(0, "restore", safetyBackup!, "--yes");
  assert.equal(await given.value("SELECT size FROM hulls"), "7");
});

testFile("a backup is found by its file, its manifest, its id and the beginning of one", async (given) => {
  await given.expect(0, "backup");
  const path = await newest(given);
  const id = path.split("/").at(-1)!.replace(/\.db$/, "");
  for (const name of [path, `${path}.json`, id, id.slice(0, -3), `kept/${id}.db`]) {
    await given.expect(0, "backup", "verify", name);
  }
  for (const name of ["nothing", "kept/nothing.db", "/nothing.db"]) {
    const { stderr } = await given.expect(2, "backup", "verify", name);
    assert.match(stderr, /Cannot find the backup/);
  }
  await given.expect(0, "backup");
  const { stderr } = await given.expect(2, "backup", "verify", "harbor-");
  assert.match(stderr, /is the beginning of/);
});

testFile("prune says what it keeps and why, and leaves other databases' backups alone", async (given) => {
  for (let round = 0; round < 4; round++) await given.expect(0, "backup");
  await sqlite!.withDatabase(async (url) => {
    const other = { ...backupCase(sqlite!, url, given.cwd), folder: given.folder };
    await other.expect(0, "upgrade", initial);
    await other.expect(0, "backup");
    const dry = await given.expect(0, "backup", "prune", "--keep-last", "2", "--dry-run");
    assert.match(dry.stdout, /keep .* last/);
    assert.match(dry.stdout, /would remove 2 of 4/);
    const asked = await given.expect(4, "backup", "prune", "--keep-last", "2");
    assert.match(asked.stderr, /Cannot ask "Remove 2 of 4 backups of .*--yes/s);
    assert.equal(backupsIn(given.folder).length, 5);
    await given.expect(0, "backup", "prune", "--keep-last", "4");
    writeFileSync(join(given.folder, "cut.db.json"), "{");
    const pruned = await given.expect(0, "backup", "prune", "--keep-last", "2", "--yes");
    assert.match(pruned.stderr, /left alone: .*cut\.db\.json/);
    assert.equal(backupsIn(given.folder).length, 4);
    assert.equal(readdirSync(given.folder).length, 7);
  });
});

testFile("a full disk ends with a clear error, nothing left and the database as it was", async (given) => {
  const size = statSync(given.path).size;
  await withSmallDisk(Math.floor(size / 1024 / 2), async (disk) => {
    const { stdout } = await given.expect(1, "upgrade", "--backup-dir", disk, "--json");
    assert.match(stdout, /it takes about .* are free/);
    assert.deepEqual(readdirSync(disk), []);
  });
  // Enough for the estimate, and not for what is written in the end: the disk fills up while the copy grows.
  await withSmallDisk(Math.ceil(size / 1024) + 8, async (disk) => {
    writeFileSync(join(disk, "grows"), "");
    const filler = spawn(
      "sh",
      ["-c", `while :; do head -c 4096 /dev/zero >> '${disk}/grows' || exit; done`],
      {
        stdio: "ignore",
      },
    );
    const { code, stdout } = await given.run("upgrade", "--backup-dir", disk, "--json");
    filler.kill();
    assert.equal(code, 1, stdout);
    assert.match(stdout, /disk_full|disk is full|no space|are free/i);
    assert.deepEqual(readdirSync(disk), ["grows"]);
  });
  assert.equal(await given.value("SELECT count(*) FROM harbor_version"), "1");
  assert.equal(await given.value("SELECT count(*) FROM files"), "200");
});

testFile("nothing is replaced where there is no room to keep it", async (given) => {
  await given.expect(0, "backup");
  const path = await newest(given);
  await given.query("DELETE FROM files WHERE id > 10");
  await withSmallDisk(16, async (disk) => {
    const { stderr } = await given.expect(1, "restore", path, "--backup-dir", disk, "--yes");
    assert.match(stderr, /are free/);
  });
  assert.equal(await given.value("SELECT count(*) FROM files"), "10");
});

testFile("a restore looks for room before it proves or keeps anything", async (given) => {
  for (const options of [[], ["--compress", "gzip"]]) {
    await given.query("DELETE FROM files WHERE id = (SELECT max(id) FROM files)");
    await given.expect(0, "backup", ...options);
    const path = await newest(given);
    const kept = readdirSync(given.folder);
    await withSmallDisk(48, async (disk) => {
      const there = join(disk, "harbor.db");
      const small = new DatabaseSync(there);
      small.exec("CREATE TABLE notes (id INTEGER)");
      small.close();
      const { stdout, stderr } = await given.expect(
        1,
        "restore",
        "--yes",
        path,
        "--to",
        `sqlite:///${there}`,
      );
      assert.match(stderr, /it takes about .* are free/);
      assert.match(stderr, /Free some space in ".*", where the new file is made/);
      assert.doesNotMatch(stdout + stderr, /--backup-dir/);
      assert.deepEqual(readdirSync(disk), ["harbor.db"]);
    });
    assert.deepEqual(readdirSync(given.folder), kept);
  }
});

test("sqlite file: a full disk under a file in WAL mode is told as that by whatever reads it", () =>
  withSmallDisk(400, async (disk) => {
    const there = join(disk, "harbor.db");
    const { expect } = backupCase(sqlite!, `sqlite:///${there}`, disk);
    await expect(0, "upgrade", initial, "--no-backup");
    const database = new DatabaseSync(there);
    database.exec("PRAGMA journal_mode = WAL");
    database.close();
    try {
      writeFileSync(join(disk, "fill"), new Uint8Array(1_000_000));
    } catch { /* as far as it goes */ }
    for (
      const command of [["status"], ["current"], ["backup"], ["upgrade", "--no-backup"], [
        "downgrade",
        "base",
        "--yes",
      ]]
    ) {
      const { stderr } = await expect(1, ...command);
      assert.match(
        stderr,
        /disk I\/O error\nhint: +Free some space on the device of ".*": 0 B are free/,
        command.join(" "),
      );
    }
    const { stdout } = await expect(1, "verify", "--skip", "backup");
    assert.match(stdout, /Free some space on the device of/);
  }));

testFile("a full disk under the database leaves the old one when restoring", async (given) => {
  await given.expect(0, "backup");
  const path = await newest(given);
  await withSmallDisk(Math.ceil(statSync(given.path).size / 1024) + 20, async (disk) => {
    const there = join(disk, "harbor.db");
    copyFileSync(given.path, there);
    const changed = new DatabaseSync(there);
    changed.exec("PRAGMA journal_mode = MEMORY; UPDATE files SET size = 5");
    changed.close();
    const { stderr } = await given.expect(1, "restore", "--yes", path, "--to", `sqlite:///${there}`);
    assert.match(stderr, /full|space/i);
    const database = new DatabaseSync(there, { readOnly: true });
    assert.deepEqual({ ...database.prepare("SELECT sum(size) AS n FROM files").get() }, { n: 1000 });
    database.close();
    assert.deepEqual(readdirSync(disk), ["harbor.db"]);
  });
});

/** Changes an entry of an index in the file, so that only a look at all of it finds out. */
function damageIndex(path: string): void {
  const bytes = readFileSync(path);
  const at = bytes.lastIndexOf("f-150");
  const first = bytes.indexOf("f-150");
  assert.ok(at > 0 && first !== at);
  const index = [first, at].find((place) => bytes[place + 5]! < 0x20 || place === at)!;
  bytes[index + 4] = 0x39;
  writeFileSync(path, bytes);
  const database = new DatabaseSync(path, { readOnly: true });
  const [row] = database.prepare("PRAGMA integrity_check").all();
  database.close();
  assert.notEqual(Object.values(row!)[0], "ok");
}

async function deadPid(): Promise<number> {
  const child = spawn("true");
  await once(child, "exit");
  return child.pid!;
}

/** What `main.ts` makes the process space of, as it stands in names. */
function hereAndNow(): { readonly processSpace: string } {
  const boot = readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim();
  const space = `${boot} ${readlinkSync("/proc/self/ns/pid")}`;
  return { processSpace: createHash("sha256").update(space).digest("hex").slice(0, 8) };
}
