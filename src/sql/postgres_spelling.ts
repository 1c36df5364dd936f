import { quoteName, quoteText } from "./quote.ts";

/** PostgreSQL's other names for types. Source: https://www.postgresql.org/docs/current/datatype.html */
const aliases: Readonly<Record<string, string>> = {
  bigserial: "bigint",
  bool: "boolean",
  char: "character",
  decimal: "numeric",
  float4: "real",
  float8: "double precision",
  int: "integer",
  int2: "smallint",
  int4: "integer",
  int8: "bigint",
  serial: "integer",
  smallserial: "smallint",
  time: "time without time zone",
  timestamp: "timestamp without time zone",
  timestamptz: "timestamp with time zone",
  timetz: "time with time zone",
  varchar: "character varying",
};

/** Returns a type as `format_type` prints it: `varchar(36)` as `character varying(36)`, `serial` as `integer`. */
export function postgresType(type: string): string {
  const written = type.toLowerCase().replaceAll(/\s+/g, " ").trim();
  const [, name = "", length = "", rest = "", array = ""] =
    /^([^([]+?) ?(\([^)]*\))?((?: with(?:out)? time zone)?)((?:\[\d*\])*)$/.exec(written) ?? [];
  if (name === "") return written;
  // Without a length it is one character.
  const size = /^char(acter)?$/.test(name) && length === "" ? "(1)" : length;
  // A length stands after the first word of `timestamp(3) without time zone`, and after all of `character varying(3)`.
  const full = rest === "" ? aliases[name] ?? name : name + rest;
  const [, head, zone = ""] = /^(.*?)( with(?:out)? time zone)?$/.exec(full)!;
  return `${head}${size.replaceAll(" ", "")}${zone}${array === "" ? "" : "[]"}`;
}

/** Says whether the type is one whose values a sequence makes. */
export function isSerial(type: string): boolean {
  return /^(small|big)?serial$/i.test(type.trim());
}

/** Returns a default of a column of `type` (as {@link postgresType} gives it) as `pg_get_expr` prints it. */
export function postgresDefault(value: string, type: string): string {
  const cast = type.replace(/\([^)]*\)/, "");
  if (/^'(?:[^']|'')*'(?:::jsonb?)?$/.test(value)) return `${literal(value, cast)}::${cast}`;
  return /^-\d/.test(value) ? `'${value}'::${cast}` : value;
}

/** Returns a name as PostgreSQL prints it: in quotes only where it needs them. */
export function postgresName(name: string): string {
  return /^[a-z_][a-z0-9_$]*$/.test(name) ? name : quoteName(name);
}

/** Returns a literal as PostgreSQL prints the value that it reads in it. */
function literal(text: string, type: string): string {
  const written = text.replace(/::jsonb?$/, "").slice(1, -1).replaceAll("''", "'");
  const printed = (printers[type] ?? ((value) => value))(written);
  return quoteText(printed);
}

const printers: Readonly<Record<string, (value: string) => string>> = {
  jsonb(value) {
    try {
      return printJsonb(JSON.parse(value));
    } catch {
      return value;
    }
  },
  uuid: (value) => value.toLowerCase(),
  "time without time zone": (value) => withoutZeros(/^\d\d:\d\d$/.test(value) ? `${value}:00` : value),
  "timestamp without time zone": printMoment,
  "timestamp with time zone": printMoment,
};

/** jsonb orders names by their length first, and puts a blank after each sign. */
function printJsonb(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(printJsonb).join(", ")}]`;
  if (typeof value !== "object" || value === null) return JSON.stringify(value);
  const bytes = (name: string) => new TextEncoder().encode(name).length;
  const entries = Object.entries(value).toSorted(([a], [b]) => bytes(a) - bytes(b) || (a < b ? -1 : 1));
  return `{${entries.map(([name, item]) => `${JSON.stringify(name)}: ${printJsonb(item)}`).join(", ")}}`;
}

/** Sessions are in UTC, so that is what a moment with a zone is printed in. */
function printMoment(value: string): string {
  const [, day, time, fraction = "", zone = ""] =
    /^(\d{4}-\d\d-\d\d)[T ](\d\d:\d\d:\d\d)(\.\d+)?(Z|[+-]00(?::?00)?)?$/i.exec(value) ?? [];
  if (day === undefined) return value;
  return `${day} ${withoutZeros(`${time}${fraction}`)}${zone === "" ? "" : "+00"}`;
}

function withoutZeros(time: string): string {
  return time.replace(/\.(\d*?)0+$/, (_, digits) => digits === "" ? "" : `.${digits}`);
}
