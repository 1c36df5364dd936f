import { defineCommand } from "../../cli/command.ts";
import { flag, text } from "../../cli/options.ts";
import { backupOptions, keepOptions } from "../backup/options.ts";
import { serviceOptions } from "./service_options.ts";
import { verifyOptions } from "../verify/options.ts";

export const scheduleCommand = defineCommand({
  description:
    "They run this program on this database with the options of verify, and with --backup of backup, that are given here, and leave to a file of settings what that says. Secrets go into a file of their own.",
  options: {
    cron: flag("--cron", "print a crontab line, which mails when something is wrong"),
    install: flag("--install", "write the units"),
    uninstall: flag("--uninstall", "remove the units that --install wrote"),
    backup: flag("--backup", "back up first, then verify, with a restore drill where the copy can be read"),
    dryRun: flag("--dry-run", "with --install: say what would be written, and write nothing"),
    ...serviceOptions,
    name: text("--name <name>", "the name of the units (harbor-db-verify; with --backup harbor-db-nightly)"),
    envFile: text(
      "--env-file <file>",
      "where secrets are (/etc/harbor-db/<name>.env; ~/.config/harbor-db without root)",
    ),
    unitDir: text(
      "--unit-dir <dir>",
      "where to write the units (/etc/systemd/system; ~/.config/systemd/user without root)",
    ),
    ...verifyOptions,
    ...backupOptions,
    ...keepOptions,
  },
  examples: [
    { line: "schedule", does: "the units, to read" },
    {
      line: "schedule --install --prometheus /var/lib/node_exporter/harbor_db.prom",
      does: "write them, with metrics",
    },
    {
      line: "schedule --backup --keep-daily 7 --install",
      does: "with a nightly backup, of which a week stays",
    },
    { line: "schedule --cron --at 03:30 >> crontab.txt", does: "for hosts without systemd" },
  ],
  run: async (app, { options }) => {
    const { runSchedule } = await import("./run_schedule.ts");
    return await runSchedule(app, options);
  },
});
