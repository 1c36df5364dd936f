import type { Dialect } from "../../src/base/dialect.ts";
import { type Client as LibsqlClient, createClient, type ResultSet } from "@libsql/client/http";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { hostname, tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { DatabaseSync } from "node:sqlite";
import type postgres from "postgres";
import { type DatabaseUrl, parseDatabaseUrl } from "../../src/base/url/database_url.ts";
import type { Client, Database, OpenOptions } from "../../src/engines/database.ts";
import { openDatabase } from "../../src/engines/open/database.ts";
import { type PostgresVersion, withClient, withFreshPostgres } from "./servers/postgres_server.ts";
import { withFreshLibsql } from "./servers/sqld_server.ts";

/** A row as an engine's own client returns it. */
export type EngineRow = Readonly<Record<string, unknown>>;

/** A kind of database that the suites run on. */
export interface Engine {
  readonly name: "sqlite file" | "libsql" | "postgres 15" | "postgres 18";
  readonly dialect: Dialect;
  /** Runs `work` with the URL of a new, empty database, and removes it afterwards. */
  withDatabase<T>(work: (url: string) => Promise<T>): Promise<T>;
  /**
   * Runs one SQL statement through the engine's own client, beside harbor-db: to prepare what a test needs and to look
   * at what is really there. SQLite files have foreign keys off in it, as in the application.
   */
  query(url: string, statement: string): Promise<readonly EngineRow[]>;
  /** Runs one SQL statement as {@link Engine.query} does, with foreign keys off where the engine can do that. */
  queryUnchecked(url: string, statement: string): Promise<readonly EngineRow[]>;
}

const sqliteFile: Engine = {
  name: "sqlite file",
  dialect: "sqlite",
  async withDatabase(work) {
    return await withFolder(async (folder) => {
      const path = join(folder, "harbor.db");
      // No bytes are an empty database to SQLite.
      await writeFile(path, "");
      return await work(sqliteUrl(path));
    });
  },
  query: querySqliteFile,
  queryUnchecked: querySqliteFile,
};

const libsql: Engine = {
  name: "libsql",
  dialect: "sqlite",
  withDatabase: withFreshLibsql,
  query: (url, statement) => queryLibsql(url, (client) => client.execute(statement)),
  queryUnchecked: (url, statement) =>
    queryLibsql(url, async (client) => (await client.migrate([statement]))[0]),
};

/** All engines, for suites to loop over. */
export const engines: readonly Engine[] = Object.values(
  {
    sqlite_file: [sqliteFile],
    libsql: [libsql],
    postgres: [postgresEngine(15), postgresEngine(18)],
  } satisfies Record<DatabaseUrl["driver"], readonly Engine[]>,
).flat();

/**
 * One engine a driver, for rules about which two versions of a server have nothing of their own to say: what both are asked and
 * answer, the suites of tests/contract and tests/engines show on either.
 */
export const driverEngines: readonly Engine[] = engines.filter(({ name }) => name !== "postgres 18");

function postgresEngine(version: PostgresVersion): Engine {
  // To connect takes ten times as long as most statements, so a database's connection is kept while nobody else has it.
  const idle = new Map<string, postgres.Sql>();
  const query: Engine["query"] = async (url, statement) => {
    const sql = idle.get(url);
    if (sql === undefined) return await withClient(url, async (own) => [...await own.unsafe(statement)]);
    idle.delete(url);
    try {
      return [...await sql.unsafe(statement)];
    } finally {
      // As new for the next one, unless the statement left a transaction open.
      await sql.unsafe("DISCARD ALL").then(() => idle.set(url, sql), () => sql.end({ timeout: 5 }));
    }
  };
  return {
    name: `postgres ${version}`,
    dialect: "postgresql",
    withDatabase: (work) =>
      withFreshPostgres(version, async (url, sql) => {
        idle.set(url, sql);
        try {
          return await work(url);
        } finally {
          idle.delete(url);
        }
      }),
    query,
    queryUnchecked: query,
  };
}

/** Runs `work` with a new folder and removes it afterwards. */
export async function withFolder<T>(work: (folder: string) => Promise<T>): Promise<T> {
  const folder = await mkdtemp(join(tmpdir(), "harbor_db_test_"));
  try {
    return await work(folder);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** Returns the URL of a SQLite file in the form that the application's `.env` has. */
export function sqliteUrl(absolutePath: string): string {
  return `sqlite:///${absolutePath}`;
}

/** Returns the path in a URL of {@link sqliteUrl}. */
export function sqlitePath(url: string): string {
  return url.slice("sqlite:///".length);
}

// deno-lint-ignore require-await -- a failure has to be a rejection
async function querySqliteFile(url: string, statement: string): Promise<readonly EngineRow[]> {
  const database = new DatabaseSync(sqlitePath(url), { enableForeignKeyConstraints: false, timeout: 5000 });
  try {
    return database.prepare(statement).all().map((row) => ({ ...row }));
  } finally {
    database.close();
  }
}

async function queryLibsql(
  url: string,
  work: (client: LibsqlClient) => Promise<ResultSet | undefined>,
): Promise<readonly EngineRow[]> {
  const client = createClient({ url });
  try {
    const result = await work(client);
    if (result === undefined) return [];
    return result.rows.map((row) => Object.fromEntries(result.columns.map((name, i) => [name, row[i]])));
  } finally {
    client.close();
  }
}

/** This process, as the drivers get to know it. */
export const testClient: Client = {
  name: "harbor-db 0.0.0",
  host: hostname(),
  pid: process.pid,
  // All test processes of a run are on one machine.
  processSpace: "tests",
  isAlive(pid) {
    try {
      return process.kill(pid, 0);
    } catch {
      return false;
    }
  },
};

/** Opens a database with its driver, as the program would. */
export function openTestDatabase(
  url: string,
  access: OpenOptions["access"] = "create",
  client: Client = testClient,
): Promise<Database> {
  return openDatabase(parseDatabaseUrl(url), { client, access });
}

/** Runs `work` with an open database and closes it afterwards. */
export async function withTestDatabase<T>(url: string, work: (database: Database) => Promise<T>): Promise<T> {
  const database = await openTestDatabase(url);
  try {
    return await work(database);
  } finally {
    await database.close();
  }
}
