import { HarborError } from "../../base/errors.ts";
import { readIdentity } from "../../engines/backup/identity.ts";
import { counted, formatBytes } from "../../base/quantity.ts";
import { describeLeftovers, leftOnServer } from "./leftovers.ts";
import { keepOptions, openAppBackups, retentionPolicy, sourceOptions } from "./options.ts";
import { listedBackup, positionText } from "./output.ts";
import { defineCommand } from "../../cli/command.ts";
import { flag } from "../../cli/options.ts";
import type { PruneVerdict } from "../../backup/prune.ts";
import { defaultRetention, describeRetention } from "../../backup/rules/retention.ts";

export const backupPruneCommand = defineCommand({
  description:
    `Looks at the backups of this database at this place only, and reads those that it keeps. Without rules it keeps ${
      describeRetention(defaultRetention)
    }. The newest way back to each revision stays whatever the rules say. What it removes needs a yes, or --yes.`,
  options: {
    ...sourceOptions,
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
    const opened = await openAppBackups(app, options);
    const { place, prune } = opened;
    if (app.isAbsent()) {
      const { display } = app.databaseUrl();
      throw new HarborError(
        "connection_failed",
        `Cannot prune the backups of "${display}": there is no such file`,
        {
          hint: "Check the path (--database-url). What is kept of a database that is lost stays.",
        },
      );
    }
    const { identity, onServer } = await app.withRun("read", async ({ database }) => ({
      identity: await readIdentity(database),
      onServer: await leftOnServer(database),
    }));
    const { report } = app;
    const row = ({ keep, backup, reasons }: PruneVerdict) => [
      keep ? "keep" : report.colors.magenta("remove"),
      backup.id,
      positionText(backup.manifest),
      formatBytes(backup.manifest.bytes),
      keep ? reasons.join(", ") : "no rule keeps it",
    ];
    const sum = (verdicts: readonly PruneVerdict[]) => {
      const removed = verdicts.filter(({ keep }) => !keep);
      const freed = formatBytes(removed.reduce((bytes, { backup }) => bytes + backup.manifest.bytes, 0));
      return `${removed.length} of ${
        counted(verdicts.length, "backup")
      } of ${app.databaseUrl().display} (${freed})`;
    };
    const { verdicts, others, problems } = await prune({
      identity,
      policy,
      force,
      consent: async (verdicts) => {
        if (verdicts.length > 0) {
          await report.table(["", "backup", "revision", "size", "why"], verdicts.map(row));
        }
        if (dryRun || verdicts.every(({ keep }) => keep)) return false;
        await app.confirm(`Remove ${sum(verdicts)}?`);
        return true;
      },
    });
    report.line(`${dryRun ? "would remove" : "removed"} ${sum(verdicts)}`);
    if (others > 0) {
      report.note(
        `${counted(others, "backup")} in ${place.name} ${
          others === 1 ? "was" : "were"
        } left alone: of other databases, or made at another place or by an ` +
          "earlier release, so that they could be another database's",
      );
    }
    for (const { message } of problems) report.note(`left alone: ${message}`);
    const leftovers = describeLeftovers(await opened.leftovers(), onServer);
    for (const line of leftovers.lines) report.note(line);
    return {
      json: {
        folder: place.name,
        dryRun,
        problems: problems.map(({ message }) => message),
        leftAlone: others,
        leftovers: leftovers.json,
        kept: verdicts.filter(({ keep }) => keep).map(({ backup, reasons }) => ({
          ...listedBackup(backup),
          reasons,
        })),
        removed: verdicts.filter(({ keep }) => !keep).map(({ backup }) => listedBackup(backup)),
      },
    };
  },
});
