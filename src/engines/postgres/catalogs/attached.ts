import { comment, firstOwn, granteeName, optionList, policyDefinition, triggerDefinition } from "./words.ts";
import { quoteText } from "../../../sql/quote.ts";
import { isOwnRelation } from "./own_relations.ts";
import { ownSchemas, shownName } from "./place.ts";

/**
 * A table, an index, a constraint or a column, with one thing that hangs on it and that no revision says: a comment, a
 * tablespace, an option, rights. What has several of them is several rows, and what has none is one with `aspect` NULL.
 */
export interface Attached {
  /** What it is known by as long as it is the same one. */
  readonly id: string;
  /** What its successor is called too: `INDEX public.ix_files_uuid`. */
  readonly name: string;
  /** The `id` of its table. */
  readonly table: string;
  /** How the table tells its rows apart for replication (pg_class.relreplident). */
  readonly identity: "d" | "f" | "n" | "i";
  /** What an index is made of, but for its name and uniqueness; `null` for anything else. */
  readonly definition: string | null;
  /** How an index is kept: `btree`; `null` for anything else. */
  readonly method: string | null;
  /** The names of an index's key columns, and whether it has a condition: `a,b WHERE`; `null` with an expression. */
  readonly columns: string | null;
  /** Which of an index's columns are expressions; `null` for anything else. */
  readonly shape: string | null;
  /** Whether the index can tell rows apart for replication, and whether rows can be ordered by it. */
  readonly identifies: boolean;
  readonly orders: boolean;
  /** `comment`, `option fillfactor`, {@link identityAspect} … */
  readonly aspect: string | null;
  /** The statements that make it so; an index's name belongs between both parts, and `tail` is else `null`. */
  readonly head: string;
  readonly tail: string | null;
  /** The name of a relation as statements have it, with its schema. */
  readonly full: string;
  /** The name of a relation or a constraint as it is, without its schema. */
  readonly bare: string;
  /** The same as the rest of harbor-db knows it, see `nameIn`. */
  readonly shown: string;
}

export const identityAspect = "replica identity";
export const orderAspect = "order of rows";
/** After the name of a tablespace in which the role may not make anything, or of a publication that it may not change. */
export const forbiddenAspect = ", which this role may not use,";

/**
 * Returns the query for all tables, indexes, constraints and columns of a schema, as {@link Attached} has them.
 *
 * @param schema An SQL expression, to stand behind `=`: the oid of the schema
 */
export function attachedQuery(schema: string): string {
  return `WITH ${relations(schema)} SELECT * FROM (${carriers}) AS found ORDER BY rank, name, head`;
}

const hasOption = (list: string) => `EXISTS (SELECT FROM unnest(${list}) AS o WHERE left(o, 3) <> 'pg_')`;

/**
 * Returns the query for whether anything may hang on what is in the run's schemas, `used`, for `inPlace` to write: the server plans
 * {@link attachedQuery} for longer than a revision takes, and mostly there is nothing. It is true, too, for some things that
 * hang elsewhere in the database, but not for what hangs on harbor-db's own tables, which no script replaces.
 */
export const anyAttachedQuery = `SELECT EXISTS (SELECT FROM pg_class c WHERE c.relnamespace = ${ownSchemas}
      AND (c.reltablespace <> 0 OR ${
  hasOption("c.reloptions")
} OR c.relacl IS NOT NULL OR c.relrowsecurity OR c.relforcerowsecurity
        OR c.relowner <> quote_ident(current_user)::regrole OR c.relkind IN ('r', 'p') AND c.relreplident IN ('f', 'n')
        OR EXISTS (SELECT FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
          AND (a.attstattarget >= 0 OR a.attacl IS NOT NULL OR ${hasOption("a.attoptions")})))
      AND NOT ${isOwnRelation})
    OR EXISTS (SELECT FROM pg_class WHERE relkind = 't' AND ${hasOption("reloptions")})
    OR EXISTS (SELECT FROM pg_index WHERE indisreplident OR indisclustered)
    OR EXISTS (SELECT FROM pg_description WHERE objoid >= ${firstOwn}
      AND classoid IN ('pg_class'::regclass, 'pg_constraint'::regclass, 'pg_statistic_ext'::regclass))
    OR EXISTS (SELECT FROM pg_trigger WHERE NOT tgisinternal) OR EXISTS (SELECT FROM pg_policy)
    OR EXISTS (SELECT FROM pg_statistic_ext) OR EXISTS (SELECT FROM pg_publication_rel) AS used`;

/**
 * Returns the query for whether any of the things with these ids, as {@link Attached} has them, is `gone` from the run's schemas,
 * for `inPlace` to write. It costs less than a tenth of reading all again.
 */
export function anyGoneQuery(ids: Iterable<string>): string {
  const own = (relation: string) =>
    `${relation} IN (SELECT oid FROM pg_class WHERE relnamespace = ${ownSchemas} AND relkind IN ('r', 'p', 'i', 'I'))`;
  return `SELECT EXISTS (SELECT FROM unnest(ARRAY[${
    [...ids].map(quoteText).join()
  }]::text[]) AS wanted (id) WHERE id NOT IN (
    SELECT oid::text FROM pg_class WHERE ${own("oid")}
    UNION ALL SELECT concat(attrelid, '.', attnum) FROM pg_attribute WHERE NOT attisdropped AND ${
    own("attrelid")
  }
    UNION ALL SELECT concat('constraint ', oid) FROM pg_constraint WHERE ${own("conrelid")}
    UNION ALL SELECT concat('statistics ', oid) FROM pg_statistic_ext WHERE ${own("stxrelid")})) AS gone`;
}

/** A condition on pg_index `x`: by that index rows can be told apart. */
export const canIdentify = `x.indisunique AND x.indimmediate AND x.indisvalid AND x.indpred IS NULL
    AND x.indexprs IS NULL AND NOT EXISTS (SELECT FROM unnest(x.indkey::int2[]) WITH ORDINALITY AS k (number, n)
      JOIN pg_attribute a ON a.attrelid = x.indrelid AND a.attnum = k.number WHERE k.n <= x.indnkeyatts AND NOT a.attnotnull)`;

function relations(schema: string): string {
  return `relations AS MATERIALIZED (
  SELECT c.*, c.oid::regclass::text AS own, x.indexrelid IS NOT NULL AS is_index,
    CASE WHEN x.indexrelid IS NULL THEN 'TABLE' ELSE 'INDEX' END AS word, t.oid AS home, t.oid::regclass::text AS home_name,
    t.relreplident AS identity, m.amname::text AS method, x.indisreplident, x.indisclustered,
    concat_ws('|', t.oid::regclass, c.relam, (SELECT string_agg(pg_get_indexdef(c.oid, n, true), ',' ORDER BY n)
      FROM generate_series(1, x.indnatts) AS n), pg_get_expr(x.indpred, x.indrelid)) AS definition,
    (SELECT string_agg(a.attname, ',' ORDER BY n) || CASE WHEN x.indpred IS NULL THEN '' ELSE ' WHERE' END
      FROM unnest(x.indkey::int2[]) WITH ORDINALITY AS k (number, n)
      JOIN pg_attribute a ON a.attrelid = x.indrelid AND a.attnum = k.number
      WHERE n <= x.indnkeyatts AND x.indexprs IS NULL) AS columns,
    (SELECT string_agg((number = 0)::text, ',' ORDER BY n) FROM unnest(x.indkey::int2[]) WITH ORDINALITY AS k (number, n)) AS shape,
    coalesce(${canIdentify}, false) AS identifies,
    x.indpred IS NULL AND coalesce(pg_index_has_property(c.oid, 'clusterable'), false) AS orders
  FROM pg_class c LEFT JOIN pg_am m ON m.oid = c.relam LEFT JOIN pg_index x ON x.indexrelid = c.oid
  JOIN pg_class t ON t.oid = coalesce(x.indrelid, c.oid)
  WHERE c.relnamespace = ${schema} AND c.relkind IN ('r', 'p', 'i', 'I') AND t.relkind IN ('r', 'p'))`;
}

/** What hangs on the relation `c`. Who gives a table away may not change it any more: that comes last. */
const ofRelation = `
  SELECT 1 AS rank, 'comment' AS aspect, format('COMMENT ON %s ', c.word) AS head, format(' IS %L', d.description) AS tail
  FROM pg_description d WHERE d.classoid = 'pg_class'::regclass AND d.objoid = c.oid AND d.objsubid = 0
  UNION ALL
  SELECT 1, CASE WHEN has_tablespace_privilege(s.oid, 'CREATE') THEN 'tablespace' ELSE format('tablespace %s${forbiddenAspect}',
    s.spcname) END, format('ALTER %s ', c.word), format(' SET TABLESPACE %I', s.spcname)
  FROM pg_tablespace s WHERE s.oid = c.reltablespace
  UNION ALL
  SELECT 1, 'option ' || split_part(o, '=', 1), format('ALTER %s ', c.word), format(' SET (%s)', ${
  optionList("ARRAY[o]")
})
  FROM unnest(c.reloptions) AS o WHERE left(o, 3) <> 'pg_'
  UNION ALL
  SELECT 1, 'option toast.' || split_part(o, '=', 1), 'ALTER TABLE ', format(' SET (%s)', ${
  optionList("ARRAY[o]", "toast.")
})
  FROM pg_class toast, unnest(toast.reloptions) AS o WHERE toast.oid = c.reltoastrelid AND left(o, 3) <> 'pg_'
  UNION ALL
  SELECT 1, '${identityAspect}', format('ALTER TABLE ONLY %s REPLICA IDENTITY USING INDEX ', c.home_name), ''
  WHERE c.indisreplident
  UNION ALL
  SELECT 1, '${identityAspect}', 'ALTER TABLE ONLY ', CASE c.identity WHEN 'f' THEN ' REPLICA IDENTITY FULL'
    ELSE ' REPLICA IDENTITY NOTHING' END WHERE NOT c.is_index AND c.identity IN ('f', 'n')
  UNION ALL
  SELECT 1, '${orderAspect}', format('ALTER TABLE %s CLUSTER ON ', c.home_name), '' WHERE c.indisclustered
  UNION ALL
  SELECT 1, 'statistics ' || a.attnum, 'ALTER INDEX ', format(' ALTER COLUMN %s SET STATISTICS %s', a.attnum, a.attstattarget)
  FROM pg_attribute a WHERE c.is_index AND a.attrelid = c.oid AND a.attstattarget >= 0
  UNION ALL
  SELECT 1, concat('right ', privilege_type, ' ', grantee), format('GRANT %s ON ', privilege_type), format(' TO %s%s',
    ${granteeName}, CASE WHEN is_grantable THEN ' WITH GRANT OPTION' END)
  FROM aclexplode(c.relacl) WHERE NOT c.is_index AND grantee <> c.relowner
  UNION ALL
  SELECT 1, concat(switch, ' row level security'), 'ALTER TABLE ', format(' %s ROW LEVEL SECURITY', switch)
  FROM (VALUES (c.relrowsecurity, 'ENABLE'), (c.relforcerowsecurity, 'FORCE')) AS policies (hold, switch)
  WHERE NOT c.is_index AND hold
  UNION ALL
  SELECT 1, concat('publication ', p.pubname, CASE WHEN NOT pg_has_role(p.pubowner, 'USAGE') THEN '${forbiddenAspect}' END), format('ALTER PUBLICATION %I ADD TABLE ONLY ', p.pubname), concat(
    (SELECT format(' (%s)', string_agg(quote_ident(a.attname), ', ')) FROM pg_attribute a
      WHERE a.attrelid = c.oid AND a.attnum > 0 AND to_jsonb(r)->'prattrs' @> to_jsonb(a.attnum) HAVING count(*) > 0),
    (SELECT format(' WHERE (%s)', to_jsonb(f)->>'rowfilter') FROM pg_publication_tables f WHERE f.pubname = p.pubname
      AND f.tablename = c.relname AND f.schemaname = (SELECT nspname FROM pg_namespace WHERE oid = c.relnamespace) AND to_jsonb(f)->>'rowfilter' IS NOT NULL LIMIT 1))
  FROM pg_publication_rel r JOIN pg_publication p ON p.oid = r.prpubid WHERE r.prrelid = c.oid
  UNION ALL
  SELECT 2, 'owner', 'ALTER TABLE ', format(' OWNER TO %s', c.relowner::regrole)
  WHERE NOT c.is_index AND c.relowner <> quote_ident(current_user)::regrole`;

const statisticsName = "format('%s.%I', s.stxnamespace::regnamespace, s.stxname)";
/** Before PostgreSQL 13 there is no such column. */
const target = "to_jsonb(s)->>'stxstattarget'";
const statisticsTarget =
  `format('ALTER STATISTICS %s SET STATISTICS ', ${statisticsName}) || CASE WHEN (${target})::int >= 0 THEN ${target} END`;

/** What hangs on column `a` of the table `c`. */
const ofColumn = `
  SELECT 'comment' AS aspect, format('COMMENT ON COLUMN %s.%I IS %L', c.own, a.attname, d.description) AS head
  FROM pg_description d WHERE d.classoid = 'pg_class'::regclass AND d.objoid = c.oid AND d.objsubid = a.attnum
  UNION ALL
  SELECT kind, format('ALTER TABLE ONLY %s ALTER COLUMN %I SET %s', c.own, a.attname, setting)
  FROM (VALUES ('statistics', 'STATISTICS ' || CASE WHEN a.attstattarget >= 0 THEN a.attstattarget END),
    ('options', '(' || ${
  optionList("a.attoptions")
} || ')')) AS settings (kind, setting) WHERE setting IS NOT NULL
  UNION ALL
  SELECT concat('right ', privilege_type, ' ', grantee), format('GRANT %s (%I) ON %s TO %s%s', privilege_type, a.attname,
    c.own, ${granteeName}, CASE WHEN is_grantable THEN ' WITH GRANT OPTION' END)
  FROM aclexplode(a.attacl) WHERE grantee <> c.relowner
  UNION ALL
  SELECT concat('statistics object ', s.stxname), concat(pg_get_statisticsobjdef(s.oid), '; ' || ${statisticsTarget},
    ${comment("pg_statistic_ext", "s.oid", `'STATISTICS ' || ${statisticsName}`)})
  FROM pg_depend u JOIN pg_statistic_ext s ON s.oid = u.objid
  WHERE u.classid = 'pg_statistic_ext'::regclass AND u.refclassid = 'pg_class'::regclass AND u.refobjid = c.oid
    AND u.refobjsubid = a.attnum`;

const carriers = `
  SELECT c.oid::text AS id, concat(c.word, ' ', c.own) AS name, c.home::text AS "table", c.identity,
    CASE WHEN c.is_index THEN c.definition END AS definition, CASE WHEN c.is_index THEN c.method END AS method,
    c.columns, c.shape, c.identifies, c.orders, thing.rank, thing.aspect,
    CASE WHEN c.is_index THEN thing.head ELSE concat(thing.head, c.own, thing.tail) END AS head,
    CASE WHEN c.is_index THEN thing.tail END AS tail, c.own AS "full", c.relname::text AS bare, ${
  shownName("c.relnamespace", "c.relname")
} AS shown
  FROM relations c LEFT JOIN LATERAL (${ofRelation}) AS thing ON true
  UNION ALL
  SELECT c.oid::text, concat('TABLE ', c.own), c.oid::text, c.identity, NULL, NULL, NULL, NULL, false, false, 1, thing.aspect, thing.head,
    NULL, '', '', ''
  FROM relations c, LATERAL (
    SELECT concat('trigger ', t.tgname) AS aspect, ${triggerDefinition} AS head FROM pg_trigger t
    WHERE t.tgrelid = c.oid AND NOT t.tgisinternal
    UNION ALL
    SELECT concat('policy ', p.polname), ${policyDefinition} FROM pg_policy p WHERE p.polrelid = c.oid) AS thing
  UNION ALL
  SELECT concat('constraint ', k.oid), concat('CONSTRAINT ', quote_ident(k.conname), ' ON ', c.own), c.oid::text,
    c.identity, NULL, NULL, NULL, NULL, false, false, 1, CASE WHEN d.objoid IS NOT NULL THEN 'comment' END,
    format('COMMENT ON CONSTRAINT %I ON %s IS %L', k.conname, c.own, d.description), NULL, '', k.conname::text, k.conname::text
  FROM relations c JOIN pg_constraint k ON k.conrelid = c.oid LEFT JOIN pg_description d
    ON d.classoid = 'pg_constraint'::regclass AND d.objoid = k.oid
  UNION ALL
  SELECT concat('statistics ', s.oid), concat('STATISTICS ', ${statisticsName}), c.oid::text, c.identity, NULL, NULL, NULL, NULL,
    false, false, 1, CASE WHEN head IS NOT NULL THEN aspect END, head, NULL, '', '', ''
  FROM relations c JOIN pg_statistic_ext s ON s.stxrelid = c.oid, LATERAL (VALUES ('target', ${statisticsTarget}),
    ('comment', nullif(${
  comment("pg_statistic_ext", "s.oid", `'STATISTICS ' || ${statisticsName}`)
}, ''))) AS thing (aspect, head)
  UNION ALL
  SELECT concat(c.oid, '.', a.attnum), concat('COLUMN ', c.own, '.', quote_ident(a.attname)), c.oid::text, c.identity,
    NULL, NULL, NULL, NULL, false, false, 1, thing.aspect, thing.head, NULL, '', '', ''
  FROM relations c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
    LEFT JOIN LATERAL (${ofColumn}) AS thing ON true
  WHERE NOT c.is_index`;

/** A row of {@link publishedQuery}. */
export interface Published {
  readonly name: string;
  readonly publications: string;
  readonly hasKey: boolean;
}

/**
 * Returns the query for the tables of a schema that are published and whose rows nothing tells apart, so that changes of
 * them fail: their `name`, the `publications`, and whether they have a key (`hasKey`).
 *
 * @param schema An SQL expression: the oid of the schema
 * @param everything Whether also published tables whose rows something tells apart
 */
export function publishedQuery(schema: string, everything: boolean): string {
  return `SELECT ${
    shownName("c.relnamespace", "c.relname")
  } AS name, string_agg(DISTINCT p.pubname, ', ') AS publications, EXISTS (${key}) AS "hasKey"
  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
  JOIN pg_publication_tables t ON t.schemaname = n.nspname AND t.tablename = c.relname
  JOIN pg_publication p ON p.pubname = t.pubname AND (p.pubupdate OR p.pubdelete)
  WHERE c.relnamespace = ${schema} AND (${everything} OR CASE c.relreplident WHEN 'f' THEN false WHEN 'n' THEN true
    WHEN 'd' THEN NOT EXISTS (${key}) ELSE NOT EXISTS (SELECT FROM pg_index x WHERE x.indrelid = c.oid
      AND x.indisreplident AND x.indisvalid) END)
  GROUP BY c.oid, c.relnamespace, c.relname ORDER BY c.relname COLLATE "C"`;
}

const key =
  `SELECT FROM pg_index x WHERE x.indrelid = c.oid AND x.indisprimary AND x.indisvalid AND x.indimmediate`;
