import { type Colors, createColors } from "./colors.ts";
import { HarborError, neverMet } from "../../base/errors.ts";
import type { RunEvent } from "../../engines/run_context.ts";
import type { Sink } from "./sink.ts";
import { shownJson, shownLines, shownText } from "../../base/shown_text.ts";
import { backfillParts, shareParts } from "./progress.ts";
import { openStatusLine } from "./status_line.ts";
import { wrap } from "./wrap.ts";

// The global: node:crypto takes longer to load than a report to print.
declare const crypto: { randomUUID(): string };

/** Something that is said of a thing: what it is about, in a word of at most ten letters, and the words. */
export type Fact = readonly [label: string, text: string];

export interface ReportOptions {
  readonly stdout: Sink;
  readonly stderr: Sink;
  readonly json: boolean;
  readonly quiet: boolean;
  /** Whether what goes to a terminal has colours. */
  readonly color: boolean;
  /** Completes the commands that a remedy names. */
  remedy?(text: string): string;
  /** Milliseconds of a monotonic clock. */
  now(): number;
}

/**
 * The only writer to stdout and stderr. Results go to stdout, progress and remarks to stderr; with `--json` stdout has
 * one JSON document and nothing else. Line breaks and escapes in what it is given came with a name or from a server, and
 * are written as `\n` and `\x1b`.
 */
export interface Report {
  readonly colors: Colors;
  /** Returns a remedy as it is shown: with the options by which its commands find the same database. */
  remedy(text: string): string;
  /**
   * Prints a line of the result for people.
   * @param hang How far it is indented where a terminal is too narrow and it goes on in the next line; see {@link wrap}
   */
  line(text?: string, hang?: number): void;
  /** Prints facts of the result under each other. */
  facts(facts: readonly Fact[]): void;
  /** Prints on stderr what a question is about: also with `--quiet` and `--json`, since somebody has to decide by it. */
  asked(facts: readonly Fact[]): void;
  /**
   * Prints a result that is itself the output (a script, a completion): also with `--quiet`, never with `--json`. It is
   * written as it is, but on a terminal.
   */
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

export function createReport(options: ReportOptions): Report {
  const { stdout, stderr, json, quiet, remedy = (text) => text } = options;
  const colorsOn = ({ isTerminal }: Sink) => {
    const isColored = options.color && !json && isTerminal;
    return createColors(isColored, isColored ? `\x1b${crypto.randomUUID()}:` : "");
  };
  const colors = colorsOn(stdout);
  const status = openStatusLine(stderr, options.now);

  function note(text: string) {
    status.clear();
    if (!quiet) stderr.write(`${wrap(shownText(text), stderr.columns)}\n`);
  }
  function line(text = "", hang?: number) {
    print(wrap(colors.render(text), stdout.columns, hang));
  }
  function print(text: string) {
    status.clear();
    if (!json && !quiet) stdout.write(`${text}\n`);
  }

  function factLine([label, text]: Fact, { bold }: Colors): string {
    return `${bold(label.padEnd(10))} ${text}`;
  }

  /** Prints lines under each other behind a label of six places. */
  function block(label: string, lines: readonly string[]) {
    for (const [at, text] of lines.entries()) {
      const line = `${at === 0 ? label : "      "} ${shownText(text)}`;
      stderr.write(`${wrap(line, stderr.columns, 7)}\n`);
    }
  }

  return {
    colors,
    remedy,
    line,
    facts: (facts) => facts.forEach((fact) => line(factLine(fact, colors))),
    asked: (facts) => {
      status.clear();
      const own = colorsOn(stderr);
      for (const fact of facts) {
        stderr.write(`${wrap(own.render(factLine(fact, own)), stderr.columns)}\n`);
      }
    },
    note,
    raw: (text) => {
      status.clear();
      if (!json) stdout.write(stdout.isTerminal ? shownLines(text) : text);
    },
    table: async (head, rows) => {
      if (json || quiet) return;
      const { renderTable } = await import("./table.ts");
      print(renderTable(
        head.map((text) => colors.render(colors.bold(text))),
        rows.map((row) => row.map(colors.render)),
        stdout.columns,
      ));
    },
    event: (event) => {
      if (quiet) return;
      switch (event.kind) {
        case "waiting":
          note(`waiting for the lock, held by ${event.owner}`);
          return status.doing("waiting for the lock", true);
        case "note":
          return note(event.text);
        case "step": {
          const verb = event.direction === "upgrade" ? "upgrading" : "downgrading";
          const text = event.words ?? `${verb} ${event.id} ${event.name}`;
          // A terminal shows it while it lasts, and then that it is done.
          return stderr.isTerminal ? status.doing(text, false) : note(text);
        }
        case "doing":
          return status.doing(event.text, event.isFree ?? false);
        case "done":
          return status.end();
        case "share":
          return status.progress(event.work + event.action, shareParts(event), event.elapsedMs);
        case "backfill":
          return status.progress(event.table, backfillParts(event), event.elapsedMs);
        default:
          throw neverMet(event);
      }
    },
    document: (fields) => {
      status.end();
      if (json) stdout.write(`${shownJson(fields)}\n`);
    },
    failure: (error, fields = {}) => {
      status.end();
      if (json) {
        const shown = error.with({ hint: error.hintLines.map(remedy) });
        stdout.write(`${shownJson({ ok: false, ...fields, error: shown })}\n`);
        return;
      }
      const { red, bold, render } = colorsOn(stderr);
      block(render(red("error:")), error.lines);
      block(`${render(bold("hint:"))} `, error.hintLines.map(remedy));
    },
  };
}
