import assert from "node:assert/strict";
import { DatabaseSync } from "node:sqlite";
import { test } from "node:test";
import { assertWhole, contentOf, type Copy, madePlainly, statementsOf } from "../../support/beside_copies.ts";
import { clearBeside, killAfter, runBeside, withBesideFile, withLarge } from "../../support/beside_writer.ts";
import { withoutReferences } from "../../../src/engines/sqlite/beside/form/without_references.ts";
import { rejectsWith } from "../../support/harbor_error.ts";
import { sql } from "../../support/user_sql.ts";

const order = "size, uuid, id, n, kind, name";
/** For each of the tables of a writer without ON CONFLICT and references, a change that needs a copy. */
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
    values: "id, name, uuid, size, kind, n",
    indexes: [
      "CREATE UNIQUE INDEX of_expressions ON files (lower(uuid), n DESC) WHERE kind IS NOT NULL",
      "CREATE UNIQUE INDEX of_some ON files (name) WHERE n > 5",
    ],
  },
];

/** Returns the seed of the file that a copy is of: each has one of five tables. */
const seedOf = (place: number) => 5 * Math.floor(place / copies.length) + place % copies.length;

test("a copy made beside a writer with every kind of conflict is the one of the script", async () => {
  for (let place = 0; place < 12; place++) {
    const copy = copies[place % copies.length]!;
    await withBesideFile(seedOf(place), async (given) => {
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
        expected = madePlainly(given, statementsOf(copy));
      });
      assert.deepEqual(contentOf(given.application), expected);
      assertWhole(given);
    });
  }
});

/** Columns that go, of the tables of a writer without ON CONFLICT in which none needs them; the last has references to itself. */
const dropped = [
  "DROP INDEX of_size",
  "ALTER TABLE files DROP COLUMN size",
  "DROP INDEX IF EXISTS absent",
  'ALTER TABLE "Files" DROP kind',
];
const droppedSeeds = [0, 1, 4, 5, 6, 9];

test("columns that go beside a writer go as the script lets them, also where rows refer to others", async () => {
  for (const seed of droppedSeeds) {
    await withBesideFile(seed, async (given) => {
      given.application.exec("CREATE INDEX of_size ON files (size DESC)");
      const isKey = given.application.prepare(
        "SELECT 1 FROM pragma_table_info('files') WHERE name = 'id' AND pk",
      ).get();
      if (isKey) {
        given.application.exec("CREATE TABLE child (id INTEGER REFERENCES files (id) ON DELETE CASCADE)");
      }
      let expected: unknown;
      await runBeside(given.path, dropped, () => {
        const isMade =
          given.application.prepare("SELECT 1 FROM pragma_table_info('files') WHERE name = 'kind'")
            .get() === undefined;
        if (isMade) return;
        given.write(8);
        expected = madePlainly(given, dropped);
      });
      assert.deepEqual(contentOf(given.application), expected, `seed ${seed}`);
      const value = (text: string) => Object.values(given.application.prepare(text).get()!)[0];
      assert.equal(value("PRAGMA integrity_check"), "ok");
      assert.equal(value("SELECT count(*) FROM sqlite_schema WHERE name LIKE '%harbor%'"), 0);
    });
  }
});

test("a table that is copied without its foreign keys differs in nothing else, or is not copied so", () => {
  const cases = [
    [
      "(a INTEGER REFERENCES p, b TEXT DEFAULT 'x' REFERENCES p (b) ON DELETE SET NULL MATCH FULL NOT NULL)",
      "(a INTEGER, b TEXT DEFAULT 'x' NOT NULL)",
    ],
    [
      "(a VARCHAR ( 36 ) CONSTRAINT k REFERENCES p(a) ON UPDATE NO ACTION DEFERRABLE INITIALLY DEFERRED UNIQUE) STRICT",
      null,
    ],
    [
      "(a INTEGER, CONSTRAINT f FOREIGN KEY (a) REFERENCES p (a) ON DELETE SET DEFAULT ON UPDATE CASCADE, CHECK (a > 1))",
      "(a INTEGER, CHECK (a > 1))",
    ],
    [
      "(a INTEGER, -- it REFERENCES nothing\n b TEXT, FOREIGN KEY (a) REFERENCES p CONSTRAINT c CHECK (b <> 'REFERENCES'))",
      "(a INTEGER, b TEXT, CONSTRAINT c CHECK (b <> 'REFERENCES'))",
    ],
    ["(a INTEGER, b)", "(a INTEGER, b)"],
  ] as const;
  for (const [text, left] of cases) {
    const wanted = left === null ? null : `CREATE TABLE t ${left}`;
    assert.equal(withoutReferences({ name: "t", sql: `CREATE TABLE t ${text}` }), wanted, text);
  }
});

test("columns whose values another statement of the script takes over go in its transaction", () =>
  withBesideFile(0, ({ path }) =>
    withLarge(path, async (database) => {
      const waysOf = async (...statements: readonly string[]) => {
        const pieces = await database.beside!.cut({ statements: statements.map(sql.raw) });
        return pieces.map(({ count, beside }) => `${count} ${beside?.way ?? "plain"}`);
      };
      const drop = "ALTER TABLE files DROP COLUMN kind";
      assert.deepEqual(await waysOf("CREATE TABLE other (a)", drop, drop.replace("kind", "size")), [
        "1 plain",
        "2 shadow",
      ]);
      assert.deepEqual(await waysOf("UPDATE files SET size = kind", drop), ["2 plain"]);
      assert.deepEqual(await waysOf("CREATE TABLE other AS SELECT kind FROM files", drop), ["2 plain"]);
      assert.deepEqual(await waysOf("DROP TABLE Files"), ["1 shadow"]);
      assert.deepEqual(await waysOf("DROP TABLE files", "ALTER TABLE other RENAME TO files"), ["2 plain"]);
      assert.deepEqual(await waysOf("CREATE TABLE other AS SELECT kind FROM files", "DROP TABLE files"), [
        "2 plain",
      ]);
      // What SQLite refuses it shall refuse itself.
      assert.deepEqual(await waysOf("ALTER TABLE files DROP COLUMN uuid"), ["1 plain"]);
    })));

test("a table that goes in a way of its own leaves nothing of it, whenever that is killed", async () => {
  let isKilled = true;
  for (let seed = 0, after = 12; isKilled; seed = seed === 2 ? 0 : seed + 1, after += 7) {
    await withBesideFile(seed, async (given) => {
      given.application.exec("CREATE INDEX more ON files (kind, size); ANALYZE; CREATE TABLE other (a)");
      const value = (text: string) => Object.values(given.application.prepare(text).get()!)[0];
      isKilled = await killAfter(after, given, () => runBeside(given.path, ["DROP TABLE files"], () => {}));
      // All of it, or nothing.
      assert.equal(
        value("SELECT count(*) FROM sqlite_schema WHERE name = 'files'"),
        value("PRAGMA user_version") === 4711 ? 0 : 1,
      );
      if (value("PRAGMA user_version") !== 4711) await runBeside(given.path, ["DROP TABLE files"], () => {});
      else await clearBeside(given.path, []);
      given.application.exec("CREATE TABLE files (a); DROP TABLE files");
      assert.deepEqual(
        given.application.prepare("SELECT name FROM sqlite_schema WHERE name NOT GLOB 'sqlite_*'").all().map((
          { name },
        ) => name),
        ["other"],
      );
      assert.equal(value("PRAGMA integrity_check"), "ok");
      assert.equal(value("SELECT count(*) FROM sqlite_stat1"), 0);
    });
  }
});

test("what a copy took the place of is emptied in batches, also where a column is called as the row id", () =>
  withBesideFile(1, async (given) => {
    const { application, path } = given;
    application.exec("ALTER TABLE files RENAME COLUMN kind TO rowid; UPDATE files SET rowid = NULL");
    const statements = statementsOf({
      table: "id INTEGER, uuid TEXT, name TEXT, size REAL, rowid, n TEXT",
      columns: "id, uuid, name, size, rowid, n",
      values: "id, uuid, name, size, rowid, n",
    });
    const left: unknown[] = [];
    const prepare = DatabaseSync.prototype.prepare;
    DatabaseSync.prototype.prepare = function (text: string) {
      if (text === "DROP TABLE IF EXISTS harbor_beside_1") {
        left.push(prepare.call(this, "SELECT count(*) AS count FROM harbor_beside_1").get()?.["count"]);
      }
      return prepare.call(this, text);
    };
    try {
      await runBeside(path, statements, () => {});
    } finally {
      DatabaseSync.prototype.prepare = prepare;
    }
    assert.deepEqual(left, [0]);
    assert.equal(application.prepare("PRAGMA integrity_check").get()?.["integrity_check"], "ok");
  }));

test("a copy that is killed before any of its statements leaves the application unharmed and goes on", async () => {
  let points = 0;
  let isKilled = true;
  for (let place = 0, after = 2; isKilled; place++, after += 5) {
    const copy = copies[place % copies.length]!;
    const statements = statementsOf(copy);
    await withBesideFile(seedOf(place), async (given) => {
      isKilled = await killAfter(after, given, () => runBeside(given.path, statements, () => given.write(2)));
      if (isKilled) points++;
      given.write(60);
      const version = () => given.application.prepare("PRAGMA user_version").get()?.["user_version"];
      if (place % 4 === 3) await clearBeside(given.path, []);
      if (version() !== 4711) await runBeside(given.path, statements, () => given.write(2));
      else await clearBeside(given.path, []);
      assertWhole(given);
    });
  }
  assert.ok(points >= 20, `${points} points`);
});

for (
  const [what, table, statements] of [
    ["that drops columns", 0, ["ALTER TABLE files DROP COLUMN size", "ALTER TABLE files DROP COLUMN kind"]],
    ["that is a rebuild", 0, statementsOf(copies[0]!)],
    ["whose row id has no name", 1, statementsOf(copies[1]!)],
  ] as const
) {
  test(`a copy ${what} goes on where it was stopped, however often that is, and ends`, () =>
    withBesideFile(table, async (given) => {
      const { application } = given;
      const last = application.prepare("SELECT max(rowid) AS last FROM files").get()?.["last"];
      application.exec(
        `WITH n (i) AS (VALUES (1000) UNION ALL SELECT i + 1 FROM n WHERE i < 3000) INSERT INTO files (rowid, uuid, name, n) SELECT ${last} + i, 'u' || i, 'n' || i, i FROM n`,
      );
      const places: number[] = [];
      let isOver = false;
      while (!isOver && places.length < 60) {
        isOver = await runBeside(given.path, statements, (text) => {
          if (text.includes("%")) throw new Error("stopped");
        }).then(() => true, (error) => {
          assert.match(String(error), /stopped/);
          return false;
        });
        if (isOver) break;
        const copies = application.prepare("SELECT id, last_row FROM harbor_beside").all();
        assert.deepEqual(copies.map(({ id }) => id), [1]);
        places.push(Number(copies[0]!["last_row"]));
      }
      assert.ok(isOver && places.length > 10, `${isOver} ${places}`);
      assert.deepEqual(places, [...new Set(places)].toSorted((a, b) => a - b));
      assert.deepEqual(
        application.prepare("SELECT name FROM sqlite_schema WHERE name GLOB 'harbor_*'").all(),
        [],
      );
    }));
}

test("a comparison goes on where it was stopped, beside a writer, and compares what was written since", () =>
  withBesideFile(0, async (given) => {
    const { application } = given;
    application.exec(
      `WITH n (i) AS (VALUES (1000) UNION ALL SELECT i + 1 FROM n WHERE i < 160000) INSERT INTO files (rowid, uuid, name, n) SELECT 100000 + i, 'u' || i, 'n' || i, i FROM n`,
    );
    const statements = ["ALTER TABLE files DROP COLUMN size", "ALTER TABLE files DROP COLUMN kind"];
    const recordOf = () => application.prepare("SELECT id, phase, last_row FROM harbor_beside").all();
    const places: number[] = [];
    const stoppedAt = async (words: RegExp) => {
      await assert.rejects(
        runBeside(given.path, statements, (text) => {
          if (words.test(text)) throw new Error("stopped");
        }),
        /stopped/,
      );
      assert.deepEqual(recordOf().map(({ id, phase }) => ({ id, phase })), [{ id: 1, phase: "follow" }]);
      return recordOf()[0]!["last_row"];
    };
    // What was last copied is no place of the comparison.
    assert.equal(await stoppedAt(/comparing/), null);
    while (places.length < 3) {
      places.push(Number(await stoppedAt(/compared/)));
      application.exec("UPDATE files SET name = 'late' WHERE rowid IN (101000, 259000)");
    }
    assert.deepEqual(places, [...new Set(places)].toSorted((a, b) => a - b));
    await runBeside(given.path, statements, () => {});
    const late = application.prepare("SELECT rowid AS id FROM files WHERE name = 'late' ORDER BY 1").all();
    assert.deepEqual(late.map(({ id }) => id), [101000, 259000]);
    assert.equal(application.prepare("PRAGMA integrity_check").get()?.["integrity_check"], "ok");
  }));

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

// What a mirror could not follow, or would do to other rows than a copy does.
const plainCopies: readonly (readonly [what: string, seed: number, copy: Partial<Copy>])[] = [
  ["no doubt", 0, {}],
  ["ON CONFLICT before", 3, {}],
  ["a reference before", 4, {}],
  ["ON CONFLICT after", 0, {
    table: "id INTEGER PRIMARY KEY, uuid TEXT NOT NULL ON CONFLICT IGNORE, size TEXT",
  }],
  ["a reference after", 0, { table: "id INTEGER PRIMARY KEY, uuid TEXT REFERENCES files (id), size TEXT" }],
  ["an expression that is another each time", 0, { values: "id, hex(randomblob(8)), size" }],
  ["a key that is worked out", 0, { values: "id + 1, uuid, size" }],
  ["a name without a column, which is a text", 0, {
    table: "id INTEGER PRIMARY KEY, size TEXT, more TEXT",
    columns: "id, size, more",
    values: 'id, size, "more"',
  }],
  ["REAL", 0, {
    table: "id INTEGER PRIMARY KEY, uuid TEXT, size TEXT, n REAL",
    columns: "id, n",
    values: "id, n",
  }],
];

test("a copy that may be more than one of rows stays one transaction", async () => {
  for (const [what, seed, copy] of plainCopies) {
    await withBesideFile(seed, ({ path, application }) =>
      withLarge(path, async (database) => {
        const wayOf = async () => {
          const statements = statementsOf({
            table: "id INTEGER PRIMARY KEY, uuid TEXT, size TEXT",
            columns: "id, uuid, size",
            values: "id, uuid, size",
            ...copy,
          });
          const pieces = await database.beside!.cut({ statements: statements.map(sql.raw) });
          return pieces[0]!.beside;
        };
        const way = await wayOf();
        assert.equal(way?.way ?? null, what === "no doubt" ? "shadow" : null, what);
        if (way === null) return;
        // Others' rows would go with those of the old table.
        assert.deepEqual(way.batches([]).map(({ mode }) => mode), ["schema"]);
        application.exec("CREATE TABLE child (a REFERENCES FILES)");
        assert.equal(await wayOf(), null);
      }));
  }
});

test("an index of the same values goes over to the copy, and every other one is made of it", () =>
  withBesideFile(2, async (given) => {
    const { application, path, write } = given;
    const indexes = [
      "CREATE INDEX of_kind ON files (kind, name COLLATE NOCASE DESC)",
      "CREATE INDEX of_key ON files (id, kind)",
      "CREATE INDEX of_size ON files (size)",
      "CREATE INDEX of_both ON files (kind) WHERE size IS NOT NULL",
      "CREATE INDEX of_lost ON files (lost)",
      "CREATE INDEX once ON files (kind, id)",
    ];
    application.exec(
      `ALTER TABLE files ADD COLUMN lost TEXT; UPDATE files SET lost = name; ${indexes.join(";")}`,
    );
    const pages = () => {
      application.exec("SELECT 1 FROM sqlite_schema");
      return application.prepare(
        "SELECT name, rootpage FROM sqlite_schema WHERE type = 'index' AND tbl_name = 'files' ORDER BY name",
      ).all().map(({ name, rootpage }) => `${name} ${rootpage}`);
    };
    const before = pages();
    // One column gets another affinity, one is not taken over, and one index becomes another under its name.
    const statements = statementsOf({
      table: "n INT, id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT, uuid TEXT, size TEXT, kind, lost TEXT",
      columns: "id, name, uuid, size, kind, n",
      values: "id, name, uuid, size, kind, n",
      indexes: [
        ...indexes.map((text) => text.replace("once ON files (kind, id)", "once ON files (kind, n)")),
        "CREATE UNIQUE INDEX of_expressions ON files (lower(uuid), n DESC) WHERE kind IS NOT NULL",
        "CREATE UNIQUE INDEX of_some ON files (name) WHERE n > 5",
      ],
    });
    await runBeside(path, statements, () => {
      if (application.prepare("PRAGMA user_version").get()?.["user_version"] !== 4711) write(8);
    });
    const gone = ["of_both", "of_lost", "of_size", "once"];
    assert.deepEqual(
      pages().filter((index) => before.includes(index)),
      before.filter((index) => !gone.includes(index.split(" ")[0]!)),
    );
    assert.equal(
      application.prepare("SELECT count(*) AS n FROM files INDEXED BY of_lost WHERE lost IS NULL").get()
        ?.["n"],
      application.prepare("SELECT count(*) AS n FROM files NOT INDEXED").get()?.["n"],
    );
    assertWhole(given);
  }));

test("what ANALYZE found out stays with an index of the same columns, and with no other", () =>
  withBesideFile(1, async ({ path, application }) => {
    application.exec("CREATE INDEX made ON files (size); CREATE INDEX same ON files (kind); ANALYZE");
    await runBeside(
      path,
      statementsOf({
        table: "size TEXT, uuid TEXT UNIQUE, kind",
        columns: "size, uuid, kind",
        values: "size, uuid, kind",
        indexes: ["CREATE INDEX made ON files (uuid)", "CREATE INDEX same ON files (kind)"],
      }),
      () => {},
    );
    assert.deepEqual(
      application.prepare("SELECT idx FROM sqlite_stat1 WHERE tbl = 'files' ORDER BY 1").all().map((
        { idx },
      ) => idx),
      ["same", "sqlite_autoindex_files_1"],
    );
    assert.equal(application.prepare("PRAGMA integrity_check").get()?.["integrity_check"], "ok");
  }));

test("a copy ends beside who goes on adding rows", () =>
  withBesideFile(0, async (given) => {
    const { application } = given;
    application.exec(
      "WITH n (i) AS (VALUES (1000) UNION ALL SELECT i + 1 FROM n WHERE i < 3000) INSERT INTO files (uuid, name, n) SELECT 'm' || i, 'm', i FROM n",
    );
    let [passes, next] = [0, 10_000];
    await runBeside(given.path, ["ALTER TABLE files DROP COLUMN size"], (text) => {
      if (text.includes("%")) application.exec("UPDATE files SET kind = 'all'");
      if (!text.includes("taking in")) return;
      assert.ok(++passes < 200, "it follows without an end");
      application.exec(`INSERT INTO files (uuid, name, n) VALUES ('u${++next}', 'n', ${next})`);
    });
    assert.ok(passes > 0, "there was something to follow");
    assert.equal(application.prepare("SELECT count(*) AS n FROM files WHERE name = 'n'").get()!["n"], passes);
  }));

test("a script of many statements before a column goes is cut without reading it anew at each of them", () =>
  withBesideFile(0, ({ path }) =>
    withLarge(path, async (database) => {
      const each = {
        updates: (n: number) => `UPDATE files SET kind = 'kind' WHERE id = ${n}`,
        inserts: (n: number) => `INSERT INTO files (uuid, name, n) VALUES ('u${n}', 'some name', ${n})`,
      };
      for (const [what, textOf] of Object.entries(each)) {
        const texts = Array.from({ length: 1_000 }, (_, n) => textOf(n));
        const statements = [...texts, "ALTER TABLE files DROP COLUMN size"].map(sql.raw);
        const began = performance.now();
        const pieces = await database.beside!.cut({ statements });
        assert.ok(performance.now() - began < 4_000, `${what}: ${performance.now() - began} ms`);
        assert.deepEqual(pieces, [{ count: 1_001, beside: null }], what);
        const stays = await database.beside!.staying(statements);
        assert.deepEqual(stays, [{ table: "files", way: "rewrite" }], what);
      }
    })));

// One row a script: what of it stays in one transaction, if the table has the rows to matter.
const staying: readonly (readonly [script: readonly string[], small: string, large: string])[] = [
  [["ALTER TABLE files DROP COLUMN size"], "", ""],
  [["DELETE FROM files WHERE n = 1", "ALTER TABLE files DROP COLUMN size"], "", "rewrite"],
  [["DELETE FROM files WHERE n = 1", "DROP TABLE files"], "", "drop"],
  [["UPDATE OR IGNORE files SET n = 1"], "", "write"],
  [["REPLACE INTO small (id) SELECT id FROM main.files"], "", "write"],
  [["INSERT INTO files (n) VALUES (1)"], "", ""],
  [
    [
      "CREATE TABLE other (id INTEGER PRIMARY KEY, uuid TEXT)",
      "INSERT INTO other SELECT id, uuid FROM files ORDER BY n",
      "DROP TABLE Files",
      "ALTER TABLE other RENAME TO files",
    ],
    "copy",
    "copy",
  ],
];
test("what stays in one transaction beside writers is told: columns and tables that go, copies by hand, and rows that are changed", () =>
  withBesideFile(1, async ({ path }) => {
    const cut = (script: readonly string[], largeRows: number) =>
      withLarge(path, async (database) => {
        const statements = script.map(sql.raw);
        const ways: string[] = [];
        let at = 0;
        for (const { count, beside } of await database.beside!.cut({ statements })) {
          const own = statements.slice(at, at += count);
          if (beside === null) ways.push(...(await database.beside!.staying(own)).map(({ way }) => way));
        }
        return ways.join();
      }, largeRows);
    for (const [script, small, large] of staying) {
      assert.equal(await cut(script, 100_000), small, script.join("; "));
      assert.equal(await cut(script, 1), large, script.join("; "));
    }
  }));
