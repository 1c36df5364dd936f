/** `error`: it could not be checked, which is never the same as `pass`. */
export type FindingStatus = "pass" | "warn" | "fail" | "error";

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

/** From good to bad. What could not be checked is less bad than what is known to be wrong. */
const order: readonly FindingStatus[] = ["pass", "warn", "error", "fail"];

/** Counts findings by status. */
export function summarize(findings: readonly Pick<Finding, "status">[]): FindingSummary {
  const count = (status: FindingStatus) => findings.filter((finding) => finding.status === status).length;
  return { pass: count("pass"), warn: count("warn"), fail: count("fail"), error: count("error") };
}

/** Returns what findings say was not looked at, though all that was looked at may be as it should. */
export function notCheckedOf(findings: readonly Pick<Finding, "details">[]): readonly string[] {
  return findings.flatMap(({ details }) => (details["notChecked"] ?? []) as readonly string[]);
}

/** Returns the worst status among findings; `pass` without any. */
export function worstStatus(findings: readonly Pick<Finding, "status">[]): FindingStatus {
  const places = findings.map((finding) => order.indexOf(finding.status));
  return order[Math.max(0, ...places)]!;
}

/**
 * Returns the exit code that findings stand for: 3 when something failed, else 1 when something could not be checked,
 * else 0.
 *
 * @param strict Whether warnings count as failed
 */
export function exitCodeOfFindings(findings: readonly Pick<Finding, "status">[], strict = false): 0 | 1 | 3 {
  const { fail, error, warn } = summarize(findings);
  if (fail > 0) return 3;
  if (error > 0) return 1;
  return strict && warn > 0 ? 3 : 0;
}

/** What a check finds: a finding, but for the check's name. */
export type Found = Omit<Finding, "check">;

/** Returns what a look finds that finds nothing wrong. */
export function pass(message: string, details: Found["details"] = {}): Found {
  return { status: "pass", message, hint: null, details };
}
