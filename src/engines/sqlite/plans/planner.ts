import { foldName } from "../../../base/fold_name.ts";
import { sql } from "drizzle-orm";
import { isWord, nameOf } from "../../../sql/lexer.ts";
import { foldedName, tokensOf } from "../../../sql/cursor.ts";
import { withPlaces } from "../../../sql/placeholders.ts";
import { planEach } from "../../plans/plan_each.ts";
import type { Access, QueryPlan, QueryPlanner } from "../../plans/query_planner.ts";

/** Asks SQLite with `EXPLAIN QUERY PLAN`. It estimates nothing that it tells. */
export const sqlitePlanner: QueryPlanner = {
  // ANALYZE would make statistics that the database itself does not have, and so other plans.
  refresh: () => Promise.resolve(),
  async plan(database, asked) {
    const tables = await database.read<{ name: string }>(
      sql`SELECT name FROM sqlite_schema WHERE type IN ('table', 'view')`,
    );
    const names = new Set(tables.map(({ name }) => foldName(name)));
    return await planEach({ ...asked, dialect: "sqlite" }, async (query) => {
      const { text } = withPlaces(query, "sqlite");
      const steps = await database.read<PlanStep>(sql.raw(`EXPLAIN QUERY PLAN ${text}`));
      return planOf(steps, (shown) => tableOf(shown, text, names));
    });
  },
  record: null,
};

/** One line of `EXPLAIN QUERY PLAN`. */
interface PlanStep {
  readonly id: number;
  readonly parent: number;
  /** `SEARCH files USING INDEX ix_files_uuid (uuid=?)` */
  readonly detail: string;
}

const accessForm = /^(SCAN|SEARCH) (?!CONSTANT ROW|\d+ CONSTANT)(?:TABLE )?(\S+)(?: AS \S+)?(.*)$/;
const indexForm = / USING (?:COVERING |AUTOMATIC (?:PARTIAL )?COVERING )?INDEX (\S+)/;

function planOf(steps: readonly PlanStep[], tableOf: (shown: string) => string): QueryPlan {
  const depths = new Map<number, number>([[0, -1]]);
  const lines: string[] = [];
  const accesses: Access[] = [];
  for (const { id, parent, detail } of steps) {
    const depth = (depths.get(parent) ?? -1) + 1;
    depths.set(id, depth);
    lines.push(`${"  ".repeat(depth)}${detail}`);
    const [, verb, shown, rest = ""] = accessForm.exec(detail) ?? [];
    if (shown === undefined) continue;
    // An index that SQLite makes for the time of the query reads the whole table.
    const isAutomatic = rest.includes(" AUTOMATIC ");
    const key = rest.includes("PRIMARY KEY") ? "the primary key" : null;
    accesses.push({
      table: tableOf(shown),
      index: isAutomatic ? null : indexForm.exec(rest)?.[1] ?? key,
      isScan: verb === "SCAN" || isAutomatic,
    });
  }
  return { lines, accesses, cost: null };
}

/** A plan names a table by its alias. */
function tableOf(shown: string, query: string, tables: ReadonlySet<string>): string {
  if (tables.has(foldName(shown))) return shown;
  const tokens = tokensOf(query, "sqlite");
  for (const [at, token] of tokens.entries()) {
    if (foldedName(token, "sqlite") !== foldName(shown)) continue;
    const before = tokens[at - 1];
    const table = nameOf(isWord(before, "AS") ? tokens[at - 2] : before);
    if (table !== null && tables.has(foldName(table))) return table;
  }
  return shown;
}
