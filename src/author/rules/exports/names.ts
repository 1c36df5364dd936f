import type { Column } from "drizzle-orm/column";
import { is } from "drizzle-orm/entity";
import * as pg from "drizzle-orm/pg-core";
import { SQL } from "drizzle-orm/sql/sql";
import * as lite from "drizzle-orm/sqlite-core";
import type { Dialect } from "../../../base/dialect.ts";
import { HarborError } from "../../../base/errors.ts";
import { foldName } from "../../../base/fold_name.ts";
import { casedName, type Casing } from "../../../schema/twins/tables.ts";
import { postgresNameBytes, postgresNameOf } from "../../../sql/cut_name.ts";
import { isOwnTable } from "../../../sql/own/tables.ts";
import { nameIn } from "../../../sql/table_names.ts";
import { nameTwice, schemaOf } from "./faults.ts";
import { distinctKeys } from "./distinct_keys.ts";
import { viewConfig } from "./view_config.ts";

/** Something of a schema that has a name. */
interface Named {
  readonly what: string;
  readonly name: string | undefined;
  /** Whether drizzle-kit writes its name in one text with others, from which it reads it again. */
  readonly isJoined?: boolean;
  /** Whether PostgreSQL may cut it: what is compared with it is cut, too. */
  readonly mayBeCut?: boolean;
  /** Whether brackets behind its name would be those of an array. */
  readonly isType?: boolean;
  /** Whether harbor-db has some of its own of that kind. */
  readonly isRelation?: boolean;
  /** Those among which SQLite has the name once; with nothing it may be another's, too. */
  readonly among?: string;
}

/** SQLite has one name for a table, a view or an index, and drizzle-kit makes an index of what is unique there. */
function relationsBeside(thing: unknown): string {
  // What is in a schema SQLite cannot have, and is refused for that.
  return `relations of ${schemaOf(thing) ?? "the default schema"}`;
}

/**
 * Refuses names of which drizzle-kit would write wrong statements, a dialect would make others, or SQLite has but one.
 *
 * @throws {HarborError} `bad_schema`
 */
export function refuseNames(
  { tables, others, casing }: {
    readonly tables: readonly (pg.PgTable | lite.SQLiteTable)[];
    readonly others: readonly unknown[];
    readonly casing: Casing | undefined;
  },
  dialect: Dialect,
): void {
  const nameOf: NameOf = (column) => casedName(column, casing);
  const all = [...tables.flatMap((table) => ofTable(table, nameOf)), ...others.flatMap(ofOther)];
  for (const each of all) {
    if (each.name === undefined) continue;
    const fault = faultOf({ ...each, name: each.name }, dialect);
    if (fault === null) continue;
    throw new HarborError("bad_schema", `Cannot use "${each.name}": the name of ${each.what} ${fault}`, {
      hint,
    });
  }
  refuseAlike[dialect](all);
}

const hint = "Give it another name; in the program it may keep the one that it has.";

type NameOf = (column: Column) => string;

/** Refuses names that are one to a dialect. Those of PostgreSQL `refuseFaults` has looked at, a schema at a time. */
const refuseAlike: Readonly<Record<Dialect, (all: readonly Named[]) => void>> = {
  postgresql: () => {},
  sqlite: (all) => {
    const seen = new Map<string, string>();
    for (const { what, name, among } of all) {
      if (name === undefined || among === undefined) continue;
      const key = `${among}\n${foldName(name)}`;
      const other = seen.get(key);
      seen.set(key, name);
      if (other === undefined) continue;
      if (other === name) throw nameTwice(name, what);
      throw new HarborError(
        "bad_schema",
        `Cannot use "${name}": the name of ${what} is that of "${other}" to SQLite, which takes capitals for small letters`,
        { hint },
      );
    }
  },
};

function faultOf(
  { name, isJoined = false, mayBeCut = false, isRelation = false, isType = false }: Named & {
    readonly name: string;
  },
  dialect: Dialect,
): string | null {
  if (name === "") return "is empty";
  // deno-lint-ignore no-control-regex
  const [sign] = /["`\x00-\x1f\x7f]/.exec(name) ?? (isJoined ? /[,;]|--/.exec(name) : null) ??
    (isType ? /\[/.exec(name) : null) ?? [];
  if (sign !== undefined) {
    return `has ${JSON.stringify(sign)} in it, with which drizzle-kit writes a wrong script`;
  }
  if (isRelation && isOwnTable(foldName(name))) return "is that of a table of harbor-db's own";
  return dialectFaults[dialect]({ name, mayBeCut });
}

/** What each dialect makes another name of. */
const dialectFaults: Readonly<
  Record<Dialect, (named: { readonly name: string; readonly mayBeCut: boolean }) => string | null>
> = {
  postgresql: ({ name, mayBeCut }) =>
    mayBeCut || postgresNameOf(name) === name
      ? null
      : `is longer than the ${postgresNameBytes} bytes that PostgreSQL keeps`,
  sqlite: ({ name }) => {
    return /[()]/.test(name)
      ? "has a parenthesis in it, which drizzle-kit takes for an expression on SQLite"
      : null;
  },
};

function ofTable(table: pg.PgTable | lite.SQLiteTable, nameOf: NameOf): readonly Named[] {
  const config = is(table, pg.PgTable) ? pg.getTableConfig(table) : lite.getTableConfig(table);
  const of = `of ${nameIn(schemaOf(table), config.name)}`;
  const relations = relationsBeside(table);
  const joined = new Set([
    ...config.indexes.flatMap(({ config: { columns } }) =>
      (columns as readonly unknown[]).flatMap((column) => is(column, SQL) ? [] : keyedName(column))
    ),
    ...config.uniqueConstraints.flatMap(({ columns }) => columns.map(({ name }) => name)),
    ...config.primaryKeys.flatMap(({ columns }) => columns.map(({ name }) => name)),
    ...config.foreignKeys.flatMap((key) => key.reference().columns.map(({ name }) => name)),
    ...config.columns.flatMap(({ name, isUnique }) => isUnique ? [name] : []),
  ]);
  return [
    { what: "a table", name: config.name, isJoined: true, isRelation: true, among: relations },
    ...config.columns.map((column) => ({
      what: `a column ${of}`,
      name: nameOf(column),
      isJoined: joined.has(column.name),
      among: `columns ${of}`,
    })),
    ...config.indexes.map(({ config: { name } }) => constraint(`an index ${of}`, name, relations)),
    ...[
      ...config.uniqueConstraints.map(({ name }) => name),
      ...config.columns.flatMap(({ isUnique, uniqueName }) => isUnique ? [uniqueName] : []),
    ].map((name) => constraint(`a unique constraint ${of}`, name, relations)),
    // To SQLite checks may have any names; drizzle-kit wants each once, to the letter.
    ...config.checks.map(({ name }) => constraint(`a check ${of}`, name, `check ${name} ${of}`)),
    ...config.primaryKeys.map((key) => constraint(`the key ${of}`, key.getName())),
    ...distinctKeys<pg.ForeignKey | lite.ForeignKey>(config.foreignKeys).map((key) =>
      constraint(`a foreign key ${of}`, key.getName(), `foreign key ${key.getName()} ${of}`)
    ),
    ...("policies" in config ? config.policies : []).map(({ name }) => ({
      what: `a policy ${of}`,
      name,
      isJoined: true,
    })),
  ];
}

function constraint(what: string, name: string | undefined, among?: string): Named {
  return { what, name, isJoined: true, mayBeCut: true, ...among === undefined ? {} : { among } };
}

function keyedName(column: unknown): readonly string[] {
  const { name } = column as { readonly name?: unknown };
  return typeof name === "string" ? [name] : [];
}

function ofOther(thing: unknown): readonly Named[] {
  if (pg.isPgEnum(thing)) return [{ what: "an enum type", name: thing.enumName, isType: true }];
  if (pg.isPgSchema(thing)) return [{ what: "a schema", name: thing.schemaName, isJoined: true }];
  if (pg.isPgSequence(thing)) {
    return [{ what: "a sequence", name: thing.seqName, isJoined: true, isRelation: true }];
  }
  const declared = viewConfig(thing);
  if (declared !== null) return [view(declared.name, thing)];
  return is(thing, pg.PgPolicy) ? [{ what: "a policy", name: thing.name, isJoined: true }] : [];
}

function view(name: string, thing: unknown): Named {
  return { what: "a view", name, isRelation: true, among: relationsBeside(thing) };
}
