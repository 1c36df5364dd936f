import type { Statement } from "./statement.ts";
import type { Dialect } from "../../base/dialect.ts";
import { HarborError } from "../../base/errors.ts";
import { hasConflict, keepOneSide, markedState, markOffsets } from "../../base/merge_marks.ts";
import { applyDirectives, type Fail, runAlone } from "./directives.ts";
import { tokensOf } from "../../sql/cursor.ts";
import { isWord, type Token, tokenize, withoutComments } from "../../sql/lexer.ts";
import {
  isOneTransaction,
  stepsOut,
  type TransactionWord,
  transactionWord,
  wordInside,
} from "./transaction_words.ts";

/** The line that separates statements in a script; drizzle-kit's word, split on wherever it stands, as drizzle does. */
export const breakpoint = "--> statement-breakpoint";

/** A script's statements in running order. */
export interface Script {
  /** Path as shown in messages. */
  readonly file: string;
  readonly statements: readonly Statement[];
  /** The lines of its own BEGIN and COMMIT, which are left out. */
  readonly leftOut: readonly number[];
  /** Set where it is not one transaction without them: what stands behind a COMMIT runs alone. */
  readonly isCut?: true;
  /** Set where it was read out of the database's own ledger. */
  readonly isRecorded?: true;
  /** Set where U+FFFD in it stands for what is not UTF-8 in its file. */
  readonly isGarbled?: true;
}

/** What a script is read with. */
export interface ScriptSource {
  readonly file: string;
  readonly dialect: Dialect;
  readonly text: string;
}

/**
 * Splits a script into its statements, at breakpoints and semicolons, and reads the `-- harbor:` directives above them.
 *
 * @throws {HarborError} `bad_script` with file and line when a directive is not known or misplaced, a statement begins
 * or ends a transaction in the middle, or a string or comment does not end
 */
export function parseScript(source: ScriptSource): Script {
  const parts: Part[] = [];
  let line = 1;
  for (const chunk of source.text.replaceAll("\r\n", "\n").split(breakpoint)) {
    parts.push(...parseChunk({ ...source, text: chunk }, line));
    line += chunk.split("\n").length - 1;
  }
  const words = parts.filter((part) => part.word !== null);
  const isCut = stepsOut(parts.map(({ word }) => word), source.dialect);
  if (words.length > 0 && !isCut && !isOneTransaction(parts, source.dialect)) throw words[0]!.refusal();
  return {
    file: source.file,
    statements: isCut ? runOutsideAlone(parts, source.dialect) : parts.filter((part) => part.word === null),
    leftOut: words.map((part) => part.line),
    ...isCut ? { isCut } : {},
  };
}

function runOutsideAlone(parts: readonly Part[], dialect: Dialect): readonly Statement[] {
  let isOutside = false;
  return parts.flatMap((part) => {
    if (part.word !== null) isOutside = part.word === "COMMIT";
    if (part.word !== null) return [];
    const isAlone = isOutside && part.run.kind === "transaction";
    return [isAlone ? { ...part, run: runAlone(tokensOf(part.sql, dialect)) } : part];
  });
}

/** Returns how many statements a text holds; a trigger's or function's body belongs to its statement. */
export function countStatements(text: string, dialect: Dialect): number {
  return splitTokens(tokensOf(text, dialect)).length;
}

/**
 * Splits a text into its statements at semicolons, whatever they are.
 *
 * @throws {HarborError} `bad_script` with file and line when a string, quoted name or comment does not end
 */
export function splitStatements(source: ScriptSource): readonly Pick<Statement, "line" | "sql">[] {
  const text = source.text.replaceAll("\r\n", "\n");
  const lineAt = linesIn(text, 1);
  const tokens = tokenizeChunk({ ...source, text }, failAt(source.file, lineAt));
  return splitTokens(withoutComments(tokens)).map((own) => {
    const [{ start }, last] = [own[0]!, own.at(-1)!];
    return { line: lineAt(start), sql: text.slice(start, last.start + last.text.length) };
  });
}

/** A statement, or a word that begins or ends a transaction. */
type Part =
  | (Statement & { readonly word: null })
  | (Pick<Statement, "line" | "sql"> & {
    readonly word: TransactionWord;
    readonly refusal: () => HarborError;
  });

function parseChunk(source: ScriptSource, firstLine: number): readonly Part[] {
  const lineAt = linesIn(source.text, firstLine);
  const fail = failAt(source.file, lineAt);
  const tokens = tokenizeChunk(source, fail);
  const spans = splitTokens(withoutComments(tokens)).map((own) => {
    const start = own[0]!.start;
    const last = own.at(-1)!;
    return { own, start, end: last.start + last.text.length, word: transactionWord(own) };
  });
  const directives = tokens.filter((token) => /^--\s*harbor:/.test(token.text) && token.kind === "comment");
  const stray = directives.find(({ start }) =>
    spans.every((span, at) => span.word !== null || !standsAbove(start, span, spans[at - 1]))
  );
  if (stray !== undefined) throw fail(stray.start, `the directive "${stray.text}" stands above no statement`);
  return spans.map((span, at) => {
    const { own, start, end, word } = span;
    const line = lineAt(start);
    if (word !== null) {
      return { line, sql: source.text.slice(start, end), word, refusal: () => refusal(own, fail) };
    }
    const said = applyDirectives(directives.filter((each) => standsAbove(each.start, span, spans[at - 1])), {
      dialect: source.dialect,
      sql: source.text.slice(start, end),
      tokens: own.map((token) => ({ ...token, start: token.start - start })),
      fail,
    });
    const inside = said.run.kind === "alone" ? null : wordInside(own);
    if (inside !== null) {
      throw fail(
        start,
        `the DO in it runs ${inside}, which ends the transaction that harbor-db began`,
        "Let it run outside of a transaction, by a line above it: -- harbor:alone",
      );
    }
    return { line, word, ...said };
  });
}

/** Returns what says on which line an offset is. It goes on from where it was asked last: a text of many statements is counted once. */
function linesIn(text: string, firstLine: number): (offset: number) => number {
  const ends = Array.from(text.matchAll(/\n/g), ({ index }) => index);
  let before = 0;
  return (offset) => {
    while (before < ends.length && ends[before]! < offset) before++;
    while (before > 0 && ends[before - 1]! >= offset) before--;
    return firstLine + before;
  };
}

function failAt(file: string, lineAt: (offset: number) => number): Fail {
  return (offset, state, hint) => {
    const line = lineAt(offset);
    return new HarborError("bad_script", `Cannot read "${file}:${line}"`, {
      state,
      hint,
      details: { file, line },
    });
  };
}

/** Where a statement begins and ends in its text. */
interface Span {
  readonly start: number;
  readonly end: number;
}

/** Says whether what begins at an offset stands between a statement and the one before it. */
function standsAbove(offset: number, { start }: Span, before: Span | undefined): boolean {
  return offset < start && (before === undefined || offset >= before.end);
}

/** harbor-db says itself where a transaction begins and ends: one that a script ended would leave it half committed. */
function refusal([first]: readonly Token[], fail: (...found: Parameters<Fail>) => HarborError): HarborError {
  return fail(
    first!.start,
    `${first!.text.toUpperCase()} stands in it, and harbor-db begins and ends the transaction itself`,
    "Take it out. What must run outside of a transaction says so above: -- harbor:alone",
  );
}

function tokenizeChunk(source: ScriptSource, fail: Fail): readonly Token[] {
  const marks = markOffsets(source.text);
  const marked = marks.length === 0 ? null : fail(marks[0]!, markedState, keepOneSide(source.file));
  // In quotes or a comment it is what the script says; between dollars stands code that two branches may have changed.
  const tokens = tokensIn(
    source,
    (offset, state) => marked ?? fail(offset, state, "It opens on that line: close it."),
  );
  const isLeft = ({ start, text }: Token) =>
    marks.includes(start) || text.startsWith("$") && hasConflict(text);
  if (marked !== null && tokens.some(isLeft)) throw marked;
  return tokens;
}

function tokensIn({ text, dialect }: ScriptSource, fail: Fail): readonly Token[] {
  try {
    return tokenize(text, dialect);
  } catch (error) {
    if (!(error instanceof HarborError)) throw error;
    throw fail(error.details.offset ?? 0, error.state);
  }
}

/** Cuts tokens at the semicolons that end a statement; the bodies of `CREATE TRIGGER` and `BEGIN ATOMIC` stay whole. */
function splitTokens(tokens: readonly Token[]): readonly (readonly Token[])[] {
  const statements: Token[][] = [];
  let current: Token[] = [];
  let depth = 0;
  for (const [index, token] of tokens.entries()) {
    if (opensBody(tokens, index, current)) depth++;
    else if (depth > 0 && isWord(token, "CASE")) depth++;
    else if (depth > 0 && isWord(token, "END")) depth--;
    if (token.text === ";" && token.kind === "sign" && depth === 0) {
      if (current.length > 0) statements.push(current);
      current = [];
    } else current.push(token);
  }
  if (current.length > 0) statements.push(current);
  return statements;
}

function opensBody(tokens: readonly Token[], index: number, statement: readonly Token[]): boolean {
  if (!isWord(tokens[index], "BEGIN") || !isWord(statement[0], "CREATE")) return false;
  return isWord(tokens[index + 1], "ATOMIC") || statement.some((token) => isWord(token, "TRIGGER"));
}
