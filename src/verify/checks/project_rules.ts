import { sql } from "drizzle-orm";
import { counted } from "../../base/quantity.ts";
import { type Found, idOf, pass, shownId } from "../../base/finding.ts";
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
    return yield couldNotCheck(error, `the rules of ${projectRulesPath}`);
  }
  for (const rule of rules) {
    const subject = `the rule ${rule.name} (${projectRulesPath}:${rule.line})`;
    try {
      await context.pace.next();
      const found = await runRule(context, rule);
      if (found !== null) yield found;
    } catch (error) {
      if (isTimeUp(error)) {
        throw error.with({ state: `${error.state}, at ${subject}`, details: { rule: rule.name } });
      }
      if (error instanceof HarborError && error.code === "connection_failed") throw error;
      yield couldNotCheck(error, subject);
    }
  }
  if (rules.length > 0) yield pass(`${counted(rules.length, "rule")} of ${projectRulesPath}`);
}

/**
 * Ask for the first column of a query, whose text ends before a line's end, since a comment there would swallow what follows.
 * PostgreSQL lets two columns have one name, under which a row has the value of the second; SQLite gives that one another.
 */
const firstColumn: Readonly<Record<Dialect, (query: string) => string>> = {
  sqlite: (query) => `SELECT * FROM (${query}\n) AS broken`,
  postgresql: (query) => `SELECT "harbor first" FROM (${query}\n) AS broken("harbor first")`,
};

/** So much later a server ends what nobody waits for any more, so that it is said whose time was up. */
const graceMs = 1_000;

async function runRule(
  context: CheckContext,
  { name, words, sql: query }: ProjectRule,
): Promise<Found | null> {
  const database = await context.database();
  const { readApart } = database;
  // Nobody knows how long a rule takes: in this process nothing would end it, and a server would never.
  const ask = <Row>(text: string): Promise<Row[]> => {
    const statement = userStatement(sql.raw(text));
    return readApart === undefined
      ? database.read<Row>(statement)
      : context.within((signal, leftMs) => readApart<Row>(statement, { signal, mostMs: leftMs + graceMs }));
  };
  const [row] = await ask<{ n: unknown }>(`SELECT count(*) AS n FROM (${query}\n) AS broken`);
  const count = Number(row?.n ?? 0);
  if (count === 0) return null;
  const first = await ask<Readonly<Record<string, unknown>>>(
    `${firstColumn[database.dialect](query)} LIMIT ${shownIds}`,
  );
  const ids = first.map((each) => idOf([Object.values(each)[0] ?? null]));
  const shown = `${ids.map(shownId).join(", ")}${count > ids.length ? ", …" : ""}`;
  return {
    status: "fail",
    message: `${name}: ${counted(count, "row")}: ${words} (${shown})`,
    hint: `See them all with the query of ${name} in ${projectRulesPath}.`,
    details: { rule: name, count, ids },
  };
}
