import type { SQL } from "drizzle-orm";
import assert from "node:assert/strict";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { parseDatabaseUrl } from "../../src/base/url/database_url.ts";
import type { Database } from "../../src/engines/database.ts";
import { openDatabase } from "../../src/engines/open/database.ts";
import { sqliteUrl, testClient, withFolder } from "./databases.ts";
import { sql } from "./user_sql.ts";
import { seeded } from "./seeded.ts";

/** A table that a writer knows how to change in every way, and what else its schema has. */
const besideTables: readonly (readonly string[])[] = [
  [
    "CREATE TABLE files (id INTEGER PRIMARY KEY, uuid TEXT NOT NULL UNIQUE, name TEXT COLLATE NOCASE, size REAL, kind, n NUMERIC DEFAULT 7 NOT NULL UNIQUE, g TEXT GENERATED ALWAYS AS (lower(name)) VIRTUAL)",
  ],
  [
    "CREATE TABLE files (id INTEGER, uuid TEXT NOT NULL PRIMARY KEY, name TEXT, size REAL, kind, n NUMERIC, UNIQUE (name COLLATE NOCASE, n))",
  ],
  [
    "CREATE TABLE files (id INTEGER PRIMARY KEY AUTOINCREMENT, uuid TEXT, name TEXT, size REAL, kind, n INT)",
    "CREATE UNIQUE INDEX of_expressions ON files (lower(uuid), n DESC) WHERE kind IS NOT NULL",
    "CREATE UNIQUE INDEX of_some ON files (name) WHERE n > 5",
    "CREATE TRIGGER after_update AFTER UPDATE ON files BEGIN UPDATE files SET size = size + 1 WHERE id = NEW.id + 1; END",
    "CREATE TRIGGER before_insert BEFORE INSERT ON files BEGIN UPDATE files SET kind = 'b' WHERE id = (SELECT min(id) FROM files); END",
  ],
  [
    "CREATE TABLE files (id INTEGER PRIMARY KEY, uuid TEXT UNIQUE ON CONFLICT REPLACE, name ANY, size REAL, kind ANY, n INTEGER) STRICT",
  ],
  [
    "CREATE TABLE files (id INTEGER PRIMARY KEY, uuid TEXT UNIQUE, name TEXT, size REAL, kind, n INTEGER, parent INTEGER REFERENCES files (id) ON DELETE CASCADE)",
    "CREATE TRIGGER inserted AFTER INSERT ON files BEGIN UPDATE files SET parent = (SELECT max(id) FROM files WHERE id < NEW.id) WHERE id = NEW.id; END",
  ],
];

/** Changes rows as no application does, with every conflict clause: the same for the same seed. */
function besideWriter(application: DatabaseSync, seed: number): (count: number) => void {
  const { below: upTo, oneOf } = seeded(seed);
  const id = () => upTo(500);
  const word = () => oneOf(["a", "B", "b"]) + upTo(60);
  const value = () =>
    oneOf([
      null,
      upTo(9),
      upTo(5) + 0.5,
      `a${upTo(9)}`,
      `${upTo(9)}`,
      ` b${upTo(4)} `,
      new Uint8Array([upTo(3)]),
    ]);
  const number = () => upTo(3) > 0 ? upTo(20) : upTo(10) + 0.25;

  function change(): void {
    const or = oneOf(["", "OR REPLACE", "OR REPLACE", "OR IGNORE", "OR FAIL", "OR ROLLBACK"]);
    const run = (text: string, ...values: ReturnType<typeof value>[]): void => {
      application.prepare(text).run(...values);
    };
    switch (upTo(8)) {
      case 0:
      case 1:
        return run(
          `INSERT ${or} INTO files (id, uuid, name, size, kind, n) VALUES (?, ?, ?, ?, ?, ?)`,
          ...[upTo(3) > 0 ? null : id(), upTo(9) > 0 ? word() : null, word(), number(), value()],
          upTo(5) > 0 ? upTo(900) : null,
        );
      case 2:
        return run(
          "INSERT INTO files (id, uuid, name, size, kind, n) VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET size = size + 1, kind = excluded.kind",
          ...[id(), word(), word(), number(), value(), upTo(20)],
        );
      case 3:
        return run(
          `UPDATE ${or} files SET uuid = ?, name = ?, n = ? WHERE id = ?`,
          ...[word(), word(), upTo(20), id()],
        );
      case 4:
        return run(`UPDATE ${or} files SET id = ? WHERE id = ?`, id(), id());
      case 5:
        return run(`UPDATE ${or} files SET rowid = ? WHERE rowid = ?`, id(), id());
      case 6:
        return run("DELETE FROM files WHERE id = ? OR id = ?", id(), id());
      default:
        return run(`UPDATE ${or} files SET size = ?, kind = ? WHERE n = ?`, number(), value(), upTo(20));
    }
  }

  return (count) => {
    for (let done = 0; done < count; done++) {
      try {
        change();
      } catch (error) {
        if (!/constraint/i.test(String(error))) throw error;
      }
    }
  };
}

/** A file and the application that writes to it. */
export interface BesideCase {
  readonly path: string;
  /** Another program's connection. */
  readonly application: DatabaseSync;
  readonly write: (count: number) => void;
}

/** Runs `work` with a file of some hundred rows to which an application writes. */
export async function withBesideFile(
  seed: number,
  work: (given: BesideCase) => Promise<void>,
): Promise<void> {
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

/** Opens a file to which every table is large, or those from so many rows on. */
export async function withLarge<T>(
  path: string,
  work: (database: Database) => Promise<T>,
  largeRows = 1,
): Promise<T> {
  const options = { client: testClient, access: "write", largeRows } as const;
  const database = await openDatabase(parseDatabaseUrl(sqliteUrl(path)), options);
  try {
    return await work(database);
  } finally {
    await database.close();
  }
}

/** Runs statements in a way of their own, and calls `between` again and again meanwhile. */
export async function runBeside(
  path: string,
  statements: readonly string[],
  between: (text: string) => void,
): Promise<void> {
  await withLarge(path, async (database) => {
    const [piece] = await database.beside!.cut({ statements: statements.map(sql.raw) });
    assert.equal(piece?.count, statements.length);
    assert.ok(piece.beside !== null);
    await piece.beside.run({
      write: (batch) => database.write(batch),
      record: [sql`PRAGMA user_version = 4711`],
      signal: new AbortController().signal,
      doing: between,
      fill: async ({ update, condition }) => {
        await database.write([sql.raw(`${update} WHERE ${condition ?? "true"}`)]);
      },
    });
  });
}

/** Takes away what was left, but for what the statements to come need. */
export async function clearBeside(path: string, keep: readonly SQL[]): Promise<void> {
  const signal = new AbortController().signal;
  await withLarge(path, (database) => database.beside!.clear(keep, { signal, doing: () => {} }));
}

/** Ends all statements on the file but the application's after so many, as a kill does; returns whether it came to that. */
export async function killAfter(
  count: number,
  { path, application }: BesideCase,
  work: () => Promise<void>,
): Promise<boolean> {
  const prepare = DatabaseSync.prototype.prepare;
  let left = count;
  DatabaseSync.prototype.prepare = function (text: string) {
    // All that comes later fails as well, ROLLBACK among it: the file is as after the end of the process.
    if (this !== application && this.location() === path && --left < 0) throw new Error("killed");
    return prepare.call(this, text);
  };
  try {
    await work();
    return false;
  } catch (error) {
    assert.match(String(error), /killed/);
    return true;
  } finally {
    DatabaseSync.prototype.prepare = prepare;
  }
}
