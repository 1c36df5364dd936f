import type { SQL } from "drizzle-orm";
import assert from "node:assert/strict";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { test } from "node:test";
import { parseDatabaseUrl } from "../../../src/base/url/database_url.ts";
import type { Database } from "../../../src/engines/database.ts";
import { openDatabase } from "../../../src/engines/open/database.ts";
import { besideTables, besideWriter } from "../../support/beside_writer.ts";
import { sqliteUrl, testClient, withFolder } from "../../support/databases.ts";
import { rejectsWith } from "../../support/harbor_error.ts";
import { sql } from "../../support/user_sql.ts";

const indexes = [
  "CREATE INDEX made ON files (size)",
  "CREATE INDEX made ON files (kind, size DESC, id)",
  "CREATE INDEX IF NOT EXISTS main.made ON files (lower(name) COLLATE RTRIM, name COLLATE BINARY DESC)",
  'CREATE INDEX "made" ON "files" (size * 2, n) WHERE kind IS NOT NULL -- why',
  "CREATE UNIQUE INDEX made ON files (id DESC, kind)",
  "CREATE INDEX made ON files (CAST(n AS REAL), kind || name)",
  "CREATE UNIQUE INDEX made ON files (uuid, id)",
  "CREATE INDEX made ON files (n) WHERE n > 3 AND name LIKE 'a%'",
];

interface Given {
  readonly path: string;
  /** Another program's connection. */
  readonly application: DatabaseSync;
  readonly write: (count: number) => void;
}

/** Runs `work` with a file of some hundred rows to which an application writes. */
async function withFile(seed: number, work: (given: Given) => Promise<void>): Promise<void> {
  await withFolder(async (folder) => {
    const path = join(folder, "harbor.db");
    const application = new DatabaseSync(path, {
      timeout: 1_000,
      enableForeignKeyConstraints: seed % 2 === 0,
    });
    try {
      if (seed % 4 > 0) application.exec("PRAGMA journal_mode = WAL");
      application.exec(
        `PRAGMA synchronous = OFF; PRAGMA recursive_triggers = ${seed % 3 === 0 ? "ON" : "OFF"}`,
      );
      for (const text of besideTables[seed % besideTables.length]!) application.exec(text);
      const write = besideWriter(application, seed);
      write(900);
      // VACUUM would give other row ids where they are not kept.
      application.exec("DELETE FROM files WHERE rowid % 17 = 0");
      await work({ path, application, write });
    } finally {
      application.close();
    }
  });
}

async function withOpened<T>(path: string, work: (database: Database) => Promise<T>): Promise<T> {
  const options = { client: testClient, access: "write", largeRows: 1 } as const;
  const database = await openDatabase(parseDatabaseUrl(sqliteUrl(path)), options);
  try {
    return await work(database);
  } finally {
    await database.close();
  }
}

/** Builds an index, and calls `between` again and again while it is built. */
async function build(path: string, statement: string, between: (text: string) => void): Promise<void> {
  await withOpened(path, async (database) => {
    const [piece] = await database.beside!.cut({ statements: [sql.raw(statement)] });
    assert.equal(piece?.beside?.way, "index");
    await piece.beside.run({
      write: (batch) => database.write(batch),
      record: [sql`PRAGMA user_version = 4711`],
      signal: new AbortController().signal,
      doing: between,
      fill: () => Promise.reject(new Error("nothing is to be filled")),
    });
  });
}

/** Takes away what was left, but for what the statements to come need. */
async function clear(path: string, keep: readonly SQL[]): Promise<void> {
  const signal = new AbortController().signal;
  await withOpened(path, (database) => database.beside!.clear(keep, { signal, doing: () => {} }));
}

/** Asserts that the index is what the plain way would have made, and nothing else is left. */
function assertMade({ application, write }: Given, statement: string): void {
  const row = () => ({
    ...application.prepare("SELECT tbl_name, sql FROM sqlite_schema WHERE name = 'made'").get(),
  });
  const value = (text: string) => Object.values(application.prepare(text).get()!)[0];
  assert.equal(value("PRAGMA integrity_check"), "ok");
  assert.equal(value("SELECT count(*) FROM sqlite_schema WHERE name LIKE '%harbor%'"), 0);
  assert.equal(value("PRAGMA user_version"), 4711);
  write(60);
  assert.equal(value("PRAGMA integrity_check"), "ok");
  const made = row();
  application.exec("DROP INDEX made");
  application.exec(statement);
  assert.deepEqual(made, row());
}

test("an index built beside a writer with every kind of conflict is the one of the plain way", async () => {
  for (let seed = 1; seed <= 24; seed++) {
    const statement = indexes[seed % indexes.length]!;
    await withFile(seed, async (given) => {
      await build(given.path, statement, () => given.write(8));
      assertMade(given, statement);
    });
  }
});

test("killed before any of its statements, it leaves the application unharmed and goes on", async () => {
  const prepare = DatabaseSync.prototype.prepare;
  let points = 0;
  let isKilled = true;
  for (let seed = 1, after = 2; isKilled; seed++, after += 4) {
    const statement = indexes[seed % indexes.length]!;
    await withFile(seed, async (given) => {
      isKilled = false;
      let left = after;
      DatabaseSync.prototype.prepare = function (text: string) {
        // All that comes later fails as well, ROLLBACK among it: the file is as after the end of the process.
        if (this !== given.application && this.location() === given.path && --left < 0) {
          throw new Error("killed");
        }
        return prepare.call(this, text);
      };
      try {
        await build(given.path, statement, () => given.write(2));
      } catch (error) {
        assert.match(String(error), /killed/);
        isKilled = true;
        points++;
      } finally {
        DatabaseSync.prototype.prepare = prepare;
      }
      given.write(60);
      assert.equal(Object.values(given.application.prepare("PRAGMA integrity_check").get()!)[0], "ok");
      if (isKilled && seed % 5 === 0) {
        await clear(given.path, []);
        const traces = "SELECT count(*) FROM sqlite_schema WHERE name LIKE '%harbor%'";
        assert.equal(Object.values(given.application.prepare(traces).get()!)[0], 0);
      }
      const isMade = given.application.prepare("SELECT 1 FROM sqlite_schema WHERE name = 'made'").get();
      if (isMade === undefined) await build(given.path, statement, () => given.write(2));
      else await clear(given.path, [sql.raw("SELECT 1")]);
      assertMade(given, statement);
    });
  }
  assert.ok(points >= 20, `${points} points`);
});

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
    withFile(place % 2, async (given) => {
      const statement = "CREATE INDEX made ON files (size)";
      const said: string[] = [];
      await build(given.path, statement, (words) => {
        if (said.length === 1) given.application.exec(text);
        else given.write(3);
        said.push(words);
      });
      // VACUUM changes nothing where rows keep their ids and tables their pages.
      if (text !== "VACUUM") {
        assert.ok(said.some((words) => /beginning the index again/.test(words)), said.join());
      }
      assertMade(given, statement);
    }));
}

test("an index that a row refuses leaves SQLite's own words and no trace", () =>
  withFile(0, async (given) => {
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

test("a table without row ids gets its index in one transaction, and it is said", () =>
  withFile(0, async (given) => {
    given.application.exec("CREATE TABLE w (a PRIMARY KEY, b) WITHOUT ROWID; INSERT INTO w VALUES (1, 2)");
    await withOpened(given.path, async (database) => {
      const [piece] = await database.beside!.cut({ statements: [sql`CREATE INDEX made ON w (b)`] });
      assert.match(piece!.beside!.words, /in one transaction, since it is WITHOUT ROWID: writers wait/);
    });
    await build(given.path, "CREATE INDEX made ON w (b)", () => given.write(1));
    assertMade(given, "CREATE INDEX made ON w (b)");
  }));
