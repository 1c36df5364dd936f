import { closing, commaParts, depthChange, tokensOf } from "../../sql/cursor.ts";
import { carriedOffsets } from "./rebuild/carried_words.ts";
import { isWord, nameOf, type Token } from "../../sql/lexer.ts";

/** A CHECK constraint as a `CREATE TABLE` text has it. */
export interface DdlCheck {
  readonly name: string | null;
  readonly expression: string;
}

/** The parts of a `CREATE INDEX` text that no pragma tells. */
export interface DdlIndex {
  /** Each indexed column or expression as written, its column's name without quotes. */
  readonly columns: readonly string[];
  readonly where: string | null;
}

/** Reads the CHECK constraints, of columns and of the table, out of a `CREATE TABLE` text. */
export function readChecks(ddl: string): readonly DdlCheck[] {
  const tokens = tokensOf(ddl, "sqlite");
  const checks: DdlCheck[] = [];
  let depth = 0;
  for (const [index, token] of tokens.entries()) {
    if (depth === 1 && isWord(token, "CHECK") && tokens[index + 1]?.text === "(") {
      const inside = tokens.slice(index + 2, closing(tokens, index + 1));
      const isNamed = isWord(tokens[index - 2], "CONSTRAINT");
      checks.push({ name: isNamed ? nameOf(tokens[index - 1]) : null, expression: textOf(ddl, inside) });
    }
    depth += depthChange(token);
  }
  return checks;
}

/** Reads the columns and the condition out of a `CREATE INDEX` text. */
export function readIndex(ddl: string): DdlIndex {
  const tokens = tokensOf(ddl, "sqlite");
  const open = tokens.findIndex((token) => token.kind === "sign" && token.text === "(");
  const close = closing(tokens, open);
  const isPartial = isWord(tokens[close + 1], "WHERE");
  return {
    columns: commaParts(tokens.slice(open + 1, close)).map((part) => indexedText(ddl, part)),
    where: isPartial ? stripParentheses(textOf(ddl, tokens.slice(close + 2))) : null,
  };
}

/** Words of a `CREATE TABLE` text that a snapshot has no place for, each up to how many words it takes in. */
const peculiarWords: Readonly<Record<string, number>> = {
  AUTOINCREMENT: 1,
  COLLATE: 2,
  STRICT: 1,
  WITHOUT: 2,
  DEFERRABLE: 1,
  MATCH: 2,
  CONFLICT: 2,
};

/**
 * Reads what a snapshot has no place for out of a `CREATE TABLE` text, but for what the driver takes along into every copy:
 * `STRICT`, `WITHOUT ROWID` … AUTOINCREMENT is among it all the same, since a bridge sees to its numbers.
 */
export function readPeculiarities(ddl: string): readonly string[] {
  const carried = carriedOffsets(ddl);
  return peculiarIn(ddl, (token) => carried.has(token.start) && !isWord(token, "AUTOINCREMENT"));
}

/** Reads all of it, also what copies take along. */
export function readUnsaidWords(ddl: string): readonly string[] {
  return peculiarIn(ddl, () => false);
}

function peculiarIn(ddl: string, isLeftOut: (token: Token) => boolean): readonly string[] {
  const tokens = tokensOf(ddl, "sqlite");
  const found: string[] = [];
  let depth = 0;
  for (const [index, token] of tokens.entries()) {
    const count = token.kind === "word" && depth < 2 ? peculiarWords[token.text.toUpperCase()] : undefined;
    // A column may have such a word as its name, and a default may be such a word in parentheses.
    const isName = depth === 1 && [",", "("].includes(tokens[index - 1]?.text ?? "");
    if (count !== undefined && !isName && !isLeftOut(token) && !(depth === 0 && index < 4)) {
      found.push(
        tokens.slice(index, index + count).map((each) => nameOf(each) ?? each.text).join(" ").toUpperCase(),
      );
    }
    depth += depthChange(token);
  }
  return [...new Set(found)];
}

/**
 * Reads the generated columns out of a `CREATE TABLE` text: by name, what makes each, as
 * `GENERATED ALWAYS AS (a + 1) VIRTUAL`.
 */
export function readGenerated(ddl: string): ReadonlyMap<string, string> {
  const tokens = tokensOf(ddl, "sqlite");
  const open = tokens.findIndex((token) => token.kind === "sign" && token.text === "(");
  const parts = commaParts(tokens.slice(open + 1, closing(tokens, open)));
  return new Map(parts.flatMap((part) => {
    const as = part.findIndex((token, at) =>
      isWord(token, "AS") && part[at + 1]?.text === "(" && depthAt(part, at) === 0
    );
    const name = nameOf(part[0]);
    if (as < 1 || name === null) return [];
    const end = closing(part, as + 1);
    const kind = isWord(part[end + 1], "STORED") ? "STORED" : "VIRTUAL";
    return [[name, `GENERATED ALWAYS AS (${textOf(ddl, part.slice(as + 2, end))}) ${kind}`]];
  }));
}

function depthAt(tokens: readonly Token[], at: number): number {
  return tokens.slice(0, at).reduce((depth, token) => depth + depthChange(token), 0);
}

/** Takes parentheses off that enclose an expression as a whole. */
export function stripParentheses(expression: string): string {
  const tokens = tokensOf(expression, "sqlite");
  const isEnclosed = tokens[0]?.text === "(" && tokens[0].kind === "sign" &&
    closing(tokens, 0) === tokens.length - 1;
  return isEnclosed ? stripParentheses(textOf(expression, tokens.slice(1, -1))) : expression.trim();
}

/** Brings a declared type to one spelling: `varchar( 36 )` is `VARCHAR(36)`. */
export function normalType(type: string): string {
  return type.toUpperCase().trim().replace(/\s+/g, " ").replace(/\s*([(),])\s*/g, "$1");
}

/** `name` and `name ASC` are the column's name; anything else is kept as written. */
function indexedText(ddl: string, tokens: readonly Token[]): string {
  const part = isWord(tokens.at(-1), "ASC") ? tokens.slice(0, -1) : tokens;
  const isDescending = isWord(part.at(-1), "DESC");
  const bare = isDescending ? part.slice(0, -1) : part;
  const text = (bare.length === 1 ? nameOf(bare[0]) : null) ?? textOf(ddl, bare);
  return isDescending ? `${text} DESC` : text;
}

/** Returns the text between the first and the last token: without comments, and with single blanks for white space. */
function textOf(ddl: string, tokens: readonly Token[]): string {
  let text = "";
  for (const [index, token] of tokens.entries()) {
    const previous = tokens[index - 1];
    const isApart = previous !== undefined && previous.start + previous.text.length < token.start;
    text += (isApart ? " " : "") + token.text;
  }
  return text || ddl.trim();
}
