import { existsSync, readFileSync, realpathSync } from "node:fs";
import { isBuiltin } from "node:module";
import { join, relative } from "node:path";
import type { Plugin, PluginBuild } from "esbuild";
import { packedLibraries } from "./build_packed.ts";

/**
 * What the bundle has in the place of modules. Files are named by their path in the checkout. The build fails at each
 * that is not there or does not ask for the module any more: a stand-in that nobody uses is one that is missing
 * somewhere else.
 */

/** A module of Node's that takes long to load, and what does instead for those who import it. */
export interface StandIn {
  readonly module: string;
  readonly importers: readonly string[];
  readonly contents: string;
}

const standIns: readonly StandIn[] = [
  {
    // For commands that are programs of their own, of which harbor-db has none.
    module: "node:child_process",
    importers: ["node_modules/commander/lib/command.js"],
    contents: "export default {};",
  },
  {
    // For the width of a help text, which has no colours.
    module: "node:util",
    importers: ["node_modules/commander/lib/command.js", "node_modules/commander/lib/help.js"],
    contents: "export const stripVTControlCharacters = (text) => text;",
  },
  {
    // For what an option does when it is met.
    module: "node:events",
    importers: ["node_modules/commander/lib/command.js"],
    contents: `export class EventEmitter {
      #listeners = new Map();
      on(name, listener) {
        this.#listeners.set(name, [...this.#listeners.get(name) ?? [], listener]);
        return this;
      }
      emit(name, ...args) {
        const all = this.#listeners.get(name) ?? [];
        for (const listener of all) listener.apply(this, args);
        return all.length > 0;
      }
      listenerCount(name) {
        return this.#listeners.get(name)?.length ?? 0;
      }
    }`,
  },
  {
    module: "node:crypto",
    importers: [
      "src/commands/verify/state_folder.ts",
      "src/history/checksum_list.ts",
      "src/history/history.ts",
      "src/history/revision_name.ts",
      "src/engines/postgres/lock.ts",
    ],
    contents: "export const createHash = (algorithm) => new Bun.CryptoHasher(algorithm);",
  },
  {
    module: "node:crypto",
    importers: ["src/engines/sqlite/lock/lock.ts", "src/engines/postgres/watch/change_notes.ts"],
    contents: "export const randomUUID = () => crypto.randomUUID();",
  },
  {
    // For who has no home, which few have not.
    module: "node:os",
    importers: ["src/commands/verify/state_folder.ts"],
    contents: 'export const tmpdir = () => process.getBuiltinModule("node:os").tmpdir();',
  },
  {
    // Only its streams make node:net take long, and only TLS needs those.
    module: "node:net",
    importers: ["src/engines/postgres/wire/light_socket.ts"],
    contents: 'export * from "./scripts/bun_socket.ts";',
  },
  {
    module: "node:crypto",
    importers: ["node_modules/postgres/src/connection.js"],
    contents: 'export * as default from "./scripts/bun_crypto.ts";',
  },
  {
    // For COPY.
    module: "node:stream",
    importers: ["node_modules/postgres/src/connection.js", "node_modules/postgres/src/large.js"],
    contents: `export default {
      get Duplex() { return process.getBuiltinModule("node:stream").Duplex; },
      get Readable() { return process.getBuiltinModule("node:stream").Readable; },
      get Writable() { return process.getBuiltinModule("node:stream").Writable; },
    };`,
  },
  {
    module: "node:perf_hooks",
    importers: ["node_modules/postgres/src/connection.js"],
    contents: "export const performance = globalThis.performance;",
  },
  // It is given the socket to talk on.
  {
    module: "node:net",
    importers: ["node_modules/postgres/src/connection.js"],
    contents: "export default {};",
  },
  {
    module: "node:tls",
    importers: ["node_modules/postgres/src/connection.js"],
    contents: "export default {};",
  },
  {
    // Of the runtime, as they are.
    module: "node:timers",
    importers: [
      "src/cli/output/status_line.ts",
      "src/engines/sqlite/apart/thread.ts",
      "src/engines/sqlite/lock/lock.ts",
    ],
    contents: "export const { clearInterval, setInterval, setTimeout } = globalThis;",
  },
  {
    module: "node:url",
    importers: ["src/engines/sqlite/connection/open_file.ts"],
    contents: "export const pathToFileURL = (path) => Bun.pathToFileURL(path);",
  },
  {
    module: "node:process",
    importers: ["src/main.ts", "node_modules/commander/lib/command.js"],
    contents: "export default process;",
  },
];

const drizzleKit = "node_modules/drizzle-kit/api.mjs";

/** What drizzle-kit needs of drizzle-orm. */
const kitNeeds: readonly string[] = [
  "drizzle-orm",
  ...["casing", "relations", "mysql-core", "pg-core", "singlestore-core", "sqlite-core"]
    .map((name) => `drizzle-orm/${name}`),
];

/** The drivers that drizzle-kit could use, of which harbor-db has its own. */
const kitDrivers: readonly string[] = [
  "@electric-sql/pglite",
  "@libsql/client",
  "@neondatabase/serverless",
  "@planetscale/database",
  "@vercel/postgres",
  "better-sqlite3",
  "mysql2/promise",
  "pg",
  "postgres",
  ...[
    "aws-data-api/pg",
    "better-sqlite3",
    "d1",
    "libsql",
    "mysql2",
    "neon-serverless",
    "node-postgres",
    "pglite",
    "planetscale-serverless",
    "postgres-js",
    "singlestore",
    "sqlite-proxy",
    "vercel-postgres",
  ].flatMap((name) => [`drizzle-orm/${name}`, `drizzle-orm/${name}/migrator`]),
];

/** All that stands in the place of something else in the bundle; each must be used. */
export function allStandIns(): readonly Plugin[] {
  return [
    lightModules(standIns),
    packedLibraries([
      {
        module: "drizzle-kit/api",
        importer: "src/author/project/drizzle_engine.ts",
        names: [
          "generateDrizzleJson",
          "generateMigration",
          "generateSQLiteDrizzleJson",
          "generateSQLiteMigration",
        ],
        plugins: [emptyDrivers(kitDrivers, kitNeeds)],
      },
      {
        module: "age-encryption",
        importer: "src/backup/store/codec.ts",
        names: ["Decrypter", "Encrypter"],
        plugins: [],
      },
      { module: "aws4fetch", importer: "src/backup/bucket/requests.ts", names: ["AwsV4Signer"], plugins: [] },
      {
        module: "saxes",
        importer: "src/backup/bucket/rules/answers.ts",
        names: ["SaxesParser"],
        plugins: [],
      },
      { module: "smol-toml", importer: "src/commands/config/parse_config.ts", names: ["parse"], plugins: [] },
      { module: "sucrase", importer: "src/author/project/modules/run.ts", names: ["transform"], plugins: [] },
      {
        module: "libpg-query",
        importer: "src/sql/operations/postgres_parser.ts",
        names: ["loadModule", "parseSync", "SqlError"],
        plugins: [wasmInside()],
      },
    ]),
    templatesOnly(),
    withoutColumns(),
    laterTimers(),
    withoutWebSockets(),
    closingSqlite(),
  ];
}

/** Replaces modules that cost a third of the start-up time for one small function. */
export function lightModules(list: readonly StandIn[]): Plugin {
  return {
    name: "light-modules",
    setup(bundler) {
      const root = rootOf(bundler);
      const name = (module: string, importer: string) => `the stand-in for "${module}" in "${importer}"`;
      const found = new Map(
        list.flatMap(({ module, importers }, index) =>
          importers.map((importer) => [name(module, importer), String(index)] as const)
        ),
      );
      const used = expectUses(bundler, [...found.keys()]);
      for (const importer of list.flatMap(({ importers }) => importers)) expectFile(bundler, importer);
      bundler.onResolve({ filter: /^[a-z]/ }, ({ path, importer }) => {
        const use = name(path.startsWith("node:") ? path : `node:${path}`, inCheckout(root, importer));
        const index = found.get(use);
        if (index === undefined) return undefined;
        used(use);
        return { path: index, namespace: "light" };
      });
      bundler.onLoad(
        { filter: /.*/, namespace: "light" },
        ({ path }) => ({ contents: list[Number(path)]!.contents, resolveDir: root }),
      );
    },
  };
}

/** What the sources take of drizzle-orm is its templates; its main module brings the columns of every engine. */
export function templatesOnly(): Plugin {
  return {
    name: "templates-only",
    setup(bundler) {
      const root = rootOf(bundler);
      const use = "the templates of drizzle-orm alone";
      const used = expectUses(bundler, [use]);
      bundler.onResolve({ filter: /^drizzle-orm$/ }, ({ importer, kind, resolveDir }) => {
        const isOurs = inCheckout(root, importer).startsWith("src/");
        if (kind !== "import-statement" || !isOurs) return undefined;
        used(use);
        return bundler.resolve("drizzle-orm/sql/sql", { kind, resolveDir });
      });
    },
  };
}

/**
 * Gives drizzle-orm's templates the only word that they need of PostgreSQL's columns, whether something is an enum: with it come
 * the classes of columns and of what makes them, which each start made.
 */
export function withoutColumns(): Plugin {
  const templates = "node_modules/drizzle-orm/sql/sql.js";
  return {
    name: "without-columns",
    setup(bundler) {
      const root = rootOf(bundler);
      const use = `the columns of PostgreSQL in "${templates}"`;
      const used = expectUses(bundler, [use]);
      bundler.onResolve({ filter: /\/pg-core\/columns\/enum\.js$/ }, ({ importer }) => {
        if (inCheckout(root, importer) !== templates) return undefined;
        used(use);
        return { path: "enum", namespace: "pg-enum" };
      });
      bundler.onLoad({ filter: /.*/, namespace: "pg-enum" }, () => ({
        contents: `const mark = Symbol.for("drizzle:isPgEnum");
          export const isPgEnum = (value) => typeof value === "function" && value[mark] === true;`,
      }));
    },
  };
}

/** Loads the timers that return promises when somebody waits: with them come Node's events, and most commands wait for nothing. */
export function laterTimers(): Plugin {
  const module = "node:timers/promises";
  return {
    name: "later-timers",
    setup(bundler) {
      const root = rootOf(bundler);
      const used = expectUses(bundler, [module]);
      bundler.onResolve({ filter: /^node:timers\/promises$/ }, ({ importer }) => {
        if (!inCheckout(root, importer).startsWith("src/")) return undefined;
        used(module);
        return { path: module, namespace: "later-timers" };
      });
      bundler.onLoad({ filter: /.*/, namespace: "later-timers" }, () => ({
        contents: ["setImmediate", "setTimeout"].map((name) =>
          `export const ${name} = (...given) => process.getBuiltinModule("${module}").${name}(...given);`
        ).join("\n"),
      }));
    },
  };
}

/**
 * Puts an empty module in the place of each driver that drizzle-kit could use. A binary with an import that leads
 * nowhere fails at start, so whatever else drizzle-kit imports fails the build.
 */
export function emptyDrivers(drivers: readonly string[], needs: readonly string[]): Plugin {
  return {
    name: "empty-drivers",
    setup(bundler) {
      const root = rootOf(bundler);
      const name = (path: string) => `"${path}" in "${drizzleKit}"`;
      const used = expectUses(bundler, [...drivers, ...needs].map(name));
      bundler.onResolve({ filter: /^[^./]/ }, ({ path, importer }) => {
        if (inCheckout(root, importer) !== drizzleKit || isBuiltin(path)) return undefined;
        used(name(path));
        if (drivers.includes(path)) return { path, namespace: "empty" };
        if (needs.includes(path)) return undefined;
        return { errors: [{ text: `Cannot bundle "${path}": nobody said whether drizzle-kit needs it` }] };
      });
      bundler.onLoad({ filter: /.*/, namespace: "empty" }, () => ({ contents: "module.exports = {};" }));
    },
  };
}

/**
 * Puts an empty module in the place of hrana-client's WebSockets, which nothing uses: over HTTP it needs none of their
 * 48 kB, `node:net` and `node:tls`.
 */
export function withoutWebSockets(): Plugin {
  const module = "@libsql/isomorphic-ws";
  return {
    name: "without-web-sockets",
    setup(bundler) {
      const used = expectUses(bundler, [module]);
      bundler.onResolve({ filter: /^@libsql\/isomorphic-ws$/ }, ({ path }) => {
        used(module);
        return { path, namespace: "no-web-sockets" };
      });
      bundler.onLoad(
        { filter: /.*/, namespace: "no-web-sockets" },
        () => ({ contents: "module.exports = {};" }),
      );
    },
  };
}

/** Gives all that opens a SQLite file one that closes it, see bun_sqlite.ts. */
export function closingSqlite(): Plugin {
  const standIn = "scripts/bun_sqlite.ts";
  return {
    name: "closing-sqlite",
    setup(bundler) {
      const root = rootOf(bundler);
      const use = "the SQLite that closes its files";
      const used = expectUses(bundler, [use]);
      bundler.onResolve({ filter: /^node:sqlite$/ }, ({ importer, path }) => {
        if (inCheckout(root, importer) === standIn) return { path, external: true };
        used(use);
        return { path: join(root, standIn) };
      });
    },
  };
}

/** PostgreSQL's parser looks for its WebAssembly beside its own file, which a binary does not have. */
export function wasmInside(): Plugin {
  const parser = "node_modules/libpg-query/wasm/libpg-query.js";
  return {
    name: "wasm-inside",
    setup(bundler) {
      const root = rootOf(bundler);
      const use = `the WebAssembly in "${parser}"`;
      const used = expectUses(bundler, [use]);
      expectFile(bundler, parser);
      bundler.onLoad({ filter: /libpg-query\.js$/ }, ({ path }) => {
        if (inCheckout(root, path) !== parser) return undefined;
        used(use);
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

/** Returns the folder whose files the bundler names, free of links, as it resolves what it bundles. */
function rootOf({ initialOptions }: PluginBuild): string {
  if (initialOptions.absWorkingDir === undefined) {
    throw new Error("Cannot tell files by their paths: no absWorkingDir is given");
  }
  return realpathSync(initialOptions.absWorkingDir);
}

function inCheckout(root: string, path: string): string {
  return relative(root, path).replaceAll("\\", "/");
}

/** Fails the build with the name of a file that is not there. */
function expectFile(bundler: PluginBuild, path: string): void {
  const isThere = existsSync(join(rootOf(bundler), path));
  bundler.onStart(() =>
    isThere ? {} : { errors: [{ text: `Cannot find "${path}": there is no such file` }] }
  );
}

/** Fails the build with the names of all `uses` that did not come to pass; the function returned notes one that did. */
function expectUses(bundler: PluginBuild, uses: readonly string[]): (use: string) => void {
  const noted = new Set<string>();
  bundler.onEnd(({ errors }) => {
    // A bundle that broke off has not got to everything.
    const unused = errors.length > 0 ? [] : uses.filter((use) => !noted.has(use));
    return {
      errors: unused.map((use) => ({ text: `Cannot use ${use}: nothing in the bundle asks for it` })),
    };
  });
  return (use) => void noted.add(use);
}
