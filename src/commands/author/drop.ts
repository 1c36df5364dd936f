import { defineCommand } from "../../cli/command.ts";

export const dropCommand = defineCommand({
  name: "drop",
  summary: "take back the newest revision, in the files",
  description:
    "Removes its scripts and snapshots, its place in the journals and its checksums, of all dialects. Refuses one that the database has, and one that is not the newest. schema.ts stays as it is.",
  arguments: [{
    name: "[revision]",
    summary: "the one that is meant, to be sure; else whichever is the newest",
  }],
  options: {},
  examples: [
    { line: "drop", does: "after a generate that was not meant so: says what goes, and asks" },
    { line: "drop f2aad82d561f --yes", does: "that one, without a question" },
  ],
  run: async (app, { args }) => (await import("./run_drop.ts")).runDrop(app, args[0] ?? null),
});
