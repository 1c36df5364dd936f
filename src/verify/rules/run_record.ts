import type { Finding, FindingStatus, FindingSummary } from "../../base/finding.ts";

/** One run of `verify`, as one line of JSON in its log. Fields are only ever added. */
export interface RunRecord {
  /** When it began, ISO 8601 UTC. */
  readonly at: string;
  readonly ms: number;
  /** Which harbor-db did it: `0.1.0`. */
  readonly version: string;
  /** The address without its password. */
  readonly database: string;
  /** The worst status of all. */
  readonly status: FindingStatus;
  readonly exitCode: number;
  readonly summary: FindingSummary;
  readonly checks: readonly { readonly check: string; readonly status: FindingStatus; readonly ms: number }[];
  /** What was not as it should be. */
  readonly problems: readonly Pick<Finding, "check" | "status" | "message">[];
}

/** Returns the line of a run, with its line end. */
export function formatRunRecord(record: RunRecord): string {
  return `${JSON.stringify(record)}\n`;
}

/** Reads the runs of a log's text in its order; a line that was cut off, or is something else, is passed over. */
export function parseRunRecords(text: string): readonly RunRecord[] {
  return text.split("\n").flatMap((line) => {
    try {
      const record: unknown = JSON.parse(line);
      return isRunRecord(record) ? [record] : [];
    } catch {
      return [];
    }
  });
}

function isRunRecord(value: unknown): value is RunRecord {
  const { at, ms, status, summary, checks, problems, database } = Object(value) as Record<string, unknown>;
  return typeof at === "string" && !Number.isNaN(Date.parse(at)) && typeof ms === "number" &&
    typeof status === "string" && typeof database === "string" && typeof summary === "object" &&
    summary !== null &&
    Array.isArray(checks) && Array.isArray(problems);
}
