import { counted } from "../../base/quantity.ts";
import { defineCommand } from "../../cli/command.ts";
import { lockOptions } from "../../state/lock_options.ts";

export const keptPruneCommand = defineCommand({
  description:
    "Every upgrade does that, too. Who asked for their data to be deleted asked for it here as well, so nothing is asked.",
  options: {},
  examples: [{ line: "kept prune", does: "after accounts were deleted, without an upgrade" }],
  run: (app) =>
    app.withRun("write", async (context) => {
      const { pruneKept } = await import("../../migrate/kept/prune.ts");
      const { pruned, unpruned } = await context.database.withLock(
        () => pruneKept(context),
        lockOptions(context, app.lockWaitMs),
      );
      if (pruned.length + unpruned.length === 0) app.report.line("nothing is kept of deleted rows");
      for (const { id, table, rows } of pruned) {
        app.report.line(`forgot     ${counted(rows, "row")} of ${table} (${id})`);
      }
      for (const { id, table } of unpruned) {
        app.report.line(
          `stays      what is kept of ${table} (${id}): nobody can tell now which rows were deleted`,
        );
      }
      return { json: { pruned, unpruned: unpruned.map(({ id }) => id) } };
    }),
});
