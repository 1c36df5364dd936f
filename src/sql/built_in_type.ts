/**
 * Says whether PostgreSQL itself has a type, as `format_type` writes it. Any other (an enum, a domain, a composite type, one
 * of an extension, an array of one of these) may be dropped by the very script whose data is kept.
 */
export function isBuiltIn(type: string): boolean {
  return form.test(type);
}

const names = [
  "smallint|integer|bigint|real|double precision|numeric|money|boolean|oid",
  "text|character(?: varying)?|bpchar|name|uuid|bytea|bit(?: varying)?|jsonb?|jsonpath|xml",
  "date|time|timestamp|interval",
  "inet|cidr|macaddr8?|tsvector|tsquery|pg_lsn",
  "point|line|lseg|box|path|polygon|circle",
  "(?:int4|int8|num|ts|tstz|date)(?:multi)?range",
];
const form = new RegExp(
  String.raw`^(?:${names.join("|")})(?: [a-z ]+)?(?:\([\d,-]+\))?(?: with(?:out)? time zone)?(?:\[\])*$`,
);
