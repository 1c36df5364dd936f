import { isBeforeAdoption } from "../../backup/rules/manifest.ts";
import { HarborError } from "../../base/errors.ts";
import type { App } from "../../cli/app.ts";
import { findIdentity, type folderOptions, openAppBackups } from "../backup/options.ts";
import type { Values } from "../../cli/options.ts";
import { quoteForShell } from "../../base/quote_shell.ts";

/**
 * Names the backup that holds a database as it was before a bridge, in the error that says that only the backup leads
 * back there.
 */
export async function pointToBackup(
  app: App,
  options: Values<typeof folderOptions>,
  error: unknown,
): Promise<unknown> {
  if (!(error instanceof HarborError)) return error;
  const { adoptedAt } = error.details;
  if (error.code !== "irreversible" || adoptedAt === undefined) return error;
  const { own } = await (await openAppBackups(app, options)).list(await findIdentity(app));
  const before = own.filter(({ manifest, isWhole }) => isWhole && manifest.createdAt <= adoptedAt);
  // An adoption that was stopped and run again backed up what it had half done as well: the first was before all of it.
  const other = before.findIndex(({ manifest }) => !isBeforeAdoption(manifest));
  const ofAdoption = other < 0 ? before : before.slice(0, other);
  const backup = ofAdoption.at(-1) ?? before[0];
  if (backup === undefined) return error;
  return error.with({
    hint: `harbor-db restore ${quoteForShell(backup.path)}`,
    details: { backup: backup.path },
  });
}
