import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { chmodSync, existsSync, mkdirSync, writeFileSync } from "node:fs";
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
  withCase,
} from "../support/backups.ts";
import { engines, withFolder } from "../support/databases.ts";

/** Makes the last statement of the revision fail, after its columns and its backfill are committed. */
async function plantFailure(given: BackupCase): Promise<void> {
  await fill(given, 2_500);
  await given.query("CREATE TABLE ix_files_storage_backend (id INTEGER)");
}

interface Failure {
  readonly error: {
    readonly code: string;
    readonly message: string;
    readonly hint: string;
    readonly details: Record<string, unknown>;
  };
}

eachCase(
  "an upgrade that fails half way says what is done, how to go on and how to go back",
  async (given) => {
    await plantFailure(given);
    const { error } = (await given.expect(1, "upgrade", "--json")).json<Failure>();
    assert.match(error.message, /half done: 5b09ebe23c76 \(Add R2 storage fields\), \d of \d statements/);
    assert.match(error.message, /not done: f27bd10b7ec4/);
    assert.match(error.hint, /To go on from there: harbor-db upgrade /);
    const [, command = ""] = /To go back: harbor-db (.*)$/m.exec(error.hint) ?? [];
    assert.match(command, /^restore /);
    const restored = await given.run(...command.split(" "), "--yes");
    assert.equal(restored.code, 0, restored.stdout + restored.stderr);
    assert.match(restored.stdout, /is at 71dda59686db/);
    assert.equal(await given.value("SELECT count(*) FROM files"), "2500");

    // And the way on: the cause removed, the next upgrade resumes.
    await given.expect(1, "upgrade");
    await given.query("DROP TABLE ix_files_storage_backend");
    await given.expect(0, "upgrade", storageFields);
    assert.equal(await given.value("SELECT count(*) FROM files WHERE storage_backend = 'local'"), "2500");
  },
);

eachCase("--restore-on-failure goes back by itself", async (given) => {
  await plantFailure(given);
  const { error } = (await given.expect(1, "upgrade", "--restore-on-failure", "--json")).json<Failure>();
  assert.match(error.message, /restored: the database is at 71dda59686db again/);
  const status = (await given.expect(0, "status", "--json")).json<
    { current: string; unfinished: unknown; lock: unknown }
  >();
  assert.deepEqual([status.current, status.unfinished, status.lock], [initial, null, null]);
  assert.equal(await given.value("SELECT count(*) FROM files"), "2500");
});

eachCase("no proven backup, no change", async (given) => {
  await fill(given, 5);
  // A file where the folder should be.
  writeFileSync(given.folder, "");
  const { error } = (await given.expect(1, "upgrade", "--json")).json<Failure>();
  assert.equal(error.code, "backup_failed");
  assert.match(error.message, /Cannot change the database without a backup/);
  assert.match(error.hint, /--no-backup/);
  const { current } = (await given.expect(0, "status", "--json")).json<{ current: string }>();
  assert.equal(current, initial);
});

const [sqlite] = engines;

test("an upgrade prunes by the rules afterwards, and never the last way back", () =>
  withCase(sqlite!, async (given) => {
    await fill(given, 3);
    for (let round = 0; round < 3; round++) {
      await given.expect(0, "upgrade", storageFields, "--keep-last", "1");
      await given.query(`UPDATE files SET size = ${round}`);
      await given.expect(0, "downgrade", "-1", "--yes", "--keep-last", "1");
      await given.query(`UPDATE files SET size = ${round + 100}`);
    }
    const revisions = backupsIn(given.folder).map((name) => name.split("-").at(-1));
    assert.deepEqual(revisions.toSorted(), [`${storageFields}.db`, `${initial}.db`]);
  }));

test("attempts that all fail on a database that changes do not fill the disk", () =>
  withCase(sqlite!, async (given) => {
    await fill(given, 3);
    await given.expect(0, "backup");
    await given.query("ALTER TABLE files ADD COLUMN storage_backend VARCHAR(20)");
    for (let round = 0; round < 4; round++) {
      await given.query(`UPDATE files SET size = ${round}`);
      await given.expect(1, "upgrade", "--keep-last", "2");
    }
    const { backups } = (await given.expect(0, "backup", "list", "--json"))
      .json<{ backups: { reason: string }[] }>();
    const reasons = backups.map(({ reason }) => reason);
    assert.deepEqual(reasons, ["before upgrade", "before upgrade", "before upgrade", "backup"]);
  }));

// One row a mistake: the options, what the message says.
const mistakes: readonly (readonly [readonly string[], RegExp])[] = [
  [["--restore-on-failure", "--no-backup"], /--restore-on-failure with --no-backup/],
  [["--restore-on-failure", "--encrypt-to", "age1x"], /--restore-on-failure with --encrypt-to/],
  [["--encrypt-to", "nobody"], /no age recipient/],
  [["--compress", "lzma"], /use zstd or gzip/],
  [["--keep-last", "1.5"], /whole number/],
  [["--keep-last", "0"], /no rule keeps anything/],
  [["--backup-engine", "pg_dump"], /another kind of database/],
];
for (const [options, words] of mistakes) {
  test(`upgrade ${options.join(" ")} is refused before anything is changed`, () =>
    withCase(sqlite!, async (given) => {
      await fill(given, 1);
      const { stderr } = await given.expect(2, "upgrade", ...options);
      assert.match(stderr, words);
      assert.equal(await given.value("SELECT count(*) FROM harbor_version"), "1");
      assert.ok(!existsSync(given.folder) || backupsIn(given.folder).length === 0);
    }));
}

test("the command that goes back works as it is printed, in a shell, with odd names", () =>
  withFolder(async (cwd) => {
    const folder = join(cwd, "it's here");
    mkdirSync(folder);
    const url = `sqlite:///${join(folder, "open harbor.db")}`;
    const given = backupCase(sqlite!, url, folder);
    await plantFailure(given);
    const { error } = (await given.expect(1, "upgrade", "--json", "--database-url", url)).json<Failure>();
    const [, command = ""] = /To go back: (harbor-db .*)$/m.exec(error.hint) ?? [];
    assert.match(command, /--database-url/);
    assert.match(error.hint, /To go on from there: harbor-db upgrade --database-url 'sqlite:.*' \w+$/m);
    const program = join(cwd, "harbor-db");
    // What a shell makes of it, one argument a line.
    writeFileSync(program, '#!/bin/sh\nprintf "%s\\n" "$@"\n');
    chmodSync(program, 0o755);
    const args = execFileSync("sh", ["-c", command], {
      env: { PATH: `${cwd}:/usr/bin:/bin` },
      encoding: "utf8",
    });
    await given.expect(0, ...args.trimEnd().split("\n"), "--yes");
  }));
