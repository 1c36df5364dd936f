import { formatDuration } from "../../base/quantity.ts";
import { type Finding, findingStatuses } from "../../base/finding.ts";
import { type Html, html } from "./html.ts";
import { icon } from "./icons.ts";
import { type ReportData, statusWords } from "./report_data.ts";
import { showTime } from "./words.ts";

/** The checks side by side. */
export function renderChecks({ checks, findings, startedAt }: ReportData): Html | null {
  if (checks.length === 0) return null;
  return html`
    <section>
      <h2>Checks <small>ages are those at ${showTime(startedAt)}</small></h2>
      <ul class="checks">${checks.map(({ check, status, ms }) =>
        html`
          <li class="card ${status}">
            <div class="cardhead">${icon(status)}<b>${check}</b><span class="ms">${formatDuration(
              ms,
            )}</span></div>
            ${words(findings.filter((finding) => finding.check === check)).map((text) =>
              html`<p>${text}</p>`
            )}
          </li>
        `
      )}</ul>
    </section>
  `;
}

/** A card says what passed in full, and of what did not only how much: the rest stands under what needs attention. */
function words(findings: readonly Finding[]): readonly string[] {
  const problems = findings.filter(({ status }) => status !== "pass");
  if (problems.length === 0) return findings.flatMap(({ message }) => message.split(" · "));
  const counts = findingStatuses.toReversed().flatMap((status) => {
    const { length } = problems.filter((finding) => finding.status === status);
    return length === 0 ? [] : [`${length} ${statusWords[status]}`];
  });
  return [counts.join(", ")];
}
