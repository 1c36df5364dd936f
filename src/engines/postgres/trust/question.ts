import { ownTableNames } from "../../../sql/own/tables.ts";
import { readToolTables } from "../../../sql/own/tool_tables.ts";
import { quoteText } from "../../../sql/quote.ts";
import { ownSchemas } from "../catalogs/place.ts";
import { codeIn } from "./code_in.ts";
import { lesser } from "./lesser_roles.ts";

/** Who reads a table reads what inherits from it too, whatever schema that is in. */
const ours = "c.oid = ANY (ARRAY(SELECT oid FROM heirs))";
const touched = "c.oid = ANY (ARRAY(SELECT oid FROM touched))";
const ofLesser = `${ours} AND c.relowner IN (SELECT oid FROM lesser)`;

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

/** Everything of lesser roles that could run, and when. `$schemas` stands for those on the path. */
export const question = `WITH RECURSIVE ${lesser}, ${heirs}, ${touchedTables}, ${fillers}, ${tainted}, ${uses}
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
    AND c.relname IN (${[...ownTableNames, ...readToolTables].map(quoteText).join(", ")})
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
