import { build, type Plugin } from "esbuild";
import { readdirSync } from "node:fs";
import { mkdir, writeFile } from "node:fs/promises";
import { join, relative } from "node:path";
import { bundleOptions, readHistoryFiles } from "../../scripts/build_bundle.ts";
import { projectFile } from "./project.ts";

/** What tests run in processes of their own. */
const scripts = ["tests/support/lock_holder.ts", "tests/support/postgres_lock_holder.ts"];

/** Clients that stand beside harbor-db in the tests; what stands in for parts of them in the bundle is not theirs. */
const independent = ["postgres", "@libsql/client/http"];

/** The suites that run on what ships, too: how their paths begin. Those that take longest come first. */
const suites = [
  "tests/contract/",
  "tests/adopt/postgres_",
  "tests/engines/postgres/connection",
  "tests/engines/postgres/copy_stream",
  "tests/engines/postgres/pg_dump",
  "tests/engines/postgres/write",
  "tests/fault/postgres_answers",
  "tests/migrate/run_together_postgres",
];

/**
 * Bundles the tests that meet a server as the program is bundled, stand-ins included, and the program with them.
 *
 * @param outdir Inside the checkout, where the packages are found that are not in the bundle
 * @returns The tests' files, relative to `outdir`
 * @throws {Error} When a suite has no file, or nothing asks for a stand-in
 */
export async function bundleTests(outdir: string): Promise<readonly string[]> {
  const root = projectFile(".");
  const tests = suites.flatMap(filesOf);
  const history = readHistoryFiles(projectFile("drizzle"));
  const options = bundleOptions(root, { version: "0.0.0", commit: null, history });
  await build({
    ...options,
    outdir,
    outbase: root,
    // A failure names a line of the bundle, which has to be legible: Bun follows no source map.
    minify: false,
    minifySyntax: true,
    entryPoints: [...tests, ...scripts],
    define: {
      ...options.define,
      // The files that tests look for are in the checkout, wherever the bundle is.
      "import.meta.url": JSON.stringify(new URL("project.ts", import.meta.url).href),
    },
    plugins: [besideTheBundle(root), ...options.plugins],
  });
  // The bundler calls it by another name.
  await mkdir(join(outdir, "src"));
  await writeFile(join(outdir, "src/main.js"), 'import "../stdin.js";');
  return tests.map((path) => `./${path.replace(/\.ts$/, ".js")}`);
}

function filesOf(suite: string): readonly string[] {
  const files = readdirSync(projectFile("tests"), { recursive: true, encoding: "utf8" })
    .map((path) => `tests/${path}`)
    .filter((path) => path.startsWith(suite) && path.endsWith("_test.ts"));
  if (files.length === 0) throw new Error(`Cannot bundle the tests of "${suite}": there are none`);
  return files.sort();
}

/** Leaves the tests' own clients as they are. */
function besideTheBundle(root: string): Plugin {
  return {
    name: "beside-the-bundle",
    setup(bundler) {
      bundler.onResolve(
        { filter: /^[a-z@]/ },
        ({ path, importer }) =>
          relative(root, importer).startsWith("tests/") && independent.includes(path)
            ? { path, external: true }
            : undefined,
      );
    },
  };
}
