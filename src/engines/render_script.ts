import type { Dialect } from "../base/dialect.ts";
import type { SQL } from "drizzle-orm";
import { SQLiteSyncDialect } from "drizzle-orm/sqlite-core/dialect";
import { writeOwnTables } from "../sql/own/schema.ts";
import { quoteTable } from "../sql/table_names.ts";
import type { Database, WriteMode } from "./database.ts";

/** What goes around a batch, so that a plain client does with it what the drivers do. */
const frames: Readonly<Record<Dialect, Readonly<Record<WriteMode, readonly [string[], string[]]>>>> = {
  sqlite: {
    rows: [["PRAGMA foreign_keys = ON", "BEGIN IMMEDIATE"], ["COMMIT"]],
    schema: [["PRAGMA foreign_keys = OFF", "BEGIN IMMEDIATE"], ["PRAGMA foreign_key_check", "COMMIT"]],
    replace: [["PRAGMA foreign_keys = OFF", "BEGIN IMMEDIATE"], ["COMMIT"]],
    alone: [[], []],
  },
  postgresql: {
    rows: [["BEGIN"], ["COMMIT"]],
    schema: [["BEGIN"], ["COMMIT"]],
    replace: [["BEGIN"], ["COMMIT"]],
    alone: [[], []],
  },
};

/** A batch to render, with what is said above it. */
export interface RenderedBatch {
  readonly statements: readonly SQL[];
  readonly mode: WriteMode;
  /** `null`: it needs no words. */
  readonly words: string | null;
}

/** Returns batches as one script, each as {@link renderBatch} has it. */
export function renderBatches(
  database: Pick<Database, "dialect" | "schemas">,
  batches: readonly RenderedBatch[],
): string {
  return batches.map(({ statements, mode, words }) =>
    `${words === null ? "" : `-- ${words}\n`}${renderBatch(database, statements, mode)}`
  ).join("");
}

/** Returns a batch as a script that `sqlite3` or `psql` runs: parameters written out, framed as its mode asks. */
export function renderBatch(
  { dialect, schemas }: Pick<Database, "dialect" | "schemas">,
  batch: readonly SQL[],
  mode: WriteMode,
): string {
  const [before, after] = frames[dialect][mode];
  // With its parameters written out, a statement of ours reads the same in both dialects.
  const compiler = new SQLiteSyncDialect();
  const texts = batch.map((statement) =>
    writeOwnTables(compiler.sqlToQuery(statement.inlineParams()).sql, (name) => quoteTable(name, schemas))
  );
  return [...before, ...texts, ...after].map((text) => `${text};\n`).join("");
}
