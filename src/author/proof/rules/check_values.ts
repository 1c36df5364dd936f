import type { Dialect } from "../../../base/dialect.ts";
import type { Column } from "../../../schema/snapshot.ts";
import { tokenize } from "../../../sql/lexer.ts";
import { quoteName, quoteText } from "../../../sql/quote.ts";
import type { Condition } from "./outlook.ts";
import { allowedIn, type ColumnType, numberType, shortest, valueOf, type ValuePlace } from "./sample_rows.ts";

/** A column for which a value is looked for. */
export interface Unknown {
  readonly column: Column;
  /** SQL literals, the ones to prefer first. */
  readonly candidates: readonly string[];
}

/** Columns that conditions bind together, and these. */
export interface Knot {
  readonly columns: readonly string[];
  readonly conditions: readonly string[];
}

/** Returns the columns that conditions are about, those together that one condition looks at. */
export function knotsOf(conditions: readonly Condition[]): readonly Knot[] {
  return conditions.reduce((knots: readonly Knot[], { columns, expression }) => {
    const isBound = (knot: Knot) => knot.columns.some((column) => columns.includes(column));
    const bound = knots.filter(isBound);
    return [...knots.filter((knot) => !isBound(knot)), {
      columns: [...new Set([...columns, ...bound.flatMap((knot) => knot.columns)])],
      conditions: [...bound.flatMap((knot) => knot.conditions), expression],
    }];
  }, []);
}

/** How many combinations of values are tried at most. */
const mostCombinations = 20_000;

/**
 * Returns the query that finds values which satisfy conditions: it answers with the place of each unknown's candidate,
 * as `n0`, `n1`, …, or with no row. The database judges, so whatever it understands can stand in a check.
 */
export function valuesQuery(
  unknowns: readonly Unknown[],
  conditions: readonly string[],
  dialect: Dialect,
): string {
  const most = Math.max(2, Math.floor(mostCombinations ** (1 / unknowns.length)));
  const places = unknowns.map((_, place) => `n${place}`);
  const lists = unknowns.map(({ column, candidates }, place) => {
    const rows = candidates.slice(0, most).map((literal, at) =>
      `SELECT ${typed(literal, column.type, dialect)} AS ${quoteName(column.name)}, ${at} AS n${place}`
    );
    return `(${rows.join(" UNION ALL ")}) AS c${place}`;
  });
  const all = conditions.map((condition) => `((${condition}\n) IS NOT FALSE)`);
  return `SELECT ${places.join(", ")} FROM ${lists.join(", ")} WHERE ${all.join(" AND ")} ORDER BY ${
    places.join(" + ")
  }, ${places.join(", ")} LIMIT 1`;
}

/** PostgreSQL wants to know what a literal is; SQLite's CAST makes 2025 of a date. */
function typed(literal: string, type: string, dialect: Dialect): string {
  return { sqlite: literal, postgresql: `CAST(${literal} AS ${type})` }[dialect];
}

/**
 * Returns what a column may hold: what it holds when nobody asks, what its checks speak of, with what is next to that,
 * and what checks usually are about.
 *
 * @param expressions The conditions
 */
export function candidatesOf(
  column: Column,
  place: ValuePlace,
  { expressions, dialect }: { readonly expressions: readonly string[]; readonly dialect: Dialect },
): readonly string[] {
  const own = valueOf(column, place);
  const tokens = expressions.flatMap((expression) => tokenize(expression, dialect));
  const texts = tokens.filter(({ kind }) => kind === "string").map(({ text }) => text);
  const numbers = expressions.flatMap((text) => text.match(/(?<![\w.'])\d+(?:\.\d+)?/g) ?? []).map(Number);
  const types: readonly ColumnType[] = [column, ...place.types];
  const last = types.at(-1)!.type.toUpperCase();
  const given = groups.find(([pattern]) => pattern.test(last))?.[1] ?? (() => []);
  const isText = own?.startsWith("'") ?? false;
  const isListed = types.some(({ values }) => values !== undefined);
  const others = isListed
    ? allowedIn(types).map(quoteText)
    : given({ texts, numbers, length: shortest(types) });
  const values = [...own === null ? [] : [own], ...others]
    .map((literal) => isText && !literal.startsWith("'") ? `'${literal}'` : literal);
  const isNullable = !column.notNull;
  // The second row has nothing where it may.
  const list = !isNullable ? values : place.row > 1 ? ["NULL", ...values] : [...values, "NULL"];
  return [...new Set(list)];
}

interface Found {
  /** Literals in the checks. */
  readonly texts: readonly string[];
  readonly numbers: readonly number[];
  readonly length: number;
}

const hex = "0123456789abcdef".repeat(8);

const groups: readonly (readonly [RegExp, (found: Found) => readonly string[]])[] = [
  [/\[/, ({ texts }) => ["'{}'", ...texts.filter((text) => text.startsWith("'{"))]],
  [/^TIME\b/, ({ texts }) => [
    ...texts.filter((text) => /^'\d\d:\d\d/.test(text)),
    ...["'00:00:00'", "'09:30:00'", "'23:59:59'"],
  ]],
  [/^DATE$/, ({ texts }) => [
    ...texts.filter((text) => /^'\d{4}-\d\d-\d\d/.test(text)),
    ...["'2024-01-01'", "'2025-06-01'", "'2035-01-01'", "'1999-01-01'"],
  ]],
  [/CHAR|TEXT|CLOB/, ({ texts, numbers, length }) => {
    const sizes = numbers.flatMap((n) => [n, n + 1, n - 1]).filter((n) => n >= 0 && n <= 1000);
    const plain = texts.filter((text) => text.startsWith("'"));
    const known = [
      ...plain,
      // What `LIKE` asks for, without what stands for anything.
      ...plain.map((text) => text.replaceAll("%", "a").replaceAll("_", "b")),
      ...numbers.map((n) => `'${n}'`),
      ...sizes.map((n) => `'${"a".repeat(n)}'`),
      ...usualTexts.map((text) => `'${text}'`),
      ...[8, 32, 40, 64].map((n) => `'${hex.slice(0, n)}'`),
    ];
    return known.filter((text) => text.length - 2 <= length);
  }],
  [/BOOL/, () => ["TRUE", "FALSE"]],
  [numberType, ({ numbers }) =>
    [
      ...numbers.flatMap((n) => [n, n + 1, n - 1, -n]),
      ...[0, 1, 2, 3, 10, 50, 100, 1000, 1_000_000, -1],
    ].map(String)],
  [/TIME|DATE/, ({ texts }) => [
    ...texts.filter((text) => /^'\d{4}-\d\d-\d\d/.test(text)),
    ...["'2024-01-01 00:00:00'", "'2025-06-01 12:00:00'", "'2035-01-01 00:00:00'", "'1999-01-01 00:00:00'"],
  ]],
  [/JSON/, ({ texts }) => [...texts.filter(isJson), "'{}'", "'[]'", `'{"a": 1}'`]],
];

const usualTexts = [
  "a",
  "A",
  "ab",
  "abc",
  "abcdefgh",
  "a1",
  "Abc123!x",
  "1",
  "12",
  "123456",
  "a@b.example",
  "https://a.example/b",
  "/a/b",
  "a-b",
  "a_b",
  "2025-01-01",
  "2025-01-01 12:00:00",
  "12:00",
  "00000000-0000-4000-8000-000000000009",
  "{}",
  "[]",
  "en",
  "DE",
  "#aabbcc",
  "127.0.0.1",
  "",
];

function isJson(literal: string): boolean {
  try {
    JSON.parse(literal.slice(1, -1).replaceAll("''", "'"));
    return true;
  } catch {
    return false;
  }
}
