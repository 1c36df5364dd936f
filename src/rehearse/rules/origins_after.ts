import type { History } from "../../history/history.ts";
import { snapshotIfThere } from "../../history/revision_schema.ts";
import { follow, halfWay, type Origins, startOf } from "../../migrate/rules/origins.ts";
import type { Step } from "../../migrate/rules/plan.ts";
import { plainTexts } from "../../history/plain_texts.ts";
import type { Snapshot } from "../../schema/snapshot.ts";

/**
 * Returns where tables and columns come from when the steps of a plan have run.
 *
 * @param seen The schema before and after all of them, and where what was there before them comes from; it was there at the
 * start unless told
 */
export function originsAfter(
  { revisions }: History,
  steps: readonly Step[],
  seen: { readonly before: Snapshot; readonly after: Snapshot; readonly from?: Origins },
): Origins {
  let { before } = seen;
  let origins = seen.from ?? startOf(before);
  for (const [index, { revision, direction, script, resume }] of steps.entries()) {
    const goal = direction === "upgrade" ? revision : revisions.find(({ id }) => id === revision.parent);
    const isLast = index === steps.length - 1;
    const after = isLast ? seen.after : (goal && snapshotIfThere(goal)) ?? before;
    const statements = plainTexts(script, [before, after]);
    const followed = follow(origins, { before, after, statements });
    origins = resume === null ? followed : halfWay(followed);
    before = after;
  }
  return origins;
}
