import assert from "node:assert/strict";
import { test } from "node:test";
import { assertWhole, contentOf, type Copy, madePlainly, statementsOf } from "../../support/beside_copies.ts";
import { clearBeside, killAfter, runBeside, withBesideFile, withLarge } from "../../support/beside_writer.ts";
import { sql } from "../../support/user_sql.ts";

const columns = "size, uuid, id, n, kind, name, more";

/** By the place of the table of a writer: copies that work values out of their row. */
const copies: readonly (readonly [place: number, copy: Copy])[] = [
  [0, {
    table:
      "size INTEGER, uuid TEXT NOT NULL UNIQUE, id INTEGER PRIMARY KEY, n NUMERIC DEFAULT 7 NOT NULL UNIQUE, kind TEXT, name TEXT COLLATE NOCASE, more NUMERIC, g TEXT GENERATED ALWAYS AS (upper(name)) VIRTUAL",
    columns,
    values:
      "CAST(size AS TEXT), uuid, id, n, lower(kind), coalesce(name, 'none'), CASE WHEN name = 'A1' THEN kind ELSE `files`.\"n\" || '' END",
    indexes: [
      "CREATE INDEX made ON files (size DESC)",
      "CREATE UNIQUE INDEX other ON files (lower(uuid), id)",
    ],
  }],
  [1, {
    table: "size REAL, uuid TEXT NOT NULL PRIMARY KEY, id INTEGER, n BLOB, kind, name TEXT, more REAL",
    columns,
    values:
      "CAST(kind AS DOUBLE), uuid, id, coalesce(n, kind), quote(kind), replace(name, 'a', 'b'), CAST(name AS REAL)",
  }],
  [2, {
    table:
      "size TEXT, uuid TEXT, id INTEGER PRIMARY KEY AUTOINCREMENT, n INTEGER, kind INTEGER, name TEXT, more TEXT",
    columns,
    values: "size * 2, hex(uuid), id, abs(n), kind IS NULL, uuid, g || 'x'".replace(
      "g ||",
      "printf('%s', n) ||",
    ),
    indexes: [
      "CREATE INDEX of_some ON files (name) WHERE n > 5",
      "CREATE INDEX of_expressions ON files (kind)",
    ],
  }],
];

/** Rounds beside a writer: each of them has another seed, of a file with the same table. */
const rounds = 4;

test("values that a copy works out beside a writer are those of the script", async () => {
  for (let round = 0; round < rounds; round++) {
    for (const [place, copy] of copies) {
      await withBesideFile(5 * round + place, async (given) => {
        let expected: unknown;
        await runBeside(given.path, statementsOf(copy), () => {
          const isMade =
            given.application.prepare("SELECT 1 FROM pragma_table_info('files') WHERE name = 'more'")
              .get() !==
              undefined;
          if (isMade) return;
          given.write(8);
          expected = madePlainly(given, statementsOf(copy));
        });
        assert.deepEqual(contentOf(given.application), expected, `${round} ${place}`);
        assertWhole(given);
      });
    }
  }
});

test("a copy that works values out and is killed before any of its statements goes on", async () => {
  let points = 0;
  let isKilled = true;
  for (let turn = 0, after = 2; isKilled; turn++, after += 7) {
    const [place, copy] = copies[turn % copies.length]!;
    const statements = statementsOf(copy);
    await withBesideFile(5 * Math.floor(turn / copies.length) + place, async (given) => {
      isKilled = await killAfter(after, given, () => runBeside(given.path, statements, () => given.write(2)));
      if (isKilled) points++;
      given.write(60);
      const version = () => given.application.prepare("PRAGMA user_version").get()?.["user_version"];
      if (turn % 4 === 3) await clearBeside(given.path, []);
      if (version() !== 4711) await runBeside(given.path, statements, () => given.write(2));
      else await clearBeside(given.path, []);
      assertWhole(given);
    });
  }
  assert.ok(points >= 20, `${points} points`);
});

/** One value of a copy, and whether it goes beside writers. */
const values: readonly (readonly [value: string, isBeside: boolean])[] = [
  ["kind", true],
  ["NULL", true],
  ["'kind'", true],
  ["CAST(kind AS INTEGER) /* all */", true],
  ["coalesce(kind, lower(name) || 'x')", true],
  ["json_extract(name, '$.a')", true],
  ["files.kind || `files`.name", true],
  ["g", true],
  ["random()", false],
  ["hex(randomblob(16))", false],
  ["CURRENT_TIMESTAMP", false],
  ["date(kind)", false],
  ['"datetime"(name)', false],
  ["changes()", false],
  ["(SELECT max(n) FROM files)", false],
  ["(SELECT 1)", false],
  ["kind IN (SELECT name FROM files)", false],
  ["row_number() OVER (ORDER BY id)", false],
  ["rowid", false],
  ["sqlite_version()", false],
];

test("only what is worked out of the row alone, and always alike, goes beside writers", () =>
  withBesideFile(0, ({ path }) =>
    withLarge(path, async (database) => {
      for (const [value, isBeside] of values) {
        const statements = statementsOf({
          table: "id INTEGER PRIMARY KEY, uuid TEXT NOT NULL, kind",
          columns: "id, uuid, kind",
          values: `id, uuid, ${value}`,
        });
        const pieces = await database.beside!.cut({ statements: statements.map(sql.raw) });
        assert.deepEqual(pieces.map(({ beside }) => beside?.way), [isBeside ? "shadow" : undefined], value);
      }
      // What is held of a number that a real column rounds is not what it was.
      for (const [value, isBeside] of [["CAST(n AS REAL)", true], ["n * 2", false], ["n", false]] as const) {
        const statements = statementsOf({
          table: "id INTEGER PRIMARY KEY, n REAL",
          columns: "id, n",
          values: `id, ${value}`,
        });
        const pieces = await database.beside!.cut({ statements: statements.map(sql.raw) });
        assert.deepEqual(pieces.map(({ beside }) => beside?.way), [isBeside ? "shadow" : undefined], value);
      }
    })));

test("a row that cannot be worked out ends a copy with SQLite's words and no trace", () =>
  withBesideFile(0, async ({ path, application }) => {
    application.exec("UPDATE files SET kind = '{' WHERE id = (SELECT max(id) FROM files)");
    const statements = statementsOf({
      table: "id INTEGER PRIMARY KEY, uuid TEXT NOT NULL, kind TEXT",
      columns: "id, uuid, kind",
      values: "id, uuid, CASE WHEN kind = '{' THEN json(kind) ELSE kind END",
    });
    await assert.rejects(runBeside(path, statements, () => {}), /malformed JSON/);
    assert.deepEqual(
      application.prepare("SELECT name FROM sqlite_schema WHERE name GLOB 'harbor*'").all(),
      [],
    );
    application.exec("UPDATE files SET kind = '[]' WHERE kind = '{'");
    await runBeside(path, statements, () => {});
    assert.equal(application.prepare("PRAGMA integrity_check").get()?.["integrity_check"], "ok");
  }));

/** By the place of the table of a writer: updates of the rows whose columns go behind them. */
const updates: readonly (readonly [place: number, statements: readonly string[]])[] = [
  [0, [
    "UPDATE files SET name = coalesce(kind, g), size = CAST(n AS REAL)",
    "DROP INDEX IF EXISTS absent",
    "ALTER TABLE files DROP COLUMN kind",
  ]],
  [1, [
    'UPDATE "files" SET kind = size * 2 WHERE size > 3 OR "files".kind IS NULL -- or so',
    "UPDATE files SET id = coalesce(n, 0) || 'x' WHERE name LIKE 'a%'",
    "ALTER TABLE files DROP COLUMN size",
  ]],
];

test("columns that go behind an update of their table go beside a writer as the script lets them", async () => {
  for (let round = 0; round < 2; round++) {
    for (const [place, statements] of updates) {
      await withBesideFile(5 * round + place, async (given) => {
        let expected: unknown;
        const gone = statements.at(-1)!.split(" ").at(-1)!;
        await runBeside(given.path, statements, () => {
          const isMade =
            given.application.prepare("SELECT 1 FROM pragma_table_info('files') WHERE name = ?").get(gone) ===
              undefined;
          if (isMade) return;
          given.write(8);
          expected = madePlainly(given, statements);
        });
        assert.deepEqual(contentOf(given.application), expected, `${round} ${place}`);
        given.application.exec(`ALTER TABLE files ADD COLUMN ${gone}`);
        assertWhole(given);
      });
    }
  }
});

/** Updates that may do more than a copy of their rows does. */
const plainUpdates: readonly (readonly [what: string, place: number, updates: readonly string[]])[] = [
  ["chance", 0, ["UPDATE files SET kind = random()"]],
  ["other rows", 0, ["UPDATE files SET kind = 1 WHERE n = (SELECT max(n) FROM files)"]],
  ["a key that is met twice for a moment", 0, ["UPDATE files SET n = n + 1"]],
  ["what an update before wrote", 0, ["UPDATE files SET kind = name", "UPDATE files SET name = kind"]],
  ["a worked out column of that", 0, ["UPDATE files SET name = kind", "UPDATE files SET kind = g"]],
  ["rows that are left as they are", 0, ["UPDATE OR IGNORE files SET kind = 1"]],
  ["another table's values", 0, ["UPDATE files SET kind = f.n FROM files AS f WHERE f.id = files.id"]],
  ["another table that takes them over", 0, ["INSERT INTO other SELECT kind FROM files"]],
  ["another table's trigger that reads them", 0, ["UPDATE seen SET a = 1"]],
  ["a trigger that fires", 2, ["UPDATE files SET kind = lower(kind)"]],
  ["a reference", 4, ["UPDATE files SET parent = NULL"]],
];

test("columns go in one transaction with updates that may do more than a copy", async () => {
  for (
    const [what, place, updates] of [["no doubt", 0, ["UPDATE files SET kind = 1"]] as const, ...plainUpdates]
  ) {
    await withBesideFile(place, ({ path, application }) =>
      withLarge(path, async (database) => {
        application.exec("CREATE TABLE other (a); CREATE TABLE seen (a)");
        application.exec(
          "CREATE TRIGGER sees AFTER UPDATE ON seen BEGIN INSERT INTO other SELECT kind FROM files; END",
        );
        const statements = [...updates, "ALTER TABLE files DROP COLUMN size"];
        const pieces = await database.beside!.cut({ statements: statements.map(sql.raw) });
        const [piece, ...more] = pieces;
        assert.equal(piece?.beside?.way ?? null, what === "no doubt" ? "shadow" : null, what);
        assert.deepEqual([piece?.count, more], [statements.length, []], what);
      }));
  }
});

/** By the place of the table of a writer: updates of the rows that are copied behind them. */
const rewritten: readonly (readonly [place: number, updates: readonly string[], copy: Copy])[] = [
  [
    0,
    ["UPDATE files SET name = coalesce(kind, name) WHERE n > 3", "UPDATE files SET size = CAST(n AS REAL)"],
    {
      table:
        "id INTEGER PRIMARY KEY, uuid TEXT NOT NULL UNIQUE, size REAL, name TEXT NOT NULL COLLATE NOCASE, n NUMERIC UNIQUE, more",
      columns: "id, uuid, name, size, n, more",
      values: "id, uuid, name, size, n, upper(uuid)",
    },
  ],
  // In place, with a fill.
  [0, ["UPDATE `files` SET kind = lower(name) || 'x' WHERE kind IS NULL"], {
    table:
      "id INTEGER PRIMARY KEY, uuid TEXT NOT NULL UNIQUE, name TEXT COLLATE NOCASE, size REAL, kind NOT NULL, n NUMERIC DEFAULT 7 NOT NULL UNIQUE, g TEXT GENERATED ALWAYS AS (lower(name)) VIRTUAL",
    columns: "id, uuid, name, size, kind, n",
    values: "id, uuid, name, size, kind, n",
  }],
];

test("a copy behind an update of its table holds that of all that a writer writes meanwhile", async () => {
  for (const [place, updates, copy] of rewritten) {
    const statements = [...updates, ...statementsOf(copy)];
    await withBesideFile(place, async (given) => {
      const { application } = given;
      application.exec("UPDATE files SET name = 'none' WHERE name IS NULL");
      let expected: unknown;
      await runBeside(given.path, statements, () => {
        const [row] = application.prepare("SELECT sql FROM sqlite_schema WHERE name = 'files'").all();
        if (/more|kind NOT NULL/.test(String(row?.["sql"]))) return;
        given.write(8);
        application.exec("UPDATE files SET name = 'none' WHERE name IS NULL");
        expected = madePlainly(given, statements);
      });
      assert.deepEqual(contentOf(application), expected, String(updates));
      assert.equal(application.prepare("PRAGMA integrity_check").get()?.["integrity_check"], "ok");
    });
  }
});

/** Statements that a copy of the table behind them is bound to. */
const boundTo:
  readonly (readonly [what: string, statements: readonly string[], pieces: readonly number[]])[] = [
    ["an update that may do more", ["UPDATE files SET kind = random()"], [5]],
    ["an update that its old type changes", ["UPDATE files SET uuid = 1 WHERE kind = 2"], [5]],
    ["rows that go", ["DELETE FROM files WHERE kind IS NULL"], [5]],
    ["rows that are taken over", ["INSERT INTO other SELECT kind FROM files"], [5]],
    ["what is made of them", ["CREATE TABLE made AS SELECT * FROM files"], [5]],
    ["an index between", ["DELETE FROM files WHERE n = 1", "CREATE INDEX between ON files (size)"], [6]],
    ["another table's rows", ["UPDATE other SET a = 1"], [1, 4]],
    ["an update that the copy holds", ["UPDATE files SET kind = 1"], [5]],
  ];

test("a copy is in one transaction with what the script wrote to the table or took out of it", () =>
  withBesideFile(0, ({ path, application }) =>
    withLarge(path, async (database) => {
      application.exec("CREATE TABLE other (a)");
      const copy = statementsOf({
        table: "id INTEGER PRIMARY KEY, uuid BLOB, kind",
        columns: "id, uuid, kind",
        values: "id, uuid, kind",
      });
      for (const [what, before, counts] of boundTo) {
        const pieces = await database.beside!.cut({ statements: [...before, ...copy].map(sql.raw) });
        assert.deepEqual(pieces.map(({ count }) => count), counts, what);
        const isBeside = what.endsWith("holds") || counts.length > 1;
        assert.equal(pieces.at(-1)?.beside?.way, isBeside ? "shadow" : undefined, what);
      }
    })));
