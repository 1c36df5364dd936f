import type { Dialect } from "../../base/dialect.ts";
import type { DatabaseUrl } from "../../base/url/database_url.ts";
import type { ProofSetting, Scratch } from "../../author/prove.ts";
import type { App } from "../../cli/app.ts";

/**
 * Returns what scripts are tried on: SQLite in memory, and the PostgreSQL server that was named. What the environment
 * or `.env` calls the application's database is not taken for that.
 */
export async function proofSettings(
  { system, settings }: App,
  proveUrl: string | undefined,
): Promise<ReadonlyMap<Dialect, ProofSetting>> {
  const { memoryScratch } = await import("../../author/prove.ts");
  const common = { version: system.build.version, signal: system.signal, now: () => new Date() };
  const scratches = new Map<Dialect, Scratch>([["sqlite", memoryScratch(system.client)]]);
  const url = await serverUrl(proveUrl ?? settings.databaseUrl, system.environment);
  if (url?.driver === "postgres") {
    const { postgresScratch } = await import("../../author/scratch_postgres.ts");
    scratches.set("postgresql", postgresScratch(url, system.client));
  }
  return new Map([...scratches].map(([dialect, scratch]) => [dialect, { ...common, scratch }]));
}

async function serverUrl(
  url: string | undefined,
  environment: App["system"]["environment"],
): Promise<DatabaseUrl | null> {
  if (url === undefined) return null;
  const { parseDatabaseUrl } = await import("../../base/url/database_url.ts");
  return parseDatabaseUrl(url, environment);
}
