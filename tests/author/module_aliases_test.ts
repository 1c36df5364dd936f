import assert from "node:assert/strict";
import { mkdir, writeFile } from "node:fs/promises";
import { dirname, join, relative } from "node:path";
import { test } from "node:test";
import { resolveModule } from "../../src/author/project/modules/resolve.ts";
import { withFolder } from "../support/databases.ts";

const options = (compilerOptions: object, more: object = {}) => ({ ...more, compilerOptions });

// Of each rule: configurations by their paths, what app/db/schema.ts imports, and the file of these that it is.
const cases = [
  [
    "its own paths",
    { "app/tsconfig.json": options({ paths: { "@/*": ["./lib/*"] } }) },
    "@/a",
    "app/lib/a.ts",
  ],
  [
    "paths of one that it extends, from where that is",
    {
      "app/tsconfig.json": options({ strict: true }, { extends: "../base.json" }),
      "base.json": options({ paths: { "@/*": ["./lib/*"] } }),
    },
    "@/a",
    "lib/a.ts",
  ],
  [
    "its own paths, from the baseUrl of one that it extends",
    {
      "app/tsconfig.json": options({ paths: { "@/*": ["lib/*"] } }, { extends: "../base" }),
      "base.json": options({ baseUrl: "." }),
    },
    "@/a",
    "lib/a.ts",
  ],
  [
    "paths of one that it extends, from its own baseUrl",
    {
      "app/tsconfig.json": options({ baseUrl: "." }, { extends: "../base.json" }),
      "base.json": options({ paths: { "@/*": ["lib/*"] } }),
    },
    "@/a",
    "app/lib/a.ts",
  ],
  [
    "the last of several that it extends",
    {
      "app/tsconfig.json": { extends: ["../one.json", "../two.json"] },
      "one.json": options({ paths: { "@/*": ["./app/lib/*"] } }),
      "two.json": options({ paths: { "@/*": ["./lib/*"] } }),
    },
    "@/a",
    "lib/a.ts",
  ],
  [
    "one that a package brings, with the folder of its own",
    {
      "app/tsconfig.json": { extends: "@our/config" },
      "node_modules/@our/config/tsconfig.json": options({ paths: { "@/*": ["${configDir}/lib/*"] } }),
    },
    "@/a",
    "app/lib/a.ts",
  ],
  [
    "a file that a package brings",
    {
      "app/tsconfig.json": { extends: "@our/config/app" },
      "node_modules/@our/config/app.json": options({ baseUrl: "${configDir}" }),
    },
    "lib/a",
    "app/lib/a.ts",
  ],
  [
    "one of those that it refers to, where it says nothing itself",
    {
      "app/tsconfig.json": {
        files: [],
        references: [{ path: "./tsconfig.node.json" }, { path: "./tsconfig.app.json" }],
      },
      "app/tsconfig.node.json": options({ strict: true }),
      "app/tsconfig.app.json": options({ paths: { "@/*": ["./lib/*"] } }),
    },
    "@/a",
    "app/lib/a.ts",
  ],
  [
    "nothing of a circle",
    { "app/tsconfig.json": { extends: "../base.json" }, "base.json": { extends: "./app/tsconfig.json" } },
    "@/a",
    null,
  ],
] as const;
for (const [rule, files, name, expected] of cases) {
  test(`an import goes by what tsconfig.json says: ${rule}`, () =>
    withFolder(async (folder) => {
      const all = { ...files, "app/db/schema.ts": {}, "app/lib/a.ts": {}, "lib/a.ts": {} };
      for (const [path, json] of Object.entries(all)) {
        await mkdir(dirname(join(folder, path)), { recursive: true });
        await writeFile(join(folder, path), JSON.stringify(json));
      }
      const found = resolveModule(join(folder, "app/db/schema.ts"), name);
      assert.equal(found === null ? null : relative(folder, found), expected);
    }));
}
