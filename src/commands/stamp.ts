import { defineCommand } from "../cli/command.ts";

export const stampCommand = defineCommand({
  name: "stamp",
  summary: "set the version table without running anything",
  description:
    "For a database whose schema is known to be that of a revision. Looks at nothing, changes no table but its own.",
  arguments: [{ name: "<target>", summary: "head, base, a revision or the beginning of one, +n or -n" }],
  options: {},
  examples: [{ line: "stamp 71dda59686db", does: "say that the database is at that revision" }],
  run: (app, { args }) =>
    app.withRun("write", async (context) => {
      const { stamp } = await import("../state/stamp.ts");
      const { from, to } = await stamp(context, args[0]!, app.lockWaitMs);
      app.report.line(`stamped ${to ?? "base"} (was ${from ?? "base"})`);
      return { json: { from, to } };
    }),
});
