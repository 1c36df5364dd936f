import { sql } from "drizzle-orm";
import type { Dialect } from "../../base/dialect.ts";
import { HarborError } from "../../base/errors.ts";
import { stopIfAsked } from "../../base/interrupt.ts";
import type { RunContext } from "../../engines/run_context.ts";
import { userStatement } from "../../engines/statement_names.ts";
import type { Script } from "../../history/scripts/script.ts";
import { tokensOf } from "../../sql/cursor.ts";
import { cutIntoBatches } from "./batches.ts";
import { unlessThere } from "./makes_only.ts";
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
    const group = nextGroup(scripts, done, context.database.dialect);
    if (group.length === 1 || !await ranTogether(context, group)) await runOneByOne(context, group);
    done += group.length;
  }
}

/** Returns the scripts from a place on that share a transaction; one by itself where there are none. */
function nextGroup(scripts: readonly Script[], from: number, dialect: Dialect): readonly Script[] {
  let [end, statements] = [from, 0];
  while (end < scripts.length && standsByItself(scripts[end]!, dialect)) {
    statements += scripts[end]!.statements.length;
    if (statements > mostStatements) break;
    end++;
  }
  return scripts.slice(from, Math.max(end, from + 1));
}

/**
 * Whether a script does in one transaction with others what it does in its own. What takes the place of something takes along what hung on
 * that before the transaction, whatever the same one made; rows may refer to what comes only before its end, settings and temporary tables last
 * until then, and a new value can be used where the type is new, too.
 */
function standsByItself({ statements }: Script, dialect: Dialect): boolean {
  return statements.every(({ sql, run }) => {
    if (run.kind !== "transaction" || beyondItself.test(sql)) return false;
    const [verb] = tokensOf(unlessThere(sql, dialect), dialect);
    return verb !== undefined && defining.test(verb.text);
  });
}

const beyondItself = /\b(?:drop|rename|replace|temp|temporary|add\s+value)\b/i;
const defining = /^(?:create|alter|comment)$/i;

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
