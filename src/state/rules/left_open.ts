import type { LeftConstraint } from "../../engines/inspector.ts";
import { closing, cursorAt, folded, topLevel } from "../../sql/cursor.ts";
import { isWord, nameOf, type Token } from "../../sql/lexer.ts";
import { codeStatements } from "../../sql/made_names.ts";
import { saidOfTables, tableHere } from "../../sql/said_of_tables.ts";

/**
 * Returns the constraints that PostgreSQL's statements add `NOT VALID` and do not validate later, or leave `NOT ENFORCED`: their
 * own scripts leave it open whether rows keep them. What code does on a condition counts as done.
 *
 * @param statements Of the revisions that are applied, in order
 */
export function leftOpen(statements: readonly string[]): readonly LeftConstraint[] {
  let left: readonly LeftConstraint[] = [];
  const add = (table: string, names: LeftConstraint["name"][], is: LeftConstraint["is"]) => {
    left = [...left, ...names.map((name) => ({ table, name, is }))];
  };
  const isAbout = (sql: string) => /\b(?:VALID|VALIDATE|ENFORCED|RENAME|DROP)\b/i.test(sql);
  const said = statements.filter(isAbout).flatMap((sql) => codeStatements(sql, "postgresql"));
  for (const tokens of said.map((each) => each.map(folded))) {
    const cursor = cursorAt(tokens);
    if (cursor.take("CREATE")) {
      if (cursor.seek("TABLE") === null) continue;
      const table = tableHere(cursor);
      if (table === null) continue;
      const body = cursor.rest();
      add(table, notEnforcedIn(body.slice(1, closing(body, 0))), "NOT ENFORCED");
      continue;
    }
    for (const done of saidOfTables(tokens)) {
      const { table } = done;
      if (done.kind === "gone") {
        left = left.filter((each) => each.table !== table);
        continue;
      }
      if (done.kind === "renamed") {
        left = left.map((each) => each.table === table ? { ...each, table: done.to } : each);
        continue;
      }
      const { action } = done;
      const at = cursorAt(action);
      const verb = ["ADD", "ALTER", "VALIDATE", "DROP", "RENAME"].find((word) => at.take(word, "CONSTRAINT"));
      const name = verb === undefined ? null : at.name();
      const isIt = (each: LeftConstraint) => each.table === table && each.name === name;
      if (verb === "RENAME" && at.take("TO")) {
        const to = at.name();
        left = left.map((each) => isIt(each) ? { ...each, name: to } : each);
        continue;
      }
      // What else is altered of one leaves that as it is.
      if (verb === "ALTER" && !action.some((token) => isWord(token, "ENFORCED"))) continue;
      if (verb !== undefined) left = left.filter((each) => !isIt(each));
      const notEnforced = verb !== "ALTER" ? notEnforcedIn(action) : hasNot(action, "ENFORCED") ? [name] : [];
      add(table, notEnforced, "NOT ENFORCED");
      if (verb === "ADD" && notEnforced.length === 0 && hasNot(action, "VALID")) {
        add(table, [name], "NOT VALID");
      }
    }
  }
  return left;
}

/** Returns the names of the constraints that definitions make NOT ENFORCED; `null` for one that PostgreSQL names. */
function notEnforcedIn(definitions: readonly Token[]): LeftConstraint["name"][] {
  const tokens = topLevel(definitions);
  const names: LeftConstraint["name"][] = [];
  let start = 0;
  tokens.forEach((token, at) => {
    const isFirst = isWord(token, "FOREIGN") || isWord(token, "CHECK") ||
      (isWord(token, "REFERENCES") && !isWord(tokens[at - 1], "KEY"));
    if (isFirst) start = at;
    if (!isWord(token, "ENFORCED") || !isWord(tokens[at - 1], "NOT")) return;
    names.push(isWord(tokens[start - 2], "CONSTRAINT") ? nameOf(tokens[start - 1]) : null);
  });
  return names;
}

function hasNot(action: readonly Token[], word: string): boolean {
  const tokens = topLevel(action);
  return tokens.some((token, at) => isWord(token, word) && isWord(tokens[at - 1], "NOT"));
}
