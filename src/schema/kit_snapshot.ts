import { isRecord } from "../base/record.ts";
import type { Dialect } from "../base/dialect.ts";

/**
 * A snapshot as drizzle-kit 0.31 writes it (SQLite version 6, PostgreSQL version 7), with the parts that `generate`
 * and `rebase` look at. Whatever else it holds is kept as it is.
 */
export interface KitSnapshot {
  readonly id: string;
  readonly prevId: string;
  readonly dialect: Dialect;
  /** By name; on PostgreSQL by schema and name: `public.users`. */
  readonly tables: Readonly<Record<string, KitTable>>;
  readonly [section: string]: unknown;
}

export interface KitTable {
  readonly name: string;
  readonly columns: Readonly<Record<string, KitColumn>>;
  readonly indexes: Readonly<Record<string, KitIndex>>;
  readonly foreignKeys: Readonly<Record<string, KitForeignKey>>;
  readonly compositePrimaryKeys: Readonly<Record<string, KitColumnList>>;
  readonly uniqueConstraints: Readonly<Record<string, KitColumnList>>;
  readonly checkConstraints: Readonly<Record<string, KitCheck>>;
  readonly [section: string]: unknown;
}

export interface KitColumn {
  readonly name: string;
  readonly type: string;
  readonly primaryKey: boolean;
  readonly notNull: boolean;
  readonly default?: unknown;
  readonly identity?: unknown;
  readonly generated?: unknown;
}

export interface KitIndex {
  readonly name: string;
  /** SQLite: names or expressions. PostgreSQL: objects. */
  readonly columns: readonly (string | KitIndexColumn)[];
  readonly where?: string;
}

export interface KitIndexColumn {
  readonly expression: string;
  readonly isExpression: boolean;
}

export interface KitForeignKey {
  readonly name: string;
  readonly tableFrom: string;
  readonly tableTo: string;
  readonly columnsFrom: readonly string[];
  readonly columnsTo: readonly string[];
}

export interface KitColumnList {
  readonly name: string;
  readonly columns: readonly string[];
}

export interface KitCheck {
  readonly name: string;
  readonly value: string;
}

/** The `prevId` of a first snapshot. */
export const originId = "00000000-0000-0000-0000-000000000000";

/** Returns the id of the snapshot of a revision: the same on every machine, and read back by {@link revisionOfSnapshot}. */
export function snapshotId(revision: string | null): string {
  return revision === null ? originId : `00000000-0000-4000-8000-${revision}`;
}

/** Returns the revision that a snapshot id was made of; `null` for the origin and for ids of another making. */
export function revisionOfSnapshot(id: string): string | null {
  return /^00000000-0000-4000-8000-([0-9a-f]{12})$/.exec(id)?.[1] ?? null;
}

/** Says whether two snapshots hold the same schema, whatever the order in which they name things. */
export function sameSchema(a: KitSnapshot, b: KitSnapshot): boolean {
  return canonical({ ...a, id: "", prevId: "" }) === canonical({ ...b, id: "", prevId: "" });
}

/** Returns any JSON value as text in which the order of an object's fields does not show. */
export function canonical(value: unknown): string {
  return JSON.stringify(value, (_, item) => isRecord(item) ? sorted(item) : item);
}

/** Returns the default of a column as SQL; `null` without one. */
export function defaultOf(column: KitColumn): string | null {
  return column.default === undefined ? null : String(column.default);
}

/** Returns an object with each value changed. */
export function mapValues<T, U>(
  record: Readonly<Record<string, T>>,
  change: (value: T, key: string) => U,
): Record<string, U> {
  return Object.fromEntries(Object.entries(record).map(([key, value]) => [key, change(value, key)]));
}

/** Returns the fields of an object that pass a test. */
export function filterValues<T>(
  record: Readonly<Record<string, T>>,
  test: (value: T, key: string) => boolean,
): Record<string, T> {
  return Object.fromEntries(Object.entries(record).filter(([key, value]) => test(value, key)));
}

function sorted(record: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(record).toSorted(([a], [b]) => a < b ? -1 : 1));
}
