import { compareTexts } from "../../base/compare_texts.ts";

/** How many backups to keep, in restic's words. 0 switches a rule off. */
export interface RetentionPolicy {
  /** The newest ones. */
  readonly last: number;
  /** The newest of each of the last days that have one. */
  readonly daily: number;
  readonly weekly: number;
  readonly monthly: number;
}

/** A backup as retention sees it. */
export interface RetentionCandidate {
  readonly id: string;
  /** ISO 8601 UTC. */
  readonly createdAt: string;
  /** Tells which was made after which, whatever the clock said. */
  readonly sequence: number;
  /** Whether its date is still to come, so that nothing may go for its sake, nor itself. */
  readonly isInFuture: boolean;
  /** Whether this run made it. */
  readonly isMade: boolean;
  /** Where in the history it goes back to: the revision, and the one that was half way there. */
  readonly boundary: string;
  /** Whether it was made before an adoption, of a database at no revision. */
  readonly isBeforeAdoption: boolean;
  /** Whether it is proven and still whole. Any other keeps no better one from being kept. */
  readonly isProven: boolean;
}

/** What is to become of a backup, and why. */
export interface RetentionVerdict<Candidate extends RetentionCandidate> {
  readonly backup: Candidate;
  readonly keep: boolean;
  /** The rules that keep it; empty when none does. */
  readonly reasons: readonly string[];
}

/** What applies when nobody says otherwise. */
export const defaultRetention: RetentionPolicy = { last: 10, daily: 7, weekly: 5, monthly: 12 };

/** Says in words what a policy keeps. */
export function describeRetention(policy: RetentionPolicy): string {
  const [last, ...others] = ruleNames.map((name) => `${policy[name]}${rules[name].unit}`);
  return `the last ${last}, and those of ${others.slice(0, -1).join(", ")} and ${others.at(-1)}`;
}

/**
 * Decides which backups stay.
 *
 * A day, a week (from Monday) and a month are those of UTC; of each the newest backup counts, and only those count
 * that have one. What goes back to a place that no newer proven backup goes back to stays whatever the rules say, and so does the
 * first of those before adoptions that follow each other: the others hold what an interrupted one had half done. What this run made, the last
 * one that was made and what is dated in the future stay even with `force`: clocks go wrong.
 *
 * @param options.force Prune those as well
 * @returns A verdict for each, the newest first
 */
export function applyRetention<Candidate extends RetentionCandidate>(
  backups: readonly Candidate[],
  policy: RetentionPolicy,
  options: { readonly force: boolean },
): readonly RetentionVerdict<Candidate>[] {
  const newestFirst = backups.toSorted((a, b) =>
    compareTexts(b.createdAt, a.createdAt) || compareTexts(b.id, a.id)
  );
  const last = newestFirst.filter((each) => each.isProven && !each.isInFuture)
    .toSorted((a, b) => b.sequence - a.sequence)[0];
  const buckets = ruleNames.map((name) => ({ name, left: policy[name], last: "" }));
  const boundaries = new Set<string>();
  const firsts = new Set(
    firstBeforeAdoptions(newestFirst.filter((each) => each.isProven && !each.isInFuture)),
  );
  return newestFirst.map((backup) => {
    const reasons: string[] = [];
    if (backup.isInFuture) return { backup, keep: true, reasons: ["dated in the future, so not counted"] };
    if (!backup.isProven) {
      if (!options.force) reasons.push("not whole, so not counted");
      return { backup, keep: !options.force, reasons };
    }
    for (const rule of buckets) {
      const bucket = rules[rule.name].bucket(backup);
      if (rule.left === 0 || bucket === rule.last) continue;
      rule.left--;
      rule.last = bucket;
      reasons.push(rule.name);
    }
    if (!options.force && !boundaries.has(backup.boundary)) {
      reasons.push(`newest at ${backup.boundary}`);
    }
    boundaries.add(backup.boundary);
    if (!options.force && reasons.length === 0 && firsts.has(backup)) reasons.push("first before adopt");
    if (backup.isMade) reasons.push("just made");
    if (reasons.length === 0 && backup === last) reasons.push("the last one made");
    return { backup, keep: reasons.length > 0, reasons };
  });
}

/** Returns of each row of backups before adoptions the oldest. */
function firstBeforeAdoptions<Backup extends Pick<RetentionCandidate, "isBeforeAdoption">>(
  newestFirst: readonly Backup[],
): readonly Backup[] {
  return newestFirst.filter((each, place) =>
    each.isBeforeAdoption && newestFirst[place + 1]?.isBeforeAdoption !== true
  );
}

interface RetentionRule {
  readonly unit: string;
  bucket(backup: RetentionCandidate): string;
}

/** Each rule keeps the newest backup of a bucket, for as many buckets as the policy says. */
const rules: Readonly<Record<keyof RetentionPolicy, RetentionRule>> = {
  last: { unit: "", bucket: ({ id }) => id },
  daily: { unit: " days", bucket: ({ createdAt }) => createdAt.slice(0, "2026-01-01".length) },
  weekly: { unit: " weeks", bucket: ({ createdAt }) => String(weekOf(createdAt)) },
  monthly: { unit: " months", bucket: ({ createdAt }) => createdAt.slice(0, "2026-01".length) },
};

/** In the order in which reasons are given. */
const ruleNames = Object.keys(rules) as readonly (keyof RetentionPolicy)[];

/** Returns the number of the week since 1970. The first day of 1970 was a Thursday. */
function weekOf(createdAt: string): number {
  const days = Math.floor(Date.parse(createdAt) / 86_400_000);
  return Math.floor((days + 3) / 7);
}
