import type { PostgresUrl } from "../../base/url/postgres_url.ts";
import { HarborError } from "../../base/errors.ts";
import { nameOf, tokenize, withoutComments } from "../../sql/lexer.ts";
import type { Session } from "./session.ts";
import { runPinned, schemasOf } from "./search_path.ts";
import { inSchema, ownSchema } from "./statement.ts";
import { quoteText } from "../../sql/quote.ts";

/** Something of a role with fewer rights than ours, whose code would run with ours. */
export interface Untrusted {
  /** `trigger`, `function`, `operator`, `index` … */
  readonly kind: string;
  readonly name: string;
  readonly owner: string;
  /**
   * When it would run: `look` whenever a table is read, because the planner works out conditions of indexes; `change` when
   * rows or definitions change; `load` when a copy of the tables is filled; `call` when a statement names it.
   */
  readonly runs: "look" | "change" | "load" | "call";
}

/** Whose code runs in a session, as far as it is somebody else's. */
export interface Trust {
  /** @throws {HarborError} `untrusted_owner` when reading a table would run somebody else's code */
  requireToLook(): Promise<void>;
  /** Looks anew. @throws {HarborError} `untrusted_owner` when changing rows or definitions would */
  requireToChange(): Promise<void>;
  /** @throws {HarborError} `untrusted_owner` when a statement of a user's calls it by name */
  requireToRun(text: string): Promise<void>;
}

/**
 * Finds out whether a role with more rights than the owner of the schema would run the owner's code. A superuser who only
 * looks does so already when an index has a condition with a function in it.
 *
 * @param url The address as it may be shown
 */
export function trustOf(session: Session, url: string, isTrusted: boolean): Trust {
  let known: Promise<readonly Untrusted[]> | undefined;
  const find = () => known ??= isTrusted ? Promise.resolve([]) : findUntrusted(session, session.shared);
  async function require(runs: readonly Untrusted["runs"][]): Promise<void> {
    const found = (await find()).filter((each) => runs.includes(each.runs));
    if (found.length > 0) throw untrustedError(url, found);
  }
  return {
    requireToLook: () => require(["look"]),
    requireToChange() {
      known = undefined;
      return require(["look", "change", "load"]);
    },
    async requireToRun(text) {
      const callable = (await find()).filter(({ runs }) => runs === "call");
      if (callable.length === 0) return;
      const names = namesIn(text);
      const called = callable.filter(({ kind, name }) =>
        names[kind === "view" ? "named" : "called"].has(name)
      );
      if (called.length > 0) throw untrustedError(url, called);
    },
  };
}

/** Returns all names in a statement, and those that may call a function: `f(x)`, and `row.f`, which is the same. */
function namesIn(
  text: string,
): { readonly named: ReadonlySet<string>; readonly called: ReadonlySet<string> } {
  const named = new Set<string>();
  const called = new Set<string>();
  const tokens = withoutComments(tokenize(text, "postgresql"));
  for (const [place, token] of tokens.entries()) {
    const name = token.kind === "word" ? token.text.toLowerCase() : nameOf(token);
    if (name === null) continue;
    named.add(name);
    if (tokens[place + 1]?.text === "(" || tokens[place - 1]?.text === ".") called.add(name);
  }
  return { named, called };
}

/**
 * Returns everything of lesser roles that could run. Reads catalogs only.
 *
 * @param turn Runs its argument when the session is free
 */
async function findUntrusted(
  session: Session,
  turn: Session["shared"] = (work) => work(),
): Promise<readonly Untrusted[]> {
  const ask = async (text: string) =>
    (await turn(() => runPinned(session, [{ text, parameters: [] }])))[0]?.rows ?? [];
  if ((await ask(others))[0]?.["found"] !== true) return [];
  const schemas = schemasOf(session).map(quoteText).join(", ");
  const text = inSchema(question.replaceAll("$schemas", () => schemas), session.home);
  return (await ask(text)) as unknown as readonly Untrusted[];
}

/** Whether anything in the database belongs to another role that is no superuser. Mostly not, and then that is all. */
const others = `SELECT EXISTS (SELECT FROM pg_shdepend d JOIN pg_roles o ON o.oid = d.refobjid
  WHERE d.dbid = (SELECT oid FROM pg_database WHERE datname = current_database())
    AND d.refclassid = 'pg_authid'::regclass AND d.deptype = 'o' AND NOT o.rolsuper AND o.rolname <> current_user) AS found`;

/**
 * Whether somebody else's code would run when a copy of the tables is filled.
 *
 * @throws {HarborError} `untrusted_owner` when `isRefused`
 */
export async function loadsUntrusted(
  session: Session,
  { display, trustsOwner }: PostgresUrl,
  { isRefused }: { readonly isRefused: boolean },
): Promise<boolean> {
  if (trustsOwner) return false;
  const found = (await findUntrusted(session)).filter(({ runs }) => runs === "look" || runs === "load");
  if (isRefused && found.length > 0) throw untrustedError(display, found);
  return found.length > 0;
}

function untrustedError(url: string, found: readonly Untrusted[]): HarborError {
  const shown = found.slice(0, 5).map(({ kind, name, owner }) => `${kind} ${name} of ${owner}`);
  const more = found.length > shown.length ? `, and ${found.length - shown.length} more` : "";
  const [first] = found;
  return new HarborError(
    "untrusted_owner",
    `Cannot work on "${url}": this role has rights that ${
      first!.owner
    } lacks, and would run with them what ` +
      `${first!.owner} wrote: ${shown.join(", ")}${more}`,
    {
      hint:
        `Connect as ${
          first!.owner
        }. If you trust whoever can act as that role with all of your own rights: ` +
        "--trust-owner",
      details: { objects: found },
    },
  );
}

/** Functions of PostgreSQL's own that change something, and that defaults use all the same. */
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
];

/** A condition on the function `p`: it is a lesser role's, or one of PostgreSQL's own that reaches out of its row. */
const reaches = `(p.proowner IN (SELECT oid FROM lesser) OR (p.pronamespace = 'pg_catalog'::regnamespace
    AND (p.provolatile = 'v' AND p.proname NOT IN (${
  harmless.map(quoteText).join(", ")
}) OR p.proname LIKE '%to\\_xml%')))`;

/** A condition on an expression as the catalogs keep it: some function in it reaches out. */
function calls(tree: string): string {
  return `EXISTS (SELECT FROM regexp_matches(${tree}::text, ':(funcid|opfuncid|opno) ([0-9]+)', 'g') AS m
    JOIN pg_proc p ON p.oid = CASE m[1] WHEN 'opno' THEN (SELECT o.oprcode::oid FROM pg_operator o WHERE o.oid = m[2]::oid)
      ELSE m[2]::oid END WHERE ${reaches})`;
}

/** A condition: a column of a table of the schema has the type. */
function isUsed(type: string): string {
  return `EXISTS (SELECT FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid
    WHERE c.relnamespace = ${ownSchema} AND c.relkind IN ('r', 'p') AND a.attnum > 0 AND a.atttypid IN (${type}))`;
}

const ofLesser = `c.relnamespace = ${ownSchema} AND c.relowner IN (SELECT oid FROM lesser)`;

/** Roles that lack any right which ours has: an attribute, a membership, or what belongs to it or was granted to it. */
const lesser =
  `me AS MATERIALIZED (SELECT * FROM pg_roles WHERE rolname = current_user), lesser AS MATERIALIZED (
  SELECT o.oid, o.rolname FROM pg_roles o, me
  WHERE o.oid <> me.oid AND NOT o.rolsuper AND NOT pg_has_role(o.oid, me.oid, 'MEMBER') AND (me.rolsuper
    OR (me.rolcreaterole AND NOT o.rolcreaterole) OR (me.rolcreatedb AND NOT o.rolcreatedb)
    OR (me.rolreplication AND NOT o.rolreplication) OR (me.rolbypassrls AND NOT o.rolbypassrls)
    OR EXISTS (SELECT FROM pg_shdepend d WHERE d.refclassid = 'pg_authid'::regclass AND d.refobjid = me.oid)
    OR EXISTS (SELECT FROM pg_roles r WHERE r.oid <> me.oid AND pg_has_role(me.oid, r.oid, 'MEMBER')
      AND NOT pg_has_role(o.oid, r.oid, 'MEMBER'))))`;

const question = `WITH ${lesser}
SELECT found.kind, found.name, lesser.rolname::text AS owner, found.runs FROM (
  SELECT 'index' AS kind, i.relname::text AS name, c.relowner AS owner, 'look' AS runs
  FROM pg_class c JOIN pg_index x ON x.indrelid = c.oid JOIN pg_class i ON i.oid = x.indexrelid
  WHERE ${ofLesser} AND (${calls("x.indexprs")} OR ${calls("x.indpred")})
  UNION ALL
  SELECT 'check constraint', k.conname::text, c.relowner, 'look' FROM pg_class c JOIN pg_constraint k ON k.conrelid = c.oid
  WHERE ${ofLesser} AND k.contype = 'c' AND ${calls("k.conbin")}
  UNION ALL
  SELECT 'check of domain', t.typname::text, t.typowner, 'look' FROM pg_type t JOIN pg_constraint k ON k.contypid = t.oid
  WHERE t.typowner IN (SELECT oid FROM lesser) AND ${calls("k.conbin")}
    AND (t.typnamespace = ${ownSchema} OR ${isUsed("t.oid, t.typarray")})
  UNION ALL
  SELECT 'cast from', format_type(s.castsource, NULL), p.proowner, 'look' FROM pg_cast s JOIN pg_proc p ON p.oid = s.castfunc
  WHERE p.proowner IN (SELECT oid FROM lesser) AND ${isUsed("s.castsource, s.casttarget")}
  UNION ALL
  SELECT CASE c.relkind WHEN 'v' THEN 'view' ELSE 'relation' END, c.relname::text, c.relowner, 'look' FROM pg_class c
  WHERE ${ofLesser} AND c.relkind NOT IN ('r', 'p')
    AND c.relname IN ('harbor_version', 'harbor_backfill', 'harbor_identity', 'alembic_version', '__drizzle_migrations')
  UNION ALL
  SELECT 'partitioning of', c.relname::text, c.relowner, 'look' FROM pg_class c JOIN pg_partitioned_table t ON t.partrelid = c.oid
  WHERE ${ofLesser} AND ${calls("t.partexprs")}
  UNION ALL
  SELECT CASE a.attgenerated WHEN '' THEN 'default of' ELSE 'generated column' END, concat(c.relname, '.', a.attname),
    c.relowner, CASE a.attgenerated WHEN '' THEN 'change' ELSE 'load' END FROM pg_class c
  JOIN pg_attrdef d ON d.adrelid = c.oid JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = d.adnum
  WHERE ${ofLesser} AND ${calls("d.adbin")}
  UNION ALL
  SELECT 'trigger', t.tgname::text, p.proowner, 'change' FROM pg_class c JOIN pg_trigger t ON t.tgrelid = c.oid
  JOIN pg_proc p ON p.oid = t.tgfoid
  WHERE c.relnamespace = ${ownSchema} AND NOT t.tgisinternal AND t.tgenabled <> 'D' AND p.proowner IN (SELECT oid FROM lesser)
  UNION ALL
  SELECT 'trigger', t.tgname::text, c.relowner, 'change' FROM pg_class c JOIN pg_trigger t ON t.tgrelid = c.oid
  WHERE ${ofLesser} AND NOT t.tgisinternal AND t.tgenabled <> 'D' AND ${calls("t.tgqual")}
  UNION ALL
  SELECT 'materialized view', c.relname::text, c.relowner, 'load' FROM pg_class c JOIN pg_rewrite r ON r.ev_class = c.oid
  WHERE ${ofLesser} AND c.relkind = 'm' AND ${calls("r.ev_action")}
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
) AS found JOIN lesser ON lesser.oid = found.owner ORDER BY found.runs, found.kind, found.name`;
