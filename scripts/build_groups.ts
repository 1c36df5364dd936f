import { writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { build, type Metafile } from "esbuild";
import { mainFile } from "./build_bundle.ts";

/** What is loaded together: a name → the modules of the checkout that are loaded by name. */
export type Groups = Readonly<Record<string, readonly string[]>>;

/**
 * What is loaded together becomes one file. Each group holds what these modules need, except for what the groups
 * before it hold.
 */
const everyDay: Groups = {
  "every-day": [
    "src/commands/program.ts",
    "src/commands/status.ts",
    "src/commands/current.ts",
    "src/commands/history.ts",
    "src/history/read_history.ts",
    "src/state/read_status.ts",
    "src/state/read_revisions.ts",
    "src/engines/open/database.ts",
  ],
  "upgrade": ["src/commands/migrate/upgrade.ts", "src/migrate/migrate.ts"],
  "unmanaged": ["src/state/read_unmanaged.ts"],
  "sqlite": ["src/engines/sqlite/driver.ts"],
  "libsql": ["src/engines/libsql/driver.ts"],
  "sqlite-schema": ["src/engines/sqlite/introspect.ts"],
  "postgres": ["src/engines/postgres/driver.ts"],
};

/**
 * Joins the many small files of a bundle that the commands of every day load one by one: to open a file takes longer
 * than to read it. In the place of each stands one that passes on what the group has, so that a module is still there
 * once, whoever asks for it.
 *
 * @throws {Error} That names a module which nothing loads by name, or which an earlier file holds already
 */
export async function joinFiles(
  outdir: string,
  { outputs }: Metafile,
  groups: Groups = everyDay,
): Promise<void> {
  const files = new Map(Object.entries(outputs).map(([path, output]) => [basename(path), output]));
  const fileOf = (module: string) => {
    const found = [...files].find(([, { entryPoint }]) => entryPoint === module);
    if (found === undefined) throw new Error(`Cannot group "${module}": nothing loads it by name`);
    return found[0];
  };
  const needed = (file: string, known: Set<string>): void => {
    if (known.has(file) || !files.has(file)) return;
    for (const { path, kind } of files.get(file)!.imports) {
      if (kind === "import-statement") needed(basename(path), known);
    }
    known.add(file);
  };

  const done = new Set<string>();
  needed(mainFile, done);
  for (const [name, modules] of Object.entries(groups)) {
    const known = new Set(done);
    for (const module of modules) {
      const file = fileOf(module);
      if (done.has(file)) throw new Error(`Cannot group "${module}" in "${name}": an earlier file holds it`);
      needed(file, known);
    }
    const members = [...known].filter((file) => !done.has(file));
    const exported = members.map((file, index) =>
      files.get(file)!.exports.map((word) => ({ word, as: `m${index}_${word}` }))
    );
    const list = (pairs: readonly string[]) => `{ ${pairs.join(", ")} }`;
    const contents = members.map((file, index) => {
      const names = list(exported[index]!.map(({ word, as }) => `${word} as ${as}`));
      return `import "./${file}"; export ${names} from "./${file}";`;
    });
    const isMember = (path: string) => members.includes(basename(path));
    await build({
      stdin: { contents: contents.join("\n"), resolveDir: outdir },
      outfile: join(outdir, `${name}.js`),
      bundle: true,
      minify: true,
      format: "esm",
      platform: "node",
      target: "esnext",
      legalComments: "none",
      logLevel: "silent",
      plugins: [{
        name: "members-only",
        setup(bundler) {
          bundler.onResolve(
            { filter: /^\./ },
            ({ path, kind }) =>
              kind === "dynamic-import" || !isMember(path) ? { path, external: true } : undefined,
          );
        },
      }],
    });
    for (const [index, file] of members.entries()) {
      const names = list(exported[index]!.map(({ word, as }) => `${as} as ${word}`));
      writeFileSync(join(outdir, file), `export ${names} from "./${name}.js";\n`);
    }
    members.forEach((file) => done.add(file));
  }
}
