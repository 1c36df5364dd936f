import type { DecidedFill } from "../../author/rules/change/stages.ts";
import { isSameExpression } from "../../schema/expressions/compare.ts";
import { isGenerated } from "../../schema/generated.ts";
import type { Column, Snapshot, Table } from "../../schema/snapshot.ts";

/** One statement of a bridge, without its semicolon. */
export interface BridgeStatement {
  readonly sql: string;
  /** Whether it changes nothing that stays, and fails when a value was about to be lost. */
  readonly isGuard: boolean;
}

/** What a bridge leads from and to, and what rows get on the way. */
export interface BridgeSubject {
  readonly live: Snapshot;
  readonly target: Snapshot;
  readonly fills: readonly DecidedFill[];
}

/** Begins the words with which a statement fails that finds a value changed. */
export const guardWord = "harbor_guard";

/** Returns these words. The table stands in them so that no engine writes it otherwise into its error: SQLite doubles apostrophes. */
export function guardWords(table: string): string {
  return `${guardWord} ${JSON.stringify(table).replaceAll("'", "\\u0027")}`;
}

/** Returns the table that an error with {@link guardWords} names; `null` for any other error. */
export function guardedTable(text: string): string | null {
  const name = new RegExp(`${guardWord} ("(?:[^"\\\\]|\\\\.)*")`).exec(text)?.[1];
  return name === undefined ? null : JSON.parse(name) as string;
}

/** Makes a statement of a bridge. */
export function step(sql: string): BridgeStatement {
  return { sql: sql.trim().replace(/;$/, ""), isGuard: false };
}

/** Makes a statement that watches over a bridge. */
export function guard(sql: string): BridgeStatement {
  return { sql, isGuard: true };
}

/**
 * Returns the columns of a table whose values stay as they are: all but those that the target makes of others in another
 * way than now.
 */
export function columnsLeftAlone(table: Table, { dialect, tables }: Snapshot): readonly string[] {
  const wanted = tables.find(({ name }) => name === table.name)?.columns ?? [];
  const isMadeOtherwise = (column: Column) => {
    const other = wanted.find(({ name }) => name === column.name);
    return isGenerated(column) && other !== undefined &&
      (other.default === null || !isSameExpression(column.default!, other.default, dialect));
  };
  return table.columns.filter((column) => !isMadeOtherwise(column)).map(({ name }) => name);
}
