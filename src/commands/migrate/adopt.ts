import { adoptOptions, runAdoption } from "./run_adoption.ts";
import { defineCommand } from "../../cli/command.ts";

export const adoptCommand = defineCommand({
  description:
    "Looks at what is there instead of believing a label, says which revision it is or is nearest to, and what differs. Then it asks: a database that is exactly a revision is stamped; any other is led to head by a bridge that adds and relaxes and keeps what it does not know: one transaction, or beside those who write where tables are large.",
  options: adoptOptions,
  examples: [
    { line: "adopt --dry-run", does: "what it is and what would be done" },
    { line: "adopt --sql > review.sql", does: "the bridge, to read" },
    { line: "adopt --yes", does: "without a question" },
  ],
  run: async (app, { options }) => (await runAdoption(app, { options, isConfirmed: false })).outcome,
});
