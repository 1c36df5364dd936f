import type { Finding, FindingStatus } from "../../base/finding.ts";
import type { RunRecord } from "../rules/run_record.ts";
import type { RevisionStatus } from "../../state/read_revisions.ts";
import type { CheckResult, TableFacts } from "../verify.ts";

/** What the page shows. */
export interface ReportData {
  readonly version: string;
  readonly database: {
    /** The absolute path of a file, a server's URL without its password. */
    readonly address: string;
    /** Which machine that is seen from: `on web1`. */
    readonly place: string;
    readonly dialect: string;
  };
  readonly storage: Storage;
  /** ISO 8601 UTC. */
  readonly startedAt: string;
  readonly ms: number;
  readonly exitCode: number;
  readonly checks: readonly CheckResult[];
  readonly findings: readonly Finding[];
  /** What nobody looked at. */
  readonly notChecked: readonly string[];
  readonly revisions: readonly RevisionStatus[];
  readonly tables: readonly TableFacts[];
  /** The newest first; `null` when they could not be read. */
  readonly backups: readonly BackupFacts[] | null;
  readonly backupFolder: string;
  /** This one included, the oldest first. */
  readonly runs: readonly RunRecord[];
}

/** Room on the disks of this machine; `null` where it is not known, or is on another machine. */
export interface Storage {
  /** The database file with what SQLite keeps beside it, in bytes. */
  readonly fileBytes: number | null;
  readonly disk: Disk | null;
  /** The disk that backups are on, when it is another one. */
  readonly backupDisk: Disk | null;
}

/** In bytes. */
export interface Disk {
  readonly free: number;
  readonly total: number;
}

/** A backup as the page shows it. */
export interface BackupFacts {
  readonly name: string;
  /** ISO 8601 UTC. */
  readonly createdAt: string;
  readonly bytes: number;
  readonly revision: string | null;
  /** How far it was proven: `restored and compared`; `null` when it was not. */
  readonly proof: string | null;
}

/** Whether a backup should be there: not where nothing is to be backed up yet, or another program makes them. */
export function isMissed(findings: ReportData["findings"]): boolean {
  return findings.some(({ check, status }) => check === "backup" && status === "fail");
}

/** A status in words, by which colour alone need not be trusted. */
export const statusWords: Readonly<Record<FindingStatus, string>> = {
  pass: "passed",
  warn: "to look at",
  fail: "failed",
  error: "not checked",
};
