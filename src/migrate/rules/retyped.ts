import type { Dialect } from "../../base/dialect.ts";
import { affinityOf } from "../../sql/affinity.ts";
import { commaParts, cursorAt, tokensOf } from "../../sql/cursor.ts";
import { isWord, nameOf, type Token } from "../../sql/lexer.ts";
import { elementType, isArray, postgresType } from "../../sql/postgres_spelling.ts";

/** A column that gets another type in place. */
export interface Retyped {
  readonly table: string;
  readonly column: string;
  /** What its values become one after the other, as the statement writes it: its type last; `null` where an expression works them out. */
  readonly types: readonly string[] | null;
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
    const casts = using < 0 ? [] : castsOf(rest.slice(using + 1), column);
    return [{ table, column, types: casts === null ? null : [...casts, type] }];
  });
}

/** Returns the types of `USING "c"::type::type`; `null` for any other expression. */
function castsOf([first, ...rest]: readonly Token[], column: string): readonly string[] | null {
  if (nameOf(first) !== column || (rest.length > 0 && rest[0]!.text !== ":")) return null;
  return textOf(rest).split(/ ?: ?: ?/).slice(1);
}

function textOf(tokens: readonly Token[]): string {
  const text = tokens.map(({ text }) => text).join(" ").toLowerCase();
  return text.replaceAll(/ ?([(),[\]]) ?/g, "$1").replaceAll(/\)(?=\w)/g, ") ");
}

/** Conversions that give each value back, or fail. */
const faithful: readonly (readonly [from: RegExp, to: RegExp])[] = [
  [/^(?:smallint|integer|bigint)$/, /^(?:smallint|integer|bigint|numeric)$/],
  [/^date$/, /^timestamp without time zone$/],
];

/** Texts, and what is read from one as it was. */
const isText = /^(text|character varying|uuid|json)(?:\((\d+)\))?$/;

/**
 * Returns up to how many characters a value surely stays when its column gets other types one after the other by plain casts:
 * `Infinity` where every value does, -1 where none does.
 */
export function staysUpTo(dialect: Dialect, from: string, types: readonly string[]): number {
  // A text on the way takes every value as it is.
  const ways = types.filter((type, place) => type !== "text" || place === types.length - 1);
  const steps = ways.map((type, place) => stepStaysUpTo[dialect](ways[place - 1] ?? from, type));
  return Math.min(Infinity, ...steps);
}

const stepStaysUpTo: Readonly<Record<Dialect, (from: string, to: string) => number>> = {
  // What has no affinity takes every value as it is.
  sqlite: (from, to) => affinityOf(to) !== "blob" && affinityOf(from) !== affinityOf(to) ? -1 : Infinity,
  postgresql: (from, to) => {
    const [is, wanted] = [postgresType(from), postgresType(to)];
    if (is === wanted) return Infinity;
    // A text in the form of an array is read and written otherwise.
    if (isArray(is) !== isArray(wanted)) return -1;
    const [old, now] = [elementType(is), elementType(wanted)];
    if (faithful.some(([one, other]) => one.test(old) && other.test(now))) return Infinity;
    const [had, has] = [isText.exec(old), isText.exec(now)];
    if (had === null || has === null || !/^(?:text|char)/.test(now)) return -1;
    const most = Number(has[2] ?? Infinity);
    if (most >= (had[1] === "uuid" ? 36 : Number(had[2] ?? Infinity))) return Infinity;
    // A cast cuts what is longer without a word, and even a column's type cuts blanks at its end.
    return isArray(wanted) ? -1 : most;
  },
};
