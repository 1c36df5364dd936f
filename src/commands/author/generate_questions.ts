import {
  type Decisions,
  type OpenQuestions,
  openQuestions,
  unanswered,
} from "../../author/rules/change/decisions.ts";
import { shownText } from "../../base/shown_text.ts";
import { parseFills } from "../../author/rules/change/fills.ts";
import {
  parseRenames,
  type RenameCandidate,
  type Renames,
  typesByName,
} from "../../author/rules/change/renames.ts";
import { flattened } from "../../schema/flat_schemas.ts";
import type { ProjectPart } from "../../author/project/read_project.ts";
import { namedSchemas } from "../../schema/named_schemas.ts";
import type { App } from "../../cli/app.ts";
import { wrap } from "../../cli/output/wrap.ts";

/** Reads what was decided on the command line, and asks for the rest where there is somebody to ask. */
export async function readDecisions(
  app: App,
  parts: readonly ProjectPart[],
  { command, options }: {
    readonly command: string;
    readonly options: {
      readonly rename: readonly string[];
      readonly noRename: boolean;
      readonly fill: readonly string[];
    };
  },
): Promise<Decisions> {
  let decisions: Decisions = {
    renames: parseRenames(
      options.rename,
      parts.flatMap(({ from, to }) => [from, to].flatMap(namedSchemas)),
      (name) => parts.some(({ from }) => typesByName(flattened(from)).has(name)),
    ),
    dropped: options.noRename ? "all" : [],
    fills: parseFills(options.fill),
  };
  for (;;) {
    const open = openQuestions(parts, decisions);
    if (open.renames.length + open.fills.length === 0) return decisions;
    if (!app.system.isInteractive) throw unanswered(command, open);
    decisions = await answer(app, open, decisions);
  }
}

async function answer(
  app: App,
  { renames, fills }: OpenQuestions,
  decisions: Decisions,
): Promise<Decisions> {
  const [candidate] = renames;
  if (candidate === undefined) {
    const values = new Map(decisions.fills);
    for (const fill of fills) values.set(`${fill.table}.${fill.column}`, await askFill(app, fill));
    return { ...decisions, fills: values };
  }
  const { kind, table, gone } = candidate;
  const { renames: known } = decisions;
  const to = await askRename(app, candidate);
  // Once something is kept as a drop, the question must not come again.
  if (to === null) {
    return { ...decisions, dropped: [...decisions.dropped === "all" ? [] : decisions.dropped, candidate] };
  }
  const named: Renames = table !== null
    ? { ...known, columns: [...known.columns, { table, from: gone, to }] }
    : kind === "type"
    ? { ...known, types: [...known.types, { from: gone, to }] }
    : { ...known, tables: [...known.tables, { from: gone, to }] };
  return { ...decisions, renames: named };
}

async function askRename(
  { system, report }: App,
  { kind, table, gone, added }: RenameCandidate,
): Promise<string | null> {
  const prefix = table === null ? "" : `${table}.`;
  const lines = [
    `${prefix}${gone} is gone from schema.ts. What became of it?`,
    ...added.map((name, index) => `  ${index + 1}  it is called ${prefix}${name} now`),
    `  ${added.length + 1}  it is dropped${kind === "type" ? "" : ", with what it holds"}`,
  ];
  const shown = lines.map((line, at) => wrap(shownText(line), system.stderr.columns, at === 0 ? 0 : 5));
  report.event({ kind: "done" });
  for (;;) {
    const text = await system.ask(`${shown.join("\n")}\n[1-${added.length + 1}] `);
    const choice = Number(text.trim());
    if (choice >= 1 && choice <= added.length) return added[choice - 1]!;
    if (choice === added.length + 1) return null;
  }
}

async function askFill(
  { system, report }: App,
  { table, column, isBack }: OpenQuestions["fills"][number],
): Promise<string> {
  const what = isBack
    ? "must not be empty after the way back. What do rows get there that have no value by then"
    : "must not be empty. What do the rows that exist get";
  const question = `${what}, as SQL ('text', 0, another_column)? `;
  const shown = wrap(`${shownText(`${table}.${column}`)} ${question}`, system.stderr.columns, 0);
  report.event({ kind: "done" });
  for (;;) {
    const text = await system.ask(shown);
    if (text.trim() !== "") return text.trim();
  }
}
