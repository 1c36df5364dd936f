import { loadInspector } from "../engines/open/inspector.ts";
import { HarborError } from "../base/errors.ts";
import { type Identity, readIdentity, unknownIdentity } from "../engines/backup/identity.ts";
import { sql } from "drizzle-orm";
import {
  type Finding,
  type FindingStatus,
  type FindingSummary,
  notCheckedOf,
  summarize,
  worstStatus,
} from "../base/finding.ts";
import type { History } from "../history/history.ts";
import { historyFor } from "../engines/history_for.ts";
import { stopIfAsked } from "../base/interrupt.ts";
import type { Database } from "../engines/database.ts";
import type { StoredBackup } from "../backup/store/folder.ts";
import { ownTable } from "../engines/statement_names.ts";
import { allChecks } from "./checks/all.ts";
import { type Budget, limitDatabase, startBudget } from "./checks/time_limit.ts";
import { readSchemas } from "./checks/read_schemas.ts";
import { type Check, type CheckContext, couldNotCheck, type ExpectedBackups } from "./checks/check.ts";
import type { RunContext } from "../engines/run_context.ts";
import { listRevisions, type RevisionStatus } from "../state/read_revisions.ts";
import { readState } from "../state/read_state.ts";

/** Where `verify` gets what it looks at; nothing is opened before a check asks for it. */
export interface VerifySources extends Pick<RunContext, "version" | "signal" | "now" | "notify"> {
  readonly backups: ExpectedBackups;
  /** Opens the database for reading as it is. */
  openDatabase(): Promise<Database>;
  readHistory(): Promise<History>;
  /** Reads the file with the project's own rules; `null` when there is none. */
  readRules(): Promise<string | null>;
}

export interface VerifyOptions {
  readonly checks: readonly Check[];
  readonly quick: boolean;
  /** Milliseconds for everything together. */
  readonly maxDurationMs: number;
  /** Whether to read {@link Facts}, which takes some tenths of a second per million rows. */
  readonly withFacts: boolean;
}

/** What a run of `verify` came to. */
export interface Verification {
  /** ISO 8601 UTC. */
  readonly startedAt: string;
  readonly ms: number;
  readonly checks: readonly CheckResult[];
  readonly findings: readonly Finding[];
  readonly summary: FindingSummary;
  /** The checks that were left out, and what the others did not look at. */
  readonly notChecked: readonly string[];
  readonly facts: Facts;
}

/** How one check ended. */
export interface CheckResult {
  readonly check: string;
  readonly status: FindingStatus;
  readonly ms: number;
}

/** What the report shows beside the findings; empty where it could not be read. */
export interface Facts {
  readonly revisions: readonly RevisionStatus[];
  readonly tables: readonly TableFacts[];
  /** Of this database, the newest first; `null` when the folder could not be read. */
  readonly backups: readonly StoredBackup[] | null;
  readonly backupFolder: string;
}

export interface TableFacts {
  readonly name: string;
  readonly rows: number;
  /** With its indexes; `null` where the engine does not tell. */
  readonly bytes: number | null;
}

/**
 * Runs checks one after the other, within a budget of time, and changes nothing. Whatever keeps a check from being
 * made becomes one of its findings, so that every check ends in one.
 *
 * @throws {HarborError} `interrupted`, and nothing else
 */
export async function verify(sources: VerifySources, options: VerifyOptions): Promise<Verification> {
  const { now, signal } = sources;
  const startedAt = now().toISOString();
  const begun = performance.now();
  const budget = startBudget(options.maxDurationMs, signal);
  const { context, close } = openContext(sources, budget, options.quick);
  try {
    const leftOut = allChecks.filter((check) => !options.checks.includes(check)).map(({ name }) => name);
    const checks: CheckResult[] = [];
    const findings: Finding[] = [];
    for (const [index, check] of options.checks.entries()) {
      const place = `${index + 1} of ${options.checks.length}`;
      sources.notify({ kind: "doing", text: `checking ${check.name} (${place})`, isFree: true });
      const started = performance.now();
      const found = await runCheck(check, context);
      findings.push(...found);
      checks.push({ check: check.name, status: worstStatus(found), ms: since(started) });
    }
    sources.notify({ kind: "done" });
    const facts = options.withFacts ? await readFacts(context, sources) : noFacts(sources);
    stopIfAsked(signal);
    const notChecked = [...leftOut, ...notCheckedOf(findings)];
    return { startedAt, ms: since(begun), checks, findings, summary: summarize(findings), notChecked, facts };
  } finally {
    await close();
  }
}

async function runCheck(check: Check, context: CheckContext): Promise<readonly Finding[]> {
  const findings: Finding[] = [];
  try {
    for await (const found of check.run(context)) findings.push({ check: check.name, ...found });
  } catch (error) {
    findings.push({ check: check.name, ...couldNotCheck(error) });
  }
  return findings;
}

function since(started: number): number {
  return Math.round(performance.now() - started);
}

interface OpenContext {
  readonly context: CheckContext;
  close(): Promise<void>;
}

function openContext(sources: VerifySources, budget: Budget, quick: boolean): OpenContext {
  const { now } = sources;
  const opening = once(() => budget.limit(() => sources.openDatabase()));
  const database = once(async () => limitDatabase(await opening(), budget));
  const history = once(async () => {
    const whole = await sources.readHistory();
    // What a database that cannot be opened has on record is its own check's affair.
    const open = whole.covered === undefined ? await database().catch(() => null) : await database();
    return open === null ? whole : await historyFor(open, whole);
  });
  return {
    context: {
      pace: budget,
      quick,
      backups: sources.backups,
      within: budget.within,
      now,
      database,
      history,
      rules: once(() => sources.readRules()),
      schemas: once(async () => readSchemas(await history())),
      state: once(async () =>
        readState({ ...sources, database: await database(), history: await history() })
      ),
      identity: once(() =>
        database().then(readIdentity).catch((error) => {
          if (error instanceof HarborError) return unknownIdentity;
          throw error;
        })
      ),
      schema: once(async () => (await database()).introspect()),
    },
    // One that was never opened has nothing to close.
    close: async () => opening.isAsked() ? await opening().then((open) => open.close(), () => {}) : undefined,
  };
}

interface Once<T> {
  (): Promise<T>;
  isAsked(): boolean;
}

/** Returns a function that does the work when it is first called, and always returns that result. */
function once<T>(work: () => Promise<T>): Once<T> {
  let result: Promise<T> | undefined;
  return Object.assign(() => result ??= work(), { isAsked: () => result !== undefined });
}

function noFacts({ backups }: VerifySources): Facts {
  return { revisions: [], tables: [], backups: null, backupFolder: backups.store.place.name };
}

async function readFacts(context: CheckContext, sources: VerifySources): Promise<Facts> {
  const none = () => [];
  return {
    revisions: await revisionsOf(context).catch(none),
    tables: await tablesOf(context).catch(none),
    backups: await backupsOf(sources.backups, await context.identity()),
    backupFolder: sources.backups.store.place.name,
  };
}

async function backupsOf(
  { store }: ExpectedBackups,
  identity: Identity,
): Promise<readonly StoredBackup[] | null> {
  try {
    const { own, doubt } = await store.list(identity);
    return doubt === null ? own : null;
  } catch {
    // The check says what is wrong with the folder.
    return null;
  }
}

async function revisionsOf(context: CheckContext): Promise<readonly RevisionStatus[]> {
  return listRevisions(await context.history(), await context.state());
}

async function tablesOf(context: CheckContext): Promise<readonly TableFacts[]> {
  const database = await context.database();
  const inspector = await loadInspector(database.dialect);
  await context.pace.next();
  const sizes = await inspector.tableSizes(database);
  const tables: TableFacts[] = [];
  for (const { name } of (await context.schema()).tables) {
    await context.pace.next();
    const [row] = await database.read<{ rows: number }>(
      sql`SELECT count(*) AS "rows" FROM ${ownTable(name)}`,
    );
    tables.push({ name, rows: Number(row!.rows), bytes: sizes.get(name) ?? null });
  }
  return tables;
}
