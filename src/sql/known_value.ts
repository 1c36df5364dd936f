import { closing, commaParts, depthChange } from "./cursor.ts";
import { isWord, type Token } from "./lexer.ts";
import { once } from "../base/once_for.ts";

/** A value that is written out, in a form in which equal ones are the same text. */
export interface Literal {
  readonly kind: "string" | "number" | "boolean" | "null";
  readonly value: string;
}

/** Returns the literal that an expression is, with or without PostgreSQL's `::type`; `null` for anything else. */
export function literalOf(tokens: readonly Token[]): Literal | null {
  const bare = withoutCast(tokens);
  const text = bare.map((token) => token.text).join("");
  const [only] = bare;
  if (/^[+-]?\d+(?:\.\d+)?$/.test(text)) return { kind: "number", value: String(Number(text)) };
  if (bare.length !== 1 || only === undefined) return null;
  if (only.kind === "string") {
    // Types and collations that pass over case or spaces are taken to be everywhere.
    const value = text.toLowerCase().replaceAll(" ", "");
    return text.startsWith("'") && !text.startsWith("'(") ? { kind: "string", value } : null;
  }
  if (isWord(only, "NULL")) return { kind: "null", value: "" };
  return isWord(only, "TRUE") || isWord(only, "FALSE")
    ? { kind: "boolean", value: text.toUpperCase() }
    : null;
}

/** Whether an expression is the same however often it is put into a row: a literal, or the time. */
export function isConstantValue(tokens: readonly Token[]): boolean {
  const bare = withoutCast(tokens);
  const text = bare.map((token) => token.text).join("").toUpperCase();
  return literalOf(bare) !== null || times().has(text);
}

/** Whether an expression has a value in each row, as its text shows. A composite type's may be NULL in each field. */
export function isNeverNull(tokens: readonly Token[]): boolean {
  const bare = withoutCast(tokens);
  const literal = literalOf(bare);
  if (literal !== null) return literal.kind !== "null";
  if (isConstantValue(bare)) return true;
  if (isWrapped(bare, 0)) return isNeverNull(bare.slice(1, -1));
  const [name] = bare;
  if (name?.kind !== "word" || !isWrapped(bare, 1)) return false;
  const word = name.text.toLowerCase();
  const given = commaParts(bare.slice(2, -1));
  if (made().has(word)) return true;
  if (word === "coalesce" || word === "ifnull") return given.some(isNeverNull);
  return kept().has(word) && given.every(isNeverNull);
}

/** Whether an expression, worked out once more in a look, does nothing: it calls functions of the database alone that only read. */
export function isReadOnly(tokens: readonly Token[]): boolean {
  return tokens.every((token, place) => {
    if (tokens[place + 1]?.text !== "(" || (token.kind !== "word" && token.kind !== "name")) return true;
    const isQualified = tokens[place - 1]?.text === ".";
    return token.kind === "word" && !isQualified && reading().has(token.text.toLowerCase());
  });
}

/** Whether all from a place on is in one pair of parentheses. */
function isWrapped(tokens: readonly Token[], from: number): boolean {
  return tokens[from]?.text === "(" && closing(tokens, from) === tokens.length - 1;
}

/** `::numeric(4, 2)::text[]`, its tokens with a space between them. */
const casts = /^(?:: : [\w".]+(?: \( [\d ,]+ \))?(?: \[ \])* ?)+$/;

/** Cuts PostgreSQL's `::type` off. */
function withoutCast(tokens: readonly Token[]): readonly Token[] {
  let depth = 0;
  const at = tokens.findIndex((token, place) => {
    depth += depthChange(token);
    return depth === 0 && token.text === ":" && tokens[place + 1]?.text === ":";
  });
  const isType = at > 0 && casts.test(tokens.slice(at).map((token) => token.text).join(" "));
  return isType ? tokens.slice(0, at) : tokens;
}

const words = (text: string): ReadonlySet<string> => new Set(text.split(/\s+/));

const times = once(() => words("NOW() CURRENT_TIMESTAMP CURRENT_DATE CURRENT_TIME LOCALTIMESTAMP LOCALTIME"));

/** Functions that always have a value. */
const made = once(() =>
  words("gen_random_uuid random nextval clock_timestamp statement_timestamp randomblob")
);

/** Functions that have a value where they are given one. */
const kept = once(() => words("lower upper trim hex length abs quote md5"));

/** Functions, and words before a parenthesis, that only read. */
const reading = once(() =>
  words(
    `and or not in case when then else on where select exists like between is values as from using over filter
  cast coalesce ifnull nullif iif greatest least min max count sum avg total
  lower upper trim ltrim rtrim btrim substr substring replace translate length char_length octet_length concat concat_ws
  left right lpad rpad reverse repeat initcap instr strpos position split_part md5 hex quote char chr unicode ascii
  format printf encode decode regexp_replace to_char to_date to_timestamp to_number
  abs round floor ceil ceiling mod power sqrt sign random randomblob gen_random_uuid
  date time datetime julianday unixepoch strftime date_trunc date_part extract make_date age now
  json_extract json_valid json_array_length jsonb_array_length jsonb_extract_path_text json_object json_array
  varchar character char numeric decimal timestamp timestamptz bit`,
  )
);
