import { defineCommand } from "../cli/command.ts";

export const currentCommand = defineCommand({
  name: "current",
  summary: "print the revision that the database is at",
  options: {},
  examples: [{ line: "current", does: "the id and name, or base" }],
  run: (app) =>
    app.withRun("read", async (context) => {
      const { readStatus } = await import("../state/read_status.ts");
      const { current } = await readStatus(context);
      app.report.line(current === null ? "base" : `${current.revision}  ${current.name}`);
      return { json: { current: current?.revision ?? null, name: current?.name ?? null } };
    }),
});
