import type { PostgresUrl } from "../../base/url/postgres_url.ts";
import type { BackupEngineName } from "../backup/content.ts";
import type { DatabaseUrl } from "../../base/url/database_url.ts";
import type { Environment } from "../../base/env_file.ts";
import { HarborError } from "../../base/errors.ts";
import type { BackupEngine } from "../backup/engine.ts";
import type { Client } from "../database.ts";

/** For which database an engine is opened, and by whom. */
export interface EnginePlace {
  readonly url: DatabaseUrl;
  readonly client: Client;
  /** Where PATH is looked up. */
  readonly environment: Environment;
}

type PostgresEngineName = Exclude<BackupEngineName, "sqlite" | "libsql">;

const postgresEngines: Readonly<
  Record<PostgresEngineName, (url: PostgresUrl, place: EnginePlace) => Promise<BackupEngine>>
> = {
  pg_dump: async (url, { client, environment }) =>
    await (await import("../postgres/backup/pg_dump/engine.ts")).openPgDumpEngine(url, client, environment),
  harbor: async (url, { client }) =>
    await (await import("../postgres/backup/engine.ts")).openHarborEngine(url, client),
};

/** Which engines can copy the databases of a driver. */
const enginesOf: Readonly<Record<DatabaseUrl["driver"], readonly BackupEngineName[]>> = {
  sqlite_file: ["sqlite"],
  libsql: ["libsql"],
  postgres: Object.keys(postgresEngines) as PostgresEngineName[],
};

/** What kind of database the copies of an engine are of: whatever engine that kind has can prove and restore them. */
const kindOf: Readonly<Record<BackupEngineName, string>> = {
  sqlite: "SQLite or libSQL",
  libsql: "SQLite or libSQL",
  pg_dump: "PostgreSQL",
  harbor: "PostgreSQL",
};

/**
 * Opens the engine that makes copies of a database. For PostgreSQL that is `pg_dump` where one that is new enough is
 * on the machine, else harbor-db's own, unless `wanted` names one.
 *
 * @throws {HarborError} `bad_config` when the engine that is wanted does not fit the database; `backup_failed` when it
 * cannot be used
 */
export async function openBackupEngine(
  place: EnginePlace,
  wanted: BackupEngineName | null = null,
): Promise<BackupEngine> {
  const { url } = place;
  const known = enginesOf[url.driver];
  if (wanted !== null && !known.includes(wanted)) {
    throw new HarborError(
      "bad_config",
      `Cannot back up "${url.display}" with "${wanted}": it is another kind of database`,
      { hint: `Leave --backup-engine out, or use ${known.join(" or ")}.` },
    );
  }
  switch (url.driver) {
    case "sqlite_file":
      return (await import("../sqlite/backup/engine.ts")).openSqliteEngine(url);
    case "libsql":
      return (await import("../libsql/backup/engine.ts")).openLibsqlEngine(url);
    case "postgres":
      return wanted === null
        ? await openEitherPostgres(url, place)
        : await postgresEngines[wanted as PostgresEngineName](url, place);
  }
}

/**
 * Opens the engine that can prove a copy and restore it to the database at `place.url`.
 *
 * @param made The engine that made it
 * @throws {HarborError} `bad_config` when the copy is that of another kind of database
 */
export async function openEngineFor(made: BackupEngineName, place: EnginePlace): Promise<BackupEngine> {
  const { url } = place;
  const known = enginesOf[url.driver];
  if (made === "pg_dump" && url.driver === "postgres") {
    const { openPgRestoreEngine } = await import("../postgres/backup/pg_dump/engine.ts");
    return await openPgRestoreEngine(url, place.client, place.environment);
  }
  if (known.includes(made)) return await openBackupEngine(place, made);
  if (kindOf[made] === kindOf[known[0]!]) return await openBackupEngine(place);
  throw new HarborError(
    "bad_config",
    `Cannot use the backup with "${url.display}": it is one of ${kindOf[made]}`,
    {
      hint: "Name a database of that kind: --database-url, or --to of restore.",
    },
  );
}

async function openEitherPostgres(url: PostgresUrl, place: EnginePlace): Promise<BackupEngine> {
  try {
    return await postgresEngines.pg_dump(url, place);
  } catch (error) {
    const isAbsent = error instanceof HarborError && error.details.pgDump !== undefined;
    if (!isAbsent) throw error;
    return await postgresEngines.harbor(url, place);
  }
}
