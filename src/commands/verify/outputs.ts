import { notFollowedText, type Proof, type Proven } from "../../engines/backup/content.ts";
import { basename, resolve } from "node:path";
import { asFileError, HarborError, messageOf } from "../../base/errors.ts";
import { notCheckedOf, worstStatus } from "../../base/finding.ts";
import { readDeliveries } from "../../backup/store/deliveries.ts";
import { renderMetrics } from "../../verify/rules/prometheus.ts";
import type { RunRecord } from "../../verify/rules/run_record.ts";
import { readRegularText } from "../../base/files/regular_file.ts";
import { replaceFile } from "../../base/files/replace_file.ts";
import { appendRun, readRuns } from "../../verify/run_log.ts";
import type { Verification } from "../../verify/verify.ts";
import type { App } from "../../cli/app.ts";
import { databaseIdentity } from "../backup/options.ts";
import { renderReportPage } from "../../verify/page/page.ts";
import { readStorage } from "./storage.ts";
import type { VerifyValues } from "./options.ts";

/** A file that a run was to write. */
export interface Output {
  readonly kind: "log" | "prometheus" | "report";
  readonly path: string;
  /** Why it is not written; `null` when it is. */
  readonly failure: HarborError | null;
}

interface Result {
  readonly verification: Verification;
  readonly exitCode: number;
}

/** Writes the files that were asked for. One that cannot be written keeps no other from being written. */
export function writeOutputs(app: App, options: VerifyValues, result: Result): readonly Output[] {
  const { system } = app;
  const record = recordOf(app, result);
  const runs = [...options.log === undefined ? [] : earlierRuns(resolve(system.cwd, options.log)), record];
  const write = (
    kind: Output["kind"],
    path: string | undefined,
    work: (path: string) => void,
  ): readonly Output[] => {
    if (path === undefined) return [];
    try {
      work(resolve(system.cwd, path));
      return [{ kind, path, failure: null }];
    } catch (error) {
      const failure = asFileError(error);
      return [{
        kind,
        path,
        failure: failure instanceof HarborError ? failure : new HarborError("file_failed", messageOf(error)),
      }];
    }
  };
  return [
    ...write("log", options.log, (path) => appendRun(path, record)),
    ...write(
      "report",
      options.report,
      (path) => replaceFile(path, pageOf(app, result, runs), { own: ownPage }),
    ),
    ...write(
      "prometheus",
      options.prometheus,
      (path) => replaceFile(path, metricsOf(app, result, path), { mode: readableByAll, own: ownMetrics }),
    ),
  ];
}

function recordOf(app: App, { verification, exitCode }: Result): RunRecord {
  const { startedAt, ms, findings, summary, checks, notChecked } = verification;
  return {
    at: startedAt,
    ms,
    version: app.system.build.version,
    database: databaseIdentity(app, app.databaseUrl()),
    status: worstStatus(findings),
    exitCode,
    summary,
    checks,
    problems: findings.filter(({ status }) => status !== "pass").slice(0, mostProblems)
      .map(({ check, status, message }) => ({ check, status, message })),
    notChecked,
  };
}

/** Its footer says who wrote it. */
const ownPage = { what: "page", mark: /^\s*<!doctype html>[^]*\bharbor-db\b/i };

const ownMetrics = { what: "file of metrics", mark: /^# HELP harbor_db_/ };

/** node_exporter is another user. */
const readableByAll = 0o644;

/** What is longer are not the metrics of a few databases. */
const mostMetrics = 16 * 1024 * 1024;

/** A line of the log stays short, whatever is wrong. */
const mostProblems = 20;

/** The log can be unreadable and still be written. */
function earlierRuns(path: string): readonly RunRecord[] {
  try {
    return readRuns(path);
  } catch {
    return [];
  }
}

function pageOf(app: App, { verification, exitCode }: Result, runs: readonly RunRecord[]): string {
  const { facts } = verification;
  const { system } = app;
  const url = app.databaseUrl();
  const { host } = system.client;
  return renderReportPage({
    ...verification,
    ...facts,
    version: system.build.version,
    database: url.isFile
      ? { address: resolve(system.cwd, url.path), place: `on ${host}`, dialect: url.dialect }
      : { address: url.display, place: `seen from ${host}`, dialect: url.dialect },
    storage: readStorage(url.isFile ? resolve(system.cwd, url.path) : null, facts.backupFolder),
    exitCode,
    backups: facts.backups === null ? null : facts.backups.map(({ path, manifest, isWhole }) => ({
      name: basename(path),
      createdAt: manifest.createdAt,
      bytes: manifest.bytes,
      revision: manifest.revision,
      proof: isWhole ? `${proofWords[manifest.proof]}${becauseOf(manifest)}` : null,
    })),
    runs: runs.filter((run) => run.database === databaseIdentity(app, app.databaseUrl())),
  });
}

const proofWords: Readonly<Record<Proof, string>> = {
  "opened": "restored and compared",
  "scratch database": "restored and compared",
  "read back": "read back and compared, not restored",
};

function becauseOf(proven: Proven): string {
  const { notRestored, notCompared = null, host = null } = proven;
  const made = notFollowedText(proven);
  if (host?.fault === null) return `, on what ${host.file} makes${made}`;
  const left = notCompared === null ? made : `; ${notCompared} not compared${made}`;
  return notRestored === null ? left : `: ${notRestored}`;
}

function metricsOf(app: App, { verification, exitCode }: Result, path: string): string {
  const { startedAt, ms, checks, findings, facts } = verification;
  return renderMetrics({
    database: databaseIdentity(app, app.databaseUrl()),
    version: app.system.build.version,
    at: startedAt,
    ms,
    isHealthy: exitCode === 0,
    checks: checks.map((each) => {
      const own = findings.filter(({ check }) => check === each.check);
      const unread = own.filter(({ status }) => status === "error").length;
      return { ...each, notChecked: notCheckedOf(own).length + unread };
    }),
    tables: facts.tables,
    backup: facts.backups?.[0]?.manifest ?? null,
    deliveries: (facts.backups ?? []).flatMap(({ path, manifest: { createdAt } }) =>
      readDeliveries(path).map(({ to, error }) => ({ to, createdAt, isDone: error === null }))
    ),
  }, readRegularText(path, mostMetrics) ?? "");
}
