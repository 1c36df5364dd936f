import { readFileSync, statSync } from "node:fs";
import { createRequire, isBuiltin } from "node:module";
import { dirname, extname } from "node:path";
import { pathToFileURL } from "node:url";
import { runInThisContext } from "node:vm";
import { transform } from "sucrase";
import { HarborError, messageOf } from "../../../base/errors.ts";
import { otherKind } from "../../../base/files/regular_file.ts";
import { writtenText } from "../../../base/files/written_text.ts";
import { installedPackage, isEsModule, resolveModule } from "./resolve.ts";
import { openStarExports, starredIn } from "./stars.ts";

/** What a module and all that it imports gave. */
export interface RanModule {
  readonly exports: unknown;
  /** The texts of the project's own files among them, by path. */
  readonly texts: ReadonlyMap<string, string>;
}

interface Module {
  exports: unknown;
}

/**
 * Runs a module of the project. It and what it imports are translated and linked here and not by the runtime, so that
 * it is the same on all of them, the binary included.
 *
 * @param file Of several, each gives its exports under its path
 * @param own Modules that are given by name, whatever is installed
 * @throws {HarborError} `bad_schema` with file, line and what is wrong
 */
export function runModule(
  file: string | readonly string[],
  own: ReadonlyMap<string, unknown>,
): RanModule {
  const loaded = new Map<string, Module>();
  const texts = new Map<string, string>();
  const stars = openStarExports();
  const exports = typeof file === "string"
    ? load(file)
    : Object.fromEntries(file.map((each) => [each, load(each)]));
  return { exports, texts };

  function load(path: string): unknown {
    const known = loaded.get(path);
    if (known !== undefined) return known.exports;
    const module: Module = { exports: {} };
    loaded.set(path, module);
    if (extname(path) === ".node") return module.exports = createRequire(path)(path);
    const text = readText(path);
    if (extname(path) === ".json") return module.exports = JSON.parse(text);
    run(path, text, module);
    return module.exports;
  }

  function run(path: string, text: string, module: Module): void {
    const isOwn = !path.includes("/node_modules/");
    if (isOwn) texts.set(path, text);
    const starred = isOwn ? starredIn(text) : new Set();
    const require = (name: string) => {
      if (own.has(name)) return own.get(name);
      if (isBuiltin(name)) return createRequire(path)(name);
      const found = resolveModule(path, name);
      if (found === null) throw notFound(path, text, name);
      if (isOwn && found.includes("/node_modules/")) return loadPackage({ path, text, name }, found);
      const exports = load(found);
      if (starred.has(name)) stars.note(module, loaded.get(found)!);
      return exports;
    };
    try {
      const meta = { url: pathToFileURL(path).href, filename: path, dirname: dirname(path) };
      const body = compile(path, isEsModule(path) ? translate(path, text) : text);
      body(module.exports, require, module, path, dirname(path), meta);
      if (isOwn) stars.settle(module);
    } catch (error) {
      throw error instanceof HarborError || !isOwn ? error : explain(error, path, text);
    }
  }

  function loadPackage({ path, text, name }: Import, found: string): unknown {
    try {
      return load(found);
    } catch (error) {
      throw badSchema(
        importPlace(path, text, name),
        `it imports "${name}", which fails: ${firstLine(error)}`,
        {
          cause: error,
        },
      );
    }
  }
}

interface Import {
  readonly path: string;
  readonly text: string;
  readonly name: string;
}

function translate(path: string, text: string): string {
  const { code } = transform(text, {
    transforms: ["typescript", "imports", ...path.endsWith("x") ? ["jsx" as const] : []],
    filePath: path,
    production: true,
  });
  return code.replaceAll(/\bimport\.meta\b/g, "importMeta");
}

const parameters = "exports, require, module, __filename, __dirname, importMeta";

function compile(path: string, code: string): (...args: readonly unknown[]) => void {
  // On one line with the first of the file, so that lines stay what they were.
  return runInThisContext(`(function (${parameters}) {${code.replace(/^#!/, "//")}\n})`, { filename: path });
}

function readText(path: string): string {
  try {
    const kind = otherKind(statSync(path));
    if (kind !== null) throw badSchema(path, `it is ${kind}`, { hint: "Name it: --schema <file>" });
    const bytes = readFileSync(path);
    // Packages have comments in anything.
    if (path.includes("/node_modules/")) return bytes.toString();
    return writtenText(bytes, (state) => badSchema(path, state, { hint: "Save it as UTF-8." }));
  } catch (error) {
    if (error instanceof HarborError) throw error;
    const { code, message } = error as NodeJS.ErrnoException;
    const state = code === "ENOENT" ? "there is no such file" : message;
    throw badSchema(path, state, { hint: "Name it: --schema <file>" });
  }
}

function notFound(path: string, text: string, name: string): HarborError {
  const where = importPlace(path, text, name);
  if (/^[./]/.test(name)) return badSchema(where, `it imports "${name}", and there is no such file`);
  const [own] = /^(?:@[^/]+\/)?[^/]+/.exec(name) ?? [name];
  if (!/^(?:@\w[\w.-]*\/)?\w[\w.-]*$/.test(own)) {
    const names = name.startsWith("#") ? 'the "imports" of package.json' : 'the "paths" of tsconfig.json';
    return badSchema(where, `it imports "${name}", and ${names} lead to no such file`);
  }
  const folder = installedPackage(path, own);
  if (folder !== null) {
    return badSchema(where, `it imports "${name}", and "${folder}" has no file for that`, {
      hint: "Where it is a package of this repository, build it first.",
    });
  }
  return badSchema(where, `it imports "${name}", which no node_modules here has`, {
    hint: `npm install ${own}`,
  });
}

function importPlace(path: string, text: string, name: string): string {
  const quotes = ['"', "'", "`"].map((quote) => text.indexOf(quote + name + quote));
  return placeOf(path, text, quotes.find((at) => at >= 0) ?? -1);
}

function placeOf(path: string, text: string, at: number): string {
  return at < 0 ? path : `${path}:${text.slice(0, at).split("\n").length}`;
}

/** Adds a file's name and line to what went wrong in it. */
function explain(error: unknown, path: string, text: string): HarborError {
  const awaits = error instanceof SyntaxError ? topLevelAwait(path, text) : null;
  if (awaits !== null) {
    return badSchema(placeOf(path, text, awaits), "it awaits something outside of a function", {
      hint: "What a schema is made of has to be there at once: readFileSync() reads a file so.",
      cause: error,
    });
  }
  const message = firstLine(error);
  // Sucrase says "Error transforming FILE: … (12:5)"; lines stay what they were.
  const [, said, at] = /^(?:Error transforming .*?: )?(.*?)(?: \((\d+):\d+\))?$/.exec(message)!;
  const stack = error instanceof Error ? error.stack ?? "" : "";
  const line = at ?? stack.split(`${path}:`)[1]?.match(/^\d+/)?.[0];
  return badSchema(line === undefined ? path : `${path}:${line}`, said!, { cause: error });
}

/**
 * Returns where a file awaits outside of a function; `null` when that is not what is wrong with it. Runtimes say it in
 * words of their own, and none with its place.
 */
function topLevelAwait(path: string, text: string): number | null {
  const places = [...text.matchAll(/\bawait\b/g)].map(({ index }) => index);
  let changed = text;
  for (const at of places) {
    changed = `${changed.slice(0, at)}void ${changed.slice(at + "await".length)}`;
    try {
      compile(path, translate(path, changed));
      return at;
    } catch {
      // There is another one, or something else is wrong.
    }
  }
  return null;
}

/**
 * Returns the error for code of the project's that fails when what it exports is read: the callbacks of tables, getters.
 *
 * @param texts The project's own files, of which the place is one where the error tells it
 */
export function failedInExports(
  error: unknown,
  file: string,
  texts: ReadonlyMap<string, string>,
): HarborError {
  const stack = error instanceof Error ? error.stack ?? "" : "";
  const [place] = [...texts.keys()].map((path) => ({ path, at: stack.indexOf(`${path}:`) }))
    .filter(({ at }) => at >= 0).toSorted((a, b) => a.at - b.at);
  const line = place && /^\d+/.exec(stack.slice(place.at + place.path.length + 1))?.[0];
  const where = line === undefined ? file : `${place!.path}:${line}`;
  return badSchema(where, `what it exports cannot be read: ${firstLine(error)}`, { cause: error });
}

function firstLine(error: unknown): string {
  return messageOf(error).split("\n")[0]!;
}

/** Returns the error for a file that cannot be loaded, given as `schema.ts` or `schema.ts:12`. */
export function badSchema(
  where: string,
  state: string,
  { hint, cause }: { readonly hint?: string; readonly cause?: unknown } = {},
): HarborError {
  return new HarborError("bad_schema", `Cannot load "${where}": ${state}`, {
    hint,
    details: { file: where.replace(/:\d+$/, ""), line: Number(/:(\d+)$/.exec(where)?.[1] ?? 0) || null },
    cause,
  });
}
