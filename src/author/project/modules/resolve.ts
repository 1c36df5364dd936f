import { existsSync, readFileSync, realpathSync, statSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { isRecord } from "../../../base/json_schema.ts";
import { aliasesOf, type PathAliases } from "./tsconfig.ts";
import { upwards } from "./upwards.ts";

/** Endings that an import may leave out. */
const endings = ["", ".ts", ".tsx", ".mts", ".js", ".mjs", ".cjs", ".json"];

/**
 * Returns the file that a module's name stands for where it is imported, as TypeScript and Node find it: beside the
 * file, by the `paths` of tsconfig.json, by the `imports` and `exports` of the package.json that it is under, in node_modules.
 * `null` when there is none.
 */
export function resolveModule(from: string, name: string): string | null {
  if (/^\.{0,2}\//.test(name) || name === "." || name === "..") return fileAt(resolve(dirname(from), name));
  if (name.startsWith("#")) return ownImport(from, name);
  const aliases = from.includes("/node_modules/") ? null : aliasesOf(dirname(from), inNodeModules);
  return (aliases === null ? null : aliased(aliases, name)) ?? inOwnPackage(from, name) ??
    inNodeModules(dirname(from), name);
}

/** Says whether a file is to be read as an ES module. */
export function isEsModule(path: string): boolean {
  if (/\.(?:mjs|[mc]?tsx?)$/.test(path)) return true;
  if (path.endsWith(".cjs")) return false;
  // A project's own .js file may be either, and is translated; one of a package is what its package.json says.
  return !path.includes("/node_modules/") || nearestPackage(dirname(path))?.json["type"] === "module";
}

function aliased({ base, paths }: PathAliases, name: string): string | null {
  const found = Object.entries(paths).flatMap(([pattern, targets]) => {
    const [head = "", tail] = pattern.split("*") as [string, string?];
    if (tail === undefined) return pattern === name ? [{ head, rest: "", targets }] : [];
    const fits = name.length >= head.length + tail.length && name.startsWith(head) && name.endsWith(tail);
    return fits ? [{ head, rest: name.slice(head.length, name.length - tail.length), targets }] : [];
  }).toSorted((a, b) => b.head.length - a.head.length);
  for (const { rest, targets } of found.slice(0, 1)) {
    for (const target of targets) {
      const path = fileAt(resolve(base, target.replace("*", () => rest)));
      if (path !== null) return path;
    }
  }
  return null;
}

function inNodeModules(start: string, name: string): string | null {
  const [, own, rest] = /^((?:@[^/]+\/)?[^/]+)(?:\/(.*))?$/.exec(name) ?? [];
  if (own === undefined) return null;
  for (const folder of upwards(start)) {
    const root = join(folder, "node_modules", own);
    if (!existsSync(root)) continue;
    const path = inPackage(realpathSync(root), rest === undefined ? "." : `./${rest}`);
    if (path !== null) return path;
  }
  return null;
}

/** Returns the folder in node_modules where a package is, for who imports something of it that is not there; `null` without one. */
export function installedPackage(from: string, own: string): string | null {
  const folders = [...upwards(dirname(from))].map((folder) => join(folder, "node_modules", own));
  return folders.find((each) => existsSync(each)) ?? null;
}

function inPackage(root: string, entry: string): string | null {
  const json = readPackage(root);
  if (json["exports"] !== undefined) return exported(root, json["exports"], entry);
  if (entry !== ".") return fileAt(join(root, entry));
  const main = json["main"];
  return (typeof main === "string" ? fileAt(join(root, main)) : null) ?? fileAt(root);
}

function ownImport(from: string, name: string): string | null {
  const found = nearestPackage(dirname(from));
  return isRecord(found?.json["imports"]) ? exported(found.root, found.json["imports"], name) : null;
}

/** A package with `exports` may call itself by its name. Source: https://nodejs.org/api/packages.html#self-referencing-a-package-using-its-name */
function inOwnPackage(from: string, name: string): string | null {
  const found = nearestPackage(dirname(from));
  const own = found?.json["name"];
  if (typeof own !== "string" || !(name === own || name.startsWith(`${own}/`))) return null;
  return exported(found!.root, found!.json["exports"], `.${name.slice(own.length)}`);
}

/** What a package's maps are asked for: a module that can be required goes before one that can be imported only. */
const conditions = [["node", "require", "default"], ["node", "import", "default"]];

/** Source: https://nodejs.org/api/packages.html#subpath-exports */
function exported(root: string, map: unknown, entry: string): string | null {
  const isSubpaths = isRecord(map) && Object.keys(map).some((key) => /^[.#]/.test(key));
  const entries: Readonly<Record<string, unknown>> = isSubpaths ? map : { ".": map };
  const [target, rest] = entryOf(entries, entry);
  for (const wanted of conditions) {
    const path = pick(target, wanted);
    if (path === null) continue;
    const full = path.replaceAll("*", () => rest);
    return full.startsWith("./") ? fileAt(join(root, full)) : resolveModule(join(root, "package.json"), full);
  }
  return null;
}

function entryOf(
  entries: Readonly<Record<string, unknown>>,
  entry: string,
): readonly [target: unknown, rest: string] {
  if (entries[entry] !== undefined) return [entries[entry], ""];
  const found = Object.keys(entries).filter((key) => key.includes("*")).flatMap((key) => {
    const [head, tail] = key.split("*") as [string, string];
    const fits = entry.startsWith(head) && entry.endsWith(tail) && entry.length >= key.length;
    return fits ? [{ key, head, rest: entry.slice(head.length, entry.length - tail.length) }] : [];
  }).toSorted((a, b) => b.head.length - a.head.length)[0];
  return found === undefined ? [null, ""] : [entries[found.key], found.rest];
}

function pick(target: unknown, wanted: readonly string[]): string | null {
  if (typeof target === "string") return target;
  if (Array.isArray(target)) {
    return target.map((each) => pick(each, wanted)).find((path) => path !== null) ?? null;
  }
  if (!isRecord(target)) return null;
  for (const [condition, inner] of Object.entries(target)) {
    const path = wanted.includes(condition) ? pick(inner, wanted) : null;
    if (path !== null) return path;
  }
  return null;
}

/** Returns the file of a path that may lack its ending, name another one than the source has, or be a folder. */
function fileAt(path: string): string | null {
  const stem = path.replace(/\.([mc]?)js$/, "");
  const candidates = [
    ...endings.map((ending) => path + ending),
    ...stem === path ? [] : [`${stem}.ts`, `${stem}.tsx`, `${stem}.mts`],
  ];
  const found = candidates.find((each) => existsSync(each) && statSync(each).isFile());
  if (found !== undefined) return found;
  if (!existsSync(path) || !statSync(path).isDirectory()) return null;
  const { main } = readPackage(path) as { readonly main?: unknown };
  return endings.slice(1).map((ending) => join(path, `index${ending}`)).find((each) => existsSync(each)) ??
    (typeof main === "string" ? fileAt(join(path, main)) : null);
}

function nearestPackage(start: string) {
  const root = [...upwards(start)].find((folder) => existsSync(join(folder, "package.json")));
  return root === undefined ? null : { root, json: readPackage(root) };
}

function readPackage(root: string): Readonly<Record<string, unknown>> {
  const path = join(root, "package.json");
  if (!existsSync(path)) return {};
  const json: unknown = JSON.parse(readFileSync(path, "utf8"));
  return isRecord(json) ? json : {};
}
