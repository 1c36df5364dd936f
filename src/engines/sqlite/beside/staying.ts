import { isSameName, keyOf } from "../../../base/fold_name.ts";
import { sqliteOperations } from "../../../sql/operations/sqlite.ts";
import { cursorAt, tokensOf, topLevel } from "../../../sql/cursor.ts";
import { isWord, type Token } from "../../../sql/lexer.ts";
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
  const written = texts.flatMap((text) => readFrom(text) ?? []).filter(({ table }) =>
    !isFound(table) && isLarge(file, table, largeRows)
  );
  for (const [, all] of Map.groupBy(written, ({ table }) => keyOf(table, "sqlite"))) {
    found.push({ table: all[0]!.table, way: "write", conditions: all.map(({ condition }) => condition) });
  }
  return found;
}

interface Written {
  readonly table: string;
  /** See {@link Staying.conditions}. */
  readonly condition: string;
}

/** Returns the table whose rows a statement changes, or puts into another one, and which; `null` for any other statement. */
function readFrom(text: string): Written | null {
  const cursor = cursorAt(tokensOf(text, "sqlite"));
  const written = (): Written => {
    const table = cursor.name();
    return { table, condition: cursor.seek("WHERE") === null ? "TRUE" : conditionIn(text, cursor.rest()) };
  };
  if (cursor.take("UPDATE")) {
    if (cursor.take("OR")) cursor.next();
    return written();
  }
  if (cursor.take("DELETE", "FROM")) return written();
  if (!cursor.take("INSERT") && !cursor.take("REPLACE")) return null;
  return cursor.seek("SELECT") !== null && cursor.seek("FROM") !== null ? written() : null;
}

/** Returns a condition as it is written, up to what ends it. */
function conditionIn(text: string, rest: readonly Token[]): string {
  const ends = ["RETURNING", "GROUP", "ORDER", "LIMIT", "UNION", "EXCEPT", "INTERSECT", "WINDOW"];
  const end = topLevel(rest).find((token) => ends.some((word) => isWord(token, word)) || token.text === ";");
  return text.slice(rest[0]?.start ?? text.length, end?.start ?? text.length).trim();
}
