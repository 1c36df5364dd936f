import { quoteText } from "../../../sql/quote.ts";
import { type Inventoried, isImplied } from "./replace.ts";
import { query } from "./session.ts";
import { clusterMark, inSchemas, storageOptions } from "./tables.ts";
import { comment, isNotOfExtension, policyDefinition, triggerDefinition } from "../catalogs/words.ts";
import type { Session } from "../session/session.ts";
import { giveRights, readRights, type Rights } from "./rights.ts";

/**
 * What hangs on the tables of schemas and is not in harbor-db's own copies: views, functions, triggers, policies, rights.
 * It is taken down before the tables are dropped, and put up again on those that come in their place.
 */
export interface Dependents {
  /** By {@link Inventoried.key}. */
  readonly definitions: ReadonlyMap<string, Definition>;
  /** Owners and switches of tables, sequences and views, which all have the same names afterwards. */
  readonly attributes: readonly Attribute[];
  readonly rights: Rights;
}

interface Definition {
  readonly key: string;
  readonly text: string;
  /** Those of lower rank come first, and among them the older. */
  readonly rank: number;
  readonly age: number;
}

interface Attribute {
  /** `public.files`; whether there is a new one of that name decides. */
  readonly relation: string;
  readonly oid: string;
  readonly text: string;
}

/** Types of objects that belong to a table, and with it are in a copy, or make no sense without it. */
const partsOfTables: ReadonlySet<string> = new Set([
  "table",
  "table column",
  "table constraint",
  "toast table",
  "index",
  "sequence",
  "default value",
]);

/** Reads what is there, with `search_path` empty, so that names in definitions are qualified. */
export async function readDependents(session: Session, schemas: readonly string[]): Promise<Dependents> {
  const ask = (text: string) => inSchemas(text, schemas);
  const rows = await query<Definition>(session, ask(definitions));
  const attributeRows = await query<Attribute>(session, ask(attributes));
  return {
    definitions: new Map(rows.map((row) => [row.key, row])),
    attributes: attributeRows,
    rights: await readRights(session, schemas),
  };
}

/** Returns what went, is in no copy, and cannot be put up again by {@link putBack}. */
export function dependentsLeftOut(gone: readonly Inventoried[], kept: Dependents): readonly Inventoried[] {
  return gone.filter((object) =>
    !partsOfTables.has(object.type) && !kept.definitions.has(object.key) && !isImplied(object)
  );
}

/**
 * Makes again what went, and gives what is new its owner and rights back. A right on a table or column that is no more is
 * left out; a definition that does not fit the tables any more fails.
 */
export async function putBack(
  session: Session,
  gone: readonly Inventoried[],
  kept: Dependents,
): Promise<void> {
  const lost = gone.flatMap(({ key }) => kept.definitions.get(key) ?? []);
  lost.sort((one, other) => one.rank - other.rank || one.age - other.age);
  for (const { text } of lost) await session.script(text);
  for (const { relation, oid, text } of kept.attributes) {
    const [found] = await query<{ isNew: boolean }>(
      session,
      `SELECT to_regclass(${quoteText(relation)}) <> ${oid} AS "isNew"`,
    );
    if (found?.isNew) await session.script(text);
  }
  await giveRights(session, kept.rights);
}

const definitions = `
  SELECT concat('pg_class'::regclass::oid, '/', c.oid, '/0') AS key, 1 AS rank, c.oid::int8 AS age, concat(
    'CREATE ', CASE c.relkind WHEN 'm' THEN 'MATERIALIZED ' END, 'VIEW ', c.oid::regclass,
    ${storageOptions}, ' AS ', rtrim(pg_get_viewdef(c.oid), ';'),
    CASE WHEN c.relkind = 'm' AND NOT c.relispopulated THEN ' WITH NO DATA' END,
    (SELECT string_agg('; ' || pg_get_indexdef(x.indexrelid), '' ORDER BY x.indexrelid)
      FROM pg_index x WHERE x.indrelid = c.oid AND x.indisvalid),
    '; ' || ${clusterMark},
    ${
  comment(
    "pg_class",
    "c.oid",
    "CASE c.relkind WHEN 'm' THEN 'MATERIALIZED VIEW ' ELSE 'VIEW ' END || c.oid::regclass",
  )
}
  ) AS text
  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
  WHERE n.nspname IN ($schemas) AND c.relkind IN ('v', 'm')
  UNION ALL
  SELECT concat('pg_proc'::regclass::oid, '/', p.oid, '/0'), 1, p.oid::int8, concat(
    pg_get_functiondef(p.oid), ${comment("pg_proc", "p.oid", "'ROUTINE ' || p.oid::regprocedure")})
  FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
  WHERE n.nspname IN ($schemas) AND p.prokind <> 'a' AND p.proowner = quote_ident(current_user)::regrole
  UNION ALL
  SELECT concat('pg_statistic_ext'::regclass::oid, '/', s.oid, '/0'), 2, s.oid::int8, pg_get_statisticsobjdef(s.oid)
  FROM pg_statistic_ext s JOIN pg_namespace n ON n.oid = s.stxnamespace WHERE n.nspname IN ($schemas)
  UNION ALL
  SELECT concat('pg_rewrite'::regclass::oid, '/', r.oid, '/0'), 3, r.oid::int8, pg_get_ruledef(r.oid)
  FROM pg_rewrite r JOIN pg_class c ON c.oid = r.ev_class JOIN pg_namespace n ON n.oid = c.relnamespace
  WHERE n.nspname IN ($schemas) AND r.rulename <> '_RETURN'
  UNION ALL
  SELECT concat('pg_trigger'::regclass::oid, '/', t.oid, '/0'), 3, t.oid::int8, ${triggerDefinition}
  FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid JOIN pg_namespace n ON n.oid = c.relnamespace
  WHERE n.nspname IN ($schemas) AND NOT t.tgisinternal
  UNION ALL
  SELECT concat('pg_policy'::regclass::oid, '/', p.oid, '/0'), 3, p.oid::int8, ${policyDefinition}
  FROM pg_policy p JOIN pg_class c ON c.oid = p.polrelid JOIN pg_namespace n ON n.oid = c.relnamespace
  WHERE n.nspname IN ($schemas)`;

const attributes = `SELECT relation, oid::text, text FROM (
  SELECT c.oid, c.oid::regclass::text AS relation, 1 AS rank, format('ALTER TABLE %s %s ROW LEVEL SECURITY', c.oid::regclass,
    word) AS text
  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace,
    LATERAL (VALUES (c.relrowsecurity, 'ENABLE'), (c.relforcerowsecurity, 'FORCE')) AS policies (hold, word)
  WHERE n.nspname IN ($schemas) AND hold AND ${isNotOfExtension("pg_class", "c.oid")}
  UNION ALL
  SELECT c.oid, c.oid::regclass::text, 2, format('ALTER TABLE %s OWNER TO %s', c.oid::regclass, c.relowner::regrole)
  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
  WHERE n.nspname IN ($schemas) AND ${
  isNotOfExtension("pg_class", "c.oid")
} AND c.relkind IN ('r', 'v', 'm', 'S') AND c.relowner <> quote_ident(current_user)::regrole
    AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid
      AND c.relkind = 'S' AND d.deptype IN ('a', 'i') AND d.refclassid = 'pg_class'::regclass)
) AS found ORDER BY rank`;
