import type { Dialect } from "../../../base/dialect.ts";
import type { Column } from "drizzle-orm/column";
import { is } from "drizzle-orm/entity";
import * as pg from "drizzle-orm/pg-core";
import { SQL, View } from "drizzle-orm/sql/sql";
import * as lite from "drizzle-orm/sqlite-core";
import { Table } from "drizzle-orm/table";
import { HarborError } from "../../../base/errors.ts";
import { postgresExpression } from "../../../schema/twins/expression.ts";
import { postgresNameOf } from "../../../sql/cut_name.ts";
import { isDefaultSchema, nameIn } from "../../../sql/table_names.ts";
import { casedName, type Casing, indexName } from "../../../schema/twins/tables.ts";
import { distinctKeys } from "./distinct_keys.ts";
import { postgresView } from "./view_config.ts";

/** What a schema.ts can export beside tables, and the dialect that it is of. */
const otherThings: readonly (readonly [dialect: Dialect, is: (value: unknown) => boolean])[] = [
  ["postgresql", (value) => postgresView(value) !== null],
  ["postgresql", pg.isPgEnum],
  ["postgresql", pg.isPgSequence],
  ["postgresql", pg.isPgSchema],
  ["postgresql", (value) => is(value, pg.PgPolicy)],
  ["sqlite", (value) => is(value, lite.SQLiteView)],
];

/**
 * Returns the dialect of something that schema.ts exports beside its tables; `null` for what is no affair of a schema.
 *
 * @throws {HarborError} `bad_schema` for what no revision can make
 */
export function otherThing(
  name: string,
  value: unknown,
  { tables, roles }: { readonly tables: readonly pg.PgTable[]; readonly roles: readonly MadeRole[] },
): Dialect | null {
  refuseWhatNobodyMakes(name, value, roles);
  const [dialect] = otherThings.find(([, isIt]) => isIt(value)) ?? [];
  if (is(value, pg.PgPolicy)) {
    const { _linkedTable: table } = value as LinkedPolicy;
    if (table !== undefined && tables.includes(table)) return dialect ?? null;
    // It stands with its table.
    if (tables.some((each) => pg.getTableConfig(each).policies.includes(value))) return null;
    throw new HarborError(
      "bad_schema",
      `Cannot keep "${value.name}": it is a policy of no table that is exported`,
      {
        hint: "Put it behind the columns of its table, or link() it to one.",
      },
    );
  }
  return dialect ?? null;
}

/** A role that a script of the history made, as drizzle-kit has it. */
export interface MadeRole {
  readonly name: string;
  readonly createDb?: boolean;
  readonly createRole?: boolean;
  readonly inherit?: boolean;
}

/** Says whether a role is as a script made it; what is not said is as the server has it by itself. */
function isAsMade(role: pg.PgRole & pg.PgRoleConfig, made: MadeRole): boolean {
  return (role.createDb ?? false) === (made.createDb ?? false) &&
    (role.createRole ?? false) === (made.createRole ?? false) &&
    (role.inherit ?? true) === (made.inherit ?? true);
}

function refuseWhatNobodyMakes(name: string, value: unknown, roles: readonly MadeRole[]): void {
  const refuse = (thing: string, what: string, hint: string) => {
    throw new HarborError("bad_schema", `Cannot keep "${thing}": ${what}`, { hint });
  };
  if (is(value, pg.PgRole)) {
    // drizzle-kit makes none of these either.
    if ((value as pg.PgRole & { readonly _existing?: boolean })._existing === true) return;
    const made = roles.find((role) => role.name === value.name);
    if (made !== undefined && isAsMade(value, made)) return;
    refuse(
      value.name,
      "it is a role, which the server has and not the database",
      `${
        made === undefined ? "Make it with CREATE" : "Change it with ALTER"
      } ROLE, and write: pgRole("${value.name}").existing()`,
    );
  }
  const schema = schemaOf(value);
  if (schema?.includes(".") === true) {
    refuse(schema, "it is a schema with a dot in its name", "Give it another name.");
  }
  const isKnown = is(value, pg.PgTable) || is(value, lite.SQLiteTable) ||
    otherThings.some(([, isIt]) => isIt(value));
  if (!isKnown && (is(value, Table) || is(value, View))) {
    refuse(name, "it is of a dialect that harbor-db does not speak", "Use pgTable, or sqliteTable.");
  }
}

/** Returns the schema of its own that something is in, or is; `undefined` for what is in the default one. */
export function schemaOf(value: unknown): string | undefined {
  if (pg.isPgSchema(value)) return value.schemaName;
  if (is(value, pg.PgTable)) return pg.getTableConfig(value).schema;
  return pg.isPgEnum(value) || pg.isPgSequence(value) ? value.schema : postgresView(value)?.schema;
}

/** Refuses names that read like those of something in a schema that the project has: a column `auth.token` beside `auth`. */
function refuseMistakable(
  { name: table, schema: place, columns, policies, checks }: ReturnType<typeof pg.getTableConfig>,
  schemas: ReadonlySet<string>,
): void {
  const own = isDefaultSchema(place) ? [{ name: table }] : [];
  for (const { name } of [...own, ...columns, ...policies, ...checks]) {
    const schema = [...schemas].find((each) => name.startsWith(`${each}.`));
    if (schema === undefined) continue;
    throw new HarborError(
      "bad_schema",
      `Cannot keep "${name}": it reads like something in the schema "${schema}"`,
      {
        hint: "Give it a name without a dot.",
      },
    );
  }
}

/**
 * Refuses what drizzle-kit would make wrong statements of, or end the process for: two things of one name, a value in
 * DDL, a reference to a table that is not part of the schema.
 *
 * @throws {HarborError} `bad_schema`
 */
export function refuseFaults(
  { tables, others, casing }: {
    readonly tables: readonly pg.PgTable[];
    readonly others: readonly unknown[];
    readonly casing: Casing | undefined;
  },
): void {
  // Tables, views, sequences and indexes share their names.
  const names = new Set<string>();
  for (const other of others) {
    const view = postgresView(other);
    if (view !== null) once(names, nameIn(view.schema, view.name), "a view");
    if (pg.isPgSequence(other)) once(names, nameIn(other.schema, other.seqName!), "a sequence");
  }
  const schemas = new Set([...tables, ...others].map(schemaOf).filter((schema) => schema !== undefined));
  const mistakable = new Set([...schemas, ...hostTables(tables).flatMap((table) => schemaOf(table) ?? [])]);
  for (const table of tables) {
    const config = pg.getTableConfig(table);
    refuseMistakable(config, mistakable);
    const inSchema = (name: string) => nameIn(config.schema, name);
    const at = (what: string) => `${what} of ${inSchema(config.name)}`;
    once(names, inSchema(config.name), "a table");
    const columns = new Set<string>();
    for (const column of config.columns) once(columns, casedName(column, casing), at("a column"));
    const constraints = new Set<string>();
    for (const { name } of config.checks) once(constraints, postgresNameOf(name), at("a check"));
    for (const key of distinctKeys(config.foreignKeys)) {
      once(constraints, postgresNameOf(key.getName()), at("a foreign key"));
    }
    const policies = new Set<string>();
    for (const { name } of [...config.policies, ...linked(table, others)]) {
      once(policies, name, at("a policy"));
    }
    for (const key of config.primaryKeys) once(names, inSchema(postgresNameOf(key.getName())), at("the key"));
    for (const { name } of config.uniqueConstraints) {
      once(names, inSchema(postgresNameOf(name!)), at("a unique constraint"));
    }
    for (const { isUnique, uniqueName } of config.columns) {
      if (isUnique) once(names, inSchema(postgresNameOf(uniqueName!)), at("a unique constraint"));
    }
    for (const { config: index } of config.indexes) {
      refuseIndex(index, names, { what: at("an index"), inSchema });
    }
    for (const expression of expressionsOf(config)) {
      const { thing, what } = expression;
      postgresExpression(expression.value, { thing, what: at(what), nameOf: ({ name }: Column) => name });
    }
    for (const key of config.foreignKeys) {
      const target = key.reference().foreignTable;
      if (!tables.includes(target)) refuseUnlessOfHost(target, config.name, schemas);
    }
  }
}

/** Returns the tables that some refer to and that are not among them, in schemas of their own: the host's. */
export function hostTables(tables: readonly pg.PgTable[]): readonly pg.PgTable[] {
  const targets = tables.flatMap((table) =>
    pg.getTableConfig(table).foreignKeys.map((key) => key.reference().foreignTable)
  );
  return targets.filter((target) => !tables.includes(target) && !isDefaultSchema(schemaOf(target)));
}

/** Refuses what is not exported, unless it is in a schema of which the project has nothing: then it is the host's. */
function refuseUnlessOfHost(target: pg.PgTable, table: string, schemas: ReadonlySet<string>): void {
  const schema = schemaOf(target);
  const refuse = (state: string, hint: string) => {
    throw new HarborError(
      "bad_schema",
      `Cannot refer to "${nameIn(schema, pg.getTableConfig(target).name)}": ${table} does, and ${state}`,
      { hint },
    );
  };
  if (isDefaultSchema(schema)) {
    refuse("it is not exported", "Export every table: what is exported is the schema.");
  }
  if (schemas.has(schema!)) {
    refuse(
      `it is not exported, as other things of the schema "${schema}" are`,
      "Export it, too; or nothing of that schema, where the host makes it.",
    );
  }
  if (schema!.includes(".")) refuse("its schema has a dot in its name", "Give it another name.");
}

/** Returns the policies that are linked to a table. */
function linked(table: pg.PgTable, others: readonly unknown[]): readonly pg.PgPolicy[] {
  return others.filter((other): other is LinkedPolicy => is(other, pg.PgPolicy))
    .filter(({ _linkedTable }) => _linkedTable === table);
}

type LinkedPolicy = pg.PgPolicy & { readonly _linkedTable?: pg.PgTable };

/**
 * Refuses enum types that have a value twice or one that is too long, the name of a table or view, whose rows are a type, or that
 * of another one with other values, of which drizzle-kit would take the last.
 *
 * @throws {HarborError} `bad_schema`
 */
export function refuseWrongTypes(tables: readonly pg.PgTable[], others: readonly unknown[]): void {
  const types = new Map<string, string>();
  const rows = new Set([...tables, ...others].flatMap(rowsOf));
  for (const type of others.filter(pg.isPgEnum)) {
    const values = JSON.stringify(type.enumValues);
    const name = nameIn(type.schema, type.enumName);
    const known = types.get(name);
    if (known !== undefined && known !== values) {
      once(new Set([name]), name, "an enum type with other values");
    }
    types.set(name, values);
    once(new Set(rows), name, "an enum type");
    refuseWrongValues(name, type.enumValues);
  }
}

function rowsOf(thing: unknown): readonly string[] {
  const own = is(thing, pg.PgTable) ? pg.getTableConfig(thing) : postgresView(thing);
  return own === null ? [] : [nameIn(own.schema, own.name)];
}

function refuseWrongValues(type: string, values: readonly string[]): void {
  const refuse = (state: string, hint: string) => {
    throw new HarborError("bad_schema", `Cannot use "${type}": ${state}`, { hint });
  };
  const twice = values.find((value, at) => values.indexOf(value) !== at);
  if (twice !== undefined) {
    refuse(`the enum type has the value ${JSON.stringify(twice)} twice`, "Leave one out.");
  }
  const long = values.find((value) => postgresNameOf(value) !== value);
  if (long === undefined) return;
  refuse(`the value ${JSON.stringify(long)} of the enum type has more than 63 bytes`, "Make it shorter.");
}

type PgConfig = ReturnType<typeof pg.getTableConfig>;

function expressionsOf({ checks, indexes, columns }: PgConfig) {
  const found = [
    ...checks.map(({ name, value }) => ({ thing: name, what: "the check", value })),
    ...indexes.flatMap(({ config }) =>
      [...config.columns, config.where].map((value) => ({
        thing: config.name ?? "index",
        what: "the index",
        value,
      }))
    ),
    ...columns.map(({ name, default: value }) => ({ thing: name, what: "the default", value })),
    ...columns.map(({ name, generated }) => {
      const as: unknown = generated?.as;
      return { thing: name, what: "the expression", value: typeof as === "function" ? as() : as };
    }),
  ];
  return found.filter((each): each is typeof each & { readonly value: SQL } => is(each.value, SQL));
}

function refuseIndex(
  index: pg.Index["config"],
  known: Set<string>,
  { what, inSchema }: { readonly what: string; readonly inSchema: (name: string) => string },
): void {
  if (index.name === undefined && index.columns.some((column) => is(column, SQL))) {
    throw new HarborError("bad_schema", `Cannot name "${what}": it is on an expression`, {
      hint: 'Give it a name: index("ix_users_email").on(sql`lower(${users.email})`)',
    });
  }
  const name = indexName(index, { nameOf: (column: Column) => column.name });
  once(known, inSchema(postgresNameOf(name)), what);
  if (index.concurrently !== true) return;
  throw new HarborError(
    "bad_schema",
    `Cannot build "${name}": schema.ts says what there is, and concurrently() how it is made`,
    {
      hint: "Leave it out: an index of a table with rows is always built beside those who write.",
    },
  );
}

function once(known: Set<string>, name: string, what: string): void {
  if (known.has(name)) throw nameTwice(name, what);
  known.add(name);
}

/** Returns the error of a name that two things have, which is that of one. */
export function nameTwice(name: string, what: string): HarborError {
  return new HarborError(
    "bad_schema",
    `Cannot use "${name}": ${what} has that name, and another one has it, too`,
    { hint: "Give one of them another name." },
  );
}

/**
 * Refuses what is in a schema of its own where SQLite's tables are to be made of it, which has none.
 *
 * @throws {HarborError} `bad_schema`
 */
export function refuseSchemas(things: readonly unknown[]): null {
  const thing = things.find((each) => (schemaOf(each) ?? "public") !== "public");
  if (thing === undefined) return null;
  throw new HarborError(
    "bad_schema",
    `Cannot make SQLite's tables of "${schemaOf(thing)}": SQLite has no schemas`,
    {
      hint:
        'Use pgTable and the like; or keep the schema for PostgreSQL alone: export const dialects = ["postgresql"];',
    },
  );
}
