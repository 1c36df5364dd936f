import type { Statement } from "./statement.ts";
import type { Dialect } from "../base/dialect.ts";
import { HarborError } from "../base/errors.ts";
import { applyDirectives, type Fail } from "./directives.ts";
import { tokensOf } from "../sql/cursor.ts";
import { isWord, type Token, tokenize, withoutComments } from "../sql/lexer.ts";

/** The line that separates statements in a script; drizzle-kit's word, split on wherever it stands, as drizzle does. */
export const breakpoint = "--> statement-breakpoint";

/** A script's statements in running order. */
export interface Script {
  /** Path as shown in messages. */
  readonly file: string;
  readonly statements: readonly Statement[];
}

/** What a script is read with. */
export interface ScriptSource {
  readonly file: string;
  readonly dialect: Dialect;
  readonly text: string;
}

/**
 * Splits a script into its statements and reads the `-- harbor:` directives above them.
 *
 * @throws {HarborError} `bad_script` with file and line when two statements stand without a breakpoint between them,
 * a directive is not known or misplaced, or a string or comment does not end
 */
export function parseScript(source: ScriptSource): Script {
  const statements: Statement[] = [];
  let line = 1;
  for (const chunk of source.text.replaceAll("\r\n", "\n").split(breakpoint)) {
    const statement = parseChunk({ ...source, text: chunk }, line);
    if (statement !== null) statements.push(statement);
    line += chunk.split("\n").length - 1;
  }
  return { file: source.file, statements };
}

/** Returns how many statements a text holds; a trigger's or function's body belongs to its statement. */
export function countStatements(text: string, dialect: Dialect): number {
  return splitTokens(tokensOf(text, dialect)).length;
}

function parseChunk(source: ScriptSource, firstLine: number): Statement | null {
  const lineAt = (offset: number) => firstLine + source.text.slice(0, offset).split("\n").length - 1;
  const fail = (offset: number, state: string, hint?: string) => {
    const where = `${source.file}:${lineAt(offset)}`;
    return new HarborError("bad_script", `Cannot read "${where}"`, {
      state,
      hint,
      details: { file: source.file, line: lineAt(offset) },
    });
  };
  const tokens = tokenizeChunk(source, fail);
  const [statement, next] = splitTokens(withoutComments(tokens));
  if (next !== undefined) {
    throw fail(
      next[0]!.start,
      "a second statement stands here without a breakpoint before it",
      `Put a line "${breakpoint}" between the two statements.`,
    );
  }
  const directives = tokens.filter((token) => /^--\s*harbor:/.test(token.text) && token.kind === "comment");
  const stray = directives.find((token) => statement === undefined || token.start > statement[0]!.start);
  if (stray !== undefined) throw fail(stray.start, `the directive "${stray.text}" stands above no statement`);
  if (statement === undefined) return null;
  const last = statement.at(-1)!;
  const sql = source.text.slice(statement[0]!.start, last.start + last.text.length);
  const start = statement[0]!.start;
  return {
    line: lineAt(start),
    ...applyDirectives(directives, {
      dialect: source.dialect,
      sql,
      tokens: statement.map((token) => ({ ...token, start: token.start - start })),
      fail,
    }),
  };
}

function tokenizeChunk(source: ScriptSource, fail: Fail): readonly Token[] {
  try {
    return tokenize(source.text, source.dialect);
  } catch (error) {
    if (!(error instanceof HarborError)) throw error;
    throw fail(
      error.details.offset ?? 0,
      error.state,
      "It opens on that line: close it.",
    );
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
