import { isOwnTable } from "../../../sql/own_tables.ts";
import { is } from "drizzle-orm/entity";
import * as pg from "drizzle-orm/pg-core";
import { SQL } from "drizzle-orm/sql/sql";
import * as lite from "drizzle-orm/sqlite-core";
import type { Dialect } from "../../../base/dialect.ts";
import { HarborError } from "../../../base/errors.ts";
import { foldsQuotedNames } from "../../../sql/cursor.ts";
import { postgresNameBytes, postgresNameOf } from "../../../sql/cut_name.ts";

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
}

/**
 * Refuses names of which drizzle-kit would write wrong statements, or a dialect would make others.
 *
 * @throws {HarborError} `bad_schema`
 */
export function refuseNames(
  { tables, others }: {
    readonly tables: readonly (pg.PgTable | lite.SQLiteTable)[];
    readonly others: readonly unknown[];
  },
  dialect: Dialect,
): void {
  for (const each of [...tables.flatMap(ofTable), ...others.flatMap(ofOther)]) {
    if (each.name === undefined) continue;
    const fault = faultOf({ ...each, name: each.name }, dialect);
    if (fault === null) continue;
    throw new HarborError("bad_schema", `Cannot use "${each.name}": the name of ${each.what} ${fault}`, {
      hint,
    });
  }
  if (foldsQuotedNames[dialect]) refuseAlike(tables);
}

const hint = "Give it another name; in the program it may keep the one that it has.";

/** Refuses names that differ in nothing but capitals, of which the dialect makes one. */
function refuseAlike(tables: readonly (pg.PgTable | lite.SQLiteTable)[]): void {
  const seen = new Map<string, string>();
  for (const { what, name, isRelation = false, mayBeCut = false } of tables.flatMap(ofTable)) {
    if (name === undefined) continue;
    // Tables and indexes share their names; all else has its own in its table.
    const place = isRelation || what.startsWith("an index ") ? "" : mayBeCut ? null : what;
    if (place === null) continue;
    const key = `${place}\n${name.toLowerCase()}`;
    const other = seen.get(key);
    seen.set(key, name);
    if (other === undefined || other === name) continue;
    throw new HarborError(
      "bad_schema",
      `Cannot use "${name}": the name of ${what} is that of "${other}" to SQLite, which takes capitals for small letters`,
      { hint },
    );
  }
}

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
  if (isRelation && isOwnTable(name.toLowerCase())) return "is that of a table of harbor-db's own";
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
    if (/[()]/.test(name)) {
      return "has a parenthesis in it, which drizzle-kit takes for an expression on SQLite";
    }
    // SQLite takes A and a for one letter, and no others.
    const others = name.replaceAll(/[A-Z]/g, "");
    return others === others.toLowerCase()
      ? null
      : "has a capital beyond A to Z in it, which SQLite keeps apart from the small one and others do not";
  },
};

function ofTable(table: pg.PgTable | lite.SQLiteTable): readonly Named[] {
  const config = is(table, pg.PgTable) ? pg.getTableConfig(table) : lite.getTableConfig(table);
  const of = `of ${config.name}`;
  const joined = new Set([
    ...config.indexes.flatMap(({ config: { columns } }) =>
      (columns as readonly unknown[]).flatMap((column) => is(column, SQL) ? [] : nameOf(column))
    ),
    ...config.uniqueConstraints.flatMap(({ columns }) => columns.map(({ name }) => name)),
    ...config.primaryKeys.flatMap(({ columns }) => columns.map(({ name }) => name)),
    ...config.foreignKeys.flatMap((key) => key.reference().columns.map(({ name }) => name)),
    ...config.columns.flatMap(({ name, isUnique }) => isUnique ? [name] : []),
  ]);
  return [
    { what: "a table", name: config.name, isJoined: true, isRelation: true },
    ...config.columns.map(({ name }) => ({ what: `a column ${of}`, name, isJoined: joined.has(name) })),
    ...config.indexes.map(({ config: { name } }) => constraint(`an index ${of}`, name)),
    ...config.uniqueConstraints.map(({ name }) => constraint(`a unique constraint ${of}`, name)),
    ...config.checks.map(({ name }) => constraint(`a check ${of}`, name)),
    ...config.primaryKeys.map((key) => constraint(`the key ${of}`, key.getName())),
    ...config.foreignKeys.map((key) => constraint(`a foreign key ${of}`, key.getName())),
    ...("policies" in config ? config.policies : []).map(({ name }) => ({
      what: `a policy ${of}`,
      name,
      isJoined: true,
    })),
  ];
}

function constraint(what: string, name: string | undefined): Named {
  return { what, name, isJoined: true, mayBeCut: true };
}

function nameOf(column: unknown): readonly string[] {
  const { name } = column as { readonly name?: unknown };
  return typeof name === "string" ? [name] : [];
}

function ofOther(thing: unknown): readonly Named[] {
  if (pg.isPgEnum(thing)) return [{ what: "an enum type", name: thing.enumName, isType: true }];
  if (pg.isPgSchema(thing)) return [{ what: "a schema", name: thing.schemaName, isJoined: true }];
  if (pg.isPgSequence(thing)) {
    return [{ what: "a sequence", name: thing.seqName, isJoined: true, isRelation: true }];
  }
  if (is(thing, pg.PgView)) return [view(pg.getViewConfig(thing).name)];
  if (is(thing, pg.PgMaterializedView)) return [view(pg.getMaterializedViewConfig(thing).name)];
  if (is(thing, lite.SQLiteView)) return [view(lite.getViewConfig(thing).name)];
  return is(thing, pg.PgPolicy) ? [{ what: "a policy", name: thing.name, isJoined: true }] : [];
}

function view(name: string): Named {
  return { what: "a view", name, isRelation: true };
}
