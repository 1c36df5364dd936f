import { formatBytes, formatCount } from "../../base/quantity.ts";
import { type Html, html } from "./html.ts";
import type { ReportData } from "./report_data.ts";

/** Rows and sizes of the tables as bars, each as long as its share of the largest. */
export function renderTables({ tables }: ReportData): Html | null {
  if (tables.length === 0) return null;
  const mostRows = Math.max(1, ...tables.map((table) => table.rows));
  const mostBytes = Math.max(1, ...tables.map((table) => table.bytes ?? 0));
  return html`
    <section>
      <h2>Tables</h2>
      <div class="tables">${tables.toSorted((a, b) => b.rows - a.rows).map(({ name, rows, bytes }) =>
        html`<div class="table">
      <h3>${name}</h3>
      ${bar("rows", rows / mostRows, formatCount(rows))}
      ${bytes === null ? null : bar("size", bytes / mostBytes, formatBytes(bytes))}
    </div>`
      )}</div>
    </section>
  `;
}

function bar(name: string, share: number, value: string): Html {
  // A table with few rows beside one with many still shows that it has some.
  const width = share === 0 ? 0 : Math.max(0.6, share * 100);
  return html`
    <div
      class="bar ${name}"><span>${name}</span><i><b style="width:${width.toFixed(
        1,
      )}%"></b></i><em>${value}</em></div>
  `;
}
