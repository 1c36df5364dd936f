import { defineCommand } from "../command.ts";
import { migrateOptions, runMigration } from "../migrate_command.ts";

export const upgradeCommand = defineCommand({
  name: "upgrade",
  summary: "apply what is pending",
  description:
    "A run that was interrupted goes on where it stopped. When there is nothing to do, nothing happens.",
  arguments: [{ name: "[target]", summary: "head (the default), a revision or the beginning of one, or +n" }],
  options: migrateOptions,
  examples: [
    { line: "upgrade", does: "to head" },
    { line: "upgrade 71dda59686db", does: "to that revision" },
    { line: "upgrade +1", does: "one revision on" },
    { line: "upgrade --sql > review.sql", does: "the script, to read" },
  ],
  run: (app, { args, options }) =>
    runMigration(app, { direction: "upgrade", target: args[0] ?? "head", options }),
});
