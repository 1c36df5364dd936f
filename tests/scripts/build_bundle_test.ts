import { build, type Metafile, type Plugin, stop } from "esbuild";
import assert from "node:assert/strict";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { after, test } from "node:test";
import { bundle } from "../../scripts/build_bundle.ts";
import { joinFiles, packFiles } from "../../scripts/build_groups.ts";
import { packedLibraries } from "../../scripts/build_packed.ts";
import {
  closingSqlite,
  emptyDrivers,
  laterTimers,
  lightModules,
  templatesOnly,
  wasmInside,
  withoutColumns,
} from "../../scripts/build_stand_ins.ts";
import { withFolder } from "../support/databases.ts";
import { projectFile } from "../support/project.ts";

after(() => stop());

/** A checkout as small as can be. */
const checkout: Readonly<Record<string, string>> = {
  "src/main.ts": 'import "./hash.ts"; import "./rows.ts"; import("./later.ts");',
  "src/hash.ts": 'import { createHash } from "node:crypto"; export { createHash };',
  "src/rows.ts": 'import { sql } from "drizzle-orm"; export { sql };',
  "src/columns.ts": 'import { sql } from "drizzle-orm"; export { sql };',
  "src/later.ts": 'export const later = 1; import("drizzle-kit/api"); import("libpg-query");',
  "src/alone.ts": 'import { createHash } from "node:crypto"; export { createHash };',
  "node_modules/drizzle-orm/index.js": "export const sql = 1; export const columns = 2;",
  "node_modules/drizzle-orm/sql/sql.js": "export const sql = 1;",
  "node_modules/drizzle-kit/api.mjs": 'import "drizzle-orm"; await import("pg");',
  "node_modules/drizzle-kit/package.json": '{ "exports": { "./api": "./api.mjs" } }',
  "node_modules/libpg-query/package.json": '{ "main": "wasm/libpg-query.js" }',
  "node_modules/libpg-query/wasm/libpg-query.js": "async function getWasmBinary(binaryFile){}",
  "node_modules/libpg-query/wasm/libpg-query.wasm": "",
};

const hash = { module: "node:crypto", importers: ["src/hash.ts"], contents: "export const createHash = 1;" };
const kit = emptyDrivers(["pg"], ["drizzle-orm"]);
const packed = { module: "libpg-query", importer: "src/later.ts", names: ["parse"], plugins: [] };

/** Bundles the small checkout, with other files in it, and returns what esbuild says of it. */
async function bundled(plugins: readonly Plugin[], files: typeof checkout = {}): Promise<Metafile> {
  let metafile: Metafile | undefined;
  await withFolder(async (root) => {
    for (const [path, text] of Object.entries({ ...checkout, ...files })) {
      await mkdir(dirname(join(root, path)), { recursive: true });
      await writeFile(join(root, path), text);
    }
    const result = await build({
      absWorkingDir: root,
      entryPoints: ["src/main.ts"],
      bundle: true,
      metafile: true,
      write: false,
      // No such package is there; a plugin comes before this.
      external: ["pg", "pg-next"],
      format: "esm",
      platform: "node",
      loader: { ".wasm": "binary" },
      logLevel: "silent",
      plugins: [...plugins],
    });
    metafile = result.metafile;
  });
  assert.ok(metafile !== undefined);
  return metafile;
}

test("a stand-in takes the place of what it names", async () => {
  const { inputs } = await bundled([lightModules([hash]), templatesOnly(), kit, wasmInside()]);
  const importsOf = (path: string) => inputs[path]?.imports.map((each) => each.path);
  assert.deepEqual(importsOf("src/hash.ts"), ["light:0"]);
  assert.deepEqual(importsOf("src/rows.ts"), ["node_modules/drizzle-orm/sql/sql.js"]);
  assert.deepEqual(importsOf("node_modules/drizzle-kit/api.mjs"), [
    "node_modules/drizzle-orm/index.js",
    "empty:pg",
  ]);
  assert.deepEqual(importsOf("node_modules/libpg-query/wasm/libpg-query.js"), [
    "node_modules/libpg-query/wasm/libpg-query.wasm",
  ]);
});

// What is wrong, the plugin, what the build says, and how the checkout differs.
const unused: readonly (readonly [string, Plugin, RegExp, typeof checkout?])[] = [
  [
    "a stand-in in a file that is not there",
    lightModules([{ ...hash, importers: ["src/hash.ts", "src/hsah.ts"] }]),
    /Cannot find "src\/hsah\.ts": there is no such file/,
  ],
  [
    "a stand-in for a module that its file does not import",
    lightModules([{ ...hash, module: "node:net" }]),
    /Cannot use the stand-in for "node:net" in "src\/hash\.ts": nothing in the bundle asks for it/,
  ],
  [
    "a stand-in in a file that is not in the bundle",
    lightModules([hash, { ...hash, importers: ["src/alone.ts"] }]),
    /Cannot use the stand-in for "node:crypto" in "src\/alone\.ts"/,
  ],
  [
    "sources that take nothing of drizzle-orm",
    templatesOnly(),
    /Cannot use the templates of drizzle-orm alone/,
    { "src/rows.ts": "" },
  ],
  [
    "a driver that drizzle-kit does not import",
    emptyDrivers(["pg", "mysql2/promise"], ["drizzle-orm"]),
    /Cannot use "mysql2\/promise" in "node_modules\/drizzle-kit\/api\.mjs"/,
  ],
  [
    "a part of drizzle-orm that drizzle-kit does not import",
    emptyDrivers(["pg"], ["drizzle-orm", "drizzle-orm/casing"]),
    /Cannot use "drizzle-orm\/casing" in "node_modules\/drizzle-kit\/api\.mjs"/,
  ],
  [
    "a driver that is new in drizzle-kit",
    kit,
    /Cannot bundle "pg-next"/,
    { "node_modules/drizzle-kit/api.mjs": 'import "drizzle-orm"; import "pg"; import("pg-next");' },
  ],
  [
    "a packed library that another file loads",
    packedLibraries([{ ...packed, importer: "src/rows.ts" }]),
    /Cannot pack "libpg-query" for "src\/rows\.ts": nothing in the bundle asks for it/,
  ],
  [
    "templates that take nothing of PostgreSQL's columns",
    withoutColumns(),
    /Cannot use the columns of PostgreSQL in "node_modules\/drizzle-orm\/sql\/sql\.js"/,
  ],
  ["sources that wait for nothing", laterTimers(), /Cannot use node:timers\/promises/],
  ["sources that open no SQLite file", closingSqlite(), /Cannot use the SQLite that closes its files/],
  [
    "a parser that the bundle is without",
    wasmInside(),
    /Cannot use the WebAssembly in "node_modules\/libpg-query\/wasm\/libpg-query\.js"/,
    { "src/later.ts": "export const later = 1;" },
  ],
  [
    "a parser that has changed",
    wasmInside(),
    /Cannot put the WebAssembly into ".*libpg-query\.js": it has changed/,
    { "node_modules/libpg-query/wasm/libpg-query.js": "" },
  ],
];
for (const [wrong, plugin, said, files] of unused) {
  test(`the build fails at ${wrong}`, () => assert.rejects(bundled([plugin], files), said));
}

test("a packed library is no code of the bundle, and counts among what is in it", async () => {
  const { inputs, outputs } = await bundled([packedLibraries([packed]), kit]);
  const imports = inputs["src/later.ts"]!.imports.map(({ path }) => path);
  assert.ok(imports.includes("packed:libpg-query"), imports.join());
  const isOfLibrary = (path: string) => path.includes("libpg-query/");
  const code = Object.values(outputs).flatMap((output) => Object.keys(output.inputs));
  assert.ok(!code.some(isOfLibrary), code.join());
  assert.ok(Object.keys(inputs).some(isOfLibrary), Object.keys(inputs).join());
});

/** Returns the files of a folder that are loaded with one of them. */
async function loadedWith(folder: string, file: string): Promise<ReadonlySet<string>> {
  const loaded = new Set<string>();
  for (const left = [file]; left.length > 0;) {
    const next = left.pop()!;
    if (loaded.has(next)) continue;
    loaded.add(next);
    const text = await readFile(join(folder, next), "utf8");
    left.push(...Array.from(text.matchAll(/(?:from|import) ?"\.\/([^"]+\.js)"/g), ([, path]) => path!));
  }
  return loaded;
}

test("the bundle that ships uses all stand-ins and groups, and a group names what is loaded by name, and once", () =>
  withFolder(async (folder) => {
    const info = { version: "0.0.0", commit: null, history: {} };
    const { metafile } = await bundle(projectFile("."), folder, info);
    await assert.rejects(
      joinFiles(folder, metafile, { odd: ["src/commands/program.ts", "src/no_such_file.ts"] }),
      /Cannot group "src\/no_such_file\.ts": nothing loads it by name/,
    );
    await joinFiles(folder, metafile);
    // Others of Node's take longer to load than the program.
    const quick = ["node:buffer", "node:events", "node:fs", "node:path", "node:sqlite"];
    for (const group of ["every-day", "sqlite", "postgres"]) {
      const text = await readFile(join(folder, `${group}.js`), "utf8");
      const modules = Array.from(text.matchAll(/from"(node:[^"]+)"/g), ([, module]) => module!);
      assert.ok(modules.length > 0, group);
      const slow = modules.filter((module) => !quick.includes(module));
      assert.deepEqual(slow, [], `${group}.js loads them`);
    }
    // To read where a database stands takes nothing of what changes it, nor of another engine.
    const unneeded = {
      "program": ["any-line", "every-day", "upgrade", "sqlite", "postgres"],
      "any-line": ["every-day", "upgrade", "sqlite", "postgres"],
      "every-day": ["any-line", "upgrade", "sqlite", "postgres"],
      "sqlite": ["any-line", "upgrade", "postgres"],
      "postgres": ["any-line", "upgrade", "sqlite"],
      "upgrade": ["any-line", "sqlite", "postgres"],
    };
    for (const [group, others] of Object.entries(unneeded)) {
      const loaded = await loadedWith(folder, `${group}.js`);
      assert.ok(loaded.has("program.js"), group);
      assert.deepEqual(others.filter((each) => loaded.has(`${each}.js`)), [], `${group}.js loads them`);
    }
    const file = (module: string) =>
      basename(Object.entries(metafile.outputs).find(([, { entryPoint }]) => entryPoint === module)![0]);
    // Nor does it where something is pending.
    for (const module of ["src/state/read_status.ts", "src/state/check_rights.ts"]) {
      const loaded = await loadedWith(folder, file(module));
      assert.deepEqual(unneeded["every-day"].filter((each) => loaded.has(`${each}.js`)), [], module);
    }
    await assert.rejects(
      joinFiles(folder, metafile, { one: ["src/migrate/migrate.ts"], two: ["src/migrate/migrate.ts"] }),
      /Cannot group "src\/migrate\/migrate\.ts" in "two": an earlier file holds it/,
    );
    await assert.rejects(
      packFiles(folder, metafile, { name: "odd", folders: ["src/no_such_folder"], listedBy: "" }),
      /Cannot pack "odd": nothing there is loaded by name/,
    );
    const packed = await packFiles(folder, metafile);
    const { exports = [] } = Object.values(metafile.outputs)
      .find(({ entryPoint }) => entryPoint === "src/commands/author/run_check.ts") ?? {};
    assert.deepEqual(exports, ["runCheck"]);
    for (const module of ["src/commands/author/run_check.ts", "src/rehearse/of_plan.ts"]) {
      assert.ok(packed.includes(file(module)), module);
    }
    // What a server runs stays, and what help says of the rest.
    for (
      const module of [
        "src/commands/author/check.ts",
        "src/commands/author/generate.ts",
        "src/commands/migrate/upgrade.ts",
        "src/migrate/migrate.ts",
        "src/commands/verify/verify.ts",
      ]
    ) {
      assert.ok(!packed.includes(file(module)), module);
    }
    // Who asks for a group as a whole has an object made of all that is in it, at every start.
    assert.doesNotMatch(await readFile(join(folder, "seldom.js"), "utf8"), /import \* as/);
  }));
