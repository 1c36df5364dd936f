import { formatDuration } from "../../base/quantity.ts";
import type { RunRecord } from "../rules/run_record.ts";
import { type Html, html } from "./html.ts";
import { icon } from "./icons.ts";
import { type ReportData, statusWords } from "./report_data.ts";
import { plural, showTime } from "./words.ts";

const inStrip = 60;
const inList = 10;

/** The last runs: all of them as a strip, the last ones in words. */
export function renderLastRuns({ runs }: ReportData): Html | null {
  if (runs.length < 2) return null;
  const strip = runs.slice(-inStrip);
  const healthy = strip.filter((run) => run.exitCode === 0);
  const partial = healthy.filter((run) => run.notChecked.length > 0).length;
  return html`
    <section>
      <h2>Last runs</h2>
      <p class="lead">${healthy.length} of the last ${plural(
        strip.length,
        "run",
      )} found nothing wrong${partial === 0 ? "" : `; ${partial} of them did not look at everything`}.</p>
      <ol class="strip" aria-hidden="true">${strip.map((run) =>
        html`<li class="${run.status}" title="${showTime(run.at)}: ${statusWords[run.status]}"></li>`
      )}</ol>
      <ol class="list runs">${alike(runs.toReversed()).slice(0, inList).map(renderRuns)}</ol>
    </section>
  `;
}

/** Runs after each other that came to the same, as one. */
function alike(runs: readonly RunRecord[]): readonly (readonly RunRecord[])[] {
  const groups: RunRecord[][] = [];
  for (const run of runs) {
    const group = groups.at(-1);
    if (group?.[0]?.status === run.status && wordsOf(group[0]) === wordsOf(run)) group.push(run);
    else groups.push([run]);
  }
  return groups;
}

/** @param runs The newest first */
function renderRuns(runs: readonly RunRecord[]): Html {
  const [newest, oldest] = [runs[0]!, runs.at(-1)!];
  return html`<li>
    ${icon(newest.status)}
    <div class="main"><b>${showTime(newest.at)}</b>${
    runs.length === 1 ? null : html`
      <i>and ${plural(runs.length - 1, "run")} before it, since ${showTime(oldest.at)}</i>
    `
  } <span>${wordsOf(newest)}</span></div>
    <div class="side"><span>${formatDuration(newest.ms)}</span></div>
  </li>`;
}

function wordsOf({ problems, checks, notChecked }: RunRecord): string {
  const [first] = problems;
  const more = problems.length > 1 ? `, and ${problems.length - 1} more` : "";
  const passed = `${plural(checks.length, "check")} passed`;
  return first === undefined
    ? notChecked.length === 0 ? passed : `${passed}; not checked: ${notChecked.join(", ")}`
    : `${first.check}: ${first.message}${more}`;
}
