import assert from "node:assert/strict";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { loadSchema } from "../../src/author/project/load_schema.ts";
import { findProject } from "../../src/cli/find_project.ts";
import { withFolder } from "../support/databases.ts";

const pgCore = 'import { integer, pgTable } from "drizzle-orm/pg-core";\n';
const files: Readonly<Record<string, string>> = {
  "users.ts": `${pgCore}export const users = pgTable("users", { id: integer().primaryKey() });`,
  "posts.ts": `${pgCore}import { users } from "./users.ts";
export { users };
export const posts = pgTable("posts", { id: integer().primaryKey(), author: integer().references(() => users.id) });`,
  "notes.md": "no schema",
};

// One row a way to say it: the config's `schema`, the files that it means.
const cases = [
  [`["./db/users.ts", "./db/posts.ts"]`, ["users.ts", "posts.ts"]],
  [`"./db/*.ts"`, ["posts.ts", "users.ts"]],
  [`"./db"`, ["posts.ts", "users.ts"]],
  [`["./db", "./db/users.ts"]`, ["posts.ts", "users.ts"]],
] as const;
for (const [schema, expected] of cases) {
  test(`a drizzle.config with the schema ${schema} has the tables of all its files, each once`, () =>
    withFolder(async (parent) => {
      // What a pattern of the whole path would find.
      await mkdir(join(parent, "a/db"), { recursive: true });
      await writeFile(join(parent, "a/db/users.ts"), "");
      const dir = join(parent, "[a]");
      await mkdir(join(dir, "db"), { recursive: true });
      for (const [name, text] of Object.entries(files)) await writeFile(join(dir, "db", name), text);
      await writeFile(
        join(dir, "drizzle.config.ts"),
        `export default { dialect: "postgresql", schema: ${schema} };`,
      );
      const found = findProject(dir)?.schema;
      assert.deepEqual(found, expected.map((name) => join(dir, "db", name)));
      const tables = (await loadSchema(found!)).tablesFor("postgresql");
      assert.equal(Object.keys(tables ?? {}).length, 2);
    }));
}

test("a pattern that nothing fits stands for itself, and is refused as a file that is not there", () =>
  withFolder(async (dir) => {
    await writeFile(join(dir, "schema.ts"), files["users.ts"]!);
    await writeFile(join(dir, "drizzle.config.json"), `{ "schema": "db/*.ts" }`);
    const found = findProject(dir)?.schema;
    assert.deepEqual(found, [join(dir, "db/*.ts")]);
    await assert.rejects(loadSchema(found!), /db\/\*\.ts": there is no such file/);
  }));

test("a folder with an index.ts stands for that", () =>
  withFolder(async (dir) => {
    await mkdir(join(dir, "db"));
    await writeFile(join(dir, "db/index.ts"), `export * from "./users.ts";`);
    await writeFile(join(dir, "db/users.ts"), files["users.ts"]!);
    await writeFile(join(dir, "drizzle.config.json"), `{ "schema": "db" }`);
    assert.deepEqual(findProject(dir)?.schema, [join(dir, "db/index.ts")]);
  }));

test("files that import each other by an index that passes all of them on have all of their tables", () =>
  withFolder(async (dir) => {
    const circle = {
      "index.ts": `export * from "./posts/index.ts";\nexport * from "./users/index.ts";`,
      "users/index.ts": `export * from "./users.ts";`,
      "users/users.ts": `${pgCore}import { posts } from "../posts/index.ts";
export const users = pgTable("users", { id: integer().primaryKey(), first: integer().references(() => posts.id) });`,
      "posts/index.ts": `export * from "./posts.ts";`,
      "posts/posts.ts": `${pgCore}import { users } from "../users/index.ts";
export const posts = pgTable("posts", { id: integer().primaryKey(), author: integer().references(() => users.id) });`,
    };
    for (const name of ["users", "posts"]) await mkdir(join(dir, name));
    for (const [name, text] of Object.entries(circle)) await writeFile(join(dir, name), text);
    for (const first of ["index.ts", "users/users.ts", "posts/index.ts"]) {
      const tables = (await loadSchema([join(dir, first), join(dir, "index.ts")])).tablesFor("postgresql");
      assert.equal(Object.keys(tables ?? {}).length, 2, first);
    }
  }));
