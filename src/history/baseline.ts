import { HarborError } from "../base/errors.ts";
import type { Dialect } from "../base/dialect.ts";
import type { History, Revision } from "./history.ts";
import { markedState, markLine } from "../base/merge_marks.ts";
import { isFolderTag, isSameName, prefixOf } from "./revision_name.ts";

/** The file in the `drizzle/` folder that names the newest revision which is released, or was taken over. */
export const baselinePath = "BASELINE";

/**
 * Reads the file: its first word is the revision's id or tag, and behind it may stand its name, by which it is known where
 * drizzle-kit 1.0 laid the history out anew, and where another one with its number came. `null` without a word, or without a file.
 *
 * @param tags Of the history
 */
export function parseBaseline(text: string | null, tags: readonly string[]): string | null {
  const [, id, name = ""] = /(\S+)[^\S\n]*(.*)/.exec(text ?? "") ?? [];
  const twins = tags.filter((tag) => prefixOf(tag) === id);
  if (id === undefined || (twins.length < 2 && tags.some((tag) => tag.startsWith(id)))) return id ?? null;
  const meant = twins.length > 0 ? twins : tags.filter(isFolderTag);
  const [own, other] = meant.filter((tag) => isSameName(tag, name));
  return other === undefined ? own ?? id : id;
}

/**
 * Returns how many revisions of a history are released; none without a baseline. One that was written down by its prefix
 * is known by it still, where a twin came since.
 *
 * @throws {HarborError} `bad_history` when the history does not have the revision, or two of which it may be either
 */
export function countReleased(
  { dialect, revisions, covered = [] }: {
    readonly dialect: Dialect;
    readonly revisions: readonly Pick<Revision, "id" | "tag">[];
    readonly covered?: History["covered"];
  },
  baseline: string | null,
): number {
  if (baseline === null) return 0;
  if (markLine(baseline) !== null) {
    throw new HarborError("bad_history", `Cannot read "${baselinePath}"`, {
      state: markedState,
      hint: `Write into ${baselinePath} the newest revision that databases have, and nothing else.`,
      details: { dialect, path: baselinePath },
    });
  }
  const place = revisions.findIndex(({ id, tag }) => id === baseline || tag === baseline);
  if (place >= 0) return place + 1;
  // A squash that was killed before it wrote the baseline leaves one for which the squashed one stands.
  const inside = covered.find(({ id, tag }) => id === baseline || tag === baseline);
  if (inside?.coveredBy !== undefined) {
    return countReleased({ dialect, revisions, covered }, inside.coveredBy);
  }
  const twins = revisions.filter(({ tag }) => prefixOf(tag) === baseline);
  if (twins.length === 1) return revisions.indexOf(twins[0]!) + 1;
  if (twins.length > 1) {
    throw new HarborError("bad_history", `Cannot find the baseline "${baseline}"`, {
      state: `it is the beginning of ${twins.map(({ tag }) => tag).join(" and ")}`,
      hint: `Write into ${baselinePath} which of them is released.`,
      details: { dialect, baseline },
    });
  }
  throw new HarborError("bad_history", `Cannot find the baseline "${baseline}"`, {
    state: `the history of ${dialect} does not have it`,
    hint: `Name a revision that it has: harbor-db check --baseline ${revisions.at(-1)?.id ?? "base"}`,
    details: { dialect, baseline },
  });
}
