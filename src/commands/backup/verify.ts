import { summarize, worstStatus } from "../../base/finding.ts";
import { findNamed } from "./find_named.ts";
import { identityOption, openAppBackups, sourceOptions } from "./options.ts";
import { listedBackup } from "./output.ts";
import { defineCommand } from "../../cli/command.ts";
import { printFinding } from "../../cli/print_finding.ts";

export const backupVerifyCommand = defineCommand({
  description:
    "Reads all of it, restores it aside and compares what comes out with its manifest. Exit code 3 when it is not whole, 1 when that could not be seen here.",
  options: { ...sourceOptions, ...identityOption },
  examples: [{ line: "backup verify openharbor-20260728T1011", does: "the backup whose id begins so" }],
  run: async (app, { args, options }) => {
    const backups = await openAppBackups(app, options);
    const path = await findNamed(app, backups, args[0]!);
    const { backup, findings, isSound: ok } = await backups.verify(path);
    for (const finding of findings) printFinding(app, finding);
    const partly = findings.some(({ status }) => status === "warn") ? " as far as it was checked" : "";
    const isOpen = worstStatus(findings) === "error";
    app.report.line(
      ok ? `${path} is whole${partly}` : app.report.colors.red(
        isOpen ? `${path} could not be proven here` : `${path} is NOT a backup to rely on`,
      ),
    );
    return {
      ok,
      ...isOpen ? { exitCode: 1 } : {},
      json: {
        path,
        backup: backup === null ? null : listedBackup(backup),
        findings,
        summary: summarize(findings),
      },
    };
  },
});
