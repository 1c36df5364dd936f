import assert from "node:assert/strict";
import { test } from "node:test";
import { compareDialects } from "../../src/author/check/rules/compare_dialects.ts";
import { postgresOperations } from "../../src/sql/operations/postgres.ts";
import { breakpoint, parseScript } from "../../src/history/scripts/script.ts";
import { readOperations } from "../../src/author/check/rules/script_operations.ts";
import { sqliteOperations } from "../../src/sql/operations/sqlite.ts";
import { loadPostgresParser } from "../../src/sql/operations/postgres_parser.ts";

const parser = await loadPostgresParser();

/** What each script does that the other does not: `< drops table t` is in the first, SQLite's. */
function differences(sqlite: readonly string[], postgresql: readonly string[]): readonly string[] {
  const text = (statements: readonly string[]) => statements.join(`;${breakpoint}\n`);
  const scripts = [
    readOperations(parseScript({ file: "x.sql", dialect: "sqlite", text: text(sqlite) }), sqliteOperations),
    readOperations(
      parseScript({ file: "x.sql", dialect: "postgresql", text: text(postgresql) }),
      (sql) => postgresOperations(parser.parse(sql)),
    ),
  ] as const;
  return compareDialects(scripts).map(({ what, side, line }) => `${"<>"[side]} ${line} ${what}`);
}

const copy = [
  "CREATE TABLE __new_t (id INTEGER)",
  "INSERT INTO __new_t SELECT id FROM t",
  "DROP TABLE t",
  "ALTER TABLE __new_t RENAME TO t",
];

// One row a rule: SQLite's script, PostgreSQL's, and what differs.
const cases: readonly (readonly [
  rule: string,
  sqlite: readonly string[],
  postgresql: readonly string[],
  expected: readonly string[],
])[] = [
  ["finds nothing in nothing", ["SELECT 1"], ["SELECT 1"], []],
  ["finds nothing in the same, whatever the words", ["ALTER TABLE `t` ADD `c` TEXT"], [
    'ALTER TABLE "t" ADD COLUMN "c" text',
  ], []],
  ["names a table that one side makes", ["CREATE TABLE t (id)"], ["SELECT 1"], ["< 1 makes table t"]],
  ["names a table that one side drops", ["SELECT 1"], ["DROP TABLE t"], ["> 1 drops table t"]],
  ["names a rename of a table", ["ALTER TABLE t RENAME TO u"], ["SELECT 1"], ["< 1 calls table t u"]],
  [
    "names columns, with their lines",
    ["ALTER TABLE t ADD a TEXT", "ALTER TABLE t DROP b"],
    ["ALTER TABLE t ADD a text", "ALTER TABLE t RENAME b TO c"],
    ["< 2 drops column t.b", "> 2 calls column t.b c"],
  ],
  ["names another column", ["ALTER TABLE t ADD a TEXT"], ["ALTER TABLE t ADD b text"], [
    "< 1 adds column t.a",
    "> 1 adds column t.b",
  ]],
  ["names changes of rows", ["UPDATE t SET c = 1"], ["DELETE FROM t"], [
    "< 1 updates rows of t",
    "> 1 deletes rows of t",
  ]],
  ["takes two statements of one kind for one", ["UPDATE t SET c = 1"], [
    "UPDATE t SET c = 1",
    "UPDATE t SET d = 1",
  ], []],
  [
    "names indexes",
    ["CREATE INDEX i ON t (c)", "DROP INDEX k"],
    ["CREATE INDEX j ON t (c)", "DROP INDEX k"],
    [
      "< 1 makes index i",
      "> 1 makes index j",
    ],
  ],
  ["names the first of them", ["UPDATE t SET c = 1", "UPDATE t SET d = 1"], ["SELECT 1"], [
    "< 1 updates rows of t",
  ]],
  [
    "takes an index that is made and renamed for one that is made",
    ["DROP INDEX i", "CREATE INDEX i ON t (c)"],
    ["CREATE INDEX i_new ON t (c)", "DROP INDEX i", "ALTER INDEX i_new RENAME TO i"],
    [],
  ],
  [
    "takes a unique constraint of a new table for the index that it is on SQLite",
    ["CREATE TABLE t (c, d, e)", "CREATE UNIQUE INDEX k ON t (c)", "CREATE UNIQUE INDEX l ON t (d)"],
    ["CREATE TABLE t (c text, d text CONSTRAINT l UNIQUE, e text UNIQUE, CONSTRAINT k UNIQUE (c))"],
    [],
  ],
  [
    "takes the new name of a constraint for an index that goes and another that comes",
    ["DROP INDEX k", "CREATE UNIQUE INDEX l ON t (c)"],
    ["ALTER TABLE t RENAME CONSTRAINT k TO l"],
    [],
  ],
  [
    "takes a unique constraint that comes or goes for an index that does",
    ["CREATE UNIQUE INDEX k ON t (c)", "DROP INDEX l"],
    ["ALTER TABLE t ADD CONSTRAINT k UNIQUE (c)", "ALTER TABLE t DROP CONSTRAINT l"],
    [],
  ],
  [
    "takes no other constraint for an index",
    ["CREATE TABLE t (c)", "CREATE INDEX k ON t (c)", "CREATE INDEX l ON t (c)", "DROP INDEX m"],
    [
      "CREATE TABLE t (c text, CONSTRAINT k CHECK (c > 'a'), CONSTRAINT n UNIQUE (c))",
      "ALTER TABLE t ADD CONSTRAINT l CHECK (c > 'a')",
      "ALTER TABLE t DROP CONSTRAINT n",
    ],
    ["< 2 makes index k", "< 3 makes index l", "< 4 drops index m"],
  ],
  [
    "passes over an index and a column that make way for another change",
    ["SELECT 1"],
    [
      "DROP INDEX i",
      "ALTER TABLE t DROP COLUMN g",
      "ALTER TABLE t ADD COLUMN g int GENERATED ALWAYS AS (c + 1) STORED",
      "CREATE INDEX i ON t (g)",
    ],
    [],
  ],
  [
    "passes over what only PostgreSQL can say",
    ["SELECT 1"],
    ["ALTER TABLE t ALTER c SET NOT NULL", "ALTER TABLE t ADD CONSTRAINT k CHECK (c > 0)", "LOCK TABLE t"],
    [],
  ],
  [
    "leaves out a table that SQLite copies, with its indexes",
    [...copy, "CREATE INDEX i ON t (c)"],
    ["ALTER TABLE t DROP COLUMN c", "UPDATE t SET d = 1"],
    [],
  ],
  ["compares the other tables all the same", [...copy, "DROP TABLE u"], ["ALTER TABLE t DROP COLUMN c"], [
    "< 5 drops table u",
  ]],
  [
    "leaves out an index of which it cannot tell the table, where one is copied",
    [...copy, "DROP INDEX i"],
    ["SELECT 1"],
    [],
  ],
  [
    "names an index of another table, where one is copied",
    [...copy, "CREATE INDEX i ON u (c)"],
    ["SELECT 1"],
    [
      "< 5 makes index i",
    ],
  ],
];
for (const [rule, sqlite, postgresql, expected] of cases) {
  test(`compareDialects() ${rule}`, () => assert.deepEqual(differences(sqlite, postgresql), expected));
}
