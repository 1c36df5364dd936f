import { quoteText } from "../../../sql/quote.ts";
import { query } from "./session.ts";
import { granteeName as grantee, isNotOfExtension } from "../catalogs/words.ts";
import { schemaList } from "./tables.ts";
import type { Session } from "../session/session.ts";
import { sqlStateOf } from "../session/errors.ts";

/** Who may do what with the relations, routines and types of schemas. */
export interface Rights {
  readonly schemas: readonly string[];
  /** `class/object` of all that was there. */
  readonly known: readonly string[];
  /** Those that are not what the server gives by itself. */
  readonly given: readonly Right[];
}

interface Right {
  /** What says whether the object is there, and is none of {@link Rights.known}. */
  readonly lookup: string;
  /** Whose right it is to give, where that is somebody else; a role's name as SQL has it. */
  readonly role: string | null;
  readonly text: string;
}

/** Reads the rights on the content of schemas, with `search_path` empty. */
export async function readRights(session: Session, schemas: readonly string[]): Promise<Rights> {
  const known = await query<{ key: string }>(session, `WITH ${objects(schemas)} SELECT key FROM objects`);
  return {
    schemas,
    known: known.map(({ key }) => key),
    given: await query<Right>(session, `WITH ${objects(schemas)} ${givenRights}`),
  };
}

/**
 * Gives what is new since {@link readRights} the rights that were read for what had its name, and takes those that default
 * privileges gave on the way. A right on a table or column that is no more is left out.
 */
export async function giveRights(session: Session, { schemas, known, given }: Rights): Promise<void> {
  await resetRights(session, schemas, known);
  const were = new Set(known);
  for (const right of given) {
    const [found] = await query<{ key: string }>(session, `SELECT ${right.lookup} AS key`);
    if (/\d/.test(found!.key) && !were.has(found!.key)) await give(session, right);
  }
}

/**
 * Takes from relations, routines and types what default privileges gave them, and gives what such privileges took: their
 * rights are then those that the server gives by itself.
 *
 * @param known `class/object` of those that stay as they are
 */
export async function resetRights(
  session: Session,
  schemas: readonly string[],
  known: readonly string[] = [],
): Promise<void> {
  const found = await query<Right>(
    session,
    `WITH ${objects(schemas)} ${resets.replace("$known", () => arrayOf(known))}`,
  );
  for (const right of found) await give(session, right);
}

/** As the role whose right it is; where we may not be that one, as ourselves. */
async function give(session: Session, { role, text }: Omit<Right, "lookup">): Promise<void> {
  // insufficient_privilege, invalid_parameter_value: no such role. undefined_column: the tables may be those of an older revision.
  const refused = role !== null &&
    ["42501", "22023"].includes(
      await runUnless(session, [`SET LOCAL ROLE ${role}`, text, "RESET ROLE"], ["42501", "22023", "42703"]) ??
        "",
    );
  if (role === null || refused) await runUnless(session, [text], ["42703"]);
}

/**
 * Runs statements inside a transaction, which stays as it was when one fails in one of these ways (SQLSTATE). The server
 * refuses a text that holds several.
 *
 * @returns In which way it failed; `null` when it did not
 */
export async function runUnless(
  session: Session,
  texts: readonly string[],
  states: readonly string[],
): Promise<string | null> {
  let failed: string | null = null;
  await session.script("SAVEPOINT harbor_attempt");
  try {
    await session.run(texts.map((text) => ({ text, parameters: [] })));
  } catch (error) {
    failed = sqlStateOf(error) ?? "";
    if (!states.includes(failed)) throw error;
    await session.script("ROLLBACK TO SAVEPOINT harbor_attempt");
  }
  await session.script("RELEASE SAVEPOINT harbor_attempt");
  return failed;
}

function arrayOf(texts: readonly string[]): string {
  return `ARRAY[${texts.map(quoteText).join(", ")}]::text[]`;
}

/** A role where it is not ours. */
const unlessOurs = (role: string) =>
  `CASE WHEN ${role} <> quote_ident(current_user)::regrole THEN ${role}::regrole::text END`;

function objects(schemas: readonly string[]): string {
  const lookup = (letter: string, to: string) => `format('concat(''${letter}/'', ${to}(%L)::oid)', name)`;
  const [inSchema, notOf] = [`n.nspname IN (${schemaList(schemas)})`, isNotOfExtension];
  return `objects AS MATERIALIZED (
  SELECT concat('c/', oid) AS key, *, ${lookup("c", "to_regclass")} AS lookup FROM (
    SELECT c.oid, CASE c.relkind WHEN 'S' THEN 'SEQUENCE' ELSE 'TABLE' END AS kind, c.oid::regclass::text AS name,
      c.relowner AS owner, c.relacl AS acl FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE ${inSchema} AND c.relkind IN ('r', 'p', 'v', 'm', 'S', 'f') AND ${
    notOf("pg_class", "c.oid")
  }) AS relations
  UNION ALL SELECT concat('p/', oid), *, ${lookup("p", "to_regprocedure")} FROM (
    SELECT p.oid, 'ROUTINE', p.oid::regprocedure::text AS name, p.proowner, p.proacl
    FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
    WHERE ${inSchema} AND ${notOf("pg_proc", "p.oid")}) AS routines
  UNION ALL SELECT concat('t/', oid), *, ${lookup("t", "to_regtype")} FROM (
    SELECT t.oid, 'TYPE', t.oid::regtype::text AS name, t.typowner, t.typacl
    FROM pg_type t JOIN pg_namespace n ON n.oid = t.typnamespace
    WHERE ${inSchema} AND t.typtype <> 'm' AND ${notOf("pg_type", "t.oid")}) AS types)`;
}

/** Everybody may run a routine and use a type, unless told otherwise. */
const resets = `SELECT ${unlessOurs("owner")} AS role, text FROM objects, LATERAL (
    SELECT 1 AS rank, format('REVOKE ALL ON %s %s FROM %s', kind, name, string_agg(DISTINCT ${grantee}, ', ')) AS text
    FROM aclexplode(acl) HAVING count(*) > 0
    UNION ALL SELECT 2, format('GRANT ALL ON %s %s TO %s', kind, name, owner::regrole)
    UNION ALL SELECT 3, format('GRANT ALL ON %s %s TO PUBLIC', kind, name) WHERE kind IN ('ROUTINE', 'TYPE')) AS reset
  WHERE acl IS NOT NULL AND key <> ALL ($known) ORDER BY oid, rank`;

/** In the order in which they were given: who passes a right on has it already. */
const givenRights = `SELECT lookup, ${unlessOurs("giver")} AS role, text FROM objects, LATERAL (
    SELECT owner AS giver, 1 AS rank, 0 AS place, format('REVOKE ALL ON %s %s FROM %s%s', kind, name, owner::regrole,
      CASE WHEN kind IN ('ROUTINE', 'TYPE') THEN ', PUBLIC' END) AS text WHERE acl IS NOT NULL
    UNION ALL SELECT grantor, 2, min(place), format('GRANT %s ON %s %s TO %s%s', string_agg(privilege_type, ', '), kind, name,
      ${grantee}, CASE WHEN is_grantable THEN ' WITH GRANT OPTION' END)
    FROM aclexplode(acl) WITH ORDINALITY AS one (grantor, grantee, privilege_type, is_grantable, place)
    GROUP BY grantor, grantee, is_grantable
    UNION ALL SELECT grantor, 3, place, format('GRANT %s (%I) ON TABLE %s TO %s%s', privilege_type, attname, name, ${grantee},
      CASE WHEN is_grantable THEN ' WITH GRANT OPTION' END)
    FROM pg_attribute a, aclexplode(a.attacl) WITH ORDINALITY AS one (grantor, grantee, privilege_type, is_grantable, place)
    WHERE kind = 'TABLE' AND a.attrelid = objects.oid) AS given
  ORDER BY oid, rank, place`;
