import assert from "node:assert/strict";
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { type BackupCase, backupCase, backupsIn, fill, flipByte, storageFields } from "../support/backups.ts";
import { type Engine, engines, sqliteUrl, withFolder } from "../support/databases.ts";

const [sqlite] = engines;

function withCase(work: (given: BackupCase) => Promise<void>): Promise<void> {
  return withFolder((cwd) => work(backupCase(sqlite!, sqliteUrl(join(cwd, "app.db")), cwd)));
}

/** Dates a backup as a clock of 2031 would have, and returns its new name. */
function postdate(folder: string, name: string): string {
  const late = name.replace(/-\d{8}T/, "-20310101T");
  renameSync(join(folder, name), join(folder, late));
  const manifest = JSON.parse(readFileSync(join(folder, `${name}.json`), "utf8"));
  const { id, createdAt, file } = manifest;
  const changed = {
    ...manifest,
    id: id.replace(/-\d{8}T/, "-20310101T"),
    createdAt: createdAt.replace(/^\d{4}-\d\d-\d\d/, "2031-01-01"),
    file: file.replace(/-\d{8}T/, "-20310101T"),
  };
  writeFileSync(join(folder, `${late}.json`), JSON.stringify(changed));
  rmSync(join(folder, `${name}.json`));
  return late;
}

test("a backup from the future pushes out nothing, and is a finding until it is gone", () =>
  withCase(async (given) => {
    await fill(given, 3);
    await given.expect(0, "backup");
    const late = postdate(given.folder, backupsIn(given.folder)[0]!);
    // Nothing but that one is no backup to go by.
    const { findings } = (await given.expect(3, "verify", "--only", "backup", "--json"))
      .json<{ findings: { message: string }[] }>();
    assert.match(findings[0]!.message, /dated in the future, 2031/);
    await given.expect(0, "upgrade", storageFields, "--keep-last", "1");
    assert.deepEqual(backupsIn(given.folder).length, 2);
    await given.expect(0, "backup", "prune", "--keep-last", "1", "--force", "--yes");
    assert.equal(backupsIn(given.folder).length, 2);

    const status = (await given.expect(3, "status", "--exit-code", "--json")).json<
      { lastBackup: { path: string }; backupsFromFuture: { path: string }[] }
    >();
    assert.deepEqual(status.backupsFromFuture.map(({ path }) => path), [join(given.folder, late)]);
    assert.notEqual(status.lastBackup.path, join(given.folder, late));
    const { stdout } = await given.expect(0, "status");
    assert.match(stdout, /dated in the future/);
    assert.match((await given.expect(0, "backup", "list")).stdout, /in the future/);
    await given.expect(3, "verify", "--only", "backup", "--max-backup-age", "1h");
  }));

for (const engine of engines.filter(({ dialect }) => dialect === "sqlite")) {
  test(`${engine.name}: a lease that no clock of now gave holds nobody up`, () => leaseOf(engine));
}

function leaseOf(engine: Engine): Promise<void> {
  return engine.withDatabase((url) =>
    withFolder(async (cwd) => {
      const given = backupCase(engine, url, cwd);
      await fill(given, 1);
      const lease = (seconds: string) =>
        given.query(
          `UPDATE harbor_lock SET token = 'x', owner = 'pid 1 on elsewhere', expires_at = unixepoch('subsec') + ${seconds}`,
        );
      await lease("25");
      await given.expect(5, "upgrade", "--no-backup", "--lock-wait", "0");
      await lease("150000000");
      const { lock } = (await given.expect(0, "status", "--json")).json<{ lock: unknown }>();
      assert.equal(lock, null);
      await given.expect(0, "upgrade", "--no-backup", "--lock-wait", "0");
    })
  );
}

test("the workspace of a run on another machine outlives a clock that jumps", () =>
  withCase(async (given) => {
    await fill(given, 1);
    const live = join(given.folder, ".app-20260101T000000000Z-none.1.0123abcd.partial");
    mkdirSync(live, { recursive: true });
    const long = new Date(Date.now() - 5 * 365 * 86_400_000);
    utimesSync(live, long, long);
    await given.expect(0, "backup");
    await given.expect(0, "backup");
    assert.ok(existsSync(live));
    // A day later it still looks the same.
    utimesSync(`${live}.seen`, long, long);
    await given.expect(0, "backup");
    assert.ok(!existsSync(live) && !existsSync(`${live}.seen`));
  }));

test("a damaged copy of equal length pushes out no good one", () =>
  withCase(async (given) => {
    await fill(given, 50);
    for (let count = 0; count < 3; count++) await given.expect(0, "backup");
    const [oldest, good, newest] = backupsIn(given.folder);
    flipByte(join(given.folder, newest!), 0.5);
    const { removed, kept } = (await given.expect(
      0,
      "backup",
      "prune",
      "--keep-last",
      "1",
      "--yes",
      "--json",
    )).json<{ removed: { path: string }[]; kept: { path: string }[] }>();
    assert.deepEqual(removed.map(({ path }) => path), [join(given.folder, oldest!)]);
    assert.ok(kept.some(({ path }) => path.endsWith(good!)));
  }));

test("prune removes no file but the one that the manifest names", () =>
  withCase(async (given) => {
    await fill(given, 1);
    for (let count = 0; count < 2; count++) await given.expect(0, "backup");
    const [oldest] = backupsIn(given.folder);
    const live = join(given.folder, "prod.db");
    copyFileSync(join(given.folder, oldest!), live);
    copyFileSync(join(given.folder, `${oldest}.json`), `${live}.json`);
    await given.expect(0, "backup", "prune", "--keep-last", "1", "--force", "--yes");
    assert.ok(existsSync(live));
    assert.ok(!existsSync(join(given.folder, oldest!)));
  }));
