import { isSameName } from "../../base/fold_name.ts";
import type { Database } from "../../engines/database.ts";
import type { RunContext } from "../../engines/run_context.ts";
import type { Snapshot } from "../../schema/snapshot.ts";
import { readSum } from "../kept/room.ts";
import { columnsGone } from "../kept/rules/losses.ts";
import type { FurtherLoss } from "../kept/rules/losses_beyond.ts";
import type { Sizes, Stored } from "../kept/side/sizes.ts";
import { effectsOf } from "../rules/statement_effects.ts";
import { indexesGone } from "./indexes_gone.ts";
import type { Part } from "./part.ts";

/** A part, and what goes with it. */
export interface Going {
  readonly part: Part;
  readonly losses: readonly FurtherLoss[];
}

/**
 * Returns how many bytes are free at most behind a part: of what goes, with its indexes, and of a table that a copy takes the place
 * of also what nothing was in.
 */
export async function freedBy(
  context: RunContext,
  own: Sizes,
  { part: { texts, beside }, losses, live }: Going & { readonly live: Snapshot },
): Promise<number> {
  if (beside !== null && beside.way !== "shadow") return 0;
  const { database, database: { dialect } } = context;
  const copied = texts.flatMap((text) => effectsOf(text, dialect))
    .flatMap((effect) => effect.kind === "copy" ? [effect.source] : []);
  const anew = beside === null ? copied : [...copied, beside.table];
  const isOneOf = (names: readonly string[], name: string) =>
    names.some((each) => isSameName(dialect, each, name));
  const all = losses.map(({ loss }) => loss).filter(({ kind }) => kind !== "changed");
  const gone = indexesGone(live, { texts, losses: all });
  const whole = all.filter(({ kind }) => kind === "table").map(({ table }) => table.name);
  const tables = live.tables.filter(({ name, indexes }) =>
    isOneOf([...anew, ...all.map(({ table }) => table.name)], name) ||
    indexes.some((index) => gone.includes(index.name))
  );
  const stored = await readStored(database, own, tables.map(({ name }) => name));
  const pages = stored.map(({ name, table, bytes, unused }) => {
    if (isOneOf(whole, table) || isOneOf(gone, name)) return bytes;
    return isOneOf(anew, table) ? unused : 0;
  });
  const values = all.flatMap((loss) => {
    const columns = columnsGone(loss);
    return columns.length === 0 ? [] : [{ table: loss.table.name, bytes: own.values(columns), where: null }];
  });
  return pages.reduce((sum, bytes) => sum + bytes, await readSum(context, own, values));
}

async function readStored(
  database: Database,
  own: Sizes,
  tables: readonly string[],
): Promise<readonly Stored[]> {
  if (tables.length === 0) return [];
  const found = await database.read<Stored>(own.stored([...new Set(tables)]));
  return found.map((each) => ({ ...each, bytes: Number(each.bytes), unused: Number(each.unused) }));
}

/** Returns how many bytes tables and their indexes take. SQLite looks at each of their pages for that. */
export async function storedBytes(
  database: Database,
  own: Sizes,
  tables: readonly string[],
): Promise<number> {
  return (await readStored(database, own, tables)).reduce((sum, { bytes }) => sum + bytes, 0);
}
