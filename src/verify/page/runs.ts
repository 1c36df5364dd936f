import { formatDuration } from "../../base/quantity.ts";
import type { RunRecord } from "../rules/run_record.ts";
import { type Html, html } from "./html.ts";
import { icon } from "./icons.ts";
import { type ReportData, statusWords } from "./report_data.ts";
import { plural, showTime } from "./words.ts";

const inStrip = 60;
const inList = 10;

/** The last runs: all of them as a strip, the last ones in words. */
export function renderRuns({ runs }: ReportData): Html | null {
  if (runs.length < 2) return null;
  const strip = runs.slice(-inStrip);
  const healthy = strip.filter((run) => run.exitCode === 0).length;
  return html`
    <section>
      <h2>Last runs</h2>
      <p class="lead">${healthy} of the last ${plural(strip.length, "run")} found nothing wrong.</p>
      <ol class="strip" aria-hidden="true">${strip.map((run) =>
        html`<li class="${run.status}" title="${showTime(run.at)}: ${statusWords[run.status]}"></li>`
      )}</ol>
      <ol class="list runs">${runs.slice(-inList).toReversed().map(renderRun)}</ol>
    </section>
  `;
}

function renderRun({ at, ms, status, problems, checks }: RunRecord): Html {
  const [first] = problems;
  const more = problems.length > 1 ? `, and ${problems.length - 1} more` : "";
  const words = first === undefined
    ? `${plural(checks.length, "check")} passed`
    : `${first.check}: ${first.message}${more}`;
  return html`<li>
    ${icon(status)}
    <div class="main"><b>${showTime(at)}</b> <span>${words}</span></div>
    <div class="side"><span>${formatDuration(ms)}</span></div>
  </li>`;
}
