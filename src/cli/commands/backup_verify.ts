import { summarize } from "../../core/finding.ts";
import { backupFolder, folderOptions, identityOption, readingSetting } from "../backup_options.ts";
import { listedBackup } from "../backup_output.ts";
import { defineCommand } from "../command.ts";
import type { App } from "../app.ts";
import type { Finding } from "../../core/finding.ts";

export const backupVerifyCommand = defineCommand({
  name: "backup verify",
  summary: "prove a backup again",
  description:
    "Reads all of it, restores it aside and compares what comes out with its manifest. Exit code 3 when it is not whole.",
  arguments: [{ name: "<backup>", summary: "its file, or its id or the beginning of it" }],
  options: { ...folderOptions, ...identityOption },
  examples: [{ line: "backup verify openharbor-20260728T1011", does: "the backup whose id begins so" }],
  run: async (app, { args, options }) => {
    const [{ findBackup }, { isSound, verifyBackup }] = await Promise.all([
      import("../../run/backup_folder.ts"),
      import("../../run/backup_verify.ts"),
    ]);
    const url = app.databaseUrl();
    const folder = backupFolder(app, url, options);
    const path = findBackup(args[0]!, { folder, cwd: app.system.cwd });
    const verification = await verifyBackup(path, await readingSetting(app, url, options));
    const { backup, findings } = verification;
    for (const finding of findings) print(app, finding);
    const ok = isSound(verification);
    app.report.line(ok ? `${path} is whole` : app.report.colors.red(`${path} is NOT a backup to rely on`));
    return {
      ok,
      json: {
        path,
        backup: backup === null ? null : listedBackup(backup),
        findings,
        summary: summarize(findings),
      },
    };
  },
});

function print({ report }: App, { check, status, message, hint }: Finding): void {
  const { green, yellow, red, dim } = report.colors;
  const color = status === "pass" ? green : status === "warn" ? yellow : red;
  report.line(`${color(status.padEnd(5))} ${check.padEnd(9)} ${message}`);
  if (hint !== null) report.line(`${" ".repeat(16)}${dim(hint)}`);
}
