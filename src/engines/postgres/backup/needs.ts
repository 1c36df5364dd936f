import { quoteName, quoteText } from "../../../sql/quote.ts";
import type { OtherObject } from "../../../schema/snapshot.ts";
import type { Session } from "../session/session.ts";
import { inventoryOf, quotedNames } from "./replace.ts";
import { findSchemas, inSchemas, schemaList } from "./tables.ts";
import { query } from "./session.ts";
import { isNotOfExtension } from "../catalogs/words.ts";

/** What of a schema is in a copy. `tables` is restored to where what the tables need is still there. */
export type Held = "all" | "tables";

/** Something that can be made in another database by one script. */
export interface Makeable {
  /** Of an extension its name, of anything else its identity: `public.total(integer)`. */
  readonly name: string;
  readonly text: string;
}

/** What the definitions of a copy need, and it does not hold. */
export interface Need {
  /** `type` */
  readonly kind: OtherObject["kind"];
  /** `public.mood` */
  readonly name: string;
  /** The extension that has it; `null` for anything else. */
  readonly extension: string | null;
}

/** Returns what of the schemas a copy of its tables may need, and is made by one statement: enum types and functions. */
export async function listMakeable(session: Session): Promise<readonly Makeable[]> {
  const { schema } = session;
  if (schema === null) return [];
  const schemas = await findSchemas(session, schema);
  const identity = (catalog: string, oid: string) =>
    `(pg_identify_object('${catalog}'::regclass, ${oid}, 0)).identity AS name`;
  const inSchema = (column: string) =>
    `${column} IN (SELECT oid FROM pg_namespace WHERE nspname IN (${schemaList(schemas)}))`;
  return [
    ...schemas.map((name) => ({ name, text: `CREATE SCHEMA IF NOT EXISTS ${quoteName(name)}` })),
    ...await query<Makeable>(
      session,
      `SELECT ${identity("pg_type", "t.oid")}, format('CREATE TYPE %s AS ENUM (%s)', t.oid::regtype,
        (SELECT string_agg(quote_literal(enumlabel), ', ' ORDER BY enumsortorder) FROM pg_enum
          WHERE enumtypid = t.oid)) AS text
      FROM pg_type t WHERE ${inSchema("t.typnamespace")} AND t.typtype = 'e' AND ${
        isNotOfExtension("pg_type", "t.oid")
      }`,
    ),
    ...await query<Makeable>(
      session,
      `SELECT ${identity("pg_proc", "p.oid")}, pg_get_functiondef(p.oid) AS text FROM pg_proc p
      WHERE ${inSchema("p.pronamespace")} AND p.prokind IN ('f', 'p') AND ${
        isNotOfExtension("pg_proc", "p.oid")
      }`,
    ),
  ];
}

/**
 * The objects of the schemas and their parts. Those of others need not be read: there are many, and before PostgreSQL 14
 * one that goes meanwhile is an error.
 */
const own = `own AS (
  SELECT classid, objid FROM pg_depend WHERE refclassid = 'pg_namespace'::regclass
    AND refobjid IN (SELECT oid FROM pg_namespace WHERE nspname IN ($schemas))
  UNION
  SELECT d.classid, d.objid FROM own JOIN pg_depend d ON d.refclassid = own.classid AND d.refobjid = own.objid
  WHERE d.deptype IN ('a', 'i', 'P', 'S')), depends AS MATERIALIZED (
  SELECT * FROM pg_depend WHERE (classid, objid) IN (SELECT classid, objid FROM own))`;

/** Parts of tables, which every copy holds. */
const heldAlways = "^(table|sequence|index|default value)";

/**
 * Returns what the definitions in a copy need that is outside of it.
 *
 * @param made What was made beside it, by its identity
 */
export async function readNeeds(
  session: Session,
  holds: Held,
  made: readonly string[],
): Promise<readonly Need[]> {
  const { schema, named } = session;
  if (schema === null) return [];
  const schemas = [schema, ...named];
  const isAsked = holds === "all" ? "true" : `o.type ~ '${heldAlways}'`;
  const isHeld = `coalesce(r.inside, i.schema IN (${quotedNames(schemas)}), false) AND ${
    holds === "all"
      ? "true"
      : `(i.type ~ '${heldAlways}' OR i.identity IN (${["", ...made].map(quoteText).join(", ")}))`
  }`;
  return await query<Need>(
    session,
    inSchemas(
      `WITH RECURSIVE ${own}, known AS (${inventoryOf("depends", schemas)})
    SELECT DISTINCT i.type AS kind, coalesce(i.identity, i.type) AS name, x.extname AS extension
    FROM known o JOIN depends d ON o.key = concat_ws('/', d.classid, d.objid, d.objsubid)
      CROSS JOIN LATERAL pg_identify_object(d.refclassid, d.refobjid, 0) AS i
      LEFT JOIN known r ON r.key = concat_ws('/', d.refclassid, d.refobjid, 0)
      LEFT JOIN pg_depend e ON e.classid = d.refclassid AND e.objid = d.refobjid AND e.deptype = 'e'
      LEFT JOIN pg_extension x ON x.oid = CASE d.refclassid WHEN 'pg_extension'::regclass THEN d.refobjid
        ELSE e.refobjid END
    WHERE o.inside AND ${isAsked} AND d.classid <> 0 AND d.deptype <> 'e' AND i.type <> 'schema'
      AND coalesce(i.schema, '') NOT IN ('pg_catalog', 'information_schema', 'pg_toast') AND NOT (x.oid IS NULL AND ${isHeld})
      AND NOT EXISTS (SELECT FROM pg_depend m WHERE m.classid = d.classid AND m.objid = d.objid AND m.deptype = 'e')
    ORDER BY 1, 2`,
      schemas,
    ),
  );
}
