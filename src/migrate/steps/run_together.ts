import type { Dialect } from "../../base/dialect.ts";
import type { StepResult } from "./step_result.ts";
import { type SQL, sql } from "drizzle-orm";
import { HarborError } from "../../base/errors.ts";
import { stopIfAsked } from "../../base/interrupt.ts";
import type { Step } from "../rules/plan.ts";
import { type BackfillResult, recordAtOnce } from "./backfill.ts";
import { type BatchOptions, recordTogether } from "./batches.ts";
import { asNew, makesOnly, nothingMade } from "./makes_only.ts";
import type { RunContext } from "../../engines/run_context.ts";
import { userStatement } from "../../engines/statement_names.ts";

/** How many statements of scripts share a transaction at most, since nobody can stop it before its end. */
export const mostStatements = 500;

/** How a run of the next steps in one transaction ended. */
export interface Together {
  /** The steps that ran. */
  readonly done: readonly StepResult[];
  /** How many steps are next to be run by themselves. */
  readonly alone: number;
}

/**
 * Runs the next steps of a database that was empty, as many in one transaction as only make tables, columns and indexes,
 * and change what is made in it: there are no rows in that, nobody to keep waiting, and each commit would wait for the disk.
 *
 * @param optionsAt What the batches of the step at an index depend on
 * @returns The steps that ran. Those that could not together are left to be run by themselves: what is kept of them and
 * what is said is then the same as in any other database
 */
export async function runTogether(
  context: RunContext,
  steps: readonly Step[],
  optionsAt: (index: number) => BatchOptions,
): Promise<Together> {
  const group = nextGroup(steps, context.database.dialect);
  if (group.length < 2) return { done: [], alone: 1 };
  const options = group.map((_, index) => optionsAt(index));
  const scripts = group.map((step, index) => scriptOf(context, step, options[index]!));
  const startedAt = performance.now();
  try {
    stopIfAsked(context.signal);
    await context.database.write([
      ...scripts.flatMap(({ statements }) => statements),
      ...recordTogether(group, options[0]!),
    ], "schema");
  } catch (error) {
    // One by one is the way on only from where they did not commit.
    if (!(error instanceof HarborError) || error.details.committed !== undefined) throw error;
    return { done: [], alone: group.length };
  }
  const ms = Math.round((performance.now() - startedAt) / group.length);
  const done = group.map(({ revision, direction }, index): StepResult => {
    context.notify({ kind: "step", id: revision.id, name: revision.name, direction });
    const backfills = scripts[index]!.tables.map((table): BackfillResult => ({
      table,
      rows: 0,
      batches: 1,
      longestBatchMs: ms,
    }));
    return {
      revision: revision.id,
      name: revision.name,
      direction,
      source: "history",
      ms,
      backfills,
      kept: [],
      returned: [],
    };
  });
  return { done, alone: 0 };
}

/** Returns the first steps that can share a transaction. */
function nextGroup(steps: readonly Step[], dialect: Dialect): readonly Step[] {
  const made = nothingMade();
  let statements = 0;
  const end = steps.findIndex(({ script }) => {
    statements += script.statements.length;
    return statements > mostStatements || !script.statements.every((each) => makesOnly(each, dialect, made));
  });
  return end < 0 ? steps : steps.slice(0, end);
}

/** Returns all statements of a step, with what records its backfills, and their tables. */
function scriptOf(context: RunContext, { script, revision }: Step, { before }: BatchOptions) {
  const statements: SQL[] = [...before];
  const tables: string[] = [];
  for (const [statement, each] of script.statements.entries()) {
    statements.push(userStatement(sql.raw(asNew(each, context.database.dialect).sql)));
    if (each.run.kind !== "backfill") continue;
    tables.push(each.run.table);
    statements.push(...recordAtOnce(context, { revision: revision.id, statement, backfill: each.run }));
  }
  return { statements, tables };
}
