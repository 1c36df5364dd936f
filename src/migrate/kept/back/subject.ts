import { type SQL, sql } from "drizzle-orm";
import type { Dialect } from "../../../base/dialect.ts";
import { isSameName } from "../../../base/fold_name.ts";
import type { Kept } from "../../../engines/kept_table.ts";
import { ownTable } from "../../../engines/statement_names.ts";
import type { Column, ForeignKey, Snapshot, Table } from "../../../schema/snapshot.ts";
import { hostTable, quoteTable } from "../../../sql/table_names.ts";
import { storedColumns } from "../rules/keys.ts";
import { all, any, hasNoNull, type Listener, words } from "../side/words.ts";
import { type Places, placesOf } from "./places.ts";

/** Kept data and the table that it was in. */
export interface Subject {
  readonly kept: Kept;
  /** As it is now. */
  readonly table: Table;
  readonly live: Snapshot;
  /** The host's tables to which it refers, of those that this role may look at. */
  readonly hosts: ReadonlySet<string>;
  /** Whether nothing newer is kept of the same step and table. */
  readonly isLatest: boolean;
  /** The tables whose rows come back as well. */
  readonly returning: ReadonlySet<string>;
  /** What the step that undid this one noted of the same table: the values before it, and what it made of them. */
  readonly undoing: readonly Undoing[];
  /** What rows of a whole table get in columns that it did not have, as SQL literals. */
  readonly gives: ReadonlyMap<string, string>;
  /** The rules that fire when its rows are written. */
  readonly rules: readonly Listener[];
  /** The columns of its side table. */
  readonly noted: readonly string[];
}

/** What the step that undid another put aside. */
export interface Undoing {
  /** As its side table calls it. */
  readonly noted: Kept;
  /** As that step left it: the same keys and columns, in the same order, under other names where it gave some. */
  readonly now: Kept;
}

/** How rows of a side table come back, and by what it is seen that they have. */
export interface Way {
  /** Runs when all rows were looked at. */
  readonly closing: readonly SQL[];
  /** Whether more may come back when the rest is tried again: rows refer to others that come back as well, perhaps later. */
  readonly isRepeated: boolean;
  /** Returns what puts back those of a range. */
  readonly put: (range: SQL) => readonly SQL[];
  /** Whether a row of the side table is in the table again. */
  readonly isBack: SQL;
  /** Whether the row in the table has something newer than one of the side table. */
  readonly isOvertaken: SQL;
  /** Whether a row of the side table refers to one that is not there. */
  readonly isDangling: SQL;
}

const id = sql.identifier;

/** A column of a row. */
export const valueOf = (row: string, name: string) => sql`${sql.raw(row)}.${id(name)}`;
/** A column of `t`, a row of the table. */
export const own = (name: string) => valueOf("t", name);
/** A column of `k`, a row of the side table. */
export const aside = (name: string) => valueOf("k", name);

/** Whether all values of a row of the side table have a column: what has no place stays kept. */
export function hasPlaceIn({ kept, table }: Subject): SQL {
  const isThere = (name: string) => table.columns.some((column) => column.name === name);
  return all(
    kept.columns.filter(({ name }) => !isThere(name)).map(({ name }) => sql`${aside(name)} IS NULL`),
  );
}

/** Returns by which columns of the table its rows are told apart. */
export function knownBy({ kept, table, live, noted }: Subject): readonly Column[] {
  const isKept = (name: string) => kept.columns.some((column) => column.name === name);
  const isNoted = (name: string) => noted.some((each) => isSameName(live.dialect, each, name));
  return storedColumns(table).filter(({ name }) =>
    kept.keys.length > 0
      ? kept.keys.includes(name)
      : kept.kind === "table" || (!isKept(name) && isNoted(name))
  );
}

/** Whether `t`, a row of the table, is the one of which `k` was kept: the only one that there can be. */
export function matchOf(dialect: Dialect, subject: Subject): SQL {
  const { isKey } = words[dialect];
  const same = (a: string, b: string) =>
    all(knownBy(subject).map((column) => isKey(valueOf(a, column.name), valueOf(b, column.name), column)));
  const match = same("t", "k");
  // By a part of its key a row is not known.
  if (knownBy(subject).length < subject.kept.keys.length) return sql`FALSE`;
  // A row of a table that inherits from it may have come with the same key.
  const isAlone = subject.table.heirs === undefined || subject.kept.kind === "table"
    ? []
    : [sql`(SELECT count(*) FROM ${ownTable(subject.table.name)} AS u WHERE ${same("u", "k")}) = 1`];
  return placesIn(dialect, subject)?.match ?? all([match, ...namesOne(subject), ...isAlone]);
}

/** Says that there is no NULL in the key of `k`, with which there may be more rows. Whole rows are told apart by all of theirs. */
function namesOne(subject: Subject): readonly SQL[] {
  return subject.kept.kind === "table" ? [] : hasNoNull(knownBy(subject), "k");
}

/** Whether there is a NULL in the key of `k`, of which more than the key would have to be kept to know its row again. */
export function isNameless(subject: Subject): SQL {
  return subject.kept.keys.length === 0 ? sql`FALSE` : sql`NOT (${all(namesOne(subject))})`;
}

/** Without a key only a row that is like no other is known. */
export function placesIn(dialect: Dialect, subject: Subject): Places | null {
  const { kept, table } = subject;
  if (kept.keys.length > 0 || kept.kind === "table") return null;
  return placesOf(dialect, { kept, table, known: knownBy(subject) });
}

/** Whether the row that a kept value refers to is there, or comes with it. */
export function hasParent(
  dialect: Dialect,
  key: ForeignKey,
  { kept, table, live, hosts }: Subject,
): SQL {
  const isKept = (name: string) => kept.columns.some((column) => column.name === name);
  const value = (name: string) => isKept(name) ? aside(name) : own(name);
  const parent = live.tables.find(({ name }) => name === key.table)?.name;
  const host = hosts.has(key.table) ? hostTable(key.table) : null;
  // The database looks itself.
  if (parent === undefined && host === null) return sql`TRUE`;
  const parents = host === null ? ownTable(key.table) : sql.raw(quoteTable(key.table, [host.schema]));
  const { back } = words[dialect];
  const columnOf = (name: string) => table.columns.find((column) => column.name === name)!;
  const pairs = key.columns.map((name, place) =>
    sql`p.${id(key.references[place]!)} = ${isKept(name) ? back(value(name), columnOf(name)) : value(name)}`
  );
  const isNone = any(key.columns.map((name) => sql`${value(name)} IS NULL`));
  // A row that comes back may be its own parent: the root of a tree.
  const isItself = kept.kind === "table" && parent === table.name
    ? all(key.columns.map((name, place) => sql`${aside(name)} = ${aside(key.references[place]!)}`))
    : sql`FALSE`;
  return sql`(${isNone} OR (${isItself}) OR EXISTS (SELECT 1 FROM ${parents} AS p WHERE ${all(pairs)}))`;
}
