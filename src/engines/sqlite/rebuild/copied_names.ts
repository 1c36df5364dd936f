import { commaParts, tokensOf } from "../../../sql/cursor.ts";
import { isWord, nameOf, type Token } from "../../../sql/lexer.ts";
import { quoteName, quoteText } from "../../../sql/quote.ts";

/** Names in double quotes that a copy takes from a table: `INSERT INTO n (…) SELECT "a", "b" FROM t`. */
export interface CopiedNames {
  readonly source: string;
  readonly names: readonly Token[];
}

/**
 * Returns what a statement copies by names in double quotes; `null` for any other.
 *
 * drizzle-kit writes a column that is new into both lists of such a copy. SQLite as many programs have it takes a name in
 * double quotes that is no column for a text, so that each row gets it as its value; ours refuses it.
 *
 * Source: https://www.sqlite.org/quirks.html#double_quoted_string_literals_are_accepted
 */
export function copiedNames(text: string): CopiedNames | null {
  if (!/insert/i.test(text) || !text.includes('"')) return null;
  const tokens = tokensOf(text, "sqlite").filter((token) => token.text !== ";");
  const select = tokens.findIndex((token) => isWord(token, "SELECT"));
  const from = tokens.findIndex((token) => isWord(token, "FROM"));
  const source = nameOf(tokens[from + 1]);
  if (
    !isWord(tokens[0], "INSERT") || select < 0 || from < select || source === null ||
    tokens.length !== from + 2
  ) return null;
  const names = commaParts(tokens.slice(select + 1, from)).flatMap((part) => {
    const [token] = part;
    return part.length === 1 && token?.kind === "name" && token.text.startsWith('"') ? [token] : [];
  });
  return names.length === 0 ? null : { source, names };
}

/** Returns a query that fails when the table has rows, and no column of one of the names. */
export function copyGuard({ source, names }: CopiedNames): string {
  const values = names.map((token) => `(${quoteText(nameOf(token)!)})`).join(", ");
  return `SELECT json_extract('{}', 'harbor_no_column ' || group_concat(column1, ', ')) FROM (VALUES ${values})
WHERE column1 COLLATE NOCASE NOT IN (SELECT name FROM pragma_table_xinfo(${quoteText(source)}))
AND lower(column1) NOT IN ('rowid', 'oid', '_rowid_') AND EXISTS (SELECT 1 FROM ${quoteName(source)})`;
}

/** Returns the names that {@link copyGuard} failed for; `null` when it did not. */
export function missedNames(message: string): string | null {
  return /harbor_no_column (.*?)'?$/s.exec(message)?.[1] ?? null;
}

/**
 * Returns a copy with texts for its names, as it is right for a table without rows, where no value comes of them; `null`
 * when the message says something else than that a name in double quotes is no column.
 */
export function withTexts(text: string, message: string): string | null {
  if (!/no such column: ".*" - should this be a string literal/.test(message)) return null;
  return copiedNames(text)?.names.reduceRight(
    (written, token) =>
      written.slice(0, token.start) + quoteText(nameOf(token)!) +
      written.slice(token.start + token.text.length),
    text,
  ) ?? null;
}
