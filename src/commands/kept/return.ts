import { defineCommand } from "../../cli/command.ts";
import { lockOptions } from "../../state/lock_options.ts";
import { printReturned } from "../migrate/kept_lines.ts";

export const keptReturnCommand = defineCommand({
  description:
    "Where a row was missing to which others refer, or a constraint or a rule was in the way, what stayed kept for that fits later. What something newer has overtaken stays kept.",
  options: {},
  examples: [{ line: "kept return", does: "after what was in the way is gone" }],
  run: (app) =>
    app.withRun("write", async (context) => {
      const { returnLeft } = await import("../../migrate/kept/tend.ts");
      const { returned, untried } = await context.database.withLock(
        () => returnLeft(context),
        lockOptions(context, app.lockWaitMs),
      );
      if (returned.length === 0) {
        app.report.line(
          untried.length === 0
            ? "nothing stays kept of a step that was undone"
            : "nothing of what stays kept can be put back now",
        );
      }
      for (const each of returned) printReturned(app, each, null);
      for (const { state, hint } of untried) app.report.note(`${state}. ${app.report.remedy(hint)}`);
      return { json: { returned, untried: untried.map(({ id }) => id) } };
    }),
});
