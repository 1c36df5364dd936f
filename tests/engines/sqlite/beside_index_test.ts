import assert from "node:assert/strict";
import { rmSync, statfsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { test } from "node:test";
import { assertWhole } from "../../support/beside_copies.ts";
import {
  type BesideCase,
  clearBeside,
  killAfter,
  runBeside,
  withBesideFile,
  withLarge,
} from "../../support/beside_writer.ts";
import { rejectsWith } from "../../support/harbor_error.ts";
import { withSmallDisk } from "../../support/servers/small_disk.ts";
import { sql } from "../../support/user_sql.ts";

const build = (path: string, statement: string, between: (text: string) => void) =>
  runBeside(path, [statement], between);

const indexes = [
  "CREATE INDEX made ON files (size)",
  "CREATE INDEX made ON files (kind, size DESC, id)",
  "CREATE INDEX IF NOT EXISTS main.made ON files (lower(name) COLLATE RTRIM, name COLLATE BINARY DESC)",
  'CREATE INDEX "made" ON "files" (size * 2, n) WHERE kind IS NOT NULL -- why',
  "CREATE UNIQUE INDEX made ON files (id DESC, kind)",
  "CREATE INDEX made ON files (CAST(n AS REAL), kind || name)",
  "CREATE UNIQUE INDEX made ON files (uuid, id)",
  "CREATE INDEX made ON files (n) WHERE n > 3 AND name LIKE 'a%'",
  // As drizzle-kit writes a column in a condition.
  'CREATE INDEX `made` ON `files` (`name`,`kind`) WHERE "files"."n" > 3 and files.id > 5',
];

/** Asserts that the index is what the plain way would have made, and nothing else is left. */
function assertMade(given: BesideCase, statement: string): void {
  const { application } = given;
  const row = () => ({
    ...application.prepare("SELECT tbl_name, sql FROM sqlite_schema WHERE name = 'made'").get(),
  });
  assertWhole(given);
  const made = row();
  application.exec("DROP INDEX made");
  application.exec(statement);
  assert.deepEqual(made, row());
}

test("an index built beside a writer with every kind of conflict is the one of the plain way", async () => {
  for (let seed = 1; seed <= 24; seed++) {
    const statement = indexes[seed % indexes.length]!;
    await withBesideFile(seed, async (given) => {
      await build(given.path, statement, () => given.write(8));
      assertMade(given, statement);
    });
  }
});

test("killed before any of its statements, it leaves the application unharmed and goes on", async () => {
  let points = 0;
  let isKilled = true;
  for (let seed = 1, after = 2; isKilled; seed++, after += 4) {
    const statement = indexes[seed % indexes.length]!;
    await withBesideFile(seed, async (given) => {
      isKilled = await killAfter(after, given, () => build(given.path, statement, () => given.write(2)));
      if (isKilled) points++;
      given.write(60);
      assert.equal(Object.values(given.application.prepare("PRAGMA integrity_check").get()!)[0], "ok");
      if (isKilled && seed % 5 === 0) {
        await clearBeside(given.path, []);
        const traces = "SELECT count(*) FROM sqlite_schema WHERE name LIKE '%harbor%'";
        assert.equal(Object.values(given.application.prepare(traces).get()!)[0], 0);
      }
      const isMade = given.application.prepare("SELECT 1 FROM sqlite_schema WHERE name = 'made'").get();
      if (isMade === undefined) await build(given.path, statement, () => given.write(2));
      else await clearBeside(given.path, [sql.raw("SELECT 1")]);
      assertMade(given, statement);
    });
  }
  assert.ok(points >= 20, `${points} points`);
});

test("what an index left goes also where nothing names its row ids any more", () =>
  withBesideFile(1, async (given) => {
    const { path, application } = given;
    for (const columns of ["(rowid TEXT, oid TEXT, _rowid_ TEXT)", "(id TEXT PRIMARY KEY) WITHOUT ROWID"]) {
      assert.ok(await killAfter(60, given, () => build(path, "CREATE INDEX made ON files (size)", () => {})));
      application.exec(`DROP TABLE harbor_beside_1; CREATE TABLE harbor_beside_1 ${columns}`);
      await clearBeside(path, []);
      assert.deepEqual(
        application.prepare("SELECT name FROM sqlite_schema WHERE name GLOB 'harbor*'").all(),
        [],
      );
    }
  }));

/** What others do to the schema, or to the shadow, while an index is built. */
const interventions: readonly string[] = [
  "VACUUM",
  "ALTER TABLE files ADD COLUMN more TEXT",
  "CREATE UNIQUE INDEX another ON files (id, uuid, name)",
  "DROP TRIGGER harbor_beside_1_insert",
  "DELETE FROM harbor_beside_1 WHERE rowid % 7 = 0",
  "UPDATE harbor_beside_1 SET size = size + 1 WHERE rowid % 50 = 0",
  "INSERT INTO harbor_beside_1 (rowid, size) VALUES (4711, 1)",
  "DROP INDEX harbor_beside_1_index",
  "DROP TABLE harbor_beside_1",
];
for (const [place, text] of interventions.entries()) {
  test(`an index is begun again after ${text}`, () =>
    withBesideFile(place % 2, async (given) => {
      const statement = "CREATE INDEX made ON files (size)";
      const said: string[] = [];
      await build(given.path, statement, (words) => {
        if (said.length === 1) given.application.exec(text);
        else given.write(3);
        said.push(words);
      });
      // VACUUM changes nothing where rows keep their ids and tables their pages.
      if (text !== "VACUUM") {
        assert.ok(said.some((words) => /beginning again/.test(words)), said.join());
      }
      assertMade(given, statement);
    }));
}

// Keys that are generated of a column, and what is written into it: a NULL, for which a default comes in.
const pushing: readonly (readonly [columns: string, value: string])[] = [
  ["kind TEXT DEFAULT 'q' NOT NULL, h TEXT AS (kind || '!'), g TEXT AS (upper(h)) UNIQUE", "NULL"],
  ["kind TEXT COLLATE NOCASE NOT NULL DEFAULT 'B', g AS (nullif(kind = 'b', 0)) UNIQUE", "NULL"],
  ["kind TEXT COLLATE NOCASE NOT NULL DEFAULT 'q', g AS (nullif(kind = 'b', 0)) UNIQUE", "'B'"],
  ["kind INTEGER NOT NULL DEFAULT '7', g AS (nullif(kind = '7', 0)) UNIQUE", "NULL"],
  [
    "kind TEXT NOT NULL DEFAULT 7, h INTEGER AS (kind), g AS (nullif(typeof(h) = 'integer', 0)) UNIQUE",
    "NULL",
  ],
];
for (const [columns, value] of pushing) {
  test(`a row that REPLACE pushes out with ${value} is seen: ${columns}`, () =>
    withBesideFile(1, async (given) => {
      const { application } = given;
      application.exec(
        `ALTER TABLE files RENAME TO others; CREATE TABLE files (id INTEGER PRIMARY KEY, uuid TEXT, size REAL, ${columns}); INSERT INTO files (uuid, kind, size) SELECT uuid, 'k' || rowid, size FROM others`,
      );
      const said: string[] = [];
      const rows = () => application.prepare("SELECT count(*) AS n FROM files").get()!["n"];
      const push = () =>
        application.exec(`INSERT OR REPLACE INTO files (uuid, kind, size) VALUES ('u', ${value}, 7)`);
      push();
      const before = rows();
      await build(given.path, "CREATE INDEX made ON files (size)", (words) => {
        // The row that it pushes out is in the shadow, and not noted.
        if (/comparing/.test(words)) push();
        said.push(words);
      });
      assert.equal(rows(), before);
      assert.ok(
        said.some((words) => /comparing/.test(words)) && !said.some((words) => /beginning again/.test(words)),
        said.join(),
      );
      assert.equal(application.prepare("PRAGMA integrity_check").get()?.["integrity_check"], "ok");
    }));
}

test("a row that is in no partial index is written while an index is built, whatever its key would be", () =>
  withBesideFile(1, async ({ path, application }) => {
    application.exec(
      `CREATE UNIQUE INDEX of_json ON files (json_extract(name, '$.x')) WHERE json_valid("files"."name");
INSERT INTO files (uuid, name) VALUES ('first', '{"x": 1}')`,
    );
    const said: string[] = [];
    await build(path, "CREATE INDEX made ON files (size)", (words) => {
      if (/comparing/.test(words) && said.push(words) === 1) {
        application.exec(
          `INSERT INTO files (uuid, name) VALUES ('none', 'no JSON'); UPDATE files SET name = 'none' WHERE uuid = 'none';
INSERT OR REPLACE INTO files (uuid, name) VALUES ('second', '{"x":1}')`,
        );
      }
    });
    assert.ok(said.length > 0);
    const left = "SELECT uuid FROM files WHERE uuid IN ('first', 'second', 'none') ORDER BY uuid";
    assert.deepEqual(application.prepare(left).all().map(({ uuid }) => uuid), ["none", "second"]);
    assert.equal(application.prepare("PRAGMA integrity_check").get()?.["integrity_check"], "ok");
  }));

test("an index that a row refuses leaves SQLite's own words and no trace", () =>
  withBesideFile(0, async (given) => {
    const error = await rejectsWith(
      "statement_failed",
      build(given.path, "CREATE UNIQUE INDEX made ON files (kind)", () => given.write(1)),
    );
    assert.match(
      error.message,
      /^Cannot run "CREATE UNIQUE INDEX made .*: UNIQUE constraint failed: files\.kind$/,
    );
    assert.equal(
      given.application.prepare("SELECT * FROM sqlite_schema WHERE name LIKE '%harbor%'").all().length,
      0,
    );
  }));

for (const journal of ["WAL", "DELETE"]) {
  test(`without room for it nothing of an index or a copy is begun, and it is said how much that is: ${journal}`, () =>
    withSmallDisk(16_000, async (folder) => {
      const path = join(folder, "harbor.db");
      const application = new DatabaseSync(path);
      try {
        application.exec(
          `PRAGMA journal_mode = ${journal};
CREATE TABLE files (id INTEGER PRIMARY KEY, name TEXT, size INTEGER);
WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 30000)
INSERT INTO files SELECT i, 'a name of some forty letters, which is ' || i, i FROM n;
PRAGMA wal_checkpoint(TRUNCATE)`,
        );
        writeFileSync(join(folder, "other"), new Uint8Array(journal === "WAL" ? 9_000_000 : 13_000_000));
        const schema = () => application.prepare("SELECT name FROM sqlite_schema").all();
        const before = schema();
        const make = (...statements: readonly string[]) =>
          rejectsWith("disk_full", runBeside(path, statements, () => {}));
        const index = await make("CREATE INDEX made ON files (name, id)");
        assert.match(
          index.message,
          /^Cannot make index made beside the writers of "files": that takes about [45]\.\d MB in ".*", and there is room for/,
        );
        const copy = await make(
          "CREATE TABLE __new (id INTEGER PRIMARY KEY, size INTEGER, name TEXT)",
          "INSERT INTO __new (id, size, name) SELECT id, size, name FROM files",
          "DROP TABLE files",
          "ALTER TABLE __new RENAME TO files",
          "CREATE INDEX by_name ON files (name)",
        );
        assert.match(copy.message, /^Cannot make copy beside the writers of "files": that takes about/);
        assert.deepEqual(schema(), before);
        rmSync(join(folder, "other"));
        await runBeside(path, ["CREATE INDEX made ON files (name, id)"], () => {});
        assert.equal(schema().length, before.length + 1);
      } finally {
        application.close();
      }
    }));
}

test("what an index left on a full disk goes when so much is free as is asked for", () =>
  withSmallDisk(16_000, async (folder) => {
    const path = join(folder, "harbor.db");
    const application = new DatabaseSync(path);
    try {
      application.exec(
        `PRAGMA journal_mode = WAL; PRAGMA wal_autocheckpoint = 0;
CREATE TABLE files (id INTEGER PRIMARY KEY, name TEXT, size INTEGER);
WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 30000)
INSERT INTO files SELECT i, 'a name of some forty letters, which is ' || i, i FROM n;
PRAGMA wal_checkpoint(TRUNCATE)`,
      );
      const build = (between: () => void) => runBeside(path, ["CREATE INDEX made ON files (name)"], between);
      const fill = () => {
        const { bavail, bsize } = statfsSync(folder);
        writeFileSync(join(folder, "other"), new Uint8Array(bavail * bsize));
      };
      let turns = 0;
      await rejectsWith("disk_full", build(() => ++turns === 3 && fill()));
      const error = await rejectsWith("disk_full", clearBeside(path, []));
      const [, number, unit] = /^Free ([\d.]+) ([kM])B on the device/.exec(error.hint!)!;
      rmSync(join(folder, "other"));
      const bytes = Number(number) * (unit === "k" ? 1_000 : 1_000_000);
      const { bavail, bsize } = statfsSync(folder);
      writeFileSync(join(folder, "other"), new Uint8Array(bavail * bsize - bytes));
      await clearBeside(path, []);
      assert.equal(
        application.prepare("SELECT 1 FROM sqlite_schema WHERE name GLOB 'harbor_b*'").get(),
        undefined,
      );
      assert.equal(Object.values(application.prepare("PRAGMA integrity_check").get()!)[0], "ok");
    } finally {
      application.close();
    }
  }));

/** Tables of which nothing names the ids of rows. */
const idless = [
  ["CREATE TABLE w (a PRIMARY KEY, b) WITHOUT ROWID", "it is WITHOUT ROWID"],
  ["CREATE TABLE w (rowid, b, oid, _Rowid_ INT PRIMARY KEY)", "columns have all names of its row ids"],
] as const;
for (const [table, why] of idless) {
  test(`a table without row ids gets its index in one transaction, and it is said: ${why}`, () =>
    withBesideFile(0, async (given) => {
      given.application.exec(`${table}; INSERT INTO w VALUES (1, 2${why.startsWith("it") ? "" : ", 3, 4"})`);
      await withLarge(given.path, async (database) => {
        const [piece] = await database.beside!.cut({ statements: [sql`CREATE INDEX made ON w (b)`] });
        assert.match(piece!.beside!.words, new RegExp(`in one transaction, since ${why}: writers wait`));
      });
      await build(given.path, "CREATE INDEX made ON w (b)", () => given.write(1));
      assertMade(given, "CREATE INDEX made ON w (b)");
    }));
}

test("a table whose rows go with others of it, and that refers to another one, gets its index beside writers", () =>
  withBesideFile(0, async (given) => {
    given.application.exec(
      "CREATE TABLE folders (id INTEGER PRIMARY KEY, file INTEGER REFERENCES files (id), parent INTEGER REFERENCES folders (id) ON DELETE CASCADE);" +
        "INSERT INTO folders (id) VALUES (1)",
    );
    const statement = "CREATE INDEX made ON folders (parent)";
    await withLarge(given.path, async (database) => {
      const [piece] = await database.beside!.cut({ statements: [sql.raw(statement)] });
      await piece!.beside!.run({
        write: () => Promise.reject(new Error("it is built in one transaction")),
        record: [sql`PRAGMA user_version = 4711`],
        signal: new AbortController().signal,
        doing: () => {},
        fill: () => Promise.resolve(),
      });
    });
    assertMade(given, statement);
  }));

test("where nobody writes beside, and all is thrown away, an index is built as it is written", () =>
  withBesideFile(0, ({ path }) =>
    withLarge(path, async (database) => {
      const waysOf = async () =>
        (await database.beside!.cut({ statements: [sql`CREATE INDEX made ON files (size)`] }))
          .map(({ beside }) => beside?.way ?? null);
      const watcher = { onBatch: () => {}, isThrowAway: true };
      assert.deepEqual(await database.watch(watcher, waysOf), [null]);
      assert.deepEqual(await database.watch({ onBatch: () => {} }, waysOf), ["index"]);
    })));
