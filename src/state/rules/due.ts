import type { Kept } from "../../engines/kept_table.ts";
import type { Applied, Direction } from "../../history/applied.ts";
import type { History, Revision } from "../../history/history.ts";
import { standsFor } from "../../history/unfold.ts";

/** Where a database stands: what it has of its history. */
export interface Standing {
  readonly history: History;
  readonly applied: readonly Applied[];
}

/** Says whether a step's kept data is due: the step was undone, and nobody has tried yet to put it back to the end. */
export function isDue({ state, direction, revision }: Kept, { history, applied }: Standing): boolean {
  const row = applied.find((each) => standsFor(history, each.revision).has(revision));
  const isApplied = row !== undefined && row.finishedAt !== null;
  return state !== "left" && state !== "noting" &&
    (direction === "downgrade" ? isApplied : row === undefined);
}

/** Says whether kept data is what stayed when a step was undone, which is undone still. */
export function isLeftOver(kept: Kept, standing: Standing): boolean {
  return kept.state === "left" && isDue({ ...kept, state: "kept" }, standing);
}

/** Says whether what the script gave is known: nobody can tell otherwise what was written since. */
export function isReturnable({ kind, columns }: Pick<Kept, "kind" | "columns">): boolean {
  return kind !== "columns" || columns.every(({ given }) => given !== null);
}

/**
 * Says whether what stayed kept may be tried again now. In the schema of another revision a column may have the same name and
 * mean something else, and a value that a script has changed since would come back as it was before.
 */
export function isTriedAgain(kept: Kept, standing: Standing): boolean {
  return isLeftOver(kept, standing) && isReturnable(kept) && isAtHome(kept, standing);
}

/** Says whether a database has exactly what kept data fits, and nothing half way. */
export function isAtHome(kept: Kept, { history, applied }: Standing): boolean {
  const upTo = revisionsUpTo(kept, history);
  return applied.length === upTo?.length &&
    applied.every((row) => row.finishedAt !== null && upTo.some(({ id }) => id === row.revision));
}

/** Returns the revision whose schema kept data comes back in, `base` before the first; `null` where the history has none that stands for its own. */
export function homeOf(kept: Kept, history: History): string | null {
  const upTo = revisionsUpTo(kept, history);
  return upTo === null ? null : upTo.at(-1)?.id ?? "base";
}

function revisionsUpTo(
  { revision, direction }: Kept,
  { revisions, ...rest }: History,
): readonly Revision[] | null {
  const own = revisions.findIndex(({ id }) => standsFor({ revisions, ...rest }, id).has(revision));
  return own < 0 ? null : revisions.slice(0, direction === "downgrade" ? own + 1 : own);
}

/** Says whether a step lets kept data come back: it undoes the one that kept it, or does it with others in one. */
export function isUndoneBy(
  { revision, direction }: Pick<Kept, "revision" | "direction">,
  { history, ...step }: {
    readonly history: History;
    readonly revision: string;
    readonly direction: Direction;
  },
): boolean {
  return direction !== step.direction && standsFor(history, step.revision).has(revision);
}

interface StepOf {
  readonly revision: Pick<Revision, "id">;
  readonly direction: Direction;
}

/** Says whether a step lets anything come back of all that is kept. */
export function bringsBack(
  { revision: { id: revision }, direction }: StepOf,
  kept: readonly Pick<Kept, "revision" | "direction">[],
  history: History,
): boolean {
  return kept.some((each) => isUndoneBy(each, { history, revision, direction }));
}

/** Says whether kept data is what a step has noted that is under way, or was interrupted. */
export function isNotedBy(kept: Kept, step: StepOf): boolean {
  return kept.state === "noting" && kept.revision === step.revision.id && kept.direction === step.direction;
}

/** Says whether kept data was noted by a step that is none of those to come: what it filled is to be put back. */
export function isGivenUp(kept: Kept, steps: readonly StepOf[]): boolean {
  return kept.state === "noting" && !steps.some((step) => isNotedBy(kept, step));
}

/** Says whether a run of steps lets kept data come back: a step of it, or one that was undone before, undoes the one that kept it. */
export function comesBack(kept: Kept, steps: readonly StepOf[], { history, applied }: Standing): boolean {
  return isDue(kept, { history, applied }) || isGivenUp(kept, steps) ||
    steps.some(({ revision, direction }) => isUndoneBy(kept, { history, revision: revision.id, direction }));
}

/** Returns the command that puts back what an interrupted run did not, on a database at a revision (`null`: base), and runs no step. */
export function returnCommand({ direction }: Kept, current: string | null): string {
  return `harbor-db ${direction === "upgrade" ? "downgrade" : "upgrade"} ${current ?? "base"}`;
}
