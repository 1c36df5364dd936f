import { writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { build, type BuildOptions, type Metafile } from "esbuild";
import { mainFile } from "./build_bundle.ts";
import { type Needed, opening, packedEnding, writePacked } from "./build_packed.ts";

/** What is loaded together: a name → the modules of the checkout that are loaded by name. */
export type Groups = Readonly<Record<string, readonly string[]>>;

/**
 * What is loaded together becomes one file. Each group holds what these modules need, except for what the groups
 * before it hold.
 */
const everyDay: Groups = {
  "program": ["src/commands/program.ts"],
  "any-line": ["src/commands/any_line.ts"],
  "every-day": [
    "src/commands/run_command.ts",
    "src/commands/status.ts",
    "src/commands/current.ts",
    "src/commands/history.ts",
    "src/history/read_history.ts",
    "src/state/read_status.ts",
    "src/state/read_revisions.ts",
    "src/engines/open/database.ts",
    "src/engines/history_for.ts",
    "src/hooks/due_after.ts",
    "src/state/check_rights.ts",
  ],
  "upgrade": [
    "src/commands/migrate/upgrade.ts",
    "src/migrate/clear_beside.ts",
    "src/migrate/migrate.ts",
    "src/migrate/prepare_plan.ts",
    "src/migrate/steps/run_steps.ts",
  ],
  "unmanaged": ["src/state/read_unmanaged.ts"],
  "sqlite": ["src/engines/sqlite/driver.ts"],
  "libsql": ["src/engines/libsql/driver.ts"],
  "sqlite-schema": ["src/engines/sqlite/introspect.ts"],
  "postgres": ["src/engines/postgres/driver.ts", "src/engines/postgres/missing_rights.ts"],
};

/** The group that holds what two of these need, so that none of them loads another for the sake of a little. */
const apart = { names: ["upgrade", "sqlite", "postgres"], heldBy: "every-day" };

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
  const files = filesOf(outputs);
  const fileOf = (module: string) => {
    const found = [...files].find(([, { entryPoint }]) => entryPoint === module);
    if (found === undefined) throw new Error(`Cannot group "${module}": nothing loads it by name`);
    return found[0];
  };

  const needs = apart.names.map((name) => {
    const known = new Set<string>();
    groups[name]?.forEach((module) => addNeeded(files, fileOf(module), known));
    return known;
  });
  const shared = [...files.keys()].filter((file) => needs.filter((known) => known.has(file)).length > 1);

  const done = new Set<string>();
  addNeeded(files, mainFile, done);
  const joined = new Set<string>();
  for (const [name, modules] of Object.entries(groups)) {
    const known = new Set(done);
    if (name === apart.heldBy) shared.forEach((file) => known.add(file));
    for (const module of modules) {
      const file = fileOf(module);
      if (done.has(file)) throw new Error(`Cannot group "${module}" in "${name}": an earlier file holds it`);
      addNeeded(files, file, known);
    }
    const members = [...known].filter((file) => !done.has(file));
    // What an earlier group has is taken from there, and not by way of the file that passes it on.
    await build({
      ...joining([...members, ...joined]),
      stdin: entryFor(outdir, files, members),
      format: "esm",
      outfile: join(outdir, `${name}.js`),
    });
    passOn(outdir, files, { name, members });
    members.forEach((file) => done.add(file) && joined.add(file));
  }
  const others = [...files.keys()].filter((file) => file.endsWith(".js") && !joined.has(file));
  await build({
    ...joining([...joined]),
    entryPoints: others.map((file) => join(outdir, file)),
    format: "esm",
    outdir,
    allowOverwrite: true,
  });
}

/**
 * Packs what only modules below some folders need: it becomes text that is compiled when one of them is loaded, instead of
 * bytecode, which is seven times as large. For what a server never runs. What `listedBy` loads by name stays outside: it says
 * of what is packed that it is there, and is asked without it.
 *
 * @returns The files whose code is packed
 * @throws {Error} When nothing is loaded by name from there, or a file waits for something at its top level
 */
export async function packFiles(
  outdir: string,
  { inputs, outputs }: Metafile,
  { name, folders, listedBy }: Seldom = seldom,
): Promise<readonly string[]> {
  const files = filesOf(outputs);
  const listed = new Set(inputs[listedBy]?.imports.map(({ path }) => path));
  const isInside = (module: string) =>
    !listed.has(module) && folders.some((folder) => module.startsWith(`${folder}/`));
  const others = new Set<string>();
  const all = new Set<string>();
  for (const [file, { entryPoint, imports }] of files) {
    // What is packed already is looked for beside the file that asks for it.
    if (imports.some(({ path }) => path.endsWith(packedEnding))) addNeeded(files, file, others);
    else if (entryPoint !== undefined) addNeeded(files, file, isInside(entryPoint) ? all : others);
  }
  const members = [...all].filter((file) => !others.has(file));
  if (members.length === 0) throw new Error(`Cannot pack "${name}": nothing there is loaded by name`);

  const { outputFiles, metafile } = await build({
    ...joining(members),
    stdin: entryFor(outdir, files, members),
    format: "cjs",
    metafile: true,
    write: false,
  });
  const imports = Object.values(metafile.outputs).flatMap((output) => output.imports)
    .filter(({ path }) => path.startsWith("./"));
  const pathsOf = (those: typeof imports) => [...new Set(those.map(({ path }) => path))];
  const isLater = ({ kind }: { readonly kind: string }) => kind === "dynamic-import";
  const later = pathsOf(imports.filter(isLater));
  // A script has no place of its own from which `import` would find a file.
  const script = later.reduce(
    (text, path) => text.replaceAll(`import(${JSON.stringify(path)})`, `later[${JSON.stringify(path)}]()`),
    new TextDecoder().decode(outputFiles![0]!.contents),
  );
  const at = `./${name}${packedEnding}`;
  writePacked(join(outdir, at), script);
  const now = await takenNames(outdir, pathsOf(imports.filter((each) => !isLater(each))), script);
  const names = members.flatMap((file, index) => files.get(file)!.exports.map((word) => alias(word, index)));
  writeFileSync(join(outdir, `${name}.js`), opening(names, at, { now, later }));
  passOn(outdir, files, { name, members });
  return members;
}

/** Returns what files of a bundle have by names that stand in a script. */
async function takenNames(outdir: string, paths: readonly string[], script: string): Promise<Needed["now"]> {
  const entryPoints = paths.map((path) => join(outdir, path));
  const { metafile } = await build({
    ...joining([]),
    entryPoints,
    format: "esm",
    outdir,
    metafile: true,
    write: false,
    allowOverwrite: true,
  });
  const words = new Set(script.match(/[\w$]+/g));
  const outputs = filesOf(metafile.outputs);
  return paths.map((path) => [path, outputs.get(basename(path))!.exports.filter((name) => words.has(name))]);
}

interface Seldom {
  readonly name: string;
  readonly folders: readonly string[];
  readonly listedBy: string;
}

/**
 * What developers run, or an operator once, as a takeover, or what takes its time anyhow, as a rehearsal: a server's start-up and download count
 * more. Help of all commands is for everybody.
 */
const seldom: Seldom = {
  name: "seldom",
  folders: [
    "src/commands/author",
    "src/author",
    "src/adopt",
    "src/commands/schedule",
    "src/commands/migrate/rehearsal",
    "src/rehearse",
  ],
  listedBy: "src/commands/all.ts",
};

type Files = ReadonlyMap<string, Metafile["outputs"][string]>;

function filesOf(outputs: Metafile["outputs"]): Files {
  return new Map(Object.entries(outputs).map(([path, output]) => [basename(path), output]));
}

/** Adds a file, and behind all that it needs at once. */
function addNeeded(files: Files, file: string, known: Set<string>): void {
  if (known.has(file) || !files.has(file)) return;
  for (const { path, kind } of files.get(file)!.imports) {
    if (kind === "import-statement") addNeeded(files, basename(path), known);
  }
  known.add(file);
}

const alias = (word: string, index: number) => `m${index}_${word}`;

const list = (pairs: readonly string[]) => `{ ${pairs.join(", ")} }`;

/** Returns code that needs files of a bundle and has the names of each. */
function entryFor(outdir: string, files: Files, members: readonly string[]) {
  const contents = members.map((file, index) => {
    const names = list(files.get(file)!.exports.map((word) => `${word} as ${alias(word, index)}`));
    return `import "./${file}"; export ${names} from "./${file}";`;
  });
  return { contents: contents.join("\n"), resolveDir: outdir };
}

/** Returns how files of a bundle are joined: what is inside becomes part of the one that needs it. */
function joining(inside: readonly string[]) {
  const isInside = (path: string) => inside.includes(basename(path));
  return {
    bundle: true,
    minify: true,
    platform: "node",
    target: "esnext",
    legalComments: "none",
    logLevel: "silent",
    plugins: [{
      name: "inside-only",
      setup(bundler) {
        bundler.onResolve(
          { filter: /^\./ },
          ({ path, kind }) =>
            kind === "entry-point" || kind !== "dynamic-import" && isInside(path)
              ? undefined
              : { path, external: true },
        );
      },
    }],
  } satisfies BuildOptions;
}

/** Puts in the place of each file of a group one that passes on what the group has. */
function passOn(
  outdir: string,
  files: Files,
  { name, members }: { readonly name: string; readonly members: readonly string[] },
): void {
  for (const [index, file] of members.entries()) {
    const names = list(files.get(file)!.exports.map((word) => `${alias(word, index)} as ${word}`));
    writeFileSync(join(outdir, file), `export ${names} from "./${name}.js";\n`);
  }
}
