import { counted } from "../../base/quantity.ts";
import { idOf, shownId } from "../../base/finding.ts";
import { type SQL, sql } from "drizzle-orm";
import type { Demand } from "./rules/demand.ts";
import { HarborError } from "../../base/errors.ts";
import { stopIfAsked } from "../../base/interrupt.ts";
import type { Database } from "../../engines/database.ts";
import type { RunContext } from "../../engines/run_context.ts";
import { userStatement } from "../../engines/statement_names.ts";
import { markedTable } from "../../sql/own/schema.ts";

/** How many rows are named. */
const exampleCount = 5;

/** Rows that break a demand. */
export interface Conflict extends Pick<Demand, "kind" | "table" | "columns" | "key" | "query"> {
  readonly rows: number;
  /** Keys of the first of them, a list each where they have several columns. Nothing else of a row is told, since it may be personal. */
  readonly examples: readonly unknown[];
  /** The conflict as a sentence. */
  readonly state: string;
}

/**
 * Looks for rows that break demands: for those that a row alone breaks in one pass over its table, for the others, and where there is
 * one, one after the other. Reads only. A demand that names what is not there, such as a function that a script
 * has still to make, is left to the statement that makes it.
 *
 * @throws {HarborError} `interrupted`, and what the database says
 */
export async function findConflicts(
  { database, signal }: Pick<RunContext, "database" | "signal">,
  demands: readonly Demand[],
): Promise<readonly Conflict[]> {
  const conflicts: Conflict[] = [];
  const met = await metTogether({ database, signal }, demands);
  for (const demand of demands) {
    if (met.includes(demand)) continue;
    stopIfAsked(signal);
    try {
      const conflict = await findConflict(database, demand);
      if (conflict !== null) conflicts.push(conflict);
    } catch (error) {
      if (!(error instanceof HarborError && (isUnknownName(error) || isHosts(demand, error)))) throw error;
    }
  }
  return conflicts;
}

/**
 * Looks for rows that break a demand; `null` without any. Reads only.
 *
 * @throws {HarborError} What the database says
 */
export async function findConflict(database: Database, demand: Demand): Promise<Conflict | null> {
  const { rows, examples } = await findBroken(database, demand);
  return rows > 0 ? describe(demand, rows, examples) : null;
}

/** Returns demands that no row breaks, as one look at each table says of several. */
async function metTogether(
  { database, signal }: Pick<RunContext, "database" | "signal">,
  demands: readonly Demand[],
): Promise<readonly Demand[]> {
  const single = demands.filter(({ condition }) => condition !== undefined);
  const met: Demand[] = [];
  for (const [table, all] of Map.groupBy(single, (demand) => demand.table)) {
    if (all.length < 2) continue;
    stopIfAsked(signal);
    const any = all.map(({ condition }) => `(${condition})`).join(" OR ");
    try {
      const broken = await database.read(
        sql.raw(`SELECT 1 AS n FROM ${markedTable(table)} WHERE ${any} LIMIT 1`),
      );
      if (broken.length === 0) met.push(...all);
    } catch (error) {
      // Which of them names what is not there shows when each is asked for.
      if (!(error instanceof HarborError && isUnknownName(error))) throw error;
    }
  }
  return met;
}

interface Broken {
  readonly rows: number;
  readonly examples: readonly Record<string, unknown>[];
}

async function findBroken(database: Database, demand: Demand): Promise<Broken> {
  const { look, work } = demand;
  if (work !== undefined) {
    const found = await database.findUnworkable?.({ ...work, look, most: exampleCount });
    return { rows: found?.rows ?? 0, examples: (found?.keys ?? []).map((key) => ({ [work.named]: key })) };
  }
  const examples = await database.read<Record<string, unknown>>(
    statementOf(demand, `${look} LIMIT ${exampleCount}`),
  );
  if (examples.length === 0) return { rows: 0, examples };
  const [count] = await database.read<{ n: number | bigint | string }>(
    statementOf(demand, `SELECT count(*) AS n FROM (${look}) AS broken`),
  );
  return { rows: Number(count!.n), examples };
}

function statementOf({ hasExpression }: Demand, text: string): SQL {
  return hasExpression ? userStatement(sql.raw(text)) : sql.raw(text);
}

/** A table of the host's that this role may refer to and not read: the server looks at it when the reference is made. */
function isHosts({ readsHost }: Demand, { details }: HarborError): boolean {
  return readsHost === true && details["sqlState"] === "42501";
}

/** A name or a cast that is not there, or that a script makes first. SQLite has no codes for its errors of this kind. */
function isUnknownName({ code, details }: HarborError): boolean {
  const { sqlState: state } = details;
  return code === "missing_table" ||
    (code === "statement_failed" && (state === undefined || /^(?:42|22)/.test(state)));
}

/**
 * Returns the error for rows that stand in the way; `null` without any.
 *
 * @param attempt What cannot be done because of them: `Cannot upgrade "…"`
 * @param untouched What was left as it is
 */
export function conflictError(
  attempt: string,
  conflicts: readonly Conflict[],
  untouched = "Nothing was changed.",
): HarborError | null {
  const [first] = conflicts;
  if (first === undefined) return null;
  return new HarborError(
    "data_conflict",
    `${attempt}: ${conflicts.map((conflict) => conflict.state).join("; ")}`,
    {
      hint: [
        `${untouched} See them all, then correct them:`,
        ...conflicts.map((conflict) => `${conflict.query};`),
      ],
      details: { conflicts },
    },
  );
}

function describe(
  { kind, table, columns, key, query, state }: Demand,
  rows: number,
  found: readonly Record<string, unknown>[],
): Conflict {
  const examples = found.map((row) => idOf(key.map((name) => row[name])));
  const more = rows > examples.length ? ", …" : "";
  const said = rows === 1
    ? `1 row of ${table} ${state.replace(/^have/, "has").replace(/^refer/, "refers")}`
    : `${counted(rows, "row")} of ${table} ${state}`;
  const words = `${said} (${key.join(", ")} ${examples.map(shownId).join(", ")}${more})`;
  return { kind, table, columns, key, query, rows, examples, state: words };
}
