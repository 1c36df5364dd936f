import type { Finding, FindingStatus } from "../../base/finding.ts";
import type { RunRecord } from "../rules/run_record.ts";
import type { RevisionStatus } from "../../state/read_revisions.ts";
import type { CheckResult, TableFacts } from "../verify.ts";

/** What the page shows. */
export interface ReportData {
  readonly version: string;
  readonly database: { readonly url: string; readonly dialect: string };
  /** ISO 8601 UTC. */
  readonly startedAt: string;
  readonly ms: number;
  readonly exitCode: number;
  readonly checks: readonly CheckResult[];
  readonly findings: readonly Finding[];
  readonly revisions: readonly RevisionStatus[];
  readonly tables: readonly TableFacts[];
  /** The newest first. */
  readonly backups: readonly BackupFacts[];
  /** This one included, the oldest first. */
  readonly runs: readonly RunRecord[];
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

/** A status in words, by which colour alone need not be trusted. */
export const statusWords: Readonly<Record<FindingStatus, string>> = {
  pass: "passed",
  warn: "to look at",
  fail: "failed",
  error: "not checked",
};
