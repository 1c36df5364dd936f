import { shownJson } from "../../base/shown_text.ts";
import { type Finding, findingStatuses } from "../../base/finding.ts";
import { type Html, html } from "./html.ts";
import { icon } from "./icons.ts";
import { readRemedy } from "./remedy.ts";
import { type ReportData, statusWords } from "./report_data.ts";
import { plural } from "./words.ts";

/** What did not pass, the worst first; what several checks found in the same words stands there once. */
export function renderProblems({ findings }: ReportData): Html | null {
  const problems = findings.filter(({ status }) => status !== "pass");
  if (problems.length === 0) return null;
  const sorted = findingStatuses.toReversed().flatMap((worst) =>
    problems.filter(({ status }) => status === worst)
  );
  const groups = Object.values(
    Object.groupBy(sorted, ({ status, message, hint }) => JSON.stringify([status, message, hint])),
  ) as readonly (readonly Finding[])[];
  return html`
    <section>
      <h2>Needs attention: ${plural(problems.length, "finding")}</h2>
      <ol class="findings">${groups.map(renderGroup)}</ol>
    </section>
  `;
}

function renderGroup(findings: readonly Finding[]): Html {
  const { status, message, hint } = findings[0]!;
  const checks = [...new Set(findings.map(({ check }) => check))].join(", ");
  const facts = [...new Set(findings.map(({ details }) => shownJson(details)))].filter((text) =>
    text !== "{}"
  );
  return html`<li class="finding ${status}">
    ${icon(status)}
    <div>
      <p class="tag">${checks} · ${statusWords[status]}</p>
      <p class="message">${message}</p>
      ${hint === null ? null : html`<div class="remedy"><b>Remedy</b>${renderRemedy(hint)}</div>`}
      ${
    facts.length === 0 ? null : html`
      <details>
        <summary>Details</summary>
        ${facts.map((text) => html`<pre>${text}</pre>`)}
      </details>
    `
  }
    </div>
  </li>`;
}

/** Commands alone stand under each other to be copied; in a sentence they look other than the words around them. */
function renderRemedy(hint: string): Html {
  const parts = readRemedy(hint).filter(({ text }) => text.trim() !== "");
  return parts.every(({ isCommand }) => isCommand)
    ? html`<pre>${parts.map(({ text }) => text).join("\n")}</pre>`
    : html`<p>${parts.map(({ text, isCommand }) => isCommand ? html`<code>${text}</code>` : text)}</p>`;
}
