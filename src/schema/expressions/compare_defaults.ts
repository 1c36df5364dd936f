import type { Dialect } from "../../base/dialect.ts";
import { isSameExpression } from "./compare.ts";
import { decimal, float, type Read, readerOf } from "./literal_values.ts";

/**
 * Says whether two defaults of a column of a type give the same value or are the same expression.
 *
 * PostgreSQL reads a literal into its type and prints what it read: `{"b":1,"a":2}` comes back as `{"a": 2, "b": 1}`,
 * `90 minutes` as `01:30:00`. So literals are read here, too, and compared by value. SQLite keeps what was written.
 */
export function isSameDefault(
  [a, b]: readonly [string, string],
  type: string,
  dialect: Dialect,
): boolean {
  if (isSameExpression(a, b, dialect)) return true;
  if (lengthsOf(a) !== lengthsOf(b)) return false;
  const [one, other] = valuesOf([a, b], type, dialect);
  return one !== null && one === other;
}

/** Says whether two defaults are literals of a type, and of different values. */
export function isOtherValue(both: readonly [string, string], type: string, dialect: Dialect): boolean {
  const [one, other] = valuesOf(both, type, dialect);
  return one !== null && other !== null && one !== other;
}

function valuesOf(
  both: readonly [string, string],
  type: string,
  dialect: Dialect,
): readonly [string | null, string | null] {
  const read = readers[dialect](type);
  const [one = null, other = null] = both.map((text) => {
    const literal = literalOf(text, type);
    return literal === null ? null : read(literal);
  });
  return [one, other];
}

const readers: Readonly<Record<Dialect, (type: string) => Read>> = {
  sqlite: () => () => null,
  postgresql: readerOf,
};

/**
 * Returns the lengths that casts cut to or fill up to. An interval's comes from its column, said or not, and snapshots
 * say `character` without one, which would be 1.
 */
function lengthsOf(text: string): string {
  const found = text.replaceAll(/'(?:[^']|'')*'/g, "").matchAll(
    /::\s*(?!interval\b|char(?:acter)?\s*\(\s*1\s*\))["\w. ]+\((\d+(?:\s*,\s*\d+)?)\)/gi,
  );
  return [...found].map(([, length]) => length).join(" ").replaceAll(/\s*,\s*/g, ",");
}

/** Returns what a literal of a type says, with or without a cast to it; `null` for any other expression. */
function literalOf(text: string, type: string): string | null {
  const bare = text.trim().replace(/^\((.*)\)$/s, "$1");
  const [, quoted, casts = ""] = /^'((?:[^']|'')*)'((?:::["\w. (),]+(?:\[\])*)*)$/.exec(bare) ?? [];
  if (quoted !== undefined) {
    // A cast to another type makes another value: `'2024-02-29 12:00'::date` is midnight in a timestamp.
    const isOwn = casts.split("::").slice(1).every((cast) => isReadAlike(cast, type));
    return isOwn ? quoted.replaceAll("''", "'") : null;
  }
  return /^(?:[+-]?[\d.]+(?:e[+-]?\d+)?|true|false)$/i.test(bare) ? bare : null;
}

function isReadAlike(cast: string, type: string): boolean {
  const names = [cast, type].map((name) => name.replaceAll(/\[\]|\([^)]*\)/g, ""));
  const [one, other] = names.map(readerOf);
  return names[0] === names[1] || one === other || (one === decimal && other === float);
}
