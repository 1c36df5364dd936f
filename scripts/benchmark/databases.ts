import type { Dialect } from "../../src/base/dialect.ts";
import { createHash } from "node:crypto";
import { copyFileSync, existsSync, mkdirSync, renameSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { startPostgres, withClient } from "../../tests/support/servers/postgres_server.ts";
import { applicationHistory } from "./history.ts";
import { sqlitePath } from "./tool.ts";

/** How SQLite keeps what a transaction changes. */
export type JournalMode = "wal" | "delete";

/** What a database is made with. */
export interface Wanted {
  /** How many files it has, at the application's first revision; `null` for an empty database. */
  readonly files: number | null;
  readonly journalMode: JournalMode;
  /** SQL to run in it. */
  readonly statements: readonly string[];
}

/** Makes databases of one dialect. */
export interface Databases {
  readonly dialect: Dialect;
  /** Runs work with the URL of a new database, and removes that afterwards. */
  withDatabase<T>(wanted: Wanted, work: (url: string) => Promise<T>): Promise<T>;
  /** Runs SQL in a database. */
  run(url: string, statements: readonly string[]): Promise<void>;
  /** Returns the one value that a query yields. */
  valueOf(url: string, query: string): Promise<number>;
  /** Returns a digest of all rows that a query yields, in their order. */
  digestOf(url: string, query: string): Promise<string>;
  /** Returns how much disk the database takes, in bytes, with SQLite's write-ahead log. */
  sizeOf(url: string): Promise<number>;
}

/** SQLite files in a folder. */
export function sqliteDatabases(cache: string): Databases {
  let made = 0;
  return {
    dialect: "sqlite",
    async withDatabase({ files, journalMode, statements }, work) {
      const path = join(cache, `bench_${++made}.db`);
      const remove = () => {
        for (const suffix of ["", "-wal", "-shm", "-journal"]) rmSync(path + suffix, { force: true });
      };
      remove();
      if (files !== null) copyFileSync(sqliteSeed(cache, files), path);
      use(path, (database) => {
        database.exec(`PRAGMA journal_mode = ${journalMode}`);
        for (const statement of statements) database.exec(statement);
      });
      try {
        return await work(`sqlite:///${path}`);
      } finally {
        remove();
      }
    },
    run: (url, statements) =>
      Promise.resolve(use(sqlitePath(url), (database) => {
        for (const statement of statements) database.exec(statement);
      })),
    valueOf: (url, query) =>
      Promise.resolve(use(
        sqlitePath(url),
        (database) => Number(Object.values(database.prepare(query).get() ?? {})[0]),
      )),
    digestOf: (url, query) =>
      Promise.resolve(use(sqlitePath(url), (database) => {
        const hash = createHash("sha256");
        for (const row of database.prepare(query).iterate()) hash.update(JSON.stringify(Object.values(row)));
        return hash.digest("hex");
      })),
    sizeOf: (url) => {
      const path = sqlitePath(url);
      const sizes = [path, `${path}-wal`].map((each) => statSync(each, { throwIfNoEntry: false })?.size ?? 0);
      return Promise.resolve(sizes.reduce((sum, size) => sum + size));
    },
  };
}

/** Runs work with databases on a PostgreSQL server of its own, which waits for the disk as any other does. */
export async function withPostgresDatabases<T>(work: (databases: Databases) => Promise<T>): Promise<T> {
  const server = await startPostgres(15, ["max_connections=60"]);
  const admin = <T>(statement: string) => withClient(server.adminUrl, (sql) => sql.unsafe<T[]>(statement));
  const addressOf = (name: string) => server.adminUrl.replace(/[^/]*$/, name);
  const seeds = new Set<string>();
  let made = 0;

  const runIn = (url: string, statements: readonly string[]) =>
    withClient(url, async (sql) => {
      for (const statement of statements) await sql.unsafe(statement);
    });
  const valueOf = async (url: string, query: string) => {
    const [row] = await withClient(url, (sql) => sql.unsafe(query));
    return Number(Object.values(row ?? {})[0]);
  };

  async function seed(files: number): Promise<string> {
    const name = `seed_${files}`;
    if (!seeds.has(name)) {
      await admin(`CREATE DATABASE ${name}`);
      await runIn(addressOf(name), [...schema("postgresql"), ...rows("postgresql", files), "VACUUM ANALYZE"]);
      seeds.add(name);
    }
    return name;
  }

  try {
    return await work({
      dialect: "postgresql",
      async withDatabase({ files, statements }, work) {
        const template = files === null ? "template1" : await seed(files);
        const name = `bench_${++made}`;
        await admin(`CREATE DATABASE ${name} TEMPLATE ${template} STRATEGY file_copy`);
        try {
          await runIn(addressOf(name), [...statements, "CHECKPOINT"]);
          return await work(addressOf(name));
        } finally {
          await admin(`DROP DATABASE ${name} WITH (FORCE)`);
        }
      },
      run: runIn,
      valueOf,
      digestOf: (url, query) =>
        withClient(url, async (sql) => {
          const hash = createHash("sha256");
          // As text: a Date has no microseconds.
          const rows = sql.unsafe<{ row: string }[]>(`SELECT each::text AS row FROM (${query}) each`);
          for await (const some of rows.cursor(5_000)) hash.update(some.map(({ row }) => row).join("\n"));
          return hash.digest("hex");
        }),
      sizeOf: (url) => valueOf(url, "SELECT pg_database_size(current_database())"),
    });
  } finally {
    await server.stop();
  }
}

/** Returns a file with as many files in it, made once and kept. */
function sqliteSeed(cache: string, files: number): string {
  const path = join(cache, `seed_${files}.db`);
  if (existsSync(path)) return path;
  mkdirSync(cache, { recursive: true });
  rmSync(`${path}.new`, { force: true });
  use(`${path}.new`, (database) => {
    database.exec("PRAGMA journal_mode = OFF");
    database.exec("PRAGMA synchronous = OFF");
    for (const statement of [...schema("sqlite"), ...rows("sqlite", files)]) database.exec(statement);
  });
  renameSync(`${path}.new`, path);
  return path;
}

function use<T>(path: string, work: (database: DatabaseSync) => T): T {
  const database = new DatabaseSync(path, { timeout: 5_000 });
  try {
    return work(database);
  } finally {
    database.close();
  }
}

function schema(dialect: Dialect): readonly string[] {
  return applicationHistory(dialect).revisions[0]!.statements;
}

/** Rows of the size that the application's have. */
function rows(dialect: Dialect, files: number): readonly string[] {
  const time = "'2025-09-25 13:06:54.566933'";
  const [hex, yes] = dialect === "sqlite"
    ? ["lower(hex(randomblob(16)))", "1"]
    : ["replace(gen_random_uuid()::text, '-', '')", "true"];
  const uuid = dialect === "sqlite"
    ? "substr(h, 1, 8) || '-' || substr(h, 9, 4) || '-' || substr(h, 13, 4) || '-' || substr(h, 17, 4) || '-' || substr(h, 21)"
    : "h::uuid::text";
  const numbers = (count: number) =>
    `WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ${count})`;
  return [
    `INSERT INTO users (uuid, email, password_hash, is_active, created_at) VALUES ('u', 'a@example.org', 'x', ${yes}, ${time})`,
    `INSERT INTO collections (uuid, name, created_at, user_id) ${
      numbers(1_000)
    } SELECT 'c-' || i, 'Sommer ' || i, ${time}, 1 FROM n`,
    `INSERT INTO files (uuid, filename, original_filename, mime_type, size, storage_path, upload_complete, created_at, collection_id) ${
      numbers(files)
    }, r AS (SELECT i, ${hex} AS h, ${hex} AS c FROM n) SELECT ${uuid}, h || '.jpg', 'IMG ' || i || '.JPG', 'image/jpeg', i, 'uploads/' || c || '/' || h || '.jpg', ${yes}, ${time}, i % 1000 + 1 FROM r`,
  ];
}
