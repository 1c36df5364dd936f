import { type Colors, createColors } from "./colors.ts";
import { HarborError } from "../base/errors.ts";
import type { RunEvent } from "../engines/run_context.ts";
import { backupLine, progressLine } from "./progress.ts";

/** A stream to write to, as a terminal or a file sees it. */
export interface Sink {
  readonly isTerminal: boolean;
  write(text: string): void;
}

export interface ReportOptions {
  readonly stdout: Sink;
  readonly stderr: Sink;
  readonly json: boolean;
  readonly quiet: boolean;
  readonly color: boolean;
  /** Milliseconds of a monotonic clock. */
  now(): number;
}

/**
 * The only writer to stdout and stderr. Results go to stdout, progress and remarks to stderr; with `--json` stdout has
 * one JSON document and nothing else.
 */
export interface Report {
  readonly colors: Colors;
  /** Prints a line of the result for people. */
  line(text?: string): void;
  /** Prints a result that is itself the output (a script, a completion): also with `--quiet`, never with `--json`. */
  raw(text: string): void;
  /** Prints rows under headings. */
  table(head: readonly string[], rows: readonly (readonly string[])[]): Promise<void>;
  /** Prints a remark on stderr. */
  note(text: string): void;
  /** Shows what a verb is doing. */
  event(event: RunEvent): void;
  /** Prints the JSON document of a command that ended. */
  document(fields: Readonly<Record<string, unknown>>): void;
  /** Prints an error, or its JSON document, which may have other fields too. */
  failure(error: HarborError, fields?: Readonly<Record<string, unknown>>): void;
}

/** How long something has to take before its progress is shown, in milliseconds. */
const quietMs = 1_000;
/** How often progress is written where it cannot be overwritten, in milliseconds. */
const logEveryMs = 10_000;

export function createReport(options: ReportOptions): Report {
  const { stdout, stderr, json, quiet } = options;
  const colors = createColors(options.color && !json);
  let progressShown = false;
  let lastProgress = -Infinity;

  function clearProgress() {
    if (progressShown) stderr.write("\r\x1b[2K");
    progressShown = false;
  }
  function note(text: string) {
    clearProgress();
    if (!quiet) stderr.write(`${text}\n`);
  }
  function line(text = "") {
    clearProgress();
    if (!json && !quiet) stdout.write(`${text}\n`);
  }
  function progress(text: string, elapsedMs: number) {
    if (quiet || elapsedMs < quietMs) return;
    const every = stderr.isTerminal ? 100 : logEveryMs;
    if (options.now() - lastProgress < every) return;
    lastProgress = options.now();
    stderr.write(stderr.isTerminal ? `\r\x1b[2K${text}` : `${text}\n`);
    progressShown = stderr.isTerminal;
  }

  return {
    colors,
    line,
    note,
    raw: (text) => {
      clearProgress();
      if (!json) stdout.write(text);
    },
    table: async (head, rows) => {
      if (json || quiet) return;
      const { renderTable } = await import("./table.ts");
      line(renderTable(head.map((text) => colors.bold(text)), rows));
    },
    event: (event) => {
      switch (event.kind) {
        case "waiting":
          return note(`waiting for the lock, held by ${event.owner}`);
        case "note":
          return note(event.text);
        case "step":
          return note(
            `${event.direction === "upgrade" ? "upgrading" : "downgrading"} ${event.id} ${event.name}`,
          );
        case "backup":
          return progress(backupLine(event), event.elapsedMs);
        case "backfill":
          return progress(progressLine(event), event.elapsedMs);
      }
    },
    document: (fields) => {
      clearProgress();
      if (json) stdout.write(`${JSON.stringify(fields, null, 2)}\n`);
    },
    failure: (error, fields = {}) => {
      clearProgress();
      if (json) {
        const { code, message, hint, details } = error;
        stdout.write(
          `${
            JSON.stringify(
              { ok: false, ...fields, error: { code, message, hint: hint ?? null, details } },
              null,
              2,
            )
          }\n`,
        );
        return;
      }
      stderr.write(`${colors.red("error:")} ${error.message}\n`);
      if (error.hint !== undefined) stderr.write(`${colors.cyan("hint:")}  ${error.hint}\n`);
    },
  };
}
