import { readdirSync, readFileSync } from "node:fs";
import { isBuiltin } from "node:module";
import { join, relative } from "node:path";
import { build, type Metafile, type Plugin } from "esbuild";

/** What is built into the binary. */
export interface BundleInfo {
  readonly version: string;
  readonly commit: string | null;
  /** The history's files: path below `drizzle/` → text. */
  readonly history: Readonly<Record<string, string>>;
}

/** What drizzle-kit needs of drizzle-orm; the rest of what it imports are drivers, which harbor-db has its own of. */
const kitNeeds = /^drizzle-orm(?:\/(?:casing|relations|mysql-core|pg-core|singlestore-core|sqlite-core))?$/;

/** A bundle on disk. */
export interface Bundle {
  /** The file that the binary starts with. */
  readonly entry: string;
  /** Which file is how large. */
  readonly metafile: Metafile;
}

/**
 * Bundles src/main.ts for Bun into `outdir`, with what was built in.
 *
 * Dynamic imports become files of their own: Bun then reads only what a command needs, which halves the start-up
 * time of a bundle in one file.
 */
export async function bundle(root: string, outdir: string, info: BundleInfo): Promise<Bundle> {
  const { metafile } = await build({
    metafile: true,
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
    plugins: [builtInHistory(info), lightModules(), templatesOnly(), emptyDrivers(), wasmInside()],
  });
  return { entry: join(outdir, "harbor-db.js"), metafile };
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
function entryOf({ version, commit }: BundleInfo): string {
  return `
    import { runMain } from "./src/main.ts";
    // What takes longer than a moment is worth compiling, see build_binary.ts.
    setTimeout(() => Bun.unsafe.setJITPolicy(1), 50).unref();
    const history = async () => (await import("built-in-history")).default;
    await runMain({ version: ${JSON.stringify(version)}, commit: ${JSON.stringify(commit)}, history });
  `;
}

/** Makes the history a file of its own, which only commands read that need it. */
function builtInHistory({ history }: BundleInfo): Plugin {
  return {
    name: "built-in-history",
    setup(bundler) {
      bundler.onResolve({ filter: /^built-in-history$/ }, ({ path }) => ({ path, namespace: "history" }));
      bundler.onLoad({ filter: /.*/, namespace: "history" }, () => ({
        contents: `export default ${JSON.stringify(history)};`,
      }));
    },
  };
}

/** A module of Node's that takes long to load, and what does instead for those who import it. */
interface LightModule {
  readonly module: string;
  readonly importer: RegExp;
  readonly contents: string;
}

const postgresJs = /[\\/]node_modules[\\/]postgres[\\/]src[\\/]/;

const light: readonly LightModule[] = [
  {
    // For commands that are programs of their own, of which harbor-db has none.
    module: "node:child_process",
    importer: /[\\/]commander[\\/]lib[\\/]/,
    contents: "export default {};",
  },
  {
    // For the width of a help text, which has no colours.
    module: "node:util",
    importer: /[\\/]commander[\\/]lib[\\/]/,
    contents: "export const stripVTControlCharacters = (text) => text;",
  },
  {
    module: "node:crypto",
    importer: /[\\/]src[\\/](?:core[\\/]history|db[\\/]postgres_lock)\.ts$/,
    contents: "export const createHash = (algorithm) => new Bun.CryptoHasher(algorithm);",
  },
  {
    module: "node:crypto",
    importer: /[\\/]src[\\/]db[\\/]sqlite_lease\.ts$/,
    contents: "export const randomUUID = () => crypto.randomUUID();",
  },
  {
    // Only its streams make node:net take long, and only TLS needs those.
    module: "node:net",
    importer: /[\\/]src[\\/]db[\\/]postgres_light_socket\.ts$/,
    contents: 'export * from "./scripts/bun_socket.ts";',
  },
  {
    module: "node:crypto",
    importer: postgresJs,
    contents: 'export * as default from "./scripts/bun_crypto.ts";',
  },
  {
    // For COPY.
    module: "node:stream",
    importer: postgresJs,
    contents: `export default {
      get Duplex() { return process.getBuiltinModule("node:stream").Duplex; },
      get Readable() { return process.getBuiltinModule("node:stream").Readable; },
      get Writable() { return process.getBuiltinModule("node:stream").Writable; },
    };`,
  },
  {
    module: "node:perf_hooks",
    importer: postgresJs,
    contents: "export const performance = globalThis.performance;",
  },
  // It is given the socket to talk on.
  { module: "node:net", importer: postgresJs, contents: "export default {};" },
  { module: "node:tls", importer: postgresJs, contents: "export default {};" },
  {
    module: "node:url",
    importer: /[\\/]src[\\/]db[\\/]sqlite_open_file\.ts$/,
    contents: "export const pathToFileURL = (path) => Bun.pathToFileURL(path);",
  },
  {
    module: "node:process",
    importer: /[\\/](?:src[\\/]main\.ts|commander[\\/]lib[\\/]\w+\.js)$/,
    contents: "export default process;",
  },
];

/** Replaces modules that cost a third of the start-up time for one small function. */
function lightModules(): Plugin {
  return {
    name: "light-modules",
    setup(bundler) {
      const { absWorkingDir: resolveDir } = bundler.initialOptions;
      bundler.onResolve({ filter: /^[a-z]/ }, ({ path, importer }) => {
        const module = path.startsWith("node:") ? path : `node:${path}`;
        const found = light.findIndex((each) => each.module === module && each.importer.test(importer));
        return found < 0 ? undefined : { path: String(found), namespace: "light" };
      });
      bundler.onLoad({ filter: /.*/, namespace: "light" }, ({ path }) => ({
        contents: light[Number(path)]!.contents,
        ...(resolveDir === undefined ? {} : { resolveDir }),
      }));
    },
  };
}

/** What the sources take of drizzle-orm is its templates; its main module brings the columns of every engine. */
function templatesOnly(): Plugin {
  return {
    name: "templates-only",
    setup(bundler) {
      bundler.onResolve(
        { filter: /^drizzle-orm$/ },
        ({ importer, kind, resolveDir }) =>
          kind === "import-statement" && /[\\/]src[\\/](?:core|db|run)[\\/](?!load_schema)/.test(importer)
            ? bundler.resolve("drizzle-orm/sql/sql", { kind, resolveDir })
            : undefined,
      );
    },
  };
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
