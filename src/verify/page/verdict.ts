import { formatBytes, formatDuration } from "../../base/quantity.ts";
import { type FindingStatus, findingStatuses, summarize, worstStatus } from "../../base/finding.ts";
import { type Html, html } from "./html.ts";
import { icon } from "./icons.ts";
import { type Disk, isMissed, type ReportData } from "./report_data.ts";
import { plural, showAge, showTime } from "./words.ts";

/** The state at a glance: what a person sees who looks for two seconds. */
export function renderVerdict(data: ReportData): Html {
  const worst = worstStatus(data.findings);
  const status = worst === "pass" && data.notChecked.length > 0 ? "warn" : worst;
  return html`
    <header class="hero ${status}">
      <div class="wide">
        <p class="brand">harbor-db <span>verify</span></p>
        <div class="verdict">
          ${icon(status)}
          <div>
            <h1>${titles[status](data)}</h1>
            <p>${lineOf(data)}</p>
          </div>
        </div>
        <p class="address"><span>${data.database.address}</span> ${data.database.place}</p>
        <dl class="figures">${figures(data).map(([name, value, note]) =>
          html`
            <div>
              <dt>${name}</dt>
              <dd>${value}${note === "" ? null : html`
                <small>${note}</small>
              `}</dd>
            </div>
          `
        )}</dl>
      </div>
    </header>
  `;
}

const titles: Readonly<Record<FindingStatus, (data: ReportData) => string>> = {
  pass: () => "All is well",
  warn: ({ notChecked, exitCode }) => {
    if (exitCode !== 0) return "Something to look at";
    return notChecked.length === 0 ? "Healthy, with a remark" : "Healthy as far as it was checked";
  },
  error: () => "Not all could be checked",
  fail: () => "Something is wrong",
};

/** What is said of how many findings; of those that passed only where there are no others. */
const outcomes: Readonly<Record<FindingStatus, ((count: number) => string) | null>> = {
  pass: null,
  warn: () => "to look at",
  error: () => "could not be checked",
  fail: (count) => count === 1 ? "thing is wrong" : "things are wrong",
};

function lineOf({ findings, notChecked }: ReportData): string {
  const summary = summarize(findings);
  const parts = findingStatuses.toReversed().flatMap((status) => {
    const words = outcomes[status];
    return words === null || summary[status] === 0 ? [] : [`${summary[status]} ${words(summary[status])}`];
  });
  const all = notChecked.length === 0
    ? "Every check was made, and passed."
    : `Not checked: ${notChecked.join(", ")}.`;
  return parts.join(" · ") || all;
}

type Figure = readonly [name: string, value: string, note: string];

function figures(data: ReportData): readonly Figure[] {
  const { revisions, tables, storage, startedAt, ms } = data;
  const current = revisions.findLast((revision) => revision.applied);
  const rows = tables.reduce((sum, table) => sum + table.rows, 0);
  const bytes = tables.reduce((sum, table) => sum + (table.bytes ?? 0), 0);
  const { fileBytes, disk, backupDisk } = storage;
  return [
    ["Checked", showTime(startedAt), `took ${formatDuration(ms)}`],
    ...current === undefined ? [] : [["Revision", current.revision, current.name] as const],
    ...tables.length === 0
      ? []
      : [["Rows", plural(rows, "row"), bytes === 0 ? "" : formatBytes(bytes)] as const],
    ...fileBytes === null ? [] : [["Database file", formatBytes(fileBytes), freeWords(disk)] as const],
    newestBackup(data),
    ...backupDisk === null ? [] : [["Disk of backups", freeWords(backupDisk), ""] as const],
  ];
}

function newestBackup({ backups, startedAt, findings }: ReportData): Figure {
  const name = "Newest backup";
  if (backups === null) return [name, "not known", ""];
  const [newest] = backups;
  return newest === undefined ? [name, isMissed(findings) ? "NONE" : "none", ""] : [
    name,
    showTime(newest.createdAt),
    `${showAge(newest.createdAt, startedAt)}, ${formatBytes(newest.bytes)}`,
  ];
}

function freeWords(disk: Disk | null): string {
  return disk === null ? "" : `${formatBytes(disk.free)} of ${formatBytes(disk.total)} free`;
}
