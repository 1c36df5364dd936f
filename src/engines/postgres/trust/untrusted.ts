import { quoteText } from "../../../sql/quote.ts";
import { inPlace } from "../catalogs/place.ts";
import { schemasOf, turnToOurs } from "../session/search_path.ts";
import type { Result, Session } from "../session/session.ts";
import type { Statement } from "../session/statement.ts";
import { anyOthers, lesser } from "./lesser_roles.ts";
import { question } from "./question.ts";

/** Something of a role with fewer rights than ours, whose code would run with ours. */
export interface Untrusted {
  /** `trigger`, `function`, `operator`, `index` … */
  readonly kind: string;
  readonly name: string;
  readonly owner: string;
  /**
   * When it would run: `look` whenever a table is read, because the planner works out conditions of indexes; `change` when
   * rows or definitions change; `load` when a copy of the tables is filled; `call` when a statement names it; `any` that
   * nothing says when, for a superuser alone: see `net` in question.ts.
   */
  readonly runs: "look" | "change" | "load" | "call" | "any";
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
    const frame = [plain("BEGIN READ ONLY"), turnToOurs];
    return (await turn(() => session.run([...frame, plain(text), plain("COMMIT")])))[frame.length]?.rows;
  };
  return (await ask(anyOthers()))?.[0]?.["found"] === true ? untrustedIn(await ask(all(session))) : [];
}

/** The same in a transaction of the caller's, whose statements of before it sees. */
export async function findUntrustedWithin(session: Session): Promise<readonly Untrusted[]> {
  return untrustedIn((await session.run([plain(all(session))]))[0]?.rows);
}

function all(session: Session): string {
  const schemas = schemasOf(session).map(quoteText).join(", ");
  return inPlace(question.replaceAll("$schemas", () => schemas), session);
}

function untrustedIn(rows: Result["rows"] = []): readonly Untrusted[] {
  return rows as unknown as readonly Untrusted[];
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

function plain(text: string): Statement {
  return { text, parameters: [] };
}
