import { sql } from "drizzle-orm";
import { quoteName } from "../../../sql/quote.ts";
import { quoteTable } from "../../../sql/table_names.ts";
import type { Database } from "../../database.ts";
import type { UnsaidPart } from "../../inspector.ts";
import { isOwnRelation } from "./own_relations.ts";
import { own, tableName } from "./place_words.ts";

interface Row {
  readonly table: string;
  readonly kind: "rule" | "trigger" | "sequence" | "view" | "word";
  readonly name: string;
  readonly words: string;
}

/** What there may be of the tables and views in `owned` that no snapshot has a place for, a branch a kind; servers before 15 lack some columns. */
const parts = `
  SELECT c."table", CASE WHEN r.is_instead THEN 'rule' ELSE 'word' END AS kind, r.rulename::text AS name, CASE WHEN r.is_instead THEN '' ELSE 'DO ALSO' END AS words FROM owned c CROSS JOIN pg_rewrite r
  WHERE r.ev_class = c.oid AND r.rulename <> '_RETURN' AND r.ev_enabled <> 'D'
  UNION ALL
  SELECT c."table", 'trigger', t.tgname, CASE t.tgenabled WHEN 'D' THEN 'never' ELSE 'only in a replica''s session' END
  FROM owned c CROSS JOIN pg_trigger t WHERE t.tgrelid = c.oid AND NOT t.tgisinternal AND t.tgenabled IN ('D', 'R')
  UNION ALL
  SELECT c."table", 'view', c.relname, '' FROM owned c WHERE c.relkind = 'm' AND NOT c.relispopulated
  UNION ALL
  SELECT c."table", 'word', format('%I.%I', n.nspname, s.relname), w.words FROM owned c CROSS JOIN pg_depend d JOIN pg_class s ON s.oid = d.objid AND s.relkind = 'S'
    JOIN pg_namespace n ON n.oid = s.relnamespace JOIN pg_sequence q ON q.seqrelid = s.oid,
    LATERAL (VALUES (CASE WHEN q.seqcycle THEN 'CYCLE' END),
      (CASE WHEN q.seqincrement <> 1 THEN concat('INCREMENT BY ', q.seqincrement) END)) AS w (words)
  WHERE d.classid = 'pg_class'::regclass AND d.refclassid = 'pg_class'::regclass AND d.refobjid = c.oid
    AND d.refobjsubid > 0 AND d.deptype IN ('a', 'i') AND w.words IS NOT NULL
  UNION ALL
  SELECT c."table", 'sequence', format('%I.%I', n.nspname, s.relname), '' FROM owned c CROSS JOIN pg_depend d
    JOIN pg_class s ON s.oid = d.objid AND s.relkind = 'S' AND s.relpersistence = 'u' JOIN pg_namespace n ON n.oid = s.relnamespace
  WHERE d.classid = 'pg_class'::regclass AND d.refclassid = 'pg_class'::regclass AND d.refobjid = c.oid
    AND d.refobjsubid > 0 AND d.deptype IN ('a', 'i') AND c.relpersistence = 'p'
  UNION ALL
  SELECT c."table", 'word', k.conname, w.words FROM owned c CROSS JOIN pg_constraint k, LATERAL (VALUES
      (CASE WHEN k.condeferrable THEN concat('DEFERRABLE', CASE WHEN k.condeferred THEN ' INITIALLY DEFERRED' END) END),
      (CASE WHEN k.contype = 'c' AND k.connoinherit THEN 'NO INHERIT' END),
      (CASE WHEN k.contype = 'f' AND k.confmatchtype = 'f' THEN 'MATCH FULL' END),
      (CASE WHEN k.contype = 'f' AND k.confdeltype IN ('n', 'd') AND jsonb_typeof(to_jsonb(k) -> 'confdelsetcols') = 'array'
        THEN 'ON DELETE of some columns' END)) AS w (words)
  WHERE k.conrelid = c.oid AND k.contype IN ('c', 'f', 'p', 'u') AND w.words IS NOT NULL
  UNION ALL
  SELECT c."table", 'word', i.relname, w.words FROM owned c CROSS JOIN pg_index x JOIN pg_class i ON i.oid = x.indexrelid, LATERAL (VALUES
      (CASE WHEN x.indnatts > x.indnkeyatts THEN 'INCLUDE' END),
      (CASE WHEN x.indisunique AND to_jsonb(x) ->> 'indnullsnotdistinct' = 'true' AND NOT EXISTS (
        SELECT FROM pg_constraint k WHERE k.conindid = x.indexrelid AND k.contype = 'u') THEN 'NULLS NOT DISTINCT' END)) AS w (words)
  WHERE x.indrelid = c.oid AND w.words IS NOT NULL
  UNION ALL
  SELECT c."table", 'word', a.attname, format('COLLATE %I', l.collname) FROM owned c CROSS JOIN pg_attribute a JOIN pg_type y ON y.oid = a.atttypid
    JOIN pg_collation l ON l.oid = a.attcollation
  WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped AND a.attcollation <> y.typcollation AND c.relkind IN ('r', 'p')
  UNION ALL
  SELECT c."table", 'word', '', concat('PARTITION BY ', pg_get_partkeydef(c.oid)) FROM owned c WHERE c.relkind = 'p'
  UNION ALL
  SELECT c."table", 'word', '', o FROM owned c, unnest(c.reloptions) AS o WHERE c.relkind = 'v'`;

/** Reads from the catalogs what tables and views have that no snapshot says. */
export async function readUnsaid(database: Database): Promise<readonly UnsaidPart[]> {
  const rows = await database.read<Row>(
    sql`WITH owned AS MATERIALIZED (SELECT c.*, ${tableName} AS "table" FROM pg_class c WHERE c.relnamespace = ${own}
      AND c.relkind IN ('r', 'p', 'v', 'm') AND NOT ${sql.raw(isOwnRelation)})
      SELECT * FROM (${sql.raw(parts)}) AS part ORDER BY 1, 2, 3, 4`,
  );
  return rows.map((row) => partOf(row, quoteTable(row.table, database.schemas)));
}

const bareName = (table: string) => table.split(".").at(-1)!;

function partOf({ table, kind, name, words }: Row, quoted: string): UnsaidPart {
  switch (kind) {
    case "rule":
      return {
        table,
        words: `rule ${name}`,
        harm: {
          state: `the rule ${name} does something else, or nothing, where rows are to be written or read`,
          remedy: `DROP RULE ${
            quoteName(name)
          } ON ${quoted}; -- or write a revision that makes it, if it is meant: harbor-db create`,
          meant: [`rule ${name} `],
        },
      };
    case "trigger":
      return {
        table,
        words: `trigger ${name}`,
        harm: {
          state: `the trigger ${name} is disabled: it fires ${words}`,
          remedy: `ALTER TABLE ${quoted} ENABLE TRIGGER ${quoteName(name)};`,
          meant: { trigger: name, fires: words === "never" ? "never" : "in a replica" },
          of: { kind: "trigger", name },
        },
      };
    case "sequence":
      return {
        table,
        words: `sequence ${name}`,
        harm: {
          state:
            `its sequence ${name} is unlogged: after a crash of the server it gives out numbers that rows have`,
          remedy: `ALTER SEQUENCE ${name} SET LOGGED;`,
          meant: ["unlogged", bareName(table)],
        },
      };
    case "view":
      return {
        table,
        words: `materialized view ${name}`,
        harm: {
          state: "it was never filled, and reading it fails",
          remedy: `REFRESH MATERIALIZED VIEW ${quoted};`,
          meant: ["no", "data", name],
          of: { kind: "materialized view", name },
        },
      };
    case "word":
      return { table, words: `${name === "" ? "" : `${name} `}${words}` };
  }
}
