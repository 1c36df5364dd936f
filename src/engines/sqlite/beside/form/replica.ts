import { DatabaseSync } from "node:sqlite";
import { quoteName } from "../../../../sql/quote.ts";
import type { SqliteStatement } from "../../connection/statement.ts";
import { type Dependent, dependentsQuery, keepDependents } from "../../transaction/table_rebuild.ts";

/** A row of `sqlite_schema` with a text. */
export interface SchemaRow {
  readonly type: "table" | "index" | "view" | "trigger";
  readonly name: string;
  readonly table: string;
  readonly sql: string;
}

/** Reads all {@link SchemaRow}s, in the order in which they were made. */
export const schemaQuery = dependentsQuery;

/**
 * The tables of a database without their rows, in memory: what a script makes of them is read there before anything
 * is done, and is what SQLite itself says.
 */
export interface Replica {
  /** Runs statements as a transaction of the driver would; `false` when one of them fails. */
  run(statements: readonly string[]): boolean;
  /** Runs them, too, and returns what SQLite says of the first that fails; `null` when none does. */
  failureOf(statements: readonly string[]): string | null;
  /** Returns what the statements make of it, which stays as it is; `null` when one of them fails. */
  after(statements: readonly string[]): Replica | null;
  rows<Row>(query: string): Row[];
}

/** Makes the replica of a schema; `null` of one that needs what only the application brings, as a function. */
export function openReplica(schema: readonly SchemaRow[]): Replica | null {
  const handle = new DatabaseSync(":memory:", { enableForeignKeyConstraints: false });
  const rows = <Row>(query: string) => handle.prepare(query).all().map((row) => ({ ...row }) as Row);
  const attempt = (work: () => void): string | null => {
    try {
      work();
      return null;
    } catch (error) {
      return String(error);
    }
  };
  const replica: Replica = {
    rows,
    run: (statements) => replica.failureOf(statements) === null,
    failureOf: (statements) =>
      attempt(() => {
        const dependents = rows<Dependent>(schemaQuery.text);
        const batch = statements.map((text): SqliteStatement => ({ text, values: [] }));
        for (const { text } of keepDependents(batch, dependents)) handle.exec(text);
      }),
    after(statements) {
      const other = openReplica(rows<SchemaRow>(schemaQuery.text));
      return other?.run(statements) ? other : null;
    },
  };
  const own = schema.filter(({ name, sql }) => !/^sqlite_/i.test(name) && !/^CREATE\s+VIRTUAL\s/i.test(sql));
  const failure = attempt(() => {
    // What stands for SQLite's own tables, so that statements which name them run.
    if (schema.some(({ name }) => /^sqlite_stat/i.test(name))) handle.exec("ANALYZE");
    for (const { sql } of own) handle.exec(sql);
  });
  // A text that SQLite would write otherwise was not written by SQLite.
  const texts = new Set(rows<SchemaRow>(schemaQuery.text).map(({ sql }) => sql));
  return failure === null && own.every(({ sql }) => texts.has(sql)) ? replica : null;
}

/** Counts no further than to a limit, which costs no more than to read so many rows. */
export function hasRows(table: string, atLeast: number): SqliteStatement {
  return {
    text: `SELECT count(*) >= ? AS large FROM (SELECT 1 FROM ${quoteName(table)} LIMIT ?)`,
    values: [BigInt(atLeast), BigInt(atLeast)],
  };
}
