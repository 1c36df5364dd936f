import type { DatabaseUrl } from "../../base/url/database_url.ts";
import type { Database, OpenOptions } from "../database.ts";

/**
 * Opens a database with the driver that its URL names. Drivers are loaded only when asked for, since each costs
 * start-up time.
 *
 * @throws {HarborError} `connection_failed`, `not_a_database` or `read_only` when it cannot be opened
 */
export async function openDatabase(url: DatabaseUrl, options: OpenOptions): Promise<Database> {
  switch (url.driver) {
    case "sqlite_file":
      if (options.asIs) return (await import("../sqlite/as_is_driver.ts")).openSqliteAsIs(url, options);
      return (await import("../sqlite/driver.ts")).openSqliteFile(url, options, loadBeside);
    case "libsql":
      return (await import("../libsql/driver.ts")).openLibsql(url, options);
    case "postgres":
      return (await import("../postgres/driver.ts")).openPostgres(url, options);
  }
}

const loadBeside = () => import("../sqlite/beside/all.ts");
