import assert from "node:assert/strict";
import { copyFileSync, readdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { test } from "node:test";
import { gzipSync } from "node:zlib";
import { generateIdentity, identityToRecipient } from "age-encryption";
import { engines, sqliteUrl, withFolder } from "../support/databases.ts";
import { type HereResult, runHere, withFirstRevision } from "../support/run_here.ts";
import { addFiles, initial, valueOf } from "../support/samples/application.ts";
import { withSmallDisk } from "../support/servers/small_disk.ts";

interface Case {
  readonly cwd: string;
  /** Runs harbor-db, which has to end with that exit code. */
  expect(code: number, ...args: readonly string[]): Promise<HereResult>;
  /** Makes a backup with those options, puts its file alone into the folder, and returns its path. */
  bare(...args: readonly string[]): Promise<string>;
  rows(): Promise<string>;
}

/** Runs `work` with a database that has rows, and an age key in `key.txt`. */
function withRows(work: (given: Case & { readonly recipient: string }) => Promise<void>): Promise<void> {
  return withFirstRevision(async (cwd) => {
    const url = sqliteUrl(join(cwd, "openharbor.db"));
    await addFiles(engines[0]!, url, 3);
    const key = await generateIdentity();
    writeFileSync(join(cwd, "key.txt"), key);
    await work({
      ...caseOf(url, cwd),
      recipient: await identityToRecipient(key),
      rows: () => valueOf(engines[0]!, url, "SELECT count(*) FROM files"),
    });
  });
}

function caseOf(url: string, cwd: string): Omit<Case, "rows"> {
  const expect: Case["expect"] = async (code, ...args) => {
    const result = await runHere(args, { cwd, env: { DATABASE_URL: url } });
    assert.equal(result.code, code, result.stdout + result.stderr);
    return result;
  };
  return {
    cwd,
    expect,
    bare: async (...args) => {
      const { backup } = (await expect(0, "backup", "--json", ...args)).json<{ backup: { path: string } }>();
      const alone = join(cwd, `alone-${basename(backup.path)}`);
      copyFileSync(backup.path, alone);
      return alone;
    },
  };
}

test("a copy without its manifest is restored after a look, with a yes", () =>
  withRows(async ({ cwd, expect, bare, rows }) => {
    const alone = await bare();
    await engines[0]!.query(sqliteUrl(join(cwd, "openharbor.db")), "DELETE FROM files");
    const before = readFileSync(join(cwd, "openharbor.db"));
    const { stderr } = await expect(4, "restore", alone);
    assert.match(
      stderr,
      /has no manifest\. Seen: a SQLite file, proven \(opened\) just now: .*files \(3 rows\)/,
    );
    assert.match(stderr, /not known: of which database it is, when it was made \(the file is of .*\)/);
    assert.match(stderr, /with alone-.*, which has no manifest \(a SQLite file, \d rows in 3 tables\)\?/);
    assert.deepEqual(readFileSync(join(cwd, "openharbor.db")), before);
    const { restored } = (await expect(0, "restore", alone, "--yes", "--json"))
      .json<{ restored: { revision: string; hasManifest: boolean } }>();
    assert.deepEqual([restored.revision, restored.hasManifest, await rows()], [initial, false, "3"]);
  }));

test("where nothing is, a copy without its manifest needs a yes as well", () =>
  withRows(async ({ cwd, expect, bare }) => {
    const alone = await bare();
    const to = ["--to", "sqlite:///look.db"];
    assert.match(
      (await expect(4, "restore", alone, ...to)).stderr,
      /as sqlite:\/\/\/look\.db, where nothing is\?/,
    );
    assert.ok(!readdirSync(cwd).includes("look.db"));
    await expect(0, "restore", alone, ...to, "--yes");
  }));

test("one that is compressed and encrypted is looked at with the key, and not without", () =>
  withRows(async ({ cwd, expect, bare, recipient, rows }) => {
    const alone = await bare("--compress", "gzip", "--encrypt-to", recipient);
    await engines[0]!.query(sqliteUrl(join(cwd, "openharbor.db")), "DELETE FROM files");
    assert.match((await expect(2, "restore", alone, "--yes")).stderr, /no identity is given/);
    const { stderr } = await expect(0, "restore", alone, "--yes", "--identity", "key.txt");
    assert.match(stderr, /a SQLite file \(gzip, age\)/);
    assert.equal(await rows(), "3");
    assert.ok(readdirSync(cwd).every((name) => !name.endsWith(".partial")));
  }));

// One row a file that is no copy: what is made of one, and what is said.
const noCopies: readonly (readonly [what: string, spoil: (path: string) => void, said: RegExp])[] = [
  ["a text", (path) => writeFileSync(path, "hello"), /it has no manifest, and is neither a SQLite file nor/],
  [
    "an empty file",
    (path) => writeFileSync(path, ""),
    /it has no manifest, and is neither a SQLite file nor/,
  ],
  [
    "half a database",
    (path) => truncateSync(path, readFileSync(path).length / 2),
    /as a backup: Cannot prove/,
  ],
  ["a part of a compressed one", (path) => {
    const whole = gzipSync(readFileSync(path));
    writeFileSync(path, whole.subarray(0, whole.length / 2));
  }, /Cannot read .*: unexpected end of file/i],
  [
    "one that is compressed thrice",
    (path) => writeFileSync(path, gzipSync(gzipSync(gzipSync(readFileSync(path))))),
    /it is compressed or encrypted more than once/,
  ],
  [
    "one with rows in a file beside it",
    (path) => writeFileSync(`${path}-wal`, "x"),
    /a part of it is in ".*-wal"/,
  ],
  [
    "one whose manifest was changed",
    (path) => writeFileSync(`${path}.json`, "{}"),
    /its field "format" is missing/,
  ],
];
for (const [what, spoil, said] of noCopies) {
  test(`${what} is not restored`, () =>
    withRows(async ({ cwd, expect, bare }) => {
      const alone = await bare();
      spoil(alone);
      const before = readFileSync(join(cwd, "openharbor.db"));
      assert.match((await expect(4, "restore", alone, "--yes")).stderr, said);
      assert.deepEqual(readFileSync(join(cwd, "openharbor.db")), before);
    }));
}

test("copies of PostgreSQL are restored without their manifests, of either engine", () => {
  const postgres = engines.find(({ name }) => name === "postgres 15")!;
  return postgres.withDatabase((url) =>
    withFolder(async (cwd) => {
      const { expect, bare } = caseOf(url, cwd);
      await expect(0, "upgrade", initial, "--no-backup");
      await addFiles(postgres, url, 3);
      for (
        const [engine, kind] of [["harbor", /harbor-db's own format/], [
          "pg_dump",
          /an archive of pg_dump/,
        ]] as const
      ) {
        const alone = await bare("--backup-engine", engine, "--compress", "gzip");
        await postgres.query(url, "DELETE FROM files");
        assert.match((await expect(4, "restore", alone)).stderr, kind);
        await expect(0, "restore", alone, "--yes", "--no-backup");
        assert.equal(await valueOf(postgres, url, "SELECT count(*) FROM files"), "3");
      }
      // That of another kind of database is refused by name.
      const file = join(cwd, "of-sqlite");
      writeFileSync(file, "SQLite format 3\0");
      assert.match((await expect(2, "restore", file, "--yes")).stderr, /it is one of SQLite or libSQL/);
      rmSync(file);
    })
  );
});

test("a small file that unpacks to more than there is room for does not fill the disk", () =>
  withFirstRevision((cwd) =>
    withSmallDisk(1_024, async (disk) => {
      const bomb = join(disk, "copy.db.gz");
      writeFileSync(bomb, gzipSync(new Uint8Array(8 * 1024 * 1024)));
      const { expect } = caseOf(sqliteUrl(join(cwd, "openharbor.db")), cwd);
      const { stderr } = await expect(4, "restore", bomb, "--yes");
      assert.match(stderr, /it unpacks to more than the \d+ bytes that it may have/);
      assert.deepEqual(readdirSync(disk), ["copy.db.gz"]);
    })
  ));
