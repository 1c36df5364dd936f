import { isSameName } from "../../../base/fold_name.ts";
import { cursorAt, tokensOf } from "../../../sql/cursor.ts";
import { isWord, nameOf } from "../../../sql/lexer.ts";
import { readRebuild } from "./rebuild.ts";
import { readUpdates } from "./updates.ts";
import type { Found } from "./way.ts";

/**
 * Reads columns of one table that are dropped from a statement on, with the indexes that are dropped before and between them, and
 * updates of the same table before all of these; `null` where there are none, or where an earlier statement of the script writes rows:
 * what it takes over out of a column has to be in one transaction with the end of that column.
 */
export function readDroppedColumns(statements: readonly string[], at: number): Found | null {
  const updates = readUpdates(statements, at);
  let table = updates[0]?.table ?? null;
  let count = 0;
  for (const [place, text] of statements.slice(at).entries()) {
    if (place < updates.length) continue;
    const drop = readDrop(text);
    if (
      drop === null || (drop.table !== null && table !== null && !isSameName("sqlite", drop.table, table))
    ) break;
    if (drop.table === null) continue;
    table ??= drop.table;
    count = place + 1;
  }
  return table === null || count === 0 || !areDefinitions(statements, at) ? null : { count, table };
}

/**
 * Reads a table that is dropped by a statement; `null` where there is none, or where another statement of the script names the
 * table or writes rows before: it may be one that takes its place, or takes over what is in it.
 */
export function readDroppedTable(statements: readonly string[], at: number): Found | null {
  const drop = cursorAt(tokensOf(statements[at]!, "sqlite").filter((token) => token.text !== ";"));
  const table = drop.take("DROP", "TABLE") ? drop.name() : "";
  if (table === "" || drop.rest().length > 0 || !areDefinitions(statements, at)) return null;
  const isNamed = statements.some((text, place) =>
    place !== at && tokensOf(text, "sqlite").some((token) => isSameName("sqlite", nameOf(token) ?? "", table))
  );
  return isNamed ? null : { count: 1, table };
}

/** `table` is `null` of an index. */
function readDrop(text: string): { readonly table: string | null } | null {
  const at = cursorAt(tokensOf(text, "sqlite").filter((token) => token.text !== ";"));
  if (at.take("DROP", "INDEX")) return { table: null };
  if (!at.take("ALTER", "TABLE")) return null;
  const table = at.name();
  if (!at.take("DROP")) return null;
  at.take("COLUMN");
  return at.name() !== "" && at.rest().length === 0 ? { table } : null;
}

/** Whether all statements up to a place change the schema alone, or copy a table as a whole. */
function areDefinitions(statements: readonly string[], end: number): boolean {
  for (let at = 0; at < end; at++) {
    const copy = readRebuild(statements, at);
    if (copy !== null && at + copy.count <= end) {
      at += copy.count - 1;
      continue;
    }
    const tokens = tokensOf(statements[at]!, "sqlite");
    const isPlain = ["CREATE", "ALTER", "DROP"].some((word) => isWord(tokens[0], word)) &&
      (isWord(tokens[1], "TRIGGER") || !tokens.some((token) => isWord(token, "SELECT")));
    if (!isPlain) return false;
  }
  return true;
}
