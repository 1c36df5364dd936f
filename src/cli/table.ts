/** Returns rows under headings, in columns without lines, so that they read the same in a log file. */
export function renderTable(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const widths = head.map((text, column) =>
    rows.reduce((most, row) => Math.max(most, widthOf(row[column]!)), widthOf(text))
  );
  const line = (row: readonly string[]) =>
    row.map((text, column) => text + " ".repeat(widths[column]! - widthOf(text))).join("  ").trimEnd();
  return [head, ...rows].map(line).join("\n");
}

const color = /\p{Cc}\[[\d;]*m/gu;
/** What moves a terminal's cursor by nothing: control characters, marks on the one before, joiners. */
const unseen = /[\p{Cc}\p{Cf}\p{Mn}\p{Me}]/gu;
/** What takes two places on a terminal: emoji, and the scripts of East Asia. */
const wide =
  /\p{Emoji_Presentation}|[\u1100-\u115F\u2E80-\u303E\u3041-\uA4CF\uAC00-\uD7A3\uF900-\uFAFF\uFE30-\uFE6F\uFF01-\uFF60\uFFE0-\uFFE6\u{20000}-\u{3FFFD}]/gu;

/** Returns how many places a text takes on a terminal. */
function widthOf(text: string): number {
  if (/^[ -~]*$/.test(text)) return text.length;
  return [...text.replace(color, "").replace(unseen, "").replace(wide, "  ")].length;
}
