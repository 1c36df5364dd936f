import { formatBytes } from "../../base/quantity.ts";
import { type Html, html } from "./html.ts";
import { icon } from "./icons.ts";
import { type BackupFacts, isMissed, type ReportData } from "./report_data.ts";
import { plural, showAge, showTime } from "./words.ts";

const shown = 6;

/** The backups with their age and how far they were proven, the newest first. */
export function renderBackups({ backups, backupFolder, startedAt, findings }: ReportData): Html {
  if (backups === null || backups.length === 0) {
    return html`
      <section>
        <h2>Backups</h2>
        <p class="list none">${backups !== null && isMissed(findings)
          ? html`
            <b>NONE</b>
          `
          : null}${backups === null
          ? "It is not known what there is of this database in "
          : "There is no backup of this database in "}<code>${backupFolder}</code></p>
      </section>
    `;
  }
  const rest = backups.length - shown;
  return html`
    <section>
      <h2>Backups</h2>
      <ul class="list backups">${backups.slice(0, shown).map((backup) =>
        renderBackup(backup, startedAt)
      )}</ul>
      ${rest > 0 ? html`<p class="more">and ${plural(rest, "older backup")}</p>` : null}
    </section>
  `;
}

function renderBackup({ name, createdAt, bytes, revision, proof }: BackupFacts, now: string): Html {
  return html`<li>
    ${icon(proof === null ? "error" : "pass")}
    <div class="main"><b>${showTime(createdAt)}</b> <span>${
    showAge(createdAt, now)
  }</span> <code>${name}</code></div>
    <div class="side"><b>${formatBytes(bytes)}</b> <span>${proof ?? "not proven"}${
    revision === null ? null : html`
      <i>· at ${revision}</i>
    `
  }</span></div>
  </li>`;
}
