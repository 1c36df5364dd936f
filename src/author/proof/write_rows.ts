import { isGenerated } from "../../schema/generated.ts";
import { type SQL, sql } from "drizzle-orm";
import type { Database } from "../../engines/database.ts";
import { ownTable } from "../../engines/statement_names.ts";
import type { Snapshot, Table } from "../../schema/snapshot.ts";
import { markedTable } from "../../sql/own/schema.ts";
import { quoteName } from "../../sql/quote.ts";
import type { Outlook } from "./rules/outlook.ts";
import { inOrder, valueOf } from "./rules/sample_rows.ts";
import { literal, putTogether, tryWrite } from "./put_rows.ts";

/** What an application does to each table, its rows in the order of their keys. */
export interface Writes {
  /** The place of the row that gets other values, and the number of the row whose they are. */
  readonly changes: number;
  readonly becomes: number;
  /** The place of the row that goes, from the end where it is below 0. */
  readonly deletes: number;
  /** The numbers of the rows that come. */
  readonly adds: readonly number[];
}

/** What is written between the upgrade and the downgrade, and what between that and the upgrade again. */
export const writesBetween: Readonly<Record<"upgrade" | "downgrade", Writes>> = {
  upgrade: { changes: 2, becomes: 8, deletes: 3, adds: [5, 6] },
  downgrade: { changes: 0, becomes: 9, deletes: -1, adds: [7] },
};

/** So many rows let each kind of write have its own, and leave one alone. */
export const rowsForWrites = 4;

/**
 * Writes into the tables of a database as an application does: changes a row, deletes one and adds some. What a table
 * refuses is not written: which rows are others then is to be read.
 */
export async function writeRows(
  database: Database,
  snapshot: Snapshot,
  { outlooks, writes }: { readonly outlooks: ReadonlyMap<string, Outlook>; readonly writes: Writes },
): Promise<void> {
  const references = ({ name }: Table) => outlooks.get(name)!.references.flatMap(({ table }) => table ?? []);
  const tables = inOrder(snapshot.tables, references);
  for (const table of tables.toReversed()) {
    const outlook = outlooks.get(table.name)!;
    const keys = await keysOf(database, table);
    if (keys.length < 3) continue;
    const gone = keys.at(writes.deletes);
    const deletion = gone === undefined
      ? []
      : [sql.raw(`DELETE FROM ${markedTable(table.name)} WHERE ${gone}`)];
    const { whole, single } = changesOf(table, { outlook, key: keys[writes.changes]!, row: writes.becomes });
    // All at once, or what of it the table does not refuse.
    if (await tryWrite(database, [...deletion, ...whole]) === null) continue;
    await tryWrite(database, deletion);
    if (await tryWrite(database, whole) === null) continue;
    for (const each of single) await tryWrite(database, [each]);
  }
  for (const table of tables) {
    const outlook = outlooks.get(table.name)!;
    await putTogether(database, snapshot, [{ table, outlook, numbers: writes.adds, full: writes.adds }]);
  }
}

/** Returns the conditions that find rows of a table, in the order of their keys; none of a table without a key. */
async function keysOf(database: Database, { name, primaryKey }: Table): Promise<readonly string[]> {
  if (primaryKey.length === 0) return [];
  const columns = sql.join(primaryKey.map((column) => sql`${sql.identifier(column)}`), sql`, `);
  const rows = await database.read<Readonly<Record<string, unknown>>>(
    sql`SELECT ${columns} FROM ${ownTable(name)} ORDER BY ${columns}`,
  );
  return rows.map((row) =>
    primaryKey.map((column) => `${quoteName(column)} = ${literal(row[column], database.dialect)}`).join(
      " AND ",
    )
  );
}

/** Returns what gives a row other values, as a whole and one by one; nothing where it has none of its own. */
function changesOf(
  table: Table,
  { outlook, key, row }: { readonly outlook: Outlook; readonly key: string; readonly row: number },
): { readonly whole: readonly SQL[]; readonly single: readonly SQL[] } {
  const bound = [...outlook.checks, ...outlook.references].flatMap(({ columns }) => columns);
  const values = table.columns.flatMap((column) => {
    const { name } = column;
    if (isGenerated(column) || table.primaryKey.includes(name) || bound.includes(name)) return [];
    const value = valueOf(column, { row, types: outlook.types.get(name) ?? [] });
    return value === null ? [] : [`${quoteName(name)} = ${value}`];
  });
  const update = (set: readonly string[]) =>
    sql.raw(`UPDATE ${markedTable(table.name)} SET ${set.join(", ")} WHERE ${key}`);
  const whole = values.length === 0 ? [] : [update(values)];
  return { whole, single: values.map((value) => update([value])) };
}
