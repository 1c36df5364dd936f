import type { Dialect } from "../../base/dialect.ts";
import type { Manifest } from "../../backup/rules/manifest.ts";
import type { RunContext } from "../../engines/run_context.ts";
import { countRows, countText, type RowCount } from "../../state/count_rows.ts";

/** A table that a restore takes away, since the backup is from before the history named its schema. */
export interface LostTable {
  /** `audit.events` */
  readonly table: string;
  readonly schema: string;
  /** `null` where this user may not count. */
  readonly count: RowCount | null;
}

/** Whether a database of a dialect has schemas beside the default one. */
export const hasSchemas: Readonly<Record<Dialect, boolean>> = { sqlite: false, postgresql: true };

/** Finds the tables of those schemas beside the default one of which a backup holds no table. */
export async function findLostTables(
  { database }: RunContext,
  { tables: held }: Pick<Manifest, "tables">,
): Promise<readonly LostTable[]> {
  const { schemas = [], tables } = await database.introspect();
  const isIn = (schema: string) => ({ name }: { readonly name: string }) => name.startsWith(`${schema}.`);
  const lost = schemas.filter((schema) => !held.some(isIn(schema)))
    .flatMap((schema) => tables.filter(isIn(schema)).map(({ name }) => ({ table: name, schema })));
  return await Promise.all(lost.map(async (each) => {
    const [count = null] = await countRows(database, each.table) ?? [];
    return { ...each, count };
  }));
}

/** Says of one what goes with it. */
export function lostText({ table, schema, count }: LostTable): string {
  return `${table}, ${countText(count)}: the backup holds nothing of the schema ${schema}`;
}

/** Returns one as `--json` has it. */
export function lostJson({ table, count }: LostTable) {
  return { table, rows: count?.rows ?? null, atLeast: count?.isAtLeast ?? false };
}
