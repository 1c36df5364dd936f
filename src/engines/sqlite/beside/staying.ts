import { isSameName, keyOf } from "../../../base/fold_name.ts";
import { sqliteOperations } from "../../../sql/operations/sqlite.ts";
import { quoteName } from "../../../sql/quote.ts";
import { HarborError } from "../../../base/errors.ts";
import { assignedColumns } from "../../../sql/repeatable_update.ts";
import { cursorAt, foldedName, tokensOf, topLevel } from "../../../sql/cursor.ts";
import { isWord, type Token } from "../../../sql/lexer.ts";
import type { RowWrite, Staying } from "../../beside.ts";
import type { BesideFile, BesidePlace } from "../database.ts";
import { own } from "../connection/statement.ts";
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
  const written = texts.flatMap((text, at) => readFrom(text, at) ?? []);
  for (const [, all] of Map.groupBy(written, ({ table }) => keyOf(table, "sqlite"))) {
    const { table } = all[0]!;
    if (isFound(table) || !isLarge(file, table, largeRows)) continue;
    const writes = all.map(({ table, ...write }) => ({
      ...write,
      found: foundBy(file, table, write.condition),
    }));
    found.push({ table, way: "write", writes });
  }
  return found;
}

type Written = Omit<RowWrite, "found"> & Pick<Staying, "table">;

/** Returns the table whose rows a statement changes, or puts into another one, and which; `null` for any other statement. */
function readFrom(text: string, at: number): Written | null {
  const cursor = cursorAt(tokensOf(text, "sqlite"));
  const written = (changes: (table: string) => RowWrite["changes"]): Written => {
    const table = cursor.name();
    const change = changes(table);
    if (cursor.seek("WHERE") === null) return { table, at, condition: "TRUE", names: [], changes: change };
    const tokens = conditionIn(cursor.rest());
    const [first, last] = [tokens[0], tokens.at(-1)];
    const condition = text.slice(first?.start ?? text.length, last && last.start + last.text.length);
    const names = tokens.flatMap((token) => foldedName(token, "sqlite") ?? []);
    return { table, at, condition, names: [...new Set(names)], changes: change };
  };
  if (cursor.take("UPDATE")) {
    if (cursor.take("OR")) cursor.next();
    return written((table) => ({ table, columns: assignedColumns(cursor.rest(), "sqlite") }));
  }
  if (cursor.take("DELETE", "FROM")) return written(() => null);
  if (!cursor.take("INSERT") && !cursor.take("REPLACE")) return null;
  if (cursor.seek("INTO") === null) return null;
  const target = cursor.name();
  return cursor.seek("SELECT") !== null && cursor.seek("FROM") !== null
    ? written(() => ({ table: target, columns: null }))
    : null;
}

/** See {@link RowWrite.found}. */
function foundBy(file: BesideFile, table: string, condition: string): RowWrite["found"] {
  if (/\bSELECT\b/i.test(condition)) return null;
  try {
    const query = `EXPLAIN QUERY PLAN SELECT 1 FROM ${quoteName(table)} WHERE ${condition}`;
    const steps = file.rows<{ readonly detail: string }>(own(query));
    return steps.some(({ detail }) => detail.startsWith("SCAN")) ? "look" : "key";
  } catch (error) {
    if (error instanceof HarborError && error.code !== "busy") return null;
    throw error;
  }
}

/** Returns the tokens of a condition, up to what ends it. */
function conditionIn(rest: readonly Token[]): readonly Token[] {
  const ends = ["RETURNING", "GROUP", "ORDER", "LIMIT", "UNION", "EXCEPT", "INTERSECT", "WINDOW"];
  const end = topLevel(rest).find((token) => ends.some((word) => isWord(token, word)) || token.text === ";");
  return end === undefined ? rest : rest.slice(0, rest.indexOf(end));
}
