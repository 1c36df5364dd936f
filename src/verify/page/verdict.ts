import { formatBytes, formatDuration } from "../../base/quantity.ts";
import { type FindingStatus, notCheckedOf } from "../../base/finding.ts";
import { type Html, html } from "./html.ts";
import { icon } from "./icons.ts";
import type { Disk, ReportData } from "./report_data.ts";
import { plural, showAge, showTime } from "./words.ts";

/** The state at a glance: what a person sees who looks for two seconds. */
export function renderVerdict(data: ReportData): Html {
  const { status, title, line } = verdict(data);
  return html`
    <header class="hero ${status}">
      <div class="wide">
        <p class="brand">harbor-db <span>verify</span></p>
        <div class="verdict">
          ${icon(status)}
          <div>
            <h1>${title}</h1>
            <p>${line}</p>
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

interface Verdict {
  readonly status: FindingStatus;
  readonly title: string;
  readonly line: string;
}

function verdict({ findings, exitCode }: ReportData): Verdict {
  const count = (status: FindingStatus) => findings.filter((finding) => finding.status === status).length;
  const [fail, error, warn] = [count("fail"), count("error"), count("warn")];
  const isSaid = (number: number, words: string) => number === 0 ? [] : [`${number} ${words}`];
  const line = [
    ...isSaid(fail, fail === 1 ? "thing is wrong" : "things are wrong"),
    ...isSaid(error, "could not be checked"),
    ...isSaid(warn, "to look at"),
  ].join(" · ");
  if (fail > 0) return { status: "fail", title: "Something is wrong", line };
  if (error > 0) return { status: "error", title: "Not all could be checked", line };
  if (warn > 0) {
    const isWhole = notCheckedOf(findings).length === 0;
    return {
      status: "warn",
      title: exitCode !== 0
        ? "Something to look at"
        : isWhole
        ? "Healthy, with a remark"
        : "Healthy as far as it was checked",
      line,
    };
  }
  return {
    status: "pass",
    title: "All is well",
    line: "Every check that was asked for was made, and passed.",
  };
}

type Figure = readonly [name: string, value: string, note: string];

function figures({ revisions, tables, backups, storage, startedAt, ms }: ReportData): readonly Figure[] {
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
    newestBackup(backups, startedAt),
    ...backupDisk === null ? [] : [["Disk of backups", freeWords(backupDisk), ""] as const],
  ];
}

function newestBackup(backups: ReportData["backups"], startedAt: string): Figure {
  const name = "Newest backup";
  if (backups === null) return [name, "not known", ""];
  const [newest] = backups;
  return newest === undefined ? [name, "NONE", ""] : [
    name,
    showTime(newest.createdAt),
    `${showAge(newest.createdAt, startedAt)}, ${formatBytes(newest.bytes)}`,
  ];
}

function freeWords(disk: Disk | null): string {
  return disk === null ? "" : `${formatBytes(disk.free)} of ${formatBytes(disk.total)} free`;
}
