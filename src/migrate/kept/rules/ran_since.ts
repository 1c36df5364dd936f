import type { Kept } from "../../../engines/kept_table.ts";
import type { Revision } from "../../../history/history.ts";
import { readableTexts } from "../../../history/plain_texts.ts";
import type { Snapshot } from "../../../schema/snapshot.ts";
import { isAtHome, type Standing } from "../../../state/rules/due.ts";

/**
 * Returns the statements that ran since a step kept something, where others have gone on in its direction; `null` where that is
 * not known, as in a history without its revision.
 *
 * @param around What has the names of the schemas
 */
export function ranSince(
  kept: Kept,
  standing: Standing,
  around: Pick<Snapshot, "schemas">,
): readonly string[] | null {
  const { applied, history: { revisions } } = standing;
  // Its step is undone: what ran before and after that, nothing says.
  if (kept.state === "left") return isAtHome(kept, standing) ? [] : null;
  const at = revisions.findIndex(({ id }) => id === kept.revision);
  const isKnown = applied.every(({ revision, finishedAt }) =>
    finishedAt !== null && revisions.some(({ id }) => id === revision)
  );
  if (at < 0 || !isKnown) return null;
  const isApplied = ({ id }: Revision) => applied.some(({ revision }) => revision === id);
  const isUp = kept.direction === "upgrade";
  const others = isUp
    ? revisions.slice(at + 1).filter(isApplied)
    : revisions.slice(0, at).filter((each) => !isApplied(each)).toReversed();
  const texts = others.map((each) => readableTexts(isUp ? each.upgrade : each.downgrade, around));
  return texts.every((each) => each !== null) ? texts.flat() : null;
}
