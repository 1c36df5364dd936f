import { type Dialect, dialects } from "../../base/dialect.ts";
import { basename, resolve } from "node:path";
import { is } from "drizzle-orm/entity";
import { getTableConfig, isPgSchema, PgArray, PgRole, pgSchema, PgTable } from "drizzle-orm/pg-core";
import { SQLiteTable } from "drizzle-orm/sqlite-core";
import { HarborError } from "../../base/errors.ts";
import { isRecord } from "../../base/json_schema.ts";
import { badSchema, failedInExports, runModule } from "./modules/run.ts";
import { refuseUncasedViews } from "../rules/exports/cased_views.ts";
import { refuseWrongDefaults } from "../rules/exports/default_values.ts";
import { isDefaultSchema } from "../../sql/table_names.ts";
import {
  type MadeRole,
  otherThing,
  refuseFaults,
  refuseSchemas,
  refuseWrongTypes,
  schemaOf,
} from "../rules/exports/faults.ts";
import { refuseNames } from "../rules/exports/names.ts";
import { sqliteViews } from "../../schema/twins/views.ts";
import { type Casing, enumOf, sqliteTables } from "../../schema/twins/tables.ts";

/** What a schema.ts exports. */
export interface LoadedSchema {
  /** The dialects that it is for, where it says so: `export const dialects = ["postgresql"]`. */
  readonly dialects: readonly Dialect[] | null;
  /** The dialects of which it has tables of their own. */
  readonly declared: readonly Dialect[];
  /** How drizzle-kit names columns that have no name of their own: `export const casing = "snake_case"`. */
  readonly casing: Casing | undefined;
  /** The roles that it names, whoever makes them. */
  readonly roles: readonly string[];
  /**
   * Returns the tables of a dialect, with the enum types that they use, as drizzle-kit takes them. SQLite's are derived
   * from PostgreSQL's unless there are some. `null` when there are none.
   *
   * @throws {HarborError} `bad_schema` when a table has something that the dialect cannot have
   */
  tablesFor(dialect: Dialect): Readonly<Record<string, unknown>> | null;
}

/** Runs what runs code of the file at that path. */
export type RunCode = <T>(path: string, work: () => T) => Promise<T>;

/** The modules that harbor-db brings along, so that a schema.ts works in a folder without node_modules. */
const ownModules: Readonly<Record<string, () => Promise<unknown>>> = {
  "drizzle-orm": () => import("drizzle-orm"),
  "drizzle-orm/pg-core": () => import("drizzle-orm/pg-core"),
  "drizzle-orm/sqlite-core": () => import("drizzle-orm/sqlite-core"),
  "harbor-db": () => import("../../schema/twins/words.ts"),
};

/**
 * Runs a schema.ts and returns what it exports: Drizzle tables, on their own or in objects.
 *
 * `drizzle-orm` is harbor-db's own: what is generated does not depend on what is installed. Other modules come from
 * node_modules.
 *
 * @param files One, or several that are one schema together
 * @param casing Of columns without a name, where the file does not say it
 * @param runCode Runs the files' own code
 * @throws {HarborError} `bad_schema` with file, line and what is wrong
 */
export async function loadSchema(
  files: string | readonly string[],
  { casing, roles = [], runCode = (_, work) => Promise.resolve(work()) }: {
    readonly casing?: Casing | undefined;
    /** Those that scripts of the history made: schema.ts may go on saying them. */
    readonly roles?: readonly MadeRole[];
    readonly runCode?: RunCode | undefined;
  } = {},
): Promise<LoadedSchema> {
  const [file = "", ...more] = [files].flat();
  const own = new Map<string, unknown>();
  for (const [name, load] of Object.entries(ownModules)) own.set(name, await load());
  return await runCode(resolve(file), () => {
    const { exports, texts } = runModule(
      more.length === 0 ? resolve(file) : [file, ...more].map((each) => resolve(each)),
      own,
    );
    const inPlace = <T>(work: () => T): T => {
      try {
        return work();
      } catch (error) {
        throw error instanceof HarborError
          ? withPlace(error, texts)
          : failedInExports(error, resolve(file), texts);
      }
    };
    const schema = inPlace(() => readExports(file, exports, { casing, roles }));
    return { ...schema, tablesFor: (dialect) => inPlace(() => schema.tablesFor(dialect)) };
  });
}

/** Adds to an error the file and line of what it names, where that can be found in the texts. */
function withPlace(error: HarborError, texts: ReadonlyMap<string, string>): HarborError {
  const [, thing] = / "([^"]+)": /.exec(error.message) ?? [];
  if (thing === undefined || error.details.line !== undefined) return error;
  const places = [...texts].flatMap(([path, text]) => {
    const at = placeIn(text, thing);
    return at < 0 ? [] : [{ path, line: text.slice(0, at).split("\n").length }];
  });
  const [place] = places;
  if (place === undefined) return error;
  const { path, line } = place;
  return error.with({
    message: `${error.message} (${basename(path)}:${line})`,
    details: { file: path, line },
  });
}

/** Returns where a text says a name in quotes, the last time; a column behind the name of its table. */
function placeIn(text: string, thing: string): number {
  const quoted = (name: string) =>
    Math.max(...['"', "'", "`"].map((quote) => text.lastIndexOf(quote + name + quote)));
  const whole = quoted(thing);
  const [, table, column] = /^(.+)\.([^.]+)$/.exec(thing) ?? [];
  if (whole >= 0 || table === undefined || column === undefined) return whole;
  const start = quoted(table);
  if (start < 0) return -1;
  const at = [...text.slice(start).matchAll(/["'`]?([\w$]+)["'`]?\s*:|["'`]([^"'`]+)["'`]/g)]
    .find(([, key, name]) => key === column || name === column)?.index;
  return start + (at ?? 0);
}

/**
 * Reads what a schema.ts exports.
 *
 * @throws {HarborError} `bad_schema`
 */
export function readExports(
  file: string,
  exported: unknown,
  { casing: usual, roles = [] }: {
    readonly casing?: Casing | undefined;
    readonly roles?: readonly MadeRole[];
  } = {},
): LoadedSchema {
  // Sets, since two files that one passes on may export two things by one name, and one thing by two.
  const found = { sqlite: new Set<SQLiteTable>(), postgresql: new Set<PgTable>() };
  const others: Readonly<Record<Dialect, Set<unknown>>> = { sqlite: new Set(), postgresql: new Set() };
  const settings = isRecord(exported) ? exported : {};
  const all = everything(settings);
  for (const [, value] of all) {
    if (is(value, SQLiteTable)) found.sqlite.add(value);
    else if (is(value, PgTable)) found.postgresql.add(value);
  }
  const declared = dialects.filter((dialect) => found[dialect].size > 0);
  if (declared.length === 0) {
    throw badSchema(file, "it exports no Drizzle tables", {
      hint: 'export const files = pgTable("files", …)',
    });
  }
  const postgresql = [...found.postgresql];
  for (const [name, value] of all) {
    const dialect = otherThing(name, value, { tables: postgresql, roles });
    if (dialect !== null) others[dialect].add(value);
  }
  const casing = oneOf(file, "casing", settings["casing"], ["snake_case", "camelCase"]) ?? usual;
  refuseFaults({ tables: postgresql, others: [...others.postgresql], casing });
  for (const table of [...postgresql, ...found.sqlite]) refuseWrongDefaults(table);
  // A type that a column has is part of the schema, exported or not.
  for (const column of postgresql.flatMap((table) => getTableConfig(table).columns)) {
    const type = enumOf(is(column, PgArray) ? column.baseColumn : column);
    if (type !== undefined) others.postgresql.add(type);
  }
  refuseWrongTypes(postgresql, [...others.postgresql]);
  // So is the schema that it is in.
  const declaredSchemas = [...others.postgresql].filter(isPgSchema).map(({ schemaName }) => schemaName);
  const used = new Set([...postgresql, ...others.postgresql].flatMap((each) => schemaOf(each) ?? []));
  for (const name of used) {
    if (!isDefaultSchema(name) && !declaredSchemas.includes(name)) others.postgresql.add(pgSchema(name));
  }
  refuseUncasedViews([...others.postgresql, ...others.sqlite], casing);
  const everyPostgres: MakeSchema = () => ({ ...[...postgresql, ...others.postgresql] });
  /** What drizzle-kit takes of each dialect, where the schema has no tables of that dialect's own and where it has. */
  const makers: Readonly<Record<Dialect, Makers>> = {
    sqlite: {
      derived: () =>
        postgresql.length === 0 ? null : refuseSchemas([...postgresql, ...others.postgresql]) ?? {
          ...sqliteTables(everyPostgres(), { casing }),
          ...sqliteViews(everyPostgres(), { casing }),
        },
      declared: () => ({ ...[...found.sqlite, ...others.sqlite] }),
    },
    postgresql: {
      derived: () => null,
      declared: everyPostgres,
    },
  };
  return {
    declared,
    casing,
    roles: all.flatMap(([, value]) => is(value, PgRole) ? [value.name] : []),
    dialects: readDialects(file, settings["dialects"]),
    tablesFor: (dialect) => {
      const isDerived = found[dialect].size === 0;
      const named = isDerived
        ? { tables: postgresql, others: [...others.postgresql] }
        : { tables: [...found[dialect]], others: [...others[dialect]] };
      refuseNames({ ...named, casing }, dialect);
      return makers[dialect][isDerived ? "derived" : "declared"]();
    },
  };
}

type MakeSchema = () => Readonly<Record<string, unknown>>;

type MakeTables = () => ReturnType<MakeSchema> | null;

type Makers = Readonly<Record<"derived" | "declared", MakeTables>>;

/** Returns a module's exports, and what is in the objects among them, however deep. */
function everything(
  exported: Readonly<Record<string, unknown>>,
  seen = new Set<unknown>(),
): readonly (readonly [string, unknown])[] {
  seen.add(exported);
  return Object.entries(exported).flatMap(([name, value]) => {
    const isPlain = isRecord(value) && [Object.prototype, null].includes(Object.getPrototypeOf(value));
    if (!isPlain) return [[name, value] as const];
    return seen.has(value) ? [] : everything(value, seen);
  });
}

function readDialects(file: string, said: unknown): readonly Dialect[] | null {
  if (said === undefined) return null;
  if (Array.isArray(said) && said.length > 0) {
    return said.map((each) => oneOf(file, "dialects", each, dialects)!);
  }
  throw badSchema(file, "dialects is no list of dialects", {
    hint: 'export const dialects = ["sqlite", "postgresql"];',
  });
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
  throw badSchema(file, `${name} is ${JSON.stringify(said)}`, {
    hint: `It can be ${allowed.join(" or ")}.`,
  });
}
