import type { Dialect } from "../../base/dialect.ts";
import type { DatabaseUrl } from "../../base/url/database_url.ts";
import type { PostgresUrl } from "../../base/url/postgres_url.ts";
import type { Client } from "../database.ts";
import type { CopiedScratch, Scratch, ScratchOptions } from "../scratch.ts";

/** Opens a database to try something on; `null` where only a server could make one and none was named. */
type OpenScratch = (url: DatabaseUrl | null, options: ScratchOptions) => Promise<CopiedScratch | null>;

const openers: Readonly<Record<Dialect, OpenScratch>> = {
  sqlite: async (_, { client }) => (await import("../sqlite/scratch.ts")).memoryScratch(client),
  postgresql: async (url, options) => {
    switch (url?.driver) {
      case "postgres":
        return (await import("../postgres/scratch.ts")).postgresScratch(url, options);
      case "libsql":
      case "sqlite_file":
      case undefined:
        return null;
    }
  },
};

/**
 * Returns where scripts of a dialect can be tried: SQLite's in memory, PostgreSQL's in a database that is made on the
 * server of `url` for it.
 */
export async function openScratch(
  dialect: Dialect,
  url: DatabaseUrl | null,
  options: ScratchOptions,
): Promise<CopiedScratch | null> {
  return await openers[dialect](url, options);
}

const asides: Readonly<
  Record<
    DatabaseUrl["driver"],
    ((url: DatabaseUrl, client: Client, signal: AbortSignal) => Promise<Scratch>) | null
  >
> = {
  // Memory does.
  sqlite_file: null,
  libsql: null,
  postgres: async (url, client, signal) =>
    (await import("../postgres/backup/aside.ts")).postgresAside(url as PostgresUrl, client, signal),
};

/** Returns where scripts can be tried on the server of a database itself; `null` where no server is needed for that. */
export async function openAside(
  url: DatabaseUrl,
  client: Client,
  signal: AbortSignal,
): Promise<Scratch | null> {
  return await asides[url.driver]?.(url, client, signal) ?? null;
}
