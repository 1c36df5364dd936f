import type { FindingStatus } from "../../../src/base/finding.ts";
import type { RunRecord } from "../../../src/verify/rules/run_record.ts";
import type { ReportData } from "../../../src/verify/page/page.ts";

/** What is dangerous in HTML, and what is longer than a telephone is wide. */
export const hostile =
  `<script>document.title = "taken"</script><img src=x onerror=alert(1)>" onmouseover="x ' & ${
    "w".repeat(120)
  }`;

/** Returns a report in which everything occurs that a page can show, the strange included. */
export function sampleReport(): ReportData {
  const statuses: readonly FindingStatus[] = ["pass", "warn", "fail", "error"];
  const checks = ["history", "schema", "integrity", "data", "backup"].map((check, i) => ({
    check,
    status: statuses[i % 4]!,
    ms: 10 ** i,
  }));
  const run = (i: number): RunRecord => ({
    at: new Date(Date.UTC(2025, 9, 1 + i, 3, 15)).toISOString(),
    ms: 9_000 + i,
    version: "0.1.0",
    database: "sqlite:////srv/openharbor.db",
    status: statuses[i % 7 === 3 ? 2 : i % 11 === 5 ? 3 : 0]!,
    exitCode: i % 7 === 3 ? 3 : i % 11 === 5 ? 1 : 0,
    summary: { pass: 5, warn: 0, fail: 0, error: 0 },
    checks,
    problems: i % 7 === 3 ? [{ check: "data", status: "fail", message: hostile }] : [],
    notChecked: i % 9 === 8 ? ["amcheck", hostile] : [],
  });
  const revision = (i: number) => ({
    revision: `${String(i).padStart(11, "0")}a`,
    name: i === 15 ? hostile : `Revision number ${i}`,
    parent: null,
    createdAt: "2025-09-01T00:00:00.000Z",
    applied: i < 15,
    appliedAt: i < 15 ? `2025-09-${String(i + 1).padStart(2, "0")}T10:00:00.000Z` : null,
    appliedBy: i < 15 ? "0.1.0" : null,
    origin: i < 15 ? "run" as const : null,
    recordedAt: null,
    unfinished: null,
    checksum: "0",
    checksumMatches: i < 15 ? i !== 14 : null,
    inHistory: true,
  });
  return {
    version: "0.1.0",
    database: { address: `/srv/${hostile}`, place: "on web1", dialect: "sqlite" },
    storage: {
      fileBytes: 312_000_000,
      disk: { free: 3_000_000_000, total: 20_000_000_000 },
      backupDisk: { free: 900_000_000_000, total: 1_000_000_000_000 },
    },
    backupFolder: `/srv/${hostile}`,
    startedAt: "2025-11-22T03:15:00.000Z",
    ms: 12_345,
    exitCode: 3,
    checks,
    notChecked: ["amcheck", hostile],
    findings: checks.map(({ check, status }) => ({
      check,
      status,
      message: status === "pass"
        ? "every page can be read · every reference has its row"
        : `${hostile} ${check}`,
      hint: status === "pass" ? null : status === "warn" ? hostile : `harbor-db backup ${"x".repeat(90)}`,
      details: status === "pass" ? {} : { rule: hostile, ids: [1, 2, 3] },
    })),
    revisions: Array.from({ length: 16 }, (_, i) => revision(i)),
    tables: [
      { name: "files", rows: 1_234_567, bytes: 312_000_000 },
      { name: "users", rows: 1, bytes: null },
      { name: hostile, rows: 0, bytes: 0 },
    ],
    backups: Array.from({ length: 10 }, (_, i) => ({
      name: `openharbor-${"0".repeat(40)}-${i}.db`,
      createdAt: new Date(Date.UTC(2025, 10, 22 - i, 1)).toISOString(),
      bytes: 50_000_000,
      revision: i === 3 ? null : "5b09ebe23c76",
      proof: i === 2 ? null : "restored and compared",
    })),
    runs: Array.from({ length: 70 }, (_, i) => run(i)),
  };
}

const plain = {
  database: { address: "/srv/openharbor.db", place: "on web1", dialect: "sqlite" },
  backupFolder: "/srv/backups",
};

/** Returns the report of a database that has nothing wrong, and as much of everything else as one sheet takes. */
export function healthyReport(): ReportData {
  const { checks, revisions, backups, runs, ...sample } = sampleReport();
  return {
    ...sample,
    ...plain,
    exitCode: 0,
    notChecked: [],
    checks: checks.map((check) => ({ ...check, status: "pass" })),
    findings: checks.map(({ check }) => ({
      check,
      status: "pass",
      message:
        "every page can be read · every reference has its row · 5 entries of 7 indexes agree with their rows",
      hint: null,
      details: {},
    })),
    revisions: revisions.filter(({ applied }) => applied).map((revision) => ({
      ...revision,
      checksumMatches: true,
    })),
    tables: ["collections", "files", "users"].map((name, i) => ({
      name,
      rows: 10 ** i,
      bytes: 4096 * 10 ** i,
    })),
    backups: backups!.map((backup, i) => ({
      ...backup,
      name: `openharbor-202511${22 - i}T010000000Z-5b09ebe23c76.db`,
      proof: "restored and compared",
    })),
    runs: runs.map((run) => ({ ...run, status: "pass", exitCode: 0, problems: [], notChecked: [] })),
  };
}

/** Returns the report of a database that cannot be opened and has no backup. */
export function problemsReport(): ReportData {
  return {
    ...sampleReport(),
    ...plain,
    findings: [
      ...["history", "schema", "data"].map((check) => ({
        check,
        status: "error" as const,
        message: "could not be checked: there is no file",
        hint: "harbor-db upgrade",
        details: { code: "connection_failed" },
      })),
      {
        check: "backup",
        status: "fail",
        message: "there is no backup",
        hint: "harbor-db backup, every night; where another program makes backups: --skip backup",
        details: {},
      },
    ],
    revisions: [],
    tables: [],
    backups: [],
    runs: [],
  };
}

/** Returns a revision that was there before harbor-db. */
export function alembicRevisions(): ReportData["revisions"] {
  return [{
    ...sampleReport().revisions[0]!,
    appliedAt: null,
    origin: "alembic",
    recordedAt: "2025-10-03T10:00:00.000Z",
  }];
}
