import { HarborError } from "../../base/errors.ts";
import { findNamed } from "./find_named.ts";
import { deliver } from "./deliver.ts";
import { deliveryOptions, folderOptions, openAppBackups } from "./options.ts";
import { listedBackup } from "./output.ts";
import { defineCommand } from "../../cli/command.ts";

const { copyTo } = deliveryOptions;

export const backupCopyCommand = defineCommand({
  description:
    "What backup --copy-to does by itself, for one whose delivery failed, or that is older. Nothing there is replaced; one that is there already is left as it is.",
  options: { ...folderOptions, copyTo },
  examples: [{
    line: "backup copy latest --copy-to s3://bucket/nightly",
    does: "the newest of this database",
  }],
  run: async (app, { args, options }) => {
    if (options.copyTo === undefined || options.copyTo === "none") {
      throw new HarborError("usage", `Cannot copy "${args[0]}": it is not said where to`, {
        hint: "harbor-db backup copy latest --copy-to s3://bucket/prefix",
      });
    }
    const backups = await openAppBackups(app, options);
    const backup = await backups.place.read(await findNamed(app, backups, args[0]!));
    const failure = await deliver(app, { ...options, afterBackup: undefined, hookTimeout: 0 }, {
      ...backup,
      isReused: true,
    });
    return {
      json: { backup: listedBackup(backup) },
      ...failure === null ? {} : { failure },
    };
  },
});
