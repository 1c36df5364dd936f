import { isSameName } from "../../../base/fold_name.ts";
import { cursorAt, tokensOf } from "../../../sql/cursor.ts";
import { nameOf } from "../../../sql/lexer.ts";
import type { Staying } from "../../beside.ts";
import { readUpdates } from "./updates.ts";
import type { Found } from "./way.ts";

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

/**
 * Reads what statements that are one transaction do to the rows of tables: what takes the place of a table that was dropped is a copy,
 * whatever it was called.
 */
export function readStaying(
  statements: readonly string[],
  isLarge: (table: string) => boolean,
): readonly Staying[] {
  const found: Staying[] = [];
  for (let at = 0; at < statements.length;) {
    const columns = readDroppedColumns(statements, at);
    const table = columns === null ? droppedTable(statements[at]!) : null;
    if (columns !== null && isLarge(columns.table)) found.push({ table: columns.table, way: "rewrite" });
    if (table !== null) {
      const isCopied = statements.slice(at + 1).some((text) => takesPlaceOf(text, table));
      if (isCopied || isLarge(table)) found.push({ table, way: isCopied ? "copy" : "drop" });
    }
    at += columns?.count ?? 1;
  }
  return found;
}

function takesPlaceOf(text: string, table: string): boolean {
  const at = cursorAt(tokensOf(text, "sqlite"));
  return at.take("ALTER", "TABLE") && at.name() !== "" && at.take("RENAME", "TO") &&
    isSameName("sqlite", at.name(), table);
}

/** Returns the table that a statement drops; `null` for any other statement. */
function droppedTable(text: string): string | null {
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
