import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { test } from "node:test";
import { parseDatabaseUrl } from "../../../src/base/url/database_url.ts";
import type { Database } from "../../../src/engines/database.ts";
import { besideWords, readBeside } from "../../../src/engines/beside_progress.ts";
import { openDatabase } from "../../../src/engines/open/database.ts";
import { renderBatch } from "../../../src/engines/render_script.ts";
import { readApplied } from "../../../src/engines/version_table.ts";
import { migrate } from "../../../src/migrate/migrate.ts";
import { sqliteUrl, testClient, withFolder } from "../../support/databases.ts";
import { contextOf } from "../../support/samples/adoption.ts";
import { historyOf } from "../../support/samples/script_history.ts";
import { sql } from "../../support/user_sql.ts";

/** A definition, what its rows are, and the statements that change it, as drizzle-kit writes them. */
interface Case {
  readonly before: readonly string[];
  readonly rows?: readonly string[];
  readonly after: string;
  /** The values of the copy, where they are not the columns themselves. */
  readonly values?: Readonly<Record<string, string>>;
  readonly indexes?: readonly string[];
}

function rebuild(columns: readonly string[], { after, values = {}, indexes = [] }: Case): readonly string[] {
  const names = columns.map((name) => `"${name}"`).join(", ");
  const taken = columns.map((name) => values[name] ?? `"${name}"`).join(", ");
  return [
    after.replace(/^CREATE TABLE t /, "CREATE TABLE `__new_t` "),
    `INSERT INTO \`__new_t\`(${names}) SELECT ${taken} FROM \`t\`;`,
    "DROP TABLE `t`;",
    "ALTER TABLE `__new_t` RENAME TO `t`;",
    ...indexes,
  ];
}

const plain = "CREATE TABLE t (id INTEGER PRIMARY KEY NOT NULL, a VARCHAR(10), b TEXT, n INTEGER)";
const index = "CREATE INDEX i ON t (a)";
const parents = [
  "CREATE TABLE p (id INTEGER PRIMARY KEY, code TEXT UNIQUE, x INTEGER, y TEXT, UNIQUE (x, y))",
  "INSERT INTO p VALUES (1, 'c1', 1, 'y'), (2, '02', NULL, NULL)",
];
const referring = (reference: string, key: string) =>
  plain.replace("n INTEGER", `n INTEGER ${reference}, ${key}`);
const rows = ["INSERT INTO t (a, b, n) VALUES ('x', 'y', 1), ('z', NULL, 2)"];

// One row a rule: what changes, and whether a row moves for it.
const ways = { definition: "definition", copy: "shadow", plain: null };
const cases: readonly (readonly [rule: string, way: "definition" | "copy" | "plain", change: Case])[] = [
  ["NOT NULL, a default, a length and a check", "definition", {
    before: [plain, index],
    rows,
    after:
      "CREATE TABLE t (id INTEGER PRIMARY KEY NOT NULL, a VARCHAR(99) DEFAULT 'q' NOT NULL, b TEXT DEFAULT (lower('B')), n INTEGER, CONSTRAINT \"c\" CHECK(\"n\" > 0))",
    indexes: ["CREATE INDEX i ON t (a)"],
  }],
  ["an index that becomes unique, one that goes and a new one", "definition", {
    before: [plain, index, "CREATE INDEX j ON t (b)"],
    rows,
    after: `${plain}`,
    indexes: ["CREATE UNIQUE INDEX `i` ON `t` (`a`)", "CREATE INDEX k ON t (n DESC) WHERE n > 1"],
  }],
  ["NULL that a coalesce fills", "definition", {
    before: [plain],
    rows,
    after: "CREATE TABLE t (id INTEGER PRIMARY KEY NOT NULL, a VARCHAR(10), b TEXT NOT NULL, n INTEGER)",
    values: { b: `coalesce("b", 'none')` },
  }],
  ["a default where rows are shorter than the table", "definition", {
    before: [
      "CREATE TABLE t (id INTEGER PRIMARY KEY NOT NULL, a TEXT)",
      "INSERT INTO t (a) VALUES ('old')",
      "ALTER TABLE t ADD b TEXT",
      "ALTER TABLE t ADD n INTEGER DEFAULT 7",
    ],
    rows,
    after:
      "CREATE TABLE t (id INTEGER PRIMARY KEY NOT NULL, a TEXT, b TEXT DEFAULT 'new', n INTEGER DEFAULT 8)",
  }],
  ["less: nullable, without a default and a check, an index no more unique", "definition", {
    before: [
      "CREATE TABLE t (id INTEGER PRIMARY KEY NOT NULL, a TEXT DEFAULT 'x' NOT NULL, b TEXT, n INTEGER CHECK (n > 0))",
      "CREATE UNIQUE INDEX i ON t (a)",
    ],
    rows,
    after: "CREATE TABLE t (id INTEGER PRIMARY KEY NOT NULL, a TEXT, b TEXT, n INTEGER)",
    indexes: [index],
  }],
  ["AUTOINCREMENT, a collation, a generated column, views and triggers that stay", "definition", {
    before: [
      "CREATE TABLE t (id INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL, a TEXT COLLATE NOCASE, b TEXT, n INTEGER, g TEXT AS (a || b) STORED)",
      "CREATE INDEX i ON t (a)",
      "CREATE VIEW v AS SELECT a FROM t",
      "CREATE TABLE log (a)",
      "CREATE TRIGGER r AFTER INSERT ON t BEGIN INSERT INTO log VALUES (NEW.a); END",
    ],
    rows,
    after:
      "CREATE TABLE t (id INTEGER PRIMARY KEY NOT NULL, a TEXT NOT NULL, b TEXT, n INTEGER, g TEXT AS (a || b) STORED)",
    indexes: ["CREATE UNIQUE INDEX i ON t (a)"],
  }],
  ["a new foreign key, another that goes, and one that does something else", "definition", {
    before: [...parents, referring("REFERENCES p (id)", "FOREIGN KEY (a) REFERENCES p (code)"), index],
    rows: ["INSERT INTO t (a, b, n) VALUES ('c1', 'y', 1), (NULL, NULL, NULL)"],
    after: referring("REFERENCES p (id) ON DELETE CASCADE", "FOREIGN KEY (n, b) REFERENCES p (x, y)"),
    indexes: ["CREATE UNIQUE INDEX `i` ON `t` (`a`)"],
  }],
  ["a reference to rows of its own", "definition", {
    before: [plain],
    rows,
    after: plain.replace("n INTEGER", "n INTEGER REFERENCES `__new_t` (id)"),
  }],
  ["a reference to a table without row ids", "plain", {
    before: ["CREATE TABLE w (id TEXT PRIMARY KEY) WITHOUT ROWID", plain],
    after: plain.replace("a VARCHAR(10)", "a VARCHAR(10) REFERENCES w"),
  }],
  ["another affinity", "copy", { before: [plain], rows, after: plain.replace("n INTEGER", "n TEXT") }],
  ["another order", "copy", {
    before: [plain],
    rows,
    after: "CREATE TABLE t (id INTEGER PRIMARY KEY NOT NULL, b TEXT, a VARCHAR(10), n INTEGER)",
  }],
  ["another key", "copy", { before: [plain], rows, after: plain.replace("INTEGER PRIMARY", "INT PRIMARY") }],
  ["another value", "copy", { before: [plain], rows, after: plain, values: { a: `upper("a")` } }],
  ["a constraint with an index of its own", "copy", {
    before: [plain],
    rows,
    after: plain.replace("b TEXT", "b TEXT UNIQUE"),
  }],
  ["a new unique index beside another, which it would leave behind where it is refused", "copy", {
    before: [plain],
    rows,
    after: plain,
    indexes: [index, "CREATE UNIQUE INDEX j ON t (n)"],
  }],
  ["a check that a row breaks and that goes", "definition", {
    before: [`${plain.slice(0, -1)} CHECK (n < 2), CHECK (b <> 'x'))`],
    rows: ["PRAGMA ignore_check_constraints = ON", ...rows],
    after: `${plain.slice(0, -1)} CHECK (b <> 'x'))`,
  }],
  ["a collation of the script's own", "copy", {
    before: [plain, index],
    rows,
    after: plain.replace("b TEXT", "b TEXT COLLATE NOCASE"),
  }],
  ...([
    [`"a"`, "copy", { a: `coalesce("a", 'q')` }],
    ["(SELECT max(id) FROM t)", "plain", {}],
    ["CURRENT_TIMESTAMP", "plain", {}],
  ] as const)
    .map(([value, way, others]) =>
      [`a fill that batches would make another: ${value}`, way, {
        before: [plain],
        rows: ["INSERT INTO t (a, b, n) VALUES ('x', 'y', 1), ('z', 'y', 2)"],
        after: plain,
        values: { ...others, b: `coalesce("b", ${value})` },
      }] as const
    ),
  ["a NOT NULL that rows with a NULL are left out for", "plain", {
    before: [plain],
    rows,
    after: plain.replace("b TEXT", "b TEXT NOT NULL ON CONFLICT IGNORE"),
  }],
  ["a NOT NULL that puts the default in the place of a NULL", "plain", {
    before: [plain],
    rows,
    after: plain.replace("b TEXT", "b TEXT DEFAULT 'none' NOT NULL ON CONFLICT REPLACE"),
  }],
  ["a table whose columns have all names of the row id", "plain", {
    before: ["CREATE TABLE t (rowid TEXT, oid TEXT, _rowid_ TEXT)"],
    rows: ["INSERT INTO t VALUES ('x', 'y', 'z')"],
    after: "CREATE TABLE t (rowid TEXT NOT NULL, oid TEXT, _rowid_ TEXT)",
  }],
  ["a value to fill where a trigger would fire", "copy", {
    before: [plain, "CREATE TRIGGER r AFTER UPDATE ON t BEGIN SELECT 1; END"],
    rows,
    after: plain,
    values: { b: `coalesce("b", 'none')` },
  }],
];

for (const [rule, way, change] of cases) {
  test(`${way === "definition" ? "moves no row for" : "copies a table for"} ${rule}`, async () => {
    await withFolder(async (folder) => {
      const [copied, changed] = await Promise.all(
        ["copied", "changed"].map((name) => make(join(folder, name), change)),
      );
      const columns = query(copied!, "SELECT name FROM pragma_table_info('t')").map(({ name }) =>
        String(name)
      );
      const script = rebuild(columns, change);
      const before = rootpage(changed!);
      assert.deepEqual(await upgrade(copied!, script, { largeRows: 1_000 }), [null]);
      assert.deepEqual(await upgrade(changed!, script, { largeRows: 1 }), [ways[way]]);
      assert.deepEqual(contents(changed!), contents(copied!));
      assert.deepEqual(query(changed!, "PRAGMA integrity_check"), [{ integrity_check: "ok" }]);
      assert.equal(rootpage(changed!) === before, way === "definition");
    });
  });
}

// One row a column: whether its check is tried on its default instead of all rows.
const added: readonly (readonly [way: "definition" | "plain", column: string])[] = [
  ["definition", `"kind" VARCHAR(20) DEFAULT 'l' NOT NULL CONSTRAINT "k" CHECK("kind" IN ('l', 'r'))`],
  ["definition", "kind INTEGER DEFAULT 3 CHECK (kind > 2) CHECK (kind BETWEEN 1 AND 5)"],
  ["definition", "kind CHECK (kind <> ')') COLLATE NOCASE"],
  ["plain", "kind INTEGER DEFAULT 3 CHECK (kind > n)"],
  ["plain", `kind INTEGER DEFAULT 3 CHECK (kind > 2 OR "rowid" > 5)`],
  ["plain", "kind TEXT AS (a) CHECK (kind <> 'q')"],
  ["definition", "kind INTEGER DEFAULT 1 REFERENCES t (id) CHECK (kind > 0)"],
  ["definition", "kind INTEGER DEFAULT 1 NOT NULL CONSTRAINT r REFERENCES t (id) ON DELETE SET NULL"],
  ["definition", "kind DEFAULT NULL REFERENCES t"],
  ["definition", "kind INTEGER REFERENCES t (id) CHECK (kind > 0 AND kind <> ')')"],
];
for (const [way, column] of added) {
  const script = [`ALTER TABLE t ADD ${column}`, "ALTER TABLE t ADD more TEXT"];
  test(`adds a column by ${way === "plain" ? "a look at all rows" : "its default alone"}: ${column}`, () =>
    withFolder(async (folder) => {
      const change: Case = { before: [plain, index], rows, after: "" };
      const [looked, changed] = await Promise.all(
        ["looked", "changed"].map((name) => make(join(folder, name), change)),
      );
      const application = new DatabaseSync(changed!);
      try {
        application.prepare("SELECT a FROM t").all();
        assert.deepEqual(await upgrade(looked!, script, { largeRows: 1_000 }), [null]);
        assert.deepEqual(
          await upgrade(changed!, script, { largeRows: 1 }),
          way === "plain" ? [null] : ["definition", null],
        );
        assert.deepEqual(contents(changed!), contents(looked!));
        assert.deepEqual(query(changed!, "PRAGMA integrity_check"), [{ integrity_check: "ok" }]);
        if (way === "plain") return;
        // A connection that knew the table before, too.
        assert.throws(
          () => application.exec("INSERT INTO t (a, kind) VALUES ('new', ')')"),
          /(?:CHECK|FOREIGN KEY) constraint/,
        );
      } finally {
        application.close();
      }
    }));
}

test("a column whose default is no key of the table that it refers to is not added", () =>
  withFolder(async (folder) => {
    const path = await make(join(folder, "changed"), { before: [...parents, plain], rows, after: "" });
    const before = contents(path);
    await assert.rejects(
      upgrade(path, ["ALTER TABLE t ADD kind INTEGER DEFAULT 3 REFERENCES p (id)"], { largeRows: 1 }),
      /rows would refer to nothing \(t by kind to p\)/,
    );
    assert.deepEqual(contents(path), before);
  }));

test("a column whose default its check refuses is not added, and says what SQLite says", () =>
  withFolder(async (folder) => {
    const path = await make(join(folder, "changed"), { before: [plain], rows, after: "" });
    const before = contents(path);
    for (
      const column of ["kind INTEGER DEFAULT 3 CHECK (kind < 2)", "kind INTEGER NOT NULL CHECK (kind > 2)"]
    ) {
      await assert.rejects(
        upgrade(path, [`ALTER TABLE t ADD ${column}`], { largeRows: 1 }),
        /CHECK constraint failed|Cannot add a NOT NULL column/,
      );
    }
    assert.deepEqual(contents(path), before);
  }));

// Rows that do not fit, and what is said of them.
const misfits: readonly (readonly [rule: string, change: Case, message: string])[] = [
  [
    "NULL",
    { before: [plain], rows, after: plain.replace("b TEXT", "b TEXT NOT NULL") },
    "NOT NULL constraint failed: t.b",
  ],
  [
    "a reference",
    {
      before: [...parents, plain],
      rows,
      after: plain.replace("a VARCHAR(10)", "a VARCHAR(10) REFERENCES p (code)"),
    },
    "rows would refer to nothing (t by a to p)",
  ],
  [
    "a reference to a text that is not the number's",
    {
      before: [...parents, plain],
      rows: ["INSERT INTO t (n) VALUES (2)"],
      after: plain.replace("n INTEGER", "n INTEGER REFERENCES p (code)"),
      indexes: ["CREATE INDEX j ON t (n)"],
    },
    "rows would refer to nothing (t by n to p)",
  ],
  [
    "a check",
    {
      before: [plain],
      rows,
      after: plain.replace("n INTEGER", 'n INTEGER, CONSTRAINT "small" CHECK (n < 2)'),
    },
    "CHECK constraint failed: small",
  ],
  [
    "a check that they broke before",
    {
      before: [`${plain.slice(0, -1)} CHECK (n < 2), CHECK (b <> 'x'))`],
      rows: ["PRAGMA ignore_check_constraints = ON", ...rows],
      after: `${plain.slice(0, -1)} CHECK (n < 2))`,
    },
    "CHECK constraint failed: n < 2",
  ],
  [
    "a check, where a NULL is filled",
    {
      before: [plain],
      rows: ["INSERT INTO t (a, b, n) VALUES ('x', NULL, 1), ('y', NULL, 5)"],
      after: plain.replace("b TEXT", "b TEXT NOT NULL").replace("n INTEGER", "n INTEGER CHECK (n < 5)"),
      values: { b: `coalesce("b", 'none')` },
    },
    "CHECK constraint failed: n < 5",
  ],
  [
    "a duplicate of an index that becomes unique, where a NULL is filled",
    {
      before: [plain, index],
      rows: [
        "INSERT INTO t (a, b) VALUES ('x', 'y')",
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 900) INSERT INTO t (a, b) SELECT iif(i < 900, i, 'x'), NULL FROM n",
      ],
      after: plain,
      values: { b: `coalesce("b", 'none')` },
      indexes: ["CREATE UNIQUE INDEX i ON t (a)"],
    },
    "UNIQUE constraint failed: t.a",
  ],
  [
    "a duplicate",
    {
      before: [plain, index],
      rows: [...rows, rows[0]!],
      after: plain,
      indexes: ["CREATE UNIQUE INDEX i ON t (a)"],
    },
    "UNIQUE constraint failed: t.a",
  ],
  [
    "a duplicate of an index that is new",
    {
      before: [plain],
      rows: [...rows, rows[0]!],
      after: plain,
      indexes: ["CREATE UNIQUE INDEX i ON t (a)"],
    },
    "UNIQUE constraint failed: t.a",
  ],
  [
    "the last of many",
    {
      before: [plain],
      rows: [
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 3 FROM n WHERE i < 20000) INSERT INTO t SELECT i, i, 'b', i < 20000 FROM n",
      ],
      after: plain.replace("n INTEGER", 'n INTEGER, CONSTRAINT "flag" CHECK (n > 0)'),
    },
    "CHECK constraint failed: flag",
  ],
];
for (const [at, [rule, change, message]] of misfits.entries()) {
  // Without a WAL each row is looked at for duplicates too; but nobody looks at what was broken before.
  const journal = at % 2 === 0 && !rule.endsWith("before") ? "DELETE" : "WAL";
  test(`leaves everything as it was where the rows do not fit: ${rule}`, async () => {
    await withFolder(async (folder) => {
      const path = await make(join(folder, "changed"), change);
      run(path, [`PRAGMA journal_mode = ${journal}`]);
      const before = contents(path);
      await assert.rejects(
        upgrade(path, rebuild(["id", "a", "b", "n"], change), { largeRows: 1 }),
        (error: Error) => error.message.includes(message),
      );
      assert.deepEqual(contents(path), before);
    });
  });
}

test("lets nothing in that breaks the new definition while the rows are looked at, fills what is left out, and goes on when it was killed", async () => {
  await withFolder(async (folder) => {
    const change: Case = {
      before: [plain, index],
      rows,
      after:
        "CREATE TABLE t (id INTEGER PRIMARY KEY NOT NULL, a VARCHAR(10), b TEXT DEFAULT 'd' NOT NULL, n INTEGER DEFAULT 5 NOT NULL, CHECK (n < 9))",
      values: { b: `coalesce("b", 'filled')` },
      indexes: ["CREATE UNIQUE INDEX i ON t (a)"],
    };
    const path = await make(join(folder, "changed"), change);
    const script = rebuild(["id", "a", "b", "n"], change);
    await withFile(path, 1, async (database) => {
      const killed: Database = {
        ...database,
        // The guards stand then, and nothing else is done.
        pace: () => Promise.reject(new Error("killed")),
      };
      await assert.rejects(
        upgradeBy(killed, [start, script.join("\n--> statement-breakpoint\n")], "head"),
        /killed/,
      );
    });
    // The application goes on; its SQLite may be older.
    const refused = (statement: string) =>
      assert.throws(() => run(path, [statement]), /constraint failed/, statement);
    refused("INSERT INTO t (a, b) VALUES ('x', 'duplicate')");
    refused("UPDATE t SET a = 'x'");
    refused("UPDATE t SET n = 9 WHERE id = 1");
    run(path, [
      "INSERT INTO t (a) VALUES ('left out')",
      "UPDATE t SET b = NULL WHERE id = 1",
      "INSERT INTO t (a, n) VALUES (NULL, 3), (NULL, 4)",
    ]);
    assert.deepEqual(query(path, "SELECT b, n FROM t WHERE id IN (1, 3)"), [{ b: "filled", n: 1 }, {
      b: "filled",
      n: 5,
    }]);
    const said = () => withFile(path, 1, readBeside);
    assert.deepEqual((await said()).map(besideWords), [
      "change of the definition of t: its triggers stand",
    ]);
    // Whatever is to be done next puts its own.
    const left = () => query(path, "SELECT name FROM sqlite_schema WHERE name LIKE '%beside%'");
    assert.equal(left().length, 2);
    const task = { signal: new AbortController().signal, doing: () => {} };
    await withFile(path, 1, (database) => database.beside!.clear([sql.raw("SELECT 1")], task));
    assert.deepEqual(left(), []);
    assert.deepEqual((await said()).map(besideWords), [
      "change of the definition of t: which NULLs it has filled is noted",
    ]);
    assert.deepEqual(await upgrade(path, script, { largeRows: 1 }), ["definition"]);
    assert.deepEqual(left(), []);
    assert.deepEqual(await said(), []);
    assert.deepEqual(query(path, "SELECT count(*) AS n FROM t WHERE b IS NULL"), [{ n: 0 }]);
    assert.deepEqual(query(path, "PRAGMA integrity_check"), [{ integrity_check: "ok" }]);
    refused("INSERT INTO t (a) VALUES ('x')");
    refused("INSERT INTO t (b) VALUES (NULL)");
  });
});

test("a change of definition that is killed after any of its commits goes on, and ends as a copy would", async () => {
  await withFolder(async (folder) => {
    const change: Case = {
      before: [plain, index],
      rows: [
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1500) INSERT INTO t SELECT i, 'a' || i, NULL, i FROM n",
      ],
      after: "CREATE TABLE t (id INTEGER PRIMARY KEY NOT NULL, a VARCHAR(20), b TEXT NOT NULL, n INTEGER)",
      values: { b: `coalesce("b", 'filled')` },
      indexes: ["CREATE UNIQUE INDEX i ON t (a)"],
    };
    const [copied, changed] = await Promise.all(
      ["copied", "changed"].map((name) => make(join(folder, name), change)),
    );
    const script = rebuild(["id", "a", "b", "n"], change);
    await upgrade(copied!, script, { largeRows: 10_000 });
    const scripts = [
      start,
      [...script, "CREATE TABLE last (id INTEGER)"].join("\n--> statement-breakpoint\n"),
    ];
    let kills = 0;
    for (let isDone = false; !isDone; kills++) {
      isDone = await withFile(changed!, 1, async (database) => {
        // What is left then is to look through what is kept, from its beginning.
        const isMade = query(changed!, "SELECT 1 FROM sqlite_schema WHERE name = 'last'").length > 0;
        let left = isMade ? Infinity : 2;
        const killed: Database = {
          ...database,
          async write(batch, mode) {
            // What a process does that ends at once: nothing more.
            if (left === 0) throw new Error("killed");
            const done = await database.write(batch, mode);
            left--;
            return done;
          },
        };
        return await upgradeBy(killed, scripts, "head").then(() => true, () => false);
      });
      const [column] = query(
        changed!,
        `SELECT "notnull" AS is_set FROM pragma_table_info('t') WHERE name = 'b'`,
      );
      // The application goes on as it did, until the column may not be NULL.
      if (column!["is_set"] === 0) run(changed!, [`UPDATE t SET b = NULL WHERE id = ${kills + 1}`]);
    }
    assert.ok(kills > 2, `${kills} rounds`);
    run(changed!, ["DROP TABLE last"]);
    assert.deepEqual(contents(changed!), contents(copied!));
    assert.deepEqual(query(changed!, "PRAGMA integrity_check"), [{ integrity_check: "ok" }]);
  });
});

test("somebody's trigger whose name begins as a guard's stays where the definition changes", () =>
  withFolder(async (folder) => {
    const mine = "CREATE TRIGGER harbor_beside_guard_mine AFTER DELETE ON t BEGIN SELECT 1; END";
    const change: Case = {
      before: [plain, mine],
      rows,
      after: plain.replace("b TEXT", "b TEXT DEFAULT 'd'"),
    };
    const path = await make(join(folder, "t"), change);
    assert.deepEqual(await upgrade(path, rebuild(["id", "a", "b", "n"], change), { largeRows: 1 }), [
      "definition",
    ]);
    assert.deepEqual(query(path, "SELECT name FROM sqlite_schema WHERE type = 'trigger'"), [{
      name: "harbor_beside_guard_mine",
    }]);
  }));

// One row a piece of work that walks along the row ids: behind which of its statements VACUUM gives the rows others, as it does where a table
// has neither a column for them nor an index; the change, and how it ends.
const walks: readonly (readonly [work: string, at: RegExp, change: Case, ends: RegExp | null])[] = [
  ["a look", /^SELECT max\(r\) AS last/, {
    before: ["CREATE TABLE t (a TEXT, b TEXT)"],
    rows: ["UPDATE t SET b = NULL WHERE a = 'a5000'"],
    after: "CREATE TABLE t (a TEXT, b TEXT NOT NULL)",
  }, /NOT NULL constraint failed: t.b/],
  ["rows that are written anew", /^UPDATE "t" SET "a" = "a"/, {
    before: ["CREATE TABLE t (a TEXT, b TEXT)"],
    rows: ["ALTER TABLE t ADD c TEXT DEFAULT 'old'"],
    after: "CREATE TABLE t (a TEXT, b TEXT, c TEXT DEFAULT 'new')",
  }, null],
];
for (const [work, at, change, ends] of walks) {
  for (const journal of ["WAL", "DELETE"]) {
    test(`begins again with ${work} when VACUUM gives the rows other ids: ${journal}`, async () => {
      await withFolder(async (folder) => {
        const path = await make(join(folder, "changed"), {
          ...change,
          rows: [
            "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 8000) INSERT INTO t SELECT 'a' || i, 'b' FROM n",
            "DELETE FROM t WHERE rowid < 3000",
            ...change.rows ?? [],
            `PRAGMA journal_mode = ${journal}`,
          ],
        });
        const columns = query(path, "SELECT name FROM pragma_table_info('t')").map(({ name }) =>
          String(name)
        );
        const { prepare } = DatabaseSync.prototype;
        let seen = 0;
        let isVacuumed = false;
        DatabaseSync.prototype.prepare = function (text: string) {
          if (at.test(text)) seen++;
          else if (seen === 1 && !isVacuumed && !this.isTransaction) {
            // Some rows are done, and others not yet.
            isVacuumed = true;
            run(path, ["VACUUM"]);
          }
          return prepare.call(this, text);
        };
        try {
          const upgraded = upgrade(path, rebuild(columns, change), { largeRows: 1 });
          await (ends === null ? upgraded : assert.rejects(upgraded, ends));
        } finally {
          DatabaseSync.prototype.prepare = prepare;
        }
        assert.ok(isVacuumed && seen > 2, `${seen}`);
        const values = "SELECT DISTINCT c FROM t";
        if (ends === null) assert.deepEqual(query(path, values), [{ c: "old" }]);
        assert.deepEqual(query(path, "PRAGMA integrity_check"), [{ integrity_check: "ok" }]);
      });
    });
  }
}

test("large tables that refer to each other go in one transaction", async () => {
  await withFolder(async (folder) => {
    const path = join(folder, "circle");
    await writeFile(path, "");
    const first = [
      "CREATE TABLE a (id INTEGER PRIMARY KEY, b INTEGER REFERENCES b (id))",
      "CREATE TABLE b (id INTEGER PRIMARY KEY, a INTEGER REFERENCES a (id))",
    ].join("\n--> statement-breakpoint\n");
    const drops = ["DROP TABLE a", "DROP TABLE b"];
    const ways = await withFile(path, 1, async (database) => {
      await upgradeBy(database, [first], "head");
      run(path, ["INSERT INTO a VALUES (1, 1), (2, 2)", "INSERT INTO b VALUES (1, 1), (2, 2)"]);
      const pieces = await database.beside!.cut({ statements: drops.map((text) => sql.raw(text)) });
      await upgradeBy(database, [first, drops.join("\n--> statement-breakpoint\n")], "head");
      return pieces.map(({ count, beside }) => [count, beside]);
    });
    assert.deepEqual(ways, [[2, null]]);
    assert.deepEqual(query(path, "SELECT name FROM sqlite_schema WHERE name IN ('a', 'b')"), []);
  });
});

test("the script of a change of definition that is printed stops at a row that does not fit", async () => {
  await withFolder(async (folder) => {
    const [, change, message] = misfits[0]!;
    const path = await make(join(folder, "changed"), change);
    const text = query(path, "SELECT sql FROM sqlite_schema WHERE name = 't'");
    const batches = await withFile(path, 1, async (database) => {
      const statements = rebuild(["id", "a", "b", "n"], change).map((text) => sql.raw(text));
      const [piece] = await database.beside!.cut({ statements });
      return piece!.beside!.batches([]);
    });
    const script = batches.map(({ statements, mode }) => renderBatch({ dialect: "sqlite" }, statements, mode))
      .join("");
    assert.throws(() => run(path, [script]), (error: Error) => error.message.includes(message));
    assert.deepEqual(query(path, "SELECT sql FROM sqlite_schema WHERE name = 't'"), text);
  });
});

test("a row is written anew as it is by a column that no index, key or reference has", () =>
  withFolder(async (folder) => {
    const columns =
      "id INTEGER PRIMARY KEY NOT NULL, a TEXT, u TEXT UNIQUE, p INTEGER REFERENCES t (id), c TEXT, g TEXT AS (lower(c)), b TEXT";
    for (
      const [name, indexes, column] of [
        ["loose", ["CREATE INDEX i ON t (upper(a)) WHERE u > 1"], "b"],
        ["named", ["CREATE INDEX i ON t (a)", "CREATE INDEX j ON t (n) WHERE b > 1"], "id"],
      ] as const
    ) {
      const change = {
        before: [`CREATE TABLE t (${columns})`, "ALTER TABLE t ADD n INTEGER DEFAULT 7", ...indexes],
        rows: ["INSERT INTO t (a) VALUES ('x')"],
        after: `CREATE TABLE t (${columns}, n INTEGER DEFAULT 8)`,
        indexes: [...indexes],
      };
      const path = await make(join(folder, name), change);
      const texts = await withFile(path, 1, async (database) => {
        const names = ["id", "a", "u", "p", "c", "b", "n"];
        const statements = rebuild(names, change).map((text) => sql.raw(text));
        const [piece] = await database.beside!.cut({ statements });
        return piece!.beside!.batches([]).flatMap(({ statements, mode }) =>
          renderBatch({ dialect: "sqlite" }, statements, mode)
        );
      });
      assert.match(texts.join("\n"), new RegExp(`UPDATE "t" SET "${column}" = "${column}" WHERE`));
    }
  }));

const start = "CREATE TABLE started (id INTEGER PRIMARY KEY)";

/** Makes a file at its first revision that has the table of a case. */
async function make(path: string, { before, rows = [] }: Case): Promise<string> {
  await writeFile(path, "");
  run(path, ["PRAGMA journal_mode = WAL"]);
  await withFile(path, 1, (database) => upgradeBy(database, [start], "+1"));
  run(path, [...before, ...rows]);
  return path;
}

/** Runs a script as the second revision and returns the ways that it goes. */
function upgrade(path: string, script: readonly string[], { largeRows }: { readonly largeRows: number }) {
  return withFile(path, largeRows, async (database) => {
    const pieces = await database.beside!.cut({ statements: script.map((text) => sql.raw(text)) });
    assert.equal(pieces.reduce((sum, { count }) => sum + count, 0), script.length);
    await upgradeBy(database, [start, script.join("\n--> statement-breakpoint\n")], "head");
    assert.ok((await readApplied(database))!.every(({ finishedAt }) => finishedAt !== null));
    return pieces.map(({ beside }) => beside?.way ?? null);
  });
}

function upgradeBy(database: Database, scripts: readonly string[], text: string) {
  const context = { ...contextOf(database, historyOf("sqlite", scripts)) };
  return migrate(context, { goal: { direction: "upgrade", text }, lockWaitMs: 0 });
}

async function withFile<T>(
  path: string,
  largeRows: number,
  work: (database: Database) => Promise<T>,
): Promise<T> {
  const options = { client: testClient, access: "write" as const, largeRows };
  const database = await openDatabase(parseDatabaseUrl(sqliteUrl(path)), options);
  try {
    return await work(database);
  } finally {
    await database.close();
  }
}

function run(path: string, statements: readonly string[]): void {
  const handle = new DatabaseSync(path, { enableForeignKeyConstraints: false, timeout: 5_000 });
  try {
    for (const statement of statements) handle.exec(statement);
  } finally {
    handle.close();
  }
}

function query(path: string, text: string): readonly Readonly<Record<string, unknown>>[] {
  const handle = new DatabaseSync(path, { timeout: 5_000 });
  try {
    return handle.prepare(text).all().map((row) => ({ ...row }));
  } finally {
    handle.close();
  }
}

function rootpage(path: string): unknown {
  return query(
    path,
    "SELECT rootpage FROM sqlite_schema WHERE type = 'table' AND name = 't'",
  )[0]!["rootpage"];
}

/** The whole schema, and the rows with the class of each value. */
function contents(path: string) {
  const columns = query(path, "SELECT name FROM pragma_table_xinfo('t')").map(({ name }) =>
    `quote("${String(name)}")`
  );
  return {
    // What a copy fills is kept with it, and what is filled beside writers is not.
    schema: query(
      path,
      "SELECT type, name, tbl_name, sql FROM sqlite_schema WHERE tbl_name NOT GLOB 'harbor_kept*' ORDER BY type, name",
    ),
    rows: query(path, `SELECT ${columns.join(" || ' ' || ")} AS row FROM t ORDER BY 1`),
    numbers: query(path, "SELECT count(*) AS n FROM sqlite_schema WHERE name = 'sqlite_sequence'"),
  };
}

test("a change of definition that the rows stop says that none was changed only where nothing was filled", () =>
  withFolder(async (folder) => {
    const text = (b: string) =>
      `CREATE TABLE t (id INTEGER PRIMARY KEY NOT NULL, a VARCHAR(10), b ${b}, n INTEGER CHECK (n > 1))`;
    for (const [b, isSaid] of [["TEXT", true], ["TEXT DEFAULT 'x' NOT NULL", false]] as const) {
      const change: Case = {
        before: [plain],
        rows: ["INSERT INTO t (b, n) VALUES ('b', 1)"],
        after: text(b),
      };
      const path = await make(join(folder, b), change);
      const script = rebuild(["id", "a", "b", "n"], change);
      await assert.rejects(
        upgrade(path, script, { largeRows: 1 }),
        ({ hint }: { hint: string }) =>
          /^No row was changed/.test(hint) === isSaid && /Put the rows right/.test(hint),
      );
    }
  }));
