import type { Finding, FindingStatus, FindingSummary } from "../base/finding.ts";
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
export function summaryText({ pass, warn, fail, error }: FindingSummary): string {
  const parts = [
    ...fail > 0 ? [`${fail} failed`] : [],
    ...error > 0 ? [`${error} could not be checked`] : [],
    ...warn > 0 ? [`${warn} to look at`] : [],
    `${pass} passed`,
  ];
  return parts.join(", ");
}
