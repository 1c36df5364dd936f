import { type Dialect, dialects } from "../base/dialect.ts";
import { existsSync, readFileSync, statSync } from "node:fs";
import { createRequire } from "node:module";
import { basename, dirname, extname, join, resolve } from "node:path";
import { runInThisContext } from "node:vm";
import { is } from "drizzle-orm/entity";
import { getTableConfig, isPgEnum, PgTable } from "drizzle-orm/pg-core";
import { SQLiteTable } from "drizzle-orm/sqlite-core";
import { transform } from "sucrase";
import { HarborError, messageOf } from "../base/errors.ts";
import { otherKind } from "../base/files/regular_file.ts";
import { isRecord } from "../base/json_schema.ts";
import { refuseFaults, refuseOtherThing } from "./rules/schema_faults.ts";
import { type Casing, enumOf, sqliteTables } from "../schema/twins/tables.ts";

/** What a schema.ts exports. */
export interface LoadedSchema {
  /** The dialects that it is for, where it says so: `export const dialects = ["postgresql"]`. */
  readonly dialects: readonly Dialect[] | null;
  /** The dialects of which it has tables of their own. */
  readonly declared: readonly Dialect[];
  /** How drizzle-kit names columns that have no name of their own: `export const casing = "snake_case"`. */
  readonly casing: Casing | undefined;
  /**
   * Returns the tables of a dialect, with the enum types that they use, as drizzle-kit takes them. SQLite's are derived
   * from PostgreSQL's unless there are some. `null` when there are none.
   *
   * @throws {HarborError} `bad_schema` when a table has something that the dialect cannot have
   */
  tablesFor(dialect: Dialect): Readonly<Record<string, unknown>> | null;
}

/** The modules that harbor-db brings along, so that a schema.ts works in a folder without node_modules. */
const ownModules: Readonly<Record<string, () => Promise<unknown>>> = {
  "drizzle-orm": () => import("drizzle-orm"),
  "drizzle-orm/pg-core": () => import("drizzle-orm/pg-core"),
  "drizzle-orm/sqlite-core": () => import("drizzle-orm/sqlite-core"),
  "harbor-db": () => import("../schema/twins/words.ts"),
};

/**
 * Runs a schema.ts and returns what it exports: Drizzle tables, on their own or in objects.
 *
 * It is translated and linked here and not by the runtime, so that it is the same on all of them, and `drizzle-orm` is
 * harbor-db's own: what is generated does not depend on what is installed. Other modules come from node_modules.
 *
 * @throws {HarborError} `bad_schema` with file, line and what is wrong
 */
export async function loadSchema(file: string): Promise<LoadedSchema> {
  const own = new Map<string, unknown>();
  for (const [name, load] of Object.entries(ownModules)) own.set(name, await load());
  const loaded = new Map<string, { exports: unknown }>();
  const exported = requireFile(resolve(file));
  return readExports(file, exported);

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
    const kind = otherKind(statSync(path));
    if (kind !== null) throw badSchema(path, `it is ${kind}`, "Name it: --schema <file>");
    return readFileSync(path, "utf8");
  } catch (error) {
    if (error instanceof HarborError) throw error;
    const { code, message } = error as NodeJS.ErrnoException;
    const state = code === "ENOENT" ? "there is no such file" : message;
    throw badSchema(path, state, "Name it: --schema <file>");
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
    hint,
    details: { file: where.replace(/:\d+$/, ""), line: Number(/:(\d+)$/.exec(where)?.[1] ?? 0) || null },
    cause,
  });
}

/**
 * Reads what a schema.ts exports.
 *
 * @throws {HarborError} `bad_schema`
 */
export function readExports(file: string, exported: unknown): LoadedSchema {
  const found = { sqlite: new Map<string, SQLiteTable>(), postgresql: new Map<string, PgTable>() };
  const enums = new Map<string, unknown>();
  const settings = isRecord(exported) ? exported : {};
  for (const [name, value] of everything(settings)) {
    if (is(value, SQLiteTable)) keep(found.sqlite, name, value);
    else if (is(value, PgTable)) keep(found.postgresql, name, value);
    else if (isPgEnum(value)) keep(enums, name, value);
    else refuseOtherThing(name, value);
  }
  const declared = dialects.filter((dialect) => found[dialect].size > 0);
  if (declared.length === 0) {
    throw badSchema(file, "it exports no Drizzle tables", 'export const files = pgTable("files", …)');
  }
  const postgresql = [...found.postgresql.values()];
  refuseFaults(postgresql);
  // A type that a column has is part of the schema, exported or not.
  for (const column of postgresql.flatMap((table) => getTableConfig(table).columns)) {
    const type = enumOf(column);
    if (type !== undefined) keep(enums, `enum ${type.enumName}`, type);
  }
  const casing = oneOf(file, "casing", settings["casing"], ["snake_case", "camelCase"]);
  /** What drizzle-kit takes of each dialect, where the schema has no tables of that dialect's own and where it has. */
  const makers: Readonly<Record<Dialect, Makers>> = {
    sqlite: {
      derived: () =>
        postgresql.length === 0 ? null : sqliteTables(Object.fromEntries(found.postgresql), { casing }),
      declared: () => Object.fromEntries(found.sqlite),
    },
    postgresql: {
      derived: () => null,
      declared: () => Object.fromEntries<unknown>([...found.postgresql, ...enums]),
    },
  };
  return {
    declared,
    casing,
    dialects: readDialects(file, settings["dialects"]),
    tablesFor: (dialect) => makers[dialect][found[dialect].size === 0 ? "derived" : "declared"](),
  };
}

type MakeTables = () => Readonly<Record<string, unknown>> | null;

type Makers = Readonly<Record<"derived" | "declared", MakeTables>>;

/** Returns a module's exports, and what is in the objects among them. */
function everything(exported: Readonly<Record<string, unknown>>): readonly (readonly [string, unknown])[] {
  return Object.entries(exported).flatMap(([name, value]) => {
    const isPlain = isRecord(value) && [Object.prototype, null].includes(Object.getPrototypeOf(value));
    return isPlain ? Object.entries(value) : [[name, value] as const];
  });
}

/** Keeps a thing once, however often it is exported. */
function keep<T>(known: Map<string, T>, name: string, value: T): void {
  if (![...known.values()].includes(value)) known.set(name, value);
}

function readDialects(file: string, said: unknown): readonly Dialect[] | null {
  if (said === undefined) return null;
  if (Array.isArray(said) && said.length > 0) {
    return said.map((each) => oneOf(file, "dialects", each, dialects)!);
  }
  throw badSchema(
    file,
    "dialects is no list of dialects",
    'export const dialects = ["sqlite", "postgresql"];',
  );
}

function oneOf<const T extends string>(
  file: string,
  name: string,
  said: unknown,
  allowed: readonly T[],
): T | undefined {
  if (said === undefined) return undefined;
  const found = allowed.find((each) => each === said);
  if (found !== undefined) return found;
  throw badSchema(file, `${name} is ${JSON.stringify(said)}`, `It can be ${allowed.join(" or ")}.`);
}
