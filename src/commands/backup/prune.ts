import { formatBytes } from "../../base/quantity.ts";
import { folderOptions, keepOptions, openAppBackups, retentionPolicy } from "./options.ts";
import { listedBackup, positionText } from "./output.ts";
import { defineCommand } from "../../cli/command.ts";
import { flag } from "../../cli/options.ts";
import { defaultRetention, describeRetention } from "../../backup/rules/retention.ts";

export const backupPruneCommand = defineCommand({
  name: "backup prune",
  summary: "remove the backups that no rule keeps",
  description: `Looks at the backups of this database only. Without rules it keeps ${
    describeRetention(defaultRetention)
  }. The newest way back to each revision stays whatever the rules say.`,
  options: {
    ...folderOptions,
    ...keepOptions,
    dryRun: flag("--dry-run", "say what would be kept and why, and remove nothing"),
    force: flag("--force", "also remove the last way back to a revision"),
  },
  examples: [
    { line: "backup prune --dry-run", does: "what the default rules would do" },
    {
      line: "backup prune --keep-last 3 --keep-daily 7",
      does: "the newest three, and one of each of 7 days",
    },
  ],
  run: async (app, { options }) => {
    const { dryRun, force } = options;
    const policy = retentionPolicy(options);
    const { folder, prune } = await openAppBackups(app, options);
    const { verdicts, others } = await prune({ policy, force, dryRun });
    const { report } = app;
    const removed = verdicts.filter(({ keep }) => !keep);
    const rows = verdicts.map(({ backup, keep, reasons }) => [
      keep ? "keep" : report.colors.yellow("remove"),
      backup.id,
      positionText(backup.manifest),
      formatBytes(backup.manifest.bytes),
      keep ? reasons.join(", ") : "no rule keeps it",
    ]);
    if (rows.length > 0) await report.table(["", "backup", "revision", "size", "why"], rows);
    const freed = formatBytes(removed.reduce((sum, { backup }) => sum + backup.manifest.bytes, 0));
    report.line(
      `${
        dryRun ? "would remove" : "removed"
      } ${removed.length} of ${verdicts.length} backups of ${app.databaseUrl().display} (${freed})`,
    );
    if (others > 0) report.note(`${others} backups of other databases in ${folder} were left alone`);
    return {
      json: {
        folder,
        dryRun,
        kept: verdicts.filter(({ keep }) => keep).map(({ backup, reasons }) => ({
          ...listedBackup(backup),
          reasons,
        })),
        removed: removed.map(({ backup }) => listedBackup(backup)),
      },
    };
  },
});
