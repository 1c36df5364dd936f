import { defineCommand } from "../../cli/command.ts";

export const dropCommand = defineCommand({
  description:
    "Removes its scripts and snapshots, its place in the journals and its checksums, of all dialects. Refuses one that the database has, and one that is not the newest. schema.ts stays as it is.",
  options: {},
  examples: [
    { line: "drop", does: "after a generate that was not meant so: says what goes, and asks" },
    { line: "drop f2aad82d561f --yes", does: "that one, without a question" },
  ],
  run: async (app, { args }) => (await import("./run_drop.ts")).runDrop(app, args[0] ?? null),
});
