import { columnDigests } from "./column_digests.ts";
import type { Database } from "../engines/database.ts";
import { stopIfAsked } from "../base/interrupt.ts";
import type { Origins } from "../migrate/rules/origins.ts";
import type { Snapshot, Table } from "../schema/snapshot.ts";
import type { Compared } from "./rules/forecast.ts";

/** A schema, and a digest of each column of the tables that have a primary key, by their names. */
export interface Seen {
  readonly schema: Snapshot;
  readonly digests: ReadonlyMap<string, ReadonlyMap<string, string>>;
}

/** Reads all values once. */
export async function readSeen(database: Database, signal: AbortSignal): Promise<Seen> {
  const schema = await database.introspect();
  const digests = new Map<string, ReadonlyMap<string, string>>();
  for (const { name, primaryKey, columns } of schema.tables) {
    if (primaryKey.length === 0) continue;
    stopIfAsked(signal);
    const names = columns.map((column) => column.name);
    const found = await columnDigests(database, { table: name, key: primaryKey, columns: names });
    digests.set(name, new Map(names.map((column, at) => [column, found[at]!])));
  }
  return { schema, digests };
}

/**
 * Returns where columns that no statement changes have other values, keys or rows than before.
 *
 * @param origins Where what is there now comes from
 */
export function differencesBetween(
  before: Seen,
  after: Seen,
  origins: Origins,
): Compared & { readonly losses: readonly string[] } {
  const losses: string[] = [];
  const notCompared: string[] = [];
  let columns = 0;
  for (const table of after.schema.tables) {
    const origin = origins.get(table.name);
    const old = before.schema.tables.find(({ name }) => name === origin?.table);
    if (origin === undefined || old === undefined || origin.hasFewer || origin.hasMore) continue;
    const [was, now] = [before.digests.get(old.name), after.digests.get(table.name)];
    if (was === undefined || now === undefined) {
      notCompared.push(table.name);
      continue;
    }
    for (const [column, earlier] of untouched(old, table, origin.columns)) {
      columns++;
      if (was.get(earlier) !== now.get(column)) {
        losses.push(`${table.name}.${column} has other values than before`);
      }
    }
  }
  return { columns, notCompared, losses };
}

/** Returns the columns of which nothing says that their values change, with the names that they had. */
function untouched(
  old: Table,
  table: Table,
  origins: ReadonlyMap<string, { readonly column: string | null; readonly values: string }>,
): readonly (readonly [now: string, was: string])[] {
  return table.columns.flatMap((column) => {
    const origin = origins.get(column.name);
    const before = old.columns.find(({ name }) => name === origin?.column);
    const isSame = origin?.values === "same" && before?.type === column.type;
    return isSame ? [[column.name, before.name] as const] : [];
  });
}
