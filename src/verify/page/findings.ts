import { formatDuration } from "../../base/quantity.ts";
import { shownJson } from "../../base/shown_text.ts";
import type { Finding } from "../../base/finding.ts";
import { type Html, html } from "./html.ts";
import { icon } from "./icons.ts";
import { type ReportData, statusWords } from "./report_data.ts";

/** The checks side by side, and below them what needs somebody. */
export function renderFindings({ checks, findings }: ReportData): Html {
  const problems = findings.filter(({ status }) => status !== "pass");
  const order = ["fail", "error", "warn"];
  const sorted = problems.toSorted((a, b) => order.indexOf(a.status) - order.indexOf(b.status));
  return html`
    <section aria-label="Checks">
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
    ${sorted.length === 0 ? null : html`
      <section>
        <h2>What needs somebody</h2>
        <ol class="findings">${sorted.map(renderFinding)}</ol>
      </section>
    `}
  `;
}

/** A card says what passed in full, and of what did not only how much: the rest is below. */
function words(findings: readonly Finding[]): readonly string[] {
  const problems = findings.filter(({ status }) => status !== "pass");
  if (problems.length === 0) return findings.flatMap(({ message }) => message.split(" · "));
  const counts = (["fail", "error", "warn"] as const).flatMap((status) => {
    const { length } = problems.filter((finding) => finding.status === status);
    return length === 0 ? [] : [`${length} ${statusWords[status]}`];
  });
  return [counts.join(", ")];
}

function renderFinding({ check, status, message, hint, details }: Finding): Html {
  const facts = shownJson(details);
  return html`<li class="finding ${status}">
    ${icon(status)}
    <div>
      <p class="tag">${check} · ${statusWords[status]}</p>
      <p class="message">${message}</p>
      ${
    hint === null
      ? null
      : html`<p class="remedy"><b>Remedy</b>${
        command.test(hint) ? html`<code>${hint}</code>` : html`<span>${hint}</span>`
      }</p>`
  }
      ${
    facts === "{}" ? null : html`
      <details>
        <summary>Details</summary>
        <pre>${facts}</pre>
      </details>
    `
  }
    </div>
  </li>`;
}

/** What is there to be pasted, and not only to be read. */
const command = /^(harbor-db|sudo|sqlite3|SELECT|UPDATE|DELETE|ALTER|CREATE|REINDEX|GRANT) /;
