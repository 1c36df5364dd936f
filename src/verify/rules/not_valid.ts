import { commaParts, cursorAt, tokensOf } from "../../sql/cursor.ts";
import { isWord } from "../../sql/lexer.ts";

/** A constraint of a table. */
export interface TableConstraint {
  readonly table: string;
  readonly name: string;
}

/**
 * Returns the constraints that PostgreSQL's statements add `NOT VALID` and do not validate later: their own scripts leave it
 * open whether older rows keep them.
 *
 * @param statements Of the revisions that are applied, in order
 */
export function leftNotValid(statements: readonly string[]): readonly TableConstraint[] {
  let left: readonly TableConstraint[] = [];
  for (const sql of statements) {
    if (!/\b(?:VALID|VALIDATE|DROP)\b/i.test(sql)) continue;
    const cursor = cursorAt(tokensOf(sql, "postgresql"));
    if (!cursor.take("ALTER", "TABLE")) continue;
    cursor.take("IF", "EXISTS");
    cursor.take("ONLY");
    const table = cursor.name();
    for (const action of commaParts(cursor.rest())) {
      const at = cursorAt(action);
      const isAdded = at.take("ADD", "CONSTRAINT");
      if (!isAdded && !at.take("VALIDATE", "CONSTRAINT") && !at.take("DROP", "CONSTRAINT")) continue;
      const name = at.name();
      left = left.filter((each) => each.table !== table || each.name !== name);
      if (isAdded && isWord(action.at(-1), "VALID") && isWord(action.at(-2), "NOT")) {
        left = [...left, { table, name }];
      }
    }
  }
  return left;
}
