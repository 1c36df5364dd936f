import type { Dialect } from "../../../base/dialect.ts";
import { commaParts, cursorAt, tokensOf } from "../../../sql/cursor.ts";
import { isWord, nameOf, type Token } from "../../../sql/lexer.ts";

/** A column that gets another type in place. */
export interface Retyped {
  readonly table: string;
  readonly column: string;
  /** As the statement writes it. */
  readonly type: string;
  /** Whether an expression works its values out. */
  readonly isComputed: boolean;
}

/** Returns the columns that `ALTER TABLE … ALTER COLUMN … TYPE …` gives another type. */
export function retypedColumns(sql: string, dialect: Dialect): readonly Retyped[] {
  const at = cursorAt(tokensOf(sql, dialect));
  if (!at.take("ALTER", "TABLE")) return [];
  at.take("IF", "EXISTS");
  at.take("ONLY");
  const table = at.name();
  return commaParts(at.rest()).flatMap((part) => {
    const action = cursorAt(part);
    if (!action.take("ALTER")) return [];
    action.take("COLUMN");
    const column = nameOf(action.next()) ?? "";
    if (!action.take("TYPE") && !action.take("SET", "DATA", "TYPE")) return [];
    const rest = action.rest().filter(({ text }) => text !== ";");
    const using = rest.findIndex((token) => isWord(token, "USING"));
    const type = textOf(using < 0 ? rest : rest.slice(0, using));
    return [{ table, column, type, isComputed: using >= 0 && !isPlainCast(rest.slice(using + 1), column) }];
  });
}

/** `USING "c"::type`, also by way of a text; any other type in between may change the value. */
function isPlainCast([first, ...rest]: readonly Token[], column: string): boolean {
  if (nameOf(first) !== column) return false;
  const between = textOf(rest).replaceAll(" ", "").split("::").slice(1, -1);
  return (rest.length === 0 || rest[0]!.text === ":") &&
    between.every((type) => /^text(?:\[\])*$/.test(type));
}

function textOf(tokens: readonly Token[]): string {
  return tokens.map(({ text }) => text).join(" ").replaceAll(/ ?([(),]) ?/g, "$1").toLowerCase();
}

/** Words of PostgreSQL's that snapshots spell otherwise. */
const spellings: readonly (readonly [RegExp, string])[] = [
  [/^varchar\b/, "character varying"],
  [/^char\b/, "character"],
  [/^(?:int|int4)$/, "integer"],
  [/^int8$/, "bigint"],
  [/^int2$/, "smallint"],
  [/^timestamptz\b/, "timestamp with time zone"],
  [/^timestamp$/, "timestamp without time zone"],
];

/** Conversions that give each value back, or fail. */
const faithful: readonly (readonly [from: RegExp, to: RegExp])[] = [
  [/^(?:text|character varying|uuid|json)\b/, /^(?:text|character varying)\b/],
  [/^(?:smallint|integer|bigint)$/, /^(?:smallint|integer|bigint|numeric)$/],
  [/^date$/, /^timestamp without time zone$/],
];

/** Says whether values may become others when a column gets another type by a plain cast. */
export function mayChangeValues(dialect: Dialect, from: string, to: string): boolean {
  return changesValues[dialect](from, to);
}

const changesValues: Readonly<Record<Dialect, (from: string, to: string) => boolean>> = {
  // What has no affinity takes every value as it is.
  sqlite: (from, to) => affinityOf(to) !== "BLOB" && affinityOf(from) !== affinityOf(to),
  postgresql: (from, to) => {
    const wanted = spellings.reduce((type, [pattern, word]) => type.replace(pattern, word), to.toLowerCase());
    if (from === wanted) return false;
    const [is, becomes] = [from, wanted].map(elementOf) as [Element, Element];
    // A text in the form of an array is read and written otherwise, and a length cuts the blanks at the end of an element.
    if (is.isArray !== becomes.isArray || (is.isArray && becomes.type.includes("("))) return true;
    return !faithful.some(([one, other]) => one.test(is.type) && other.test(becomes.type));
  },
};

interface Element {
  readonly type: string;
  readonly isArray: boolean;
}

function elementOf(type: string): Element {
  return { type: type.replace(/(?:\[\d*\])+$/, ""), isArray: type.endsWith("]") };
}

/** Source: https://www.sqlite.org/datatype3.html#determination_of_column_affinity */
export function affinityOf(type: string): string {
  const name = type.toUpperCase();
  if (name.includes("INT")) return "INTEGER";
  if (/CHAR|CLOB|TEXT/.test(name)) return "TEXT";
  if (name === "" || name.includes("BLOB")) return "BLOB";
  return /REAL|FLOA|DOUB/.test(name) ? "REAL" : "NUMERIC";
}
