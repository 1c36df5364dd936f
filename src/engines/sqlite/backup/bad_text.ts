import { HarborError } from "../../../base/errors.ts";
import type { SqliteStoredTable } from "./content.ts";
import { quoteName, quoteText } from "../../../sql/quote.ts";
import type { SqliteValue } from "../connection/statement.ts";

/**
 * Returns the query for the keys of a table's rows with their texts as bytes. SQLite takes any bytes for a text, and
 * what reads a text replaces those that are not UTF-8 without a word.
 *
 * @param rest What follows the table's name
 */
export function textBytesQuery({ name, order, columns }: SqliteStoredTable, rest = ""): string {
  const bytes = columns.map(({ name }) =>
    `CASE typeof(${quoteName(name)}) WHEN 'text' THEN CAST(${quoteName(name)} AS BLOB) END`
  );
  return `SELECT ${[...order, ...bytes].join(", ")} FROM ${quoteName(name)}${rest}`;
}

/**
 * Looks through rows of {@link textBytesQuery} and returns the error for the first text that is not UTF-8.
 *
 * @param verb What cannot be done with the table
 */
export function findBadText(
  verb: "copy" | "restore",
  { name, order, columns }: SqliteStoredTable,
  rows: Iterable<readonly SqliteValue[]>,
): HarborError | undefined {
  for (const row of rows) {
    const place = columns.findIndex((_, index) => isBadText(row[order.length + index]!));
    if (place < 0) continue;
    const column = columns[place]!.name;
    const words = order.map((word, index) => `${word.replaceAll('"', "")} ${wordsOf(row[index]!)}`).join(
      ", ",
    );
    const where = order.map((word, index) => `${word} = ${wordsOf(row[index]!)}`).join(" AND ");
    const query = `SELECT hex(CAST(${quoteName(column)} AS BLOB)) FROM ${quoteName(name)} WHERE ${where}`;
    return new HarborError(
      "backup_failed",
      `Cannot ${verb} the table "${name}": the text in "${column}" of the row with ${words} is not UTF-8`,
      {
        hint:
          `A libSQL server sends and takes UTF-8 only. Look at the bytes, and write the text anew: ${query}`,
        details: { table: name, column, key: row.slice(0, order.length).map(String) },
      },
    );
  }
  return undefined;
}

const decoder = new TextDecoder("utf-8", { fatal: true });

function isBadText(value: SqliteValue): boolean {
  if (!(value instanceof Uint8Array)) return false;
  try {
    decoder.decode(value);
    return false;
  } catch {
    return true;
  }
}

function wordsOf(value: SqliteValue): string {
  if (value instanceof Uint8Array) {
    return `x'${[...value].map((byte) => byte.toString(16).padStart(2, "0")).join("")}'`;
  }
  return typeof value === "string" ? quoteText(value) : String(value);
}
