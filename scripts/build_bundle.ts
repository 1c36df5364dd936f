import { readdirSync, readFileSync } from "node:fs";
import { join, relative } from "node:path";
import { build, type BuildOptions, type Metafile, type Plugin } from "esbuild";
import { mayNameSchema } from "../src/history/history.ts";
import { packedEnding, pathFromCode, unpack, writePacked } from "./build_packed.ts";
import { allStandIns } from "./build_stand_ins.ts";

/** What is built into the binary. */
export interface BundleInfo {
  readonly version: string;
  readonly commit: string | null;
  /** The history's files: path below `drizzle/` → text. */
  readonly history: Readonly<Record<string, string>>;
}

/** A bundle on disk. */
export interface Bundle {
  /** The file that the binary starts with, and those that threads start with. */
  readonly entries: readonly [string, ...string[]];
  /** Which file is how large. */
  readonly metafile: Metafile;
}

/** The name of the file that the binary starts with: the bundler's own. */
export const mainFile = "stdin.js";

/**
 * Bundles src/main.ts for Bun into `outdir`, with what was built in.
 *
 * Dynamic imports become files of their own: Bun then reads only what a command needs, which halves the start-up
 * time of a bundle in one file.
 *
 * @throws {Error} That names each stand-in which nothing in the bundle asks for
 */
export async function bundle(root: string, outdir: string, info: BundleInfo): Promise<Bundle> {
  const { metafile } = await build({
    ...bundleOptions(root, info),
    outdir,
    // Beside the parts of the program, which look there for it.
    entryNames: "[name]",
    entryPoints: { sqlite_thread: "src/engines/sqlite/thread/main.ts" },
  });
  return { entries: [join(outdir, mainFile), join(outdir, "sqlite_thread.js")], metafile };
}

/** Returns how the program is bundled, whose entry is `stdin`. */
export function bundleOptions(root: string, info: BundleInfo) {
  return {
    metafile: true,
    absWorkingDir: root,
    stdin: { contents: entryOf(info), sourcefile: "harbor-db.js", resolveDir: root },
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
    plugins: [builtInHistory(info), ...allStandIns()],
  } as const satisfies BuildOptions;
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

/**
 * Makes the history a module of its own, which only commands load that need it. What every one of those reads stands in it as it is;
 * the snapshots, most of it, are packed until one is asked for.
 */
function builtInHistory({ history }: BundleInfo): Plugin {
  return {
    name: "built-in-history",
    setup(bundler) {
      bundler.onResolve({ filter: /^built-in-history$/ }, ({ path }) => ({ path, namespace: "history" }));
      bundler.onLoad({ filter: /.*/, namespace: "history" }, () => {
        const { absWorkingDir: resolveDir = "", outdir = "" } = bundler.initialOptions;
        const file = `snapshots${packedEnding}`;
        const { plain = [], snapshots = [] } = Object.groupBy(
          Object.entries(history),
          ([path]) => /snapshot\.json$/.test(path) ? "snapshots" : "plain",
        );
        writePacked(join(outdir, file), JSON.stringify(Object.fromEntries(snapshots)));
        const naming = snapshots.filter(([, text]) => mayNameSchema(text)).map(([path]) => path);
        return {
          contents: `
            ${unpack(pathFromCode(bundler, file))}
            const plain = ${JSON.stringify(Object.fromEntries(plain))};
            const paths = ${JSON.stringify(snapshots.map(([path]) => path))};
            const naming = ${JSON.stringify(naming)};
            let snapshots;
            export default {
              read: (path) => (paths.includes(path) ? snapshots ??= JSON.parse(text()) : plain)[path] ?? null,
              namesSchema: (path) => naming.includes(path),
            };
          `,
          resolveDir,
        };
      });
    },
  };
}
