import assert from "node:assert/strict";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import type { Dialect } from "../../src/base/dialect.ts";
import { sql } from "drizzle-orm";
import * as pg from "drizzle-orm/pg-core";
import * as lite from "drizzle-orm/sqlite-core";
import { loadSchema, readExports } from "../../src/author/project/load_schema.ts";
import { withFolder } from "../support/databases.ts";
import { rejectsWith } from "../support/harbor_error.ts";
import { openProject } from "../support/samples/schema_project.ts";
import { sharedPostgres } from "../support/servers/postgres_server.ts";

/** A schema in which everything of a table has its name in it. */
function schemaOf(names: readonly string[], isLater = false): string {
  const tables = names.map((name, place) => {
    const called = (end: string) => JSON.stringify(name + end);
    return `
    export const kind${place} = pgEnum(${called("e")}, ${isLater ? '["b", "c", "a"]' : '["a", "b"]'});
    export const t${place} = pgTable(${called("t")}, {
      id: integer(${called("id")}).primaryKey(),
      v: text(${called("v")})${isLater ? '.notNull().default("x")' : ""},
      e: kind${place}(${called("ec")}).default("a"),
      ${isLater ? `w: integer(${called("w")}).notNull().default(1),` : ""}
    }, (t) => [
      index(${called("ix")}).on(t.v),
      ${isLater ? `uniqueIndex(${called("ux")}).on(t.w, t.id),` : ""}
      check(${called("ck")}, sql\`\${t.id} > 0\`),
      unique(${called("uq")}).on(t.v, t.id),
    ]);`;
  });
  return `
    import { sql } from "drizzle-orm";
    import { check, index, integer, pgEnum, pgTable, text, unique, uniqueIndex } from "drizzle-orm/pg-core";
    ${tables.join("")}`;
}

const long = "n23456789_".repeat(6);

test("names with quotes, comments, blanks, letters beyond A to Z and of full length go up, down and up again on both dialects, and their changes, too", () =>
  withFolder(async (folder) => {
    await mkdir(join(folder, "drizzle"));
    const project = openProject(folder);
    for (const isLater of [false, true]) {
      const names = ["q'q b\\b.", "/*c %s{}", "select ", "é".repeat(28), "ÄSſ İıK\u00a0", long];
      await project.write("schema.ts", schemaOf(names, isLater));
      const args = ["generate", "Next", "--prove-url", await sharedPostgres(15), "--json"];
      const result = await project.run(args);
      assert.equal(result.code, 0, result.stdout + result.stderr);
      assert.deepEqual(result.json<{ proven: readonly string[] }>().proven, ["sqlite", "postgresql"]);
    }
  }));

// A beginning of all names, the dialect, and what is said.
const refused = [
  ['q"q', "postgresql", /the name of a table has "\\"" in it/],
  ["b`b", "sqlite", /the name of a table has "`" in it/],
  ["a\nb", "postgresql", /has "\\n" in it/],
  ["a,b", "postgresql", /has "," in it/],
  ["a;b", "sqlite", /has ";" in it/],
  ["a--b", "postgresql", /has "--" in it/],
  ["a[]", "postgresql", /"a\[\]e": the name of an enum type has "\[" in it/],
  ["harbor_drif", "postgresql", /"harbor_drift": the name of a table is that of a table of harbor-db's own/],
  ["x".repeat(62), "postgresql", /the name of a column of x+t is longer than the 63 bytes/],
  ["a(b", "sqlite", /has a parenthesis in it/],
] as const satisfies readonly (readonly [string, Dialect, RegExp])[];
for (const [name, dialect, said] of refused) {
  test(`a schema for ${dialect} with names like ${JSON.stringify(name).slice(0, 20)} is refused by name`, () =>
    withFolder(async (folder) => {
      await writeFile(join(folder, "schema.ts"), schemaOf([name]));
      const schema = await loadSchema(join(folder, "schema.ts"));
      const error = await rejectsWith("bad_schema", (async () => await schema.tablesFor(dialect))());
      assert.match(error.message, said);
    }));
}

// What fails only when the tables are read, on the fifth line.
const failing = [
  [
    "a reference",
    "references(() => { throw new Error('no such'); })",
    "",
    /schema\.ts:5": .*cannot be read: no such/,
  ],
  [
    "the callback of a table",
    "notNull()",
    "() => { throw new Error('no such'); }",
    /schema\.ts:5": .*: no such/,
  ],
  ["an index", "notNull()", "(t) => [index('i').on((t as any).typo)]", /schema\.ts:5": .*cannot be read/],
] as const;
for (const [what, column, extras, said] of failing) {
  test(`a schema.ts of which ${what} fails is refused with its line`, () =>
    withFolder(async (folder) => {
      await writeFile(
        join(folder, "schema.ts"),
        `import { index, integer, pgTable } from "drizzle-orm/pg-core";
        void index;
        export const other = 1;
        export const t =
          pgTable("t", { a: integer().${column} }${extras === "" ? "" : `, ${extras}`});`,
      );
      const read = async () => (await loadSchema(join(folder, "schema.ts"))).tablesFor("postgresql");
      assert.match((await rejectsWith("bad_schema", read())).message, said);
    }));
}

// Tables of which SQLite would make names one, and what is said.
const alike: readonly (readonly [what: string, exported: readonly unknown[], said: RegExp])[] = [
  [
    "columns",
    [pg.pgTable("t", { a: pg.text("X"), b: pg.text("x") })],
    /"x": the name of a column of t is that of "X"/,
  ],
  [
    "tables",
    [pg.pgTable("t", { a: pg.text() }), pg.pgTable("T", { a: pg.text() })],
    /"T": the name of a table is .* "t"/,
  ],
  [
    "indexes",
    [
      pg.pgTable("t", { a: pg.text() }, ({ a }) => [pg.index("IX").on(a)]),
      pg.pgTable("u", { a: pg.text() }, ({ a }) => [pg.index("ix").on(a)]),
    ],
    /"ix": the name of an index of u is that of "IX" to SQLite/,
  ],
  [
    "a unique constraint and an index",
    [
      pg.pgTable("t", { a: pg.text().unique("UQ") }),
      pg.pgTable("u", { a: pg.text() }, ({ a }) => [pg.uniqueIndex("uq").on(a)]),
    ],
    /"uq": the name of an index of u is that of "UQ" to SQLite/,
  ],
  [
    "a view and a table",
    [pg.pgTable("V", { a: pg.text() }), pg.pgView("v", { a: pg.text() }).as(sql`SELECT 'x' AS a`)],
    /"v": the name of a view is that of "V" to SQLite/,
  ],
];
for (const [what, exported, said] of alike) {
  test(`${what} whose names differ in capitals alone are refused on SQLite, and PostgreSQL has both`, async () => {
    const schema = readExports("schema.ts", { all: { ...exported } });
    assert.notEqual(schema.tablesFor("postgresql"), null);
    const error = await rejectsWith("bad_schema", (async () => await schema.tablesFor("sqlite"))());
    assert.match(error.message, said);
  });
}

test("names of letters beyond A to Z, of columns by their casing and of checks are told apart as SQLite does", () => {
  const apart = lite.sqliteTable("ÄRGER", { a: lite.text("Ä"), b: lite.text("ä") }, ({ a }) => [
    lite.check("c", sql`${a} <> ''`),
    lite.check("C", sql`${a} <> 'x'`),
  ]);
  const other = lite.sqliteTable("ärger", { userId: lite.text(), userid: lite.text() });
  const exported = { apart, other, casing: "snake_case" };
  assert.notEqual(readExports("schema.ts", exported).tablesFor("sqlite"), null);
});

// Two things of one name, in tables of SQLite's own.
const twice: readonly (readonly [what: string, exported: readonly unknown[], said: RegExp])[] = [
  [
    "columns",
    [lite.sqliteTable("t", { userId: lite.text(), user_id: lite.text() })],
    /"user_id": a column of t/,
  ],
  ["views", [
    lite.sqliteTable("t", { a: lite.text() }),
    lite.sqliteView("t", { a: lite.text() }).as(sql`SELECT 'x' AS a`),
  ], /"t": a view has that name/],
  ["checks", [
    lite.sqliteTable("t", { a: lite.text() }, () => [lite.check("c", sql`1`), lite.check("c", sql`2`)]),
  ], /"c": a check of t has that name/],
];
for (const [what, exported, said] of twice) {
  test(`two ${what} of one name are refused`, async () => {
    const schema = readExports("schema.ts", { all: { ...exported }, casing: "snake_case" });
    const error = await rejectsWith("bad_schema", (async () => await schema.tablesFor("sqlite"))());
    assert.match(error.message, said);
  });
}
