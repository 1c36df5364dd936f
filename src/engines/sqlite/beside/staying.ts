import { isSameName } from "../../../base/fold_name.ts";
import { sqliteOperations } from "../../../sql/operations/sqlite.ts";
import { cursorAt, tokensOf } from "../../../sql/cursor.ts";
import type { Staying } from "../../beside.ts";
import type { BesidePlace } from "../database.ts";
import { droppedTable, readDroppedColumns } from "./script/drops.ts";
import { isLarge } from "./form/whole_table.ts";

/**
 * Returns what statements that are one transaction do to the rows of tables: what takes the place of a table that was dropped is a copy,
 * whatever it was called.
 */
export function staying({ file, largeRows }: BesidePlace, texts: readonly string[]): readonly Staying[] {
  const renamed = texts.map((text) =>
    sqliteOperations(text).flatMap((each) => each.kind === "rename table" ? [each.to] : [])
  );
  const found: Staying[] = [];
  for (let at = 0; at < texts.length;) {
    const columns = readDroppedColumns(texts, at);
    const table = columns === null ? droppedTable(texts[at]!) : null;
    if (columns !== null && isLarge(file, columns.table, largeRows)) {
      found.push({ table: columns.table, way: "rewrite" });
    }
    if (table !== null) {
      const isCopied = renamed.slice(at + 1).flat().some((name) => isSameName("sqlite", name, table));
      if (isCopied || isLarge(file, table, largeRows)) found.push({ table, way: isCopied ? "copy" : "drop" });
    }
    at += columns?.count ?? 1;
  }
  const isFound = (name: string) => found.some(({ table }) => isSameName("sqlite", table, name));
  for (const table of texts.flatMap((text) => readFrom(text) ?? [])) {
    if (!isFound(table) && isLarge(file, table, largeRows)) found.push({ table, way: "write" });
  }
  return found;
}

/** Returns the table whose rows a statement changes, or puts into another one; `null` for any other statement. */
function readFrom(text: string): string | null {
  const cursor = cursorAt(tokensOf(text, "sqlite"));
  if (cursor.take("UPDATE")) {
    if (cursor.take("OR")) cursor.next();
    return cursor.name();
  }
  if (cursor.take("DELETE", "FROM")) return cursor.name();
  if (!cursor.take("INSERT") && !cursor.take("REPLACE")) return null;
  return cursor.seek("SELECT") !== null && cursor.seek("FROM") !== null ? cursor.name() : null;
}
