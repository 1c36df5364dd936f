import { readJson } from "./session/errors.ts";
import { HarborError } from "../../base/errors.ts";
import { quoteName } from "../../sql/quote.ts";
import { placeOfName, quoteTable } from "../../sql/table_names.ts";
import type { Session } from "./session/session.ts";
import { runPinned } from "./session/search_path.ts";
import { inPlace, ownSchemas, shownName } from "./catalogs/place.ts";

interface HiddenRow {
  readonly table: string;
  /** JSON; a table that enables row-level security without a policy hides all rows. */
  readonly policies: string;
  readonly forced: boolean;
  readonly role: string;
}

/**
 * Returns the error that names the policies which hide rows from the role, when a right was missing for that reason;
 * else the same error. The server names the table alone.
 */
export async function namePolicies(session: Session, error: unknown): Promise<unknown> {
  if (!(error instanceof HarborError) || error.details["sqlState"] !== "42501" || session.hasEnded()) {
    return error;
  }
  const text = inPlace(question, session);
  const found = await session.shared(() => runPinned(session, [{ text, parameters: [] }])).catch(() => []);
  const statement = String(error.details["statement"]);
  const hidden = ((found[0]?.rows ?? []) as unknown as readonly HiddenRow[])
    .find(({ table }) => statement.includes(placeOfName(table, session.named).bare));
  if (hidden === undefined) return error;
  const { table, policies, forced, role } = hidden;
  const names = readJson<readonly string[]>(policies);
  const who = names.length === 0
    ? `row-level security of table ${table}, which has no policy, hides`
    : `the ${names.length === 1 ? "policy" : "policies"} ${names.join(", ")} of table ${table} ${
      names.length === 1 ? "hides" : "hide"
    }`;
  return error.with({
    state: `${who} rows from the role ${role}`,
    hint: `${
      forced ? `ALTER TABLE ${quoteTable(table, session.named)} NO FORCE ROW LEVEL SECURITY, or c` : "C"
    }onnect as a role that sees all rows: the owner of the table, or after ALTER ROLE ${
      quoteName(role)
    } BYPASSRLS.`,
    details: { table, policies: names },
    cause: error,
  });
}

const question = `SELECT ${
  shownName("c.relnamespace", "c.relname")
} AS "table", c.relforcerowsecurity AS forced, current_user::text AS role,
    (SELECT coalesce(json_agg(p.polname ORDER BY p.polname), '[]')::text FROM pg_policy p WHERE p.polrelid = c.oid) AS policies
  FROM pg_class c
  WHERE c.relnamespace = ${ownSchemas} AND c.relkind IN ('r', 'p') AND row_security_active(c.oid)
  ORDER BY length(c.relname) DESC, c.relname`;
