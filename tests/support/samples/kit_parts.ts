import type { Dialect } from "../../../src/base/dialect.ts";
import type {
  KitCheck,
  KitColumn,
  KitForeignKey,
  KitSnapshot,
  KitTable,
} from "../../../src/schema/kit_snapshot.ts";
import { kitVersions } from "../../../src/schema/form_of_today.ts";
import { originId } from "../../../src/schema/kit_ends.ts";

const columnText =
  /^(\w+) ([^ (]+(?: (?!key|not|default)[^ (]+)*(?:\([\d,]+\))?)( key)?( not null)?(?: default (.*))?$/;

/** Makes a column of drizzle-kit's of a line: `c varchar(20) not null default 'x'`, `id integer key`. */
export function kitColumn(text: string): KitColumn {
  const [, name, type, key, notNull, value] = columnText.exec(text) ?? [];
  if (name === undefined || type === undefined) throw new Error(`no column: ${text}`);
  return {
    name,
    type,
    primaryKey: key !== undefined,
    notNull: key !== undefined || notNull !== undefined,
    ...value === undefined ? {} : { default: value },
  };
}

/** Makes a table of drizzle-kit's of its columns, one a line, and what else is said of it. */
export function kitTable(name: string, columns: readonly string[], more: Partial<KitTable> = {}): KitTable {
  return {
    name,
    columns: byName(columns.map(kitColumn)),
    indexes: {},
    foreignKeys: {},
    compositePrimaryKeys: {},
    uniqueConstraints: {},
    checkConstraints: {},
    ...more,
  };
}

/** Makes a snapshot of drizzle-kit's; on PostgreSQL its tables are in `public`, as drizzle-kit names them. */
export function kitSnapshot(dialect: Dialect, ...tables: readonly KitTable[]): KitSnapshot {
  const key = ({ name }: KitTable) => dialect === "sqlite" ? name : `public.${name}`;
  return {
    id: "1",
    prevId: originId,
    version: kitVersions[dialect],
    dialect,
    tables: Object.fromEntries(tables.map((table) => [key(table), table])),
  };
}

/** Makes the foreign key of one column to the `id` of another table. */
export function kitForeignKey(from: string, column: string, to: string): KitTable["foreignKeys"] {
  const key: KitForeignKey = {
    name: `${from}_${column}_fkey`,
    tableFrom: from,
    tableTo: to,
    columnsFrom: [column],
    columnsTo: ["id"],
  };
  return { [key.name]: key };
}

/** Makes a check. */
export function kitCheck(name: string, value: string): Readonly<Record<string, KitCheck>> {
  return { [name]: { name, value } };
}

function byName<T extends { readonly name: string }>(parts: readonly T[]): Readonly<Record<string, T>> {
  return Object.fromEntries(parts.map((part) => [part.name, part]));
}
