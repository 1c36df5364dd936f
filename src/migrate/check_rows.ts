import { sql } from "drizzle-orm";
import type { Demand } from "./rules/row_demands.ts";
import { HarborError } from "../base/errors.ts";
import type { Database } from "../engines/database.ts";
import { userStatement } from "../engines/statement_names.ts";

/** How many rows are named. */
const exampleCount = 5;

/** Rows that break a demand. */
export interface Conflict extends Pick<Demand, "kind" | "table" | "columns" | "query"> {
  readonly rows: number;
  /** Keys of the first of them. Nothing else of a row is told, since it may be personal. */
  readonly examples: readonly unknown[];
  /** The conflict as a sentence. */
  readonly state: string;
}

/** Looks for rows that break demands. Reads only. */
export async function findConflicts(
  database: Database,
  demands: readonly Demand[],
): Promise<readonly Conflict[]> {
  const conflicts: Conflict[] = [];
  for (const demand of demands) {
    const look = (text: string) => demand.hasExpression ? userStatement(sql.raw(text)) : sql.raw(text);
    const examples = await database.read<Record<string, unknown>>(
      look(`${demand.look} LIMIT ${exampleCount}`),
    );
    if (examples.length === 0) continue;
    const [count] = await database.read<{ n: number | bigint | string }>(
      look(`SELECT count(*) AS n FROM (${demand.look}) AS broken`),
    );
    conflicts.push(describe(demand, Number(count!.n), examples));
  }
  return conflicts;
}

/** Returns the error for rows that stand in the way of `verb`; `null` without any. */
export function conflictError(
  verb: string,
  { url }: Pick<Database, "url">,
  conflicts: readonly Conflict[],
): HarborError | null {
  const [first] = conflicts;
  if (first === undefined) return null;
  return new HarborError(
    "data_conflict",
    `Cannot ${verb} "${url}": ${conflicts.map((conflict) => conflict.state).join("; ")}`,
    {
      hint: `Nothing was changed. See them all, then correct them: ${
        conflicts.map((conflict) => `${conflict.query};`).join(" ")
      }`,
      details: { conflicts },
    },
  );
}

function describe(
  { kind, table, columns, query, state }: Demand,
  rows: number,
  found: readonly Record<string, unknown>[],
): Conflict {
  const [key = "id"] = Object.keys(found[0] ?? {});
  const examples = found.map((row) => row[key]);
  const more = rows > examples.length ? ", …" : "";
  const said = rows === 1
    ? `1 row of ${table} ${state.replace(/^have/, "has").replace(/^refer/, "refers")}`
    : `${rows} rows of ${table} ${state}`;
  const words = `${said} (${key} ${examples.map((key) => key ?? "NULL").join(", ")}${more})`;
  return { kind, table, columns, query, rows, examples, state: words };
}
