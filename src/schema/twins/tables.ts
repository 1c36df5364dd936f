import { toCamelCase, toSnakeCase } from "drizzle-orm/casing";
import type { Column } from "drizzle-orm/column";
import { is } from "drizzle-orm/entity";
import * as pg from "drizzle-orm/pg-core";
import { Relations, type TableRelationsHelpers } from "drizzle-orm/relations";
import { SQL, sql } from "drizzle-orm/sql/sql";
import * as lite from "drizzle-orm/sqlite-core";
import { getTableName, type Table } from "drizzle-orm/table";
import { getTableColumns } from "drizzle-orm/utils";
import { HarborError } from "../../base/errors.ts";
import { sqliteDefault } from "./default.ts";
import { refuse } from "./refuse.ts";
import { quoteText } from "../../sql/quote.ts";
import { isDefaultSchema, nameIn } from "../../sql/table_names.ts";
import { type ExpressionPlace, sqliteExpression } from "./expression.ts";
import { sqliteType } from "./type.ts";
import { sqliteValues } from "./values.ts";

/** Returns what a column is called in the database. */
export function casedName({ name, keyAsName }: Column, casing: Casing | undefined): string {
  if (casing === undefined || !keyAsName) return name;
  return casing === "snake_case" ? toSnakeCase(name) : toCamelCase(name);
}

/** How columns are named whose name is only the key that they stand under: as `drizzle({ casing })` is told. */
export type Casing = "snake_case" | "camelCase";

/** The table of SQLite that holds the same rows as a table of PostgreSQL. */
export type SqliteTable<T extends pg.PgTable> = lite.SQLiteTableWithColumns<{
  name: T["_"]["name"];
  schema: undefined;
  dialect: "sqlite";
  columns: {
    [Key in keyof T["_"]["columns"]]: lite.SQLiteColumn<
      Omit<T["_"]["columns"][Key]["_"], "brand" | "dialect">
    >;
  };
}>;

/** What {@link sqliteTables} makes of a module: each table as it is on SQLite, and each relation between them. */
export type SqliteTables<Exports> = {
  [
    Key in keyof Exports as Exports[Key] extends pg.PgTable ? Key
      : Exports[Key] extends Relations ? Key
      : never
  ]: Exports[Key] extends pg.PgTable ? SqliteTable<Exports[Key]> : Exports[Key];
};

/**
 * Returns the tables of SQLite that hold the same rows as the `pgTable`s of a module, under the same names and with
 * the same types of rows, and the relations between them.
 *
 * harbor-db calls it by itself for a schema.ts. A program that talks to SQLite through Drizzle calls it for its
 * queries.
 *
 * @example
 * ```ts
 * import { sqliteTables } from "harbor-db";
 * import { drizzle } from "drizzle-orm/libsql";
 * import * as schema from "./schema.ts";
 *
 * const tables = sqliteTables(schema);
 * const db = drizzle("file:openharbor.db", { schema: tables });
 * const rows = await db.select().from(tables.files);
 * ```
 *
 * @throws {HarborError} `bad_schema` when a table has something that SQLite cannot have; it says what to use instead
 */
export function sqliteTables<const Exports extends object>(
  exports: Exports,
  { casing }: { readonly casing?: Casing | undefined } = {},
): SqliteTables<Exports> {
  const found = Object.entries(exports);
  const twins: Twins = {
    tables: new Map(),
    nameOf: (column) => casedName(column, casing),
  };
  for (const [, value] of found) {
    if (is(value, pg.PgTable) && !twins.tables.has(value)) twins.tables.set(value, makeTable(value, twins));
  }
  const made = found.flatMap(([name, value]): readonly (readonly [string, unknown])[] => {
    if (is(value, pg.PgTable)) return [[name, twins.tables.get(value)]];
    return is(value, Relations) ? [[name, makeRelations(value, twins)]] : [];
  });
  // What is refused should be refused here, not in the middle of a program's first query.
  for (const twin of twins.tables.values()) {
    lite.getTableConfig(twin).foreignKeys.map((key) => key.reference());
  }
  return Object.fromEntries(made) as SqliteTables<Exports>;
}

interface Twins {
  readonly tables: Map<Table, lite.SQLiteTable>;
  /** Returns the name that a column has in the database. */
  nameOf(column: Column): string;
}

type PgConfig = ReturnType<typeof pg.getTableConfig>;

function makeTable(table: pg.PgTable, twins: Twins): lite.SQLiteTable {
  const config = pg.getTableConfig(table);
  refuseWhole(config);
  const keys = new Set(config.primaryKeys.flatMap(({ columns }) => columns.map(({ name }) => name)));
  const [alone] = config.primaryKeys.filter(({ columns }) => columns.length === 1);
  const columns = Object.entries(getTableColumns(table)).map(([key, column]) => {
    const role = {
      isKey: column.primary || alone?.columns[0]?.name === column.name,
      isPartOfKey: column.primary || keys.has(column.name),
    };
    return [key, makeColumn(column as pg.PgColumn, role, twins)] as const;
  });
  return lite.sqliteTable(config.name, Object.fromEntries(columns) as never, () => [
    ...config.primaryKeys.filter(({ columns }) => columns.length > 1).map((key) =>
      lite.primaryKey({ name: key.getName(), columns: key.columns.map(own) as never })
    ),
    ...config.foreignKeys.map((key) => makeForeignKey(key, config.name, twins)),
    ...config.uniqueConstraints.map((unique) => makeUnique(unique, own, config.name)),
    ...config.indexes.map((index) => makeIndex(index, own, twins)),
    ...config.checks.map((check) => makeCheck(check, config.name, twins)),
    ...config.columns.flatMap((column) => enumCheck(column, config, twins)),
  ]);

  function own(column: Column): lite.SQLiteColumn {
    return columnIn(table, column, twins);
  }
}

/** Returns a column's twin. A column of an index is another object than that of the table, so the name decides. */
function columnIn(table: Table, column: Column, { tables }: Twins): lite.SQLiteColumn {
  const [key] = Object.entries(getTableColumns(table)).find(([, { name }]) => name === column.name)!;
  return getTableColumns(tables.get(table)!)[key] as unknown as lite.SQLiteColumn;
}

function refuseWhole({ name, schema, policies, enableRLS }: PgConfig): void {
  if (schema !== undefined) {
    throw refuse(`${schema}.${name}`, "SQLite has no schemas", `pgTable("${name}", …)`);
  }
  if (policies.length > 0 || enableRLS) {
    throw refuse(name, "SQLite has no row security", "conditions in the program's queries");
  }
}

interface ColumnRole {
  /** Whether it is the primary key by itself. */
  readonly isKey: boolean;
  readonly isPartOfKey: boolean;
}

function makeColumn(column: pg.PgColumn, { isKey, isPartOfKey }: ColumnRole, twins: Twins) {
  const path = pathOf(column, twins);
  const place = (what: string): ExpressionPlace => ({ thing: path, what, nameOf: twins.nameOf });
  const type = declaredType(column, isKey, path);
  const values = sqliteValues(column);
  const build = lite.customType<{ data: unknown }>({ dataType: () => type, ...values });
  const name = twins.nameOf(column);
  // Without a name of its own it goes on being named by its key.
  const builder = name === column.name && column.keyAsName ? build() : build(name);
  if (column.notNull || isPartOfKey) builder.notNull();
  if (isKey) builder.primaryKey();
  const value = sqliteDefault(column, type, place("its default"));
  if (value !== undefined) builder.default(value);
  const inWords = (what: string, make: () => unknown) => () => {
    const made = make();
    return is(made, SQL) ? sql.raw(sqliteExpression(made, place(what))) : made;
  };
  if (column.defaultFn) builder.$defaultFn(inWords("its $default", column.defaultFn));
  if (column.onUpdateFn) builder.$onUpdateFn(inWords("its $onUpdate", column.onUpdateFn));
  if (column.isUnique) {
    if (column.uniqueType === "not distinct") throw nullsDistinct(path);
    builder.unique(column.uniqueName);
  }
  if (column.generated !== undefined) {
    const { as } = column.generated as { readonly as: unknown };
    const expression = typeof as === "function" ? as() : as;
    // SQLite adds a virtual one in place, and would copy the table for a stored one.
    builder.generatedAlwaysAs(
      is(expression, SQL)
        ? sql.raw(sqliteExpression(expression, place("its expression")))
        : sql.raw(literal(expression)),
      { mode: "virtual" },
    );
  }
  return builder;
}

function literal(value: unknown): string {
  return typeof value === "string" ? quoteText(value) : String(value);
}

function declaredType(column: pg.PgColumn, isKey: boolean, path: string): string {
  const isNumbered = /Serial/.test(column.columnType) || column.generatedIdentity !== undefined;
  if (isNumbered) {
    // Only a column of exactly this type takes its numbers from SQLite.
    if (isKey) return "INTEGER";
    throw refuse(
      path,
      "SQLite makes numbers for a primary key of one column only",
      "integer(), with a value that the program gives",
    );
  }
  if (enumOf(column) !== undefined) return "TEXT";
  const known = sqliteType(column.getSQLType());
  if ("type" in known) return known.type;
  throw refuse(path, known.state, known.instead);
}

/** Returns the enum type of a column; `undefined` for a column of another type. */
export function enumOf(column: Column): pg.PgEnum<[string, ...string[]]> | undefined {
  const { columnType, enum: type } = column as Column & { readonly enum?: pg.PgEnum<[string, ...string[]]> };
  return /^PgEnum/.test(columnType) ? type : undefined;
}

/** What an enum type holds its column to on PostgreSQL, a check does on SQLite. */
function enumCheck(column: pg.PgColumn, { name: table, checks }: PgConfig, { nameOf }: Twins) {
  const type = enumOf(column);
  if (type === undefined) return [];
  const own = nameOf(column);
  const name = `${table}_${own}_check`;
  if (checks.some((check) => check.name === name)) {
    throw refuse(
      name,
      `the enum type of ${own} is a check of that name on SQLite`,
      "another name for the check",
    );
  }
  const values = type.enumValues.map(quoteText).join(", ");
  return [lite.check(name, sql.raw(`"${own}" IN (${values})`))];
}

function makeForeignKey(key: pg.ForeignKey, table: string, twins: Twins) {
  const { name, columns, foreignTable, foreignColumns } = key.reference();
  if (!twins.tables.has(foreignTable)) {
    const { schema, name } = pg.getTableConfig(foreignTable);
    const [state, hint] = isDefaultSchema(schema)
      ? ["it is not exported", "Export every table: what is exported is the schema."]
      : [
        "SQLite has no schemas",
        'Keep the schema for PostgreSQL alone: export const dialects = ["postgresql"];',
      ];
    throw new HarborError(
      "bad_schema",
      `Cannot refer to "${nameIn(schema, name)}": ${table} does, and ${state}`,
      {
        hint,
      },
    );
  }
  const built = lite.foreignKey({
    ...name === undefined ? {} : { name },
    columns: columns.map((column) => columnIn(key.table, column, twins)) as never,
    foreignColumns: foreignColumns.map((column) => columnIn(foreignTable, column, twins)) as never,
  });
  if (key.onUpdate !== undefined) built.onUpdate(key.onUpdate);
  if (key.onDelete !== undefined) built.onDelete(key.onDelete);
  return built;
}

type Own = (column: Column) => lite.SQLiteColumn;

function makeUnique(unique: pg.UniqueConstraint, own: Own, table: string) {
  if (unique.nullsNotDistinct) throw nullsDistinct(`${table}.${unique.getName()}`);
  return lite.unique(unique.getName()).on(...unique.columns.map(own) as [lite.SQLiteColumn]);
}

function nullsDistinct(thing: string): HarborError {
  return refuse(thing, "SQLite has no NULLS NOT DISTINCT", "notNull(), or a uniqueIndex() on coalesce(…)");
}

function makeIndex({ config }: pg.Index, own: Own, twins: Twins) {
  const name = indexName(config, twins);
  const place = { thing: name, what: "the index", nameOf: twins.nameOf };
  const { method = "btree" } = config;
  if (method !== "btree") {
    throw refuse(name, `SQLite has no ${method}: an index is a btree there`, "index(…).on(…)");
  }
  if (Object.keys(config.with ?? {}).length > 0) {
    throw refuse(name, "SQLite has no parameters of an index", "an index without with()");
  }
  const columns = config.columns.map((column) => {
    if (is(column, SQL)) return sql.raw(sqliteExpression(column, place).trim());
    const { indexConfig, name: key } = column as unknown as IndexedColumn;
    if (indexConfig.opClass !== undefined) {
      throw refuse(
        name,
        `SQLite has no operator classes such as ${indexConfig.opClass}`,
        "on(…) without op()",
      );
    }
    const twin = own({ name: key } as Column);
    // Where NULLs stand cannot be said there, and changes no result.
    return indexConfig.order === "desc" ? sql.raw(`"${twins.nameOf(twin)}" DESC`) : twin;
  });
  const on = (config.unique ? lite.uniqueIndex(name) : lite.index(name)).on(...columns as [SQL]);
  return config.where === undefined ? on : on.where(sql.raw(sqliteExpression(config.where, place).trim()));
}

/** A column as `.on(…)` keeps it. */
interface IndexedColumn {
  readonly name: string;
  readonly indexConfig: { readonly order: "asc" | "desc"; readonly opClass?: string };
}

/** Returns the name of an index, which drizzle-kit makes up on PostgreSQL when it has none. */
export function indexName(
  { name, columns, table }: pg.Index["config"],
  { nameOf }: Pick<Twins, "nameOf">,
): string {
  if (name !== undefined) return name;
  const names = columns.map((column) => nameOf(column as Column));
  return [pg.getTableConfig(table).name, ...names, "index"].join("_");
}

function makeCheck({ name, value }: pg.Check, table: string, { nameOf }: Twins) {
  return lite.check(
    name,
    sql.raw(sqliteExpression(value, { thing: name, what: `the check of ${table}`, nameOf })),
  );
}

function makeRelations(relations: Relations, twins: Twins): Relations {
  const twin = (table: Table) => {
    const found = twins.tables.get(table);
    if (found !== undefined) return found;
    throw new HarborError("bad_schema", `Cannot relate "${getTableName(table)}": it is not exported`, {
      hint: "Export every table: what is exported is the schema.",
    });
  };
  const columns = (list: readonly Column[]) => list.map((column) => columnIn(column.table, column, twins));
  return new Relations(twin(relations.table), (helpers) => {
    const both = {
      one: (
        table: Table,
        config?: { readonly fields: readonly Column[]; readonly references: readonly Column[] },
      ) =>
        helpers.one(
          twin(table),
          config &&
            { ...config, fields: columns(config.fields), references: columns(config.references) } as never,
        ),
      many: (table: Table, config?: never) => helpers.many(twin(table), config),
    };
    return relations.config(both as unknown as TableRelationsHelpers<string>);
  });
}

function pathOf(column: Column, { nameOf }: Twins): string {
  return `${pg.getTableConfig(column.table as pg.PgTable).name}.${nameOf(column)}`;
}
