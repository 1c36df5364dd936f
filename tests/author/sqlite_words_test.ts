import { sql } from "drizzle-orm";
import * as lite from "drizzle-orm/sqlite-core";
import { test } from "node:test";
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
