import { sql } from "drizzle-orm";
import type { Database } from "../engines/database.ts";
import { ownTable } from "../engines/statement_names.ts";
import type { Statement } from "../history/scripts/statement.ts";
import { sharedTables } from "../schema/compare/shared_tables.ts";
import type { Snapshot } from "../schema/snapshot.ts";
import type { Bridge } from "./draft_bridge.ts";

/** From how many rows on a table is not held for the time that a whole bridge takes. */
const largeRows = 10_000;

/** How a bridge runs that an engine has no way of its own for. */
export interface ChosenPhases {
  /** What commits in phases; `null` where it is one transaction. */
  readonly phases: readonly Statement[] | null;
  /** Why large tables are held for one transaction all the same; `null` where none are. */
  readonly whyWhole: string | null;
}

/** Decides whether a bridge runs in phases: where a table is large that it would hold, and nothing speaks against it. */
export async function choosePhases(
  database: Database,
  { writePhases }: Pick<Bridge, "writePhases">,
  ends: { readonly live: Snapshot; readonly target: Snapshot },
): Promise<ChosenPhases> {
  if (writePhases === null || !await isAnyLarge(database, ends)) return { phases: null, whyWhole: null };
  const phases = await writePhases();
  if (typeof phases === "string") return { phases: null, whyWhole: phases };
  const ruled = await ruledTable(database, phases.filled);
  if (ruled !== undefined) {
    return { phases: null, whyWhole: `a rule of ${ruled} has a part in what fills it` };
  }
  return { phases: phases.statements, whyWhole: null };
}

async function isAnyLarge(database: Database, ends: Parameters<typeof sharedTables>[0]): Promise<boolean> {
  for (const [{ name }] of sharedTables(ends)) {
    const rows = await database.read(
      sql`SELECT 1 AS found FROM ${ownTable(name)} LIMIT 1 OFFSET ${sql.raw(String(largeRows - 1))}`,
    );
    if (rows.length > 0) return true;
  }
  return false;
}

/** What a rule does beside an UPDATE no look at the rows that are filled would find. */
async function ruledTable(
  { read, schema: home }: Database,
  tables: readonly string[],
): Promise<string | undefined> {
  const rows = await read<{ schema: string; name: string }>(
    sql`SELECT schemaname::text AS schema, tablename::text AS name FROM pg_rules`,
  );
  const names = rows.map(({ schema, name }) => schema === home ? name : `${schema}.${name}`);
  return names.find((name) => tables.includes(name));
}
