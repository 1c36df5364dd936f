import type { Kept } from "../../../engines/kept_table.ts";
import type { Revision } from "../../../history/history.ts";
import { readableTexts } from "../../../history/plain_texts.ts";
import type { Snapshot } from "../../../schema/snapshot.ts";
import { standsFor } from "../../../history/unfold.ts";
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
  // Its step is undone: of what went up and down behind it, nothing says.
  if (kept.state === "left") return isAtHome(kept, standing) ? ranAgainSince(kept, standing, around) : null;
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
  const again = ranAgainSince(kept, standing, around);
  const texts = [again, ...others.map((each) => readableTexts(isUp ? each.upgrade : each.downgrade, around))];
  return texts.every((each) => each !== null) ? texts.flat() : null;
}

/**
 * Returns the statements that undid earlier revisions and did them again since a step kept something, as their rows of the version
 * table tell; `null` where that is not known.
 */
export function ranAgainSince(
  kept: Pick<Kept, "revision" | "madeAt">,
  { applied, history }: Standing,
  around: Pick<Snapshot, "schemas">,
): readonly string[] | null {
  const { revisions } = history;
  const at = revisions.findIndex(({ id }) => standsFor(history, id).has(kept.revision));
  const again = revisions.slice(0, Math.max(at, 0)).filter(({ id }) =>
    // The times of two runs, which two machines may have said. What ran in the same moment counts, since that keeps more.
    applied.some(({ revision, startedAt }) => revision === id && startedAt >= kept.madeAt)
  );
  const texts = [
    ...again.toReversed().map(({ downgrade }) => downgrade),
    ...again.map(({ upgrade }) => upgrade),
  ].map((script) => readableTexts(script, around));
  return texts.every((each) => each !== null) ? texts.flat() : null;
}
