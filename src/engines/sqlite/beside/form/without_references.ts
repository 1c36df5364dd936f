import { commaParts, cursorAt, tokensOf } from "../../../../sql/cursor.ts";
import { isWord, type Token } from "../../../../sql/lexer.ts";
import { openReplica, type SchemaRow } from "./replica.ts";
import { readTable } from "./table.ts";

/**
 * Returns the text of a table without its foreign keys: a copy that had them would keep rows of others from being deleted, or
 * lose its own with them. `null` where SQLite makes something else of it than a table that differs in nothing but that.
 */
export function withoutReferences({ name, sql }: Pick<SchemaRow, "name" | "sql">): string | null {
  const cut = cutReferences(sql);
  if (cut === sql) return sql;
  const [whole, left] = [sql, cut].map((text) => formOf(name, text));
  const isLike = whole !== null && left !== null && left!.references.length === 0 &&
    JSON.stringify({ ...whole, sql: cut, references: [] }) === JSON.stringify(left);
  return isLike ? cut : null;
}

function formOf(name: string, sql: string) {
  const replica = openReplica([{ type: "table", name, table: name, sql }]);
  return replica === null ? null : readTable(replica, name);
}

function cutReferences(text: string): string {
  const tokens = tokensOf(text, "sqlite");
  if (!tokens.some((token) => isWord(token, "REFERENCES"))) return text;
  const open = tokens.findIndex(({ kind, text }) => kind === "sign" && text === "(");
  const close = tokens.findLastIndex(({ kind, text }) => kind === "sign" && text === ")");
  const parts = commaParts(tokens.slice(open + 1, close)).flatMap((part) => {
    const runs = runsWithout(part).filter((run) => run.length > 0);
    return runs.length === 0 ? [] : [runs.map((run) => textOf(text, run)).join(" ")];
  });
  return `${text.slice(0, tokens[open]!.start)}(${parts.join(", ")}${text.slice(tokens[close]!.start)}`;
}

/** Returns what is left of a column or constraint: the tokens before each foreign key, and those behind the last. */
function runsWithout(part: readonly Token[]): readonly (readonly Token[])[] {
  const at = part.findIndex((token) => isWord(token, "REFERENCES"));
  if (at < 0) return [part];
  const { start, end } = referenceAt(part, at);
  return [part.slice(0, start), ...runsWithout(part.slice(end))];
}

/** Returns where the foreign key begins and ends in a column's definition or a constraint whose word REFERENCES is at a place. */
export function referenceAt(
  part: readonly Token[],
  at: number,
): { readonly start: number; readonly end: number } {
  const rest = cursorAt(part.slice(at + 1));
  rest.name();
  if (rest.take("(")) { while (!rest.take(")") && rest.next() !== undefined); }
  while (takesClause(rest));
  return { start: startOf(part, at), end: part.length - rest.rest().length };
}

/** Where the constraint begins whose word REFERENCES is at a place: its name and the columns of the table count. */
function startOf(part: readonly Token[], at: number): number {
  const foreign = part.slice(0, at).findLastIndex((token, place) =>
    isWord(token, "FOREIGN") && isWord(part[place + 1], "KEY")
  );
  const start = foreign >= 0 ? foreign : at;
  return start >= 2 && isWord(part[start - 2], "CONSTRAINT") ? start - 2 : start;
}

function takesClause(at: ReturnType<typeof cursorAt>): boolean {
  if (at.take("ON", "DELETE") || at.take("ON", "UPDATE")) {
    return at.take("SET", "NULL") || at.take("SET", "DEFAULT") || at.take("CASCADE") ||
      at.take("RESTRICT") || at.take("NO", "ACTION");
  }
  if (at.take("MATCH")) return at.next() !== undefined;
  if (!at.take("NOT", "DEFERRABLE") && !at.take("DEFERRABLE")) return false;
  at.take("INITIALLY", "DEFERRED") || at.take("INITIALLY", "IMMEDIATE");
  return true;
}

function textOf(text: string, run: readonly Token[]): string {
  const last = run.at(-1)!;
  return text.slice(run[0]!.start, last.start + last.text.length);
}
