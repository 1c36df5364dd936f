import { quoteText } from "../../../sql/quote.ts";
import type { OtherObject } from "../../../schema/snapshot.ts";
import { identityName } from "../../backup/identity.ts";
import { readNeeds } from "./needs.ts";
import { query } from "./session.ts";
import { inSchemas, type Schemas } from "./tables.ts";
import { isNotOfExtension } from "../catalogs/words.ts";
import type { Session } from "../session/session.ts";

/**
 * Lists what schemas have and harbor-db's own copies do not: everything but tables and sequences. What belongs to an
 * extension is named by it, where a table needs it.
 */
export async function listUncarried(session: Session, schemas: Schemas): Promise<readonly OtherObject[]> {
  return await query<OtherObject>(session, besideHome(uncarried, schemas));
}

/** Puts the default schema in the place of `$home`, too. */
function besideHome(text: string, schemas: Schemas): string {
  return inSchemas(text, schemas).replaceAll("$home", () => quoteText(schemas[0]));
}

/** Lists what is in the database and in no copy of all that schemas have, be it needed there or about its tables. */
export async function listOutside(session: Session, schemas: Schemas): Promise<readonly OtherObject[]> {
  const needs = (await readNeeds(session, "all", [])).map(({ kind, name, extension }) =>
    extension === null ? { kind, name } : { kind: "extension" as const, name: extension }
  );
  // Every database has that one.
  const named = needs.filter(({ kind, name }) => kind !== "extension" || name !== "plpgsql");
  const distinct = new Map(
    named.map((each) => [`${each.kind} ${each.name}`, { ...each, table: null, sql: null }]),
  );
  const others =
    `SELECT kind, name, "table", NULL AS sql FROM (${publications}) AS found UNION ALL ${policyRoles} UNION ALL ${ofDatabase}`;
  const found = await query<OtherObject>(session, besideHome(others, schemas));
  return [...distinct.values(), ...found];
}

/** What is in no schema: large objects, and what this user may answer for of the rest. */
const ofDatabase = `SELECT 'large objects' AS kind, count(*)::text AS name, NULL AS "table", NULL AS sql
  FROM pg_largeobject_metadata HAVING count(*) > 0
  UNION ALL
  SELECT 'event trigger', v.evtname::text, NULL, NULL FROM pg_event_trigger v
  WHERE pg_has_role(v.evtowner, 'USAGE') AND ${isNotOfExtension("pg_event_trigger", "v.oid")}
  UNION ALL
  SELECT 'server', s.srvname::text, NULL, NULL FROM pg_foreign_server s
  WHERE pg_has_role(s.srvowner, 'USAGE') AND ${isNotOfExtension("pg_foreign_server", "s.oid")}
  UNION ALL
  SELECT 'subscription', s.subname::text, NULL, NULL FROM pg_subscription s JOIN pg_database d ON d.oid = s.subdbid
  WHERE d.datname = current_database() AND pg_has_role(s.subowner, 'USAGE')`;

const relations = "pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace AND n.nspname IN ($schemas)";

/** Returns an expression: what something of the schema `n` is called. */
const nameOf = (name: string) =>
  `CASE n.nspname WHEN $home THEN ${name}::text ELSE concat(n.nspname, '.', ${name}) END`;
const tableName = nameOf("c.relname");

/** A policy for a role cannot be made where there is none. */
const policyRoles =
  `SELECT DISTINCT 'role' AS kind, r.rolname::text AS name, NULL AS "table", NULL AS sql FROM ${relations}
  JOIN pg_policy p ON p.polrelid = c.oid JOIN pg_roles r ON r.oid = ANY (p.polroles)`;

const publications =
  `SELECT DISTINCT 'publication' AS kind, p.pubname::text AS name, ${tableName} AS "table" FROM ${relations}
  JOIN pg_publication_rel r ON r.prrelid = c.oid JOIN pg_publication p ON p.oid = r.prpubid`;

const uncarried = `SELECT kind, name, "table", NULL AS sql FROM (
  SELECT i.type AS kind, CASE WHEN i.name IS NULL THEN regexp_replace(i.identity, '^' || quote_ident($home) || '\\.', '')
    ELSE ${nameOf("i.name")} END AS name, NULL::text AS "table"
  FROM pg_depend d JOIN pg_namespace n ON d.refclassid = 'pg_namespace'::regclass AND d.refobjid = n.oid,
    LATERAL pg_identify_object(d.classid, d.objid, 0) AS i
  WHERE n.nspname IN ($schemas) AND d.deptype = 'n' AND i.type NOT IN ('table', 'sequence', 'extension')
    AND ${isNotOfExtension("d.classid", "d.objid")}
  UNION ALL
  SELECT 'trigger', t.tgname, ${tableName} FROM ${relations} JOIN pg_trigger t ON t.tgrelid = c.oid AND NOT t.tgisinternal
  UNION ALL
  SELECT 'rule', r.rulename, ${tableName} FROM ${relations}
  JOIN pg_rewrite r ON r.ev_class = c.oid AND r.rulename <> '_RETURN'
  UNION ALL
  SELECT 'policy', p.polname, ${tableName} FROM ${relations} JOIN pg_policy p ON p.polrelid = c.oid
  UNION ALL
  SELECT 'grant', format('%s to %s', string_agg(DISTINCT privilege_type, ', ' ORDER BY privilege_type),
    CASE grantee WHEN 0 THEN 'PUBLIC' ELSE pg_get_userbyid(grantee) END), ${tableName}
  FROM ${relations} LEFT JOIN pg_attribute a ON a.attrelid = c.oid AND a.attacl IS NOT NULL,
    LATERAL (SELECT * FROM aclexplode(c.relacl) UNION ALL SELECT * FROM aclexplode(a.attacl)) AS acl
  WHERE grantee <> c.relowner AND c.relname <> ${quoteText(identityName)} AND ${
  isNotOfExtension("pg_class", "c.oid")
}
  GROUP BY c.oid, n.nspname, c.relname, grantee
  UNION ALL
  SELECT 'owner', pg_get_userbyid(c.relowner), ${tableName} FROM ${relations}
  WHERE c.relkind = 'r' AND c.relowner <> quote_ident(current_user)::regrole AND ${
  isNotOfExtension("pg_class", "c.oid")
}
  UNION ALL
  SELECT DISTINCT 'extension', x.extname, NULL FROM ${relations}
  JOIN pg_depend d ON d.classid = 'pg_class'::regclass AND d.objid IN (SELECT c.oid UNION
    SELECT indexrelid FROM pg_index WHERE indrelid = c.oid)
  JOIN pg_depend e ON e.classid = d.refclassid AND e.objid = d.refobjid AND e.deptype = 'e'
  JOIN pg_extension x ON e.refclassid = 'pg_extension'::regclass AND x.oid = e.refobjid WHERE c.relkind = 'r'
  UNION ALL
  ${publications}
) AS found UNION ALL ${ofDatabase}
ORDER BY kind, name, "table"`;
