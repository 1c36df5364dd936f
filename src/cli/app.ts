import type { Dialect } from "../base/dialect.ts";
import { statSync } from "node:fs";
import { join, resolve } from "node:path";
import { type DatabaseUrl, lookingAt, trustingOwner } from "../base/url/database_url.ts";
import { HarborError } from "../base/errors.ts";
import { mostBytes } from "../base/files/read_if_there.ts";
import { readWrittenText } from "../base/files/written_text.ts";
import type { History } from "../history/history.ts";
import { namesSchemas } from "../history/names_schemas.ts";
import { shownText } from "../base/shown_text.ts";
import type { OpenOptions } from "../engines/database.ts";
import type { RunContext } from "../engines/run_context.ts";
import { findProject, type Project, refuseUnlessUsable } from "./find_project.ts";
import { locateFile } from "./locate_file.ts";
import { readUrl } from "./read_url.ts";
import { defaultUrl } from "../profile/default_url.ts";
import type { GlobalValues } from "./global_options.ts";
import type { Fact, Report } from "./output/report.ts";
import type { System } from "./system.ts";
import { wrap } from "./output/wrap.ts";

/** What commands work with. Nothing is opened or read before a command asks for it, so that `help` never connects. */
export interface App {
  readonly system: System;
  readonly report: Report;
  readonly settings: GlobalValues;
  /** Milliseconds to wait for the lock. */
  readonly lockWaitMs: number;
  /** Returns where the database is. Says so when it took a file from `instance/`. */
  databaseUrl(): DatabaseUrl;
  /** Whether the database (or another one) is a SQLite file that does not exist. */
  isAbsent(url?: DatabaseUrl): boolean;
  /** Returns the project that the working directory is, or is in; `null` outside of one. */
  project(): Project | null;
  /** Returns the folder of the history: `--dir`, else the project's; `null` for the one that is built in. */
  historyDir(): string | null;
  /** Reads the history of a dialect. */
  readHistory(dialect: Dialect): Promise<History>;
  /** Returns an address with the schemas that the history names, for opening what is there. */
  withSchemas(url: DatabaseUrl): Promise<DatabaseUrl>;
  /** Reads a file that lies beside the histories of the dialects; `null` when there is none. */
  readBeside(path: string): Promise<string | null>;
  /**
   * Opens the database and the history for a verb and closes them afterwards. With access `read`, a SQLite file that
   * does not exist reads as an empty database.
   *
   * @param url Another database than the command line's
   */
  withRun<T>(
    access: OpenOptions["access"],
    work: (context: RunContext) => Promise<T>,
    url?: DatabaseUrl,
  ): Promise<T>;
  /**
   * Asks the user to go on.
   * @param question Made only when it is asked; with facts, these stand before it
   * @throws {HarborError} `needs_confirmation` without a terminal or when the answer is no
   */
  confirm(question: string | (() => Promise<string | Question>)): Promise<void>;
}

/** A question, and what is to be known for its answer. */
export interface Question {
  readonly facts: readonly Fact[];
  readonly text: string;
}

export function createApp(
  parts: { readonly system: System; readonly report: Report; readonly settings: GlobalValues },
): App {
  const { system, report, settings } = parts;
  let known: DatabaseUrl | undefined;

  function databaseUrl(): DatabaseUrl {
    return known ??= trusting(locate(system, settings, report), settings);
  }
  function isAbsent(url: DatabaseUrl = databaseUrl()): boolean {
    return url.isFile && isMissing(url.path);
  }
  const histories = new Map<Dialect, Promise<History>>();
  function readHistory(dialect: Dialect): Promise<History> {
    const known = histories.get(dialect) ?? readHistoryOnce(dialect);
    histories.set(dialect, known);
    return known;
  }
  async function readHistoryOnce(dialect: Dialect): Promise<History> {
    const run = await import("../history/read_history.ts");
    const { history } = system.build;
    const dir = historyDir();
    if (dir === null && history !== null) return run.embeddedHistory(await history(), dialect);
    if (dir !== null && settings.dir === undefined) refuseUnlessUsable(dir);
    return run.readHistory(dir ?? system.defaultDir, dialect);
  }
  async function withSchemas(url: DatabaseUrl): Promise<DatabaseUrl> {
    return await lookingAt(url, async () => {
      const history = await readHistory(url.dialect);
      const schemas = namesSchemas(history)
        ? (await import("../history/revision_schema.ts")).schemasOfHistory(history)
        : [];
      return {
        ...schemas.length === 0 ? {} : { schemas },
        ...history.host === undefined ? {} : { hostFile: history.host },
      };
    });
  }
  let found: Project | null | undefined;
  function project(): Project | null {
    return found === undefined ? found = findProject(system.cwd) : found;
  }
  async function readBeside(path: string): Promise<string | null> {
    const { history } = system.build;
    const dir = historyDir();
    if (dir === null && history !== null) return (await history()).read(path);
    return readWrittenText(join(dir ?? system.defaultDir, path), mostBytes) ?? null;
  }
  function historyDir(): string | null {
    return settings.dir === undefined ? project()?.history ?? null : resolve(system.cwd, settings.dir);
  }
  async function open(access: OpenOptions["access"], url: DatabaseUrl) {
    if (access === "read" && url.isFile && isAbsent(url)) {
      return (await import("../engines/open/absent_database.ts")).absentDatabase(url);
    }
    const { openDatabase } = await import("../engines/open/database.ts");
    const { client, signal } = system;
    // Who was asked to stop before and opens one has something to bring to its end, or to tell.
    return openDatabase(await withSchemas(url), { client, access, ...signal.aborted ? {} : { signal } });
  }

  return {
    system,
    report,
    settings,
    lockWaitMs: settings.lockWait * 1_000,
    databaseUrl,
    isAbsent,
    project,
    historyDir,
    readHistory,
    withSchemas,
    readBeside,
    withRun: async (access, work, url = databaseUrl()) => {
      // A server takes a moment to let us in; a file that does not exist is made for a history that can be read only.
      const opening = url.isFile ? undefined : open(access, url);
      if (opening !== undefined) {
        report.event({ kind: "doing", text: `connecting to ${url.display}`, isFree: true });
      }
      opening?.catch(() => {});
      const history = await readHistory(url.dialect).catch(async (error) => {
        await opening?.then((database) => database.close(), () => {});
        throw error;
      });
      const database = await (opening ?? open(access, url));
      report.event({ kind: "done" });
      try {
        return await work({
          database,
          history: await (await import("../engines/history_for.ts")).historyFor(database, history),
          version: system.build.version,
          signal: system.signal,
          now: () => new Date(),
          openScratch: async () => {
            const { openAside } = await import("../engines/open/scratch.ts");
            return await openAside(url, system.client, system.signal);
          },
          notify: report.event,
        });
      } finally {
        await database.close();
      }
    },
    confirm: async (asked) => {
      if (settings.yes) return;
      if (typeof asked !== "string") report.event({ kind: "doing", text: "looking at what is there" });
      const made = typeof asked === "string" ? asked : await asked();
      const { facts, text: question } = typeof made === "string" ? { facts: [], text: made } : made;
      report.event({ kind: "done" });
      report.asked(facts);
      const hint = "Add --yes to go on without a question.";
      if (!system.isInteractive) {
        throw new HarborError("needs_confirmation", `Cannot ask "${question}": there is no terminal`, {
          hint,
        });
      }
      const answer = await system.ask(wrap(`${shownText(question)} [y/N] `, system.stderr.columns));
      if (!/^y(es)?$/i.test(answer.trim())) {
        throw new HarborError("needs_confirmation", "Stopped: not confirmed, nothing was changed", { hint });
      }
    },
  };
}

/** Whether the command line or the environment says where the database is. */
export function isNamed({ environment }: System, { databaseUrl }: GlobalValues): boolean {
  return (databaseUrl ?? environment["DATABASE_URL"]) !== undefined;
}

/** Returns an address with what the user says of the owner of its tables. */
export function trusting(url: DatabaseUrl, { trustOwner }: GlobalValues): DatabaseUrl {
  return trustOwner ? trustingOwner(url) : url;
}

function locate(system: System, settings: GlobalValues, report: Report): DatabaseUrl {
  const { cwd, environment, envFile } = system;
  const { databaseUrl } = settings;
  if (envFile.problem !== null && !isNamed(system, settings)) {
    throw new HarborError("bad_config", envFile.problem, {
      hint:
        "Mend the .env file, or say where the database is: --database-url, or DATABASE_URL in the environment.",
    });
  }
  const written = databaseUrl ?? environment["DATABASE_URL"] ?? defaultUrl;
  if (written.trim() === "") {
    const where = envFile.values["DATABASE_URL"] === written ? ".env" : "the environment";
    throw new HarborError("bad_config", `Cannot read DATABASE_URL of ${where}: it is empty`, {
      hint: `Say where the database is, or leave the variable out for ${defaultUrl}.`,
    });
  }
  const url = readUrl(written, system);
  return placed(url, { cwd, report });
}

/** Returns an address with the place of a relative file, and says what is to be said of it. */
export function placed(
  url: DatabaseUrl,
  { cwd, report }: { readonly cwd: string; readonly report: Report },
): DatabaseUrl {
  for (const remark of url.remarks) report.note(remark);
  if (!url.isFile) return url;
  return locateFile(url, cwd, (path) => report.note(`using ${path}, where the application keeps it`));
}

/** Whether there is no such file. What this user may not look at is for opening it to say. */
function isMissing(path: string): boolean {
  try {
    return statSync(path, { throwIfNoEntry: false }) === undefined;
  } catch {
    return false;
  }
}
