import type { Account } from "../../engines/backup/account.ts";
import type { Manifest } from "./manifest.ts";

/** What comparing a manifest with what the copy says of itself has shown. */
export interface AccountCompared {
  /** In what they contradict each other; `null` where they do not. */
  readonly problem: string | null;
  /** What only one of them says. */
  readonly notCompared: readonly string[];
}

const agreed: AccountCompared = { problem: null, notCompared: [] };

/**
 * Compares whose the two say that the copy is. A manifest has the identity that was in the database, or that it had none;
 * those of earlier releases, and what stands for a missing one, say nothing.
 */
export function compareIdentity(
  { identity, database }: Pick<Manifest, "identity" | "database">,
  { identity: found }: Pick<Account, "identity">,
): AccountCompared {
  if (identity === undefined) return { ...agreed, notCompared: found === null ? [] : ["identity"] };
  if (identity === (found ?? null)) return agreed;
  const said = identity === null ? "no identity" : `the identity ${identity}`;
  const own = found === undefined ? "something that is none" : found ?? "no identity";
  return {
    ...agreed,
    problem: `its manifest says that it is of ${database}, with ${said}, and the copy itself says ${own}`,
  };
}

/** Compares where the two say that the database stood. */
export function compareStanding(
  { revision, unfinished }: Pick<Manifest, "revision" | "unfinished">,
  { standing, alembic }: Pick<Account, "standing" | "alembic">,
): AccountCompared {
  const problem = (own: string) => ({
    ...agreed,
    problem: `its manifest says ${placeText(revision, unfinished)}, and ${own}`,
  });
  if (standing === null) {
    // Alembic's is believed where it names one revision of the history.
    const isSaid = alembic.length === 1 && alembic[0] === revision;
    if (unfinished === null && (revision === null || isSaid)) {
      return { ...agreed, notCompared: revision === null && alembic.length > 0 ? ["revision"] : [] };
    }
    return problem(
      alembic.length === 0
        ? "the copy itself says no revision"
        : `its own alembic_version table ${alembic.join(", ")}`,
    );
  }
  const { done, unfinished: open, parents } = standing;
  // Without a ledger any of them may be the last.
  const last = done.filter((each) => !parents.includes(each));
  const isAt = revision === null ? done.length === 0 : last.some((each) => isSame(each, revision));
  const isOpen = unfinished === null ? open.length === 0 : open.some((each) => isSame(each, unfinished));
  return isAt && isOpen
    ? agreed
    : problem(`its own version table ${placeText(last.join(" or ") || null, open[0] ?? null)}`);
}

function placeText(revision: string | null, unfinished: string | null): string {
  return `${revision ?? "base"}${unfinished === null ? "" : `, with ${unfinished} half done`}`;
}

/** A tag that came or went may have made another id of the same revision. */
function isSame(one: string, other: string): boolean {
  return one === other || one.startsWith(`${other}_`) || other.startsWith(`${one}_`);
}
