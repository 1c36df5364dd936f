import { allOption } from "../../cli/global_options.ts";
import { defineCommand } from "../../cli/command.ts";
import { flag } from "../../cli/options.ts";
import { verifyOptions } from "./options.ts";

export const verifyCommand = defineCommand({
  description:
    "Changes nothing and holds nobody up. Exits with 3 when something failed, and with 1 when something could not be checked.",
  options: {
    list: flag("--list", "say what each check looks at and what it costs"),
    ...verifyOptions,
    ...allOption,
  },
  examples: [
    { line: "verify", does: "everything" },
    { line: "verify --quick --max-duration 60s", does: "after a deployment" },
    {
      line: "verify --quiet --log verify.jsonl --report verify.html",
      does: "from cron: prints problems only",
    },
    { line: "verify --only history,schema --json", does: "for a program" },
  ],
  run: async (app, { options }) => {
    const { listChecks, runVerify } = await import("./run_verify.ts");
    return options.list ? listChecks(app) : await runVerify(app, options);
  },
});
