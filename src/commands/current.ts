import { defineCommand } from "../cli/command.ts";

export const currentCommand = defineCommand({
  description:
    "Where nothing says it, as of a database that nobody manages, it prints unknown and exits with 3.",
  options: {},
  examples: [{ line: "current", does: "the id and name, or base" }],
  run: (app) =>
    app.withRun("read", async (context) => {
      const { readStatus } = await import("../state/read_status.ts");
      const { current, ahead, unfinished, state: { kind, refusal } } = await readStatus(context);
      const isKnown = kind !== "unmanaged";
      const none = isKnown ? "base" : "unknown";
      app.report.line(current === null ? none : `${current.revision}  ${current.name}`);
      if (ahead.some(({ revision }) => revision === current?.revision)) {
        app.report.note("this history does not have it: a newer release or another branch applied it");
      }
      if (refusal !== null) app.report.note(refusal.message);
      if (unfinished !== null) {
        app.report.note(`the ${unfinished.direction} of ${unfinished.revision} is half done`);
      }
      return {
        ok: isKnown,
        json: {
          current: current?.revision ?? null,
          name: current?.name ?? null,
          ...refusal === null ? {} : { problem: refusal },
        },
      };
    }),
});
