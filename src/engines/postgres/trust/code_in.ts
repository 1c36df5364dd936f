import { quoteText } from "../../../sql/quote.ts";

/** Functions of PostgreSQL's own, and of the extensions that come with it, that change something, and that defaults use all the same. */
const harmless = [
  "nextval",
  "now",
  "clock_timestamp",
  "random",
  "gen_random_uuid",
  "uuidv4",
  "uuidv7",
  "timeofday",
  "currval",
  "lastval",
  "uuid_generate_v1",
  "uuid_generate_v1mc",
  "uuid_generate_v4",
  "gen_random_bytes",
  "gen_salt",
];

/**
 * A condition on the function `p`: it is one of PostgreSQL's own, or an extension's (`dblink_exec`), that reaches out of its row, or
 * makes a value of whatever type a number or a text names (`domain_in`, `pg_input_is_valid`), of which no dependency is kept.
 */
const reaches =
  `((p.pronamespace = 'pg_catalog'::regnamespace OR p.prolang IN (SELECT oid FROM pg_language WHERE lanname = 'c'))
    AND (p.provolatile = 'v' AND p.proname NOT IN (${
    harmless.map(quoteText).join(", ")
  }) OR p.proname LIKE '%to\\_xml%' OR p.proname LIKE 'pg\\_input\\_%'
      OR p.proargtypes[0] IN ('cstring'::regtype, 'internal'::regtype) AND p.proargtypes[1] = 'oid'::regtype))`;

/**
 * Whose code an expression runs, as the catalogs keep it, that belongs to the role `owner`: a lesser role's function may
 * become another one at any time, and a lesser role's expression may call what reaches out. So may a type that JSON_VALUE and
 * the like return, of which PostgreSQL keeps no dependency. NULL for nobody's.
 */
export function codeIn(tree: string, owner: string): string {
  return `coalesce((SELECT CASE WHEN p.proowner IN (SELECT oid FROM lesser) THEN p.proowner WHEN ${reaches} AND ${owner} IN (SELECT oid FROM lesser)
    THEN ${owner} END AS whose FROM regexp_matches(${tree}::text, ':(funcid|opfuncid|opno|aggfnoid|winfnoid) ([0-9]+)', 'g') AS m
    JOIN pg_proc p ON p.oid = CASE m[1] WHEN 'opno' THEN (SELECT o.oprcode::oid FROM pg_operator o WHERE o.oid = m[2]::oid)
      ELSE m[2]::oid END ORDER BY whose LIMIT 1),
    (SELECT t.typowner FROM regexp_matches(${tree}::text, ':typid ([0-9]+)', 'g') AS m JOIN pg_type t ON t.oid = m[1]::oid
    WHERE t.typtype <> 'e' AND t.typowner IN (SELECT oid FROM lesser) LIMIT 1))`;
}
