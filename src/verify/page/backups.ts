import { formatBytes } from "../../base/quantity.ts";
import { type Html, html } from "./html.ts";
import { icon } from "./icons.ts";
import type { BackupFacts, ReportData } from "./report_data.ts";
import { plural, showAge, showTime } from "./words.ts";

const shown = 8;

/** The backups with their age and how far they were proven, the newest first. */
export function renderBackups({ backups, startedAt }: ReportData): Html | null {
  if (backups.length === 0) return null;
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
    <div class="main"><b>${showAge(createdAt, now)}</b> <span>${
    showTime(createdAt)
  }</span><code>${name}</code></div>
    <div class="side"><b>${formatBytes(bytes)}</b> <span>${proof ?? "not proven"}${
    revision === null ? null : html`
      · at ${revision}
    `
  }</span></div>
  </li>`;
}
