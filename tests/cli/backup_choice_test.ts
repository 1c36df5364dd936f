import assert from "node:assert/strict";
import { existsSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { basename } from "node:path";
import { engines, sqlitePath } from "../support/databases.ts";
import { type BackupCase, backupsIn, eachCase, fill, storageFields } from "../support/backups.ts";

const sqlite = engines.filter(({ name }) => name === "sqlite file");

async function copy(given: BackupCase, ...options: readonly string[]): Promise<string> {
  const { backup } = (await given.expect(0, "backup", "--json", ...options)).json<
    { backup: { path: string } }
  >();
  return backup.path;
}

eachCase(
  "restore latest brings back the newest copy of a database that is lost, and no other's",
  async (given) => {
    await given.expect(2, "restore", "latest", "--yes");
    await fill(given, 3);
    await copy(given);
    await given.expect(0, "upgrade", storageFields);
    const newest = await copy(given);
    await given.expect(0, "upgrade", "--database-url", "sqlite:///other.db");
    await given.expect(0, "backup", "--database-url", "sqlite:///other.db");
    rmSync(sqlitePath(given.url));
    const { restored } = (await given.expect(0, "restore", "latest", "--yes", "--json"))
      .json<{ restored: { path: string; revision: string } }>();
    assert.deepEqual([restored.path, restored.revision], [newest, storageFields]);
    assert.equal(await given.value("SELECT count(*) FROM files"), "3");
    assert.match((await given.expect(0, "backup", "verify", "latest")).stdout, new RegExp(basename(newest)));
  },
  sqlite,
);

// One row what becomes of the newest backup, one after the other, and what is said.
const spoilt: readonly (readonly [spoil: (path: string) => void, said: RegExp])[] = [
  [(path) => truncateSync(path, 1000), /made 2.*: the file is 1\s000 bytes long instead of/],
  [(path) => rmSync(path), /made 2.*: the file ".*" is missing/],
  [(path) => writeFileSync(`${path}.json`, "{"), /is no JSON/],
];

eachCase(
  "latest is no older copy when the newest cannot be used, which is said with what can be named",
  async (given) => {
    await fill(given, 3);
    const older = basename(await copy(given), ".db");
    await given.query("DELETE FROM files");
    const newest = await copy(given);
    for (const [spoil, said] of spoilt) {
      spoil(newest);
      const { stderr } = await given.expect(4, "restore", "latest", "--yes");
      assert.match(stderr, said);
      assert.ok(stderr.includes(basename(newest, ".db")) && stderr.includes(older), stderr);
    }
    await given.expect(4, "backup", "verify", "latest");
    assert.match((await given.expect(0, "status")).stdout, /newer and not usable: .*is no JSON/);
    assert.equal(await given.value("SELECT count(*) FROM files"), "0");
    const { stdout } = await given.expect(0, "restore", older, "--yes");
    assert.match(stdout, new RegExp(`from ${older}, made 2`));
    assert.equal(await given.value("SELECT count(*) FROM files"), "3");
  },
  sqlite,
);

eachCase(
  "backup delete removes the one that is named after a yes, and says when it is the last way back",
  async (given) => {
    await fill(given, 3);
    const [first, second] = [await copy(given), await copy(given, "--compress", "gzip")];
    assert.match((await given.expect(0, "backup", "list")).stdout, /stored[^]*gzip[^]*plain/);
    const id = basename(first, ".db");
    assert.match((await given.expect(4, "backup", "delete", id)).stderr, /there is no terminal/);
    assert.equal(backupsIn(given.folder).length, 2);
    await given.expect(0, "backup", "delete", id, "--yes");
    assert.match(
      (await given.expect(2, "backup", "delete", "latest", "--yes")).stderr,
      /^error: Cannot remove "latest": what is removed has to be named$/m,
    );
    assert.ok(!existsSync(first));
    assert.deepEqual(backupsIn(given.folder), [basename(second)]);
    const last = await given.expect(0, "backup", "delete", basename(second), "--yes");
    assert.match(last.stdout, /the last way back to/);
    assert.deepEqual(backupsIn(given.folder), []);
  },
  sqlite,
);

eachCase(
  "backup --keep-last removes what no rule keeps once the new one is proven, and nothing without a rule",
  async (given) => {
    await fill(given, 3);
    await copy(given);
    await copy(given);
    assert.equal(backupsIn(given.folder).length, 2);
    await given.expect(2, "backup", "--keep-last", "0");
    assert.equal(backupsIn(given.folder).length, 2);
    const newest = await copy(given, "--keep-last", "1");
    assert.deepEqual(backupsIn(given.folder), [basename(newest)]);
  },
  sqlite,
);
