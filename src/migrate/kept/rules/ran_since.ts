import { HarborError } from "../../../base/errors.ts";
import type { Kept } from "../../../engines/kept_table.ts";
import type { Revision } from "../../../history/history.ts";
import { plainTexts } from "../../../history/plain_texts.ts";
import type { Script } from "../../../history/scripts/script.ts";
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
  const texts = others.map((each) => textsOf(isUp ? each.upgrade : each.downgrade, around));
  return texts.every((each) => each !== null) ? texts.flat() : null;
}

/** Returns the statements of a script; `null` of one that is not there, or cannot be read. */
function textsOf(read: () => Script | null, around: Pick<Snapshot, "schemas">): readonly string[] | null {
  try {
    const script = read();
    return script === null ? null : plainTexts(script, [around]);
  } catch (error) {
    if (error instanceof HarborError) return null;
    throw error;
  }
}
