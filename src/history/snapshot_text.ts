import { isRecord, parseJson, type WrongJson } from "../base/json_schema.ts";

/** Members of an object, as they stand in a text. */
type Members = readonly (readonly [string, unknown])[];

/**
 * Returns what reads the texts of snapshots one after the other. Most of a snapshot repeats the one before it: a table with
 * the same text is parsed once and is the same value in both, so that what is known of it can be kept by it. Nobody may
 * change such a value. Only the tables of the snapshot read last are remembered.
 */
export function snapshotReader(): (text: string, wrong: WrongJson) => unknown {
  let known: readonly KnownTable[] = [];
  return (text, wrong) => {
    const cut = cutTables(text, known);
    // What is broken anywhere is read as a whole, which says where.
    if (cut === null) return parseJson(text, wrong);
    try {
      const rest: unknown = JSON.parse(cut.before + JSON.stringify(mark) + cut.after);
      if (!isRecord(rest) || rest["tables"] !== mark) return parseJson(text, wrong);
      known = cut.tables.map((table) => ({ ...table, members: table.members ?? membersOf(table.text) }));
      return { ...rest, tables: Object.fromEntries(known.flatMap(({ members }) => members)) };
    } catch (error) {
      if (!(error instanceof SyntaxError)) throw error;
      return parseJson(text, wrong);
    }
  };
}

/** Stands for the tables where the rest is parsed. */
const mark = "the tables, which are read one by one";

/** A table's text, up to its closing brace on a line of its own. */
interface CutTable {
  readonly text: string;
  /** What stands in it, where that is known. */
  readonly members?: Members;
}

type KnownTable = Required<CutTable>;

/** A snapshot's text around its tables, and between them. */
interface CutText {
  readonly before: string;
  readonly tables: readonly CutTable[];
  readonly after: string;
}

/**
 * Cuts a text that is laid out as drizzle-kit does it, by the indentation; `null` for any other. A cut in a wrong place gives
 * parts that are no JSON: no string has a line's end in it.
 *
 * @param known The tables of a text before, whose texts are compared where they are expected: to look for ends takes longer
 */
function cutTables(text: string, known: readonly KnownTable[]): CutText | null {
  const start = /^([ \t]+)"tables": (?=\{(\r?\n))/m.exec(text);
  if (start === null) return null;
  const [opening, indent, newline] = start as unknown as readonly [string, string, string];
  const [brace, end] = [`${newline}${indent}${indent}}`, `${newline}${indent}}`];
  const from = start.index + opening.length;
  const tables: CutTable[] = [];
  let next = 0;
  for (let at = from + `{${newline}`.length;; at += `,${newline}`.length) {
    const isHere = (each: KnownTable) => each.text.endsWith(brace) && text.startsWith(each.text, at);
    const place = known.slice(next, next + 1).some(isHere) ? next : known.findIndex(isHere);
    const to = place < 0 ? text.indexOf(brace, at) + brace.length : 0;
    if (place < 0 && to < brace.length) return null;
    const table = known[place] ?? { text: text.slice(at, to) };
    tables.push(table);
    // One that was changed stands in the place of the one that it was.
    next = (place < 0 ? next : place) + 1;
    at += table.text.length;
    if (text.startsWith(end, at)) {
      return { before: text.slice(0, from), tables, after: text.slice(at + end.length) };
    }
    if (!text.startsWith(`,${newline}`, at)) return null;
  }
}

function membersOf(text: string): Members {
  return Object.entries(JSON.parse(`{${text}}`) as Readonly<Record<string, unknown>>);
}
