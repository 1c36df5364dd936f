import { HarborError } from "../../base/errors.ts";
import { foldedName, tokensOf } from "../cursor.ts";
import { isWord, type Token } from "../lexer.ts";

/**
 * Returns what may run of a PostgreSQL statement, or of the rest of one, with one blank between all that it says: without comments, without
 * messages, and without texts where nothing in it runs any. Those are the bodies of `DO` and `AS`, and what these hand to `EXECUTE` or to a function.
 */
export function runningText(statement: string): string {
  const tokens = readTokens(statement);
  if (tokens === null) return statement;
  const bodies = new Map(
    tokens.flatMap((token, place) => {
      if (token.kind !== "string" || !isBody(tokens, place)) return [];
      const inside = insideOf(token.text);
      return [[token, { text: inside, tokens: readTokens(inside) }] as const];
    }),
  );
  const runsAny = isOfOtherLanguage(tokens) || runsTexts(tokens) ||
    [...bodies.values()].some(({ tokens }) => tokens === null || runsTexts(tokens));
  const said = (tokens: readonly Token[]): string =>
    tokens.map((token, place) => {
      if (token.kind !== "string") return token.text;
      const body = bodies.get(token);
      if (body !== undefined) return `$ ${body.tokens === null ? body.text : said(body.tokens)} $`;
      return runsAny && !isMessage(tokens, place) ? textThatRuns(token.text) : "''";
    }).join(" ");
  return said(tokens);
}

/** Says whether a name in front of a parenthesis is only named: a table into whose columns something is written, what is made, or referred to. */
export function isNoCall(tokens: readonly Token[], place: number): boolean {
  let before = place - 1;
  while (tokens[before]?.text === ".") before -= 2;
  return naming.some((word) => isWord(tokens[before], word));
}

const naming = ["INTO", "FUNCTION", "PROCEDURE", "TABLE", "EXISTS", "REFERENCES"];

function isBody(tokens: readonly Token[], place: number): boolean {
  return isWord(tokens[0], "DO") ? !isWord(tokens[place - 1], "LANGUAGE") : isWord(tokens[place - 1], "AS");
}

/** Says whether code is written in another language than PostgreSQL's own two: what runs a text there has other names. */
function isOfOtherLanguage(tokens: readonly Token[]): boolean {
  return tokens.some((token, place) =>
    isWord(tokens[place - 1], "LANGUAGE") && !/^["']?(?:plpg)?sql["']?$/i.test(token.text)
  );
}

/** Says whether code may run a text: by `EXECUTE`, or by a function that is not known to run none. */
function runsTexts(tokens: readonly Token[]): boolean {
  return tokens.some((token, place) =>
    isWord(token, "EXECUTE") ||
    tokens[place + 1]?.text === "(" && foldedName(token, "postgresql") !== null && !isNoCall(tokens, place) &&
      (token.kind === "name" || tokens[place - 1]?.text === "." || !harmless.test(token.text))
  );
}

/** What stands in front of a parenthesis and runs no text: words of the language, types, and functions of PostgreSQL's. */
const harmless = new RegExp(
  `^(?:${
    [
      "all|and|any|array|as|by|case|check|conflict|else|elsif|except|exists|filter|from|if|in|intersect|into|key|not|on|or|over|return|returning",
      "select|set|some|table|then|union|unique|using|values|when|where|while|with|within",
      "bit|char|character|decimal|interval|numeric|time|timestamp|timestamptz|varbit|varchar|varying",
      "abs|age|array_(?:agg|append|length|position|remove|to_string)|avg|btrim|cardinality|cast|ceil|char_length|clock_timestamp|coalesce|concat|concat_ws",
      "count|current_setting|date_(?:bin|part|trunc)|extract|floor|format|gen_random_uuid|generate_series|greatest|initcap|jsonb?_(?:agg|build_array|build_object)",
      "least|left|length|lower|lpad|ltrim|max|md5|min|mod|now|nullif|octet_length|overlay|position|quote_(?:ident|literal|nullable)|regexp_(?:match|matches|replace)",
      "repeat|replace|reverse|right|round|row|row_number|rpad|rtrim|split_part|string_agg|string_to_array|strpos|substr|substring|sum|to_(?:char|date|json|jsonb|number|timestamp)",
      "translate|trim|trunc|unnest|upper",
    ].join("|")
  })$`,
  "i",
);

/** What stands in front of the text of a message or of a comment. */
const saying = /^(?:raise|exception|notice|warning|info|log|debug|is)$/i;

function isMessage(tokens: readonly Token[], place: number): boolean {
  const [before, sooner] = [tokens[place - 1]?.text ?? "", tokens[place - 2]?.text ?? ""];
  return saying.test(before) || before === "=" && /^(?:message|detail|hint)$/i.test(sooner);
}

/** Returns a text as it runs. One in other quotes than dollars is seen with these. */
function textThatRuns(text: string): string {
  if (!text.startsWith("$")) return text;
  const inside = insideOf(text);
  const tokens = readTokens(inside);
  if (tokens === null) return `$ ${inside} $`;
  const said = tokens.map((token, place) =>
    token.kind !== "string" ? token.text : isMessage(tokens, place) ? "''" : textThatRuns(token.text)
  );
  return `$ ${said.join(" ")} $`;
}

/** Returns what a text says. */
function insideOf(text: string): string {
  const [tag] = /^\$[^$]*\$/.exec(text) ?? [];
  if (tag !== undefined) return text.slice(tag.length, -tag.length);
  return text.startsWith("'") ? text.slice(1, -1).replaceAll("''", "'") : text.slice(2, -1);
}

/** Returns the tokens of code; `null` where it cannot be read as such. */
function readTokens(code: string): readonly Token[] | null {
  try {
    return tokensOf(code, "postgresql");
  } catch (error) {
    if (error instanceof HarborError) return null;
    throw error;
  }
}
