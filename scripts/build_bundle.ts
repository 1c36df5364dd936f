import { readdirSync, readFileSync } from "node:fs";
import { isBuiltin } from "node:module";
import { join, relative } from "node:path";
import { build, type Plugin } from "esbuild";
import type { BuildInfo } from "../src/cli/system.ts";

/** What drizzle-kit needs of drizzle-orm; the rest of what it imports are drivers, which harbor-db has its own of. */
const kitNeeds = /^drizzle-orm(?:\/(?:casing|relations|mysql-core|pg-core|singlestore-core|sqlite-core))?$/;

/**
 * Bundles src/main.ts for Bun into `outdir`, with what was built in, and returns the path of its entry.
 *
 * Dynamic imports become files of their own: Bun then reads only what a command needs, which halves the start-up
 * time of a bundle in one file.
 */
export async function bundle(root: string, outdir: string, info: BuildInfo): Promise<string> {
  await build({
    absWorkingDir: root,
    stdin: { contents: entryOf(info), sourcefile: "harbor-db.js", resolveDir: root },
    outdir,
    entryNames: "harbor-db",
    bundle: true,
    splitting: true,
    minify: true,
    format: "esm",
    platform: "node",
    target: "esnext",
    loader: { ".wasm": "binary" },
    legalComments: "none",
    logLevel: "silent",
    // The entry calls runMain() itself: src/main.ts is not what was started.
    // A library that asks where it lies would put this machine's path into the binary.
    define: { "import.meta.main": "false", __dirname: '"/"', __filename: '"/harbor-db.js"' },
    plugins: [emptyDrivers(), wasmInside()],
  });
  return join(outdir, "harbor-db.js");
}

/** Returns the files of a history folder as `sqlite/71dda59686db_initial_schema.sql` → text, in a fixed order. */
export function readHistoryFiles(dir: string): Readonly<Record<string, string>> {
  const paths = readdirSync(dir, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && /\.(?:sql|json)$/.test(entry.name))
    .map((entry) => relative(dir, join(entry.parentPath, entry.name)).replaceAll("\\", "/"))
    .sort();
  return Object.fromEntries(paths.map((path) => [path, readFileSync(join(dir, path), "utf8")]));
}

/** The module that the binary starts with. */
function entryOf(info: BuildInfo): string {
  return `
    import { runMain } from "./src/main.ts";
    await runMain(${JSON.stringify(info)});
  `;
}

/** Native add-ons that `ws` does without. */
const optionalAddOns = ["bufferutil", "utf-8-validate"];

/**
 * Puts an empty module in the place of each driver that drizzle-kit could use. A binary with an import that leads
 * nowhere fails at start.
 */
function emptyDrivers(): Plugin {
  return {
    name: "empty-drivers",
    setup(bundler) {
      bundler.onResolve({ filter: /^[^./]/ }, ({ path, importer }) => {
        const isDriver = /[\\/]drizzle-kit[\\/]/.test(importer) && !isBuiltin(path) && !kitNeeds.test(path);
        return isDriver || optionalAddOns.includes(path) ? { path, namespace: "empty" } : undefined;
      });
      bundler.onLoad({ filter: /.*/, namespace: "empty" }, () => ({ contents: "module.exports = {};" }));
    },
  };
}

/** PostgreSQL's parser looks for its WebAssembly beside its own file, which a binary does not have. */
function wasmInside(): Plugin {
  return {
    name: "wasm-inside",
    setup(bundler) {
      bundler.onLoad({ filter: /[\\/]libpg-query[\\/]wasm[\\/]libpg-query\.js$/ }, ({ path }) => {
        const text = readFileSync(path, "utf8");
        const place = "async function getWasmBinary(binaryFile){";
        if (!text.includes(place)) {
          throw new Error(`Cannot put the WebAssembly into "${path}": it has changed`);
        }
        const wasm = 'return require("./libpg-query.wasm");';
        return { contents: text.replace(place, place + wasm), loader: "js" };
      });
    },
  };
}
