import { defineCommand } from "../../cli/command.ts";
import { migrateOptions } from "./migration.ts";
import { runMigration } from "./run_migration.ts";

export const downgradeCommand = defineCommand({
  description:
    "What a revision added goes; its data is kept aside in the database and comes back with the next upgrade. Says what goes and which releases of the application stop working, and asks; without a terminal it needs --yes.",
  options: migrateOptions,
  examples: [
    { line: "downgrade -1", does: "undo the last revision" },
    { line: "downgrade 71dda59686db", does: "to that revision" },
    { line: "downgrade base --yes", does: "undo everything, without a question" },
  ],
  run: (app, { args, options }) =>
    runMigration(app, {
      direction: "downgrade",
      target: args[0]!,
      options,
      question: async (context, plan, consequences) =>
        (await import("./downgrade_question.ts")).downgradeQuestion(context, plan, {
          ...options,
          consequences,
        }),
    }),
});
