import type { ProjectCheck, ProjectFinding } from "../../rules/folder/finding.ts";

/** What nobody can act on any more once databases have the revision. An edit of it stays wrong. */
const settled: readonly ProjectCheck[] = [
  "journal",
  "files",
  "branches",
  "snapshot",
  "downgrade",
  "hazard",
  "dialects",
];

/** Of what else there is only a word to say. What cannot be read, or leads back and fails, stays wrong. */
const settledWarnings: readonly ProjectCheck[] = ["script", "syntax"];

/** What was found and needs nobody. */
export interface Settled {
  /** Hazards with a reason above them. */
  readonly accepted: readonly ProjectFinding[];
  /** What is found in revisions that are released. */
  readonly released: readonly ProjectFinding[];
}

/** Parts what somebody has to look at from what is only counted. */
export function settle(
  findings: readonly ProjectFinding[],
  isReleased: (revision: unknown) => boolean,
): Settled & { readonly open: readonly ProjectFinding[] } {
  const released = findings.filter(({ check, status, details }) =>
    (settled.includes(check) || (status === "warn" && settledWarnings.includes(check))) &&
    isReleased(details["revision"])
  );
  const accepted = findings.filter((each) => each.details["isAllowed"] === true && !released.includes(each));
  return {
    accepted,
    released,
    open: findings.filter((each) => !released.includes(each) && !accepted.includes(each)),
  };
}

/** Says how many findings need nobody: `2 are accepted, 11 are in released revisions`; empty without any. */
export function countSettled({ accepted, released }: Settled): string {
  return [
    ...accepted.length === 0 ? [] : [`${accepted.length} accepted`],
    ...released.length === 0 ? [] : [`${released.length} in released revisions`],
  ].join(", ");
}

/** Returns the findings that are only counted, for programs. */
export function detailsOf(settled: Settled): ProjectFinding["details"] {
  const listed = (findings: readonly ProjectFinding[]) =>
    findings.map(({ message, details }) => ({ ...details, message }));
  return { accepted: listed(settled.accepted), released: listed(settled.released) };
}
