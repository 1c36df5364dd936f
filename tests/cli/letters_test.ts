import assert from "node:assert/strict";
import { mkdir, readdir } from "node:fs/promises";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { test } from "node:test";
import { withFolder } from "../support/databases.ts";
import { openProject } from "../support/samples/schema_project.ts";

// To SQLite "Ä" and "ä" are two names, as "ı", "İ" and "I" are.
const first = `
import { check, index, integer, sqliteTable, text } from "drizzle-orm/sqlite-core";
import { sql } from "drizzle-orm";
export const size = sqliteTable("Größe", {
  id: integer().primaryKey(), big: text("Ä").notNull(), small: text("ä"), kind: text("Ärt"), value: integer("Wert"),
}, (t) => [index("ÄX").on(t.big), index("äx").on(t.small), check("Prüf", sql\`"Ärt" IN ('a', 'b')\`)]);
export const anger = sqliteTable("ÄRGER", {
  id: integer("İd").primaryKey(),
  size: integer("Größe").references(() => size.id, { onDelete: "cascade" }),
  dotless: text("ı"), plain: text("I"),
});
export const other = sqliteTable("ärger", { id: integer("ſ").primaryKey(), s: integer("S"), ä: text(), Ä: text() });
export const city = sqliteTable("İstanbul", { id: text("ÑAME").primaryKey(), more: text("ñame") });
`;

/** Copies tables, with a new name of a table and a column, a column that goes, two that come and others that must have values. */
const second = `
import { check, index, integer, sqliteTable, text, uniqueIndex } from "drizzle-orm/sqlite-core";
import { sql } from "drizzle-orm";
export const size = sqliteTable("Größe", {
  id: integer().primaryKey(), big: text("Ä"), kind: text("Ärt").notNull(), value: integer("Wert"),
  added: integer("Öl").notNull().default(3),
}, (t) => [
  index("ÄX").on(t.big), uniqueIndex("äx").on(sql\`lower("Ärt")\`, t.id), check("Prüf", sql\`"Ärt" IN ('a', 'b')\`),
]);
export const anger = sqliteTable("ÄRGER", {
  id: integer("İd").primaryKey(),
  size: integer("GRÖSSE").references(() => size.id, { onDelete: "cascade" }),
  dotless: text("ı").notNull().default("-"), plain: text("I"), filled: text("Ĝ"),
});
export const other = sqliteTable("ärger", { id: integer("ſ").primaryKey(), s: integer("S"), Ä: text() });
export const city = sqliteTable("ISTANBUL", { id: text("ÑAME").primaryKey(), more: text("ñame") });
`;

const rows: Readonly<Record<string, readonly Readonly<Record<string, string | number | null>>[]>> = {
  "Größe": [
    { id: 1, "Ä": "G1", "ä": "k1", "Ärt": null, Wert: 10 },
    { id: 2, "Ä": "G2", "ä": "k2", "Ärt": "b", Wert: null },
  ],
  "ÄRGER": [{ "İd": 1, "Größe": 1, "ı": null, I: "P" }, { "İd": 2, "Größe": 2, "ı": "q", I: "P" }],
  "ärger": [{ "ſ": 1, S: 2, "ä": "klein", "Ä": "groß" }],
  "İstanbul": [{ "ÑAME": "a", "ñame": "b" }],
};

test("names of letters beyond A to Z go through every command as SQLite tells them apart", () =>
  withFolder(async (cwd) => {
    const project = openProject(cwd);
    await mkdir(join(cwd, "drizzle"));
    const file = (name: string) => new DatabaseSync(join(cwd, name));
    const contents = () => {
      const database = file("x.db");
      const read = Object.keys(rows).map((name) => {
        const found = database.prepare(`SELECT * FROM "${name}"`).all();
        return [name, found.map((row) => ({ ...row }))];
      });
      database.close();
      return Object.fromEntries(read);
    };
    const run = async (command: string, ...more: readonly string[]) => {
      const args = [...command.split(" "), ...more, "--json", "--database-url", "sqlite:///x.db"];
      const result = await project.run(args);
      assert.equal(result.code, 0, `${command}\n${result.stdout}${result.stderr}`);
      return result.json<Readonly<Record<string, unknown>>>();
    };
    const isHealthy = () => run("verify");

    await project.write("schema.ts", first);
    await run("generate First");
    await run("upgrade");
    const made = file("x.db");
    for (const [name, all] of Object.entries(rows)) {
      for (const row of all) {
        const names = Object.keys(row).map((each) => `"${each}"`);
        made.prepare(`INSERT INTO "${name}" (${names}) VALUES (${names.map(() => "?")})`).run(
          ...Object.values(row),
        );
      }
    }
    made.close();

    await project.write("schema.ts", second);
    const renames = ["ÄRGER.Größe=ÄRGER.GRÖSSE", "İstanbul=ISTANBUL"].flatMap((
      each,
    ) => ["--rename", each]);
    await run("generate Second --no-rename", ...renames, "--fill", "Größe.Ärt='a'", "--fill", "ÄRGER.ı='-'");
    await run("create Fill");
    const fill = (await readdir(join(cwd, "drizzle/sqlite"))).find((name) => name.endsWith("_fill.sql"))!;
    await project.write(
      `drizzle/sqlite/${fill}`,
      `-- harbor:backfill table=ÄRGER key=İd\nUPDATE "ÄRGER" SET "Ĝ" = 'x' WHERE "Ĝ" IS NULL;\n`,
    );
    await project.write(
      `drizzle/sqlite/${fill.replace(".sql", ".down.sql")}`,
      `-- harbor:backfill table=ÄRGER key=İd\nUPDATE "ÄRGER" SET "Ĝ" = NULL WHERE "Ĝ" IS NOT NULL;\n`,
    );
    const { steps } = await run("upgrade") as { steps: readonly { backfills: readonly unknown[] }[] };
    assert.deepEqual(steps.map(({ backfills }) => backfills.length), [0, 1]);
    await isHealthy();
    const { kept } = await run("kept list") as { kept: readonly { table: string; columns: string[] }[] };
    assert.deepEqual(
      kept.map(({ table, columns }) => `${table}: ${columns.join()}`),
      ["Größe: ä", "Größe: Ärt", "ÄRGER: ı", "ärger: ä", "ÄRGER: Ĝ"],
    );

    await run("downgrade -2 --yes");
    assert.deepEqual(contents(), rows);
    const { backup } = await run("backup") as { backup: { path: string } };
    await run("upgrade");
    await run("restore", backup.path, "--yes");
    assert.deepEqual(contents(), rows);

    const taken = file("x.db");
    for (const { name } of taken.prepare("SELECT name FROM sqlite_schema WHERE name GLOB 'harbor_*'").all()) {
      taken.exec(`DROP TABLE IF EXISTS "${name}"`);
    }
    taken.exec(`DROP INDEX "ÄX"; UPDATE "Größe" SET "Ärt" = 'a' WHERE "Ärt" IS NULL`);
    taken.close();
    const { stamped } = await run("adopt --yes") as { stamped: string };
    assert.notEqual(stamped, null);
    await isHealthy();
    await run("upgrade");
    await isHealthy();
  }));
