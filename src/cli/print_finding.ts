import { type Finding, type FindingStatus, findingStatuses, type FindingSummary } from "../base/finding.ts";
import { shownText } from "../base/shown_text.ts";
import type { App } from "./app.ts";

const labels: Readonly<Record<FindingStatus, string>> = {
  pass: "pass",
  warn: "warn",
  fail: "FAIL",
  error: "NOT CHECKED",
};

/** Prints a finding and what to do about it. */
export function printFinding({ report }: App, { check, status, message, hint }: Finding): void {
  const { green, magenta, red, bold } = report.colors;
  const color = { pass: green, warn: magenta, fail: red, error: red }[status];
  report.line(`${color(labels[status].padEnd(11))} ${check.padEnd(9)} ${message}`, 22);
  if (hint !== null) report.line(`${" ".repeat(22)}${bold(report.remedy(hint))}`);
}

/** Returns a finding as text without colours, in which a line break is one of ours. */
export function findingText(
  { report }: App,
  { check, status, message, hint }: Finding,
): string {
  return `${labels[status]} ${check}: ${shownText(message)}${
    hint === null ? "" : `\n  ${shownText(report.remedy(hint))}`
  }`;
}

/** Returns how many findings there are of each kind, in words. */
export function summaryText(summary: FindingSummary): string {
  return findingStatuses.toReversed().filter((status) => summary[status] > 0 || status === "pass")
    .map((status) => `${summary[status]} ${outcomes[status]}`).join(", ");
}

const outcomes: Readonly<Record<FindingStatus, string>> = {
  pass: "passed",
  warn: "to look at",
  fail: "failed",
  error: "could not be checked",
};
