import { HarborError } from "../../base/errors.ts";
import type { RunContext } from "../../engines/run_context.ts";
import type { RestoreResult } from "../../backup/restore.ts";
import { backupOptions, identityOption, openAppBackups, otherUrl } from "./options.ts";
import { positionText } from "./output.ts";
import { defineCommand } from "../../cli/command.ts";
import { flag, text } from "../../cli/options.ts";

export const restoreCommand = defineCommand({
  name: "restore",
  summary: "put a backup in the place of the database",
  description:
    "Proves the backup first and backs up what it is about to replace, so that there is a way back. Stop the application before.",
  arguments: [{ name: "<backup>", summary: "its file, or its id or the beginning of it" }],
  options: {
    to: text("--to <url>", "another database to restore into"),
    ...identityOption,
    noBackup: flag("--no-backup", "do not back up what is replaced"),
    ...backupOptions,
  },
  examples: [
    { line: "restore openharbor-20260728T1011", does: "the backup whose id begins so" },
    { line: "restore copy.db --to sqlite:///copy_of_app.db", does: "into another database, to look at it" },
  ],
  run: async (app, { args, options }) => {
    const { readBackup, refuseBackup } = await import("../../backup/folder.ts");
    const { system, report } = app;
    const target = options.to === undefined ? app.databaseUrl() : otherUrl(app, options.to);
    const path = (await openAppBackups(app, options)).find(args[0]!, system.cwd);
    const backup = readBackup(path);
    if (target.isFile) refuseBackup(target, path);
    const place = `${target.display} with ${backup.manifest.id} (${positionText(backup.manifest)})`;
    if (system.isInteractive && !app.isAbsent(target)) await app.confirm(`Replace ${place}?`);
    if (options.noBackup) report.note("--no-backup: what is replaced is not backed up");

    const backups = await openAppBackups(app, options, target);
    let isOpen = false;
    const restore = (context: RunContext | null) => {
      isOpen = true;
      return backups.restore(context, { backup, keepsOld: !options.noBackup, lockWaitMs: app.lockWaitMs });
    };
    let result: RestoreResult;
    try {
      result = app.isAbsent(target) ? await restore(null) : await app.withRun("write", restore, target);
    } catch (error) {
      const isDamaged = error instanceof HarborError && error.code === "not_a_database" && !isOpen;
      if (!isDamaged) throw error;
      result = await restore(null);
    }
    const { revision, unfinished, safetyBackup } = result;
    if (safetyBackup !== null) report.line(`what was there is kept in ${safetyBackup}`);
    report.line(`${report.colors.green("restored")}  ${target.display} is at ${positionText(result)}`);
    return { json: { restored: { path, revision, unfinished, database: target.display }, safetyBackup } };
  },
});
