import { HarborError } from "../../base/errors.ts";
import { formatBytes } from "../../base/quantity.ts";
import { openAppBackups, sourceOptions } from "./options.ts";
import { ageText, listedBackup, positionText } from "./output.ts";
import { defineCommand } from "../../cli/command.ts";

export const backupDeleteCommand = defineCommand({
  description:
    "Says what it is and asks; without a terminal it needs --yes. To remove those that no rule keeps: backup prune.",
  options: sourceOptions,
  examples: [{ line: "backup delete openharbor-20260728T1011", does: "the backup whose id begins so" }],
  run: async (app, { args, options }) => {
    if (args[0] === "latest") throw unnamed();
    const { deleteBackup } = await import("../../backup/store/delete.ts");
    const { place } = await openAppBackups(app, options);
    const backup = await place.read(await place.find(args[0]!, app.system.cwd));
    const { manifest } = backup;
    const others = (await place.list()).backups.filter((each) =>
      each.manifest.id !== manifest.id && each.isWhole && each.manifest.revision === manifest.revision &&
      each.manifest.database === manifest.database
    );
    const last = others.length === 0 ? `, the last way back to ${positionText(manifest)}` : "";
    const what = `${manifest.id} of ${manifest.database} (${ageText(manifest.createdAt, new Date())} old, ${
      formatBytes(manifest.bytes)
    }${last})`;
    await app.confirm(`Remove ${what}?`);
    await deleteBackup(place, backup);
    app.report.line(`removed ${what}`);
    return { json: { removed: listedBackup(backup) } };
  },
});

/** The latest could be that of a database from which this one was copied, and another one a moment later. */
function unnamed(): HarborError {
  return new HarborError("unknown_backup", 'Cannot remove "latest"', {
    state: "what is removed has to be named",
    hint: "harbor-db backup list",
  });
}
