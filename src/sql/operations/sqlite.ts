import { isConstant } from "../constant_expression.ts";
import type { Operation } from "./operation.ts";
import { cursorAt, type SqlCursor, tokensOf } from "../cursor.ts";
import { isWord, type Token } from "../lexer.ts";

/**
 * Returns what a SQLite statement does.
 *
 * SQLite's own parser is asked for whether it is a statement at all; this only has to find its way in those that are.
 */
export function sqliteOperations(sql: string): readonly Operation[] {
  const at = cursorAt(tokensOf(sql, "sqlite"));
  if (at.take("CREATE")) return create(at);
  if (at.take("DROP", "TABLE")) return [{ kind: "drop table", table: at.name() }];
  if (at.take("DROP", "INDEX")) return [{ kind: "drop index", index: at.name(), isConcurrent: false }];
  if (at.take("DROP", "VIEW")) {
    return [{ kind: "drop other", what: "view", name: at.name(), isCascade: false }];
  }
  if (at.take("DROP")) return [];
  if (at.take("ALTER", "TABLE")) return alter(at, sql);
  if (at.take("VACUUM")) return [{ kind: "not in a transaction", what: "VACUUM" }];
  if (at.take("PRAGMA")) return [{ kind: "not in a transaction", what: `PRAGMA ${at.name()}` }];
  return changes(at);
}

function create(at: SqlCursor): readonly Operation[] {
  const isUnique = at.take("UNIQUE");
  const kind = at.seek("TABLE", "INDEX", "VIEW", "TRIGGER");
  if (kind === "TABLE") return [{ kind: "create table", table: at.name() }];
  if (kind === "VIEW") return [{ kind: "create other", what: "view", name: at.name() }];
  if (kind !== "INDEX") return [];
  const index = at.name();
  at.take("ON");
  return [{ kind: "create index", table: at.name(), index, isUnique, isConcurrent: false }];
}

function alter(at: SqlCursor, sql: string): readonly Operation[] {
  const table = at.name();
  if (at.take("RENAME", "TO")) return [{ kind: "rename table", table, to: at.name() }];
  const verb = at.next();
  at.take("COLUMN");
  const column = at.name();
  if (isWord(verb, "DROP")) return [{ kind: "drop column", table, column }];
  if (isWord(verb, "RENAME")) {
    at.take("TO");
    return [{ kind: "rename column", table, column, to: at.name() }];
  }
  if (!isWord(verb, "ADD")) return [{ kind: "hidden", what: "ALTER TABLE of another form" }];
  const parts = at.rest();
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
function changes(at: SqlCursor): readonly Operation[] {
  const verb = at.seek("UPDATE", "DELETE", "INSERT", "REPLACE");
  if (verb === null) return [];
  // REPLACE is a function as well.
  if (verb === "REPLACE" && !at.take("INTO")) return [];
  // UPDATE OR IGNORE, INSERT OR REPLACE INTO, DELETE FROM
  if (at.take("OR")) at.next();
  at.take("INTO") || at.take("FROM");
  const table = at.name();
  return [{ kind: verb === "UPDATE" ? "update" : verb === "DELETE" ? "delete" : "insert", table }];
}
