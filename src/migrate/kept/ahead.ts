import { type SQL, sql } from "drizzle-orm";
import { type BesideProgress, forgetBeside, readBeside } from "../../engines/beside_progress.ts";
import type { Database } from "../../engines/database.ts";
import type { Kept } from "../../engines/kept_table.ts";
import type { RunContext } from "../../engines/run_context.ts";
import { ownTable } from "../../engines/statement_names.ts";
import type { Column, Table } from "../../schema/snapshot.ts";
import type { Step } from "../rules/plan.ts";

/**
 * What of a large table is put aside before the transaction that destroys it, while others write: a copy of the rows of which
 * something is to be kept, made in batches, and after that of every row that was changed meanwhile. The transaction itself then takes
 * the few that came last, under the table's lock.
 */
export interface Ahead {
  readonly kept: Omit<Kept, "rows" | "bytes">;
  readonly table: Table;
  /** What a row of the side table has. */
  readonly columns: readonly Column[];
  /** Of which rows `t` something is to be kept; `null` for all. */
  readonly where: SQL | null;
}

interface Numbered {
  readonly kept: Pick<Kept, "id">;
}

/** What a side table is called until everything is in it. */
export function copyName({ kept }: Numbered): string {
  return `harbor_ahead_${kept.id}`;
}

/** What gets the keys of rows that are changed meanwhile. */
export function notesName(ahead: Numbered): string {
  return `${copyName(ahead)}_noted`;
}

/** By which a row of it is found again. */
export function keyIndexName(ahead: Numbered): string {
  return `${copyName(ahead)}_keys`;
}

/** Whether it is worth that. Reads only. */
export async function isAhead({ notes }: Database, { kept, table }: Ahead): Promise<boolean> {
  if (notes === undefined || kept.kind === "changed") return false;
  return await notes.isFor({ table: table.name, keys: kept.keys });
}

/** Returns the number of what an interrupted run began of the same, on the same table. */
export function idUnderWay(known: readonly BesideProgress[], ahead: Ahead): number | undefined {
  const { statement, seen } = markOf(ahead);
  return known.find((each) => each.statement === statement && each.seen === seen)?.id;
}

/** Returns what stands for it on record: another script, or another table of that name, is not gone on with. */
export function markOf({ kept, table }: Ahead): Pick<BesideProgress, "statement" | "seen"> {
  const { revision, direction, kind, keys, columns } = kept;
  return {
    statement: `${beginningOf(revision, direction)}${
      JSON.stringify({ kind, table: table.name, keys, columns })
    }`,
    seen: JSON.stringify(table.columns.map(({ name, type, notNull }) => [name, type, notNull])),
  };
}

function beginningOf(revision: string, direction: Step["direction"]): string {
  return `${direction} of ${revision}: `;
}

/** Takes away what interrupted runs had begun to put aside, but for what steps to come go on with. */
export async function clearAhead(
  { database }: Pick<RunContext, "database">,
  steps: readonly Step[],
): Promise<void> {
  if (database.notes === undefined) return;
  const known = await readBeside(database);
  const stays = ({ statement }: BesideProgress) =>
    steps.some((step) => statement.startsWith(beginningOf(step.revision.id, step.direction)));
  const left = known.filter(stays);
  for (const { id } of known.filter((each) => !stays(each))) {
    const ahead = { kept: { id } };
    await database.write([
      ...database.notes.end(notesName(ahead)),
      sql`DROP TABLE IF EXISTS ${ownTable(copyName(ahead))}`,
      forgetBeside(id, left),
    ], "schema");
  }
}
