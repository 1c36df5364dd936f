import { renderBackups } from "./backups.ts";
import { renderChecks } from "./checks.ts";
import { renderProblems } from "./problems.ts";
import { renderVerdict } from "./verdict.ts";
import { html } from "./html.ts";
import type { ReportData } from "./report_data.ts";
import { renderLastRuns } from "./runs.ts";
import { style } from "./style.ts";
import { renderTables } from "./tables.ts";
import { renderTimeline } from "./timeline.ts";
import { showTime } from "./words.ts";

export type { BackupFacts, Disk, ReportData, Storage } from "./report_data.ts";

/**
 * Returns the report as one page that needs nothing else: no script, no file beside it, no network. It reads on a
 * phone and on paper, in light and in dark.
 */
export function renderReportPage(data: ReportData): string {
  const page = html`
    <!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8">
        <meta name="viewport" content="width=device-width, initial-scale=1">
        <meta name="color-scheme" content="light dark">
        <meta name="robots" content="noindex">
        <meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
        <title>${title(data)} · ${data.database.address} ${data.database.place}</title>
        <style>${{ markup: style }}</style>
      </head>
      <body>
    ${renderVerdict(data)}
    <main class="wide">
    ${renderProblems(data)}
    ${renderChecks(data)}
    <div class="pair">
    ${renderTables(data)}
    ${renderTimeline(data)}
    </div>
    ${renderBackups(data)}
    ${renderLastRuns(data)}
    </main>
    <footer class="wide">harbor-db ${data.version} · ${data.database.dialect} · ${showTime(
      data.startedAt,
    )}</footer>
      </body>
    </html>
  `;
  return page.markup;
}

function title({ exitCode, notChecked }: ReportData): string {
  if (exitCode !== 0) return exitCode === 1 ? "Not checked" : "Needs attention";
  return notChecked.length === 0 ? "Healthy" : "Healthy as far as it was checked";
}
