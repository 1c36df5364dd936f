import assert from "node:assert/strict";
import { cpSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { openBackups } from "../../src/backup/open_backups.ts";
import { parseDatabaseUrl } from "../../src/base/url/database_url.ts";
import { type BackupCase, backupCase, backupsIn, eachCase, fill } from "../support/backups.ts";
import { engines, sqliteUrl, testClient, withFolder, withTestDatabase } from "../support/databases.ts";
import { withOwnedPostgres } from "../support/postgres_role.ts";
import { withClient } from "../support/servers/postgres_server.ts";

const [sqlite] = engines;

interface Listed {
  readonly id: string;
  readonly path: string;
  readonly identity: string | null;
  readonly own: boolean;
}

async function listed(given: BackupCase): Promise<readonly Listed[]> {
  return (await given.expect(0, "backup", "list", "--json")).json<{ backups: Listed[] }>().backups;
}

const identityOf = (given: BackupCase) => given.value("SELECT identity FROM harbor_identity");

/** Removes all that the rules let go, and returns the ids that went. */
async function pruned(given: BackupCase): Promise<readonly string[]> {
  const result = await given.expect(0, "backup", "prune", "--keep-last", "1", "--force", "--yes", "--json");
  return result.json<{ removed: { id: string }[] }>().removed.map(({ id }) => id);
}

eachCase("a database has an identity of its own, an older one from the next upgrade on", async (given) => {
  await fill(given, 1);
  const first = await identityOf(given);
  assert.match(first, /^[0-9a-f]{32}$/);
  await given.expect(0, "backup");
  assert.deepEqual((await listed(given)).map(({ identity, own }) => [identity, own]), [[first, true]]);
  assert.equal((await given.expect(0, "status", "--json")).json<{ state: string }>().state, "managed");

  // As an earlier release left it.
  await given.query("DROP TABLE harbor_identity");
  await given.expect(0, "upgrade", "--no-backup");
  const second = await identityOf(given);
  assert.notEqual(second, first);
  await given.query("DROP TABLE harbor_identity");
  // And where there is nothing else to do.
  await given.expect(0, "upgrade");
  assert.match(await identityOf(given), /^[0-9a-f]{32}$/);
});

eachCase("a copy knows the original's backups, and removes none", async (given) => {
  const { engine } = given;
  await fill(given, 1);
  await given.expect(0, "backup");
  const [original] = await listed(given);
  await engine.withDatabase(async (url) => {
    const staging = backupCase(engine, url, given.cwd);
    await given.expect(0, "restore", original!.path, "--to", url, "--yes");
    assert.equal(await identityOf(staging), await identityOf(given));
    assert.deepEqual((await listed(staging)).map(({ own }) => own), [true]);
    await staging.expect(0, "backup");
    await staging.expect(0, "backup");
    assert.equal((await pruned(staging)).length, 1);
    assert.ok(backupsIn(given.folder).some((name) => original!.path.endsWith(name)));
    assert.deepEqual(await pruned(given), []);
    assert.equal(backupsIn(given.folder).length, 2);
  });
});

// One row a way in which another container comes to a database by the same name: what, how it is made there.
const sameNames: readonly (readonly [string, (given: BackupCase, from: string) => Promise<void>])[] = [
  ["of its own", (given) => fill(given, 1)],
  ["that is a copy", (given, from) => {
    cpSync(join(from, "app.db"), join(given.cwd, "data", "app.db"));
    return Promise.resolve();
  }],
];
for (const [what, make] of sameNames) {
  test(`two containers with one path and one folder, the second with a database ${what}, lose nothing`, () =>
    withFolder(async (cwd) => {
      const data = join(cwd, "data");
      mkdirSync(data);
      const given = backupCase(sqlite!, sqliteUrl(join(data, "app.db")), cwd);
      await fill(given, 1);
      await given.expect(0, "backup");
      const [first] = await listed(given);
      // What the first container calls /data is elsewhere for the second.
      renameSync(data, join(cwd, "first"));
      mkdirSync(data);
      await make(given, join(cwd, "first"));
      await given.expect(0, "backup");
      await given.expect(0, "backup");
      assert.equal((await pruned(given)).length, 1);
      assert.ok(backupsIn(given.folder).some((name) => first!.path.endsWith(name)));
    }));
}

test("backups of before are known by their place until the database has an identity, and then left alone", () =>
  withFolder(async (cwd) => {
    const given = backupCase(sqlite!, sqliteUrl(join(cwd, "app.db")), cwd);
    await fill(given, 1);
    await given.query("DROP TABLE harbor_identity");
    for (let count = 0; count < 3; count++) await given.expect(0, "backup");
    for (const name of backupsIn(given.folder)) {
      const path = join(given.folder, `${name}.json`);
      const { identity, home: _, sequence: __, ...earlier } = JSON.parse(readFileSync(path, "utf8"));
      assert.equal(identity, null);
      writeFileSync(path, JSON.stringify({ ...earlier, identity: undefined }));
    }
    assert.equal((await pruned(given)).length, 2);
    await given.expect(0, "upgrade", "--no-backup");
    assert.deepEqual((await listed(given)).map(({ own }) => own), [true]);
    await given.expect(0, "backup");
    assert.deepEqual(await pruned(given), []);
    assert.equal(backupsIn(given.folder).length, 2);
  }));

test("verify finds the backups of a database that was moved with its folder", () =>
  withFolder(async (cwd) => {
    const [from, to] = [join(cwd, "old"), join(cwd, "new")];
    mkdirSync(from);
    const before = backupCase(sqlite!, sqliteUrl(join(from, "app.db")), from);
    await fill(before, 1);
    await before.expect(0, "backup");
    renameSync(from, to);
    const after = backupCase(sqlite!, sqliteUrl(join(to, "app.db")), to);
    await after.expect(0, "verify", "--only", "backup");
    await after.expect(0, "backup");
    assert.deepEqual(await pruned(after), []);
  }));

test("whether a backup is of a database that was moved and cannot be asked, nobody says", () =>
  withFolder(async (cwd) => {
    const [from, to] = [join(cwd, "old"), join(cwd, "new")];
    mkdirSync(from);
    const before = backupCase(sqlite!, sqliteUrl(join(from, "app.db")), from);
    await fill(before, 1);
    await before.expect(0, "backup");
    renameSync(from, to);
    const path = join(to, "app.db");
    const given = backupCase(sqlite!, sqliteUrl(path), to);
    const unsure = async () => {
      const verified = await given.expect(1, "verify", "--only", "backup", "--json");
      const [found] = verified.json<{ findings: { status: string; message: string }[] }>().findings;
      assert.equal(found!.status, "error");
      assert.match(found!.message, /Cannot tell whether a backup in .* is of /);
      assert.match((await given.expect(0, "backup", "list")).stdout, /perhaps: sqlite:/);
      assert.match((await given.expect(0, "backup", "list", "--verbose")).stdout, /\(perhaps this one\)/);
      const { stderr } = await given.expect(2, "restore", "latest", "--yes");
      assert.match(stderr, /none was made at this address, 1 other may be of it/);
    };
    writeFileSync(path, "no database any more".repeat(100));
    await unsure();
    rmSync(path);
    await unsure();
    assert.match((await given.expect(0, "status")).stdout, /backup +unknown: Cannot tell/);
    await given.expect(0, "restore", (await listed(given))[0]!.path, "--yes");
    await given.expect(0, "verify", "--only", "backup");
  }));

for (const version of [15, 18] as const) {
  test(`postgres ${version}: verify finds the backups that another role made by another name of the server`, () =>
    withOwnedPostgres(version, "", ({ url, adminUrl }) =>
      withFolder(async (cwd) => {
        const given = backupCase(engines.find(({ name }) => name === `postgres ${version}`)!, url, cwd);
        await fill(given, 1);
        await given.expect(0, "backup", "--backup-engine", "harbor");
        const monitor = `monitor_${new URL(url).username}`;
        await withClient(adminUrl, async (sql) => {
          await sql.unsafe(`CREATE ROLE ${monitor} LOGIN PASSWORD 'x'`);
        });
        const spelled = new URL(url);
        spelled.hostname = "localhost";
        spelled.username = monitor;
        spelled.password = "x";
        try {
          await backupCase(given.engine, spelled.href, cwd).expect(0, "verify", "--only", "backup");
        } finally {
          await withClient(adminUrl, (sql) => sql.unsafe(`DROP ROLE ${monitor}`));
        }
      })));
}

test("two backups of one name and one millisecond are both kept", () =>
  withFolder(async (cwd) => {
    const client = testClient;
    const at = new Date("2026-07-28T10:11:12.123Z");
    const paths = [];
    for (const place of ["one", "two"]) {
      mkdirSync(join(cwd, place));
      const url = sqliteUrl(join(cwd, place, "app.db"));
      await fill(backupCase(sqlite!, url, cwd), place.length);
      const backups = openBackups(parseDatabaseUrl(url, {}), {
        folder: join(cwd, "kept"),
        database: url,
        name: "app",
        engine: null,
        encoding: { compression: null, recipients: [] },
        identityFile: null,
        client,
        environment: {},
        signal: AbortSignal.timeout(60_000),
        now: () => at,
        notify: () => {},
      });
      paths.push(
        await withTestDatabase(url, async (database) =>
          (await backups.make({
            database,
            history: { dialect: "sqlite", revisions: [] } as never,
            version: "0.1.0",
            signal: AbortSignal.timeout(60_000),
            now: () => at,
            notify: () => {},
          }, { reason: "backup", mayReuse: false })).path),
      );
    }
    assert.equal(new Set(paths).size, 2);
    const places = backupsIn(join(cwd, "kept")).map((name) =>
      JSON.parse(readFileSync(join(cwd, "kept", `${name}.json`), "utf8")).database
    );
    assert.deepEqual(places.map((place) => place.split("/").at(-2)), ["two", "one"]);
    assert.ok(!readdirSync(join(cwd, "kept")).some((name) => name.startsWith(".")));
  }));
