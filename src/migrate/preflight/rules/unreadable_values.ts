import type { Column } from "../../../schema/snapshot.ts";
import { elementType, isArray } from "../../../sql/postgres_spelling.ts";
import { conditionOn } from "./column_values.ts";
import { quoteName } from "../../../sql/quote.ts";

/** Holds for values that surely become none of a type; what is left fails where it is read. */
type Unreadable = (value: string, column: Column) => string;

/** Two or four digits of a year that has a day more. */
const leapYear = "([0-9]{2}(0[48]|[2468][048]|[13579][26])|([02468][048]|[13579][26])00)";

/** Days of the form `2024-02-31` that no calendar has. Those before Christ have their leap days in other years. */
const noDay = [
  "0000[-/][0-9]{1,2}[-/][0-9]{1,2}",
  "[0-9]{4}[-/](00?|1[3-9]|[2-9][0-9])[-/][0-9]{1,2}",
  "[0-9]{4}[-/][0-9]{1,2}[-/](00?|3[2-9]|[4-9][0-9])",
  "[0-9]{4}[-/](0?[469]|11)[-/]31",
  "[0-9]{4}[-/]0?2[-/]3[01]",
  `(?!${leapYear})[0-9]{4}[-/]0?2[-/]29(?!.*bc)`,
].join("|");

/** Times of the form `24:00:01` that no clock has, at the beginning or behind a day. */
const noTime = [
  "(2[5-9]|[3-9][0-9]):[0-9]{2}",
  "[0-9]{1,2}:[6-9][0-9]",
  "24:(0[1-9]|[1-5][0-9])",
  "[0-9]{1,2}:[0-9]{2}:(6[1-9]|[7-9][0-9])",
].join("|");

/** A time of minutes and seconds, such as `25:10.5`. */
const hasNoHours = "[0-9]{1,2}:[0-9]{2}[.]";

// Such a word may stand beside others: `tomorrow zulu`.
const unknownTime: Unreadable = (text) =>
  `${text} !~* '[0-9]|now|today|tomorrow|yesterday|epoch|infinity|allballs' OR ` +
  String.raw`${text} ~* '^\s*(${noDay})(?![0-9])|^(\s*|[-/0-9]{8,10}[t ]+)(?!${hasNoHours})(${noTime})'`;

function unlike(pattern: string): Unreadable {
  return (text) => `${text} !~* '${pattern}'`;
}

/** A document that has a value of another kind. PostgreSQL makes NULL of its null from 18 on. */
function notOfKind(kind: string): Unreadable {
  return (value, { notNull }) =>
    `jsonb_typeof(${value}) <> '${kind}'` +
    (notNull
      ? ""
      : ` AND (jsonb_typeof(${value}) <> 'null' OR current_setting('server_version_num')::integer < 180000)`);
}

const whole = /^(?:smallint|integer|bigint)$/;
const broken = /^(?:numeric|real|double precision)\b/;
const text = /^(?:text|character)\b/;
/** What is read by what it says. */
const written = /^(?:text|character|json$)/;

const twoDigits = "[0-9a-f]{2}";
/** A byte of an address whose bytes are set apart, which C reads. */
const byte = "(0x)?[0-9a-f]+";

const unreadable: readonly (readonly [from: RegExp, to: RegExp, is: Unreadable])[] = [
  [written, whole, unlike(String.raw`^\s*[-+]?[0-9][0-9a-fox_]*\s*$`)],
  [written, broken, unlike(String.raw`^\s*[-+]?(nan|inf|infinity|[0-9.][0-9a-fopx_.+-]*)\s*$`)],
  [
    written,
    /^boolean$/,
    unlike(String.raw`^\s*(t|tr|tru|true|f|fa|fal|fals|false|y|ye|yes|n|no|on|of|off|0|1)\s*$`),
  ],
  [text, /^uuid$/, unlike(String.raw`^\{?([0-9a-f]{4}-?){8}\}?$`)],
  [text, /^(?:date|time|timestamp)\b/, unknownTime],
  [text, /^interval/, unlike(String.raw`[0-9]|^\s*[-+]?infinity\s*$`)],
  [text, /^macaddr$/, unlike(`^\\s*(${byte}([:-]${byte}){5}|(${twoDigits}[-:.]?){5}${twoDigits})\\s*$`)],
  [text, /^macaddr8$/, unlike(`^\\s*(${twoDigits}[-:.]?){5}((${twoDigits}[-:.]?){2})?${twoDigits}\\s*$`)],
  // What else a sum may have in it the server's language says.
  [text, /^money$/, unlike("[0-9]")],
  [text, /multirange$/, unlike(String.raw`^\s*\{.*\}\s*$`)],
  [text, /range$/, unlike(String.raw`^\s*([[(].*,.*[])]|empty)\s*$`)],
  [text, /^(?:inet|cidr)$/, unlike(String.raw`^\s*[0-9a-fx:./]+\s*$`)],
  [
    text,
    /^jsonb?$/,
    unlike(String.raw`^\s*(\{\s*("[^"\\]*[\\"].*)?\}|\[.*\]|".*"|-?[0-9][-+.0-9e]*|true|false|null)\s*$`),
  ],
  [/^jsonb$/, whole, notOfKind("number")],
  [/^jsonb$/, broken, notOfKind("number")],
  [/^jsonb$/, /^boolean$/, notOfKind("boolean")],
  [/^date$/, /^timestamp/, (day) => `isfinite(${day}) AND ${day} >= DATE '294277-01-01'`],
];

/** What is no list, whatever it should be one of: without its braces, or with nothing before or behind a comma. */
const noList = (text: string) =>
  String.raw`${text} !~ '^\s*[{[].*\}\s*$' OR ${text} ~ '^[^"\\]*(,\s*[,}]|\{\s*,)'`;

/**
 * Returns a condition for rows of a column of PostgreSQL's of which its new type surely takes none; `null` where nothing is
 * known, or its values are listed.
 */
export function unreadableAs(column: Column, old: Column): string | null {
  if (isArray(old.type) && !isArray(column.type)) return null;
  const isTaken = isArray(column.type) && !isArray(old.type);
  const [from, to] = [elementType(old.type), elementType(column.type)];
  const isRead = written.test(from);
  const [, , is] = unreadable.find(([one, other]) => one.test(from) && other.test(to)) ?? [];
  const ofValue = is === undefined || column.values !== undefined
    ? null
    : conditionOn({ old, column }, (value) => is(value, column), isRead ? "text" : undefined);
  if (!isTaken || !text.test(from)) return ofValue;
  const lists = noList(`CAST(${quoteName(old.name)} AS text)`);
  return ofValue === null ? lists : `${lists} OR ${ofValue}`;
}
