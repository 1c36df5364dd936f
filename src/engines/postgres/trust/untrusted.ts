import type { Result, Session } from "../session/session.ts";
import { pinnedPath, runPinned, schemasOf, setPath } from "../session/search_path.ts";
import type { Statement } from "../session/statement.ts";
import { firstOwn } from "../catalogs/words.ts";
import { homeSchema, inPlace, ownSchemas, type Place } from "../catalogs/place.ts";
import { quoteText } from "../../../sql/quote.ts";
import { ownTableNames } from "../../../sql/own/tables.ts";

/** Something of a role with fewer rights than ours, whose code would run with ours. */
export interface Untrusted {
  /** `trigger`, `function`, `operator`, `index` … */
  readonly kind: string;
  readonly name: string;
  readonly owner: string;
  /**
   * When it would run: `look` whenever a table is read, because the planner works out conditions of indexes; `change` when
   * rows or definitions change; `load` when a copy of the tables is filled; `call` when a statement names it; `any` that
   * nothing says when, for a superuser alone: see {@link net}.
   */
  readonly runs: "look" | "change" | "load" | "call" | "any";
}

/** Whether there can be something untrusted, see {@link others}. */
export interface Asked {
  /** Whether anything in the database belongs to another role that is no superuser. Mostly not, and then that is all. */
  readonly found: boolean;
  /** Such tables of the schema, as SQL has them. */
  readonly tables: string | null;
}

/**
 * Returns everything of lesser roles that could run. Reads catalogs only, in a transaction of its own.
 *
 * @param turn Runs its argument when the session is free
 */
export async function findUntrusted(
  session: Session,
  turn: Session["shared"] = (work) => work(),
): Promise<readonly Untrusted[]> {
  const ask = async (text: string) => {
    const frame = [plain("BEGIN READ ONLY"), setPath(pinnedPath), noCompiling];
    return (await turn(() => session.run([...frame, plain(text), plain("COMMIT")])))[frame.length]?.rows;
  };
  return (await ask(others(session)))?.[0]?.["found"] === true ? untrustedIn(await ask(all(session))) : [];
}

/** The same in a transaction of the caller's, whose statements of before it sees. */
export async function findUntrustedWithin(session: Session): Promise<readonly Untrusted[]> {
  return untrustedIn((await session.run([noCompiling, plain(all(session))])).at(-1)?.rows);
}

/** In a large schema the server would compile so long a query for longer than it runs: a minute instead of three seconds. */
const noCompiling: Statement = plain("SET LOCAL jit = off");

function all(session: Session): string {
  const schemas = schemasOf(session).map(quoteText).join(", ");
  return inPlace(question.replaceAll("$schemas", () => schemas), session);
}

function untrustedIn(rows: Result["rows"] = []): readonly Untrusted[] {
  return rows as unknown as readonly Untrusted[];
}

function plain(text: string): Statement {
  return { text, parameters: [] };
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

/** Returns the question that {@link Asked} answers. Who may change no row of a table may not lock it. */
export function others(place: Place): string {
  return inPlace(
    `SELECT EXISTS (SELECT FROM pg_shdepend d JOIN pg_roles o ON o.oid = d.refobjid
      WHERE d.dbid = (SELECT oid FROM pg_database WHERE datname = current_database()) AND d.refclassid = 'pg_authid'::regclass
        AND d.deptype = 'o' AND NOT o.rolsuper AND NOT (o.rolname = current_user AND o.rolname = session_user)) OR ${ofServersRoles} AS found,
    (SELECT string_agg(c.oid::regclass::text, ', ') FROM pg_class c JOIN pg_roles o ON o.oid = c.relowner
      WHERE c.relnamespace = ${ownSchemas} AND c.relkind IN ('r', 'p') AND NOT o.rolsuper AND o.rolname <> current_user
        AND has_table_privilege(c.oid, 'UPDATE, DELETE, TRUNCATE')) AS tables`,
    place,
  );
}

/** Returns all functions and operators of lesser roles, whatever schema they are in. */
export async function findFunctions(
  session: Session,
): Promise<readonly (Untrusted & { readonly schema: string })[]> {
  const [result] = await session.run([{ text: functions, parameters: [] }]);
  return (result?.rows ?? []) as never;
}

/** Returns the statements that give what calls by name run to the lesser roles that have it here. */
export async function listOwnings(session: Session): Promise<readonly string[]> {
  const [result] = await session.run([plain(ownings)]);
  return (result?.rows ?? []).map((row) => String(row["text"]));
}

/** Whether the session has a superuser's rights, or can go back to them. */
export async function isSuperuser(session: Session): Promise<boolean> {
  const text = "SELECT FROM pg_roles WHERE rolname IN (current_user, session_user) AND rolsuper";
  return (await session.run([plain(text)]))[0]?.rows.length !== 0;
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
function codeIn(tree: string, owner: string): string {
  return `coalesce((SELECT CASE WHEN p.proowner IN (SELECT oid FROM lesser) THEN p.proowner WHEN ${reaches} AND ${owner} IN (SELECT oid FROM lesser)
    THEN ${owner} END AS whose FROM regexp_matches(${tree}::text, ':(funcid|opfuncid|opno|aggfnoid|winfnoid) ([0-9]+)', 'g') AS m
    JOIN pg_proc p ON p.oid = CASE m[1] WHEN 'opno' THEN (SELECT o.oprcode::oid FROM pg_operator o WHERE o.oid = m[2]::oid)
      ELSE m[2]::oid END ORDER BY whose LIMIT 1),
    (SELECT t.typowner FROM regexp_matches(${tree}::text, ':typid ([0-9]+)', 'g') AS m JOIN pg_type t ON t.oid = m[1]::oid
    WHERE t.typtype <> 'e' AND t.typowner IN (SELECT oid FROM lesser) LIMIT 1))`;
}

/** Who reads a table reads what inherits from it too, whatever schema that is in. */
const ours = "c.oid = ANY (ARRAY(SELECT oid FROM heirs))";
const touched = "c.oid = ANY (ARRAY(SELECT oid FROM touched))";
const ofLesser = `${ours} AND c.relowner IN (SELECT oid FROM lesser)`;

/**
 * Roles that lack any right which ours has: an attribute, a membership, or what belongs to it or was granted to it. Ours are those
 * of the session, too, where it acts as another role: code that runs there can go back to them.
 */
const lesser =
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

const functions = `WITH ${lesser}
SELECT 'function' AS kind, p.proname::text AS name, lesser.rolname::text AS owner, 'load' AS runs, n.nspname::text AS schema
FROM pg_proc p JOIN lesser ON lesser.oid = p.proowner JOIN pg_namespace n ON n.oid = p.pronamespace
UNION ALL SELECT 'operator', o.oprname::text, lesser.rolname::text, 'load', n.nspname::text
FROM pg_operator o JOIN lesser ON lesser.oid = o.oprowner JOIN pg_namespace n ON n.oid = o.oprnamespace`;

// Whom something is given needs the right to make things in its schema. Who lacks it in the database has it for that moment.
const ownings = `WITH ${lesser}
SELECT concat(format('GRANT CREATE ON SCHEMA %I TO %I; ', n.nspname, l.rolname), format(found.change, l.rolname),
  CASE WHEN NOT has_schema_privilege(l.oid, n.oid, 'CREATE')
    THEN format('; REVOKE CREATE ON SCHEMA %I FROM %I', n.nspname, l.rolname) END) AS text
FROM (
  SELECT concat('ALTER ROUTINE ', replace(p.oid::regprocedure::text, '%', '%%'), ' OWNER TO %I') AS change, p.pronamespace AS schema,
    p.proowner AS owner FROM pg_proc p
  UNION ALL SELECT concat('ALTER OPERATOR ', replace(o.oid::regoperator::text, '%', '%%'), ' OWNER TO %I'), o.oprnamespace,
    o.oprowner FROM pg_operator o
  UNION ALL SELECT concat('ALTER VIEW ', replace(c.oid::regclass::text, '%', '%%'), ' OWNER TO %I'), c.relnamespace, c.relowner
  FROM pg_class c WHERE c.relkind = 'v'
) AS found JOIN lesser l ON l.oid = found.owner JOIN pg_namespace n ON n.oid = found.schema`;

const peers = `WITH ${lesser}
SELECT rolname::text AS name FROM pg_roles WHERE oid NOT IN (SELECT oid FROM lesser)`;

/** The relations of the schemas, and what inherits from them. */
const heirs = `heirs AS (SELECT oid FROM pg_class WHERE relnamespace = ${ownSchemas}
  UNION SELECT i.inhrelid FROM heirs JOIN pg_inherits i ON i.inhparent = heirs.oid)`;

/**
 * Those, and what foreign keys lead to when rows of theirs go or change. There only triggers run with our rights: a foreign key
 * acts with those of the table's owner.
 */
const touchedTables = `touched AS (SELECT oid FROM heirs
  UNION SELECT leads.oid FROM touched JOIN (SELECT inhparent AS parent, inhrelid AS oid FROM pg_inherits
    UNION ALL SELECT confrelid, conrelid FROM pg_constraint WHERE contype = 'f') AS leads ON leads.parent = touched.oid)`;

/** The rules that fill a materialized view: its own, and those of the views that it is over. */
const fillers = `fillers AS (SELECT c.oid AS filled, r.oid AS rule
  FROM pg_class c JOIN pg_rewrite r ON r.ev_class = c.oid WHERE c.relkind = 'm' AND ${ours}
  UNION SELECT fillers.filled, r.oid FROM fillers
  JOIN pg_depend d ON d.classid = 'pg_rewrite'::regclass AND d.objid = fillers.rule AND d.refclassid = 'pg_class'::regclass
  JOIN pg_class v ON v.oid = d.refobjid AND v.relkind = 'v' JOIN pg_rewrite r ON r.ev_class = v.oid AND r.rulename = '_RETURN')`;

/** Types that run a lesser role's code wherever one of their values is made. */
const tainted = `tainted AS MATERIALIZED (SELECT DISTINCT r.* FROM (
  SELECT t.oid AS type, t.typnamespace AS schema, 'check of domain' AS kind, t.typname::text AS name,
    ${
  codeIn("k.conbin", "t.typowner")
} AS owner, 'look' AS runs FROM pg_type t JOIN pg_constraint k ON k.contypid = t.oid
  UNION ALL
  SELECT t.oid, t.typnamespace, 'default of domain', t.typname::text, ${
  codeIn("t.typdefaultbin", "t.typowner")
}, 'change'
  FROM pg_type t WHERE t.typtype = 'd' AND t.typdefaultbin IS NOT NULL
  UNION ALL
  SELECT ends.type, NULL, 'cast from', format_type(s.castsource, NULL), p.proowner, 'look' FROM pg_cast s
  JOIN pg_proc p ON p.oid = s.castfunc CROSS JOIN LATERAL (VALUES (s.castsource), (s.casttarget)) AS ends (type)
  UNION ALL
  SELECT r.rngtypid, NULL, 'difference of range', format_type(r.rngtypid, NULL), p.proowner, 'load'
  FROM pg_range r JOIN pg_proc p ON p.oid = r.rngsubdiff
) AS r WHERE r.owner IN (SELECT oid FROM lesser))`;

/**
 * The types that such a one is in: domains, arrays, ranges, rows, those whose check makes one; and the relations whose columns,
 * or expressions on which, have one of them. Upwards, since there are mostly none. On PostgreSQL's own types nothing depends.
 */
const uses = `carriers AS (SELECT type AS root, type FROM tainted
  UNION SELECT carriers.root, over.type FROM carriers
  JOIN pg_depend d ON d.refclassid = 'pg_type'::regclass AND d.refobjid = carriers.type
  CROSS JOIN LATERAL (SELECT CASE d.classid WHEN 'pg_type'::regclass THEN d.objid
    WHEN 'pg_class'::regclass THEN (SELECT c.reltype FROM pg_class c WHERE c.oid = d.objid AND d.objsubid > 0)
    WHEN 'pg_constraint'::regclass THEN (SELECT k.contypid FROM pg_constraint k WHERE k.oid = d.objid) END AS type) AS over
  WHERE over.type <> 0),
uses AS (SELECT carriers.root, CASE d.classid
    WHEN 'pg_class'::regclass THEN coalesce((SELECT x.indrelid FROM pg_index x WHERE x.indexrelid = d.objid),
      (SELECT c.oid FROM pg_class c WHERE c.oid = d.objid AND c.relkind <> 'v'))
    WHEN 'pg_constraint'::regclass THEN (SELECT k.conrelid FROM pg_constraint k WHERE k.oid = d.objid)
    WHEN 'pg_attrdef'::regclass THEN (SELECT a.adrelid FROM pg_attrdef a WHERE a.oid = d.objid)
    WHEN 'pg_statistic_ext'::regclass THEN (SELECT s.stxrelid FROM pg_statistic_ext s WHERE s.oid = d.objid)
    WHEN 'pg_trigger'::regclass THEN (SELECT t.tgrelid FROM pg_trigger t WHERE t.oid = d.objid)
    WHEN 'pg_rewrite'::regclass THEN coalesce((SELECT f.filled FROM fillers f WHERE f.rule = d.objid LIMIT 1),
      (SELECT c.oid FROM pg_rewrite r JOIN pg_class c ON c.oid = r.ev_class WHERE r.oid = d.objid AND c.relkind <> 'v')) END AS relation
  FROM carriers JOIN pg_depend d ON d.refclassid = 'pg_type'::regclass AND d.refobjid = carriers.type)`;

/**
 * What of lesser roles a superuser may come to run by a way that nothing above follows: texts that are put together, bodies of
 * functions, numbers of types. Of extensions, too, since who owns one may add his own functions to it.
 */
const net = `SELECT net.kind, net.name, net.owner, 'any' FROM (
  SELECT 'function' AS kind, p.oid::regprocedure::text AS name, p.proowner AS owner FROM pg_proc p
  WHERE p.proowner IN (SELECT oid FROM lesser)
  UNION ALL SELECT 'operator', o.oid::regoperator::text, o.oprowner FROM pg_operator o
  UNION ALL SELECT kind, name, owner FROM tainted
  UNION ALL SELECT 'foreign table', c.oid::regclass::text,
    CASE WHEN c.relowner IN (SELECT oid FROM lesser) THEN c.relowner ELSE s.srvowner END
  FROM pg_class c JOIN pg_foreign_table f ON f.ftrelid = c.oid JOIN pg_foreign_server s ON s.oid = f.ftserver
  UNION ALL SELECT CASE r.rulename WHEN '_RETURN' THEN 'view' ELSE 'rule on' END, c.oid::regclass::text, ${
  codeIn("r.ev_action", "c.relowner")
}
  FROM pg_class c JOIN pg_rewrite r ON r.ev_class = c.oid WHERE c.relowner IN (SELECT oid FROM lesser)
) AS net WHERE EXISTS (SELECT FROM me WHERE me.rolsuper)`;

const question = `WITH RECURSIVE ${lesser}, ${heirs}, ${touchedTables}, ${fillers}, ${tainted}, ${uses}
SELECT found.kind, found.name, lesser.rolname::text AS owner, found.runs FROM (
  SELECT 'index' AS kind, i.relname::text AS name, ${
  codeIn("concat(x.indexprs, x.indpred)", "c.relowner")
} AS owner,
    'look' AS runs
  FROM pg_class c JOIN pg_index x ON x.indrelid = c.oid JOIN pg_class i ON i.oid = x.indexrelid WHERE ${ours}
  UNION ALL
  SELECT 'statistics', s.stxname::text, ${codeIn("to_jsonb(s)->>'stxexprs'", "c.relowner")}, 'look'
  FROM pg_class c JOIN pg_statistic_ext s ON s.stxrelid = c.oid WHERE ${ours}
  UNION ALL
  SELECT 'check constraint', k.conname::text, ${codeIn("k.conbin", "c.relowner")}, 'look'
  FROM pg_class c JOIN pg_constraint k ON k.conrelid = c.oid WHERE ${ours} AND k.contype = 'c'
  UNION ALL
  SELECT t.kind, t.name, t.owner, t.runs FROM tainted t WHERE t.schema = ${ownSchemas}
    OR EXISTS (SELECT FROM uses JOIN pg_class c ON c.oid = uses.relation WHERE uses.root = t.type AND ${ours})
  UNION ALL
  SELECT 'foreign table', c.relname::text, CASE WHEN c.relowner IN (SELECT oid FROM lesser) THEN c.relowner ELSE s.srvowner END, 'look'
  FROM pg_class c JOIN pg_foreign_table f ON f.ftrelid = c.oid
  JOIN pg_foreign_server s ON s.oid = f.ftserver WHERE ${ours}
  UNION ALL
  SELECT 'event trigger', e.evtname::text, p.proowner, 'change' FROM pg_event_trigger e JOIN pg_proc p ON p.oid = e.evtfoid
  WHERE e.evtenabled <> 'D'
  UNION ALL
  SELECT CASE c.relkind WHEN 'v' THEN 'view' ELSE 'relation' END, c.relname::text, c.relowner, 'look' FROM pg_class c
  WHERE ${ofLesser} AND c.relkind NOT IN ('r', 'p')
    AND c.relname IN (${
  [...ownTableNames, "alembic_version", "__drizzle_migrations"].map(quoteText).join(", ")
})
  UNION ALL
  SELECT 'partitioning of', c.relname::text, ${codeIn("t.partexprs", "c.relowner")}, 'look'
  FROM pg_class c JOIN pg_partitioned_table t ON t.partrelid = c.oid WHERE ${ours}
  UNION ALL
  SELECT CASE a.attgenerated WHEN '' THEN 'default of' ELSE 'generated column' END, concat(c.relname, '.', a.attname),
    ${
  codeIn("d.adbin", "c.relowner")
}, CASE a.attgenerated WHEN '' THEN 'change' ELSE 'load' END FROM pg_class c
  JOIN pg_attrdef d ON d.adrelid = c.oid JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = d.adnum WHERE ${ours}
  UNION ALL
  SELECT 'trigger', t.tgname::text, p.proowner, 'change' FROM pg_class c JOIN pg_trigger t ON t.tgrelid = c.oid
  JOIN pg_proc p ON p.oid = t.tgfoid
  WHERE ${touched} AND NOT t.tgisinternal AND t.tgenabled <> 'D' AND p.proowner IN (SELECT oid FROM lesser)
  UNION ALL
  SELECT 'trigger', t.tgname::text, ${codeIn("t.tgqual", "c.relowner")}, 'change'
  FROM pg_class c JOIN pg_trigger t ON t.tgrelid = c.oid WHERE ${touched} AND NOT t.tgisinternal AND t.tgenabled <> 'D'
  UNION ALL
  SELECT DISTINCT 'materialized view', m.relname::text, ${codeIn("r.ev_action", "v.relowner")}, 'load'
  FROM fillers JOIN pg_class m ON m.oid = fillers.filled JOIN pg_rewrite r ON r.oid = fillers.rule JOIN pg_class v ON v.oid = r.ev_class
  UNION ALL
  SELECT 'rule', r.rulename::text, c.relowner, 'change' FROM pg_class c JOIN pg_rewrite r ON r.ev_class = c.oid
  WHERE ${ofLesser} AND r.rulename <> '_RETURN' AND c.relkind IN ('r', 'p')
  UNION ALL
  SELECT 'function', p.oid::regprocedure::text, p.proowner, 'change' FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
  WHERE n.nspname IN ($schemas) AND p.proowner IN (SELECT oid FROM lesser) AND EXISTS (SELECT FROM pg_proc b
    WHERE b.pronamespace = 'pg_catalog'::regnamespace AND b.proname = p.proname)
  UNION ALL
  SELECT 'operator', o.oid::regoperator::text, o.oprowner, 'change' FROM pg_operator o JOIN pg_namespace n ON n.oid = o.oprnamespace
  JOIN pg_proc p ON p.oid = o.oprcode
  WHERE n.nspname IN ($schemas) AND p.proowner IN (SELECT oid FROM lesser) AND EXISTS (SELECT FROM pg_operator b
    WHERE b.oprnamespace = 'pg_catalog'::regnamespace AND b.oprname = o.oprname)
  UNION ALL
  SELECT 'function', p.proname::text, p.proowner, 'call' FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
  WHERE n.nspname IN ($schemas) AND p.proowner IN (SELECT oid FROM lesser)
  UNION ALL
  SELECT 'view', c.relname::text, c.relowner, 'call' FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
  WHERE n.nspname IN ($schemas) AND c.relowner IN (SELECT oid FROM lesser) AND c.relkind = 'v'
  UNION ALL
  ${net}
) AS found JOIN lesser ON lesser.oid = found.owner ORDER BY found.runs = 'any', found.runs, found.kind, found.name`;
