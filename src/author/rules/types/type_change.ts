import type { Dialect } from "../../../base/dialect.ts";
import { sqliteConversion } from "../../../schema/twins/conversion.ts";
import { postgresType } from "../../../sql/postgres_spelling.ts";

/** What happens to the values of a column that takes another type. */
export interface TypeChange {
  /** Whether there are values that the new type does not take. */
  readonly fails: boolean;
  /** What of a value nobody can work out again, by an example; `null` when nothing is. */
  readonly loss: string | null;
  /** Whether values stay as they are that PostgreSQL would round or refuse. */
  readonly isUnenforced?: boolean;
}

const kept: TypeChange = { fails: false, loss: null };
const narrower: TypeChange = { fails: true, loss: null };

/** Says what becomes of the values of a column whose type changes, given as DDL has both. */
export function typeChange(from: string, to: string, dialect: Dialect): TypeChange {
  // As that of nearly every column, which is asked of a whole schema.
  return from === to ? kept : judges[dialect](from, to);
}

const judges: Readonly<Record<Dialect, (from: string, to: string) => TypeChange>> = {
  sqlite: sqliteChange,
  postgresql: postgresChange,
};

const asNumber = "'007' becomes 7";
const asTruth = "'yes' becomes true";
const timeGoes = "the time of day goes";
const dayGoes = "the day goes";

const rounded = "1.5 becomes 2";
const nonZero = "7 becomes true";
const smallLetters = "capitals become small letters";
const asBytes = String.raw`'abc' comes back as \x616263`;

/** What of the values is another one afterwards, by what a type of SQLite's holds. */
const sqliteLosses: readonly (readonly [from: RegExp, to: RegExp, loss: string])[] = [
  [/^text/, /^(?:int|bigint|numeric|real)$/, asNumber],
  [/^text/, /^boolean$/, asTruth],
  [/^text/, /^datetime$/, "'2024-01-02T03:04:05Z' becomes 2024-01-02 03:04:05"],
  [/^text/, /^uuid$/, smallLetters],
  [/^text/, /^json$/, "'1.50' becomes 1.5"],
  [/^text/, /^blob$/, asBytes],
  [/^(?:int|bigint|numeric|real)$/, /^boolean$/, nonZero],
  [/^(?:numeric|real)$/, /int$/, rounded],
  [/^(?:bigint|numeric)$/, /^real$/, "9007199254740993 becomes 9007199254740992"],
  [/^datetime$/, /^time$/, dayGoes],
  [/^datetime$/, /^date$/, timeGoes],
];

/** SQLite refuses no value; harbor-db does where a script copies one that is none of the new type. */
function sqliteChange(from: string, to: string): TypeChange {
  const [was, is] = [from, to].map((type) =>
    type.toLowerCase().replace(/^(?:(?:var)?char|clob).*/, "text").replace(/^(?:small)?int.*/, "int")
      .replace(/^(?:double|float).*/, "real").replace(/\(.*/, "")
  ) as [string, string];
  const [, , loss = null] = sqliteLosses.find(([one, other]) => one.test(was) && other.test(is)) ?? [];
  const isLong = is === "text" && fitsText(partsOf(from), partsOf(to)).fails;
  const fails = isLong || sqliteConversion(from, to, '"c"').unfit !== null;
  return { fails, loss, isUnenforced: !fails && loss === null && isNarrowNumber(from, to) };
}

/** SQLite has one size of whole numbers, and none of others. */
function isNarrowNumber(from: string, to: string): boolean {
  const isNumber = [from, to].every((type) => /^(?:int|numeric)$/.test(partsOf(type).family));
  if (!isNumber) return false;
  const { fails, loss } = postgresChange(from, to);
  return fails || loss !== null;
}

/** A type of PostgreSQL, taken apart. */
interface Parts {
  readonly family: string;
  readonly sizes: readonly number[];
  /** The type without its sizes and the brackets of an array. */
  readonly name: string;
  readonly isArray: boolean;
}

const families: readonly (readonly [family: string, pattern: RegExp])[] = [
  ["text", /^(?:text|character)/],
  ["int", /^(?:smallint|integer|bigint)$/],
  ["numeric", /^numeric/],
  ["float", /^(?:real|double precision)$/],
  ["moment", /^(?:date$|timestamp)/],
  ["time", /^time /],
  ["interval", /^interval/],
  ["bit", /^bit/],
];

function partsOf(written: string): Parts {
  const type = postgresType(written);
  const name = type.replace(/\([^)]*\)/, "").replace(/\[\]$/, "");
  return {
    family: families.find(([, pattern]) => pattern.test(name))?.[0] ?? name,
    sizes: (/\(([^)]*)\)/.exec(type)?.[1] ?? "").split(",").filter((size) => size !== "").map(Number),
    name,
    isArray: type.endsWith("]"),
  };
}

function postgresChange(written: string, target: string): TypeChange {
  const [from, to] = [partsOf(written), partsOf(target)];
  if (from.isArray && !to.isArray) return to.family === "text" ? fitsText(from, to) : narrower;
  if (to.isArray && !from.isArray) return { fails: true, loss: `'{ "a" , b }' becomes {a,b}` };
  const judge = within[from.family];
  if (from.family === to.family && judge !== undefined) return judge(from, to);
  if (to.family === "text") return fitsText(from, to);
  const way = between[`${from.family} ${to.family}`];
  if (way !== undefined) return way(from, to);
  if (from.family === to.family) return kept;
  return from.family === "text" && spelledAnew.test(to.name) ? { fails: true, loss: usualForm } : narrower;
}

/** Types that print a value in one of the forms in which they read it. */
const spelledAnew =
  /^(?:inet|cidr|macaddr8?|money|bytea|point|line|lseg|box|path|polygon|circle|\w+range|ts(?:vector|query))$/;
const usualForm = "what is written otherwise than the type prints it gets that form";

/** How long what a type prints is at most. */
const longest: Readonly<Record<string, number>> = {
  smallint: 6,
  integer: 11,
  bigint: 20,
  boolean: 5,
  uuid: 36,
};

/** What is printed as text can be read again. */
function fitsText(from: Parts, to: Parts): TypeChange {
  const was = from.isArray
    ? Infinity
    : longest[from.name] ?? (from.family === "text" ? from.sizes[0] : undefined);
  const fails = (was ?? Infinity) > (to.sizes[0] ?? Infinity);
  const isFilledUp = to.name === "character" && from.family === "text" && from.name !== "character";
  return { fails, loss: isFilledUp ? "blanks at the end go" : null };
}

type Judge = (from: Parts, to: Parts) => TypeChange;

const ranks = ["smallint", "integer", "bigint"];
/** How many digits a whole number of a type has at most. */
const digits: Readonly<Record<string, number>> = { smallint: 5, integer: 10, bigint: 19 };
/** How many digits before the point a number of a type may have at least. */
const floatDigits: Readonly<Record<string, number>> = { real: 38, "double precision": 308 };
const imprecise = "16777217 becomes 16777216";
const moreDigits = "what has more digits is rounded";

const within: Readonly<Record<string, Judge>> = {
  text: fitsText,
  int: (from, to) => ranks.indexOf(to.name) < ranks.indexOf(from.name) ? narrower : kept,
  numeric: ({ sizes: was }, { sizes: now }) => {
    if (now.length === 0) return kept;
    const [wholes, scale] = [now[0]! - (now[1] ?? 0), now[1] ?? 0];
    const isRounded = was.length === 0 || scale < (was[1] ?? 0);
    return {
      // What is rounded up may get one digit more.
      fails: was.length === 0 || wholes < was[0]! - (was[1] ?? 0) + Number(isRounded),
      loss: isRounded ? `${moreDigits} to ${scale}` : null,
    };
  },
  float: (from, to) =>
    from.name === "double precision" && to.name === "real" ? { fails: true, loss: imprecise } : kept,
  moment: (from, to) => {
    if (to.name === "date" && from.name !== "date") return { fails: false, loss: timeGoes };
    return lessPrecise(from, to);
  },
  time: (from, to) =>
    from.name === "time with time zone" && to.name !== from.name
      ? { fails: false, loss: "the zone goes" }
      : lessPrecise(from, to),
  interval: (from, to) => lessPrecise(from, to),
  bit: (from, to) => {
    const [was, now] = [from, to].map(({ name, sizes }) => sizes[0] ?? (name === "bit" ? 1 : Infinity));
    if (now! < was!) return { fails: false, loss: "what has more bits is cut" };
    return to.name === "bit" && (from.name !== "bit" || now !== was)
      ? { fails: false, loss: "what has fewer bits is filled up with 0" }
      : kept;
  },
};

function lessPrecise({ name, sizes: [was = name === "date" ? 0 : 6] }: Parts, to: Parts): TypeChange {
  const [now = 6] = to.sizes;
  return now < was ? { fails: false, loss: `fractions of a second are rounded to ${now} digits` } : kept;
}

const fromText = (loss: string | null): Judge => () => ({ fails: true, loss });
const sure: Judge = () => kept;
const turns = (loss: string): Judge => () => ({ fails: false, loss });
const midnight: TypeChange = { fails: false, loss: "24:00:00 becomes 00:00:00 on the way back" };
const orderedKeys = `'{"b": 1,"a":2}' becomes {"a": 2, "b": 1}`;

const between: Readonly<Record<string, Judge>> = {
  "int numeric": ({ name }, { sizes: [precision = Infinity, scale = 0] }) =>
    precision - scale < digits[name]! ? narrower : kept,
  "int float": (from, to) =>
    from.name === "smallint" || (from.name === "integer" && to.name === "double precision")
      ? kept
      : { fails: false, loss: imprecise },
  "numeric int": ({ sizes: [precision, scale = 0] }, { name }) => ({
    // One digit less than the greatest has fits always.
    fails: precision === undefined || precision - scale + Number(scale > 0) >= digits[name]!,
    loss: precision !== undefined && scale <= 0 ? null : rounded,
  }),
  "numeric float": ({ sizes: [precision, scale = 0] }, { name }) => ({
    fails: precision === undefined || precision - scale > floatDigits[name]!,
    loss: precision !== undefined && precision <= (name === "real" ? 6 : 15) ? null : moreDigits,
  }),
  "float int": fromText(rounded),
  "float numeric": (_, { sizes }) => ({ fails: sizes.length > 0, loss: moreDigits }),
  "numeric money": fromText(`${moreDigits} to 2`),
  "int money": sure,
  "money numeric": (_, { sizes }) => sizes.length > 0 ? { fails: true, loss: moreDigits } : kept,
  "int bit": turns("what has more bits is cut"),
  "text int": fromText(asNumber),
  "text numeric": fromText(asNumber),
  "text float": fromText(asNumber),
  "text boolean": fromText(asTruth),
  "text moment": fromText("'Jan 2 2024' becomes 2024-01-02"),
  "text time": fromText("'8:30' becomes 08:30:00"),
  "text interval": fromText("'2 weeks' becomes 14 days"),
  "text uuid": fromText(smallLetters),
  "text bytea": fromText(asBytes),
  "text bit": fromText("what has more bits is cut"),
  "text jsonb": fromText(orderedKeys),
  "moment time": turns(dayGoes),
  "time moment": (from, to) => lessPrecise(from, to).loss === null ? midnight : lessPrecise(from, to),
  "time interval": (from, to) => lessPrecise(from, to).loss === null ? midnight : lessPrecise(from, to),
  "interval time": turns("whole days go"),
  "int boolean": turns(nonZero),
  "numeric boolean": turns(nonZero),
  "float boolean": turns(nonZero),
  "boolean int": sure,
  "boolean numeric": sure,
  "boolean float": sure,
  "json jsonb": fromText(orderedKeys),
  "jsonb json": sure,
  ...Object.fromEntries(
    ["int", "numeric", "float", "boolean"].flatMap((from) =>
      ["json", "jsonb"].map((to) => [`${from} ${to}`, sure])
    ),
  ),
  "jsonb int": fromText(rounded),
  "jsonb float": fromText(moreDigits),
  "jsonb numeric": (_, { sizes }) => ({
    fails: true,
    loss: sizes.length > 0 ? `${moreDigits} to ${sizes[1] ?? 0}` : null,
  }),
  "json int": fromText("blanks around a number go"),
  "json numeric": fromText("1e2 becomes 100"),
  "json float": fromText(moreDigits),
  "inet cidr": turns("what follows the network in an address goes"),
  "cidr inet": sure,
  "macaddr macaddr8": sure,
};
