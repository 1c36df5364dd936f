/**
 * From good to bad. `error`: it could not be checked, which is never the same as `pass`, and less bad than what is known
 * to be wrong.
 */
export const findingStatuses = ["pass", "warn", "error", "fail"] as const;
export type FindingStatus = typeof findingStatuses[number];

/** One result of a check. */
export interface Finding {
  /** The check that found it, by the name under which it is chosen: `schema`. */
  readonly check: string;
  readonly status: FindingStatus;
  /** What was found, as a sentence for people; never personal data. */
  readonly message: string;
  /** The remedy, as a command to paste or one sentence; `null` when nothing has to be done. */
  readonly hint: string | null;
  /** Facts for programs; never personal data. */
  readonly details: Readonly<Record<string, unknown>>;
}

/** How many findings have each status. */
export type FindingSummary = Readonly<Record<FindingStatus, number>>;

/** Counts findings by status. */
export function summarize(findings: readonly Pick<Finding, "status">[]): FindingSummary {
  const summary = { pass: 0, warn: 0, fail: 0, error: 0 };
  for (const { status } of findings) summary[status]++;
  return summary;
}

/** Returns what findings say was not looked at, though all that was looked at may be as it should. */
export function notCheckedOf(findings: readonly Pick<Finding, "details">[]): readonly string[] {
  return [...new Set(findings.flatMap(({ details }) => (details["notChecked"] ?? []) as readonly string[]))];
}

/** Returns the worst status among findings; `pass` without any. */
export function worstStatus(findings: readonly Pick<Finding, "status">[]): FindingStatus {
  return findingStatuses.findLast((status) => findings.some((finding) => finding.status === status)) ??
    "pass";
}

const exitCodes: Readonly<Record<FindingStatus, 0 | 1 | 3>> = { pass: 0, warn: 0, error: 1, fail: 3 };

/**
 * Returns the exit code that findings stand for: 3 when something failed, else 1 when something could not be checked,
 * else 0.
 *
 * @param strict Whether warnings count as failed
 */
export function exitCodeOfFindings(findings: readonly Pick<Finding, "status">[], strict = false): 0 | 1 | 3 {
  const worst = worstStatus(findings);
  return strict && worst === "warn" ? exitCodes.fail : exitCodes[worst];
}

/** What a check finds: a finding, but for the check's name. */
export type Found = Omit<Finding, "check">;

/** Returns what a look finds that finds nothing wrong. */
export function pass(message: string, details: Found["details"] = {}): Found {
  return { status: "pass", message, hint: null, details };
}

/**
 * Returns what a row is called by as JSON and people can have it: the value of its key, or a list where that has several columns; bytes as
 * SQL writes them.
 */
export function idOf(key: readonly unknown[]): unknown {
  const ids = key.map((value) =>
    value instanceof Uint8Array
      ? `x'${[...value].map((byte) => byte.toString(16).padStart(2, "0")).join("")}'`
      : value
  );
  return ids.length === 1 ? ids[0] : ids;
}

/** Returns an id for a message. */
export function shownId(id: unknown): string {
  if (Array.isArray(id)) return `(${id.map(shownId).join(", ")})`;
  return typeof id === "object" && id !== null ? JSON.stringify(id) : String(id ?? "NULL");
}
