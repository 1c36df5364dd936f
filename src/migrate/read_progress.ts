import { counted } from "../base/quantity.ts";
import type { Step } from "./rules/plan.ts";
import { type BackfillState, readAppliedIn, readBackfills } from "../engines/version_table.ts";
import type { RunContext } from "../engines/run_context.ts";

/** How far the steps of a plan have come, as the database has it. */
export interface PlanProgress {
  readonly done: readonly Step[];
  /** The step of which a part is committed. */
  readonly half: HalfStep | null;
  /** Of these, nothing is. */
  readonly left: readonly Step[];
}

export interface HalfStep {
  readonly step: Step;
  /** Statements of its script that are committed. */
  readonly statementsDone: number;
  /** The backfill that has begun and has not ended. */
  readonly backfill: BackfillState | null;
}

/** Reads what a run that failed has left behind. */
export async function readProgress(
  context: RunContext,
  steps: readonly Step[],
): Promise<PlanProgress> {
  const applied = await readAppliedIn(context) ?? [];
  const backfills = await readBackfills(context.database);
  const rowOf = ({ revision }: Step) => applied.find((row) => row.revision === revision.id);
  const isHalf = (step: Step) => rowOf(step)?.finishedAt === null;
  const isDone = (step: Step) =>
    step.direction === "upgrade" ? !!rowOf(step)?.finishedAt : rowOf(step) === undefined;
  const half = steps.find(isHalf);
  const row = half && rowOf(half);
  const recorded = row?.recordedAs ?? row?.revision;
  return {
    done: steps.filter(isDone),
    half: half === undefined ? null : {
      step: half,
      statementsDone: rowOf(half)!.statementsDone,
      backfill: backfills.find(({ revision, finishedAt }) => revision === recorded && finishedAt === null) ??
        null,
    },
    left: steps.filter((step) => !isDone(step) && !isHalf(step)),
  };
}

/** Returns progress in words, a line each: what is done, what is half done, what is not. */
export function progressLines({ done, half, left }: PlanProgress): readonly string[] {
  const names = (steps: readonly Step[]) =>
    steps.map(({ revision }) => `${revision.id} (${revision.name})`).join(", ");
  return [
    ...done.length > 0 ? [`done: ${names(done)}`] : [],
    ...half === null ? [] : [`half done: ${names([half.step])}, ${halfText(half)}`],
    ...left.length > 0 ? [`not done: ${names(left)}`] : [],
  ];
}

function halfText({ step, statementsDone, backfill }: HalfStep): string {
  const statements = `${statementsDone} of ${counted(step.script.statements.length, "statement")}`;
  if (backfill === null) return statements;
  const { table, rows, lastKey } = backfill;
  return `${statements}, and of the backfill of ${table} ${counted(rows, "row")}, up to key ${
    lastKey ?? "-"
  }`;
}
