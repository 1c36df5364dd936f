import assert from "node:assert/strict";
import { DatabaseSync } from "node:sqlite";
import { test } from "node:test";
import {
  type BesideCase,
  clearBeside,
  killAfter,
  runBeside,
  withBesideFile,
} from "../../support/beside_writer.ts";
import { rejectsWith } from "../../support/harbor_error.ts";

interface Copy {
  /** The new table's columns and constraints. */
  readonly table: string;
  readonly columns: string;
  readonly values: string;
  readonly indexes?: readonly string[];
}

const order = "size, uuid, id, n, kind, name";
/** For each of the tables of a writer, a change that needs a copy. */
const copies: readonly Copy[] = [
  {
    table:
      "size TEXT, uuid TEXT NOT NULL UNIQUE, id INTEGER PRIMARY KEY, n NUMERIC DEFAULT 7 NOT NULL UNIQUE, kind TEXT, name TEXT COLLATE NOCASE, more TEXT DEFAULT 'm' NOT NULL, g TEXT GENERATED ALWAYS AS (upper(name)) STORED",
    columns: order,
    values: order,
    indexes: [
      "CREATE INDEX made ON files (size DESC)",
      "CREATE UNIQUE INDEX other ON files (lower(uuid), id) WHERE kind IS NOT NULL",
    ],
  },
  {
    table:
      'size INTEGER, uuid TEXT NOT NULL PRIMARY KEY, id INTEGER, n TEXT, kind, name TEXT, UNIQUE (name COLLATE NOCASE, n), CHECK ("__new_files"."uuid" <> \'\')',
    columns: order,
    values: order,
    indexes: ["CREATE INDEX made ON files (kind)"],
  },
  {
    table: "id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT, uuid TEXT, size TEXT, kind, n TEXT",
    columns: "id, name, uuid, size, kind, n",
    values: "id, name || 'x', uuid, coalesce(size, 0), kind, n",
    indexes: [
      "CREATE UNIQUE INDEX of_expressions ON files (lower(uuid), n DESC) WHERE kind IS NOT NULL",
      "CREATE UNIQUE INDEX of_some ON files (name) WHERE n > 5",
    ],
  },
  {
    table: "id INTEGER PRIMARY KEY, uuid TEXT UNIQUE ON CONFLICT REPLACE, name BLOB, size TEXT, kind, n TEXT",
    columns: "id, uuid, name, size, kind, n",
    values: 'id, "uuid", CAST(name AS BLOB), size, kind, n',
  },
  {
    table:
      "uuid TEXT UNIQUE, parent INTEGER REFERENCES files (id) ON DELETE CASCADE, id INTEGER PRIMARY KEY, name TEXT, size, kind, n TEXT",
    columns: "uuid, parent, id, name, size, kind, n",
    values: "uuid, parent, id, name, size, kind, n",
    indexes: ["CREATE INDEX made ON files (parent)"],
  },
];

function statementsOf({ table, columns, values, indexes = [] }: Copy): readonly string[] {
  return [
    `CREATE TABLE __new_files (${table})`,
    `INSERT INTO __new_files (${columns}) SELECT ${values} FROM files`,
    "DROP TABLE files",
    "ALTER TABLE __new_files RENAME TO files",
    ...indexes,
  ];
}

/** Everything in the table, its rows by their ids, and the texts of what hangs on it. */
function contentOf(application: DatabaseSync): unknown {
  // Lets the connection see the schema of now: columns are named when a statement is prepared.
  application.exec("SELECT 1 FROM sqlite_schema");
  const rows = (text: string) => application.prepare(text).all().map((row) => ({ ...row }));
  return [
    rows("SELECT rowid AS harbor_row, * FROM files ORDER BY 1"),
    rows("SELECT type, name, tbl_name, sql FROM sqlite_schema WHERE tbl_name = 'files' ORDER BY type, name"),
  ];
}

/** Returns what the script itself makes of the rows that are there. */
function madePlainly({ application }: BesideCase, copy: Copy): unknown {
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
    for (const text of statementsOf(copy)) {
      // A copy by the row ids, which the script leaves to chance where no column is one.
      const own = text.replace("(size, uuid, id, n", "(rowid, size, uuid, id, n").replace(
        "SELECT size, uuid, id, n",
        "SELECT rowid, size, uuid, id, n",
      );
      scratch.exec(own.startsWith("INSERT") ? own : text);
    }
    for (const { type, sql } of schema) if (type === "trigger") scratch.exec(String(sql));
    return contentOf(scratch);
  } finally {
    scratch.close();
  }
}

function assertWhole({ application, write }: BesideCase): void {
  const value = (text: string) => Object.values(application.prepare(text).get()!)[0];
  assert.equal(value("PRAGMA integrity_check"), "ok");
  assert.equal(value("SELECT count(*) FROM sqlite_schema WHERE name LIKE '%harbor%'"), 0);
  assert.equal(value("PRAGMA user_version"), 4711);
  write(60);
  assert.equal(value("PRAGMA integrity_check"), "ok");
}

test("a copy made beside a writer with every kind of conflict is the one of the script", async () => {
  for (let seed = 0; seed < 20; seed++) {
    const copy = copies[seed % copies.length]!;
    await withBesideFile(seed, async (given) => {
      let expected: unknown;
      await runBeside(given.path, statementsOf(copy), () => {
        const isMade =
          given.application.prepare("SELECT 1 FROM pragma_table_info('files') WHERE cid = 0 AND name = 'id'")
            .get() === undefined;
        if (
          isMade && expected !== undefined &&
          given.application.prepare("PRAGMA user_version").get()?.["user_version"] === 4711
        ) return;
        given.write(8);
        expected = madePlainly(given, copy);
      });
      assert.deepEqual(contentOf(given.application), expected);
      assertWhole(given);
    });
  }
});

test("a copy that is killed before any of its statements leaves the application unharmed and goes on", async () => {
  let points = 0;
  let isKilled = true;
  for (let seed = 0, after = 2; isKilled; seed++, after += 5) {
    const copy = copies[seed % copies.length]!;
    const statements = statementsOf(copy);
    await withBesideFile(seed, async (given) => {
      isKilled = await killAfter(after, given, () => runBeside(given.path, statements, () => given.write(2)));
      if (isKilled) points++;
      given.write(60);
      const version = () => given.application.prepare("PRAGMA user_version").get()?.["user_version"];
      if (seed % 5 === 3) await clearBeside(given.path, []);
      if (version() !== 4711) await runBeside(given.path, statements, () => given.write(2));
      else await clearBeside(given.path, []);
      assertWhole(given);
    });
  }
  assert.ok(points >= 20, `${points} points`);
});

test("a copy that a row refuses leaves SQLite's own words and no trace", () =>
  withBesideFile(0, async (given) => {
    const copy = {
      table: "id INTEGER PRIMARY KEY, uuid TEXT, kind TEXT UNIQUE",
      columns: "id, uuid, kind",
      values: "id, uuid, kind",
    };
    const error = await rejectsWith(
      "statement_failed",
      runBeside(given.path, statementsOf(copy), () => given.write(1)),
    );
    assert.match(error.message, /UNIQUE constraint failed: files\.kind$/);
    assert.deepEqual(
      given.application.prepare("SELECT * FROM sqlite_schema WHERE name LIKE '%harbor%'").all(),
      [],
    );
  }));
