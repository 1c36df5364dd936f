import { HarborError } from "../../base/errors.ts";
import type { Backups } from "../../backup/open_backups.ts";
import type { StoredBackup } from "../../backup/store/folder.ts";
import type { RetentionPolicy } from "../../backup/rules/retention.ts";
import { counted } from "../../base/quantity.ts";
import { readIdentity } from "../../engines/backup/identity.ts";
import type { RunContext } from "../../engines/run_context.ts";
import { deliver } from "./deliver.ts";
import { backupOptions, keepOptions, openAppBackups, openDelivery, retentionPolicy } from "./options.ts";
import { describeBackup, listedBackup, printBackup } from "./output.ts";
import type { App } from "../../cli/app.ts";
import type { Values } from "../../cli/options.ts";
import { defineCommand } from "../../cli/command.ts";

export const backupCommand = defineCommand({
  description:
    "The application can go on meanwhile. A copy that cannot be proven is not kept. With a rule of --keep-… the older ones of this database at this place that no rule keeps are removed, once the new one is proven and delivered; where copies go, too.",
  options: { ...backupOptions, ...keepOptions },
  examples: [
    { line: "backup", does: "into backups/, beside a SQLite file" },
    { line: "backup --compress zstd --encrypt-to age1…", does: "small, and for one key's owner to read" },
    { line: "backup --keep-last 3 --keep-daily 7", does: "and removes the older ones that no rule keeps" },
    {
      line: `backup --after-backup 'rclone copy "$HARBOR_DB_BACKUP_PATH" far:'`,
      does: "and brings it elsewhere",
    },
    { line: "backup --copy-to s3://bucket/nightly", does: "and brings a copy into a bucket" },
    { line: "backup list", does: "what there is" },
  ],
  run: (app, { options }) => {
    const url = app.databaseUrl();
    if (app.isAbsent()) {
      throw new HarborError("connection_failed", `Cannot back up "${url.display}": there is no such file`, {
        hint: "Check the path (--database-url).",
      });
    }
    const policy = isKept(options) ? retentionPolicy(options) : null;
    return app.withRun("read", async (context) => {
      // Keys that are missing are said before anything is made.
      const bucket = await openDelivery(app, options);
      const backups = await openAppBackups(app, options);
      const made = await backups.make(context, { reason: "backup", mayReuse: false });
      printBackup(app, made);
      const failure = await deliver(app, options, made);
      const pruneOne = async (backups: Backups, path: string) =>
        policy === null ? null : await prune(app, context, { backups, made: path, policy });
      const removed = await pruneOne(backups, made.path);
      const there = bucket === null || failure !== null
        ? null
        : await openAppBackups(app, { ...options, from: options.copyTo });
      const removedThere = there && await pruneOne(there, `${there.place.name}/${made.manifest.file}`);
      return {
        json: {
          backup: describeBackup(made),
          removed: removed?.map(listedBackup) ?? null,
          removedThere: removedThere?.map(listedBackup) ?? null,
        },
        ...failure === null ? {} : { failure },
      };
    });
  },
});

/** Whether the user said what stays: nothing is removed without that. */
function isKept({ keepLast, keepDaily, keepWeekly, keepMonthly }: Values<typeof keepOptions>): boolean {
  return [keepLast, keepDaily, keepWeekly, keepMonthly].some((count) => count !== undefined);
}

async function prune(
  app: App,
  { database }: RunContext,
  { backups, made, policy }: {
    readonly backups: Backups;
    /** The path of the one that this run made or brought there. */
    readonly made: string;
    readonly policy: RetentionPolicy;
  },
): Promise<readonly StoredBackup[]> {
  const { verdicts } = await backups.prune({
    identity: await readIdentity(database),
    made,
    policy,
    force: false,
    consent: () => Promise.resolve(true),
  });
  const removed = verdicts.filter(({ keep }) => !keep).map(({ backup }) => backup);
  if (removed.length > 0) {
    app.report.line(`removed    ${counted(removed.length, "older backup")} in ${backups.place.name}`);
  }
  return removed;
}
