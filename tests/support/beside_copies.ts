import assert from "node:assert/strict";
import { DatabaseSync } from "node:sqlite";
import type { BesideCase } from "./beside_writer.ts";

/** A rebuild of the table of a writer. */
export interface Copy {
  /** The new table's columns and constraints. */
  readonly table: string;
  readonly columns: string;
  readonly values: string;
  readonly indexes?: readonly string[];
}

/** Returns the statements of a rebuild. */
export function statementsOf({ table, columns, values, indexes = [] }: Copy): readonly string[] {
  return [
    `CREATE TABLE __new_files (${table})`,
    `INSERT INTO __new_files (${columns}) SELECT ${values} FROM files`,
    "DROP TABLE files",
    "ALTER TABLE __new_files RENAME TO files",
    ...indexes,
  ];
}

/** Everything in the table, its rows by their ids, and the texts of what hangs on it. */
export function contentOf(application: DatabaseSync): unknown {
  // Lets the connection see the schema of now: columns are named when a statement is prepared.
  application.exec("SELECT 1 FROM sqlite_schema");
  const rows = (text: string) => application.prepare(text).all().map((row) => ({ ...row }));
  return [
    rows("SELECT rowid AS harbor_row, * FROM files ORDER BY 1"),
    rows("SELECT type, name, tbl_name, sql FROM sqlite_schema WHERE tbl_name = 'files' ORDER BY type, name"),
  ];
}

/** Returns what the script itself makes of the rows that are there. */
export function madePlainly({ application }: BesideCase, statements: readonly string[]): unknown {
  const scratch = new DatabaseSync(":memory:", { enableForeignKeyConstraints: false });
  try {
    application.exec("SELECT 1 FROM sqlite_schema");
    const schema = application.prepare(
      "SELECT type, sql FROM sqlite_schema WHERE sql IS NOT NULL AND name NOT LIKE 'sqlite%' AND name NOT LIKE 'harbor%' ORDER BY rowid",
    ).all();
    for (const { type, sql } of schema) if (type !== "trigger") scratch.exec(String(sql));
    const columns = application.prepare("SELECT name FROM pragma_table_xinfo('files') WHERE hidden = 0")
      .all();
    const names = columns.map(({ name }) => String(name));
    const rows = application.prepare(`SELECT rowid AS r, ${names.join()} FROM files`).all();
    const insert = scratch.prepare(
      `INSERT INTO files (rowid, ${names.join()}) VALUES (?, ${names.map(() => "?").join()})`,
    );
    for (const row of rows) insert.run(...Object.values(row));
    for (const text of statements) {
      // A copy by the row ids, which the script leaves to chance where no column is one.
      const own = text.replace("__new_files (", "__new_files (rowid, ").replace("SELECT ", "SELECT rowid, ");
      scratch.exec(own.startsWith("INSERT") ? own : text);
    }
    for (const { type, sql } of schema) if (type === "trigger") scratch.exec(String(sql));
    return contentOf(scratch);
  } finally {
    scratch.close();
  }
}

/** Makes sure that the file is sound, a change of it done, and nothing left of how. */
export function assertWhole({ application, write }: BesideCase): void {
  const value = (text: string) => Object.values(application.prepare(text).get()!)[0];
  assert.equal(value("PRAGMA integrity_check"), "ok");
  assert.equal(value("SELECT count(*) FROM sqlite_schema WHERE name LIKE '%harbor%'"), 0);
  assert.equal(value("PRAGMA user_version"), 4711);
  write(60);
  assert.equal(value("PRAGMA integrity_check"), "ok");
}
