import { existsSync, realpathSync } from "node:fs";
import { dirname, isAbsolute, join } from "node:path";
import { HarborError } from "../base/errors.ts";
import { quoteForShell } from "../base/quote_shell.ts";
import { type SqliteFileUrl, writtenPath } from "../base/url/sqlite_url.ts";

/**
 * Says where a relative SQLite file is. Flask-SQLAlchemy keeps it in `instance/`, so one that is there is meant, and a
 * new one belongs there when the folder exists.
 *
 * @param onInstance Told the path when it is in `instance/`
 * @throws {HarborError} `bad_config` when two files could be meant
 */
export function locateFile(
  url: SqliteFileUrl,
  cwd: string,
  onInstance: (path: string) => void,
): SqliteFileUrl {
  if (isAbsolute(url.path)) return url;
  const here = join(cwd, url.path);
  const instance = join(cwd, "instance", url.path);
  const isHere = existsSync(here);
  if (isHere && existsSync(instance) && realpathSync(here) !== realpathSync(instance)) {
    throw new HarborError(
      "bad_config",
      `Cannot tell which file "${url.display}" is: "${here}" and "${instance}" both exist`,
      {
        hint: [
          `The application uses the one in instance/: --database-url ${quoteForShell(writtenPath(instance))}`,
          `For the other one: --database-url ${quoteForShell(writtenPath(here))}`,
        ],
        details: { paths: [here, instance] },
      },
    );
  }
  if (isHere || !existsSync(dirname(instance))) return { ...url, path: here };
  onInstance(join("instance", url.path));
  return { ...url, path: instance, display: writtenPath(join("instance", url.path)) };
}
