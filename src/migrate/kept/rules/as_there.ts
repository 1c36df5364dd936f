import { isSameName } from "../../../base/fold_name.ts";
import type { Kept } from "../../../engines/kept_table.ts";
import type { Snapshot, Table } from "../../../schema/snapshot.ts";
import { follow, startOf } from "../../rules/origins.ts";

/**
 * Finds the table that kept data was in, and calls its columns as they are called now: capitals may differ on SQLite.
 *
 * @param since Statements that ran since it was kept, and may have given names
 */
export function asThere(kept: Kept, live: Snapshot, since: readonly string[] = []): Place | null {
  const { tables, dialect } = live;
  const given = givenSince(kept, live, since);
  const called = given?.table ?? kept.table;
  const table = tables.find(({ name }) => name === called) ??
    tables.find(({ name }) => isSameName(dialect, name, called));
  if (table === undefined) return null;
  const nameOf = (name: string) =>
    given?.columns.get(name) ?? table.columns.find((column) =>
      isSameName(dialect, column.name, name)
    )?.name ?? name;
  const columns = kept.columns.map((column) => ({ ...column, name: nameOf(column.name) }));
  return { table, kept: { ...kept, table: table.name, keys: kept.keys.map(nameOf), columns } };
}

/** Whether the values by which rows are known are still those by which they were known when something of them was kept. */
export function isKeyStill(
  { table, keys }: Pick<Kept, "table" | "keys">,
  live: Snapshot,
  since: readonly string[],
): boolean {
  if (since.length === 0) return true;
  const origins = follow(startOf({ tables: [{ name: table, columns: keys.map((name) => ({ name })) }] }), {
    before: live,
    after: live,
    statements: since,
  });
  const [found, ...others] = [...origins.values()].filter((origin) => origin.table === table);
  const columns = [...found?.columns.values() ?? []];
  return found !== undefined && others.length === 0 &&
    keys.every((key) => columns.some(({ column, values }) => column === key && values === "same"));
}

/** Kept data with the table to which it comes back. */
export interface Place {
  readonly kept: Kept;
  readonly table: Table;
}

/**
 * Finds the table to which kept data comes back. A script that commits in parts may have given the table or its columns other names
 * before the part that lost something of it: then what undid the script gave them those of now.
 *
 * @param since What undid it
 */
export function placeOf(kept: Kept, live: Snapshot, since: () => readonly string[]): Place | null {
  const found = asThere(kept, live);
  if (found !== null && hasAll(found)) return found;
  const renamed = asThere(kept, live, since());
  return renamed !== null && hasAll(renamed) ? renamed : found;
}

/** Returns which columns of a side table have other names in the table to which they come back, and which. */
export function namesToGive(
  kept: Kept,
  { kept: now }: Place,
  { dialect }: Snapshot,
): readonly (readonly [from: string, to: string])[] {
  const names = namesOf(now);
  const pairs = namesOf(kept).map((from, at) => [from, names[at]!] as const);
  return [...new Map(pairs)].filter(([from, to]) => !isSameName(dialect, from, to));
}

function hasAll({ kept, table }: Place): boolean {
  return namesOf(kept).every((name) => table.columns.some((column) => column.name === name));
}

function namesOf({ keys, columns }: Kept): readonly string[] {
  return [...keys, ...columns.map(({ name }) => name)];
}

interface GivenNames {
  readonly table: string;
  /** By what they were called. */
  readonly columns: ReadonlyMap<string, string>;
}

/** Returns what a table and its columns are called behind statements; `null` where their texts do not tell it for certain. */
function givenSince(
  { table, keys, columns }: Kept,
  live: Snapshot,
  statements: readonly string[],
): GivenNames | null {
  if (statements.length === 0) return null;
  const names = [...new Set([...keys, ...columns.map(({ name }) => name)])].map((name) => ({ name }));
  const origins = follow(startOf({ tables: [{ name: table, columns: names }] }), {
    before: live,
    after: live,
    statements,
  });
  const [found, ...others] = [...origins].filter(([, origin]) => origin.table === table);
  if (found === undefined || others.length > 0) return null;
  const [name, origin] = found;
  const given = [...origin.columns].flatMap(([now, { column }]) =>
    column === null ? [] : [[column, now] as const]
  );
  return { table: name, columns: new Map(given) };
}
