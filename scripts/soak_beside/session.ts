import { DatabaseSync } from "node:sqlite";
import postgres from "postgres";
import { sqlitePath } from "../../tests/support/databases.ts";

/** What a column of a row is given. */
export type Value = string | number;

/** An application's connection. */
export interface Session {
  /** Begins a transaction that waits for others. */
  readonly begins: string;
  /** Whether there is `INSERT OR REPLACE`. */
  readonly hasReplace: boolean;
  /** Runs a statement with a `?` for each value. */
  run(statement: string, values: readonly Value[]): Promise<readonly Readonly<Record<string, unknown>>[]>;
  close(): Promise<void>;
}

/** Connects to a database, as applications do that write to it beside harbor-db. */
export function openSession(dialect: string, url: string): Session {
  return dialect === "sqlite" ? openSqlite(sqlitePath(url)) : openPostgres(url);
}

function openSqlite(path: string): Session {
  const database = new DatabaseSync(path, { timeout: 60_000 });
  database.exec("PRAGMA synchronous = NORMAL");
  return {
    begins: "BEGIN IMMEDIATE",
    hasReplace: true,
    run: (statement, values) => Promise.resolve(database.prepare(statement).all(...values)),
    close: () => Promise.resolve(database.close()),
  };
}

function openPostgres(url: string): Session {
  const sql = postgres(url, { max: 1, onnotice: () => {}, fetch_types: false });
  return {
    begins: "BEGIN",
    hasReplace: false,
    run(statement, values) {
      let place = 0;
      return sql.unsafe(statement.replaceAll("?", () => `$${++place}`), [...values]);
    },
    close: () => sql.end({ timeout: 5 }),
  };
}
