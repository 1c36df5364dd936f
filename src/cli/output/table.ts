import stringWidth from "string-width";
import { wrap } from "./wrap.ts";

/** What stands between two columns. */
const gap = "  ";
/** How far the columns are indented for which the first line of a row has no room. */
const fold = 4;

/**
 * Returns rows under headings, in columns without lines, so that they read the same in a log file. Where a terminal is
 * too narrow, the widest columns are broken between words; where that is not enough, columns go below the others instead.
 *
 * @param width Of the terminal, in places
 */
export function renderTable(
  head: readonly string[],
  rows: readonly (readonly string[])[],
  width = Infinity,
): string {
  const table = [head, ...rows];
  const most = (column: number, measure: (cell: string) => number) =>
    table.reduce((so, row) => Math.max(so, measure(row[column]!)), 0);
  const columns = head.map((_, index): Column => {
    const full = most(index, widthOf);
    const longestWord = (cell: string) => Math.max(...cell.split(" ").map(widthOf));
    return { index, full, least: width === Infinity ? full : most(index, longestWord) };
  });
  const groups = grouped(columns, width);
  return table.map((row) => groups.map((group) => rowOf(row, group)).join("\n")).join("\n");
}

interface Column {
  readonly index: number;
  /** Of its widest cell. */
  readonly full: number;
  /** Of its longest word. */
  readonly least: number;
}

/** Columns beside each other, with the widths that they get. */
interface Group {
  readonly indent: number;
  readonly columns: readonly (readonly [index: number, width: number])[];
}

function grouped(columns: readonly Column[], width: number): readonly Group[] {
  const least = columns.reduce((sum, column) => sum + column.least + gap.length, -gap.length);
  if (least <= width) return [{ indent: 0, columns: narrowed(columns, width) }];
  const groups: Column[][] = [[]];
  let taken = 0;
  for (const column of columns) {
    const last = groups.at(-1)!;
    if (last.length > 0 && taken + column.full > width) {
      groups.push([column]);
      taken = fold + column.full + gap.length;
    } else {
      last.push(column);
      taken += column.full + gap.length;
    }
  }
  return groups.map((group, index) => {
    const indent = index === 0 ? 0 : fold;
    return { indent, columns: narrowed(group, width - indent) };
  });
}

/** Takes from the widest column as long as they have no room. */
function narrowed(columns: readonly Column[], width: number): Group["columns"] {
  const widths = columns.map(({ full }) => full);
  const sum = () => widths.reduce((a, b) => a + b, 0) + gap.length * (widths.length - 1);
  for (;;) {
    const over = sum() - width;
    const free = columns.map(({ least }, at) => widths[at]! > least ? widths[at]! : 0);
    const widest = free.indexOf(Math.max(...free));
    if (!(over > 0) || free[widest] === 0) return columns.map(({ index }, at) => [index, widths[at]!]);
    widths[widest]!--;
  }
}

function rowOf(row: readonly string[], { indent, columns }: Group): string {
  const cells = columns.map(([index, width]) => linesOf(row[index]!, width));
  const height = cells.reduce((most, lines) => Math.max(most, lines.length), 1);
  const lines: string[] = [];
  for (let at = 0; at < height; at++) {
    let line = " ".repeat(indent);
    for (const [column, [, width]] of columns.entries()) {
      const text = cells[column]![at] ?? "";
      line += (column === 0 ? "" : gap) + text;
      if (column < columns.length - 1) line += " ".repeat(width - widthOf(text));
    }
    lines.push(line.trimEnd());
  }
  return lines.join("\n");
}

/** Breaks a cell. One that is painted is painted in each line, which the cells beside it share. */
function linesOf(cell: string, width: number): readonly string[] {
  if (widthOf(cell) <= width) return [cell];
  // deno-lint-ignore no-control-regex
  const [, on = "", text = cell, off = ""] = /^(\x1b\[\d+m)(.*)(\x1b\[\d+m)$/.exec(cell) ?? [];
  return wrap(text, width).split("\n").map((line) => on + line + off);
}

/** Returns how many places a text takes on a terminal. */
function widthOf(text: string): number {
  return /^[ -~]*$/.test(text) ? text.length : stringWidth(text);
}
