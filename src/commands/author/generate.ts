import type { ProjectPart } from "../../author/project/read_project.ts";
import type { App } from "../../cli/app.ts";
import type { Outcome } from "../../cli/command.ts";
import { defineCommand } from "../../cli/command.ts";
import { generateOptions } from "./generate_options.ts";
import { flag } from "../../cli/options.ts";

export const generateCommand = defineCommand({
  description:
    "Compares schema.ts with the last snapshot and writes the scripts up and down for each dialect. They are run up, down and up again before they are written.",
  options: {
    ...generateOptions,
    check: flag("--check", "write nothing; exit with 3 when schema.ts has changes"),
  },
  examples: [
    { line: 'generate "Add user settings"', does: "the scripts of what changed in schema.ts" },
    { line: 'generate "Rename name" --rename users.name=users.full_name', does: "a rename, not a drop" },
    { line: "generate --check", does: "3 when schema.ts is ahead of the history, for CI" },
  ],
  run: async (app, { args, options }) => {
    const { openProject, generateRevision } = await import("./write_revision.ts");
    const name = options.check ? "check" : args[0] ?? "";
    const project = await openProject(app, name, { schema: options.schema });
    if (options.check) return await reportChanges(app, project.parts);
    if (project.parts.some((part) => part.isChanged)) {
      return await generateRevision(app, { ...project, command: `generate "${project.name}"`, options });
    }
    app.report.line("nothing to do: schema.ts and the history agree");
    return { json: { changed: false, revision: null, files: [] } };
  },
});

const signs = { missing: "+", extra: "-", changed: "~" };

async function reportChanges({ report }: App, parts: readonly ProjectPart[]): Promise<Outcome> {
  const { changesOf } = await import("../../author/check/schema.ts");
  const changed = parts.filter((part) => part.isChanged);
  const changes = changed.map((part) => ({ dialect: part.dialect, differences: changesOf(part) }));
  for (const { dialect, differences } of changes) {
    report.line(`${dialect}: schema.ts is ahead of the history`);
    for (const { kind, path, expected, actual } of differences) {
      report.line(
        `  ${signs[kind]} ${path} ${kind === "changed" ? `${actual} -> ${expected}` : expected ?? actual}`,
      );
    }
  }
  if (changes.length === 0) report.line("schema.ts and the history agree");
  else report.line('run: harbor-db generate "what changed"');
  return { ok: changes.length === 0, json: { changed: changes.length > 0, changes } };
}
