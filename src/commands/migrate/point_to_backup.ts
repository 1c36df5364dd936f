import { HarborError } from "../../base/errors.ts";
import { readBackups } from "../../backup/folder.ts";
import type { App } from "../../cli/app.ts";
import { backupFolder, databaseIdentity, type folderOptions } from "../backup/options.ts";
import type { Values } from "../../cli/options.ts";

/**
 * Names the backup that holds a database as it was before a bridge, in the error that says that only the backup leads
 * back there.
 */
export function nameOrigin(app: App, options: Values<typeof folderOptions>, error: unknown): unknown {
  if (!(error instanceof HarborError)) return error;
  const { code, message, details, cause } = error;
  const adoptedAt = details["adoptedAt"];
  if (code !== "irreversible" || typeof adoptedAt !== "string") return error;
  const url = app.databaseUrl();
  const identity = databaseIdentity(app, url);
  const [backup] = readBackups(backupFolder(app, url, options)).backups.filter(({ manifest, isWhole }) =>
    isWhole && manifest.database === identity && manifest.createdAt <= adoptedAt
  );
  if (backup === undefined) return error;
  return new HarborError(code, message, {
    hint: `harbor-db restore '${backup.path}'`,
    details: { ...details, backup: backup.path },
    cause,
  });
}
