import { counted } from "../base/quantity.ts";
import { HarborError } from "../base/errors.ts";
import { defineCommand } from "../cli/command.ts";

export const stampCommand = defineCommand({
  description:
    "For a database whose schema is that of a revision. Looks at the schema; where it is another one, it says the differences and asks, and without a terminal it needs --yes. Changes no table but its own.",
  options: {},
  examples: [
    { line: "stamp 71dda59686db", does: "say that the database is at that revision" },
    { line: "stamp base --yes", does: "say that it is at none, whatever is in it" },
  ],
  run: (app, { args }) =>
    app.withRun("write", async (context) => {
      const { planStamp, stamp } = await import("../state/stamp.ts");
      const { describeDifference } = await import("../schema/compare/snapshots.ts");
      const { differences, to } = await planStamp(context, args[0]!);
      const goal = to ?? "base";
      for (const each of differences) app.report.note(describeDifference(each));
      if (differences.length > 0) {
        try {
          await app.confirm(
            `Stamp ${context.database.url} at ${goal}, whose schema it does not have (${
              counted(differences.length, "difference")
            })?`,
          );
        } catch (error) {
          if (error instanceof HarborError) return { json: { differences }, failure: error };
          throw error;
        }
      }
      const { from } = await stamp(context, goal, app.lockWaitMs);
      app.report.line(`stamped ${goal} (was ${from ?? "base"})`);
      return { json: { from, to, differences } };
    }),
});
