import { formatBytes } from "../../base/quantity.ts";
import { folderOptions, openAppBackups } from "./options.ts";
import { ageText, listedBackup, positionText } from "./output.ts";
import { defineCommand } from "../../cli/command.ts";

export const backupListCommand = defineCommand({
  name: "backup list",
  summary: "list the backups in the folder",
  description:
    "Only what has a manifest is one. `verified` says that the file is there and as long as it was.",
  options: folderOptions,
  examples: [{ line: "backup list --json", does: "for programs" }],
  run: async (app, { options }) => {
    const { folder, list } = await openAppBackups(app, options);
    const { backups, problems } = list();
    const isShared = new Set(backups.map(({ manifest }) => manifest.database)).size > 1;
    const now = new Date();
    const rows = backups.map(({ manifest, isWhole }) => [
      manifest.id,
      ageText(manifest.createdAt, now),
      positionText(manifest),
      formatBytes(manifest.bytes),
      isWhole ? manifest.proof : app.report.colors.red("NOT WHOLE"),
      manifest.reason,
      ...isShared ? [manifest.database] : [],
    ]);
    const head = ["backup", "age", "revision", "size", "proven", "made for", ...isShared ? ["database"] : []];
    if (rows.length === 0) app.report.line(`no backups in ${folder}`);
    else await app.report.table(head, rows);
    for (const problem of problems) app.report.note(problem.message);
    return {
      json: { folder, backups: backups.map(listedBackup), problems: problems.map(({ message }) => message) },
    };
  },
});
