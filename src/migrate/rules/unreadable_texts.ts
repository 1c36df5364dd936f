import type { Column } from "../../schema/snapshot.ts";
import { elementType, isArray } from "../../sql/postgres_spelling.ts";
import { conditionOn } from "./column_values.ts";

/** Texts that PostgreSQL surely reads no value of a type from, as a condition of `text`; what is left fails where it is read. */
const unreadable: readonly (readonly [type: RegExp, condition: string])[] = [
  [/\]$/, String.raw`text !~ '^\s*[{[]'`],
  [/^(?:smallint|integer|bigint)$/, String.raw`text !~* '^\s*[-+]?[0-9][0-9a-fox_]*\s*$'`],
  [
    /^(?:numeric|real|double precision)\b/,
    String.raw`text !~* '^\s*[-+]?(nan|inf|infinity|[0-9.][0-9a-fox_.+-]*)\s*$'`,
  ],
  [
    /^boolean$/,
    String.raw`text !~* '^\s*(t|tr|tru|true|f|fa|fal|fals|false|y|ye|yes|n|no|on|of|off|0|1)\s*$'`,
  ],
  [/^uuid$/, String.raw`text !~* '^\{?([0-9a-f]{4}-?){8}\}?$'`],
  [
    /^(?:date|time|timestamp)\b/,
    // Such a word may stand beside others: `tomorrow zulu`.
    String.raw`text !~* '[0-9]|now|today|tomorrow|yesterday|epoch|infinity|allballs'`,
  ],
  [/^interval/, String.raw`text !~* '[0-9]|^\s*[-+]?infinity\s*$'`],
  [/^(?:inet|cidr)$/, String.raw`text !~* '^\s*[0-9a-fx:./]+\s*$'`],
  [/^jsonb?$/, String.raw`text !~ '^\s*([{["]|-?[0-9]|true|false|null)'`],
];

/**
 * Returns a condition for rows of a text column of PostgreSQL's of which its new type surely takes none; `null` where nothing is
 * known, or its values are listed.
 */
export function unreadableAs(column: Column, old: Column): string | null {
  const isText = ({ type }: Column) => /^(?:text|character)\b/.test(type);
  const isTaken = isArray(column.type) && !isArray(old.type);
  if (!isText(old) || (!isTaken && (isText(column) || column.values !== undefined))) return null;
  if (isArray(old.type) && !isArray(column.type)) return null;
  const type = isTaken ? column.type : elementType(column.type);
  const [, condition] = unreadable.find(([known]) => known.test(type)) ?? [];
  return condition === undefined
    ? null
    : conditionOn(old, (value) => condition.replace(/^text/, () => value), "text");
}
