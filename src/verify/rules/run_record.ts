import { shownJsonLine } from "../../base/shown_text.ts";
import * as v from "valibot";
import { findingStatuses } from "../../base/finding.ts";
import { listOf } from "../../base/json_schema.ts";

const status = v.picklist(findingStatuses);

const runRecord = v.pipe(
  v.object({
    /** When it began, ISO 8601 UTC. */
    at: v.pipe(v.string(), v.check((text) => !Number.isNaN(Date.parse(text)))),
    ms: v.number(),
    /** Which harbor-db did it: `0.1.0`. */
    version: v.string(),
    /** The address without its password. */
    database: v.string(),
    /** The worst status of all. */
    status,
    exitCode: v.number(),
    summary: v.object(v.entriesFromList(findingStatuses, v.optional(v.number(), 0))),
    checks: listOf(v.object({ check: v.string(), status, ms: v.number() })),
    /** What was not as it should be. */
    problems: listOf(v.object({ check: v.string(), status, message: v.string() })),
    /** What nobody looked at: `amcheck`, `data`. Earlier releases did not write it. */
    notChecked: v.optional(listOf(v.string()), []),
  }),
  v.readonly(),
);

/** One run of `verify`, as one line of JSON in its log. Fields are only ever added. */
export type RunRecord = v.InferOutput<typeof runRecord>;

/** Says how a run ended, and never more than it saw. */
export function verdictOf({ exitCode, notChecked }: Pick<RunRecord, "exitCode" | "notChecked">): string {
  if (exitCode === 3) return "not healthy";
  if (exitCode !== 0) return "not all could be checked";
  return notChecked.length === 0 ? "healthy" : "healthy as far as it was checked";
}

/** Returns the line of a run, with its line end. */
export function formatRunRecord(record: RunRecord): string {
  return `${shownJsonLine(record)}\n`;
}

/** Reads the runs of a log's text in its order; a line that was cut off, or is something else, is passed over. */
export function parseRunRecords(text: string): readonly RunRecord[] {
  return text.split("\n").flatMap((line) => {
    try {
      const read = v.safeParse(runRecord, JSON.parse(line));
      return read.success ? [read.output] : [];
    } catch {
      return [];
    }
  });
}
