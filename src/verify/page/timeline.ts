import { describeApplied, type RevisionStatus } from "../../state/read_revisions.ts";
import { type Html, html } from "./html.ts";
import type { ReportData } from "./report_data.ts";
import { plural, showTime } from "./words.ts";

/** So many revisions are shown at once; those before are one click away. */
const shown = 8;

/** The history as a time line, from the first revision down to the last. */
export function renderTimeline({ revisions }: ReportData): Html | null {
  if (revisions.length === 0) return null;
  const earlier = revisions.slice(0, -shown);
  return html`
    <section>
      <h2>History</h2>
      ${earlier.length === 0 ? null : html`
        <details class="earlier">
          <summary>${plural(earlier.length, "earlier revision")}</summary>
          <ol class="timeline">${earlier.map(renderRevision)}</ol>
        </details>
      `}
      <ol class="timeline">${revisions.slice(-shown).map(renderRevision)}</ol>
    </section>
  `;
}

function renderRevision(revision: RevisionStatus): Html {
  const { state, words } = stateOf(revision);
  return html`
    <li class="${state}">
      <p class="when">${revision.appliedAt === null ? words : showTime(revision.appliedAt)}</p>
      <p class="what"><b>${revision.name}</b> <code>${revision.revision}</code></p>
      <p class="how">${revision.appliedAt === null ? null : words}</p>
    </li>
  `;
}

function stateOf(
  revision: RevisionStatus,
): { readonly state: "pass" | "fail" | "open"; readonly words: string } {
  if (!revision.inHistory) return { state: "fail", words: "in the database, but not in the history" };
  if (revision.unfinished !== null) return { state: "fail", words: `${revision.unfinished} half done` };
  if (!revision.applied) return { state: "open", words: "not applied yet" };
  const applied = `applied ${describeApplied(revision, showTime)}`;
  return revision.checksumMatches === false
    ? { state: "fail", words: `${applied}, and its script was edited since` }
    : { state: "pass", words: revision.origin === "run" ? `${applied}, script unchanged` : applied };
}
