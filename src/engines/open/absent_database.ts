import type { SqliteFileUrl } from "../../base/url/sqlite_url.ts";
import { HarborError } from "../../base/errors.ts";
import type { Database } from "../database.ts";

/**
 * Stands for a SQLite file that does not exist yet: it reads as an empty database, so that `status` and
 * `upgrade --dry-run` can say what would be without making the file.
 */
export function absentDatabase(url: SqliteFileUrl): Database {
  const refuse = (): Promise<never> =>
    Promise.reject(new HarborError("read_only", `Cannot write to "${url.display}": the file does not exist`));
  return {
    dialect: url.dialect,
    url: url.display,
    read: () =>
      Promise.reject(
        new HarborError("missing_table", `Cannot read "${url.display}": the file does not exist`),
      ),
    write: refuse,
    rehearse: refuse,
    withLock: refuse,
    pace: refuse,
    watch: (_, work) => work(),
    space: () => Promise.resolve(null),
    room: () => Promise.resolve(null),
    readsBlockWriters: () => false,
    lockHolder: () => Promise.resolve(undefined),
    introspect: () => Promise.resolve({ dialect: url.dialect, tables: [], others: [] }),
    home: () => Promise.resolve(null),
    close: () => Promise.resolve(),
  };
}
