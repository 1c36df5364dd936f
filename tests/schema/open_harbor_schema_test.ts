import assert from "node:assert/strict";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { loadDrizzleEngine } from "../../src/author/project/drizzle_engine.ts";
import { renderJson } from "../../src/author/generate.ts";
import { loadSchema } from "../../src/author/project/load_schema.ts";
import { readProject } from "../../src/author/project/read_project.ts";
import { withFolder } from "../support/databases.ts";
import { rejectsWith } from "../support/harbor_error.ts";
import { projectFile } from "../support/project.ts";

const engine = await loadDrizzleEngine();

async function lastRevision(dialect: "sqlite" | "postgresql"): Promise<string> {
  const journal = JSON.parse(await readFile(projectFile(`drizzle/${dialect}/meta/_journal.json`), "utf8"));
  return journal.entries.at(-1).tag.slice(0, 12);
}

for (const dialect of ["sqlite", "postgresql"] as const) {
  test(`schema.ts is, byte for byte, what the last revision leaves behind on ${dialect}`, async () => {
    const path = `drizzle/${dialect}/meta/${await lastRevision(dialect)}_snapshot.json`;
    const stored = await readFile(projectFile(path), "utf8");
    const { id, prevId } = JSON.parse(stored);
    const schema = await loadSchema(projectFile("schema.ts"));
    const made = await engine.snapshot(dialect, schema.tablesFor(dialect)!);
    assert.equal(renderJson({ ...made, id, prevId }), stored);
  });
}

test("schema.ts works alone: it imports nothing but what harbor-db brings along", async () => {
  const source = await readFile(projectFile("schema.ts"), "utf8");
  const imports = [...source.matchAll(/\bfrom "([^"]+)"|\bimport\("([^"]+)"\)/g)].map((match) =>
    match[1] ?? match[2]
  );
  assert.deepEqual(imports, ["drizzle-orm", "drizzle-orm/pg-core"]);
});

const pgFile = 'import { integer, pgTable } from "drizzle-orm/pg-core";\n' +
  'export const boats = pgTable("boats", { id: integer().primaryKey() });\n';
const sqliteFile = 'import { integer, sqliteTable } from "drizzle-orm/sqlite-core";\n' +
  'export const boats = sqliteTable("boats", { id: integer().primaryKey({ autoIncrement: true }) });\n';
const arrayFile = 'import { pgTable, text } from "drizzle-orm/pg-core";\n' +
  'export const boats = pgTable("boats", { names: text().array() });\n';

interface Layout {
  readonly files: Readonly<Record<string, string>>;
  /** Dialects of which there is a history. */
  readonly histories?: readonly string[];
}

/** Returns the dialects that a project is for, and the type of the first column of each. */
function readLayout({ files, histories = [] }: Layout): Promise<Readonly<Record<string, unknown>>> {
  return withFolder(async (folder) => {
    for (const [name, text] of Object.entries(files)) await writeFile(join(folder, name), text);
    for (const dialect of histories) {
      await mkdir(join(folder, "drizzle", dialect, "meta"), { recursive: true });
      const journal = { version: "7", dialect, entries: [] };
      await writeFile(join(folder, "drizzle", dialect, "meta/_journal.json"), JSON.stringify(journal));
    }
    const paths = { dir: join(folder, "drizzle"), schemaFile: join(folder, "schema.ts") };
    const parts = await readProject(paths, engine);
    return Object.fromEntries(parts.map(({ dialect, to }) => {
      const [table] = Object.values(to.tables);
      const [column] = Object.values(table!.columns);
      return [dialect, (column as { readonly autoincrement?: boolean }).autoincrement ?? column!.type];
    }));
  });
}

// One row a layout: the files, and the dialects with what tells whose table it is.
const layouts:
  readonly (readonly [what: string, layout: Layout, expected: Readonly<Record<string, unknown>>])[] = [
    ["tables of PostgreSQL are tables of SQLite, too", { files: { "schema.ts": pgFile } }, {
      sqlite: false,
      postgresql: "integer",
    }],
    [
      "two ordinary files, one a dialect, are read as they are",
      {
        files: {
          "schema.ts":
            'export * as sqlite from "./schema.sqlite.ts";\nexport * as postgresql from "./schema.pg.ts";\n',
          "schema.sqlite.ts": sqliteFile,
          "schema.pg.ts": pgFile,
        },
      },
      { sqlite: true, postgresql: "integer" },
    ],
    [
      "tables of both dialects in objects are read as they are",
      {
        files: {
          "schema.ts":
            'import * as a from "./schema.sqlite.ts";\nimport * as b from "./schema.pg.ts";\nexport const sqlite = { ...a };\nexport const postgresql = { ...b };\n',
          "schema.sqlite.ts": sqliteFile,
          "schema.pg.ts": pgFile,
        },
      },
      { sqlite: true, postgresql: "integer" },
    ],
    ["tables of SQLite alone are for SQLite alone", { files: { "schema.ts": sqliteFile } }, { sqlite: true }],
    [
      "tables of PostgreSQL with a history of PostgreSQL alone stay so",
      { files: { "schema.ts": arrayFile }, histories: ["postgresql"] },
      { postgresql: "text[]" },
    ],
    [
      "dialects says that they are for PostgreSQL alone",
      { files: { "schema.ts": `${arrayFile}export const dialects = ["postgresql"];\n` } },
      { postgresql: "text[]" },
    ],
    [
      "dialects says that they are for SQLite alone",
      { files: { "schema.ts": `${pgFile}export const dialects = ["sqlite"] as const;\n` } },
      { sqlite: false },
    ],
  ];
for (const [what, layout, expected] of layouts) {
  test(`a project: ${what}`, async () => assert.deepEqual(await readLayout(layout), expected));
}

// One row a layout that is refused.
const refusals: readonly (readonly [what: string, layout: Layout, state: RegExp])[] = [
  ["what SQLite cannot have", { files: { "schema.ts": arrayFile } }, /"boats\.names": SQLite has no arrays/],
  [
    "a history of a dialect without tables",
    { files: { "schema.ts": sqliteFile }, histories: ["sqlite", "postgresql"] },
    /no tables for postgresql, and ".*" has a history/,
  ],
  [
    "a dialect without tables",
    { files: { "schema.ts": `${sqliteFile}export const dialects = ["sqlite", "postgresql"];\n` } },
    /no tables for postgresql, and names it in dialects/,
  ],
];
for (const [what, layout, state] of refusals) {
  test(`a project: refuses ${what}`, async () => {
    assert.match((await rejectsWith("bad_schema", readLayout(layout))).message, state);
  });
}

test("a schema.ts in a folder without packages gets harbor-db's words, perDialect among them", () =>
  withFolder(async (folder) => {
    const path = join(folder, "schema.ts");
    await writeFile(
      path,
      'import { sql } from "drizzle-orm";\nimport { pgTable, text } from "drizzle-orm/pg-core";\n' +
        'import { bytea, perDialect } from "harbor-db";\n' +
        "const made = perDialect({ sqlite: sql`hex(randomblob(4))`, postgresql: sql`md5('')` });\n" +
        'export const boats = pgTable("boats", { token: text().default(made), flag: bytea() });\n',
    );
    const { tables } = await engine.snapshot("sqlite", (await loadSchema(path)).tablesFor("sqlite")!);
    const { token, flag } = tables["boats"]!.columns;
    assert.deepEqual([token!.default, flag!.type], ["(hex(randomblob(4)))", "BLOB"]);
  }));
