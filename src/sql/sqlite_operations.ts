import { isConstant } from "./constant_expression.ts";
import type { Operation } from "./operations.ts";
import { isWord, nameOf, type Token, tokenize, withoutComments } from "./lexer.ts";

/**
 * Returns what a SQLite statement does.
 *
 * SQLite's own parser is asked for whether it is a statement at all; this only has to find its way in those that are.
 */
export function sqliteOperations(sql: string): readonly Operation[] {
  const tokens = withoutComments(tokenize(sql, "sqlite"));
  const at = (index: number, ...words: readonly string[]) =>
    words.some((word) => isWord(tokens[index], word));
  const name = (index: number) => nameOf(tokens[skip(tokens, index)]) ?? "";
  if (at(0, "CREATE")) return create(tokens);
  if (at(0, "DROP")) {
    if (at(1, "TABLE")) return [{ kind: "drop table", table: name(2) }];
    return at(1, "INDEX") ? [{ kind: "drop index", index: name(2), isConcurrent: false }] : [];
  }
  if (at(0, "ALTER")) return alter(tokens, sql);
  if (at(0, "VACUUM")) return [{ kind: "not in a transaction", what: "VACUUM" }];
  if (at(0, "PRAGMA")) return [{ kind: "not in a transaction", what: `PRAGMA ${name(1)}` }];
  return changes(tokens);
}

/** Steps over `IF [NOT] EXISTS` and a database's name. */
function skip(tokens: readonly Token[], index: number): number {
  const afterIf = isWord(tokens[index], "IF") ? index + (isWord(tokens[index + 1], "NOT") ? 3 : 2) : index;
  return tokens[afterIf + 1]?.text === "." ? afterIf + 2 : afterIf;
}

function create(tokens: readonly Token[]): readonly Operation[] {
  const kind = tokens.findIndex((token) =>
    ["TABLE", "INDEX", "VIEW", "TRIGGER"].some((word) => isWord(token, word))
  );
  const name = nameOf(tokens[skip(tokens, kind + 1)]) ?? "";
  if (isWord(tokens[kind], "TABLE")) return [{ kind: "create table", table: name }];
  if (!isWord(tokens[kind], "INDEX")) return [];
  const on = tokens.findIndex((token) => isWord(token, "ON"));
  return [{
    kind: "create index",
    table: nameOf(tokens[on + 1]) ?? "",
    index: name,
    isUnique: isWord(tokens[1], "UNIQUE"),
    isConcurrent: false,
  }];
}

function alter(tokens: readonly Token[], sql: string): readonly Operation[] {
  const start = skip(tokens, 2);
  const table = nameOf(tokens[start]) ?? "";
  const [verb, ...rest] = tokens.slice(start + 1);
  const parts = isWord(rest[0], "COLUMN") ? rest.slice(1) : rest;
  const column = nameOf(parts[0]) ?? "";
  if (isWord(verb, "DROP")) return [{ kind: "drop column", table, column }];
  if (isWord(verb, "RENAME")) {
    if (isWord(rest[0], "TO")) return [{ kind: "rename table", table, to: nameOf(rest[1]) ?? "" }];
    return [{ kind: "rename column", table, column, to: nameOf(parts[2]) ?? "" }];
  }
  if (!isWord(verb, "ADD")) return [{ kind: "hidden", what: "ALTER TABLE of another form" }];
  const value = defaultIn(parts, sql);
  return [{
    kind: "add column",
    table,
    column,
    notNull: parts.some((token, index) => isWord(token, "NOT") && isWord(parts[index + 1], "NULL")),
    value: value === null ? "none" : isConstant(value, "sqlite") ? "one for all" : "each row",
  }];
}

function defaultIn(tokens: readonly Token[], sql: string): string | null {
  const at = tokens.findIndex((token) => isWord(token, "DEFAULT"));
  const [first, second] = tokens.slice(at + 1);
  if (at < 0 || first === undefined) return null;
  const isSigned = first.text === "-" || first.text === "+";
  const last = isSigned && second !== undefined ? second : first;
  return sql.slice(first.start, last.start + last.text.length);
}

/** Finds UPDATE, DELETE and INSERT, also behind a WITH. */
function changes(tokens: readonly Token[]): readonly Operation[] {
  let depth = 0;
  for (const [index, token] of tokens.entries()) {
    if (token.text === "(") depth++;
    if (token.text === ")") depth--;
    if (depth > 0) continue;
    // UPDATE OR IGNORE, INSERT OR REPLACE INTO, DELETE FROM
    const name = () => {
      let next = isWord(tokens[index + 1], "OR") ? index + 3 : index + 1;
      if (isWord(tokens[next], "INTO") || isWord(tokens[next], "FROM")) next++;
      return nameOf(tokens[skip(tokens, next)]) ?? "";
    };
    if (isWord(token, "UPDATE")) return [{ kind: "update", table: name() }];
    if (isWord(token, "DELETE")) return [{ kind: "delete", table: name() }];
    if (isWord(token, "INSERT") || isWord(token, "REPLACE")) return [{ kind: "insert", table: name() }];
  }
  return [];
}
