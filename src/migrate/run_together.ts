import type { Statement } from "../history/scripts/statement.ts";
import type { Dialect } from "../base/dialect.ts";
import type { StepResult } from "./step_result.ts";
import { type SQL, sql } from "drizzle-orm";
import { HarborError } from "../base/errors.ts";
import { stopIfAsked } from "../base/interrupt.ts";
import type { Step } from "./rules/plan.ts";
import { cursorAt, foldedName, tokensOf, topLevel } from "../sql/cursor.ts";
import { isWord } from "../sql/lexer.ts";
import { userStatement } from "../engines/statement_names.ts";
import { type BackfillResult, recordAtOnce } from "./backfill.ts";
import { batchesOf, type BatchOptions } from "./batches.ts";
import type { RunContext } from "../engines/run_context.ts";

/** How many statements of scripts share a transaction at most, since nobody can stop it before its end. */
const mostStatements = 200;

/**
 * Runs the first steps of an empty database, as many in one transaction as only make tables, columns and indexes: there
 * are no rows yet, nobody to keep waiting, and each commit would wait for the disk.
 *
 * @param optionsAt What the batches of the step at an index depend on
 * @returns The steps that ran. One that could not is left, with those that shared its transaction, to be run by itself:
 * what is kept of them and what is said is then the same as in any other database
 */
export async function runTogether(
  context: RunContext,
  steps: readonly Step[],
  optionsAt: (index: number) => BatchOptions,
): Promise<readonly StepResult[]> {
  const done: StepResult[] = [];
  for (;;) {
    const group = nextGroup(steps.slice(done.length), context.database.dialect);
    if (group.length === 0) return done;
    const scripts = group.map((step, index) => scriptOf(context, step, optionsAt(done.length + index)));
    const startedAt = performance.now();
    try {
      stopIfAsked(context.signal);
      await context.database.write(scripts.flatMap(({ statements }) => statements), "schema");
    } catch (error) {
      // One by one is the way on only from where they did not commit.
      if (error instanceof HarborError && error.details.committed === undefined) return done;
      throw error;
    }
    const ms = Math.round((performance.now() - startedAt) / group.length);
    for (const [index, { revision, direction }] of group.entries()) {
      context.notify({ kind: "step", id: revision.id, name: revision.name, direction });
      const backfills = scripts[index]!.tables.map((table): BackfillResult => ({
        table,
        rows: 0,
        batches: 1,
        longestBatchMs: ms,
      }));
      done.push({
        revision: revision.id,
        name: revision.name,
        direction,
        source: "history",
        ms,
        backfills,
        kept: [],
        returned: [],
      });
    }
  }
}

/** Returns the first steps that can share a transaction; none when the first cannot, or would be alone in it. */
function nextGroup(steps: readonly Step[], dialect: Dialect): readonly Step[] {
  const made = new Set<string | null>();
  let statements = 0;
  const end = steps.findIndex(({ script }) => {
    statements += script.statements.length;
    return statements > mostStatements || !script.statements.every((each) => makesOnly(each, dialect, made));
  });
  const group = end < 0 ? steps : steps.slice(0, end);
  return group.length > 1 ? group : [];
}

/**
 * Whether a statement leaves an empty database without rows, and all that is in it as it is.
 *
 * @param made The tables that the same transaction made before it, which nobody else sees yet; it adds its own
 */
function makesOnly({ sql, run }: Statement, dialect: Dialect, made: Set<string | null>): boolean {
  const at = cursorAt(tokensOf(run.kind === "backfill" ? run.update : sql, dialect));
  const isMade = () => {
    const name = foldedName(at.next(), dialect);
    if (!at.take(".")) return made.has(name);
    at.next();
    return false;
  };
  switch (run.kind) {
    case "backfill":
      // Of a table that was there before, somebody may have written rows since.
      return (at.take("UPDATE") || at.take("DELETE", "FROM")) && isMade();
    case "alone":
      // Where a table may have rows, an index that is made like any other would keep those waiting who write to it.
      at.take("CREATE", "UNIQUE") || at.take("CREATE");
      return at.take("INDEX", "CONCURRENTLY") && at.seek("ON") !== null && isMade();
    case "transaction": {
      if (at.take("CREATE", "TABLE")) {
        const table = foldedName(at.next(), dialect);
        const isFilled = topLevel(at.rest()).some((token) => isWord(token, "AS"));
        if (at.take("(")) made.add(table);
        return !isFilled;
      }
      if (at.take("ALTER", "TABLE")) {
        const isNew = isMade();
        return at.take("ADD") || (isNew && at.take("ALTER"));
      }
      return at.take("CREATE", "INDEX") || at.take("CREATE", "UNIQUE", "INDEX");
    }
  }
}

/** Returns all statements of a step, with their records, and the tables of its backfills. */
function scriptOf(context: RunContext, step: Step, options: BatchOptions) {
  const statements: SQL[] = [];
  const tables: string[] = [];
  for (const batch of batchesOf(step, options)) {
    if (batch.mode === "alone") {
      const { sql: text } = step.script.statements[batch.statement!]!;
      statements.push(userStatement(sql.raw(withoutWord("CONCURRENTLY", text, context.database.dialect))));
    } else statements.push(...batch.statements);
    if (batch.backfill === null) continue;
    const { backfill } = batch;
    tables.push(backfill.table);
    const task = { revision: step.revision.id, statement: batch.statement!, backfill };
    statements.push(...recordAtOnce(context, task));
  }
  return { statements, tables };
}

function withoutWord(word: string, text: string, dialect: Dialect): string {
  const found = tokensOf(text, dialect).find((token) => isWord(token, word));
  return found === undefined ? text : text.slice(0, found.start) + text.slice(found.start + word.length);
}
