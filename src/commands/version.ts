import { defineCommand } from "../cli/command.ts";
import { versionText } from "../cli/version_text.ts";

export const versionCommand = defineCommand({
  options: {},
  examples: [{ line: "version --json", does: "for programs" }],
  run: (app) => {
    const { build: { version, commit }, runtime } = app.system;
    app.report.raw(`${versionText(app.system)}\n`);
    return Promise.resolve({ json: { version, commit, runtime } });
  },
});
