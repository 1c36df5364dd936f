import type { Dialect } from "../base/dialect.ts";
import { existsSync, readFileSync, statSync } from "node:fs";
import { createRequire } from "node:module";
import { basename, dirname, extname, join, resolve } from "node:path";
import { runInThisContext } from "node:vm";
import { is } from "drizzle-orm";
import { PgTable } from "drizzle-orm/pg-core";
import { SQLiteTable } from "drizzle-orm/sqlite-core";
import { transform } from "sucrase";
import { HarborError, messageOf } from "../base/errors.ts";
import { isRecord } from "../base/json_schema.ts";

/** What a schema.ts exports, by the dialect that it is for. */
export type SchemaTables = ReadonlyMap<Dialect, Readonly<Record<string, unknown>>>;

/** The modules that harbor-db brings along, so that a schema.ts works in a folder without node_modules. */
const ownModules: Readonly<Record<string, () => Promise<unknown>>> = {
  "drizzle-orm": () => import("drizzle-orm"),
  "drizzle-orm/pg-core": () => import("drizzle-orm/pg-core"),
  "drizzle-orm/sqlite-core": () => import("drizzle-orm/sqlite-core"),
};

/**
 * Runs a schema.ts and returns the Drizzle tables that it exports, on their own or in objects, by dialect.
 *
 * It is translated and linked here and not by the runtime, so that it is the same on all of them, and `drizzle-orm` is
 * harbor-db's own: what is generated does not depend on what is installed. Other modules come from node_modules.
 *
 * @throws {HarborError} `bad_schema` with file, line and what is wrong
 */
export async function loadSchema(file: string): Promise<SchemaTables> {
  const own = new Map<string, unknown>();
  for (const [name, load] of Object.entries(ownModules)) own.set(name, await load());
  const loaded = new Map<string, { exports: unknown }>();
  const exported = requireFile(resolve(file));
  const tables = new Map<Dialect, Record<string, unknown>>();
  collect(exported, tables);
  if (tables.size > 0) return tables;
  throw badSchema(file, "it exports no Drizzle tables", "export const files = sqliteTable(…)");

  function requireFile(path: string): unknown {
    const known = loaded.get(path);
    if (known !== undefined) return known.exports;
    const text = readText(path);
    const module: { exports: unknown } = { exports: {} };
    loaded.set(path, module);
    if (extname(path) === ".json") return module.exports = JSON.parse(text);
    run(path, text, module);
    return module.exports;
  }

  function run(path: string, text: string, module: { exports: unknown }): void {
    const require = (name: string) => {
      if (own.has(name)) return own.get(name);
      return name.startsWith(".") ? requireFile(resolveFile(path, name)) : requirePackage(path, name);
    };
    try {
      const { code } = transform(text, {
        transforms: ["typescript", "imports"],
        filePath: path,
        production: true,
      });
      // On one line with the first of the file, so that lines stay what they were.
      const body = runInThisContext(`(function (exports, require, module) {${code}\n})`, { filename: path });
      body(module.exports, require, module);
    } catch (error) {
      throw error instanceof HarborError ? error : explain(error, path);
    }
  }
}

function readText(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    const state = code === "ENOENT" ? "there is no such file" : message;
    throw badSchema(path, state, "Name it: --schema schema.ts");
  }
}

function resolveFile(from: string, name: string): string {
  const path = resolve(dirname(from), name);
  const stem = path.replace(/\.[mc]?js$/, "");
  const candidates = [path, `${path}.ts`, `${path}.js`, `${stem}.ts`, join(path, "index.ts")];
  const found = candidates.find((each) => existsSync(each) && statSync(each).isFile());
  if (found !== undefined) return found;
  throw badSchema(from, `it imports "${name}", and there is no such file`);
}

function requirePackage(from: string, name: string): unknown {
  try {
    return createRequire(from)(name);
  } catch (error) {
    throw badSchema(
      from,
      `it imports "${name}", which cannot be loaded: ${firstLine(error)}`,
      `harbor-db brings ${Object.keys(ownModules).join(", ")}; anything else has to be in node_modules.`,
    );
  }
}

/** Adds a file's name and line to what went wrong in it. */
function explain(error: unknown, path: string): HarborError {
  const message = firstLine(error);
  // Sucrase says "Error transforming FILE: … (12:5)"; lines stay what they were.
  const [, said, at] = /^(?:Error transforming .*?: )?(.*?)(?: \((\d+):\d+\))?$/.exec(message)!;
  const stack = error instanceof Error ? error.stack ?? "" : "";
  const line = at ?? stack.split(`${basename(path)}:`)[1]?.match(/^\d+/)?.[0];
  return badSchema(line === undefined ? path : `${path}:${line}`, said!, undefined, error);
}

function firstLine(error: unknown): string {
  return messageOf(error).split("\n")[0]!;
}

function badSchema(where: string, state: string, hint?: string, cause?: unknown): HarborError {
  return new HarborError("bad_schema", `Cannot load "${where}": ${state}`, {
    ...hint === undefined ? {} : { hint },
    details: { file: where.replace(/:\d+$/, ""), line: Number(/:(\d+)$/.exec(where)?.[1] ?? 0) || null },
    cause,
  });
}

/** Finds tables among a module's exports, and in the objects among them. */
function collect(exported: unknown, tables: Map<Dialect, Record<string, unknown>>): void {
  if (!isRecord(exported)) return;
  for (const [name, value] of Object.entries(exported)) {
    if (add(name, value, tables) || !isRecord(value)) continue;
    for (const [inner, item] of Object.entries(value)) add(inner, item, tables);
  }
}

function add(name: string, value: unknown, tables: Map<Dialect, Record<string, unknown>>): boolean {
  const dialect = is(value, SQLiteTable) ? "sqlite" : is(value, PgTable) ? "postgresql" : null;
  if (dialect === null) return false;
  tables.set(dialect, { ...tables.get(dialect), [name]: value });
  return true;
}
