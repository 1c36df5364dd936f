import type { Kept } from "../../engines/kept_table.ts";
import { prefixOf } from "../../history/revision_name.ts";
import type { Standing } from "./due.ts";

/**
 * Returns kept data under the ids that its revisions have now, as `underPresentIds` does it with rows of the version table. Of a
 * revision that was undone there is no row: it is known by its prefix, or by the number that drizzle-kit gave it before 1.0 laid the
 * history out anew, where no row says that the numbers were others.
 */
export function underPresentRevisions(
  kept: readonly Kept[],
  { history, applied }: Standing,
): readonly Kept[] {
  const { revisions, covered = [], isFoldered = false } = history;
  const known = new Set([...revisions, ...covered].map(({ id }) => id));
  const isInOrder = applied.every(({ revision, recordedAs }) =>
    recordedAs === undefined || !isNumber(recordedAs) || revisions[Number(recordedAs)]?.id === revision
  );
  const presentId = (old: string): string => {
    const row = applied.find(({ recordedAs }) => recordedAs === old);
    if (row !== undefined) return row.revision;
    const [own, other] = revisions.filter(({ tag }) => tag === old || prefixOf(tag) === old);
    if (own !== undefined && other === undefined) return own.id;
    return isFoldered && isInOrder && isNumber(old) ? revisions[Number(old)]?.id ?? old : old;
  };
  return kept.map((each) =>
    known.has(each.revision) ? each : { ...each, revision: presentId(each.revision) }
  );
}

function isNumber(id: string): boolean {
  return /^\d{4}$/.test(id);
}
