import { defineCommand } from "../../cli/command.ts";
import { generateOptions } from "./generate_options.ts";

export const createCommand = defineCommand({
  options: generateOptions,
  examples: [
    {
      line: 'create "Clean up old uploads"',
      does: "a pair of scripts with a template, when schema.ts has no change",
    },
  ],
  run: async (app, { args, options }) => {
    const command = await import("./write_revision.ts");
    const project = await command.openProject(app, args[0]!, { schema: options.schema });
    const { name, paths, parts } = project;
    if (parts.some((part) => part.isChanged)) {
      return await command.generateRevision(app, { ...project, command: `create "${name}"`, options });
    }
    const [{ draftEmptyRevision }, { parseAllowances, refuseUnmet }] = await Promise.all([
      import("../../author/generate.ts"),
      import("../../author/allow_hazards.ts"),
    ]);
    refuseUnmet(parseAllowances(options.allow), []);
    const revision = draftEmptyRevision(parts, command.revisionRequest(name, options));
    const outcome = await command.writeRevision(app, { revision, paths, options });
    app.report.line(
      "schema.ts has no change: fill the scripts in, then: harbor-db check --prove --accept-edits",
    );
    return outcome;
  },
});
