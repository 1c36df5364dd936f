import type { Kept } from "../../engines/kept_table.ts";
import type { History } from "../../history/history.ts";
import { snapshotIfThere } from "../../history/revision_schema.ts";
import { type ColumnOrigin, follow, halfWay, type Origins, startOf } from "../../migrate/rules/origins.ts";
import type { Step } from "../../migrate/rules/plan.ts";
import { plainTexts } from "../../history/plain_texts.ts";
import type { Snapshot } from "../../schema/snapshot.ts";
import { isUndoneBy } from "../../state/rules/due.ts";

type Returned = Pick<Kept, "revision" | "direction" | "table" | "columns">;

/**
 * Returns where tables and columns come from when the steps of a plan have run.
 *
 * @param seen The schema before and after all of them, and where what was there before them comes from; it was there at the
 * start unless told; what is kept, of which each step puts back what it undoes, and of which some is due before the first one
 */
export function originsAfter(
  history: History,
  steps: readonly Step[],
  seen: {
    readonly before: Snapshot;
    readonly after: Snapshot;
    readonly from?: Origins;
    readonly kept?: readonly Returned[];
    readonly unreturned?: readonly Returned[];
  },
): Origins {
  const { revisions } = history;
  let { before } = seen;
  let origins = withReturned(seen.from ?? startOf(before), seen.unreturned ?? []);
  for (const [index, { revision, direction, script, resume }] of steps.entries()) {
    const goal = direction === "upgrade" ? revision : revisions.find(({ id }) => id === revision.parent);
    const isLast = index === steps.length - 1;
    const after = isLast ? seen.after : (goal && snapshotIfThere(goal)) ?? before;
    const statements = plainTexts(script, [before, after]);
    const followed = follow(origins, { before, after, statements });
    const undone = { history, revision: revision.id, direction };
    origins = withReturned(
      resume === null ? followed : halfWay(followed),
      (seen.kept ?? []).filter((kept) => isUndoneBy(kept, undone)),
    );
    before = after;
  }
  return origins;
}

/** What comes back is another value than the script gives. */
function withReturned(origins: Origins, kept: readonly Returned[]): Origins {
  return new Map([...origins].map(([name, origin]) => {
    const returned = kept.filter(({ table }) => table === name).flatMap(({ columns }) => columns);
    const columns = [...origin.columns].map(([column, from]): [string, ColumnOrigin] => [
      column,
      returned.some((each) => each.name === column) ? { ...from, values: "changed" } : from,
    ]);
    return [name, { ...origin, columns: new Map(columns) }];
  }));
}
