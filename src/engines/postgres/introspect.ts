import { HarborError } from "../../base/errors.ts";
import { isNotOfExtension } from "./catalogs/words.ts";
import { readJson } from "./session/errors.ts";
import { quoteText } from "../../sql/quote.ts";
import { toolTables } from "../../sql/own/tool_tables.ts";
import type {
  Column,
  ForeignKey,
  Index,
  IndexComparing,
  OtherObject,
  Snapshot,
  Table,
  Unique,
} from "../../schema/snapshot.ts";
import type { Result, Session } from "./session/session.ts";
import { setPath, turnToOurs } from "./session/search_path.ts";
import { isOwnRelation } from "./catalogs/own_relations.ts";
import { homeSchema, inPlace, ownSchemas, type Place, shownName } from "./catalogs/place.ts";
import type { Statement } from "./session/statement.ts";

/** What of a schema is read. */
export interface Look {
  /** See `Database.introspect`. */
  readonly only?: readonly string[] | undefined;
  /** Whether there may be anything but tables. */
  readonly others: boolean;
}

/**
 * The statements that read a schema from the catalogs for one transaction; {@link readSnapshot} takes their results.
 *
 * Lists come as JSON in text, one row a table, because a round trip costs more than what it brings. A cursor's own names
 * are looked up when it is declared; how the server spells the definitions that it finds depends on the path when it is
 * fetched from, and users know the spelling on theirs.
 */
export function introspection(
  { path, ...place }: Place & Pick<Session, "path">,
  { only, others: hasOthers }: Look = { others: true },
): readonly Statement[] {
  const plain = (text: string): Statement => ({ text: inPlace(text, place), parameters: [] });
  return [
    turnToOurs,
    plain(settings),
    plain(`DECLARE harbor_tables NO SCROLL CURSOR FOR ${tablesOf(only)}`),
    plain(`DECLARE harbor_others NO SCROLL CURSOR FOR ${hasOthers ? others : nothing}`),
    ...place.named.length === 0 ? [] : [plain(`DECLARE harbor_mixed NO SCROLL CURSOR FOR ${mixed}`)],
    setPath(path),
    ...place.named.length === 0 ? [] : [plain("FETCH ALL FROM harbor_mixed")],
    plain("FETCH ALL FROM harbor_tables"),
    plain("FETCH ALL FROM harbor_others"),
  ];
}

/** Puts together what {@link introspection} brought of those schemas; nothing is an empty one. */
export function readSnapshot(results: readonly Result[], schemas: readonly string[]): Snapshot {
  const [tableRows, otherRows] = results.slice(-2);
  const name = schemas.length === 0 ? undefined : results.at(-3)?.rows[0]?.["name"];
  if (name !== undefined) {
    throw new HarborError("schema_mismatch", `Cannot read "${name}"`, {
      state: "it is in the default schema, and its name reads like that of a thing in another schema",
      hint: "Give it another name.",
      details: { name },
    });
  }
  return {
    dialect: "postgresql",
    ...schemas.length === 0 ? {} : { schemas },
    tables: (tableRows?.rows ?? []).map((row) => readTable(row["definition"])),
    others: (otherRows?.rows ?? []).map((row) => {
      const { holds, fires, ...other } = row;
      return {
        ...other as unknown as OtherObject,
        ...holds === null ? {} : { holds: readJson<readonly string[]>(holds) },
        ...fires === null ? {} : { fires: fires as "D" | "R" | "A" },
      };
    }),
  };
}

function readTable(definition: unknown): Table {
  const { heirs, ...table } = readJson<
    Omit<Table, "columns" | "foreignKeys" | "uniques" | "indexes" | "heirs"> & {
      readonly foreignKeys: readonly (Omit<ForeignKey, "operators"> & {
        readonly operators: readonly string[] | null;
      })[];
      readonly indexes: readonly FoundIndex[];
      readonly heirs: readonly string[] | null;
      readonly uniques: readonly (Omit<Unique, "nullsAlike"> & { readonly nullsAlike: boolean | null })[];
      readonly columns: readonly (
        & Omit<Column, "values" | "numbered">
        & { readonly values: readonly string[] | null; readonly numbered: Column["numbered"] | null }
      )[];
    }
  >(definition);
  const columns = table.columns.map(({ values, numbered, ...column }): Column => ({
    ...column,
    ...numbered === null || numbered === undefined ? {} : { numbered },
    ...values === null ? {} : { values },
  }));
  const uniques = table.uniques.map(({ nullsAlike, ...unique }): Unique =>
    nullsAlike === true ? { ...unique, nullsAlike } : unique
  );
  return {
    ...table,
    columns,
    foreignKeys: table.foreignKeys.map(({ operators, ...key }) =>
      operators === null ? key : { ...key, operators }
    ),
    uniques,
    indexes: table.indexes.map(readIndex),
    ...heirs === null ? {} : { heirs },
  };
}

type FoundIndex = Omit<Index, "columns" | "method" | "comparing"> & {
  readonly columns: readonly (IndexComparing & { readonly column: string })[];
  readonly method: string;
};

function readIndex({ columns, method, ...index }: FoundIndex): Index {
  const comparing = columns.map(({ column: _, ...rest }): IndexComparing => rest);
  return {
    ...index,
    columns: columns.map(({ column }) => column),
    ...method === "btree" ? {} : { method },
    ...comparing.every((each) => Object.keys(each).length === 0) ? {} : { comparing },
  };
}

/** For as long as the transaction, the settings on which the spelling of expressions depends. */
const settings = `SELECT set_config('TimeZone', 'UTC', true), set_config('DateStyle', 'ISO, MDY', true),
  set_config('IntervalStyle', 'postgres', true), set_config('extra_float_digits', '1', true),
  set_config('quote_all_identifiers', 'off', true)`;

/** A condition on the relation `c`: neither harbor-db's nor another tool's version table. */
const isOfSchema = `NOT ${isOwnRelation} AND c.relname NOT IN (${
  toolTables.postgresql.map(quoteText).join(", ")
})`;

/** Whether a trigger or function is called to the letter as those that note changes: anybody's may begin with `harbor_`. */
function isOfNotes(name: string): string {
  return `(${name} ~ '^harbor_ahead_[0-9]{1,9}_noted(_all)?$')`;
}

const tableName = shownName("c.relnamespace", "c.relname");
const indexName = shownName("i.relnamespace", "i.relname");

/** The names of a table's columns by their numbers in an array, in its order. */
function columnNames(table: string, numbers: string): string {
  return `(SELECT json_agg(a.attname ORDER BY u.n) FROM unnest(${numbers}) WITH ORDINALITY AS u (number, n)
    JOIN pg_attribute a ON a.attrelid = ${table} AND a.attnum = u.number)`;
}

/** A JSON list of one kind of constraints (pg_constraint.contype) of the table `c`, in the order of their names. */
function constraints(kind: string, fields: string): string {
  return `(SELECT coalesce(json_agg(json_build_object('name', k.conname, ${fields}) ORDER BY k.conname), '[]')
    FROM pg_constraint k WHERE k.conrelid = c.oid AND k.contype = '${kind}')`;
}

function actionWords(code: string): string {
  return `CASE ${code} WHEN 'c' THEN 'cascade' WHEN 'n' THEN 'set null' WHEN 'd' THEN 'set default'
    WHEN 'r' THEN 'restrict' ELSE 'no action' END`;
}

/** A condition on column `a` with default `d`: it takes its value from a sequence of its own, as serial makes it. */
const isSerial = `EXISTS (SELECT FROM pg_depend uses JOIN pg_depend owned ON owned.objid = uses.refobjid
    AND owned.classid = 'pg_class'::regclass AND owned.refclassid = 'pg_class'::regclass
    AND owned.refobjid = a.attrelid AND owned.refobjsubid = a.attnum AND owned.deptype = 'a'
  WHERE uses.classid = 'pg_attrdef'::regclass AND uses.objid = d.oid AND uses.refclassid = 'pg_class'::regclass)`;

/** The type of column `a`, which has its schema also where the path finds it without. */
const typeName =
  `concat((SELECT concat(quote_ident(n.nspname), '.') FROM pg_type t JOIN pg_namespace n ON n.oid = t.typnamespace
    WHERE t.oid = a.atttypid AND n.nspname IN ('\0named') AND pg_type_is_visible(t.oid)), format_type(a.atttypid, a.atttypmod))`;

const columns = `(SELECT coalesce(json_agg(json_build_object(
    'name', a.attname,
    'type', ${typeName},
    'notNull', a.attnotnull,
    'default', CASE
      WHEN a.attgenerated <> '' THEN format('GENERATED ALWAYS AS (%s) %s', pg_get_expr(d.adbin, d.adrelid),
        CASE a.attgenerated WHEN 's' THEN 'STORED' ELSE 'VIRTUAL' END)
      WHEN NOT ${isSerial} THEN pg_get_expr(d.adbin, d.adrelid) END,
    'identity', a.attidentity <> '' OR ${isSerial},
    'numbered', CASE a.attidentity WHEN 'a' THEN 'always' WHEN 'd' THEN 'by default' END,
    'values', (SELECT json_agg(l.enumlabel ORDER BY l.enumsortorder) FROM pg_enum l WHERE l.enumtypid = a.atttypid)
  ) ORDER BY a.attnum), '[]')
  FROM pg_attribute a LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
  WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped)`;

/** A partition has the key of the whole, and is no heir. */
const heirs = `CASE WHEN c.relhassubclass AND c.relkind = 'r' THEN (
    SELECT json_agg(${shownName("h.relnamespace", "h.relname")} ORDER BY h.relname COLLATE "C")
    FROM pg_inherits i JOIN pg_class h ON h.oid = i.inhrelid WHERE i.inhparent = c.oid) END`;

const foreignKeys = constraints(
  "f",
  `'columns', ${columnNames("k.conrelid", "k.conkey")},
  'table', (SELECT CASE WHEN r.relnamespace = ${homeSchema} THEN ${shownName("r.relnamespace", "r.relname")}
      ELSE concat(n.nspname, '.', r.relname) END
    FROM pg_class r JOIN pg_namespace n ON n.oid = r.relnamespace WHERE r.oid = k.confrelid),
  'references', ${columnNames("k.confrelid", "k.confkey")},
  'onDelete', ${actionWords("k.confdeltype")}, 'onUpdate', ${
    actionWords("k.confupdtype")
  }, 'operators', (SELECT CASE WHEN bool_or(n.nspname <> 'pg_catalog') THEN
      json_agg(format('%I.%s', n.nspname, o.oprname) ORDER BY u.n) END
    FROM unnest(k.conpfeqop) WITH ORDINALITY AS u (id, n) JOIN pg_operator o ON o.oid = u.id
    JOIN pg_namespace n ON n.oid = o.oprnamespace), 'valid', k.convalidated`,
);

/** Whether NULLs are the same to the unique constraint `k`; servers before 15 have no such column. */
const nullsAlike =
  `(SELECT to_json(x) ->> 'indnullsnotdistinct' = 'true' FROM pg_index x WHERE x.indexrelid = k.conindid)`;

/** What is not the rule in the order of column `k` of index `x`: NULLs come last, and first in a descending one. */
const indexOrder =
  `CASE x.indoption[k.n - 1]::int & 3 WHEN 1 THEN ' DESC NULLS LAST' WHEN 2 THEN ' NULLS FIRST'
        WHEN 3 THEN ' DESC' ELSE '' END`;

/**
 * The collation of column `k` of index `x`, where it is not that of the column `a`, or of an expression. What of that an index's
 * definition says, is said behind the expression, whose own collation no catalog has.
 */
const indexCollation = `(SELECT l.collname FROM pg_collation l WHERE l.oid = x.indcollation[k.n - 1] AND CASE
      WHEN a.attnum IS NOT NULL THEN l.oid <> a.attcollation
      ELSE strpos(pg_get_indexdef(x.indexrelid), concat(pg_get_indexdef(x.indexrelid, k.n::int, false), ' COLLATE ')) > 0 END)`;

/** Classes of before there was one for both types; they compare as the rule is. */
const isUsualClass = "(o.opcdefault OR o.opcname IN ('varchar_ops', 'cidr_ops'))";

// pg_get_indexdef quotes names, so it spells expressions only.
const indexes = `(SELECT coalesce(json_agg(json_build_object(
    'name', ${indexName},
    'columns', (SELECT json_agg(json_strip_nulls(json_build_object(
        'column', concat(coalesce(a.attname::text, pg_get_indexdef(x.indexrelid, k.n::int, true)), ${indexOrder}),
        'collation', ${indexCollation},
        'operatorClass', CASE WHEN NOT ${isUsualClass} THEN o.opcname END,
        'usualClass', CASE WHEN ${isUsualClass} AND m.amname <> 'btree' THEN o.opcname END)) ORDER BY k.n)
      FROM unnest(x.indkey::int2[]) WITH ORDINALITY AS k (number, n)
      JOIN pg_opclass o ON o.oid = x.indclass[k.n - 1]
      LEFT JOIN pg_attribute a ON a.attrelid = x.indrelid AND a.attnum = k.number AND k.number <> 0
      WHERE k.n <= x.indnkeyatts),
    'method', m.amname,
    'unique', x.indisunique,
    'where', pg_get_expr(x.indpred, x.indrelid, true),
    'valid', x.indisvalid
  ) ORDER BY i.relname), '[]')
  FROM pg_index x JOIN pg_class i ON i.oid = x.indexrelid JOIN pg_am m ON m.oid = i.relam
  WHERE x.indrelid = c.oid AND NOT EXISTS (
    SELECT FROM pg_constraint k WHERE k.conindid = x.indexrelid AND k.conrelid = c.oid AND k.contype IN ('p', 'u')))`;

/** @param only Their names; all when it is left out */
function tablesOf(only: readonly string[] | undefined): string {
  return `SELECT json_build_object('name', ${tableName}, 'columns', ${columns}, 'heirs', ${heirs}, ${parts}) AS definition ${ourTables}${
    only === undefined ? "" : ` AND ${tableName} IN (${only.map(quoteText).join(", ")})`
  } ORDER BY ${tableName} COLLATE "C"`;
}

const nothing = "SELECT WHERE FALSE";

/** What is in the default schema and called as {@link shownName} calls things in the others. */
const mixed = `SELECT found.name FROM (
    SELECT relname::text AS name FROM pg_class WHERE relnamespace = ${homeSchema}
    UNION ALL SELECT typname::text FROM pg_type WHERE typnamespace = ${homeSchema}
    UNION ALL SELECT proname::text FROM pg_proc WHERE pronamespace = ${homeSchema}
  ) AS found, pg_namespace n
  WHERE n.nspname IN ('\0named') AND left(found.name, length(n.nspname) + 1) = concat(n.nspname, '.')
  ORDER BY 1 LIMIT 1`;

const parts = `'primaryKey', coalesce((SELECT ${columnNames("k.conrelid", "k.conkey")} FROM pg_constraint k
      WHERE k.conrelid = c.oid AND k.contype = 'p'), '[]'),
    'foreignKeys', ${foreignKeys},
    'indexes', ${indexes},
    'uniques', ${
  constraints("u", `'columns', ${columnNames("k.conrelid", "k.conkey")}, 'nullsAlike', ${nullsAlike}`)
},
    'checks', ${
  constraints("c", "'expression', pg_get_expr(k.conbin, k.conrelid, true), 'valid', k.convalidated")
}`;

const ourTables = `FROM pg_class c
WHERE c.relnamespace = ${ownSchemas} AND c.relkind IN ('r', 'p') AND ${isOfSchema}
  AND ${isNotOfExtension("pg_class", "c.oid")}`;

/** The columns of our tables that an object depends on, as a JSON list of `table.column`; NULL without any. */
function heldColumns(catalog: string, objects: string): string {
  return `(SELECT json_agg(DISTINCT concat(${
    shownName("held.relnamespace", "held.relname")
  }, '.', part.attname))::text
    FROM pg_depend hold JOIN pg_class held ON held.oid = hold.refobjid AND held.relnamespace = ${ownSchemas}
    JOIN pg_attribute part ON part.attrelid = held.oid AND part.attnum = hold.refobjsubid AND part.attnum > 0
    WHERE hold.classid = '${catalog}'::regclass AND hold.objid IN (${objects})
      AND hold.refclassid = 'pg_class'::regclass AND held.relkind IN ('r', 'p'))`;
}

const heldByView = heldColumns("pg_rewrite", "SELECT w.oid FROM pg_rewrite w WHERE w.ev_class = c.oid");

/** Each condition of policy `p` on a line of its own, in words of CREATE POLICY; one that does not hold says so. */
const policyText = `concat(CASE WHEN NOT c.relrowsecurity THEN 'DISABLED ' END,
    CASE WHEN p.polpermissive THEN 'AS PERMISSIVE' ELSE 'AS RESTRICTIVE' END, ' FOR ', CASE p.polcmd WHEN 'r' THEN 'SELECT'
      WHEN 'a' THEN 'INSERT' WHEN 'w' THEN 'UPDATE' WHEN 'd' THEN 'DELETE' ELSE 'ALL' END, ' TO ',
    (SELECT string_agg(w.name, ', ' ORDER BY w.name COLLATE "C") FROM (
      SELECT CASE u.role WHEN 0 THEN 'public' ELSE pg_get_userbyid(u.role)::text END AS name
      FROM unnest(p.polroles) AS u (role)) AS w),
    E'\\nUSING ' || regexp_replace(pg_get_expr(p.polqual, p.polrelid, true), '\\s+', ' ', 'g'),
    E'\\nWITH CHECK ' || regexp_replace(pg_get_expr(p.polwithcheck, p.polrelid, true), '\\s+', ' ', 'g'))`;

const others = `SELECT * FROM (
  SELECT CASE c.relkind WHEN 'v' THEN 'view' WHEN 'm' THEN 'materialized view' WHEN 'S' THEN 'sequence'
      ELSE 'table' END AS kind,
    ${tableName} AS name, NULL::text AS "table",
    CASE WHEN c.relkind IN ('v', 'm') THEN pg_get_viewdef(c.oid, true) ELSE (
      SELECT format('INCREMENT BY %s MINVALUE %s MAXVALUE %s START WITH %s CACHE %s', q.seqincrement, q.seqmin, q.seqmax,
        q.seqstart, q.seqcache) || CASE WHEN q.seqcycle THEN ' CYCLE' ELSE '' END
      FROM pg_sequence q WHERE q.seqrelid = c.oid) END AS sql,
    CASE WHEN c.relkind IN ('v', 'm') THEN ${heldByView} END AS holds, NULL::text AS fires
  FROM pg_class c
  WHERE c.relnamespace = ${ownSchemas} AND c.relkind IN ('v', 'm', 'S', 'f') AND ${isOfSchema}
    AND ${isNotOfExtension("pg_class", "c.oid")}
    AND NOT EXISTS (SELECT FROM pg_depend o WHERE c.relkind = 'S' AND o.classid = 'pg_class'::regclass
      AND o.objid = c.oid AND o.refclassid = 'pg_class'::regclass AND o.refobjsubid > 0 AND o.deptype IN ('a', 'i'))
  UNION ALL
  SELECT CASE c.relkind WHEN 'v' THEN 'view' ELSE 'materialized view' END, concat(n.nspname, '.', c.relname), NULL,
    pg_get_viewdef(c.oid, true), ${heldByView}, NULL
  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
  WHERE NOT c.relnamespace = ${ownSchemas} AND c.relkind IN ('v', 'm') AND ${heldByView} IS NOT NULL
  UNION ALL
  SELECT 'trigger', t.tgname, ${tableName}, pg_get_triggerdef(t.oid, true), ${
  heldColumns("pg_trigger", "t.oid")
},
    nullif(t.tgenabled, 'O')::text
  FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid
  WHERE c.relnamespace = ${ownSchemas} AND NOT t.tgisinternal AND ${isOfSchema}
    AND NOT (${
  isOfNotes("t.tgname")
} AND t.tgfoid IN (SELECT p.oid FROM pg_proc p JOIN pg_class n ON n.relname = p.proname
      AND n.relnamespace = p.pronamespace WHERE p.pronamespace = ${homeSchema} AND ${isOfNotes("p.proname")}))
  UNION ALL
  SELECT 'policy', p.polname, ${tableName}, ${policyText}, ${heldColumns("pg_policy", "p.oid")}, NULL
  FROM pg_policy p JOIN pg_class c ON c.oid = p.polrelid
  WHERE c.relnamespace = ${ownSchemas} AND ${isOfSchema}
  UNION ALL
  SELECT 'function', ${shownName("p.pronamespace", "p.proname")}, NULL,
    CASE WHEN p.prokind <> 'a' THEN pg_get_functiondef(p.oid) END, NULL, NULL
  FROM pg_proc p
  WHERE p.pronamespace = ${ownSchemas} AND NOT ${isOfNotes("p.proname")} AND ${
  isNotOfExtension("pg_proc", "p.oid")
}
  UNION ALL
  SELECT 'type', ${shownName("t.typnamespace", "t.typname")}, NULL, CASE t.typtype
    WHEN 'e' THEN (SELECT format('ENUM (%s)', string_agg(quote_literal(l.enumlabel), ', ' ORDER BY l.enumsortorder))
      FROM pg_enum l WHERE l.enumtypid = t.oid)
    WHEN 'd' THEN concat(format_type(t.typbasetype, t.typtypmod), CASE WHEN t.typnotnull THEN ' NOT NULL' END,
      (SELECT string_agg(' ' || pg_get_constraintdef(k.oid, true), '' ORDER BY k.conname) FROM pg_constraint k
        WHERE k.contypid = t.oid AND k.contype = 'c')) END, NULL, NULL
  FROM pg_type t LEFT JOIN pg_class c ON c.oid = t.typrelid
  WHERE t.typnamespace = ${ownSchemas} AND (t.typtype IN ('e', 'd', 'r') OR c.relkind = 'c')
    AND ${isNotOfExtension("pg_type", "t.oid")}
) AS found
ORDER BY kind COLLATE "C", name COLLATE "C", "table" COLLATE "C", sql COLLATE "C"`;
