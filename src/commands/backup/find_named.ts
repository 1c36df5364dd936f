import { HarborError } from "../../base/errors.ts";
import type { Newest } from "../../backup/store/folder.ts";
import type { Backups } from "../../backup/open_backups.ts";
import type { App } from "../../cli/app.ts";
import { findIdentity } from "./options.ts";

/**
 * Finds the backup that a user means, see `findBackup`; `latest` is the newest of the database's own. Where that is not
 * whole, no older one takes its place unasked: its changes would be lost without a word.
 *
 * @throws {HarborError} `unknown_backup`; `damaged_backup` when the newest cannot be used
 */
export async function findNamed(app: App, backups: Backups, name: string): Promise<string> {
  if (name !== "latest") return await backups.place.find(name, app.system.cwd);
  const found = await backups.newest(await findIdentity(app));
  const { backup, fromFuture, unusable } = found;
  for (const { manifest } of fromFuture) {
    app.report.note(`${manifest.id} is dated in the future, ${manifest.createdAt}: passed over`);
  }
  if (unusable.length > 0) throw await unusableNewest(app, backups, found);
  if (backup !== null) return backup.path;
  throw new HarborError("unknown_backup", `Cannot find the latest backup of "${app.databaseUrl().display}"`, {
    state: `there is none of this database in "${backups.place.name}"`,
    hint: "harbor-db backup list",
  });
}

/** Says what is wrong with the newest, and which one can be named in its place. */
async function unusableNewest(
  app: App,
  { look }: Backups,
  { backup, unusable }: Newest,
): Promise<HarborError> {
  const { id, backup: damaged, problem } = unusable[0]!;
  const [made, state] = damaged === null
    ? ["", problem!.message]
    : [`, made ${damaged.manifest.createdAt}`, (await look(damaged, app.system.signal)).message];
  const older = backup === null
    ? "There is none before it that is whole."
    : `The newest that is whole is older, and lacks what was changed since. To take it all the same, name it: ${backup.manifest.id} (made ${backup.manifest.createdAt})`;
  return new HarborError(
    "damaged_backup",
    `Cannot take the latest backup of "${app.databaseUrl().display}": ${id}${made}`,
    {
      state,
      hint: [older, "See what there is: harbor-db backup list"],
      details: { path: damaged?.path ?? id },
    },
  );
}
