import { defineCommand } from "../../cli/command.ts";
import { proveUrlOption } from "./generate_options.ts";
import { text } from "../../cli/options.ts";

export const rebaseCommand = defineCommand({
  description:
    "Makes their snapshots and the journal anew, out of both sides where a merge left its marks, and keeps their scripts as long as they fit. A revision that the database has applied is not moved.",
  options: {
    onto: text(
      "--onto <branch>",
      "the branch whose revisions keep their place; else the one being merged, or rebased onto",
    ),
    proveUrl: proveUrlOption,
  },
  examples: [
    {
      line: "rebase",
      does: "in the middle of git merge main: this branch's revisions go behind main's",
    },
    { line: "rebase --onto origin/main", does: "the same after the merge" },
    { line: "rebase 3f2a", does: "that revision goes behind the others" },
  ],
  run: async (app, { args, options }) => {
    const { runRebase } = await import("./run_rebase.ts");
    return await runRebase(app, { revision: args[0] ?? null, ...options });
  },
});
