import { type Statement, ways } from "../../history/scripts/statement.ts";

/**
 * Cuts statements so that those which share a transaction alter one table each, where none of them has to do with a second one:
 * whoever uses another table then does not wait for them. What alters a table stays together and in order.
 */
export function byTable(statements: readonly Statement[]): readonly (readonly Statement[])[] {
  const runs: Statement[][] = [];
  for (const statement of statements) {
    const before = runs.at(-1)?.at(-1);
    const isNext = before !== undefined && ways[before.run.kind].isShared &&
      ways[statement.run.kind].isShared;
    if (isNext) runs.at(-1)!.push(statement);
    else runs.push([statement]);
  }
  return runs.flatMap((run) => {
    const tables = Map.groupBy(run, ({ sql }) => altered(sql));
    return tables.has(undefined) ? [run] : [...tables.values()];
  });
}

/** Returns the table that a statement alters and beside which it needs no other; `undefined` for any other statement. */
function altered(sql: string): string | undefined {
  return /\bREFERENCES\b/i.test(sql) ? undefined : alone.exec(sql)?.[1];
}

// Of constraints only those go for certain without another table's: the guards of SET NOT NULL.
const alone =
  /^ALTER TABLE ((?:"(?:[^"]|"")+"\.)?"(?:[^"]|"")+") (?:ADD COLUMN|ADD CONSTRAINT|ALTER COLUMN|DROP CONSTRAINT "(?:[^"]|"")+_not_null";?$)/;
