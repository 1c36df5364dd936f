import { join, relative } from "node:path";
import { historyAfter, refuseUnread } from "../../author/check/new_revision.ts";
import { checkStatements } from "../../author/check/syntax.ts";
import { loadDrizzleEngine } from "../../author/project/drizzle_engine.ts";
import { lookAtLeft, proveRevisions } from "../../author/proof/prove.ts";
import { readHistoryFolders } from "../../author/project/read_history_folders.ts";
import { checkFolder } from "../../author/rules/folder/check_folder.ts";
import { planSquash } from "../../author/squash.ts";
import { finishInterrupted, writeTogether } from "../../author/writing/write_together.ts";
import { HarborError } from "../../base/errors.ts";
import type { Dialect } from "../../base/dialect.ts";
import { type HostUse, hostWords } from "../../history/host.ts";
import type { App } from "../../cli/app.ts";
import type { Outcome } from "../../cli/command.ts";
import { proofSettings, tellNotRun } from "./proof_settings.ts";
import { projectPaths, writeOptions } from "./write_revision.ts";

interface SquashValues {
  readonly last: string;
  readonly from: string | undefined;
  readonly name: string | undefined;
  readonly proveUrl: string | undefined;
}

/** Makes one revision of several, proves it, writes it and says what was done. */
export async function runSquash(app: App, { last, from, name, proveUrl }: SquashValues): Promise<Outcome> {
  const { report, system } = app;
  const { dir } = projectPaths(app, null);
  const writing = { ...writeOptions(app, dir), command: "squash" };
  if (await finishInterrupted(dir, writing) === "squash") {
    report.line("ended the squash that an interrupted harbor-db had begun to write; see: harbor-db history");
    return { json: { finished: true } };
  }
  const folders = readHistoryFolders(dir, system.cwd).map((folder) => checkFolder(folder, null));
  const engine = await loadDrizzleEngine();
  report.event({ kind: "doing", text: "running the scripts up, down and up again" });
  const proof = await proofSettings(app, proveUrl);
  const range = { first: from ?? null, last, name: name ?? null };
  const plan = await planSquash({ dir, folders, ...range, engine, proof });
  const { revision, place, changes, covers, upOnly } = plan;
  const proven: Dialect[] = [];
  const hosts: (HostUse & { readonly dialect: Dialect })[] = [];
  for (const { dialect, place: below } of folders) {
    const { covered: _, ...after } = historyAfter(changes, { dir, cwd: system.cwd, place: below, dialect });
    const history = { ...after, revisions: after.revisions.slice(0, place + 1) };
    const setting = proof.get(dialect);
    const limit = upOnly.get(dialect);
    if (setting === undefined) {
      refuseUnread(await checkStatements(history));
      continue;
    }
    const released = limit === undefined ? place : place + 1;
    const { host, ground } = await proveRevisions(history, { first: released, released }, setting);
    // What stands for scripts has to do what they do, which nobody has seen then.
    if (ground !== null) {
      throw new HarborError("not_proven", `Cannot squash into "${revision}"`, {
        state: `on ${dialect} its scripts do not run: ${ground.reason}`,
        hint: ground.hint ?? undefined,
      });
    }
    if (host !== null) hosts.push({ dialect, ...host });
    if (limit === "no way back" && !(await lookAtLeft(history, setting)).isSame) {
      throw new HarborError("not_proven", `Cannot squash into "${revision}"`, {
        state: `on ${dialect} it leaves another schema than the last of them`,
      });
    }
    proven.push(dialect);
  }
  await writeTogether(dir, changes, writing);

  const files = changes.filter(({ before }) => before === null).map(({ path }) => join(dir, path));
  const unproven = folders.map(({ dialect }) => dialect).filter((dialect) => !proven.includes(dialect));
  report.line(`${report.colors.green("squashed")} ${covers.length} revisions into ${revision}  ${plan.name}`);
  for (const each of covers) report.line(`  covered ${each.revision}  ${each.name}`);
  for (const file of files) report.line(`  ${relative(system.cwd, file)}`);
  report.line(
    plan.reason === null
      ? "written anew from the last of them"
      : `their scripts stand one behind the other, not written anew: ${plan.reason}`,
  );
  const whole = proven.filter((dialect) => !upOnly.has(dialect));
  if (whole.length > 0) report.line(`proven up, down and up again, on rows: ${whole.join(" and ")}`);
  for (const host of hosts) report.line(hostWords(host));
  const notRun = tellNotRun(app, proof);
  for (const [dialect, reason] of upOnly) {
    report.line(report.colors.magenta(`${dialect}: run up only: ${reason}`));
  }
  if (unproven.length > 0) {
    report.line(`read, but not run: ${unproven.join(" and ")} (name a server: --prove-url postgresql://…)`);
  }
  const { parent, createdAt, written, reason } = plan;
  return {
    json: {
      revision: { revision, name: plan.name, parent, createdAt },
      covers,
      written,
      reason,
      files,
      proven,
      hosts,
      notRun,
      unproven,
    },
  };
}
