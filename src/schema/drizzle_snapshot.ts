import type { Dialect } from "../base/dialect.ts";
import {
  defaultOf,
  type KitColumn,
  type KitForeignKey,
  type KitIndex,
  type KitSnapshot,
  type KitTable,
} from "./kit_snapshot.ts";
import { isSerial, postgresDefault, postgresType } from "../sql/postgres_spelling.ts";
import type { Column, ForeignKey, Index, Snapshot, Table } from "./snapshot.ts";

/**
 * Brings a snapshot of drizzle-kit to normal form.
 *
 * Types and defaults come out as the live database prints them. Checks and conditions of indexes stay as they were
 * written; `compareSnapshots` sees through the spelling. Views, enums and sequences are left out: schema.ts has no
 * words for them.
 */
export function normalizeDrizzleSnapshot({ dialect, tables }: KitSnapshot): Snapshot {
  const read = Object.values(tables).map((table) => readTable(table, dialect));
  return { dialect, tables: read.toSorted(byName), others: [] };
}

function readTable(table: KitTable, dialect: Dialect): Table {
  const columns = Object.values(table.columns);
  const primaryKey = [
    ...columns.filter((column) => column.primaryKey).map((column) => column.name),
    ...Object.values(table.compositePrimaryKeys).flatMap((key) => key.columns),
  ];
  const all = <Part, Read extends Named>(parts: Readonly<Record<string, Part>>, read: (part: Part) => Read) =>
    Object.values(parts).map(read).toSorted(byName);
  return {
    name: table.name,
    columns: columns.map((column) => readColumn(column, primaryKey, dialect)),
    primaryKey,
    foreignKeys: all(table.foreignKeys, (key) => readForeignKey(key, dialect)),
    indexes: all(table.indexes, readIndex),
    uniques: all(table.uniqueConstraints, ({ name, columns }) => ({
      name: dialect === "sqlite" ? null : name,
      columns,
    })),
    checks: all(table.checkConstraints, ({ name, value }) => ({ name, expression: value, valid: true })),
  };
}

function readColumn(column: KitColumn, primaryKey: readonly string[], dialect: Dialect): Column {
  const { name, notNull } = column;
  const value = defaultOf(column);
  if (dialect === "sqlite") {
    const type = column.type.toUpperCase();
    const identity = type === "INTEGER" && primaryKey.length === 1 && primaryKey[0] === name;
    return {
      name,
      type,
      notNull: notNull || identity,
      default: value === null ? null : withoutParentheses(value),
      identity,
    };
  }
  const type = postgresType(column.type);
  const identity = isSerial(column.type) || column.identity !== undefined;
  return {
    name,
    type,
    // PostgreSQL makes these NOT NULL whether the DDL says so or not.
    notNull: notNull || identity || primaryKey.includes(name),
    default: value === null ? null : postgresDefault(value, type),
    identity,
  };
}

/** SQLite wants the parentheses around the expression of a default, and `PRAGMA table_info` leaves them out. */
function withoutParentheses(value: string): string {
  return /^\(.*\)$/s.test(value) ? value.slice(1, -1) : value;
}

function readForeignKey(key: KitForeignKey, dialect: Dialect): ForeignKey {
  return {
    name: dialect === "sqlite" ? null : key.name,
    columns: key.columnsFrom,
    table: key.tableTo,
    references: key.columnsTo,
    onDelete: (key.onDelete ?? "no action").toLowerCase(),
    onUpdate: (key.onUpdate ?? "no action").toLowerCase(),
    valid: true,
  };
}

function readIndex({ name, columns, isUnique, where }: KitIndex): Index {
  return {
    name,
    // PostgreSQL's snapshots have an object for each column, SQLite's its name or expression.
    columns: columns.map((column) => typeof column === "string" ? column : column.expression),
    unique: isUnique,
    where: where ?? null,
    valid: true,
  };
}

type Named = { readonly name: string | null; readonly columns?: readonly unknown[] };

/** Orders by name; what has none by its columns. */
function byName(a: Named, b: Named): number {
  const key = ({ name, columns }: Named) => name ?? String(columns);
  return key(a) < key(b) ? -1 : 1;
}
