import Table from "cli-table3";

const none = "";

/** Returns rows under headings, in columns without lines, so that they read the same in a log file. */
export function renderTable(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const table = new Table({
    head: [...head],
    chars: {
      "top": none,
      "top-mid": none,
      "top-left": none,
      "top-right": none,
      "bottom": none,
      "bottom-mid": none,
      "bottom-left": none,
      "bottom-right": none,
      "left": none,
      "left-mid": none,
      "mid": none,
      "mid-mid": none,
      "right": none,
      "right-mid": none,
      "middle": "  ",
    },
    style: { "padding-left": 0, "padding-right": 0, head: [], border: [] },
  });
  table.push(...rows.map((row) => [...row]));
  return table.toString().split("\n").map((line) => line.trimEnd()).join("\n");
}
