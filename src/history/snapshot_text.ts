import { isRecord, parseJson, type WrongJson } from "../base/json_schema.ts";

/** Members of an object, as they stand in a text. */
type Members = readonly (readonly [string, unknown])[];

/**
 * Returns what reads the texts of snapshots one after the other. Most of a snapshot repeats the one before it: a table with
 * the same text is parsed once and is the same value in both, so that what is known of it can be kept by it. Nobody may
 * change such a value. Only the tables of the snapshot read last are remembered.
 */
export function snapshotReader(): (text: string, wrong: WrongJson) => unknown {
  let known: ReadonlyMap<string, Members> = new Map();
  return (text, wrong) => {
    const cut = cutTables(text);
    // What is broken anywhere is read as a whole, which says where.
    if (cut === null) return parseJson(text, wrong);
    try {
      const rest: unknown = JSON.parse(cut.before + JSON.stringify(mark) + cut.after);
      if (!isRecord(rest) || rest["tables"] !== mark) return parseJson(text, wrong);
      const read = new Map(cut.tables.map((part) => [part, known.get(part) ?? membersOf(part)]));
      known = read;
      return { ...rest, tables: Object.fromEntries(cut.tables.flatMap((part) => read.get(part)!)) };
    } catch (error) {
      if (!(error instanceof SyntaxError)) throw error;
      return parseJson(text, wrong);
    }
  };
}

/** Stands for the tables where the rest is parsed. */
const mark = "the tables, which are read one by one";

/** A snapshot's text around its tables, and between them. */
interface CutText {
  readonly before: string;
  /** Each up to its closing brace, without it. */
  readonly tables: readonly string[];
  readonly after: string;
}

/**
 * Cuts a text that is laid out as drizzle-kit does it, by the indentation; `null` for any other. A cut in a wrong place gives
 * parts that are no JSON: no string has a line's end in it.
 */
function cutTables(text: string): CutText | null {
  const start = /^([ \t]+)"tables": (?=\{(\r?\n))/m.exec(text);
  if (start === null) return null;
  const [opening, indent, newline] = start as unknown as readonly [string, string, string];
  const from = start.index + opening.length;
  const to = text.indexOf(`${newline}${indent}}`, from);
  const brace = `${newline}${indent}${indent}}`;
  const body = text.slice(from + `{${newline}`.length, to);
  if (to < 0 || !body.endsWith(brace)) return null;
  return {
    before: text.slice(0, from),
    tables: body.slice(0, -brace.length).split(`${brace},${newline}`),
    after: text.slice(to + `${newline}${indent}}`.length),
  };
}

function membersOf(part: string): Members {
  return Object.entries(JSON.parse(`{${part}}}`) as Readonly<Record<string, unknown>>);
}
