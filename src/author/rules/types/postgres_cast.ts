import type { KitColumn } from "../../../schema/kit_snapshot.ts";
import { postgresType } from "../../../sql/postgres_spelling.ts";

/** How a value of one type is worked out of one of another, by the column in quotes and the new type in DDL. */
type Way = (column: string, type: string) => string;

const cast: Way = (column, type) => `${column}::${type}`;
const through = (between: string): Way => (column, type) => `${column}::${between}::${type}`;

const whole = ["smallint", "integer", "bigint"];
const numbers = [...whole, "numeric", "real", "double precision"];
const dates = ["date", "timestamp without time zone", "timestamp with time zone"];
const [, moment, zoned] = dates as [string, string, string];
const [time, zonedTime] = ["time without time zone", "time with time zone"] as const;

interface Row {
  readonly from: readonly string[];
  readonly to: readonly string[];
  readonly way: Way;
}

/** All types within a group have a cast to each other. */
const groups = [
  numbers,
  dates,
  [time, zonedTime],
  ["json", "jsonb"],
  ["inet", "cidr"],
  ["macaddr", "macaddr8"],
  ["bit", "bit varying"],
  ["bytea"],
  ["uuid"],
  ["interval"],
  ["boolean"],
  ["money"],
  ["point"],
  ["line"],
];

/**
 * What leads from a group to another, beside text, which leads to all and from all: the casts that PostgreSQL has, and what
 * there is one meaning of. Source: https://www.postgresql.org/docs/current/catalog-pg-cast.html
 */
const between: readonly Row[] = [
  { from: ["boolean"], to: ["integer"], way: cast },
  { from: ["boolean"], to: numbers, way: through("integer") },
  { from: ["integer"], to: ["boolean"], way: cast },
  { from: numbers, to: ["boolean"], way: (column) => `${column} <> 0` },
  { from: [moment, zoned], to: [time], way: cast },
  { from: [zoned], to: [zonedTime], way: cast },
  { from: [time], to: [moment, zoned], way: (column, type) => `(DATE '1970-01-01' + ${column})::${type}` },
  { from: [time], to: ["interval"], way: cast },
  { from: ["interval"], to: [time], way: cast },
  { from: ["jsonb"], to: [...numbers, "boolean"], way: cast },
  { from: ["json"], to: [...numbers, "boolean"], way: through("text") },
  { from: [...numbers, "boolean"], to: ["json"], way: (column) => `to_json(${column})` },
  { from: [...numbers, "boolean"], to: ["jsonb"], way: (column) => `to_jsonb(${column})` },
  { from: ["numeric", "integer", "bigint"], to: ["money"], way: cast },
  { from: ["money"], to: ["numeric"], way: cast },
  { from: ["integer", "bigint"], to: ["bit"], way: cast },
  { from: ["bit"], to: ["integer", "bigint"], way: cast },
];

/** What all enum types are to the rows above. */
const own = "enum";
const ofText = /^(?:text|character|citext|name$)/;

interface Parts {
  /** Without its size and the brackets of an array. */
  readonly name: string;
  readonly isArray: boolean;
}

function partsOf({ type, typeSchema }: KitColumn): Parts {
  const isArray = type.endsWith("]");
  const name = postgresType(type.replace(/(?:\[\d*\])+$/, "")).replace(/ ?\([^)]*\)/, "");
  return { name: typeSchema === undefined ? name : own, isArray };
}

/**
 * Returns how PostgreSQL gets the values of a column into another type; `null` where there is no way that means one thing. Of
 * types that are not known here it is asked for a cast.
 *
 * @param way The new type, as DDL has it, and the values of the enum type, where one of the two is one
 */
export function postgresCast(
  before: KitColumn,
  after: KitColumn,
  { type, labels = [] }: { readonly type: string; readonly labels?: readonly string[] },
): string | null {
  const [from, to] = [partsOf(before), partsOf(after)];
  const brackets = from.isArray ? "[]" : "";
  const column = `"${after.name}"`;
  // Blanks that fill a character(n) up are no part of what it says.
  if (from.name === "character" && !from.isArray) return through("text")(column, type);
  if (ofText.test(from.name) && !from.isArray) return cast(column, type);
  // A cast to a length cuts what is longer; what is assigned to it fails.
  if (ofText.test(to.name) && !to.isArray) return cast(column, "text");
  if (from.isArray !== to.isArray) return null;
  if (ofText.test(from.name) || ofText.test(to.name)) return cast(column, type);
  if (from.name === own && to.name === own) return through(`text${brackets}`)(column, type);
  // As PostgreSQL writes a boolean, and reads one. Which value stands for true where they are others, nobody says.
  const isTold = !from.isArray && labels.includes("true") && labels.includes("false");
  if (isTold && [from.name, to.name].toSorted().join() === `boolean,${own}`) {
    return through("text")(column, type);
  }
  const isKnown = ({ name }: Parts) => name === own || groups.some((group) => group.includes(name));
  if (!isKnown(from) || !isKnown(to)) return cast(column, type);
  if (groups.some((group) => group.includes(from.name) && group.includes(to.name))) return cast(column, type);
  const row = between.find((each) => each.from.includes(from.name) && each.to.includes(to.name));
  // What is worked out is so for one value, and a list of them has casts alone.
  return row === undefined || (from.isArray && row.way !== cast) ? null : row.way(column, type);
}

/** What a type can be turned into without being told how. */
const families = [
  /^(?:text|(?:var)?char|character)/,
  /^(?:small|big)?(?:int|serial)|^numeric|^decimal/,
  /^timestamp/,
];

/** Says whether a column takes another type without a cast, and what is made for the one is good for the other. */
export function staysInFamily(before: string, after: string): boolean {
  return before.endsWith("]") === after.endsWith("]") &&
    families.some((family) => family.test(before.toLowerCase()) && family.test(after.toLowerCase()));
}
