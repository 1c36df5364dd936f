import { HarborError } from "../../core/errors.ts";
import { defineCommand } from "../command.ts";

export const completionsCommand = defineCommand({
  name: "completions",
  summary: "print the completion script of a shell",
  arguments: [{ name: "<shell>", summary: "bash, zsh or fish" }],
  options: {},
  examples: [{ line: "completions bash > /etc/bash_completion.d/harbor-db", does: "for all users of bash" }],
  run: async (app, { args }) => {
    const [{ completionScript, shells }, { commandsFor }] = await Promise.all([
      import("../completion_script.ts"),
      import("../commands.ts"),
    ]);
    const shell = shells.find((each) => each === args[0]);
    if (shell === undefined) {
      throw new HarborError("usage", `Cannot complete for "${args[0]}": known are ${shells.join(", ")}`, {
        hint: "harbor-db completions bash",
      });
    }
    const script = completionScript(shell, await commandsFor([]));
    app.report.raw(script);
    return { json: { shell, script } };
  },
});
