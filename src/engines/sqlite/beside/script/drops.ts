import { isSameName } from "../../../../base/fold_name.ts";
import { cursorAt, tokensOf } from "../../../../sql/cursor.ts";
import { nameOf } from "../../../../sql/lexer.ts";
import { readUpdates } from "./updates.ts";
import type { Found } from "../../rebuild/found.ts";

/**
 * Reads columns of one table that are dropped from a statement on, with the indexes that are dropped before and between them, and
 * updates of the same table before all of these; `null` where there are none.
 */
export function readDroppedColumns(statements: readonly string[], at: number): Found | null {
  const updates = readUpdates(statements, at);
  let table = updates[0]?.table ?? null;
  let count = 0;
  for (const [place, text] of statements.slice(at + updates.length).entries()) {
    const drop = readDrop(text);
    if (
      drop === null || (drop.table !== null && table !== null && !isSameName("sqlite", drop.table, table))
    ) break;
    if (drop.table === null) continue;
    table ??= drop.table;
    count = updates.length + place + 1;
  }
  return table === null || count === 0 ? null : { count, table };
}

/**
 * Reads a table that is dropped by a statement; `null` where there is none, or where another statement of the script names the
 * table: it may be one that takes its place, or takes over what is in it.
 */
export function readDroppedTable(statements: readonly string[], at: number): Found | null {
  const table = droppedTable(statements[at]!);
  if (table === null) return null;
  const isNamed = statements.some((text, place) =>
    place !== at && tokensOf(text, "sqlite").some((token) => isSameName("sqlite", nameOf(token) ?? "", table))
  );
  return isNamed ? null : { count: 1, table };
}

/** Returns the table that a statement drops; `null` for any other statement. */
export function droppedTable(text: string): string | null {
  const drop = cursorAt(tokensOf(text, "sqlite").filter((token) => token.text !== ";"));
  const table = drop.take("DROP", "TABLE") ? drop.name() : "";
  return table === "" || drop.rest().length > 0 ? null : table;
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
