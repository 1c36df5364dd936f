import { HarborError } from "../../../base/errors.ts";
import { quoteText } from "../../../sql/quote.ts";
import { query } from "./session.ts";
import { clusterMark, inSchemas, type Schemas, storageOptions } from "./tables.ts";
import { isNotOfExtension, optionList } from "../catalogs/words.ts";
import type { Session } from "../session/session.ts";

/** The statements that make the tables and sequences of schemas, but not the schemas. Names in them are qualified. */
export interface Definitions {
  /** Sequences and bare tables, to be run before rows come in. */
  readonly before: readonly string[];
  /** How far the sequences have come. */
  readonly values: readonly string[];
  /** Keys, indexes, checks and what else is faster or only possible with the rows in place. */
  readonly after: readonly string[];
}

/**
 * Reads the definitions of the tables and sequences of schemas from the catalogs, inside a transaction of
 * `inTransaction`.
 *
 * @throws {HarborError} `backup_failed` for tables whose rows cannot be carried: no copy may leave out rows
 */
export async function readDefinitions(session: Session, schemas: Schemas): Promise<Definitions> {
  const read = async (text: string) => {
    const rows = await query<{ text: string }>(session, inSchemas(text, schemas));
    return rows.map((row) => row.text);
  };
  refuseTrees(await read(trees));
  const before = [...await read(sequences), ...await read(tables)];
  const after = [
    ...await read(ownedSequences),
    ...await read(columnSettings),
    ...await read(constraints("p", "u", "x")),
    ...await read(indexes),
    ...await read(constraints("c", "n")),
    ...await read(constraints("f")),
    ...await read(replicaIdentities),
    ...await read(clusterMarks),
    ...await read(comments),
  ];
  return { before, values: await readSequenceValues(session, schemas), after };
}

/** Reads the statements that bring the sequences of schemas to where they are, inside a transaction of `inTransaction`. */
export async function readSequenceValues(session: Session, schemas: Schemas): Promise<readonly string[]> {
  const names = await query<{ text: string }>(session, inSchemas(sequenceNames, schemas));
  const values: string[] = [];
  for (const { text: name } of names) {
    const [row] = await query<{ text: string }>(
      session,
      `SELECT format('SELECT pg_catalog.setval(%L, %s, %L)', ${
        quoteText(name)
      }, last_value, is_called) AS text
      FROM ${name}`,
    );
    if (row !== undefined) values.push(row.text);
  }
  return values;
}

function refuseTrees(names: readonly string[]): void {
  const [first] = names;
  if (first === undefined) return;
  throw new HarborError(
    "backup_failed",
    `Cannot copy "${first}": harbor-db's own engine does not carry tables ` +
      "with partitions or inherited columns",
    {
      hint: "Install PostgreSQL's client programs, and: harbor-db backup --backup-engine pg_dump",
      details: { tables: names },
    },
  );
}

/** A condition: the relation `c` is of the schemas and no extension's. */
const ofSchema = `n.nspname IN ($schemas) AND ${isNotOfExtension("pg_class", "c.oid")}`;
const relations = "pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace";

const trees =
  `SELECT concat(n.nspname, '.', c.relname) AS text FROM ${relations} WHERE ${ofSchema} AND (c.relkind = 'p'
    OR (c.relkind = 'r' AND EXISTS (SELECT FROM pg_inherits i WHERE c.oid IN (i.inhrelid, i.inhparent))))
  ORDER BY n.nspname COLLATE "C", c.relname COLLATE "C"`;

/** The options of the sequence `s`, whose relation is `c`. */
const sequenceOptions =
  `format('START WITH %s INCREMENT BY %s MINVALUE %s MAXVALUE %s CACHE %s %s', s.seqstart,
    s.seqincrement, s.seqmin, s.seqmax, s.seqcache, CASE WHEN s.seqcycle THEN 'CYCLE' ELSE 'NO CYCLE' END)`;

/** The column that the sequence `c` belongs to: as type `a` by OWNED BY (serial), as `i` by its identity. */
function owner(types: string): string {
  return `pg_depend o ON o.classid = 'pg_class'::regclass AND o.objid = c.oid AND o.objsubid = 0
    AND o.refclassid = 'pg_class'::regclass AND o.refobjsubid > 0 AND o.deptype IN (${types})`;
}

const sequenceNames = `SELECT c.oid::regclass::text AS text FROM ${relations}
  WHERE ${ofSchema} AND c.relkind = 'S' ORDER BY n.nspname COLLATE "C", c.relname COLLATE "C"`;

const sequences =
  `SELECT format('CREATE SEQUENCE %s AS %s %s', c.oid::regclass, format_type(s.seqtypid, NULL),
    ${sequenceOptions}) AS text
  FROM ${relations} JOIN pg_sequence s ON s.seqrelid = c.oid LEFT JOIN ${owner("'i'")}
  WHERE ${ofSchema} AND o.objid IS NULL ORDER BY n.nspname COLLATE "C", c.relname COLLATE "C"`;

const ownedSequences =
  `SELECT format('ALTER SEQUENCE %s OWNED BY %s.%I', c.oid::regclass, o.refobjid::regclass, a.attname) AS text
  FROM ${relations} JOIN ${
    owner("'a'")
  } JOIN pg_attribute a ON a.attrelid = o.refobjid AND a.attnum = o.refobjsubid
  WHERE ${ofSchema} AND c.relkind = 'S' ORDER BY n.nspname COLLATE "C", c.relname COLLATE "C"`;

/** One column `a` of type `t` with default `d`, as CREATE TABLE takes it. */
const column = `concat_ws(' ', quote_ident(a.attname), format_type(a.atttypid, a.atttypmod),
    (SELECT format('COLLATE %I.%I', cn.nspname, co.collname) FROM pg_collation co
      JOIN pg_namespace cn ON cn.oid = co.collnamespace WHERE co.oid = a.attcollation AND a.attcollation <> t.typcollation),
    CASE
      WHEN a.attgenerated <> '' THEN format('GENERATED ALWAYS AS (%s) %s', pg_get_expr(d.adbin, d.adrelid),
        CASE a.attgenerated WHEN 's' THEN 'STORED' ELSE 'VIRTUAL' END)
      WHEN a.attidentity <> '' THEN (SELECT format('GENERATED %s AS IDENTITY (SEQUENCE NAME %s %s)',
          CASE a.attidentity WHEN 'a' THEN 'ALWAYS' ELSE 'BY DEFAULT' END, s.seqrelid::regclass, ${sequenceOptions})
        FROM pg_depend o JOIN pg_sequence s ON s.seqrelid = o.objid
        WHERE o.classid = 'pg_class'::regclass AND o.refclassid = 'pg_class'::regclass AND o.refobjid = a.attrelid
          AND o.refobjsubid = a.attnum AND o.deptype = 'i')
      WHEN d.oid IS NOT NULL THEN 'DEFAULT ' || pg_get_expr(d.adbin, d.adrelid) END,
    CASE WHEN a.attnotnull AND NOT EXISTS (SELECT FROM pg_constraint k WHERE k.conrelid = a.attrelid
        AND k.contype = 'n' AND k.conkey = ARRAY[a.attnum] AND NOT k.convalidated)
      THEN coalesce((SELECT format('CONSTRAINT %I ', k.conname) FROM pg_constraint k WHERE k.conrelid = a.attrelid
        AND k.contype = 'n' AND k.conkey = ARRAY[a.attnum]), '') || 'NOT NULL' END)`;

const tables = `SELECT format('CREATE %sTABLE %s (%s)%s', CASE c.relpersistence WHEN 'u' THEN 'UNLOGGED ' END,
    c.oid::regclass, (SELECT string_agg(${column}, ', ' ORDER BY a.attnum)
      FROM pg_attribute a JOIN pg_type t ON t.oid = a.atttypid
      LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
      WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped),
    ${storageOptions}) AS text
  FROM ${relations} WHERE ${ofSchema} AND c.relkind = 'r' ORDER BY n.nspname COLLATE "C", c.relname COLLATE "C"`;

/** How a column's values are stored and analyzed, where that is not what its type has by default. */
const columnSettings =
  `SELECT format('ALTER TABLE ONLY %s ALTER COLUMN %I SET %s', c.oid::regclass, a.attname,
    setting) AS text
  FROM ${relations} JOIN pg_attribute a ON a.attrelid = c.oid JOIN pg_type t ON t.oid = a.atttypid,
    LATERAL (VALUES
      (CASE WHEN a.attstorage <> t.typstorage THEN 'STORAGE ' || CASE a.attstorage WHEN 'p' THEN 'PLAIN'
        WHEN 'e' THEN 'EXTERNAL' WHEN 'm' THEN 'MAIN' ELSE 'EXTENDED' END END),
      ('STATISTICS ' || CASE WHEN a.attstattarget >= 0 THEN a.attstattarget END),
      ('COMPRESSION ' || CASE to_jsonb(a)->>'attcompression' WHEN 'p' THEN 'pglz' WHEN 'l' THEN 'lz4' END),
      ('(' || ${optionList("a.attoptions")} || ')')) AS settings (setting)
  WHERE ${ofSchema} AND c.relkind = 'r' AND a.attnum > 0 AND NOT a.attisdropped AND setting IS NOT NULL
  ORDER BY n.nspname COLLATE "C", c.relname COLLATE "C", a.attnum, setting`;

/** Constraints of these kinds; of NOT NULL only those that do not hold for old rows, since columns bring the others. */
function constraints(...kinds: readonly string[]): string {
  return `SELECT format('ALTER TABLE ONLY %s ADD CONSTRAINT %I %s', c.oid::regclass, k.conname,
      pg_get_constraintdef(k.oid)) AS text
    FROM ${relations} JOIN pg_constraint k ON k.conrelid = c.oid
    WHERE ${ofSchema} AND c.relkind = 'r' AND k.contype IN (${kinds.map(quoteText).join(", ")})
      AND (k.contype <> 'n' OR NOT k.convalidated)
    ORDER BY k.contype <> 'p', k.contype, n.nspname COLLATE "C", c.relname COLLATE "C", k.conname COLLATE "C"`;
}

/** Not those that constraints bring, nor the rubbish of a CREATE INDEX CONCURRENTLY that failed. */
const indexes = `SELECT pg_get_indexdef(x.indexrelid) AS text
  FROM ${relations} JOIN pg_index x ON x.indrelid = c.oid JOIN pg_class i ON i.oid = x.indexrelid
  WHERE ${ofSchema} AND c.relkind = 'r' AND x.indisvalid AND NOT EXISTS (SELECT FROM pg_constraint k
    WHERE k.conindid = x.indexrelid AND k.conrelid = c.oid AND k.contype IN ('p', 'u', 'x'))
  ORDER BY n.nspname COLLATE "C", i.relname COLLATE "C"`;

const replicaIdentities = `SELECT format('ALTER TABLE ONLY %s REPLICA IDENTITY %s', c.oid::regclass,
    CASE c.relreplident WHEN 'f' THEN 'FULL' WHEN 'n' THEN 'NOTHING' ELSE (SELECT format('USING INDEX %I', i.relname)
      FROM pg_index x JOIN pg_class i ON i.oid = x.indexrelid WHERE x.indrelid = c.oid AND x.indisreplident) END) AS text
  FROM ${relations} WHERE ${ofSchema} AND c.relkind = 'r' AND (c.relreplident IN ('f', 'n') OR EXISTS (
    SELECT FROM pg_index x WHERE x.indrelid = c.oid AND x.indisreplident AND x.indisvalid))
  ORDER BY n.nspname COLLATE "C", c.relname COLLATE "C"`;

const clusterMarks = `SELECT text FROM ${relations}, LATERAL (SELECT ${clusterMark} AS text) AS mark
  WHERE ${ofSchema} AND c.relkind = 'r' AND text IS NOT NULL ORDER BY n.nspname COLLATE "C", c.relname COLLATE "C"`;

const comments = `SELECT text FROM (
  SELECT format('COMMENT ON %s IS %L', CASE
      WHEN m.objsubid > 0 THEN format('COLUMN %s.%I', c.oid::regclass, a.attname)
      ELSE format('%s %s', CASE c.relkind WHEN 'S' THEN 'SEQUENCE' WHEN 'i' THEN 'INDEX' ELSE 'TABLE' END,
        c.oid::regclass) END, m.description) AS text
  FROM ${relations} JOIN pg_description m ON m.classoid = 'pg_class'::regclass AND m.objoid = c.oid
    LEFT JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = m.objsubid
    LEFT JOIN pg_index x ON x.indexrelid = c.oid LEFT JOIN pg_class r ON r.oid = x.indrelid
  WHERE ${ofSchema} AND (c.relkind IN ('r', 'S') OR (r.relkind = 'r' AND x.indisvalid))
  UNION ALL
  SELECT format('COMMENT ON CONSTRAINT %I ON %s IS %L', k.conname, c.oid::regclass, m.description)
  FROM ${relations} JOIN pg_constraint k ON k.conrelid = c.oid
    JOIN pg_description m ON m.classoid = 'pg_constraint'::regclass AND m.objoid = k.oid
  WHERE ${ofSchema} AND c.relkind = 'r' AND k.contype IN ('p', 'u', 'x', 'c', 'f')
) AS found ORDER BY text COLLATE "C"`;
