import { join, relative } from "node:path";
import { planDrop } from "../../author/drop.ts";
import { finishInterrupted, writeTogether } from "../../author/writing/write_together.ts";
import { HarborError } from "../../base/errors.ts";
import { counted } from "../../base/quantity.ts";
import type { App } from "../../cli/app.ts";
import type { Outcome } from "../../cli/command.ts";
import { readAppliedRevisions } from "./read_applied.ts";
import { projectPaths, writeOptions } from "./write_revision.ts";

/** Takes back the newest revision and says what went. */
export async function runDrop(app: App, target: string | null): Promise<Outcome> {
  const { report, system } = app;
  const { dir } = projectPaths(app, null);
  await finishInterrupted(dir, writeOptions(app, dir));
  const { revision, tag, name, checksums, changes, edited } = planDrop(dir, system.cwd, target);
  const applied = await readAppliedRevisions(app);
  if (applied?.has({ id: revision, tag, checksums })) {
    throw new HarborError(
      "out_of_order",
      `Cannot drop revision "${revision}" (${name}): the database "${applied.url}" has it`,
      { hint: "Undo it there first: harbor-db downgrade -1", details: { revision } },
    );
  }
  const removed = changes.filter(({ text }) => text === null).map(({ path }) => join(dir, path));
  const lost = edited.length === 0
    ? ""
    : `, of which ${edited.join(" and ")} ${edited.length === 1 ? "was" : "were"} edited since`;
  await app.confirm(`Remove revision ${revision} (${name}) with ${counted(removed.length, "file")}${lost}?`);
  await writeTogether(dir, changes, writeOptions(app, dir));
  report.line(`${report.colors.green("dropped")} revision ${revision}  ${name}`);
  for (const file of removed) report.line(`  ${relative(system.cwd, file)}`);
  return { json: { revision: { revision, name }, files: removed } };
}
