import { HarborError } from "../base/errors.ts";
import type { History } from "./history.ts";

/** The file in the `drizzle/` folder that names the newest revision which is released, or was taken over. */
export const baselinePath = "BASELINE";

/** Reads the file: its first word is the revision's id or tag. `null` without a word, or without a file. */
export function parseBaseline(text: string | null): string | null {
  return /\S+/.exec(text ?? "")?.[0] ?? null;
}

/**
 * Returns how many revisions of a history are released; none without a baseline.
 *
 * @throws {HarborError} `bad_history` when the history does not have the revision
 */
export function countReleased({ dialect, revisions }: History, baseline: string | null): number {
  if (baseline === null) return 0;
  const place = revisions.findIndex(({ id, tag }) => id === baseline || tag === baseline);
  if (place >= 0) return place + 1;
  throw new HarborError("bad_history", `Cannot find the baseline "${baseline}"`, {
    state: `the history of ${dialect} does not have it`,
    hint: `Name a revision that it has: harbor-db check --baseline ${revisions.at(-1)?.id ?? "base"}`,
    details: { dialect, baseline },
  });
}
