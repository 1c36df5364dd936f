/**
 * The server's own things have the numbers below:
 * https://github.com/postgres/postgres/blob/master/src/include/access/transam.h (FirstNormalObjectId).
 */
export const firstOwn = 16384;

/** An SQL condition: no extension brought the object, which then belongs to the extension. */
export function isNotOfExtension(
  catalog: "pg_class" | "pg_proc" | "pg_type" | "pg_event_trigger" | "pg_foreign_server" | "d.classid",
  oid: string,
): string {
  const classId = catalog === "d.classid" ? catalog : `'${catalog}'::regclass`;
  return `NOT EXISTS (SELECT FROM pg_depend e WHERE e.classid = ${classId} AND e.objid = ${oid}
    AND e.deptype = 'e')`;
}

/**
 * An SQL expression: the options in a catalog's array as WITH and SET take them, `NULL` for none. What the server notes
 * there for itself is left out, as pg_dump leaves it out: since 15.20 each column has a `pg_attver`, which differs
 * between a table and its copy. Names that begin so are the server's own; no user can set one.
 */
export function optionList(options: string, prefix = ""): string {
  return `(SELECT string_agg(format('${prefix}%I=%L', split_part(o, '=', 1), substr(o, strpos(o, '=') + 1)), ', ' ORDER BY place)
    FROM unnest(${options}) WITH ORDINALITY AS given (o, place) WHERE left(o, 3) <> 'pg_')`;
}

/** An SQL expression: the role that `grantee` of aclexplode means, as GRANT takes it. */
export const granteeName = "CASE grantee WHEN 0 THEN 'PUBLIC' ELSE grantee::regrole::text END";

/** A comment on an object, as a statement that follows its definition. */
export function comment(catalog: string, oid: string, target: string): string {
  return `coalesce((SELECT format('; COMMENT ON %s IS %L', ${target}, description) FROM pg_description
    WHERE classoid = '${catalog}'::regclass AND objoid = ${oid} AND objsubid = 0), '')`;
}

/** An SQL expression: the statements that make the trigger `t`. */
export const triggerDefinition = `concat(pg_get_triggerdef(t.oid),
    CASE t.tgenabled WHEN 'O' THEN NULL ELSE format('; ALTER TABLE %s %s TRIGGER %I', t.tgrelid::regclass,
      CASE t.tgenabled WHEN 'D' THEN 'DISABLE' WHEN 'R' THEN 'ENABLE REPLICA' ELSE 'ENABLE ALWAYS' END, t.tgname) END,
    ${comment("pg_trigger", "t.oid", "format('TRIGGER %I ON %s', t.tgname, t.tgrelid::regclass)")})`;

/** An SQL expression: the statement that makes the policy `p`. */
export const policyDefinition = `concat(
    format('CREATE POLICY %I ON %s AS %s FOR %s TO %s', p.polname, p.polrelid::regclass,
      CASE WHEN p.polpermissive THEN 'PERMISSIVE' ELSE 'RESTRICTIVE' END,
      CASE p.polcmd WHEN 'r' THEN 'SELECT' WHEN 'a' THEN 'INSERT' WHEN 'w' THEN 'UPDATE' WHEN 'd' THEN 'DELETE'
        ELSE 'ALL' END,
      (SELECT string_agg(CASE role WHEN 0 THEN 'PUBLIC' ELSE role::regrole::text END, ', ')
        FROM unnest(p.polroles) AS role)),
    ' USING (' || pg_get_expr(p.polqual, p.polrelid) || ')',
    ' WITH CHECK (' || pg_get_expr(p.polwithcheck, p.polrelid) || ')')`;

/** An SQL expression: the statements that make the event trigger `v`, which calls the function `p` of the schema `n`. */
export const eventTriggerDefinition = `concat(format('CREATE EVENT TRIGGER %I ON %s', v.evtname, v.evtevent),
    ' WHEN TAG IN (' || (SELECT string_agg(quote_literal(tag), ', ') FROM unnest(v.evttags) AS tag) || ')',
    format(' EXECUTE FUNCTION %I.%I()', n.nspname, p.proname),
    CASE v.evtenabled WHEN 'O' THEN NULL ELSE format('; ALTER EVENT TRIGGER %I %s', v.evtname,
      CASE v.evtenabled WHEN 'D' THEN 'DISABLE' WHEN 'R' THEN 'ENABLE REPLICA' ELSE 'ENABLE ALWAYS' END) END,
    format('; ALTER EVENT TRIGGER %I OWNER TO %s', v.evtname, v.evtowner::regrole),
    ${comment("pg_event_trigger", "v.oid", "format('EVENT TRIGGER %I', v.evtname)")})`;
