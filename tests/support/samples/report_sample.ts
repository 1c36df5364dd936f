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
    database: { url: `sqlite:////srv/${hostile}`, dialect: "sqlite" },
    startedAt: "2025-11-22T03:15:00.000Z",
    ms: 12_345,
    exitCode: 3,
    checks,
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
