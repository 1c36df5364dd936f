/**
 * The schema of The Open Harbor's database, said once for both dialects.
 *
 * Change a table here, then run `harbor-db generate "what changed"`. The words are `id`, `integer`, `boolean`,
 * `datetime`, `text` and `varchar(n)`, each followed by any of `.notNull()`, `.default(…)`, `.oneOf(…)`, `.index()`,
 * `.uniqueIndex()` and `.references(table)`; they are explained below the tables.
 *
 * This file imports nothing but `drizzle-orm`, which the harbor-db binary brings along, so it works alone in a folder;
 * that is why the words are part of it. The application is Python, so the tables carry no types of their rows.
 */
import { sql } from "drizzle-orm";
import * as pg from "drizzle-orm/pg-core";
import * as lite from "drizzle-orm/sqlite-core";

// The tables hold what the application needs and what the databases that exist have: NULL is allowed wherever one of
// them may have it, and a text is as long as in the most generous of them.

/** A version 4 UUID, which the application leaves to the database. */
const randomUuid = {
  sqlite:
    "lower(hex(randomblob(4))) || '-' || lower(hex(randomblob(2))) || '-4' || substr(lower(hex(randomblob(2))), 2) || '-' || substr('89ab', 1 + (random() & 3), 1) || substr(lower(hex(randomblob(2))), 2) || '-' || lower(hex(randomblob(6)))",
  postgresql: "gen_random_uuid()::text",
};

const users = table("users", {
  id: id(),
  uuid: varchar(36).notNull().default(randomUuid).uniqueIndex(),
  email: varchar(255).notNull().uniqueIndex(),
  password_hash: varchar(255).notNull(),
  is_active: boolean(),
  created_at: datetime(),
  last_login: datetime(),
});

const collections = table("collections", {
  id: id(),
  uuid: varchar(36).notNull().uniqueIndex(),
  name: varchar(255).notNull(),
  description: text(),
  privacy: varchar(20),
  password_hash: varchar(255),
  expires_at: datetime(),
  created_at: datetime(),
  user_id: integer().notNull().references(users),
  updated_at: datetime(),
});

const files = table("files", {
  id: id(),
  uuid: varchar(36).notNull().uniqueIndex(),
  filename: varchar(255).notNull(),
  original_filename: varchar(255).notNull(),
  mime_type: varchar(100).notNull(),
  size: integer().notNull(),
  storage_path: varchar(500).notNull(),
  thumbnail_path: varchar(500),
  upload_complete: boolean(),
  created_at: datetime(),
  collection_id: integer().notNull().references(collections),
  storage_backend: varchar(20).notNull().default("local").oneOf("local", "r2").index(),
  metadata_json: text(),
  thumb_path: varchar(500),
  medium_path: varchar(500),
});

/** All of them, in the order in which they are made. */
const tables = [users, collections, files];

/** The Drizzle tables for SQLite files and libSQL servers, by name. */
export const sqlite = sqliteTables(tables);

/** The Drizzle tables for PostgreSQL, by name. */
export const postgresql = postgresqlTables(tables);

// The words. They are functions, so that the tables can stand above them.

/** A number that the database makes: `INTEGER PRIMARY KEY` on SQLite, `serial PRIMARY KEY` on PostgreSQL. */
export function id(): Column {
  return column({ type: "id", notNull: true });
}

export function integer(): Column {
  return column({ type: "integer" });
}

export function boolean(): Column {
  return column({ type: "boolean" });
}

/** A date and time without a zone. */
export function datetime(): Column {
  return column({ type: "datetime" });
}

export function text(): Column {
  return column({ type: "text" });
}

/** Text of at most `length` characters; SQLite notes the length and does not enforce it. */
export function varchar(length: number): Column {
  return column({ type: "varchar", length });
}

export function table(name: string, columns: Table["columns"]): Table {
  return { name, columns };
}

/** A table's name, and its columns in order. */
export interface Table {
  readonly name: string;
  readonly columns: Readonly<Record<string, Column>>;
}

/** A column. Each of its words returns a new one. */
export interface Column {
  readonly facts: Facts;
  notNull(): Column;
  /** What the database fills in when an INSERT leaves the column out. */
  default(value: Default): Column;
  /** Allows these values only: the check `<table>_<column>_check`. */
  oneOf(...values: readonly string[]): Column;
  /** The index `ix_<table>_<column>`. */
  index(): Column;
  /** The index `ix_<table>_<column>`, in which no value occurs twice. */
  uniqueIndex(): Column;
  /** Refers to the `id` of `target`: the foreign key `<table>_<column>_fkey`. */
  references(target: Table): Column;
}

/** A value, or the SQL that makes one: `{ sqlite: "lower(hex(randomblob(16)))", postgresql: "gen_random_uuid()" }`. */
export type Default = string | number | boolean | Readonly<Record<Dialect, string>>;

type Dialect = "sqlite" | "postgresql";

interface Facts {
  readonly type: "id" | "integer" | "boolean" | "datetime" | "text" | "varchar";
  readonly length?: number;
  readonly notNull?: boolean;
  readonly default?: Default;
  readonly oneOf?: readonly string[];
  readonly index?: "index" | "uniqueIndex";
  readonly references?: Table;
}

function column(facts: Facts): Column {
  const and = (more: Partial<Facts>) => column({ ...facts, ...more });
  return {
    facts,
    notNull: () => and({ notNull: true }),
    default: (value) => and({ default: value }),
    oneOf: (...values) => and({ oneOf: values }),
    index: () => and({ index: "index" }),
    uniqueIndex: () => and({ index: "uniqueIndex" }),
    references: (target) => and({ references: target }),
  };
}

// The words in Drizzle's.

/** Returns the tables as Drizzle declares them for SQLite. */
export function sqliteTables(tables: readonly Table[]): Readonly<Record<string, lite.SQLiteTable>> {
  // Drizzle's two cores have the same words with the same arguments; only their types differ.
  const core = { ...lite, table: lite.sqliteTable } as unknown as Core;
  return build(tables, "sqlite", core) as unknown as Readonly<Record<string, lite.SQLiteTable>>;
}

/** Returns the tables as Drizzle declares them for PostgreSQL. */
export function postgresqlTables(tables: readonly Table[]): Readonly<Record<string, pg.PgTable>> {
  return build(tables, "postgresql", { ...pg, table: pg.pgTable });
}

/** What {@link build} uses of one of Drizzle's cores. */
type Core =
  & Pick<typeof pg, "customType" | "index" | "uniqueIndex" | "foreignKey" | "check">
  & { readonly table: typeof pg.pgTable };

function build(tables: readonly Table[], dialect: Dialect, core: Core): Record<string, pg.PgTable> {
  const ids = new Map<Table, pg.PgColumn>();
  return Object.fromEntries(tables.map((table) => {
    const columns = Object.entries(table.columns).map(([name, { facts }]) => ({ name, facts }));
    const built = core.table(
      table.name,
      Object.fromEntries(columns.map(({ name, facts }) => [name, buildColumn(name, facts)])),
      (own) => columns.flatMap(({ name, facts }) => buildExtras(`${table.name}_${name}`, facts, own[name]!)),
    );
    if (built["id"] !== undefined) ids.set(table, built["id"]);
    return [table.name, built];
  }));

  function buildColumn(name: string, facts: Facts) {
    let built = core.customType<{ data: unknown }>({ dataType: () => sqlType(facts, dialect) })(name);
    if (facts.notNull) built = built.notNull();
    if (facts.default !== undefined) built = built.default(sqlDefault(facts.default, dialect));
    return facts.type === "id" ? built.primaryKey() : built;
  }

  function buildExtras(name: string, { index, oneOf, references }: Facts, own: pg.PgColumn) {
    return [
      ...index ? [core[index](`ix_${name}`).on(own)] : [],
      ...references
        ? [core.foreignKey({ name: `${name}_fkey`, columns: [own], foreignColumns: [idOf(references)] })]
        : [],
      ...oneOf
        ? [core.check(`${name}_check`, sql.raw(`"${own.name}" IN (${oneOf.map(quote).join(", ")})`))]
        : [],
    ];
  }

  function idOf(table: Table): pg.PgColumn {
    const id = ids.get(table);
    if (id === undefined) {
      throw new Error(`Cannot refer to "${table.name}": it has no id or is not in the list of tables`);
    }
    return id;
  }
}

/** The type as it stands in the DDL: on SQLite in the spelling of the databases that Alembic made. */
function sqlType({ type, length }: Facts, dialect: Dialect): string {
  const names = {
    sqlite: { id: "integer", datetime: "datetime" },
    postgresql: { id: "serial", datetime: "timestamp" },
  }[dialect];
  const name = type === "id" || type === "datetime" ? names[type] : type;
  const full = length === undefined ? name : `${name}(${length})`;
  return dialect === "sqlite" ? full.toUpperCase() : full;
}

/** SQLite takes an expression as a default in parentheses only, and has no booleans. */
function sqlDefault(value: Default, dialect: Dialect): unknown {
  if (typeof value === "object") {
    return sql.raw(dialect === "sqlite" ? `(${value.sqlite})` : value.postgresql);
  }
  return typeof value === "boolean" && dialect === "sqlite" ? Number(value) : value;
}

function quote(value: string): string {
  return `'${value.replaceAll("'", "''")}'`;
}
