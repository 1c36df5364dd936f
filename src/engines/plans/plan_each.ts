import { HarborError } from "../../base/errors.ts";
import { stopBetween } from "../stop_between.ts";
import { tokensOf } from "../../sql/cursor.ts";
import { isWord } from "../../sql/lexer.ts";
import type { Dialect } from "../../base/dialect.ts";
import type { Asked, Planned, QueryPlan } from "./query_planner.ts";

/** What has a plan, and is not run when it is asked for. SQLite would run some of its pragmas. */
const verbs = ["SELECT", "INSERT", "UPDATE", "DELETE", "REPLACE", "MERGE", "VALUES", "TABLE", "WITH"];

/**
 * Asks for one plan after the other. What the engine says against a query is the answer.
 *
 * @throws {HarborError} `interrupted`
 */
export async function planEach(
  { queries, dialect, signal }: Asked & { readonly dialect: Dialect },
  ask: (query: string) => Promise<QueryPlan>,
): Promise<readonly Planned[]> {
  const planned: Planned[] = [];
  const stopHere = stopBetween(signal);
  for (const query of queries) {
    await stopHere();
    try {
      if (!hasPlan(query, dialect)) planned.push({ plan: null, why: `only ${spoken} have a plan` });
      else planned.push({ plan: await ask(query), why: null });
    } catch (error) {
      if (!(error instanceof HarborError) || !isOfQuery(error)) throw error;
      planned.push({ plan: null, why: error.state });
    }
  }
  return planned;
}

const spoken = "SELECT, INSERT, UPDATE, DELETE and the like";

/** Whether a statement has a plan that can be asked for. */
export function hasPlan(query: string, dialect: Dialect): boolean {
  const first = tokensOf(query, dialect).find(({ text }) => text !== "(");
  return verbs.some((verb) => isWord(first, verb));
}

function isOfQuery({ code }: HarborError): boolean {
  return ["statement_failed", "missing_table", "read_only", "untrusted_owner", "bad_script"].includes(code);
}
