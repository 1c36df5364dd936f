import { HarborError } from "../base/errors.ts";
import { defineCommand } from "../cli/command.ts";

export const completionsCommand = defineCommand({
  description:
    "With it the shell completes commands, options and their values, revisions, backups and files. It asks harbor-db each time, which connects to no database for that.",
  options: {},
  examples: [
    { line: "completions bash > /etc/bash_completion.d/harbor-db", does: "for all users of bash" },
    { line: "completions zsh > /usr/local/share/zsh/site-functions/_harbor-db", does: "of zsh" },
    { line: "completions fish > /etc/fish/completions/harbor-db.fish", does: "of fish" },
  ],
  run: async (app, { args }) => {
    const { completionScripts, shells } = await import("../cli/completion_script.ts");
    const shell = shells.find((each) => each === args[0]);
    if (shell === undefined) {
      throw new HarborError("usage", `Cannot complete for "${args[0]}": known are ${shells.join(", ")}`, {
        hint: "harbor-db completions bash",
      });
    }
    const script = completionScripts[shell];
    app.report.raw(script);
    return { json: { shell, script } };
  },
});
