import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import {
  generateDrizzleJson,
  generateMigration,
  generateSQLiteDrizzleJson,
  generateSQLiteMigration,
} from "drizzle-kit/api";
import {
  boolean,
  datetime,
  id,
  integer,
  postgresql,
  postgresqlTables,
  sqlite,
  sqliteTables,
  type Table,
  table,
  text,
  varchar,
} from "../../schema.ts";
import { projectFile } from "../support/project.ts";

/** The DDL that drizzle-kit makes of tables, without white space that means nothing. */
async function sqliteDdl(tables: readonly Table[]): Promise<readonly string[]> {
  const [from, to] = [
    await generateSQLiteDrizzleJson({}),
    await generateSQLiteDrizzleJson(sqliteTables(tables)),
  ];
  return (await generateSQLiteMigration(from, to)).map(oneLine);
}

async function postgresqlDdl(tables: readonly Table[]): Promise<readonly string[]> {
  const [from, to] = [generateDrizzleJson({}), generateDrizzleJson(postgresqlTables(tables))];
  return (await generateMigration(from, to)).map(oneLine);
}

function oneLine(text: string): string {
  return text.replaceAll(/\s+/g, " ").replaceAll("( ", "(").replaceAll(" )", ")").trim();
}

function lastSnapshot(dialect: "sqlite" | "postgresql"): string {
  const journal = JSON.parse(readFileSync(projectFile(`drizzle/${dialect}/meta/_journal.json`), "utf8"));
  const revision = journal.entries.at(-1).tag.slice(0, 12);
  return readFileSync(projectFile(`drizzle/${dialect}/meta/${revision}_snapshot.json`), "utf8");
}

test("schema.ts is, byte for byte, what the last revision leaves behind", async () => {
  const engines = {
    sqlite: await generateSQLiteDrizzleJson(sqlite),
    postgresql: generateDrizzleJson(postgresql),
  };
  for (const dialect of ["sqlite", "postgresql"] as const) {
    const stored = lastSnapshot(dialect);
    const { id, prevId } = JSON.parse(stored);
    assert.equal(stored, `${JSON.stringify({ ...engines[dialect], id, prevId }, null, 2)}\n`);
  }
});

const owners = table("owners", { id: id() });

// One row a word: the column, and its line in the DDL of both dialects.
const words = [
  ["id", id(), "`c` INTEGER PRIMARY KEY NOT NULL", '"c" serial PRIMARY KEY NOT NULL'],
  ["integer", integer(), "`c` INTEGER", '"c" integer'],
  ["boolean", boolean(), "`c` BOOLEAN", '"c" boolean'],
  ["datetime", datetime(), "`c` DATETIME", '"c" timestamp'],
  ["text", text(), "`c` TEXT", '"c" text'],
  ["varchar", varchar(36), "`c` VARCHAR(36)", '"c" varchar(36)'],
  ["notNull", text().notNull(), "`c` TEXT NOT NULL", '"c" text NOT NULL'],
  ["default of text", text().default("it's"), "`c` TEXT DEFAULT 'it''s'", `"c" text DEFAULT 'it''s'`],
  ["default of a number", integer().default(-1), "`c` INTEGER DEFAULT -1", '"c" integer DEFAULT -1'],
  ["default of a boolean", boolean().default(true), "`c` BOOLEAN DEFAULT 1", '"c" boolean DEFAULT true'],
  ["default false", boolean().default(false), "`c` BOOLEAN DEFAULT 0", '"c" boolean DEFAULT false'],
  [
    "default by expression",
    varchar(36).notNull().default({
      sqlite: "lower(hex(randomblob(16)))",
      postgresql: "gen_random_uuid()",
    }),
    "`c` VARCHAR(36) DEFAULT (lower(hex(randomblob(16)))) NOT NULL",
    '"c" varchar(36) DEFAULT gen_random_uuid() NOT NULL',
  ],
  [
    "oneOf",
    text().oneOf("local", "r2's"),
    "`c` TEXT, CONSTRAINT \"t_c_check\" CHECK(\"c\" IN ('local', 'r2''s'))",
    `"c" text, CONSTRAINT "t_c_check" CHECK ("c" IN ('local', 'r2''s'))`,
  ],
] as const;
for (const [word, column, inSqlite, inPostgresql] of words) {
  test(`schema.ts: ${word}`, async () => {
    const tables = [table("t", { c: column })];
    assert.deepEqual(await sqliteDdl(tables), [`CREATE TABLE \`t\` (${inSqlite});`]);
    assert.deepEqual(await postgresqlDdl(tables), [`CREATE TABLE "t" (${inPostgresql});`]);
  });
}

// One row a word that makes a statement of its own.
const additions = [
  [
    "index",
    text().index(),
    "CREATE INDEX `ix_t_c` ON `t` (`c`);",
    'CREATE INDEX "ix_t_c" ON "t" USING btree ("c");',
  ],
  [
    "uniqueIndex",
    text().uniqueIndex(),
    "CREATE UNIQUE INDEX `ix_t_c` ON `t` (`c`);",
    'CREATE UNIQUE INDEX "ix_t_c" ON "t" USING btree ("c");',
  ],
] as const;
for (const [word, column, inSqlite, inPostgresql] of additions) {
  test(`schema.ts: ${word}`, async () => {
    const tables = [table("t", { c: column })];
    assert.equal((await sqliteDdl(tables)).at(-1), inSqlite);
    assert.equal((await postgresqlDdl(tables)).at(-1), inPostgresql);
  });
}

test("schema.ts: references", async () => {
  const tables = [table("t", { c: integer().references(owners) }), owners];
  assert.match(
    (await sqliteDdl(tables))[0]!,
    /FOREIGN KEY \(`c`\) REFERENCES `owners`\(`id`\) ON UPDATE no action ON DELETE no action/,
  );
  assert.match(
    (await postgresqlDdl(tables)).at(-1)!,
    /^ALTER TABLE "t" ADD CONSTRAINT "t_c_fkey" FOREIGN KEY \("c"\) REFERENCES "public"\."owners"\("id"\)/,
  );
});

test("schema.ts refuses a reference to a table that is not in the list", () => {
  const tables = [table("t", { c: integer().references(owners) })];
  assert.throws(() => generateDrizzleJson(postgresqlTables(tables)), /Cannot refer to "owners"/);
});

test("schema.ts: a word leaves the column that it was said of as it was", async () => {
  const name = varchar(20);
  name.notNull().index();
  assert.deepEqual(await postgresqlDdl([table("t", { name })]), ['CREATE TABLE "t" ("name" varchar(20));']);
});

test("schema.ts works alone: it imports nothing but drizzle-orm", () => {
  const source = readFileSync(projectFile("schema.ts"), "utf8");
  const imports = [...source.matchAll(/\bfrom "([^"]+)"|\bimport\("([^"]+)"\)/g)].map((match) =>
    match[1] ?? match[2]
  );
  assert.deepEqual(imports, ["drizzle-orm", "drizzle-orm/pg-core", "drizzle-orm/sqlite-core"]);
});
