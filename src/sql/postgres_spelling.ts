import { quoteName } from "./quote.ts";

/** PostgreSQL's other names for types. Source: https://www.postgresql.org/docs/current/datatype.html */
const aliases: Readonly<Record<string, string>> = {
  bigserial: "bigint",
  bool: "boolean",
  char: "character",
  "char varying": "character varying",
  dec: "numeric",
  decimal: "numeric",
  float: "double precision",
  float4: "real",
  float8: "double precision",
  int: "integer",
  int2: "smallint",
  int4: "integer",
  int8: "bigint",
  "national char": "character",
  "national char varying": "character varying",
  "national character": "character",
  "national character varying": "character varying",
  nchar: "character",
  "nchar varying": "character varying",
  serial: "integer",
  serial2: "smallint",
  serial4: "integer",
  serial8: "bigint",
  smallserial: "smallint",
  time: "time without time zone",
  timestamp: "timestamp without time zone",
  timestamptz: "timestamp with time zone",
  timetz: "time with time zone",
  varbit: "bit varying",
  varchar: "character varying",
};

/** The same few types are in every column of every revision. */
const printedTypes = new Map<string, string>();

/** Returns a type as `format_type` prints it: `varchar(36)` as `character varying(36)`, `serial` as `integer`. */
export function postgresType(type: string): string {
  const printed = printedTypes.get(type) ?? printType(type);
  printedTypes.set(type, printed);
  return printed;
}

function printType(type: string): string {
  const written = type.toLowerCase().replaceAll(/\s+/g, " ").trim();
  const [, name = "", length = "", rest = "", array = ""] =
    /^([^([]+?) ?(\([^)]*\))?((?: with(?:out)? time zone)?)((?:\[\d*\])*)$/.exec(written) ?? [];
  if (name === "") return written;
  // Its length is in bits, and says which of the two it is.
  if (name === "float" && length !== "") {
    return printType(`${Number(length.slice(1, -1)) < 25 ? "real" : "float8"}${array}`);
  }
  // Without a length it is one character.
  const size = (aliases[name] ?? name) === "character" && length === "" ? "(1)" : length;
  // A length stands after the first word of `timestamp(3) without time zone`, and after all of `character varying(3)`.
  const full = rest === "" ? aliases[name] ?? name : name + rest;
  const [, head, zone = ""] = /^(.*?)( with(?:out)? time zone)?$/.exec(full)!;
  const said = size.replaceAll(" ", "");
  const shown = head === "numeric" ? said.replace(/^\((\d+)\)$/, "($1,0)") : said;
  return `${head}${shown}${zone}${array === "" ? "" : "[]"}`;
}

/** Says whether a type (as {@link postgresType} gives it) is one of arrays. */
export function isArray(type: string): boolean {
  return type.endsWith("[]");
}

/** Returns the type of what is in an array, however its brackets are written; of any other type that itself. */
export function elementType(type: string): string {
  return type.replace(/(?:\[\d*\])+$/, "");
}

/** Says whether the type is one whose values a sequence makes. */
export function isSerial(type: string): boolean {
  return /^(?:(?:small|big)?serial|serial[248])$/i.test(type.trim());
}

/**
 * Returns a default of a column of `type` (as {@link postgresType} gives it) as `pg_get_expr` prints it, but for the
 * value in a literal, which stays as it was written.
 */
export function postgresDefault(value: string, type: string): string {
  const cast = type.replace(/\([^)]*\)/, "");
  if (/^'(?:[^']|'')*'(?:::jsonb?)?$/.test(value)) return `${value.replace(/::jsonb?$/, "")}::${cast}`;
  return /^-\d/.test(value) ? `'${value}'::${cast}` : value;
}

/** Returns a name as PostgreSQL prints it: in quotes only where it needs them. */
export function postgresName(name: string): string {
  return /^[a-z_][a-z0-9_$]*$/.test(name) ? name : quoteName(name);
}

/** Whether a type is one of PostgreSQL's own that are put into keys, whose operators every path has. */
export function isServersType(type: string): boolean {
  return /^(?:smallint|integer|bigint|real|double precision|numeric|money|boolean|text|character|bytea|date|time|timestamp|interval|uuid|inet|cidr|macaddr8?|bit|oid|jsonb?)\b/
    .test(type);
}
