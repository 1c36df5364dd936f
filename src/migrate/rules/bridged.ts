import type { Applied } from "../../history/applied.ts";
import type { Step } from "./plan.ts";

/**
 * Returns when a bridge made what steps undo: the scripts then lead back to schemas which the database need not have had.
 *
 * @returns `null` where no bridge did; `at` is `null` where nothing is on record of it any more but that
 */
export function undoneBridge(
  steps: readonly Pick<Step, "revision" | "direction">[],
  applied: readonly Applied[],
): { readonly at: string | null } | null {
  const bridged = applied.filter(({ origin }) => origin === "bridge");
  const undone = bridged.filter(({ revision }) =>
    steps.some((step) => step.direction === "downgrade" && step.revision.id === revision)
  );
  if (undone.length === 0) return null;
  // A row whose downgrade is under way says when that began; the bridge wrote its others at the same time.
  const timesOf = (rows: readonly Applied[]) =>
    rows.flatMap(({ finishedAt, startedAt }) => finishedAt === null ? [] : [startedAt]).toSorted();
  return { at: timesOf(undone)[0] ?? timesOf(bridged).at(-1) ?? null };
}
