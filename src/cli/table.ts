import stringWidth from "string-width";

/** Returns rows under headings, in columns without lines, so that they read the same in a log file. */
export function renderTable(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const widths = head.map((text, column) =>
    rows.reduce((most, row) => Math.max(most, widthOf(row[column]!)), widthOf(text))
  );
  const line = (row: readonly string[]) =>
    row.map((text, column) => text + " ".repeat(widths[column]! - widthOf(text))).join("  ").trimEnd();
  return [head, ...rows].map(line).join("\n");
}

/** Returns how many places a text takes on a terminal. */
function widthOf(text: string): number {
  return /^[ -~]*$/.test(text) ? text.length : stringWidth(text);
}
