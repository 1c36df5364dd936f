import { foldName } from "../base/fold_name.ts";

/** What SQLite calls the id of a table's rows, unless a column is called so. */
export const rowIdWords = ["rowid", "_rowid_", "oid"] as const;

/** Returns a word for the row id of a table with these columns; `null` where all are names of columns. */
export function freeRowIdWord(columns: readonly { readonly name: string }[]): string | null {
  const taken = new Set(columns.map(({ name }) => foldName(name)));
  return rowIdWords.find((word) => !taken.has(word)) ?? null;
}
