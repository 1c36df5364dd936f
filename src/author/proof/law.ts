import { effectsOf } from "../../migrate/rules/statement_effects.ts";
import { follow, type Origins, type Passage, startOf } from "../../migrate/rules/origins.ts";
import type { Table } from "../../schema/snapshot.ts";
import type { Contents, Filled, Row } from "./contents.ts";
import type { MeantLosses } from "./meant_losses.ts";
import { type Numbers, withoutColumns } from "./numbers.ts";

// The law: up, an application writes, down, it writes, up again, and what nobody wrote is what it was.

/** What was seen of the law at one revision. */
export interface LawOfRevision {
  readonly revision: string;
  /** Tables that had rows which nobody wrote, and these rows. */
  readonly tables: number;
  readonly rows: number;
  /** What could not be looked at, and why; `null` for the whole revision. */
  readonly unseen: readonly { readonly table: string | null; readonly reason: string }[];
}

/** What is not as it was, although nobody wrote it. */
export interface Breach {
  readonly table: string;
  /** `null` where the row is gone. */
  readonly column: string | null;
  /** As a sentence says it. */
  readonly text: string;
}

/** The keys of the rows that somebody wrote, by table; `null` for a table of which that is not known. */
export type Written = ReadonlyMap<string, ReadonlySet<string> | null>;

/** Returns the rows that are others than before in one schema, that are gone or that came. Rows without a key only come. */
export function writtenBetween({ schema, contents: before }: Filled, after: Contents): Written {
  return new Map(
    schema.tables.filter(hasKey).map((table) => {
      const was = byKey(table, before.get(table.name) ?? []);
      const is = byKey(table, after.get(table.name) ?? []);
      const keys = [...new Set([...was.keys(), ...is.keys()])];
      const textAt = (rows: ReadonlyMap<string, Row>, key: string) => JSON.stringify(rows.get(key) ?? null);
      return [table.name, new Set(keys.filter((key) => textAt(was, key) !== textAt(is, key)))];
    }),
  );
}

/** Returns what was written under the names that tables have after a passage. */
export function afterPassage(written: Written, passage: Passage): Written {
  const { before, after } = passage;
  const origins = follow(startOf(before), passage);
  return new Map(after.tables.map((table) => {
    const { table: name = null, columns } = origins.get(table.name) ?? {};
    const old = before.tables.find((each) => each.name === name);
    if (old === undefined || !hasKey(old)) return [table.name, new Set()];
    const key = table.primaryKey.map((column) => columns?.get(column)?.column ?? null);
    const isSame = key.join("\0") === old.primaryKey.join("\0");
    return [table.name, isSame ? written.get(old.name) ?? new Set() : null];
  }));
}

/** Returns the tables of which an upgrade says that rows go, by their names before it and after it: they do not come back. */
export function emptiedBy(up: readonly Passage[]): ReadonlySet<string> {
  const [first] = up;
  if (first === undefined) return new Set();
  const origins = up.map((passage) => {
    const { dialect } = passage.before;
    const isPlain = (sql: string) => effectsOf(sql, dialect).every(({ kind }) => kind !== "hidden");
    return { ...passage, statements: passage.statements.filter(isPlain) };
  }).reduce<Origins>(follow, startOf(first.before));
  return new Set(
    [...origins].flatMap(([name, { table, hasFewer }]) =>
      hasFewer ? [name, ...table === null ? [] : [table]] : []
    ),
  );
}

/** What the law is held against. */
export interface LawView {
  readonly was: Filled;
  /** In the same schema. */
  readonly now: Contents;
  /** What was written between the two. */
  readonly written: Written;
  /** See {@link emptiedBy}. */
  readonly emptied: ReadonlySet<string>;
  /** What numbers rows anew on the way back. */
  readonly numbers: Numbers;
  /** The tables of which the downgrade says that it loses some. */
  readonly isMeant: MeantLosses;
}

/** What came of it, and the tables that were looked at. */
interface Held extends Pick<LawOfRevision, "rows" | "unseen"> {
  readonly tables: readonly string[];
  readonly breaches: readonly Breach[];
}

/** Looks whether what nobody wrote is what it was. */
export function holdLaw(
  { was: { schema, contents }, now, written, emptied, numbers, isMeant }: LawView,
): Held {
  const unseen: LawOfRevision["unseen"][number][] = [];
  const breaches: Breach[] = [];
  const tables: string[] = [];
  let rows = 0;
  for (const whole of schema.tables) {
    const anew = numbers.get(whole.name) ?? new Set();
    const table = withoutColumns(whole, anew);
    const before = contents.get(table.name) ?? [];
    const after = now.get(table.name) ?? [];
    const keys = written.get(table.name);
    if (before.length === 0) continue;
    if (emptied.has(table.name)) {
      unseen.push({ table: table.name, reason: "its rows that the upgrade deletes do not come back" });
      continue;
    }
    if (keys === null) {
      unseen.push({ table: table.name, reason: "its key becomes another one" });
      continue;
    }
    const left = before.filter((row) => !hasKey(table) || keys?.has(keyOf(table, row)) !== true);
    const broken = hasKey(table) ? breachesIn(table, left, after) : losses(table, left, after);
    if (broken.length > 0 && isMeant(table.name)) {
      unseen.push({ table: table.name, reason: "the downgrade says that it is meant to lose some" });
      continue;
    }
    if (anew.size > 0) {
      const names = [...anew].join(" and ");
      const reason =
        `the numbers in ${names}, which are given anew: one that another row has by then stays kept`;
      unseen.push({ table: table.name, reason });
    }
    tables.push(table.name);
    rows += left.length;
    breaches.push(...broken);
  }
  return { tables, rows, unseen, breaches };
}

function breachesIn(table: Table, before: readonly Row[], after: readonly Row[]): readonly Breach[] {
  const found = byKey(table, after);
  return before.flatMap((row): readonly Breach[] => {
    const now = found.get(keyOf(table, row));
    const where = table.primaryKey.map((name) => `${name} ${row[name]}`).join(", ");
    if (now === undefined) {
      return [{ table: table.name, column: null, text: `${table.name} has no row with ${where} any more` }];
    }
    return table.columns.filter(({ name }) => row[name] !== now[name]).map(({ name }) => ({
      table: table.name,
      column: name,
      text: `${table.name}.${name} has ${short(now[name]!)} instead of ${short(row[name]!)} where ${where}`,
    }));
  });
}

/** Of rows without a key only that each is there. */
function losses(table: Table, before: readonly Row[], after: readonly Row[]): readonly Breach[] {
  const textOf = (row: Row) => JSON.stringify(table.columns.map(({ name }) => row[name]));
  const left = after.map(textOf);
  const gone = before.filter((row) => {
    const at = left.indexOf(textOf(row));
    if (at >= 0) left.splice(at, 1);
    return at < 0;
  });
  const text = `${table.name} lacks ${gone.length} of ${before.length} rows as they were`;
  return gone.length === 0 ? [] : [{ table: table.name, column: null, text }];
}

/** Whether a table's rows are told apart by a key. */
export function hasKey({ primaryKey }: Table): boolean {
  return primaryKey.length > 0;
}

/** Returns a row's key as text. A key that becomes a text, or a number, is that key still. */
export function keyOf({ primaryKey }: Table, row: Row): string {
  return JSON.stringify(primaryKey.map((name) => row[name]!.replace(/^"([^]*)"$/, "$1")));
}

function byKey(table: Table, rows: readonly Row[]): ReadonlyMap<string, Row> {
  return new Map(rows.map((row) => [keyOf(table, row), row]));
}

function short(text: string): string {
  return text.length > 40 ? `${text.slice(0, 40)}…` : text;
}
