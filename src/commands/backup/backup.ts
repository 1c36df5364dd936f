import { HarborError } from "../../base/errors.ts";
import { backupOptions, openAppBackups } from "./options.ts";
import { describeBackup, printBackup } from "./output.ts";
import { defineCommand } from "../../cli/command.ts";

export const backupCommand = defineCommand({
  name: "backup",
  summary: "copy the database and prove the copy",
  description: "The application can go on meanwhile. A copy that cannot be proven is not kept.",
  options: backupOptions,
  examples: [
    { line: "backup", does: "into backups/, beside a SQLite file" },
    { line: "backup --compress zstd --encrypt-to age1…", does: "small, and for one key's owner to read" },
    { line: "backup list", does: "what there is" },
  ],
  run: (app, { options }) => {
    const url = app.databaseUrl();
    if (app.isAbsent()) {
      throw new HarborError("connection_failed", `Cannot back up "${url.display}": there is no such file`, {
        hint: "Check the path (--database-url).",
      });
    }
    return app.withRun("read", async (context) => {
      const backups = await openAppBackups(app, options);
      const made = await backups.make(context, { reason: "backup", mayReuse: false });
      printBackup(app, made);
      return { json: { backup: describeBackup(made) } };
    });
  },
});
