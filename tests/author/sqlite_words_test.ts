import assert from "node:assert/strict";
import { DatabaseSync } from "node:sqlite";
import { is, sql } from "drizzle-orm";
import * as pg from "drizzle-orm/pg-core";
import * as lite from "drizzle-orm/sqlite-core";
import { test } from "node:test";
import { loadDrizzleEngine } from "../../src/author/project/drizzle_engine.ts";
import { generateBetween, tablesFor } from "../support/samples/two_revisions.ts";
import { inMemory, prove } from "../support/prove_engines.ts";

// Changes by words that SQLite's own tables have, or in which its names count otherwise: generated, run up, down and up again.

/** A table of which a check or an index names a generated column in other letters, or without quotes. */
function made(as: string, check: string, index = "a"): lite.SQLiteTable {
  const big = lite.integer("Big").generatedAlwaysAs(sql.raw(as), { mode: "virtual" });
  return lite.sqliteTable("t", { id: lite.integer().primaryKey(), a: lite.integer(), big }, () => [
    lite.check("c", sql.raw(check)),
    lite.index("ix").on(sql.raw(index)),
  ]);
}

const numbered = lite.sqliteTable("t", {
  id: lite.integer().primaryKey({ autoIncrement: true }),
  code: lite.text().notNull(),
});

const plain = lite.sqliteTable("t", { id: lite.integer().primaryKey() });
const checked = lite.sqliteTable(
  "t",
  { id: lite.integer().primaryKey(), low: lite.integer(), high: lite.integer() },
  () => [lite.check("c", sql`low <= HIGH`)],
);

const changes: readonly (readonly [what: string, before: lite.SQLiteTable, after: lite.SQLiteTable])[] = [
  ["a made column that a check names without quotes", made("a + 1", "Big > 0"), made("a + 2", "Big > 0")],
  ["a made column that a check names in other letters", made("a + 1", "bIG > 0"), made("a + 2", "bIG > 0")],
  [
    "a made column that an index names in other letters",
    made("a + 1", "a > 0", 'abs("BIG")'),
    made("a + 2", "a > 0", 'abs("BIG")'),
  ],
  ["two columns that come with a check that names one in other letters", plain, checked],
  [
    "expressions with the signs that drizzle-kit cuts at",
    plain,
    lite.sqliteTable("t", { id: lite.integer().primaryKey(), a: lite.text() }, (t) => [
      lite.index("ix").on(sql`coalesce(a, ';', '--')`, t.id).where(sql`a <> ';--,'`),
      lite.check("c", sql`a <> ';--' and ${t.id} not in (-5, 7)`),
    ]),
  ],
  [
    "a key with AUTOINCREMENT that goes, and one of a column that is there",
    numbered,
    lite.sqliteTable("t", { code: lite.text().primaryKey() }),
  ],
];

for (const [what, before, after] of changes) {
  test(`generate changes ${what}, up, down and up again (${inMemory.name})`, async () => {
    const ofSqlite = (table: lite.SQLiteTable) => ({ sqlite: tablesFor("sqlite", [table]), postgresql: {} });
    const { history } = await generateBetween(ofSqlite(before), ofSqlite(after));
    await prove(history("sqlite"), inMemory.scratch);
  });
}

// What a column's default is to be in the script: what the program would put there as a parameter.
const defaults: readonly (readonly [table: unknown, written: string])[] = [
  [lite.sqliteTable("t", { c: lite.blob({ mode: "bigint" }).default(5n) }), "x'35'"],
  [
    lite.sqliteTable("t", { c: lite.blob({ mode: "json" }).default({ a: "it's" }) }),
    "x'7b2261223a2269742773227d'",
  ],
  [
    lite.sqliteTable("t", { c: lite.numeric({ mode: "bigint" }).default(9007199254740993n) }),
    "9007199254740993",
  ],
  [lite.sqliteTable("t", { c: lite.text({ mode: "json" }).default({ a: "it's" }) }), `'{"a":"it''s"}'`],
  [lite.sqliteTable("t", { c: lite.integer({ mode: "timestamp" }).default(new Date(5_000)) }), "5"],
  [lite.sqliteTable("t", { c: lite.integer({ mode: "timestamp_ms" }).default(new Date(5_000)) }), "5000"],
  [pg.pgTable("t", { c: pg.line().default([1, 2, 3]) }), "'{1,2,3}'"],
  [pg.pgTable("t", { c: pg.point({ mode: "xy" }).default({ x: 1.5, y: 2 }) }), "'(1.5,2)'"],
  [pg.pgTable("t", { c: pg.vector({ dimensions: 2 }).default([1, 2]) }), "'[1,2]'"],
];
test("generate writes the defaults that drizzle-kit writes wrong as their columns put them into statements", async () => {
  const engine = await loadDrizzleEngine();
  for (const [table, written] of defaults) {
    const dialect = is(table, lite.SQLiteTable) ? "sqlite" : "postgresql";
    const snapshot = await engine.snapshot(dialect, tablesFor(dialect, [table]));
    assert.deepEqual(Object.values(snapshot.tables).map(({ columns }) => columns["c"]?.default), [written]);
  }
});

// As snapshots of drizzle-kit 1.0 say them; 0.31 makes indexes of them.
for (const name of ["t_id_unique", "tags-of id", "select"]) {
  test(`a new table of SQLite's has a UNIQUE constraint that is called ${name}`, async () => {
    const engine = await loadDrizzleEngine();
    const to = await engine.snapshot("sqlite", { plain });
    const t = { ...to.tables["t"]!, uniqueConstraints: { [name]: { name, columns: ["id"] } } };
    const sql = await engine.difference({ ...to, tables: {} }, { ...to, tables: { t } });
    const database = new DatabaseSync(":memory:");
    database.exec(sql.join("\n"));
    assert.match(sql.join(), new RegExp(`CONSTRAINT "${name}" UNIQUE`));
  });
}
