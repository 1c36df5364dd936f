import type { Applied } from "../../history/applied.ts";
import { type Backfill, type Statement, ways } from "../../history/scripts/statement.ts";
import type { SQL } from "drizzle-orm";
import { sql } from "drizzle-orm";
import type { Revision } from "../../history/history.ts";
import type { Step } from "../rules/plan.ts";
import { neverMet } from "../../base/errors.ts";
import type { WriteMode } from "../../engines/database.ts";
import { deleteLedger } from "../../engines/ledger.ts";
import { userStatement } from "../../engines/statement_names.ts";
import {
  deleteApplied,
  insertApplied,
  setAlembicVersion,
  updateProgress,
} from "../../engines/version_table.ts";

/** A part of a step that commits on its own. */
export interface Batch {
  readonly mode: WriteMode;
  readonly statements: readonly SQL[];
  /** The place in the script of the statement that it runs alone or in key ranges; `null` for any other. */
  readonly statement: number | null;
  /** Set when its first statement is to be run in key ranges; the others record that. */
  readonly backfill: Backfill | null;
  /** The index that its only statement makes outside a transaction. */
  readonly makesIndex: string | null;
  /** Its parts, where an engine may commit them piece by piece. */
  readonly script: Script | null;
}

/** Neighbours of a script that share a transaction, and what goes with them. */
export interface Script {
  /** Goes before them. */
  readonly before: readonly SQL[];
  readonly statements: readonly SQL[];
  /** The place in the whole script of the first one. */
  readonly start: number;
  /** Returns what records that so many of them are done, in the order in which that happens. */
  recordAfter(done: number): readonly SQL[];
  /** What watches over the statement at a place where it runs as it is written: follows it, and is no part of the script. */
  readonly watches?: ReadonlyMap<number, readonly SQL[]>;
}

/** What the batches of a step depend on beside the step. */
export interface BatchOptions {
  /** Statements that go before everything else in the first batch. */
  readonly before: readonly SQL[];
  /** Whether Alembic's version table is there and has to be kept in step. */
  readonly alembic: boolean;
  /** Returns what puts revisions into the ledger; `null` where there is none. */
  readonly ledger: ((revisions: readonly Revision[]) => readonly SQL[]) | null;
  /** This harbor-db's version. */
  readonly version: string;
  now(): Date;
}

/**
 * Cuts a step into the batches that commit one by one, each together with the row that says how far the step came.
 *
 * A script without backfills and lone statements is a single batch: all or nothing. Times are read when a batch is
 * asked for.
 */
export function* batchesOf(step: Step, options: BatchOptions): Generator<Batch> {
  const startedAt = options.now().toISOString();
  yield* cutIntoBatches({
    statements: step.script.statements,
    from: step.resume?.statementsDone ?? 0,
    before: options.before,
    isRecorded: step.resume !== null,
    rows: (done, isNew) => progressRows(step, options, { done, isNew, startedAt }),
  });
}

/** Statements to cut into batches, and what is written down with each. */
export interface CutStatements {
  readonly statements: readonly Statement[];
  /** How many of them are done. */
  readonly from: number;
  /** Goes before everything else in the first batch. */
  readonly before: readonly SQL[];
  /** Whether there is a record already: it else is begun before anything that does not share a transaction. */
  readonly isRecorded: boolean;
  /** Returns what records that so many of them are done; `isNew` for the first record. */
  rows(done: number, isNew: boolean): readonly SQL[];
}

/** See {@link batchesOf}. */
export function* cutIntoBatches(
  { statements, from, before: opening, isRecorded, rows }: CutStatements,
): Generator<Batch> {
  let recorded = isRecorded;
  let before = opening;
  const record = (done: number): readonly SQL[] => {
    const isNew = !recorded;
    recorded = true;
    return rows(done, isNew);
  };
  const plain = { statement: null, backfill: null, makesIndex: null, script: null };

  for (const phase of phasesOf(statements, from)) {
    const { run } = phase.first;
    if (!recorded && !ways[run.kind].isShared) {
      yield { mode: "rows", statements: [...before, ...record(0)], ...plain };
      before = [];
    }
    const texts = statements.slice(phase.start, phase.end).map((statement) =>
      userStatement(sql.raw(statement.sql))
    );
    switch (run.kind) {
      case "alone":
        yield {
          mode: "alone",
          statements: texts,
          statement: phase.start,
          backfill: null,
          makesIndex: run.makesIndex,
          script: null,
        };
        yield { mode: "rows", statements: record(phase.end), ...plain };
        break;
      case "backfill":
        yield {
          mode: "rows",
          statements: [...texts, ...record(phase.end)],
          statement: phase.start,
          backfill: run,
          makesIndex: null,
          script: null,
        };
        break;
      case "transaction": {
        let isNew = !recorded;
        const recordAfter = (done: number): readonly SQL[] => {
          const own = rows(phase.start + done, isNew);
          isNew = false;
          return own;
        };
        yield {
          ...plain,
          mode: "schema",
          statements: [...before, ...texts, ...record(phase.end)],
          script: { before, statements: texts, start: phase.start, recordAfter },
        };
        before = [];
        break;
      }
      default:
        throw neverMet(run);
    }
  }
}

interface Phase {
  readonly start: number;
  readonly end: number;
  readonly first: Statement | { readonly run: { readonly kind: "transaction" } };
}

/** Groups neighbours that share a transaction. An empty rest is one empty phase, so that it is recorded all the same. */
function phasesOf(statements: readonly Statement[], from: number): readonly Phase[] {
  const phases: Phase[] = [];
  for (let index = from; index < statements.length; index++) {
    const first = statements[index]!;
    const last = phases.at(-1);
    if (last !== undefined && ways[first.run.kind].isShared && ways[last.first.run.kind].isShared) {
      phases[phases.length - 1] = { ...last, end: index + 1 };
    } else phases.push({ start: index, end: index + 1, first });
  }
  return phases.length > 0 ? phases : [{ start: from, end: from, first: { run: { kind: "transaction" } } }];
}

interface ScriptProgress {
  readonly done: number;
  readonly isNew: boolean;
  readonly startedAt: string;
}

/** Returns what goes into the batch after which `done` statements of the script are committed. */
function progressRows(
  step: Step,
  options: BatchOptions,
  { done, isNew, startedAt }: ScriptProgress,
): readonly SQL[] {
  const { revision, direction, script } = step;
  const finished = done >= script.statements.length;
  const alembic = (id: string | null) => options.alembic ? setAlembicVersion(id) : [];
  if (direction === "downgrade") {
    if (finished) {
      const forget = options.ledger === null ? [] : [deleteLedger(revision.id)];
      return [...deleteApplied(revision.id), ...forget, ...alembic(revision.parent)];
    }
    const row = { revision: revision.id, direction, statementsDone: done, finishedAt: null, ms: null };
    // Until now the row told of the upgrade.
    return [updateProgress(isNew ? { ...row, startedAt } : row)];
  }
  const finishedAt = finished ? options.now().toISOString() : null;
  if (!isNew) {
    return [updateProgress({ revision: revision.id, direction, statementsDone: done, finishedAt, ms: null })];
  }
  const row = { ...newRow(step, options), statementsDone: done, startedAt, finishedAt };
  return recordNew([row], [revision], options);
}

/** Returns what records that steps up are done which share a transaction. */
export function recordTogether(steps: readonly Step[], options: BatchOptions): readonly SQL[] {
  const at = options.now().toISOString();
  return recordNew(
    steps.map((step) => ({
      ...newRow(step, options),
      statementsDone: step.script.statements.length,
      startedAt: at,
      finishedAt: at,
    })),
    steps.map(({ revision }) => revision),
    options,
  );
}

function newRow({ revision, direction }: Step, { version }: BatchOptions) {
  const { id, name, checksum } = revision;
  return { revision: id, name, checksum, direction, ms: null, appliedBy: version, origin: "run" } as const;
}

function recordNew(
  rows: readonly Applied[],
  revisions: readonly Revision[],
  { ledger, alembic }: BatchOptions,
): readonly SQL[] {
  return [
    ...insertApplied(rows),
    ...ledger?.(revisions) ?? [],
    // From its first batch on, Alembic must take the revision for applied: it would run it again.
    ...alembic ? setAlembicVersion(revisions.at(-1)!.id) : [],
  ];
}
