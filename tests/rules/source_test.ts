import { stop, transform } from "esbuild";
import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { test } from "node:test";
import { projectFile } from "../support/project.ts";

/**
 * The floors of `src/`, from the ground up. A file imports from its own floor and from those below it. A folder belongs
 * to the longest name here that it begins with; one that begins with none has no place.
 */
const floors: readonly string[] = [
  "base",
  "base/url",
  "base/files",
  "sql",
  "schema",
  "history",
  "releases",
  "profile",
  "engines",
  "engines/sqlite",
  "engines/libsql",
  "engines/postgres",
  "engines/open",
  "hooks",
  "cli",
  "state",
  "backup",
  "migrate",
  "author",
  "adopt",
  "verify",
  "rehearse",
  "commands",
];

/** The rooms: they know how a verb is done and nothing of the command line that asks for it. */
const rooms: readonly string[] = [
  "hooks",
  "state",
  "backup",
  "migrate",
  "author",
  "adopt",
  "verify",
  "rehearse",
];

/** The floors on which what a function returns depends on its arguments alone; so it does in every `rules/`. */
const pureFloors: readonly string[] = ["base", "base/url", "sql", "schema", "history", "releases", "profile"];

/** What is pure among what has effects: words and names that the rooms' rules need too. */
const pureFiles: readonly string[] = [
  "engines/backup/content.ts",
  "engines/statement_names.ts",
  "engines/watch/figures.ts",
];

/** What stands on a pure floor and has effects: it reads files, or a parser's program. */
const impure: readonly string[] = ["history/read_history.ts", "sql/operations/postgres_parser.ts"];

/** The Node modules without effects. */
const pureModules: readonly string[] = ["node:crypto", "node:path", "node:util", "node:url"];

/** What no file but `main.ts` may use. */
const runtimes: readonly string[] = ["process", "Deno", "Bun", "console"];

/** What no pure file may use either. */
const sources: readonly string[] = [
  "Date.now",
  "performance",
  "Math.random",
  "crypto",
  "fetch",
  "setTimeout",
  "setInterval",
];

/** The most files of a folder. */
const most = 20;

interface SourceFile {
  /** Below `src/`. */
  readonly path: string;
  readonly folder: string;
  readonly text: string;
  /** Paths below `src/`. */
  readonly imports: readonly string[];
  /** Modules of others, with their prefix. */
  readonly modules: readonly string[];
  readonly globals: readonly string[];
}

const root = projectFile("src");
const paths = readdirSync(root, { recursive: true, encoding: "utf8" }).filter((path) => path.endsWith(".ts"));
const files: readonly SourceFile[] = await Promise.all(paths.map(async (path) => {
  const text = readFileSync(join(root, path), "utf8");
  const imported = importsOf(text);
  return {
    path,
    folder: dirname(path),
    text,
    imports: imported.filter((each) => each.startsWith(".")).map((each) => join(dirname(path), each)),
    modules: imported.filter((each) => !each.startsWith(".")),
    globals: await globalsOf(text),
  };
}));
await stop();

/** All but `main.ts`, which wires them to the process and may import whatever it likes. */
const placed = files.filter(({ path }) => path !== "main.ts");

test("every folder of the sources has its floor", () => {
  assert.deepEqual(broken(placed, ({ path }) => floorOf(path) === undefined), []);
});

test("imports go down", () => {
  const up = placed.flatMap(({ path, imports }) =>
    imports.filter((target) => heightOf(target) > heightOf(path)).map((target) => `${path} -> ${target}`)
  );
  assert.deepEqual(up, []);
});

test("no room imports from the command line", () => {
  const found = placed.filter(({ path }) => rooms.includes(path.split("/")[0] ?? ""))
    .flatMap(({ path, imports }) =>
      imports.filter((target) => target.startsWith("cli/")).map((target) => `${path} -> ${target}`)
    );
  assert.deepEqual(found, []);
});

test("no files import each other in a circle", () => {
  assert.deepEqual(circles(new Map(files.map(({ path, imports }) => [path, imports]))), []);
});

test("no folders import each other in a circle", () => {
  assert.deepEqual(circles(foldersOf(files)), []);
});

test(`no folder has more than ${most} files`, () => {
  const counts = new Map<string, number>();
  for (const { folder } of files) counts.set(folder, (counts.get(folder) ?? 0) + 1);
  assert.deepEqual([...counts].filter(([, count]) => count > most), []);
});

test("no file repeats the name of its folder in front of its own", () => {
  assert.deepEqual(
    broken(placed, ({ path, folder }) => basename(path).startsWith(`${basename(folder)}_`)),
    [],
  );
});

test("rules and the floors below the engines are pure", () => {
  const found = placed.filter(({ path }) => isPure(path)).flatMap(({ path, text, globals, modules }) => [
    ...globals.map((name) => `${path}: ${name}`),
    ...modules.filter((name) => name.startsWith("node:") && !pureModules.includes(name))
      .map((name) => `${path}: ${name}`),
    ...(/\bnew Date\(\)|\brandom(?:UUID|Bytes|Int)\(/.exec(text) ?? []).map((name) => `${path}: ${name}`),
  ]);
  assert.deepEqual(found, []);
});

test("rules import what has effects for its types only", () => {
  const found = placed.filter(({ path }) => isPure(path)).flatMap(({ path, text }) =>
    [...text.matchAll(/^(?:import|export) (?!type )[^;"]*? from "(\.[^"]+)"/gm)]
      .map((match) => join(dirname(path), match[1]!))
      .filter((target) => !isPure(target) && !onlyTypes(text, path, target))
      .map((target) => `${path} -> ${target}`)
  );
  assert.deepEqual(found, []);
});

test("nothing above the engines asks which driver it has", () => {
  const above = placed.filter(({ path }) => heightOf(path) > floors.indexOf("engines/open"));
  assert.deepEqual(broken(above, ({ text }) => /\bdriver\b/.test(withoutComments(text))), []);
});

test("what differs between dialects is a record of them, so that the compiler shows where a new one is missing", () => {
  assert.deepEqual(
    broken(
      placed,
      ({ text }) => /\b[dD]ialect\)? ?[!=]== ?"|"(?:sqlite|postgresql)" [!=]==/.test(withoutComments(text)),
    ),
    [],
  );
});

test("only main.ts knows the runtime, and nothing the console", () => {
  const found = placed.flatMap(({ path, globals, modules }) => [
    ...globals.filter((name) => runtimes.includes(name)).map((name) => `${path}: ${name}`),
    ...modules.filter((name) => /^(?:node:)?process$/.test(name)).map((name) => `${path}: ${name}`),
  ]);
  assert.deepEqual(found, []);
});

test("no file has a default export", () => {
  assert.deepEqual(
    broken(files, ({ text }) => /^export default\b|^export \{[^}]*\bas default\b/m.test(text)),
    [],
  );
});

test("the rules see what they forbid", async () => {
  const bad = [
    'import type { A } from "../cli/a.ts";',
    'export {\n  b,\n} from "./b.ts";',
    'import "node:process";',
    'const c = await import("../c.ts");',
    "const shadow = (process: string) => process.length + Date.now();",
    "Deno.exit(process.pid); // console.log()",
  ].join("\n");
  assert.deepEqual(importsOf(bad), ["../cli/a.ts", "./b.ts", "node:process", "../c.ts"]);
  assert.deepEqual(await globalsOf(bad), ["process", "Deno", "Date.now"]);
  assert.deepEqual(circles(new Map([["a", ["b"]], ["b", ["c"]], ["c", ["a"]], ["d", ["a"]]])), [
    "a -> b -> c -> a",
  ]);
  assert.equal(floorOf("attic/box.ts"), undefined);
  assert.equal(floorOf("engines/sqlite/backup/copy.ts"), "engines/sqlite");
  assert.equal(isPure("migrate/rules/plan.ts"), true);
  assert.equal(isPure("migrate/migrate.ts"), false);
  await stop();
});

function broken(among: readonly SourceFile[], isBroken: (file: SourceFile) => boolean): readonly string[] {
  return among.filter(isBroken).map(({ path }) => path);
}

function withoutComments(text: string): string {
  return text.replace(/\/\*[\s\S]*?\*\/|\/\/.*$/gm, "");
}

/** Returns the floor that a file stands on; `undefined` when nobody gave its folder one. */
function floorOf(path: string): string | undefined {
  return floors.filter((floor) => path.startsWith(`${floor}/`)).toSorted((a, b) => b.length - a.length)[0];
}

function heightOf(path: string): number {
  return floors.indexOf(floorOf(path) ?? "");
}

function isPure(path: string): boolean {
  if (path.includes("/rules/") || pureFiles.includes(path)) return true;
  return pureFloors.includes(floorOf(path) ?? "") && !impure.includes(path);
}

/** Says whether all that a file names of another are types. */
function onlyTypes(text: string, path: string, target: string): boolean {
  return [...text.matchAll(/^(?:import|export) (?!type )([^;"]*?) from "(\.[^"]+)"/gm)]
    .filter((match) => join(dirname(path), match[2]!) === target)
    .every((match) =>
      match[1]!.replace(/^\{|\}$/g, "").split(",").map((name) => name.trim())
        .every((name) => name === "" || name.startsWith("type "))
    );
}

/** Returns which folder imports from which others. */
function foldersOf(among: readonly SourceFile[]): ReadonlyMap<string, readonly string[]> {
  const targets = new Map<string, Set<string>>();
  for (const { folder, imports } of among) {
    const known = targets.get(folder) ?? new Set<string>();
    targets.set(folder, known);
    for (const target of imports) if (dirname(target) !== folder) known.add(dirname(target));
  }
  return new Map([...targets].map(([folder, known]) => [folder, [...known]]));
}

/** Returns the first circle found from each node that is in one, as `a -> b -> a`. */
function circles(graph: ReadonlyMap<string, readonly string[]>): readonly string[] {
  const done = new Set<string>();
  const found: string[] = [];
  const visit = (node: string, way: readonly string[]): void => {
    const at = way.indexOf(node);
    if (at >= 0) found.push([...way.slice(at), node].join(" -> "));
    if (at >= 0 || done.has(node)) return;
    for (const next of graph.get(node) ?? []) visit(next, [...way, node]);
    done.add(node);
  };
  for (const node of graph.keys()) visit(node, []);
  return found;
}

/** Returns what a file imports, types included, in the order of the text; the formatter settles how it is written. */
function importsOf(text: string): readonly string[] {
  const pattern = /^(?:import|export)\b[^;"]*?\bfrom "([^"]+)"|^import "([^"]+)"|\bimport\("([^"]+)"\)/gm;
  return [...text.matchAll(pattern)].map((match) => match[1] ?? match[2] ?? match[3] ?? "");
}

/** Returns which of the global names a file uses; esbuild replaces those only, not a variable of the same name. */
async function globalsOf(text: string): Promise<readonly string[]> {
  const names = [...runtimes, ...sources];
  const mark = (name: string) => `used_global_${name.replace(".", "_")}`;
  const define = Object.fromEntries(names.map((name) => [name, mark(name)]));
  const { code } = await transform(text, { loader: "ts", define, legalComments: "none" });
  return names.filter((name) => new RegExp(`\\b${mark(name)}\\b`).test(code));
}
