import type { Dialect } from "../../src/base/dialect.ts";
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { hazards } from "../../src/author/check/rules/hazards.ts";
import { judgeScript } from "../../src/author/check/rules/judge_script.ts";
import { postgresOperations } from "../../src/sql/operations/postgres.ts";
import { breakpoint, parseScript } from "../../src/history/scripts/script.ts";
import { readOperations } from "../../src/author/check/rules/script_operations.ts";
import type { Column, Snapshot, Table } from "../../src/schema/snapshot.ts";
import { sqliteOperations } from "../../src/sql/operations/sqlite.ts";
import { loadPostgresParser } from "../../src/sql/operations/postgres_parser.ts";
import { projectFile } from "../support/project.ts";

const parser = await loadPostgresParser();

function column(name: string, type: string, more: Partial<Column> = {}): Column {
  return { name, type, notNull: false, default: null, identity: false, ...more };
}

/** A table `t` that has rows, as the columns say it is. */
function schema(dialect: Dialect, columns: readonly Column[], more: Partial<Table> = {}): Snapshot {
  const none = { foreignKeys: [], indexes: [], uniques: [], checks: [] };
  const id = column("id", "integer", { notNull: true, identity: true });
  const table = { name: "t", columns: [id, ...columns], primaryKey: ["id"], ...none, ...more };
  return { dialect, tables: [table], others: [] };
}

const old = [
  column("a", "character varying(20)"),
  column("n", "numeric(10,2)"),
  column("i", "integer"),
  column("r", "text", { notNull: true, default: "'x'::text" }),
];

function withOther(snapshot: Snapshot, other: Judged["other"]): Snapshot {
  const [table] = snapshot.tables;
  return other === undefined ? snapshot : { ...snapshot, tables: [table!, { ...table!, ...other }] };
}

interface Judged {
  readonly name?: string;
  readonly version?: number;
  /** Columns afterwards, where they matter. */
  readonly after?: readonly Column[];
  readonly before?: Partial<Table>;
  /** Another table before. */
  readonly other?: { readonly name: string; readonly columns: readonly Column[] };
  /** What `t` has beside its columns afterwards. */
  readonly leaves?: Partial<Table>;
}

/** Returns the hazards in a script, each once, in the order of the list. */
function judge(dialect: Dialect, statements: readonly string[], options: Judged = {}): string {
  const { name = "Change", version = 15, after = old, before = {}, other, leaves = {} } = options;
  const script = parseScript({ file: "x.sql", dialect, text: statements.join(`;${breakpoint}\n`) });
  const read = readOperations(
    script,
    dialect === "sqlite" ? sqliteOperations : (sql) => postgresOperations(parser.parse(sql)),
  );
  const { found } = judgeScript(read, {
    dialect,
    version,
    name,
    before: withOther(schema(dialect, old, before), other),
    after: schema(dialect, after, leaves),
  });
  const ids = found.filter(({ isAllowed }) => !isAllowed).map(({ hazard }) => hazard.id);
  return hazards.map(({ id }) => id).filter((id) => ids.includes(id)).join(" ");
}

// Statements, one a line of the script, and the hazards in them.
const inPostgres: readonly (readonly [statements: readonly string[], expected: string, options?: Judged])[] =
  [
    [[
      "CREATE TABLE x (id serial PRIMARY KEY)",
      "CREATE INDEX i ON x (id)",
      "ALTER TABLE x ADD CHECK (id > 0)",
    ], ""],
    [["ALTER TABLE t ADD COLUMN c text"], ""],
    [["ALTER TABLE t ADD COLUMN c text DEFAULT 'x'"], ""],
    [["ALTER TABLE t ADD COLUMN c text DEFAULT 'x'"], "table_rewrite", { version: 10 }],
    [["ALTER TABLE t ADD COLUMN c timestamp DEFAULT now()"], ""],
    [["ALTER TABLE t ADD COLUMN c text DEFAULT gen_random_uuid()::text"], "table_rewrite"],
    [["ALTER TABLE t ADD COLUMN c bigserial"], "table_rewrite"],
    [["ALTER TABLE t ADD COLUMN c text NOT NULL"], "required_column"],
    [["ALTER TABLE t ADD COLUMN c text REFERENCES t (id)"], ""],
    [["ALTER TABLE t ADD COLUMN c int DEFAULT 1 REFERENCES t (id)"], "constraint_without_not_valid"],
    [["ALTER TABLE t ALTER COLUMN a TYPE varchar(50)"], ""],
    [["ALTER TABLE t ALTER COLUMN a TYPE text"], ""],
    [["ALTER TABLE t ALTER COLUMN a TYPE varchar(50) USING a::varchar(50)"], ""],
    [["ALTER TABLE t ALTER COLUMN a TYPE text USING lower(a)"], "table_rewrite"],
    [["ALTER TABLE t ALTER COLUMN a TYPE varchar(10)"], "table_rewrite"],
    [["ALTER TABLE t ALTER COLUMN n TYPE numeric(12,2)"], ""],
    [["ALTER TABLE t ALTER COLUMN n TYPE numeric(12,4)"], "table_rewrite"],
    [["ALTER TABLE t ALTER COLUMN i TYPE bigint"], "table_rewrite"],
    [["CREATE INDEX i ON t (a)"], "blocking_index"],
    [["-- harbor:concurrently\nCREATE INDEX i ON t (a)"], ""],
    [["-- harbor:alone\nCREATE INDEX CONCURRENTLY i ON t (a)"], ""],
    [["CREATE INDEX CONCURRENTLY i ON t (a)"], "needs_alone"],
    [["-- harbor:concurrently\nCREATE UNIQUE INDEX i ON t (a)"], "duplicates"],
    [["VACUUM t"], "needs_alone"],
    [["ALTER TYPE e ADD VALUE 'x'"], ""],
    [["ALTER TYPE e ADD VALUE 'x'"], "needs_alone", { version: 11 }],
    [["ALTER TABLE t ADD CONSTRAINT c CHECK (i > 0)"], "constraint_without_not_valid"],
    [["ALTER TABLE t ADD CONSTRAINT c FOREIGN KEY (i) REFERENCES u (id)"], "constraint_without_not_valid"],
    [
      ["ALTER TABLE t ADD CONSTRAINT c CHECK (i > 0) NOT VALID", "ALTER TABLE t VALIDATE CONSTRAINT c"],
      "long_lock",
    ],
    [[
      "ALTER TABLE t ADD CONSTRAINT c CHECK (i > 0) NOT VALID",
      "-- harbor:alone\nALTER TABLE t VALIDATE CONSTRAINT c",
    ], ""],
    [["ALTER TABLE t ADD CONSTRAINT c UNIQUE (a)"], "long_lock duplicates"],
    [["ALTER TABLE t ADD CONSTRAINT c UNIQUE USING INDEX i"], ""],
    [["ALTER TABLE t ALTER COLUMN r SET NOT NULL"], "long_lock"],
    [["ALTER TABLE t ALTER COLUMN i SET NOT NULL"], "long_lock required_column"],
    [
      [
        "ALTER TABLE t ADD CONSTRAINT g CHECK (r IS NOT NULL) NOT VALID",
        "-- harbor:alone\nALTER TABLE t VALIDATE CONSTRAINT g",
        "ALTER TABLE t ALTER COLUMN r SET NOT NULL",
      ],
      "",
    ],
    [
      [
        "ALTER TABLE t ADD CONSTRAINT g CHECK (r IS NOT NULL) NOT VALID",
        "-- harbor:alone\nALTER TABLE t VALIDATE CONSTRAINT g",
        "ALTER TABLE t ALTER COLUMN r SET NOT NULL",
      ],
      "long_lock",
      { version: 11 },
    ],
    [[
      "ALTER TABLE t ADD CONSTRAINT g CHECK (r IS NOT NULL) NOT VALID",
      "ALTER TABLE t ALTER COLUMN r SET NOT NULL",
    ], "long_lock"],
    [
      ["ALTER TABLE t ALTER COLUMN r SET NOT NULL"],
      "",
      { before: { checks: [{ name: "g", expression: "r IS NOT NULL", valid: true }] } },
    ],
    [["LOCK TABLE t"], "long_lock"],
    [["CLUSTER t USING i"], "table_rewrite"],
    [["DROP TABLE t"], "drop_in_use unnamed_drop"],
    [["DROP TABLE t"], "drop_in_use", { name: "Drop what nobody reads" }],
    [["DROP TABLE other"], ""],
    [["ALTER TABLE t DROP COLUMN a"], "drop_in_use unnamed_drop"],
    [
      ["-- harbor:allow drop_in_use nobody reads it\n-- harbor:allow unnamed_drop it says so in the docs\nALTER TABLE t DROP COLUMN a"],
      "",
    ],
    [["ALTER TABLE t RENAME COLUMN a TO b"], "drop_in_use"],
    [["ALTER TABLE t RENAME TO u"], "drop_in_use"],
    // A table is the same one under its new name, and under the old one before.
    [
      [`-- harbor:allow drop_in_use x\nALTER TABLE t RENAME TO u`, "UPDATE u SET a = 'x'"],
      "backfill_without_directive",
      { leaves: { name: "u" } },
    ],
    [
      [`-- harbor:allow drop_in_use x\nALTER TABLE t RENAME TO u`, "ALTER TABLE u DROP COLUMN a"],
      "drop_in_use unnamed_drop",
      { leaves: { name: "u" } },
    ],
    [
      [`-- harbor:allow drop_in_use x\nALTER TABLE t RENAME TO v`, "ALTER TABLE v RENAME TO u"],
      "",
      { leaves: { name: "u" } },
    ],
    [
      ["ALTER TABLE t ADD COLUMN b integer NOT NULL DEFAULT 1", "ALTER TABLE t RENAME TO u"],
      "drop_in_use",
      {
        after: [...old, column("b", "integer", { notNull: true, default: "1" })],
        leaves: { name: "u" },
      },
    ],
    // The one that gets the name of another is judged, and not that one.
    [
      [
        "-- harbor:allow drop_in_use x\n-- harbor:allow unnamed_drop x\nDROP TABLE t",
        "-- harbor:allow drop_in_use x\nALTER TABLE u RENAME TO t",
        "ALTER TABLE t ALTER COLUMN a TYPE character varying(40)",
      ],
      "table_rewrite",
      { other: { name: "u", columns: [column("a", "text")] } },
    ],
    [["ALTER INDEX i RENAME TO j"], ""],
    [["ALTER SCHEMA auth RENAME TO iam"], "drop_in_use"],
    [["ALTER TYPE mood RENAME TO feeling"], "drop_in_use"],
    [["ALTER TYPE mood RENAME VALUE 'sad' TO 'blue'"], "drop_in_use"],
    [["ALTER DOMAIN word RENAME TO term"], "drop_in_use"],
    [["ALTER FUNCTION total(integer) RENAME TO sum_of"], "drop_in_use"],
    [["ALTER PROCEDURE tidy() SET SCHEMA old"], "drop_in_use"],
    [["ALTER VIEW v RENAME TO w"], "drop_in_use"],
    [["ALTER MATERIALIZED VIEW v RENAME TO w"], "drop_in_use"],
    [["ALTER TABLE t SET SCHEMA old"], "drop_in_use"],
    [["ALTER TABLE other SET SCHEMA old"], ""],
    [["ALTER SEQUENCE t_id_seq RENAME TO u_id_seq"], ""],
    // One that the script makes nobody knows yet, and one that it makes anew is there.
    [["CREATE TYPE mood AS ENUM ('sad')", "ALTER TYPE mood RENAME TO feeling"], ""],
    [["ALTER TYPE mood RENAME TO mood_old", "CREATE TYPE mood AS ENUM ('sad')"], ""],
    [
      ["CREATE OR REPLACE FUNCTION f() RETURNS int LANGUAGE sql RETURN 1", "ALTER FUNCTION f() RENAME TO g"],
      "",
    ],
    [["CREATE SCHEMA auth", "ALTER SCHEMA auth RENAME TO iam"], ""],
    [
      [
        "-- harbor:allow drop_in_use nobody reads it\nALTER TYPE mood RENAME TO feeling",
        "ALTER TYPE feeling RENAME VALUE 'sad' TO 'blue'",
      ],
      "drop_in_use",
    ],
    [["DROP VIEW v"], "drop_in_use"],
    [["DROP MATERIALIZED VIEW IF EXISTS v"], "drop_in_use"],
    [["DROP TYPE mood"], "drop_in_use"],
    [["DROP DOMAIN word"], "drop_in_use"],
    [["DROP FUNCTION total(integer)"], "drop_in_use"],
    [["DROP PROCEDURE tidy()"], "drop_in_use"],
    [["DROP SCHEMA auth"], "drop_in_use"],
    [["-- harbor:allow drop_in_use release 2.4 has its own\nDROP VIEW v"], ""],
    [["DROP SEQUENCE s"], ""],
    [["DROP TRIGGER r ON t"], ""],
    [["DROP VIEW v", "CREATE VIEW v AS SELECT 1"], ""],
    [["DROP MATERIALIZED VIEW v", "CREATE MATERIALIZED VIEW v AS SELECT 1"], ""],
    [["DROP VIEW v", "-- harbor:alone\nVACUUM t", "CREATE VIEW v AS SELECT 1"], "drop_in_use"],
    [["CREATE VIEW v AS SELECT 1", "DROP VIEW v"], ""],
    // What a remade type was called meanwhile.
    [
      ["ALTER TYPE mood RENAME TO mood_old", "CREATE TYPE mood AS ENUM ('sad')", "DROP TYPE mood_old"],
      "",
    ],
    // One that takes the name has it when the transaction ends.
    [["CREATE TYPE mood_new AS ENUM ('sad')", "DROP TYPE mood", "ALTER TYPE mood_new RENAME TO mood"], ""],
    [
      [
        "CREATE TYPE mood_new AS ENUM ('sad')",
        "ALTER TYPE mood RENAME TO mood_old",
        "ALTER TYPE mood_new RENAME TO mood",
        "DROP TYPE mood_old",
      ],
      "",
    ],
    [
      [
        "CREATE MATERIALIZED VIEW v_new AS SELECT 1",
        "DROP MATERIALIZED VIEW v",
        "ALTER MATERIALIZED VIEW v_new RENAME TO v",
      ],
      "",
    ],
    // What has another type by then stays.
    [
      [
        "CREATE TYPE mood_new AS ENUM ('sad')",
        "ALTER TABLE t ALTER COLUMN m TYPE mood_new USING m::text::mood_new",
        "DROP TYPE mood CASCADE",
        "ALTER TYPE mood_new RENAME TO mood",
      ],
      "table_rewrite",
      { before: { columns: [column("m", "mood")] } },
    ],
    [["DROP TYPE mood CASCADE"], "drop_in_use unnamed_drop", {
      before: { columns: [column("m", "mood[]")] },
    }],
    [["DROP TYPE mood CASCADE"], "drop_in_use", {
      name: "Drop moods",
      before: { columns: [column("m", "mood")] },
    }],
    [["UPDATE t SET a = 'x' WHERE a IS NULL"], "backfill_without_directive"],
    [["-- harbor:backfill table=t key=id\nUPDATE t SET a = 'x' WHERE a IS NULL"], ""],
    [["-- harbor:backfill table=t key=id\nUPDATE t SET i = i + 1 WHERE a IS NULL"], "rows_behind"],
    [
      ["WITH gone AS (DELETE FROM t RETURNING id) SELECT count(*) FROM gone"],
      "delete_without_directive unnamed_drop",
    ],
    [["DELETE FROM t"], "delete_without_directive", { name: "Delete old rows" }],
    [["-- harbor:batches table=t key=id\nDELETE FROM t WHERE a IS NULL"], "", { name: "Delete old rows" }],
    [["TRUNCATE t"], "unnamed_drop"],
    [['ALTER TABLE "public"."t" ADD COLUMN c text'], "fixed_schema"],
    [["DO $$ BEGIN NULL; END $$"], "hidden"],
  ];

const rebuild = (columns: string) => [
  `CREATE TABLE __new_t (${columns})`,
  "INSERT INTO __new_t (id) SELECT id FROM t",
  "DROP TABLE t",
  "ALTER TABLE __new_t RENAME TO t",
];
const uniqueIndex = { name: "i", columns: ["a"], unique: true, where: null, valid: true };
const inSqlite: typeof inPostgres = [
  [["CREATE TABLE x (id INTEGER PRIMARY KEY)", "CREATE INDEX i ON x (id)", "INSERT INTO x VALUES (1)"], ""],
  [["ALTER TABLE `t` ADD `c` TEXT DEFAULT 'x' NOT NULL"], "", {
    after: [...old, column("c", "TEXT", { notNull: true, default: "'x'" })],
  }],
  [["ALTER TABLE t ADD COLUMN c TEXT NOT NULL"], "required_column"],
  [["CREATE INDEX i ON t (a)"], ""],
  [["CREATE UNIQUE INDEX IF NOT EXISTS i ON t (a)"], "duplicates"],
  [
    ["CREATE UNIQUE INDEX i ON t (a)"],
    "",
    { before: { indexes: [uniqueIndex] }, leaves: { indexes: [uniqueIndex] } },
  ],
  [rebuild("id INTEGER"), "table_rewrite"],
  [rebuild("id INTEGER"), "table_rewrite drop_in_use unnamed_drop", { after: old.slice(1) }],
  [rebuild("id INTEGER"), "table_rewrite required_column", {
    after: [{ ...old[0]!, notNull: true }, ...old.slice(1)],
  }],
  [
    ["ALTER TABLE t RENAME COLUMN a TO b", ...rebuild("id INTEGER")],
    "table_rewrite drop_in_use",
    { after: [{ ...old[0]!, name: "b", notNull: true }, ...old.slice(1)] },
  ],
  [["DROP TABLE IF EXISTS main.t"], "drop_in_use unnamed_drop"],
  [["ALTER TABLE t DROP COLUMN a"], "drop_in_use", { name: "Remove a" }],
  [["ALTER TABLE t RENAME a TO b"], "drop_in_use"],
  [["UPDATE OR IGNORE t SET a = 'x'"], "backfill_without_directive"],
  [["WITH x AS (SELECT 1) DELETE FROM t"], "delete_without_directive unnamed_drop"],
  [["DROP VIEW IF EXISTS v"], "drop_in_use"],
  [["DROP VIEW v", "CREATE VIEW v AS SELECT 1"], ""],
  [["DROP TRIGGER r"], ""],
  [["VACUUM"], "needs_alone"],
  [["PRAGMA foreign_keys=OFF"], ""],
  [["PRAGMA journal_mode=WAL"], "needs_alone"],
];

for (const [dialect, cases] of [["postgresql", inPostgres], ["sqlite", inSqlite]] as const) {
  for (const [statements, expected, options] of cases) {
    const what = `${statements.at(-1)!.replace(/^--.*\n/gm, "")}${
      options === undefined ? "" : ` ${Object.keys(options)}`
    }`;
    test(`${dialect}: ${what} is ${expected || "no hazard"} (${statements.length} statements)`, () => {
      assert.equal(judge(dialect, statements, options), expected);
    });
  }
}

test("every hazard has a case that finds it and a section in docs/hazards.md", () => {
  const found = [...inPostgres, ...inSqlite].flatMap(([, expected]) => expected.split(" "));
  const page = readFileSync(projectFile("docs/hazards.md"), "utf8");
  const sections = [...page.matchAll(/^## `(\w+)`/gm)].map((match) => match[1]!);
  assert.deepEqual(sections.toSorted(), hazards.map(({ id }) => id).toSorted());
  for (const { id } of hazards) assert.ok(found.includes(id), id);
});

test("an allowance that fits nothing is found, known or not", () => {
  const text =
    "-- harbor:allow table_rewrite small\n-- harbor:allow typo why\nALTER TABLE t ADD COLUMN c text;";
  const script = parseScript({ file: "x.sql", dialect: "postgresql", text });
  const { unused } = judgeScript(readOperations(script, (sql) => postgresOperations(parser.parse(sql))), {
    dialect: "postgresql",
    version: 15,
    name: "Change",
    before: schema("postgresql", old),
    after: schema("postgresql", old),
  });
  assert.deepEqual(unused, [
    { id: "table_rewrite", line: 3, isKnown: true },
    { id: "typo", line: 3, isKnown: false },
  ]);
});

// A statement, the views that there are before and after it, and what is said of it.
const view = (name: string, sql: string) => ({ kind: "view" as const, name, table: null, sql });
const readers = [view("v", "SELECT 1 AS a"), view("w", "SELECT a FROM v"), view("x", "SELECT 2")];
const dropped: readonly (readonly [Dialect, string, string])[] = [
  ["sqlite", "DROP VIEW v", "drops the view v, without which w cannot be read"],
  ["sqlite", "DROP VIEW x", "drops the view x"],
  ["postgresql", "DROP VIEW v CASCADE", "drops the view v and w with it"],
  ["postgresql", "DROP SCHEMA office CASCADE", "drops the schema office and office.t with it"],
  ["postgresql", "DROP TYPE mood CASCADE", "drops the type mood and office.t.a with it"],
  // What is made again is there, and what went with it is not.
  ["postgresql", "DROP VIEW v CASCADE; CREATE VIEW v AS SELECT 1 AS a", "drops w with the view v"],
  [
    "postgresql",
    "DROP TYPE mood CASCADE; CREATE TYPE mood AS ENUM ('sad')",
    "drops office.t.a with the type mood",
  ],
];
for (const [dialect, text, expected] of dropped) {
  test(`${dialect}: of ${text} it is said that it ${expected}`, () => {
    const own = schema(dialect, [column("a", "mood")], { name: "office.t" });
    const script = parseScript({ file: "x.sql", dialect, text });
    const read = readOperations(
      script,
      dialect === "sqlite" ? sqliteOperations : (sql) => postgresOperations(parser.parse(sql)),
    );
    const { found } = judgeScript(read, {
      dialect,
      version: 15,
      name: "Drop it",
      before: { ...own, others: readers },
      after: { ...own, others: readers.slice(1) },
    });
    assert.deepEqual(found.map(({ message }) => message), [
      `${expected}, which the running application may still read`,
    ]);
  });
}
