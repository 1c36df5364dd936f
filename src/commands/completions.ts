import { HarborError } from "../base/errors.ts";
import { type Command, defineCommand } from "../cli/command.ts";

/**
 * Makes the command.
 *
 * @param load Loads all commands, which a script completes
 */
export function completionsCommand(load: () => Promise<readonly Command[]>): Command {
  return defineCommand({
    name: "completions",
    summary: "print the completion script of a shell",
    arguments: [{ name: "<shell>", summary: "bash, zsh or fish" }],
    options: {},
    examples: [{
      line: "completions bash > /etc/bash_completion.d/harbor-db",
      does: "for all users of bash",
    }],
    run: async (app, { args }) => {
      const { completionScript, shells } = await import("../cli/completion_script.ts");
      const shell = shells.find((each) => each === args[0]);
      if (shell === undefined) {
        throw new HarborError("usage", `Cannot complete for "${args[0]}": known are ${shells.join(", ")}`, {
          hint: "harbor-db completions bash",
        });
      }
      const script = completionScript(shell, await load());
      app.report.raw(script);
      return { json: { shell, script } };
    },
  });
}
