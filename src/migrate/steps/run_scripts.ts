import { sql } from "drizzle-orm";
import { HarborError } from "../../base/errors.ts";
import { stopIfAsked } from "../../base/interrupt.ts";
import type { RunContext } from "../../engines/run_context.ts";
import { userStatement } from "../../engines/statement_names.ts";
import type { Script } from "../../history/scripts/script.ts";
import { cutIntoBatches } from "./batches.ts";
import { mostStatements } from "./run_together.ts";

type Surroundings = Pick<RunContext, "database" | "signal">;

/**
 * Runs scripts in an empty database that nobody else has, and nothing else: nothing is looked at before, put aside or written
 * down. Scripts share transactions where they leave the same in one as in several.
 *
 * @throws {HarborError} what the database says
 */
export async function runScripts(context: Surroundings, scripts: readonly Script[]): Promise<void> {
  for (let done = 0; done < scripts.length;) {
    const group = nextGroup(scripts, done);
    if (group.length === 1 || !await ranTogether(context, group)) await runOneByOne(context, group);
    done += group.length;
  }
}

/** Returns the scripts from a place on that share a transaction; one by itself where there are none. */
function nextGroup(scripts: readonly Script[], from: number): readonly Script[] {
  let [end, statements] = [from, 0];
  while (end < scripts.length && replacesNothing(scripts[end]!)) {
    statements += scripts[end]!.statements.length;
    if (statements > mostStatements) break;
    end++;
  }
  return scripts.slice(from, Math.max(end, from + 1));
}

/** What takes the place of something takes along what hung on that before the transaction, whatever the same one made. */
function replacesNothing({ statements }: Script): boolean {
  return statements.every(({ sql, run }) =>
    run.kind === "transaction" && !/\b(?:drop|rename|replace)\b/i.test(sql)
  );
}

async function ranTogether({ database, signal }: Surroundings, group: readonly Script[]): Promise<boolean> {
  stopIfAsked(signal);
  const statements = group.flatMap((script) =>
    script.statements.map((each) => userStatement(sql.raw(each.sql)))
  );
  try {
    await database.write(statements, "schema");
    return true;
  } catch (error) {
    // One by one is the way on only from where they did not commit.
    if (!(error instanceof HarborError) || error.details.committed !== undefined) throw error;
    return false;
  }
}

async function runOneByOne({ database, signal }: Surroundings, scripts: readonly Script[]): Promise<void> {
  for (const { statements } of scripts) {
    const batches = cutIntoBatches({ statements, from: 0, before: [], isRecorded: true, rows: () => [] });
    for (const batch of batches) {
      stopIfAsked(signal);
      if (batch.statements.length > 0) await database.write(batch.statements, batch.mode);
    }
  }
}
