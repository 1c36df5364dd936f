import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { test } from "node:test";
import { runHere } from "../support/run_here.ts";
import { withFolder } from "../support/databases.ts";
import {
  openProject,
  type SchemaProject,
  withSchemaProject,
  withUnreleasedProject,
} from "../support/samples/schema_project.ts";
import { sharedPostgres, withFreshPostgres } from "../support/servers/postgres_server.ts";

const lastColumn = "medium_path: varchar({ length: 500 }),";

/** Adds a column to files in schema.ts, and what the table has beside its columns. */
async function addColumn(
  project: SchemaProject,
  column: string,
  ...extras: readonly string[]
): Promise<void> {
  await project.edit(lastColumn, `${lastColumn}\n  ${column},`);
  const last = 'check("files_storage_backend_check"';
  if (extras.length > 0) await project.edit(last, `${extras.join(",\n  ")},\n  ${last}`);
}

/** Returns the files that a command adds to drizzle/. */
async function added(
  project: SchemaProject,
  before: Readonly<Record<string, string>>,
): Promise<readonly string[]> {
  return Object.keys(await project.files()).filter((path) => before[path] === undefined);
}

interface Generated {
  readonly ok: boolean;
  readonly changed: boolean;
  readonly revision: { readonly revision: string; readonly name: string; readonly parent: string } | null;
  readonly files: readonly string[];
  readonly losses: { readonly upgrade: readonly string[]; readonly downgrade: readonly string[] };
  readonly proven: readonly string[];
  readonly starts: readonly { readonly dialect: string; readonly revisions: readonly string[] }[];
  readonly unproven: readonly string[];
}

test("generate writes a revision for both dialects beside a schema.ts without node_modules", () =>
  withUnreleasedProject(async (project) => {
    const before = await project.files();
    const parent = JSON.parse(before["sqlite/meta/_journal.json"]!).entries.at(-1).tag.slice(0, 12);
    await addColumn(project, "note: varchar({ length: 40 })");

    const whole = await project.read("schema.ts");
    const prints = 'console.log("log"); console.table([1]); process.stdout.write("out\\n");\n';
    await project.write("schema.ts", prints + whole);
    const check = await project.run(["generate", "--check", "--json"]);
    // What schema.ts or drizzle-kit prints is no part of the document.
    assert.match(check.stderr, /^log\n[^]*out\n/);
    assert.equal(check.code, 3, check.stdout + check.stderr);
    assert.deepEqual(await project.files(), before, "--check wrote something");

    const result = await project.run(["generate", "Add notes to files", "--json"]);
    assert.equal(result.code, 0, result.stdout + result.stderr);
    const { revision, losses, proven, starts, unproven } = result.json<Generated>();
    const { revision: id } = revision!;
    assert.match(id, /^[0-9a-f]{12}$/);
    assert.deepEqual([revision!.name, revision!.parent], ["Add notes to files", parent]);
    assert.deepEqual(losses, {
      upgrade: [],
      downgrade: [
        "Drops files.note with what it holds.",
        "Where harbor-db did not keep it (--no-keep, another migrator), only a backup brings that back.",
      ],
    });
    assert.deepEqual([proven, unproven], [["sqlite"], ["postgresql"]]);
    const tags: readonly { tag: string }[] = JSON.parse(before["sqlite/meta/_journal.json"]!).entries;
    const all = ["base", ...tags.map(({ tag }) => tag.slice(0, 12))];
    assert.deepEqual(starts, [{ dialect: "sqlite", revisions: all }]);
    assert.deepEqual(await added(project, before), [
      `postgresql/${id}_add_notes_to_files.down.sql`,
      `postgresql/${id}_add_notes_to_files.sql`,
      `postgresql/meta/${id}_snapshot.json`,
      `sqlite/${id}_add_notes_to_files.down.sql`,
      `sqlite/${id}_add_notes_to_files.sql`,
      `sqlite/meta/${id}_snapshot.json`,
    ]);
    const files = await project.files();
    assert.equal(
      files[`sqlite/${id}_add_notes_to_files.sql`],
      "-- Add notes to files\nALTER TABLE `files` ADD `note` VARCHAR(40);\n",
    );
    assert.equal(
      files[`postgresql/${id}_add_notes_to_files.down.sql`],
      "-- Add notes to files\n-- Drops files.note with what it holds.\n-- Where harbor-db did not keep it (--no-keep, another migrator), only a backup brings that back.\n" +
        'ALTER TABLE "files" DROP COLUMN "note";\n',
    );

    const again = await project.run(["generate", "Nothing"]);
    assert.deepEqual([again.code, again.stdout], [0, "nothing to do: schema.ts and the history agree\n"]);
    assert.equal((await project.run(["generate", "--check"])).code, 0);
    assert.deepEqual(await project.files(), files);
    const status = await project.run(["status", "--dir", "drizzle", "--json"]);
    assert.equal(status.json<{ head: string }>().head, id);
    const checked = await project.run(["check"]);
    assert.equal(checked.code, 0, checked.stdout + checked.stderr);
  }));

test("generate writes the same bytes in another folder, and the application's own id and time when told", async () => {
  const generate = () =>
    withSchemaProject(async (project) => {
      await addColumn(
        project,
        'kind: varchar({ length: 9 }).notNull().default("a")',
        "check(\"files_kind_check\", sql`${files.kind} IN ('a', 'b')`)",
        'index("ix_files_kind").on(files.kind)',
      );
      const args = ["generate", "Add kinds", "--created-at", "2030-01-02 03:04:05.678901"];
      const result = await project.run(args);
      assert.equal(result.code, 0, result.stderr);
      return await project.files();
    });
  const [once, again] = [await generate(), await generate()];
  assert.deepEqual(once, again);
  assert.equal(
    JSON.parse(once["sqlite/meta/_journal.json"]!).entries.at(-1).when,
    Date.UTC(2030, 0, 2, 3, 4, 5, 678),
  );
});

test("generate proves on the PostgreSQL server that it is given, and leaves nothing there", () =>
  withSchemaProject(async (project) => {
    const url = await sharedPostgres(15);
    await addColumn(
      project,
      'note: text().notNull().default("x")',
      'uniqueIndex("ix_files_note").on(files.note)',
    );
    // Two rows with one value: the unique index cannot be built.
    const refused = await project.run(["generate", "Add notes", "--json", "--prove-url", url]);
    assert.equal(refused.code, 1, refused.stdout);
    assert.match(
      refused.json<{ error: { message: string } }>().error.message,
      /UNIQUE constraint failed: files\.note/,
    );
    await project.edit('uniqueIndex("ix_files_note")', 'index("ix_files_note")');
    const result = await project.run(["generate", "Add notes", "--json", "--database-url", url]);
    assert.equal(result.code, 0, result.stdout);
    assert.deepEqual(result.json<Generated>().proven, ["sqlite", "postgresql"]);
    assert.ok(!result.stdout.includes("admin-secret"));
  }));

test("generate says that a user may not make the database for the proof, and writes nothing", () =>
  withSchemaProject((project) =>
    withFreshPostgres(15, async (url) => {
      await addColumn(project, "note: text()");
      const before = await project.files();
      const result = await project.run(["generate", "Add notes", "--prove-url", url, "--json"]);
      assert.equal(result.code, 1, result.stdout);
      const { code, message, hint } =
        result.json<{ error: { code: string; message: string; hint: string } }>().error;
      assert.equal(code, "check_failed");
      assert.match(message, /its user may not create a database/);
      assert.match(hint, /--prove-url/);
      assert.deepEqual(await project.files(), before);
    })
  ));

// A possible rename: the flags that settle it, and what the script then does.
const renames = [
  [
    "is a rename with --rename",
    ["--rename", "files.thumb_path=files.preview_path"],
    /RENAME COLUMN `thumb_path` TO `preview_path`/,
  ],
  ["is a drop with --no-rename", ["--no-rename"], /ADD `preview_path`[^]*DROP COLUMN `thumb_path`/],
  [
    "is both, given both",
    ["--rename", "files.medium_path=files.middle_path", "--no-rename"],
    /RENAME COLUMN `medium_path` TO `middle_path`[^]*ADD `preview_path`[^]*DROP COLUMN `thumb_path`/,
  ],
  [
    "is two renames, given twice",
    ["--rename", "files.medium_path=files.middle_path", "--rename", "files.thumb_path=files.preview_path"],
    /RENAME COLUMN `medium_path`[^]*RENAME COLUMN `thumb_path`/,
  ],
] as const;
for (const [what, flags, expected] of renames) {
  test(`a column that is gone beside one that is new ${what}`, () =>
    withSchemaProject(async (project) => {
      await project.edit("thumb_path:", "preview_path:");
      if (flags.join(" ").includes("middle_path")) await project.edit("medium_path:", "middle_path:");
      const before = await project.files();

      const asked = await runHere(["generate", "Call it preview", "--json"], { cwd: project.cwd });
      assert.equal(asked.code, 2, asked.stdout + asked.stderr);
      const { message, hint } = asked.json<{ error: { message: string; hint: string } }>().error;
      assert.match(message, /files\.thumb_path is gone and .*files\.preview_path.* (?:is|are) new/);
      assert.match(hint, /--rename files\.thumb_path=files\.preview_path.*--no-rename/);
      assert.deepEqual(await project.files(), before);

      const result = await project.run(["generate", "Call it preview", ...flags, "--json"]);
      assert.equal(result.code, 0, result.stdout + result.stderr);
      const { revision } = result.json<Generated>();
      assert.match(await project.read(`drizzle/sqlite/${revision!.revision}_call_it_preview.sql`), expected);
    }));
}

test("on a terminal generate asks whether a column was renamed, until the answer is one", () =>
  withSchemaProject(async (project) => {
    await project.edit("thumb_path:", "preview_path:");
    const result = await project.run(["generate", "Call it preview"], { tty: true, stdin: "what\n1\n" });
    assert.equal(result.code, 0, result.stdout);
    assert.match(result.stdout, /files\.thumb_path is gone from schema\.ts\. What became of it\?/);
    assert.match(result.stdout, /1 {2}it is called files\.preview_path now/);
    const [up] = Object.entries(await project.files()).filter(([path]) =>
      /^sqlite\/.*call_it_preview\.sql$/.test(path)
    );
    assert.match(up![1], /RENAME COLUMN/);
  }));

test("on a terminal generate asks what the rows that exist get", () =>
  withSchemaProject(async (project) => {
    await addColumn(project, "kind: text().notNull()");
    const result = await project.run(["generate", "Add kinds"], { tty: true, stdin: "\nupper(mime_type)\n" });
    assert.equal(result.code, 0, result.stdout);
    assert.match(result.stdout, /files\.kind must not be empty\. What do the rows that exist get/);
    const [up] = Object.entries(await project.files()).filter(([path]) =>
      /^postgresql\/.*add_kinds\.sql$/.test(path)
    );
    assert.match(up![1], /SET "kind" = upper\(mime_type\)/);
  }));

test("an enum type that is gone and one that is new are a rename once somebody says so, and then no row is written", () =>
  withFolder(async (cwd) => {
    const schema = (name: string) =>
      writeFile(
        join(cwd, "schema.ts"),
        `import { integer, pgEnum, pgTable } from "drizzle-orm/pg-core";
export const mood = pgEnum("${name}", ["sad", "glad"]);
export const people = pgTable("people", { id: integer().primaryKey(), m: mood() });`,
      );
    const run = (...args: readonly string[]) => runHere(["generate", ...args], { cwd });
    await schema("mood");
    assert.equal((await run("First", "--rev-id", "000000000001")).code, 0);
    await schema("feeling");
    const asked = await run("Second");
    assert.equal(asked.code, 2, asked.stdout);
    assert.match(asked.stderr, /mood is gone and feeling is new[^]*--rename mood=feeling; or --no-rename/);
    const typed = await openProject(cwd).run(["generate", "Second", "--rev-id", "000000000002"], {
      tty: true,
      stdin: "1\n",
    });
    assert.equal(typed.code, 0, typed.stderr);
    const script = await readFile(join(cwd, "drizzle/postgresql/000000000002_second.sql"), "utf8");
    assert.deepEqual(script.match(/^[A-Z].*/gm), [`ALTER TYPE "mood" RENAME TO "feeling";`]);
  }));

test("a NOT NULL column without a default wants a value, and the error has the flag to paste", () =>
  withSchemaProject(async (project) => {
    await addColumn(project, "kind: varchar({ length: 9 }).notNull()");
    const asked = await project.run(["generate", "Add kinds", "--json"]);
    assert.equal(asked.code, 2, asked.stdout);
    const { flags } = asked.json<{ error: { details: { flags: readonly string[] } } }>().error.details;
    assert.deepEqual(flags, [`--fill "files.kind=''"`]);
    const result = await project.run(["generate", "Add kinds", "--fill", "files.kind=''"]);
    assert.equal(result.code, 0, result.stderr);
  }));

// What is wrong: the change to schema.ts, the command line, the exit code and what is said.
const refusals = [
  ["an empty name", "", ["generate", " "], 2, /it is empty/],
  ["a name of two lines", "", ["generate", "a\nb"], 2, /more than one line/],
  ["an id that is none", "note: text()", ["generate", "x", "--rev-id", "f27"], 2, /twelve hex digits/],
  [
    "an id that is taken",
    "note: text()",
    ["generate", "x", "--rev-id", "71dda59686db"],
    2,
    /the history has it already/,
  ],
  ["a time that is none", "note: text()", ["generate", "x", "--created-at", "yesterday"], 2, /ISO 8601/],
  [
    "a time before the parent's",
    "note: text()",
    ["generate", "x", "--created-at", "2001-01-01"],
    2,
    /the one before it is of/,
  ],
  [
    "a rename of nothing",
    "note: text()",
    ["generate", "x", "--rename", "files.gone=files.note"],
    2,
    /no such column is gone/,
  ],
  [
    "a rename in no form",
    "note: text()",
    ["generate", "x", "--rename", "files.note"],
    2,
    /neither a table nor a column/,
  ],
  [
    "a value that nothing needs",
    "note: text()",
    ["generate", "x", "--fill", "files.note=1"],
    2,
    /no row needs a value there/,
  ],
  [
    "a type that nothing leads to on PostgreSQL",
    "upload_complete: timestamp()",
    ["generate", "x"],
    2,
    /PostgreSQL makes no timestamp of the boolean in files\.upload_complete/,
  ],
  ["a value in no form", "note: text()", ["generate", "x", "--fill", "files.note"], 2, /an SQL expression/],
  [
    "a schema.ts with a syntax error",
    "note: = text()",
    ["generate", "x"],
    2,
    /schema\.ts:\d+": Unexpected token/,
  ],
  [
    "a schema.ts that throws",
    "note: varchar().nonsense()",
    ["generate", "x"],
    2,
    /schema\.ts:\d+": .*nonsense/,
  ],
  [
    "a schema.ts that is not there",
    "note: text()",
    ["generate", "x", "--schema", "other.ts"],
    2,
    /other\.ts": there is no such file/,
  ],
] as const;
for (const [what, column, args, code, expected] of refusals) {
  test(`generate refuses ${what}, and writes nothing`, () =>
    withSchemaProject(async (project) => {
      if (column !== "") await addColumn(project, column);
      const before = await project.files();
      const result = await runHere([...args, "--json"], { cwd: project.cwd });
      assert.equal(result.code, code, result.stdout + result.stderr);
      assert.match(result.json<{ error: { message: string } }>().error.message, expected);
      assert.deepEqual(await project.files(), before);
    }));
}

// What a schema.ts cannot be: its text behind two lines of imports, what is said of it, and the remedy.
const unreadable = [
  [
    'export const x = "y";\nimport { z } from "no-such-package";\nexport const w = z;',
    /schema\.ts:4": it imports "no-such-package", which no node_modules here has/,
    /npm install no-such-package/,
  ],
  [
    'import { z } from "@no/such/package";\nexport const w = z;',
    /schema\.ts:3": it imports "@no\/such\/package", which no/,
    /npm install @no\/such$/,
  ],
  [
    'import "breaks/gone";',
    /schema\.ts:3": it imports "breaks\/gone", and ".*node_modules\/breaks" has no file for that/,
    /build it first/,
  ],
  [
    'import "@/gone";',
    /schema\.ts:3": it imports "@\/gone", and the "paths" of tsconfig\.json lead to no/,
    null,
  ],
  [
    'import "#gone";',
    /schema\.ts:3": it imports "#gone", and the "imports" of package\.json lead to no/,
    null,
  ],
  ['import "./gone.ts";', /schema\.ts:3": it imports "\.\/gone\.ts", and there is no such file/, null],
  [
    "const f = async () => await 1;\n\nexport const x = await f();",
    /schema\.ts:5": it awaits something outside of a function/,
    /readFileSync/,
  ],
  ["export const x = (1;", /schema\.ts:3": /, null],
  ["const x = 1;\nconst x = 2;", /schema\.ts(?::4)?": .*x/, null],
  ['throw new Error("not today");', /schema\.ts:3": not today/, null],
  [
    'export const boats = pgTable("boats", {\n  id: integer().primaryKey(),\n  size: integer().default("abc"),\n});',
    /"boats\.size": its default "abc" is no number \(schema\.ts:5\)/,
    /default\(sql/,
  ],
  [
    'import { sql } from "drizzle-orm";\nexport const boats = pgTable("boats", { id: integer().default(sql`1 --> statement-breakpoint`) });',
    /schema\.ts": the column boats\.id has "--> statement-breakpoint" in it/,
    /two texts/,
  ],
  [
    'export const boats = pgTable("boats", { id: integer().primaryKey() }, (t) => [\n  index("ix").on(t.id),\n  ' +
    'index("ix").on(t.id),\n]);',
    /"ix": an index of boats has that name, and another one has it, too \(schema\.ts:5\)/,
    /another name/,
  ],
  ['import "breaks";', /schema\.ts:3": it imports "breaks", which fails: on purpose/, null],
] as const;

test("a schema.ts that cannot be read is named with its line, and nothing is written", () =>
  withSchemaProject(async (project) => {
    await mkdir(join(project.cwd, "node_modules/breaks"), { recursive: true });
    await project.write("node_modules/breaks/index.js", 'throw new Error("on purpose");\n');
    const before = await project.files();
    for (const [text, message, hint] of unreadable) {
      const head =
        'import { index, integer, pgTable } from "drizzle-orm/pg-core";\nexport { index, integer, pgTable };\n';
      await project.write("schema.ts", `${head}${text}\n`);
      const result = await project.run(["generate", "x", "--json"]);
      assert.equal(result.code, 2, result.stdout + result.stderr);
      const { error } = result.json<{ error: { message: string; hint: string | null } }>();
      assert.match(error.message, message);
      if (hint !== null) assert.match(error.hint ?? "", hint);
    }
    assert.deepEqual(await project.files(), before);
  }));

/** Says of each file what the line that it has `wrong` in would get from a compiler. */
const compiler = `
const fs = require("fs");
exports.sys = { fileExists: fs.existsSync, readFile: (path) => fs.readFileSync(path, "utf8") };
exports.findConfigFile = () => undefined;
exports.flattenDiagnosticMessageText = (text) => text;
exports.createProgram = ([fileName], { strict, noEmit }) => {
  const text = fs.readFileSync(fileName, "utf8");
  const getLineAndCharacterOfPosition = (at) => ({ line: text.slice(0, at).split("\\n").length - 1 });
  const found = [...text.matchAll(/wrong/g)].map(({ index }, place) => (
    { code: [6133, 2345][place], start: index, messageText: "Argument of type wrong\\nmore" }
  ));
  return {
    getSourceFiles: () => [{ fileName, isDeclarationFile: !strict || !noEmit, getLineAndCharacterOfPosition }],
    getSemanticDiagnostics: () => found,
  };
};`;

test("generate has the project's own TypeScript look at a schema.ts that changed", () =>
  withSchemaProject(async (project) => {
    for (const [name, text] of [["typescript", compiler], ["drizzle-orm", ""]] as const) {
      await mkdir(join(project.cwd, "node_modules", name), { recursive: true });
      await project.write(join("node_modules", name, "index.js"), text);
    }
    const schema = await project.read("schema.ts");
    await project.write("schema.ts", `// wrong\n// wrong\n${schema}`);
    const before = await project.files();
    assert.equal((await project.run(["generate", "Nothing"])).code, 0);
    await addColumn(project, "note: text()");
    const result = await project.run(["generate", "Notes", "--json"]);
    assert.equal(result.code, 2, result.stdout + result.stderr);
    const { error } = result.json<{ error: { message: string } }>();
    assert.match(error.message, /schema\.ts:2": Argument of type wrong \(TS2345\)$/);
    assert.deepEqual(await project.files(), before);
  }));

test("a schema.ts imports packages of node_modules in each of their forms, by the names of tsconfig.json and by its own package's name", () =>
  withSchemaProject(async (project) => {
    const packages: Readonly<
      Record<string, readonly [json: object, files: Readonly<Record<string, string>>]>
    > = {
      plain: [{}, { "index.js": "module.exports = { plain: __dirname.length > 0 };" }],
      main: [{ main: "./lib/start" }, {
        "lib/start.js": 'exports.main = require("../deep/er");',
        "deep/er.js": "module.exports = 1;",
      }],
      "@scope/named": [{
        exports: { ".": { types: "./x.d.ts", import: "./esm.mjs" }, "./sub/*": "./parts/*.js" },
      }, {
        "esm.mjs":
          'import { readFileSync } from "node:fs";\nimport.meta.url;\nexport default typeof readFileSync;',
        "parts/a.js": "exports.part = 2;",
      }],
      both: [{ type: "module", exports: { import: "./esm.js", require: "./cjs.cjs" } }, {
        "esm.js": "export const way = 'import';",
        "cjs.cjs": "exports.way = 'require'; exports.pg = require('drizzle-orm/pg-core').pgTable;",
      }],
      "its-own": [{ type: "module", main: "a.js", imports: { "#inner": "./b.js" } }, {
        "a.js": 'export { b } from "#inner";',
        "b.js": "export const b = 3;",
      }],
    };
    for (const [name, [json, files]] of Object.entries(packages)) {
      const all = { ...files, "package.json": JSON.stringify({ name, version: "1.0.0", ...json }) };
      for (const [path, text] of Object.entries(all)) {
        const full = join("node_modules", name, path);
        await mkdir(join(project.cwd, dirname(full)), { recursive: true });
        await project.write(full, text);
      }
    }
    await mkdir(join(project.cwd, "lib/words"), { recursive: true });
    await project.write("lib/words/index.ts", 'export { size } from "~shared";\n');
    await project.write("lib/shared.ts", "export const size: number = 4;\n");
    await project.write("lib/knots.ts", "export const knots = 5;\n");
    await project.write("package.json", '{ "name": "@our/db", "exports": { "./knots": "./lib/knots.ts" } }');
    await project.write(
      "base.json",
      '{ "compilerOptions": { "paths": { "@/*": ["./none/*", "./lib/*"], "~shared": ["./lib/shared"] } } }',
    );
    await project.write(
      "tsconfig.json",
      '// Ours.\n{ "extends": "./base.json", /* "paths": {} */ "include": ["*.ts",], }',
    );
    await rm(join(project.cwd, "drizzle"), { recursive: true });
    await project.write(
      "schema.ts",
      [
        'import { integer, pgTable as table, text } from "drizzle-orm/pg-core";',
        'import plain from "plain";',
        'import { main } from "main";',
        'import named from "@scope/named";',
        'import { part } from "@scope/named/sub/a";',
        'import { pg, way } from "both";',
        'import { b } from "its-own";',
        'import { size } from "@/words";',
        'import { knots } from "@our/db/knots";',
        'const all = [plain.plain, main, named, part, way, b, size, knots, pg === table].join(" ");',
        'export const deep = { er: { boats: table("boats", { id: integer().primaryKey(), name: text().default(all) }) } };',
      ].join("\n"),
    );
    const result = await project.run(["generate", "Boats", "--json"]);
    assert.equal(result.code, 0, result.stdout + result.stderr);
    const [up] = Object.entries(await project.files()).filter(([path]) =>
      /^sqlite\/\w+_boats\.sql$/.test(path)
    );
    assert.match(up![1], /DEFAULT 'true 1 function 2 require 3 4 5 true'/);
  }));

test("a schema.ts of one dialect, in plain Drizzle and two files, has a history of one dialect", () =>
  withSchemaProject(async (project) => {
    await rm(join(project.cwd, "drizzle"), { recursive: true });
    await project.write(
      "schema.ts",
      'import { integer, sqliteTable } from "drizzle-orm/sqlite-core";\nimport { name } from "./names.ts";\n' +
        'export const boats = sqliteTable("boats", { id: integer().primaryKey(), name: name() });\n',
    );
    await project.write(
      "names.ts",
      'import { text } from "drizzle-orm/sqlite-core";\nexport const name = () => text().notNull();\n',
    );
    const result = await project.run(["generate", "Boats", "--json"]);
    assert.equal(result.code, 0, result.stdout + result.stderr);
    assert.equal(existsSync(join(project.cwd, "drizzle/postgresql")), false);
    const upgraded = await project.run([
      "upgrade",
      "--dir",
      "drizzle",
      "--database-url",
      "sqlite:///boats.db",
    ]);
    assert.equal(upgraded.code, 0, upgraded.stderr);
  }));

test("generate says what is dangerous in what it wrote", () =>
  withSchemaProject(async (project) => {
    await project.edit("thumbnail_path: varchar({ length: 500 }),\n", "");
    const result = await project.run(["generate", "Drop thumbnails", "--json"]);
    assert.equal(result.code, 0, result.stdout);
    const { hazards } = result.json<{ hazards: { message: string; details: { hazard: string } }[] }>();
    assert.deepEqual(hazards.map(({ details }) => details.hazard), ["drop_in_use", "drop_in_use"]);
    assert.match(hazards[0]!.message, /_drop_thumbnails\.sql:\d+: drop_in_use: drops files\.thumbnail_path/);
    assert.equal((await project.run(["check"])).code, 3);
  }));

test("generate refuses to go on from two branches that were merged into one list", () =>
  withUnreleasedProject(async (project) => {
    const path = "drizzle/sqlite/meta/f27bd10b7ec4_snapshot.json";
    const text = await project.read(path);
    await project.write(
      path,
      text.replace(/"prevId": ".*"/, '"prevId": "00000000-0000-4000-8000-71dda59686db"'),
    );
    await addColumn(project, "note: text()");
    const result = await project.run(["generate", "Add notes"]);
    assert.equal(result.code, 2, result.stdout);
    assert.match(result.stderr, /on sqlite it was not made on top of 5b09ebe23c76/);
    assert.match(result.stderr, /harbor-db rebase f27bd10b7ec4/);
  }));

test("generate never overwrites a file, and then writes none", () =>
  withSchemaProject(async (project) => {
    await addColumn(project, "note: text()");
    const taken = "drizzle/postgresql/0123456789ab_add_notes.down.sql";
    await project.write(taken, "-- mine\n");
    const before = await project.files();
    const result = await project.run(["generate", "Add notes", "--rev-id", "0123456789ab"]);
    assert.equal(result.code, 1, result.stderr);
    assert.match(result.stderr, /there is such a file already/);
    assert.deepEqual(await project.files(), before);
  }));

test("of several generates at once one writes, and the history is whole", () =>
  withSchemaProject(async (project) => {
    await addColumn(project, "note: text()");
    const before = await project.files();
    const results = await Promise.all([1, 2, 3].map((n) => project.run(["generate", `Add notes ${n}`])));
    const wrote = results.filter((result) => result.stdout.startsWith("wrote"));
    assert.equal(wrote.length, 1, results.map((result) => result.stdout + result.stderr).join("\n"));
    for (const { code, stderr } of results) {
      assert.ok(code === 0 || /meanwhile|since it was read/.test(stderr), stderr);
    }
    assert.equal((await added(project, before)).length, 6);
    const check = await project.run(["check"]);
    assert.equal(check.code, 0, check.stdout);
  }));

test("what a killed generate had written is in no journal, and the next one writes it again", () =>
  withSchemaProject(async (project) => {
    await addColumn(project, "note: text()");
    const before = await project.files();
    const generate = ["generate", "Add notes", "--created-at", "2027-01-01T00:00:00Z"];
    assert.equal((await project.run(generate)).code, 0);
    const after = await project.files();
    // It had come as far as the journals.
    for (const path of ["sqlite/meta/_journal.json", "postgresql/meta/_journal.json"]) {
      await project.write(`drizzle/${path}`, before[path]!);
      await project.write(`drizzle/${path.replace("_journal.json", "._journal.json.harbor-db-new")}`, "half");
    }

    const history = await project.run(["history", "--dir", "drizzle"]);
    assert.doesNotMatch(history.stdout, /Add notes/);
    const check = await project.run(["check"]);
    assert.doesNotMatch(check.stdout, /harbor-db-new/);
    const again = await project.run(generate);
    assert.equal(again.code, 0, again.stderr);
    assert.deepEqual(await project.files(), after);
    assert.equal((await project.run(["check"])).code, 0);
  }));

test("generate writes what is not proven only when it is told to, and check stays red until it is", () =>
  withSchemaProject(async (project) => {
    const before = await project.files();
    await addColumn(project, "note: varchar({ length: 40 }).notNull()");
    const args = ["generate", "Add notes", "--fill", "files.note=nope()", "--json"];
    const refused = await project.run(args);
    assert.equal(refused.code, 1, refused.stdout);
    const { error } = refused.json<{ error: { code: string; hint: string } }>();
    assert.equal(error.code, "not_proven");
    assert.match(error.hint, /^The statement is: (INSERT|UPDATE|ALTER) .*nope\(\)[^]*--write-unproven$/);
    assert.deepEqual(await project.files(), before);

    const result = await project.run([...args, "--write-unproven"]);
    assert.equal(result.code, 0, result.stdout);
    const { revision, failed } = result.json<
      Generated & { failed: { dialect: string; message: string }[] }
    >();
    assert.deepEqual(failed.map(({ dialect }) => dialect), ["sqlite"]);
    assert.match(failed[0]!.message, /nope/);
    const script = `sqlite/${revision!.revision}_add_notes.sql`;
    await addColumn(project, "more: text()");
    assert.equal((await project.run(["generate", "More", "--write-unproven"])).code, 0);
    for (const flags of [[], ["--accept-edits"], ["--prove", "--accept-edits"]]) {
      const red = await project.run(["check", ...flags]);
      assert.equal(red.code, 3, red.stdout);
      assert.ok(red.stdout.includes(`${script}: SHA256SUMS does not list it, so it was never proven`));
      assert.doesNotMatch(red.stdout, /postgresql\S+ SHA256SUMS does not list it/);
    }
    // A release is no proof.
    const early = await project.run(["check", "--baseline", "head"]);
    assert.equal(early.code, 1, early.stdout);
    assert.ok(early.stderr.includes(`SHA256SUMS does not list ${script}`), early.stderr);
    const text = await project.read(`drizzle/${script}`);
    await project.write(`drizzle/${script}`, text.replaceAll("nope()", "'x'"));
    const mended = await project.run(["check", "--prove", "--accept-edits"]);
    assert.doesNotMatch(mended.stdout, /FAIL +(?:edited|proof)/);
    assert.doesNotMatch((await project.run(["check"])).stdout, /FAIL +edited/);
  }));

test("generate --allow writes the directive above each statement that is that hazard, and refuses any other", () =>
  withSchemaProject(async (project) => {
    await addColumn(project, "note: varchar({ length: 40 }).notNull()");
    const args = ["generate", "Add notes", "--fill", "files.note='x'", "--allow"];
    for (
      const [allow, message] of [
        ["required_column", /is not HAZARD=REASON/],
        ["nope=because", /there is no such hazard/],
        ["drop_in_use=because", /no statement of the revision is that.*\n.*required_column/],
      ] as const
    ) {
      const refused = await project.run([...args, allow]);
      assert.equal(refused.code, 2, refused.stderr);
      assert.match(refused.stderr, message);
    }
    const result = await project.run([...args, "required_column=release 3 writes it", "--json"]);
    assert.equal(result.code, 0, result.stdout);
    const { revision, hazards } = result.json<
      Generated & { hazards: { status: string; details: { hazard: string } }[] }
    >();
    const own = hazards.filter(({ details }) => details.hazard === "required_column");
    assert.deepEqual(own.map(({ status }) => status), ["pass", "pass"]);
    for (const dialect of ["sqlite", "postgresql"]) {
      const text = await project.read(`drizzle/${dialect}/${revision!.revision}_add_notes.sql`);
      assert.equal(text.split("-- harbor:allow required_column release 3 writes it\n").length, 2, text);
    }
    assert.equal((await project.run(["check"])).code, 0);
  }));

test("create writes what changed, or an empty pair to fill in that is proven like any other", () =>
  withSchemaProject(async (project) => {
    const before = await project.files();
    const result = await project.run(["create", "Clean up old uploads", "--json"]);
    assert.equal(result.code, 0, result.stderr);
    const { revision } = result.json<Generated>();
    const tag = `${revision!.revision}_clean_up_old_uploads`;
    assert.equal((await added(project, before)).length, 6);
    const up = await project.read(`drizzle/postgresql/${tag}.sql`);
    assert.match(up, /^-- Clean up old uploads\n/);
    for (const word of ["ADD COLUMN", "harbor:concurrently", "harbor:backfill"]) {
      assert.ok(up.includes(word), word);
    }
    assert.equal((await project.run(["check"])).code, 0);

    const statement = "DELETE FROM files WHERE upload_complete IS NULL;\n";
    for (const dialect of ["sqlite", "postgresql"]) {
      await project.write(`drizzle/${dialect}/${tag}.sql`, `-- Clean up old uploads\n${statement}`);
      await project.write(
        `drizzle/${dialect}/${tag}.down.sql`,
        "-- Clean up old uploads\n-- They are gone.\nSELECT 1;\n",
      );
    }
    const edited = await project.run(["check"]);
    assert.equal(edited.code, 3);
    assert.match(edited.stdout, /FAIL +edited .*it was edited since it was written/);
    const accept = ["check", "--prove", "--accept-edits", "--prove-url", await sharedPostgres(15)];
    const idle = await project.run(accept);
    assert.equal(idle.code, 3, idle.stdout);
    assert.match(idle.stdout, /FAIL +downgrade .*it does nothing, and the upgrade does something/);
    assert.doesNotMatch(idle.stdout, /FAIL +edited/);
    for (const dialect of ["sqlite", "postgresql"]) {
      const down =
        "-- Clean up old uploads\n-- harbor:allow idle_downgrade only a backup has them\nSELECT 1;\n";
      await project.write(`drizzle/${dialect}/${tag}.down.sql`, down);
    }
    const accepted = await project.run(accept);
    assert.equal(accepted.code, 0, accepted.stdout);
    assert.equal((await project.run(["check"])).code, 0);

    await addColumn(project, "note: text()");
    const changed = await project.run(["create", "Add notes", "--json"]);
    assert.match(changed.stdout, /add_notes\.sql/);
    assert.match(
      await project.read(`drizzle/sqlite/${changed.json<Generated>().revision!.revision}_add_notes.sql`),
      /ADD `note`/,
    );
  }));

test("generate says of which dialect is what it says of one alone", () =>
  withFolder(async (cwd) => {
    const project = openProject(cwd);
    const schema = (type: string) => `
      import { integer, pgTable, text, timestamp } from "drizzle-orm/pg-core";
      export const t = pgTable("t", { id: integer().primaryKey(), c: ${type}(), d: text() });`;
    await mkdir(join(cwd, "drizzle"));
    await project.write("schema.ts", schema("text"));
    const first = await project.run(["generate", "First"]);
    assert.match(first.stdout, /^downgrade: Drops t with its rows\./m);
    await project.write("schema.ts", schema("timestamp"));
    const { stdout } = await project.run(["generate", "Second"]);
    assert.match(stdout, /^upgrade on sqlite: Turns what t\.c holds into DATETIME/m);
    assert.match(stdout, /^upgrade on postgresql: Turns what t\.c holds into timestamp/m);
  }));
