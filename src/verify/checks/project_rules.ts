import { sql } from "drizzle-orm";
import { counted } from "../../base/quantity.ts";
import type { Found } from "../../base/finding.ts";
import type { Dialect } from "../../base/dialect.ts";
import { HarborError } from "../../base/errors.ts";
import { userStatement } from "../../engines/statement_names.ts";
import { shownIds } from "../rules/data_rules.ts";
import { type ProjectRule, projectRulesPath, readProjectRules } from "../rules/project_rules.ts";
import { type CheckContext, couldNotCheck } from "./check.ts";
import { isTimeUp } from "./time_limit.ts";

/**
 * Yields what the project's own rules find. Each runs as a part of one query of ours, so that it can only read, on the path
 * and behind the look at foreign code that a revision's statement has.
 */
export async function* checkProjectRules(context: CheckContext): AsyncGenerator<Found> {
  const { dialect } = await context.database();
  let rules: readonly ProjectRule[];
  try {
    rules = readProjectRules(await context.rules() ?? "", dialect);
  } catch (error) {
    return yield couldNotCheck(error);
  }
  for (const rule of rules) {
    await context.pace.next();
    try {
      const found = await runRule(context, rule);
      if (found !== null) yield found;
    } catch (error) {
      if (isTimeUp(error) || error instanceof HarborError && error.code === "connection_failed") throw error;
      yield couldNotCheck(error, `the rule ${rule.name} (${projectRulesPath}:${rule.line})`);
    }
  }
}

/**
 * Ask for the first column of a query, whose text ends before a line's end, since a comment there would swallow what follows.
 * PostgreSQL lets two columns have one name, under which a row has the value of the second; SQLite gives that one another.
 */
const firstColumn: Readonly<Record<Dialect, (query: string) => string>> = {
  sqlite: (query) => `SELECT * FROM (${query}\n) AS broken`,
  postgresql: (query) => `SELECT "harbor first" FROM (${query}\n) AS broken("harbor first")`,
};

async function runRule(
  context: CheckContext,
  { name, words, sql: query }: ProjectRule,
): Promise<Found | null> {
  const database = await context.database();
  const ask = (text: string) => userStatement(sql.raw(text));
  const [row] = await database.read<{ n: unknown }>(
    ask(`SELECT count(*) AS n FROM (${query}\n) AS broken`),
  );
  const count = Number(row?.n ?? 0);
  if (count === 0) return null;
  const first = await database.read<Readonly<Record<string, unknown>>>(
    ask(`${firstColumn[database.dialect](query)} LIMIT ${shownIds}`),
  );
  const ids = first.map((each) => Object.values(each)[0] ?? null);
  const shown = `${ids.map((id) => id ?? "NULL").join(", ")}${count > ids.length ? ", …" : ""}`;
  return {
    status: "fail",
    message: `${name}: ${counted(count, "row")}: ${words} (${shown})`,
    hint: `See them all with the query of ${name} in ${projectRulesPath}.`,
    details: { rule: name, count, ids },
  };
}
