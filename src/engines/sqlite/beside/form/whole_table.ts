import { isSameName } from "../../../../base/fold_name.ts";
import { HarborError } from "../../../../base/errors.ts";
import { tokensOf } from "../../../../sql/cursor.ts";
import { isWord } from "../../../../sql/lexer.ts";
import { quoteText } from "../../../../sql/quote.ts";
import type { BesideFile } from "../../database.ts";
import { hasRows, type Replica, schemaQuery, type SchemaRow } from "./replica.ts";

/** Whether a table has so many rows. */
export function isLarge(file: BesideFile, table: string, atLeast: number): boolean {
  const found = file.rows<SchemaRow>(schemaQuery).find((row) =>
    row.type === "table" && isSameName("sqlite", row.name, table)
  );
  return found !== undefined && file.rows<{ large: number }>(hasRows(found.name, atLeast))[0]?.large === 1;
}

/** Whether any table has a foreign key to one. */
export function isReferredTo({ rows }: Replica, table: string): boolean {
  const [found] = rows(
    `SELECT 1 FROM sqlite_schema m JOIN pragma_foreign_key_list(m.name) k WHERE m.type = 'table' AND lower(k."table") = lower(${
      quoteText(table)
    })`,
  );
  return found !== undefined;
}

/**
 * Whether a table's text may refer to rows, which a copy with other values would not do alike, or may let a row go that it
 * refuses, or others instead of it: ON CONFLICT.
 */
export function hasWord(text: string, word: "REFERENCES" | "CONFLICT"): boolean {
  return tokensOf(text, "sqlite").some((token) => isWord(token, word));
}

/** Whether two schemas are alike but for a table and its indexes. */
export function isAllElseAlike(from: Replica, to: Replica, table: string): boolean {
  const [before, after] = [from, to].map(({ rows }) =>
    rows<SchemaRow>(schemaQuery.text).flatMap((row) =>
      isSameName("sqlite", row.table, table) && row.type !== "trigger"
        ? []
        : [`${row.type} ${row.name} ${row.sql}`]
    ).toSorted().join("\n")
  );
  return before === after;
}

/** Returns the error of what cannot be done to a table as it was planned. */
export function changedMeanwhile(verb: "change" | "copy" | "drop", table: string): HarborError {
  return new HarborError("busy", `Cannot ${verb} "${table}"`, {
    state: "others change its schema meanwhile",
    hint: "Run the same command again when that is over.",
  });
}
