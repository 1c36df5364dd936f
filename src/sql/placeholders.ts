import type { Dialect } from "../base/dialect.ts";
import { tokensOf } from "./cursor.ts";
import { isWord, type Token } from "./lexer.ts";

/** A query as the engine itself takes it. */
export interface Placed {
  readonly text: string;
  /** How many values it takes. */
  readonly count: number;
}

/** What sets the dialects' own places apart. */
interface Habit {
  /** Whether a place is `$1` with its number; else it is `?`. */
  readonly isNumbered: boolean;
  /** Signs that a name may follow, beside `:`. */
  readonly nameSigns: readonly string[];
}

const habits: Readonly<Record<Dialect, Habit>> = {
  sqlite: { isNumbered: false, nameSigns: ["@", "$"] },
  postgresql: { isNumbered: true, nameSigns: [] },
};

/**
 * Writes the places of values as the engine does, whatever driver the query was written for: `?`, `?1`, `$1`, `:name`,
 * `@name` (SQLite), `%s` and `%(name)s`. A name that occurs twice is two places, since drivers write each value by itself.
 *
 * Where places are written as `%s`, `%%` is one sign. On PostgreSQL `?` is an operator of `jsonb` behind a value and before
 * another, and wherever places are written in another way.
 *
 * @throws {HarborError} `bad_script` when a string, quoted name or comment does not end
 */
export function withPlaces(query: string, dialect: Dialect): Placed {
  const habit = habits[dialect];
  const tokens = tokensOf(query, dialect);
  const found = tokens.map((_, at) => placeAt(tokens, at, habit));
  const styles = new Set(found.map((place) => place?.style));
  const isOperator = habit.isNumbered && ["$", ":", "%"].some((style) => styles.has(style as Style));
  const places = found.filter((place) => place !== null).filter(({ style }) => style !== "?" || !isOperator);
  const doubles = places.some(({ style }) => style === "%");
  let next = Math.max(0, ...places.map(({ number }) => number ?? 0));
  let text = "";
  let end = 0;
  const copy = (until: number) => {
    const part = query.slice(end, until);
    text += doubles ? part.replaceAll("%%", "%") : part;
  };
  for (const place of places) {
    copy(place.start);
    const written = habit.isNumbered ? `$${place.number ?? ++next}` : "?";
    text += place.isList ? `(${written})` : written;
    end = place.end;
  }
  copy(query.length);
  return { text, count: habit.isNumbered ? next : places.length };
}

type Style = "?" | "$" | ":" | "%";

interface Place {
  readonly style: Style;
  readonly start: number;
  readonly end: number;
  /** Of `$1`, which PostgreSQL knows itself. */
  readonly number: number | null;
  /** `IN %s`, for which a driver writes a list. */
  readonly isList: boolean;
}

function placeAt(tokens: readonly Token[], at: number, { isNumbered, nameSigns }: Habit): Place | null {
  const { kind, text, start } = tokens[at]!;
  if (kind !== "sign") return null;
  const before = tokens[at - 1];
  const follows = adjacent(tokens, at);
  const place = (style: Style, length: number, number: number | null = null): Place => {
    const last = tokens[at + length - 1]!;
    const isList = isWord(before, "IN");
    return { style, start, end: last.start + last.text.length, number, isList };
  };
  const word = follows?.kind === "word" ? follows.text : "";
  const isGlued = before !== undefined && before.start + before.text.length === start && endsValue(before);
  switch (text) {
    case "?":
      if (!isNumbered) return place("?", /^\d+$/.test(word) ? 2 : 1);
      return isJsonOperator(tokens, at) ? null : place("?", 1);
    case "$":
      if (/^\d+$/.test(word)) return place("$", 2, isNumbered ? Number(word) : null);
      return nameSigns.includes("$") && word !== "" ? place("$", 2) : null;
    case ":":
      return /^[\p{L}_]/u.test(word) && !isGlued && before?.text !== ":" ? place(":", 2) : null;
    case "@":
      return nameSigns.includes("@") && word !== "" ? place(":", 2) : null;
    case "%":
      if (isGlued) return null;
      if (/^[sbt]$/.test(word)) return place("%", 2);
      return follows?.text === "(" && tokens[at + 3]?.text === ")" &&
          /^[sbt]$/.test(tokens[at + 4]?.text ?? "")
        ? place("%", 5)
        : null;
    default:
      return null;
  }
}

/** Returns the token that stands right behind another. */
function adjacent(tokens: readonly Token[], at: number): Token | undefined {
  const next = tokens[at + 1];
  return next?.start === tokens[at]!.start + 1 ? next : undefined;
}

function endsValue({ kind, text }: Token): boolean {
  return kind !== "sign" || [")", "]"].includes(text);
}

/** `data ? 'key'` and `data ?| list`. */
function isJsonOperator(tokens: readonly Token[], at: number): boolean {
  const [before, next] = [tokens[at - 1], tokens[at + 1]];
  if (["|", "&"].includes(adjacent(tokens, at)?.text ?? "")) return true;
  if (before === undefined || next === undefined || !endsValue(before)) return false;
  return ["string", "name"].includes(next.kind) || ["$", "?"].includes(next.text);
}
