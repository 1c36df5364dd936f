import { formatDuration } from "../../base/quantity.ts";
import { HarborError, messageOf } from "../../base/errors.ts";
import { shownText } from "../../base/shown_text.ts";
import { exitCodeOfFindings, type Finding, summarize } from "../../base/finding.ts";
import { withFileLock } from "../../base/files/file_lock.ts";
import { limitRemedy } from "../../base/files/limit_remedy.ts";
import { openDatabase } from "../../engines/open/database.ts";
import { allChecks, selectChecks } from "../../verify/checks/all.ts";
import { verdictOf } from "../../verify/rules/run_record.ts";
import { projectRulesPath } from "../../verify/rules/project_rules.ts";
import { type Signal } from "../../verify/ping.ts";
import { type Verification, verify } from "../../verify/verify.ts";
import type { App } from "../../cli/app.ts";
import { openAppBackups, openCopies } from "../backup/options.ts";
import type { Outcome } from "../../cli/command.ts";
import { findingText, printFinding, summaryText } from "../../cli/print_finding.ts";
import { verifyLockPath } from "./state_folder.ts";
import type { VerifyValues } from "./options.ts";
import { writeOutputs } from "./outputs.ts";

/** Prints what each check looks at and what it costs. */
export function listChecks({ report }: App): Outcome {
  for (const { name, summary, cost } of allChecks) {
    report.line(`${report.colors.bold(name.padEnd(10))} ${summary}`);
    report.line(`${" ".repeat(11)}cost: ${cost}`);
  }
  return { json: { checks: allChecks.map(({ name, summary, cost }) => ({ check: name, summary, cost })) } };
}

/** Runs the checks while no other run of them can, tells everybody who is to be told, and prints what was found. */
export async function runVerify(app: App, options: VerifyValues): Promise<Outcome> {
  const checks = selectChecks(options.only, options.skip);
  const url = app.databaseUrl();
  const unlocked: Finding[] = [];
  const lock = verifyLockPath(app, options.log);
  return await withFileLock(lock, async () => {
    const tell = await startMonitor(app, options.ping);
    try {
      const { system, report } = app;
      const verification = await verify({
        version: system.build.version,
        signal: system.signal,
        now: () => new Date(),
        notify: report.event,
        backups: {
          store: await openAppBackups(app, options),
          copies: await openCopies(app, options),
          maxAgeMs: options.maxBackupAge,
          isDrill: options.restoreDrill,
        },
        readHistory: () => app.readHistory(url.dialect),
        readRules: () => app.readBeside(projectRulesPath),
        openDatabase: async () =>
          openDatabase(await app.withSchemas(url), { client: system.client, access: "read", asIs: true }),
      }, {
        checks,
        quick: options.quick,
        maxDurationMs: options.maxDuration,
        withFacts: app.settings.json || options.report !== undefined || options.prometheus !== undefined,
      });
      const findings = [...unlocked, ...verification.findings];
      const { outcome, words } = conclude(app, options, {
        ...verification,
        findings,
        summary: summarize(findings),
      });
      const untold = await tell(outcome.ok ? "success" : "fail", words);
      return { ...outcome, json: { ...outcome.json, monitorError: untold } };
    } catch (error) {
      await tell("fail", error instanceof HarborError ? error.message : "harbor-db itself failed");
      throw error;
    }
  }, {
    what: `verify "${url.display}"`,
    waitMs: app.lockWaitMs,
    signal: app.system.signal,
    onWait: () => app.report.note("waiting for another run of verify"),
    onUnlocked: (reason) => unlocked.push(notLocked(lock, reason)),
  });
}

/** Writes and prints what a run came to; returns it for the monitor in words, too. */
function conclude(app: App, options: VerifyValues, verification: Verification) {
  const { report } = app;
  const { display, dialect } = app.databaseUrl();
  const { findings, summary, notChecked, checks, ms, facts } = verification;
  const found = exitCodeOfFindings(findings, options.strict);
  const outputs = writeOutputs(app, options, { verification, exitCode: found });
  const unwritten = outputs.flatMap(({ failure }) => failure ?? []);
  const exitCode = found === 0 && unwritten.length > 0 ? 1 : found;
  const isProblem = ({ status }: Finding) => status !== "pass" && (status !== "warn" || options.strict);
  const verdict = headline(verification, found);
  const words = [verdict, ...findings.filter(isProblem).map((each) => findingText(app, each))].join("\n");

  // The JSON document has them among its outputs.
  if (!app.settings.json) {
    for (const error of unwritten) report.failure(error);
  }
  if (app.settings.quiet) {
    if (found !== 0) report.raw(`${shownText(display)}: ${words}\n`);
  } else {
    for (const finding of findings) printFinding(app, finding);
    report.line();
    report.line(report.colors.bold(verdict));
  }
  const outcome = {
    ok: exitCode === 0,
    ...exitCode === 0 ? {} : { exitCode },
    json: {
      database: { dialect, url: display },
      findings,
      summary,
      notChecked,
      checks,
      startedAt: verification.startedAt,
      ms,
      tables: facts.tables,
      outputs: outputs.map(({ kind, path, failure }) => ({ kind, path, error: failure?.message ?? null })),
    },
  };
  return { outcome, words: [words, ...unwritten.map(({ message }) => message)].join("\n") };
}

function headline({ summary, notChecked, ms }: Verification, exitCode: number): string {
  const rest = notChecked.length === 0 ? "" : `; not checked: ${notChecked.join(", ")}`;
  return `${verdictOf({ exitCode, notChecked })}: ${summaryText(summary)}, after ${
    formatDuration(ms)
  }${rest}`;
}

/** Returns why the monitor does not know; `null` when it does. */
type Tell = (signal: Signal, body: string) => Promise<string | null>;

/** Tells the monitor, if there is one, that a run has begun. Nothing waits for that but the monitor's next message. */
async function startMonitor({ report, settings }: App, address: string | undefined): Promise<Tell> {
  if (address === undefined) return () => Promise.resolve(null);
  const { ping } = await import("../../verify/ping.ts");
  const started = ping(address, "start");
  return async (signal, body) => {
    const problem = [await started, await ping(address, signal, body)].find((each) => each !== null) ?? null;
    if (problem !== null && !settings.json) report.failure(new HarborError("connection_failed", problem));
    return problem;
  };
}

function notLocked(path: string, reason: unknown): Finding {
  return {
    check: "lock",
    status: "warn",
    message: `another run could begin beside this one: there can be no lock file "${path}" (${
      messageOf(reason)
    })`,
    hint: limitRemedy(reason) ??
      "Give a folder that this user may write: --log FILE, or XDG_STATE_HOME in the environment.",
    details: { lock: path },
  };
}
