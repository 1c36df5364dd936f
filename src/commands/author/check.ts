import { defineCommand } from "../../cli/command.ts";
import { proveUrlOption, schemaOption } from "./generate_options.ts";
import { flag, number, text } from "../../cli/options.ts";

export const checkCommand = defineCommand({
  description:
    "Needs no database. Exits with 3 when something failed, and with 1 when something could not be checked. docs/hazards.md says what each hazard is.",
  options: {
    schema: schemaOption,
    prove: flag(
      "--prove",
      "run every revision up, down and up again, on rows, and compare with its snapshot",
    ),
    proveUrl: proveUrlOption,
    acceptEdits: flag(
      "--accept-edits",
      "take edited scripts as they are: with --prove those that are proven, alone those of which only comments were edited",
    ),
    postgresVersion: number("--postgres-version <major>", "the version that hazards are judged for", 15),
    baseline: text(
      "--baseline <revision>",
      "write down that it and all before it are released; they are not judged any more (base: none is)",
    ),
    strict: flag("--strict", "exit with 3 also when there is something to look at"),
  },
  examples: [
    { line: "check", does: "what CI should run" },
    { line: "check --baseline head", does: "after a release, or taking over a history that others wrote" },
    { line: "check --prove --accept-edits", does: "after editing a script by hand" },
    { line: "check --accept-edits", does: "after editing its comments" },
  ],
  run: async (app, { options }) => (await import("./run_check.ts")).runCheck(app, options),
});
