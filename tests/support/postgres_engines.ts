import type { PostgresUrl } from "../../src/base/url/postgres_url.ts";
import process from "node:process";
import { parseDatabaseUrl } from "../../src/base/url/database_url.ts";
import type { BackupContent, BackupEngine } from "../../src/engines/backup/engine.ts";
import { openPgDumpEngine } from "../../src/engines/postgres/backup/pg_dump/engine.ts";
import { openHarborEngine } from "../../src/engines/postgres/backup/engine.ts";
import { testClient, withFolder } from "./databases.ts";
import { type PostgresVersion, withClient } from "./servers/postgres_server.ts";

/** A backup engine and the server that it is tested on. */
export interface PostgresEngine {
  readonly name: string;
  readonly version: PostgresVersion;
  /** @param trust What `--trust-owner` says */
  open(url: string, trust?: "trust"): Promise<BackupEngine>;
}

/** Both engines; there is no pg_dump of version 18 here. */
export const postgresEngines: readonly PostgresEngine[] = [
  { name: "pg_dump, postgres 15", version: 15, open: openPgDump },
  { name: "harbor, postgres 15", version: 15, open: openHarbor },
  { name: "harbor, postgres 18", version: 18, open: openHarbor },
];

export function openPgDump(url: string, trust?: "trust"): Promise<BackupEngine> {
  return openPgDumpEngine(addressOf(url, trust), testClient, { PATH: process.env["PATH"] });
}

export function openHarbor(url: string, trust?: "trust"): Promise<BackupEngine> {
  return openHarborEngine(addressOf(url, trust), testClient);
}

function addressOf(url: string, trust: "trust" | undefined): PostgresUrl {
  return { ...parsePostgres(url), trustsOwner: trust !== undefined };
}

export function parsePostgres(url: string): PostgresUrl {
  const parsed = parseDatabaseUrl(url);
  if (parsed.driver !== "postgres") throw new Error(`${parsed.driver} is not postgres`);
  return parsed;
}

/** A request that nobody makes. */
export const { signal: never } = new AbortController();

/** Runs `work` with a copy, which is removed afterwards. */
export async function withCopy<T>(
  engine: BackupEngine,
  work: (copy: { readonly path: string; readonly content: BackupContent }) => Promise<T>,
): Promise<T> {
  return await withFolder(async (folder) => {
    const path = `${folder}/copy${engine.suffix}`;
    return await work({ path, content: await engine.dump(path, never) });
  });
}

/** Runs statements beside harbor-db, and returns the rows of the last. */
export async function run(url: string, statements: string): Promise<readonly Record<string, unknown>[]> {
  return await withClient(url, async (sql) => {
    const results: unknown = await sql.unsafe(statements);
    const last = Array.isArray(results) && Array.isArray(results.at(-1)) ? results.at(-1) : results;
    return [...last as Iterable<Record<string, unknown>>].map((row) => ({ ...row }));
  });
}
