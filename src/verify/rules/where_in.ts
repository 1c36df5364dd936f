import type { History, Revision } from "../../history/history.ts";
import type { State } from "../../state/state.ts";

/** Where the version table has a database in a history. */
interface Where {
  /** The revision whose schema it should have; `null` for base, and where that is not known. */
  readonly current: Revision | null;
  /** Why it is not known; `null` where it is. */
  readonly unknown: string | null;
}

/** Returns the revision whose schema a database should have. */
export function whereIn({ revisions }: History, { kind, applied }: State): Where {
  const not = (unknown: string): Where => ({ current: null, unknown });
  if (kind === "unmanaged") return not("it is not known which revision the database is at");
  if (applied.some((row) => row.finishedAt === null)) {
    return not("a revision is half done, so its schema is on the way");
  }
  const names = new Set(applied.map((row) => row.revision));
  const done = revisions.filter((revision) => names.has(revision.id));
  if (done.length < names.size) return not("the database has a revision that the history does not have");
  return { current: done.at(-1) ?? null, unknown: null };
}
