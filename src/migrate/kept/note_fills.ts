import { sql } from "drizzle-orm";
import { isSameName } from "../../base/fold_name.ts";
import type { FillNotes } from "../../engines/beside.ts";
import { becameColumn, type Kept, keptRow, readKept, sideTableOf } from "../../engines/kept_table.ts";
import type { Database } from "../../engines/database.ts";
import type { RunContext } from "../../engines/run_context.ts";
import { ownTable } from "../../engines/statement_names.ts";
import type { Column } from "../../schema/snapshot.ts";
import { isNotedBy } from "../../state/rules/due.ts";
import type { Step } from "../rules/plan.ts";
import { schemasAround } from "./keep.ts";
import { requireRoom } from "./room.ts";
import { keysOf, storedColumns } from "./rules/keys.ts";
import { affinityOf } from "../../sql/affinity.ts";
import { makeSide, nextId, requireThere } from "./side_tables.ts";
import { list } from "./side/words.ts";

/**
 * Makes ready for noting which NULLs of a table's columns a step fills beside those who write to it: a side table each, which is the
 * step's as soon as that is done. An interrupted run goes on with those that it has.
 *
 * @throws {HarborError} `disk_full`; `missing_table` when a side table of an interrupted run is gone
 */
export async function noteFills(
  context: RunContext,
  step: Step,
  { table: name, columns: names }: { readonly table: string; readonly columns: readonly string[] },
): Promise<readonly FillNotes[]> {
  const { database } = context;
  const known = (await readKept(database)).filter((kept) => isNotedBy(kept, step));
  await requireThere(database, known);
  const { tables, dialect } = await database.introspect([name]);
  const table = tables.find((each) => isSameName(dialect, each.name, name))!;
  const filled = storedColumns(table).filter((column) =>
    names.some((each) => isSameName(dialect, each, column.name))
  );
  const keys = keysOf({
    table,
    without: filled.map((column) => column.name),
    schemas: schemasAround(context, step),
  });
  const copied = storedColumns(table).filter((column) =>
    keys.length > 0 ? keys.includes(column.name) : !filled.includes(column)
  );
  const isOf = (column: Column) => (kept: Kept) =>
    kept.table === table.name && kept.columns[0]?.name === column.name &&
    kept.keys.join("\0") === keys.join("\0");
  const fresh = filled.filter((column) => !known.some(isOf(column)));
  await requireRoom(
    context,
    fresh.map((column) => ({
      table: table.name,
      columns: [...copied, column, column].map((each) => each.name),
      where: sql`t.${sql.identifier(column.name)} IS NULL`,
    })),
  );
  const notes: FillNotes[] = [];
  for (const column of filled) {
    const kept = known.find(isOf(column)) ??
      planned(context, step, { id: await nextId(database), table: table.name, keys, column });
    if (!known.includes(kept)) {
      const columns = [...copied, column];
      const became = [affinityOf(column.type)];
      await database.write(await makeSide(database, kept, { source: table, columns, became }));
    }
    notes.push({
      column: column.name,
      table: kept.sideTable,
      copied: [...copied, column].map((each) => each.name),
      became: becameColumn(0),
    });
  }
  return notes;
}

function planned(
  { now }: RunContext,
  { revision, direction }: Step,
  { id, table, keys, column }: Pick<Kept, "id" | "table" | "keys"> & { readonly column: Column },
): Kept {
  return {
    id,
    revision: revision.id,
    direction,
    kind: "changed",
    table,
    sideTable: sideTableOf(id),
    keys,
    columns: [{ name: column.name, type: column.type, given: null }],
    state: "noting",
    lastRow: 0,
    rows: 0,
    bytes: 0,
    madeAt: now().toISOString(),
  };
}

/** Of a row that was filled again, since somebody had made it NULL meanwhile, only what was noted last says what became of it. */
export async function forgetRenoted(database: Database, { sideTable, keys }: Kept): Promise<void> {
  if (keys.length === 0) return;
  const row = sql.identifier(keptRow);
  const older = await database.read<{ readonly row: number | bigint }>(
    sql`SELECT ${row} AS "row" FROM (SELECT ${row}, row_number() OVER (PARTITION BY ${
      list(keys.map(sql.identifier))
    } ORDER BY ${row} DESC) AS nth FROM ${ownTable(sideTable)}) AS k WHERE nth > 1`,
  );
  for (let from = 0; from < older.length; from += atOnce) {
    const rows = older.slice(from, from + atOnce).map((each) => sql.raw(String(each.row)));
    await database.write([sql`DELETE FROM ${ownTable(sideTable)} WHERE ${row} IN (${list(rows)})`]);
  }
}

const atOnce = 1_000;
