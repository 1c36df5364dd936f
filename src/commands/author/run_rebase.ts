import { relative } from "node:path";
import { loadDrizzleEngine } from "../../author/project/drizzle_engine.ts";
import { rebase } from "../../author/rebase/rebase.ts";
import { finishInterrupted } from "../../author/writing/write_together.ts";
import { groundWords } from "../../author/proof/ground.ts";
import { hostWords } from "../../history/host.ts";
import type { App } from "../../cli/app.ts";
import type { Outcome } from "../../cli/command.ts";
import { readAppliedRevisions } from "./read_applied.ts";
import { projectPaths, writeOptions } from "./write_revision.ts";
import { proofSettings, tellNotRun } from "./proof_settings.ts";

interface RebaseValues {
  readonly revision: string | null;
  readonly onto: string | undefined;
  readonly proveUrl: string | undefined;
}

/** Moves revisions and says what was done. */
export async function runRebase(
  app: App,
  { revision, onto, proveUrl }: RebaseValues,
): Promise<Outcome> {
  const { report, system } = app;
  const { dir } = projectPaths(app, null);
  const writing = { ...writeOptions(app, dir), command: "rebase" };
  const finished = await finishInterrupted(dir, writing);
  if (finished !== null) {
    report.line(
      `ended the ${finished} that an interrupted harbor-db had begun to write; see: harbor-db history`,
    );
    return { json: { finished: true } };
  }
  const proof = await proofSettings(app, proveUrl);
  const { order, resolved, renumbered, rewritten, files, upOnly, hosts, grounds } = await rebase({
    dir,
    cwd: system.cwd,
    revision,
    onto: onto ?? null,
    applied: () => readAppliedRevisions(app),
    engine: await loadDrizzleEngine(),
    proof,
    writing,
  });
  if (order.length === 0) report.line("nothing to do: the history has no branches");
  for (const { revision, name, moved } of order) {
    report.line(`${moved ? report.colors.green("moved") : "kept "} ${revision}  ${name}`);
  }
  for (const file of resolved) report.line(`took a merge's marks out of ${relative(system.cwd, file)}`);
  for (const { from, to } of renumbered) {
    report.line(report.colors.magenta(`renamed ${from} to ${to}: the other branch has that number`));
  }
  for (const { file, reason } of rewritten) {
    report.line(report.colors.magenta(`wrote ${file} anew: ${reason}`));
  }
  for (const { dialect, revision } of upOnly) {
    report.line(report.colors.magenta(`${dialect}: run up only: ${revision} has no way back`));
  }
  for (const host of hosts) report.line(hostWords(host));
  for (const { dialect, ...ground } of grounds) {
    report.line(report.colors.magenta(`${dialect}: ${groundWords(ground)}`));
  }
  const notRun = tellNotRun(app, proof);
  for (const file of files) report.line(`  ${relative(system.cwd, file)}`);
  return { json: { order, resolved, renumbered, rewritten, files, upOnly, hosts, grounds, notRun } };
}
