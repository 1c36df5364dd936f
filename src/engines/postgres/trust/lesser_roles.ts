import { quoteText } from "../../../sql/quote.ts";
import { firstOwn } from "../catalogs/words.ts";
import { homeSchema, inPlace, ownSchemas, type Place } from "../catalogs/place.ts";
import { runPinned } from "../session/search_path.ts";
import type { Session } from "../session/session.ts";

/** Whether there can be something untrusted, see {@link others}. */
export interface Asked {
  /** Whether anything in the database belongs to another role that is no superuser. Mostly not, and then that is all. */
  readonly found: boolean;
  /** Such tables of the schema, as SQL has them. */
  readonly tables: string | null;
}

/** A condition on the role `o`: it is the server's own that stands for the owner of the database, who is trusted. */
const isTrustedOwner =
  `(o.rolname = 'pg_database_owner' AND EXISTS (SELECT FROM pg_database b JOIN pg_roles w ON w.oid = b.datdba
  WHERE b.datname = current_database() AND (w.rolsuper OR pg_has_role(w.oid, current_user, 'MEMBER')
    AND pg_has_role(w.oid, session_user, 'MEMBER'))))`;

/**
 * Whether anything that users made belongs to one of the server's own roles, of which pg_shdepend has no row. A schema alone
 * runs nothing.
 */
const ofServersRoles =
  `EXISTS (SELECT FROM pg_roles o WHERE o.oid < ${firstOwn} AND NOT o.rolsuper AND NOT ${isTrustedOwner} AND (${
    [["class", "rel"], ["proc", "pro"], ["type", "typ"], ["operator", "opr"]].map(([catalog, prefix]) =>
      `EXISTS (SELECT FROM pg_${catalog} x WHERE x.oid >= ${firstOwn} AND x.${prefix}owner = o.oid)`
    ).join(" OR ")
  }))`;

const ofOthers = `EXISTS (SELECT FROM pg_shdepend d JOIN pg_roles o ON o.oid = d.refobjid
      WHERE d.dbid = (SELECT oid FROM pg_database WHERE datname = current_database()) AND d.refclassid = 'pg_authid'::regclass
        AND d.deptype = 'o' AND NOT o.rolsuper AND NOT (o.rolname = current_user AND o.rolname = session_user)) OR ${ofServersRoles}`;

/** Returns the question for `Asked.found` alone: the server takes a fifth less for it. */
export function anyOthers(): string {
  return `SELECT ${ofOthers} AS found`;
}

/** Returns the question that {@link Asked} answers. Who may change no row of a table may not lock it. */
export function others(place: Place): string {
  return inPlace(
    `SELECT ${ofOthers} AS found,
    (SELECT string_agg(c.oid::regclass::text, ', ') FROM pg_class c JOIN pg_roles o ON o.oid = c.relowner
      WHERE c.relnamespace = ${ownSchemas} AND c.relkind IN ('r', 'p') AND NOT o.rolsuper AND o.rolname <> current_user
        AND has_table_privilege(c.oid, 'UPDATE, DELETE, TRUNCATE')) AS tables`,
    place,
  );
}

/** Whether the session has a superuser's rights, or can go back to them. */
export async function isSuperuser(session: Session): Promise<boolean> {
  const text = "SELECT FROM pg_roles WHERE rolname IN (current_user, session_user) AND rolsuper";
  return (await session.run([{ text, parameters: [] }]))[0]?.rows.length !== 0;
}

/** Returns the roles that lack no right which ours has. */
export async function findPeers(session: Session): Promise<readonly string[]> {
  const [result] = await session.run([{ text: peers, parameters: [] }]);
  return (result?.rows ?? []).map((row) => String(row["name"]));
}

/** A role with fewer rights than ours that may write to a table. */
export interface Writer {
  readonly name: string;
  /** `owner`: of the table · `schema`: of the schema, who may put another in its place · `granted`. */
  readonly how: "owner" | "schema" | "granted";
}

/** Returns the lesser roles that may write to a table of the run's schema, or put another in its place. */
export async function findWriters(session: Session, table: string): Promise<readonly Writer[]> {
  const text = inPlace(writers.replaceAll("$table", () => quoteText(table)), session);
  const [result] = await runPinned(session, [{ text, parameters: [] }]);
  return (result?.rows ?? []) as unknown as readonly Writer[];
}

/** A grant that lets roles with fewer rights than ours write to a table. */
export interface Grant {
  /** Of what, as SQL has it: rights on the table, or membership in one of the server's own roles. */
  readonly what: string;
  /** To whom, as SQL has it: a role of which they are members, or `PUBLIC`. */
  readonly to: string;
  /** Whether who got it may have passed it on. */
  readonly isPassedOn: boolean;
}

/** Returns the grants by which lesser roles may write to a table of the run's schema. */
export async function findGrants(session: Session, table: string): Promise<readonly Grant[]> {
  const text = inPlace(grants.replaceAll("$table", () => quoteText(table)), session);
  const [result] = await runPinned(session, [{ text, parameters: [] }]);
  return (result?.rows ?? []) as unknown as readonly Grant[];
}

/**
 * Roles that lack any right which ours has: an attribute, a membership, or what belongs to it or was granted to it. Ours are those
 * of the session, too, where it acts as another role: code that runs there can go back to them.
 */
export const lesser =
  `me AS MATERIALIZED (SELECT * FROM pg_roles WHERE rolname IN (current_user, session_user)), lesser AS MATERIALIZED (
  SELECT DISTINCT o.oid, CASE o.rolname WHEN 'pg_database_owner' THEN (SELECT pg_get_userbyid(b.datdba) FROM pg_database b
    WHERE b.datname = current_database()) ELSE o.rolname END AS rolname FROM pg_roles o, me
  WHERE o.oid <> me.oid AND NOT o.rolsuper AND NOT ${isTrustedOwner} AND NOT pg_has_role(o.oid, me.oid, 'MEMBER') AND (me.rolsuper
    OR (me.rolcreaterole AND NOT o.rolcreaterole) OR (me.rolcreatedb AND NOT o.rolcreatedb)
    OR (me.rolreplication AND NOT o.rolreplication) OR (me.rolbypassrls AND NOT o.rolbypassrls)
    OR EXISTS (SELECT FROM pg_shdepend d WHERE d.refclassid = 'pg_authid'::regclass AND d.refobjid = me.oid)
    OR EXISTS (SELECT FROM pg_roles r WHERE r.oid <> me.oid AND pg_has_role(me.oid, r.oid, 'MEMBER')
      AND NOT pg_has_role(o.oid, r.oid, 'MEMBER'))))`;

// The server's own roles stand for nobody: who is a member of one is found by himself.
const writers = `WITH ${lesser}
SELECT l.rolname::text AS name, CASE WHEN pg_has_role(l.oid, c.relowner, 'MEMBER') THEN 'owner'
  WHEN pg_has_role(l.oid, n.nspowner, 'MEMBER') THEN 'schema' ELSE 'granted' END AS how
FROM lesser l, pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.relnamespace = ${homeSchema} AND c.relname = $table AND l.oid >= ${firstOwn}
  AND (pg_has_role(l.oid, c.relowner, 'MEMBER') OR pg_has_role(l.oid, n.nspowner, 'MEMBER')
    OR has_table_privilege(l.oid, c.oid, 'INSERT, UPDATE, DELETE, TRUNCATE, TRIGGER')
    OR has_any_column_privilege(l.oid, c.oid, 'INSERT, UPDATE')
    OR pg_has_role(l.oid, 'pg_write_all_data', 'MEMBER')
    OR EXISTS (SELECT FROM aclexplode(c.relacl) a WHERE a.privilege_type IN ('INSERT', 'UPDATE', 'DELETE', 'TRUNCATE', 'TRIGGER')
      AND a.grantee <> 0 AND pg_has_role(l.oid, a.grantee, 'MEMBER')))
ORDER BY 2, 1`;

// Rights on all columns go with those on the table.
const grants = `WITH ${lesser}, ours AS (SELECT c.oid, c.relowner, c.relacl, n.nspname, c.relname
  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.relnamespace = ${homeSchema} AND c.relname = $table),
given AS (SELECT a.grantee, a.is_grantable, a.privilege_type FROM ours c, aclexplode(c.relacl) a WHERE a.grantee <> c.relowner
  UNION ALL SELECT a.grantee, a.is_grantable, a.privilege_type FROM ours c JOIN pg_attribute p ON p.attrelid = c.oid, aclexplode(p.attacl) a
    WHERE a.grantee <> c.relowner),
found AS (SELECT g.grantee, g.is_grantable, (SELECT format('INSERT, UPDATE, DELETE, TRUNCATE, TRIGGER ON %I.%I', nspname, relname) FROM ours) AS what
  FROM given g WHERE g.privilege_type IN ('INSERT', 'UPDATE', 'DELETE', 'TRUNCATE', 'TRIGGER')
  UNION ALL SELECT m.member, FALSE, 'pg_write_all_data' FROM pg_auth_members m WHERE m.roleid = 'pg_write_all_data'::regrole)
SELECT what, CASE grantee WHEN 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(grantee)) END AS "to", bool_or(is_grantable) AS "isPassedOn"
FROM found f WHERE EXISTS (SELECT FROM lesser l WHERE l.oid >= ${firstOwn} AND (f.grantee = 0 OR pg_has_role(l.oid, f.grantee, 'MEMBER')))
GROUP BY 1, 2 ORDER BY 1, 2`;

const peers = `WITH ${lesser}
SELECT rolname::text AS name FROM pg_roles WHERE oid NOT IN (SELECT oid FROM lesser)`;
