import type { DatabaseUrl } from "../core/database_url.ts";
import { HarborError } from "../core/errors.ts";
import type { EngineName } from "../core/manifest.ts";
import type { BackupEngine } from "./backup_engine.ts";
import type { Client } from "./database.ts";

/** Which engines can copy the databases of a driver, the one that is tried first at the beginning. */
const enginesOf: Readonly<Record<DatabaseUrl["driver"], readonly EngineName[]>> = {
  sqlite_file: ["sqlite"],
  libsql: ["libsql"],
  postgres: ["pg_dump", "harbor"],
};

/**
 * Opens the engine that makes copies of a database. For PostgreSQL that is `pg_dump` where one of the right version is
 * on the machine, else harbor-db's own, unless `wanted` names one.
 *
 * @throws {HarborError} `bad_config` when the engine that is wanted does not fit the database
 */
export async function openBackupEngine(
  url: DatabaseUrl,
  client: Client,
  wanted: EngineName | null = null,
): Promise<BackupEngine> {
  const known = enginesOf[url.driver];
  if (wanted !== null && !known.includes(wanted)) {
    throw new HarborError(
      "bad_config",
      `Cannot back up "${url.display}" with "${wanted}": it is another kind of database`,
      {
        hint: `Leave --backup-engine out, or use ${known.join(" or ")}.`,
      },
    );
  }
  switch (url.driver) {
    case "sqlite_file":
      return (await import("./backup_sqlite.ts")).openSqliteEngine(url);
    default:
      throw new HarborError(
        "backup_failed",
        `Cannot back up "${url.display}": there is no engine for it (${client.name})`,
      );
  }
}

/** Engines whose copies are SQLite files, which each of them can prove and restore. */
const sqliteEngines: readonly EngineName[] = ["sqlite", "libsql"];

/**
 * Opens an engine that can prove and restore copies which another made, for the database at `url`.
 *
 * @throws {HarborError} `bad_config` when the copies are of another kind of database
 */
export async function openEngineFor(
  made: EngineName,
  url: DatabaseUrl,
  client: Client,
): Promise<BackupEngine> {
  const [first] = enginesOf[url.driver];
  if (sqliteEngines.includes(made) && sqliteEngines.includes(first!)) {
    return await openBackupEngine(url, client);
  }
  if (enginesOf[url.driver].includes(made)) return await openBackupEngine(url, client, made);
  const kind = sqliteEngines.includes(made) ? "a SQLite or libSQL" : "a PostgreSQL";
  throw new HarborError(
    "bad_config",
    `Cannot use the backup with "${url.display}": it is that of ${kind} database`,
    {
      hint: "Name a database of that kind: --database-url, or --to of restore.",
    },
  );
}
