import { counted } from "../base/quantity.ts";
import { accessSync, constants, existsSync } from "node:fs";
import { dirname } from "node:path";
import { HarborError } from "../base/errors.ts";
import type { DatabaseUrl } from "../base/url/database_url.ts";
import type { RevisionName, Status } from "../state/read_status.ts";
import { returnCommand } from "../state/rules/due.ts";
import { besideWords } from "../engines/beside_progress.ts";
import { readColumns } from "../state/read_columns.ts";
import type { RunContext } from "../engines/run_context.ts";
import type { LastBackup } from "./backup/last_backup.ts";
import { backupFolder, folderOptions } from "./backup/options.ts";
import type { DueAfter } from "../hooks/due_after.ts";
import { findDue } from "./migrate/around.ts";
import { amountText, keptJson, unreturnedText, whatText } from "./backup/kept_output.ts";
import { readKnownReleases } from "../releases/known_releases.ts";
import { releasesThatFind, releasesThatRun, type Verdict } from "../releases/may_run.ts";
import { verdictLines } from "../releases/words.ts";
import { defineCommand } from "../cli/command.ts";
import { flag, text, type Values } from "../cli/options.ts";
import type { App } from "../cli/app.ts";

export const statusCommand = defineCommand({
  description:
    "Shows the current revision, what is pending, who holds the lock and what is unfinished. Changes nothing.",
  options: {
    exitCode: flag("--exit-code", "exit with 3 when something is pending or needs attention"),
    ...folderOptions,
    log: text("--log <file>", "the log of verify, to say how its last run ended"),
  },
  examples: [
    { line: "status", does: "the state of openharbor.db" },
    { line: "status --exit-code --quiet", does: "3 when an upgrade is due, for scripts" },
  ],
  run: (app, { options }) => {
    // Loaded while the server is asked in.
    const loading = import("../state/read_status.ts");
    return app.withRun("read", async (context) => {
      const { readStatus } = await loading;
      // Asked for together, as readStatus does all that it asks for.
      const [status, judged] = await Promise.all([readStatus(context), judgeReleases(app, context)]);
      const { state, lock } = status;
      const forbidden = status.pending.length === 0 ? null : await lackedRights(context);
      const backups = await readLastBackup(app, context, options);
      const { releases, releasesProblem } = judged;
      print(
        app,
        { ...status, forbidden, backups, releases, releasesProblem },
        context.database.url,
      );
      const due = await findDue(app);
      if (due !== null) printDue(app, due);
      const verified = await lastRun(app, options.log);
      const needsAttention = status.pending.length > 0 || status.ahead.length > 0 ||
        status.unfinished !== null || state.refusal !== null || backups.needsAttention || due !== null ||
        status.unreturned.length > 0;
      return {
        ok: !(options.exitCode && needsAttention),
        json: {
          database: { dialect: context.database.dialect, url: context.database.url },
          history: { dir: app.historyDir() },
          state: state.kind,
          current: status.current?.revision ?? null,
          head: status.head?.revision ?? null,
          pending: status.pending,
          ahead: status.ahead,
          known: status.known,
          unfinished: status.unfinished,
          adopted: status.adopted,
          lock,
          backfills: status.backfills,
          beside: status.beside.map(({ name, table, phase }) => ({ change: name, table, phase })),
          kept: status.kept?.map(keptJson) ?? null,
          unreturned: status.unreturned.map(({ id }) => id),
          ...backups.json,
          lastVerify: verified,
          afterDue: due && { since: due.since, change: due.change },
          forbidden,
          releases,
          releasesProblem,
          problem: state.refusal,
        },
      };
    });
  },
});

interface ReleasesNow {
  /** Which releases of the application may run on what is there now; `null` when nobody says what they need. */
  readonly releases: readonly Verdict[] | null;
  /** Why that is not known. */
  readonly releasesProblem: HarborError | null;
}

/**
 * Looks at the tables themselves, whatever any version table says of them: at those alone that releases name, as a large
 * schema takes its time. Where one of them is not there, it may be a view.
 */
async function judgeReleases(app: App, { database }: RunContext): Promise<ReleasesNow> {
  const { releases, problem } = await readKnownReleases(app.readBeside);
  if (releases === null) return { releases, releasesProblem: problem };
  try {
    const named = [...new Set(releases.flatMap(({ tables }) => Object.keys(tables)))];
    const { dialect } = database;
    const tables = await readColumns(database, named);
    const verdicts = tables.length === named.length
      ? releasesThatFind({ dialect, tables, views: [] }, releases)
      : releasesThatRun(await database.introspect(), releases);
    return { releases: verdicts, releasesProblem: null };
  } catch (error) {
    if (error instanceof HarborError) return { releases: null, releasesProblem: error };
    throw error;
  }
}

/** Says that the application may be stopped. */
function printDue({ report }: App, { since, change }: DueAfter): void {
  const words =
    `--before ran at ${since} for the ${change}, and --after did not end well since: the application may be stopped`;
  report.line(`${report.colors.bold("after".padEnd(10))} ${report.colors.red(words)}`, 11);
  report.line(`${" ".repeat(11)}${report.remedy("The next harbor-db upgrade with --after runs it.")}`, 11);
}

/** Returns what the role lacks for what is pending. */
async function lackedRights(context: RunContext): Promise<HarborError | null> {
  const { rightsError } = await import("../state/check_rights.ts");
  return await rightsError("upgrade", context);
}

/** Reads and shows how `verify` last ended, where its log is known. */
async function lastRun(app: App, log: string | undefined) {
  if (log === undefined) return null;
  const { describeRun, lastVerify } = await import("./last_verify.ts");
  const run = lastVerify(app, log);
  const { bold, green, magenta, red } = app.report.colors;
  const color = run?.exitCode !== 0 ? red : run.notChecked.length === 0 ? green : magenta;
  const words = run === null ? "no run known" : color(describeRun(run, new Date()));
  app.report.line(`${bold("verified".padEnd(10))} ${words}`);
  return run;
}

/** Looks into the folder only if there is one, since status is called often, and most of what it takes is for reading manifests. */
async function readLastBackup(
  app: App,
  { database }: RunContext,
  options: Values<typeof folderOptions>,
): Promise<LastBackup> {
  if (!existsSync(backupFolder(app, app.databaseUrl(), options))) return noBackup;
  const { describeLastBackup } = await import("./backup/last_backup.ts");
  return await describeLastBackup(app, database, options);
}

const noBackup: LastBackup = {
  needsAttention: false,
  json: { lastBackup: null, backupsFromFuture: [], backupsUnusable: [], backupProblem: null, leftovers: [] },
  lines: ["none"],
  remedies: [],
};

type Shown = Status & ReleasesNow & {
  readonly backups: LastBackup;
  readonly forbidden: HarborError | null;
};

/** Whether this user may make a file there. */
function mayMake(url: DatabaseUrl): boolean {
  try {
    if (url.isFile) accessSync(dirname(url.path), constants.W_OK);
    return url.isFile;
  } catch {
    return false;
  }
}

/** Says what a newer release, or another branch, applied. */
function printAhead(report: App["report"], { ahead, known }: Status): void {
  const { bold, magenta } = report.colors;
  const words = {
    ledger: "the way back is in the database",
    none: "it has no downgrade script",
    damaged: "what the database has of the way back was changed since it was written",
    "unknown schema":
      "it has things in a schema of which this history knows nothing: go back with the release that has it",
  };
  report.line(
    `${bold("ahead".padEnd(10))} ${counted(ahead.length, "revision")} of a newer release or another branch`,
  );
  for (const { revision, name, appliedBy, wayBack } of ahead) {
    report.line(
      `${" ".repeat(10)} ${magenta(`${revision}  ${name}`)}, applied by harbor-db ${appliedBy}; ${
        words[wayBack]
      }`,
    );
  }
  const isWhole = ahead.every(({ wayBack }) => wayBack === "ledger");
  if (isWhole) {
    report.line(
      `${" ".repeat(10)} ${report.remedy(`back to what this history knows: harbor-db downgrade ${known}`)}`,
    );
  }
}

function print({ report, isAbsent, databaseUrl, historyDir }: App, status: Shown, url: string): void {
  const {
    backups,
    state,
    pending,
    ahead,
    lock,
    backfills,
    beside,
    unfinished,
    adopted,
    kept,
    unreturned,
    current,
    releases,
    releasesProblem,
  } = status;
  const show = (label: string, value: string) =>
    report.line(`${report.colors.bold(label.padEnd(10))} ${value}`);
  const named = (revision: RevisionName | null) =>
    revision === null ? "base" : `${revision.revision}  ${revision.name}`;
  show(
    "database",
    isAbsent() ? `${url} (does not exist${mayMake(databaseUrl()) ? "; upgrade makes it" : ""})` : url,
  );
  show("history", historyDir() ?? "built in");
  show("state", state.kind);
  show("current", state.refusal === null ? named(status.current) : "unknown");
  show("head", named(status.head));
  if (state.refusal === null) show("pending", pending.length === 0 ? "nothing" : String(pending.length));
  for (const revision of pending) report.line(`${" ".repeat(10)} ${report.colors.magenta(named(revision))}`);
  if (ahead.length > 0) printAhead(report, status);
  if (releasesProblem !== null) show("releases", `not known: ${releasesProblem.message}`);
  else if (releases !== null && releases.length > 0) {
    verdictLines(releases).forEach((line, place) => show(place === 0 ? "releases" : "", line));
  }
  if (adopted !== null) {
    const how = { alembic: "from Alembic", adopt: "as it was", bridge: "by a bridge" } as const;
    show("adopted", `${adopted.at}, ${how[adopted.how as keyof typeof how]}`);
  }
  if (unfinished !== null) {
    const { direction, revision, name, statementsDone, startedAt } = unfinished;
    show(
      "unfinished",
      `${direction} of ${revision}  ${name}: ${
        counted(statementsDone, "statement")
      } done, started ${startedAt}`,
    );
  }
  for (const { table, rows, batches, lastKey, endKey } of backfills) {
    show(
      "backfill",
      `${table}: ${counted(rows, "row")} in ${counted(batches, "batch", "batches")}, at key ${
        lastKey ?? "-"
      } of ${endKey ?? "-"}`,
    );
  }
  for (const change of beside) show("beside", besideWords(change));
  if (kept === null) show("kept", "not known: this user may not read harbor_kept");
  else if (kept.length > 0) {
    show("kept", `on record: ${amountText(kept)} of ${kept.map(whatText).join("; ")}`);
    for (const each of unreturned) {
      const how = lock === null
        ? `not put back to the end: ${report.remedy(returnCommand(each, current?.revision ?? null))}`
        : "being put back";
      show("unreturned", `${unreturnedText(each)}, ${how}`);
    }
    const left = kept.filter(({ state }) => state === "left");
    if (left.length > 0) show("left over", `${amountText(left)} did not fit when their step was undone`);
  }
  for (const line of backups.lines) show("backup", line);
  for (const line of backups.remedies) report.line(`${" ".repeat(11)}${report.remedy(line)}`);
  show("lock", lock === null ? "free" : `${lock.owner}${lock.since === null ? "" : ` since ${lock.since}`}`);
  for (const problem of [state.refusal, status.forbidden]) {
    if (problem === null) continue;
    report.line();
    report.line(report.colors.magenta(problem.message));
    for (const [at, line] of problem.hintLines.entries()) {
      report.line(`${at === 0 ? report.colors.bold("hint:") : "     "} ${report.remedy(line)}`, 6);
    }
  }
}
