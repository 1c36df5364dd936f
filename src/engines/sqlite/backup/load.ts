import type { DatabaseSync, StatementSync } from "node:sqlite";
import { quoteName } from "../../../sql/quote.ts";
import type { RowChunk } from "./row_chunk.ts";
import type { SqliteStoredTable } from "./content.ts";

/** Returns a function that puts rows into a table, piece by piece. */
export function openLoad(handle: DatabaseSync, table: SqliteStoredTable): (chunk: RowChunk) => void {
  let fromJson: StatementSync | undefined;
  let fromValues: StatementSync | undefined;
  return ({ content }) => {
    if ("json" in content) {
      fromJson ??= handle.prepare(`${insertInto(table)} ${selectFromJson(table.columns.length)}`);
      fromJson.run(content.json);
    } else {
      const places = table.columns.map(() => "?").join(", ");
      fromValues ??= handle.prepare(`${insertInto(table)} VALUES (${places})`);
      for (const row of content.values) fromValues.run(...row);
    }
  };
}

/** Returns the beginning of a statement that adds rows to a table. */
export function insertInto({ name, columns }: SqliteStoredTable): string {
  return `INSERT INTO ${quoteName(name)} (${columns.map((column) => quoteName(column.name)).join(", ")})`;
}

/** Returns the query that makes rows of a JSON array of arrays, its parameter. */
export function selectFromJson(width: number): string {
  const values = Array.from({ length: width }, (_, index) => `json_extract(value, '$[${index}]')`);
  return `SELECT ${values.join(", ")} FROM json_each(?)`;
}
