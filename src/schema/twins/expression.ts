import { Column } from "drizzle-orm/column";
import { quoteName } from "../../sql/quote.ts";
import { is } from "drizzle-orm/entity";
import { Name, SQL, StringChunk } from "drizzle-orm/sql/sql";
import { HarborError } from "../../base/errors.ts";
import { sqliteVariant } from "./per_dialect.ts";
import { isWord, type Token, tokenize } from "../../sql/lexer.ts";

/** Where an expression of the schema stands. */
export interface ExpressionPlace {
  /** What it belongs to, for messages: `users.uuid`. */
  readonly thing: string;
  /** What it is there: `its default`. */
  readonly what: string;
  /** Returns the name that a column has in the database. */
  nameOf(column: Column): string;
  /** Whether it is a whole query. */
  readonly isQuery?: true;
}

/** A version 4 UUID, as SQLite makes one. */
const randomUuid =
  "lower(hex(randomblob(4))) || '-' || lower(hex(randomblob(2))) || '-4' || substr(lower(hex(randomblob(2))), 2) || '-' || substr('89ab', 1 + (random() & 3), 1) || substr(lower(hex(randomblob(2))), 2) || '-' || lower(hex(randomblob(6)))";

/** A part of an expression's text, and whether it was written for SQLite alone. */
interface Part {
  readonly text: string;
  readonly isOwn: boolean;
}

/**
 * Returns an expression of a `pgTable` as SQLite has to be told it. Columns stand by their bare names.
 *
 * What means the same on both stays letter for letter. `now()`, `gen_random_uuid()` and casts of strings are put in
 * SQLite's words. Anything that is not known to mean the same is refused: `perDialect` says it for each dialect.
 *
 * @throws {HarborError} `bad_schema`
 */
export function sqliteExpression(expression: SQL, place: ExpressionPlace): string {
  const whole = expression.queryChunks.length === 0
    ? ""
    : partsOf(expression, place, false).map((part) => part.isOwn ? part.text : translate(part.text, place))
      .join("");
  return whole.trim() === `(${randomUuid})` ? randomUuid : whole;
}

/**
 * Returns a query of PostgreSQL as SQLite has to be told it, where all of it means the same there.
 *
 * @throws {HarborError} `bad_schema`
 */
export function sqliteQuery(query: string, place: Omit<ExpressionPlace, "isQuery">): string {
  return translate(query, { ...place, isQuery: true });
}

/** Returns the text of an expression as PostgreSQL gets it, for a look at it; columns stand by their bare names. */
export function postgresExpression(expression: SQL, place: ExpressionPlace): string {
  return partsOf(expression, place, true).map(({ text }) => text).join("");
}

function partsOf(chunk: unknown, place: ExpressionPlace, isPostgres: boolean): readonly Part[] {
  const common = (text: string) => [{ text, isOwn: false }];
  const own = (text: string) => [{ text, isOwn: true }];
  if (chunk === undefined) return [];
  if (is(chunk, StringChunk)) return common(chunk.value.join(""));
  if (is(chunk, SQL)) {
    const variant = isPostgres ? undefined : sqliteVariant(chunk);
    const parts = (variant ?? chunk).queryChunks.flatMap((each) => partsOf(each, place, isPostgres));
    // Neighbours become one text, so that a call or a cast may be put together of several.
    return variant === undefined ? joined(parts) : own(parts.map(({ text }) => text).join(""));
  }
  if (is(chunk, SQL.Aliased)) return partsOf(chunk.sql, place, isPostgres);
  if (is(chunk, Column)) return common(quoteName(place.nameOf(chunk)));
  if (is(chunk, Name)) return common(quoteName(chunk.value));
  if (Array.isArray(chunk)) {
    const items = chunk.map((item) => partsOf(item, place, isPostgres));
    return [
      ...common("("),
      ...items.flatMap((item, at) => at === 0 ? item : [...common(", "), ...item]),
      ...common(")"),
    ];
  }
  throw new HarborError(
    "bad_schema",
    `Cannot use "${place.thing}": ${place.what} has a value in it as \${…}, and DDL takes none`,
    {
      hint:
        "Write the value into the text: sql`… > 21`, or sql.raw(String(limit)) for one that is worked out.",
    },
  );
}

function joined(parts: readonly Part[]): readonly Part[] {
  const result: Part[] = [];
  for (const part of parts) {
    const last = result.at(-1);
    if (last === undefined || last.isOwn || part.isOwn) result.push(part);
    else result.splice(-1, 1, { text: last.text + part.text, isOwn: false });
  }
  return result;
}

/** Functions that mean the same on both. `lower` and `upper` of SQLite know ASCII letters only. */
const sharedFunctions = new Set(
  "abs cast coalesce length lower ltrim nullif replace round rtrim substr trim upper".split(" "),
);

/** Words of the language that may stand before a parenthesis. */
const keywords = new Set(
  "and as between case check distinct else end from in is not null or then values when".split(" "),
);

/** Words that SQLite does not have, or takes to mean something else. */
const postgresWords: Readonly<Record<string, string>> = {
  all: "compares with an array",
  any: "compares with an array",
  array: "makes an array",
  at: "takes a time to another zone",
  collate: "names a collation of PostgreSQL",
  current_catalog: "is PostgreSQL's alone",
  current_role: "is PostgreSQL's alone",
  current_user: "is PostgreSQL's alone",
  ilike: "is PostgreSQL's alone",
  infinity: "is PostgreSQL's alone",
  interval: "is a type that SQLite does not have",
  isnull: "is a spelling of its own: write IS NULL",
  like: "looks at upper and lower case on PostgreSQL, and not on SQLite",
  localtime: "is PostgreSQL's alone",
  localtimestamp: "is PostgreSQL's alone",
  notnull: "is a spelling of its own: write IS NOT NULL",
  overlaps: "is PostgreSQL's alone",
  select: "is a subquery",
  session_user: "is PostgreSQL's alone",
  similar: "is PostgreSQL's alone",
  some: "compares with an array",
  symmetric: "is PostgreSQL's alone",
  user: "is PostgreSQL's alone",
};

/** Words and functions that a query may have beside those of an expression. */
const queryWords = new Set(
  "by count exists from having in join max min on select sum union where with".split(" "),
);

/** Types to which a string may be cast, since SQLite keeps the same text for them. */
const textCast = /^(?:text|varchar|character varying|char|json|jsonb|uuid|date|time|timestamp)$/;

function translate(text: string, place: ExpressionPlace): string {
  const tokens = tokensOf(text, place);
  let result = "";
  let end = 0;
  for (let at = 0; at < tokens.length; at++) {
    const token = tokens[at]!;
    const [written, last] = translateToken(tokens, at, place);
    result += text.slice(end, token.start) + written;
    const final = tokens[last]!;
    end = final.start + final.text.length;
    at = last;
  }
  return result + text.slice(end);
}

function tokensOf(text: string, place: ExpressionPlace): readonly Token[] {
  try {
    return tokenize(text, "postgresql");
  } catch (error) {
    if (!(error instanceof HarborError)) throw error;
    throw new HarborError("bad_schema", `Cannot read "${place.thing}": in ${place.what}, ${error.message}`, {
      hint: "Close what is open.",
    });
  }
}

/** Returns what stands for the token at `at`, and the last token that it stands for. */
function translateToken(
  tokens: readonly Token[],
  at: number,
  place: ExpressionPlace,
): readonly [text: string, last: number] {
  const token = tokens[at]!;
  const isCall = tokens[at + 1]?.text === "(" && token.kind !== "sign" && token.kind !== "string";
  const word = token.kind === "word" ? token.text.toLowerCase() : "";
  if (isCall && tokens[at + 2]?.text === ")") {
    if (word === "now") return ["CURRENT_TIMESTAMP", at + 2];
    if (word === "gen_random_uuid") return [`(${randomUuid})`, castEnd(tokens, at + 2) ?? at + 2];
  }
  if (token.kind === "string") {
    if (!token.text.startsWith("'")) throw unlike(place, `the string ${token.text}`, "is PostgreSQL's alone");
    return [token.text, castEnd(tokens, at) ?? at];
  }
  const isOfQuery = place.isQuery === true &&
    (queryWords.has(word) || (word === "all" && isWord(tokens[at - 1], "UNION")));
  const reason = Object.hasOwn(postgresWords, word) && !isQualifiedName(tokens, at) && !isOfQuery
    ? postgresWords[word]
    : undefined;
  if (reason !== undefined) throw unlike(place, token.text.toUpperCase(), reason);
  if (isCall && !keywords.has(word) && !sharedFunctions.has(word) && !isOfQuery) {
    throw unlike(place, `${token.text}()`, "is not known to be the same on SQLite");
  }
  if (token.kind === "sign" && !/^[()<>=!+\-*/%|&,.]$/.test(token.text)) {
    const isCast = token.text === ":" && tokens[at + 1]?.text === ":";
    throw isCast
      ? unlike(place, `the cast ::${tokens[at + 2]?.text ?? ""}`, "is PostgreSQL's alone")
      : unlike(place, token.text, "is not known to be the same on SQLite");
  }
  return [token.text, at];
}

function isQualifiedName(tokens: readonly Token[], at: number): boolean {
  return tokens[at - 1]?.text === "." || tokens[at + 1]?.text === ".";
}

/** Returns the last token of the cast to a kind of text that follows the token at `at`. */
function castEnd(tokens: readonly Token[], at: number): number | undefined {
  if (tokens[at + 1]?.text !== ":" || tokens[at + 2]?.text !== ":") return undefined;
  const [type, next] = [tokens[at + 3], tokens[at + 4]];
  if (isWord(type, "CHARACTER") && isWord(next, "VARYING")) return at + 4;
  return type !== undefined && textCast.test(type.text.toLowerCase()) ? at + 3 : undefined;
}

function unlike(place: ExpressionPlace, what: string, reason: string): HarborError {
  return new HarborError(
    "bad_schema",
    `Cannot derive "${place.thing}": ${place.what} has ${what}, which ${reason}`,
    {
      hint: 'Say it for each dialect: perDialect({ sqlite: sql`…`, postgresql: sql`…` }), from "harbor-db".',
    },
  );
}
