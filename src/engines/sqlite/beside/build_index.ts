import type { BesideProgress } from "../../beside_progress.ts";
import { setTimeout as sleep } from "node:timers/promises";
import { HarborError } from "../../../base/errors.ts";
import { stopIfAsked } from "../../../base/interrupt.ts";
import { quoteName } from "../../../sql/quote.ts";
import { failure } from "../errors.ts";
import { own, type Step } from "../transaction.ts";
import { clearAway, letGo } from "./clear_away.ts";
import type { BesideFile } from "../database.ts";
import type { BesideContext } from "./paced.ts";
import { type IndexShadow, type IndexText, planIndex } from "./index_shadow.ts";
import {
  changesName,
  copyChanged,
  copyRefused,
  countWrong,
  fillRange,
  mirrorName,
  startNoting,
  stopNoting,
} from "./mirror.ts";
import { type PacedRun, startPaced } from "./paced.ts";
import { createProgress, insertProgress, progressOf, sightOf, updateProgress } from "./progress.ts";

/** An index to build beside writers. */
export interface IndexTask {
  /** Its `CREATE INDEX`. */
  readonly statement: string;
  /** The statement's place in the script's batch, for errors. */
  readonly index: number;
  /** What records it, in the transaction that puts the index in its place. */
  readonly record: readonly Step[];
}

/** How many changed rows are left to the transaction that puts the index in its place. */
const mostLeft = 200;
/** How often the changed rows are gone through in the hope that few are left. */
const mostPasses = 20;
/** How often it begins again when others changed the table or the shadow. */
const mostBeginnings = 5;
/** Rows that are compared in one look. */
const proofSize = 5_000;

/** The highest row id that there can be. */
const highestRow = 2n ** 63n - 1n;

/** Thrown where somebody else changed what the work was begun on. */
class Overtaken extends Error {}

/**
 * Builds an index without keeping writers waiting for longer than a batch takes: on a shadow of the table, which is filled
 * and kept in step in batches and compared with the table; then one change of `sqlite_schema` puts the index under the
 * table. An earlier run's work goes on where it was stopped, unless somebody changed the table or the shadow since.
 *
 * @returns Whether it did; `false`, with nothing changed, for an index that has to be built the plain way
 * @throws {HarborError} `interrupted` between two batches; `busy`; what SQLite says of rows that the index refuses
 */
export async function buildIndex(
  file: BesideFile,
  task: IndexTask,
  context: BesideContext,
): Promise<boolean> {
  for (let beginning = 1;; beginning++) {
    try {
      const work = await begin(file, task);
      if (work === null) return false;
      await run(file, { task, context, ...work });
      await clearAway(file, context);
      return true;
    } catch (error) {
      if (!isOvertaken(error)) throw await refused(file, { task, context, error });
      if (beginning === mostBeginnings) {
        throw new HarborError("busy", `Cannot build the index of "${task.statement}" beside writers`, {
          state: `the table was changed ${beginning} times meanwhile`,
          hint: "Run the same command again when nobody else changes the schema.",
        });
      }
      context.doing("beginning the index again, since others changed its table");
    }
  }
}

/** Whether somebody else changed the table or took something of the shadow away. */
function isOvertaken(error: unknown): boolean {
  return error instanceof Overtaken ||
    (error instanceof HarborError && error.code === "missing_table" && error.state.includes("harbor_beside"));
}

/** Returns the error of the plain `CREATE INDEX` for one of the shadow's, and takes the shadow away. */
async function refused(
  file: BesideFile,
  { task: { statement, index }, context, error }: {
    readonly task: IndexTask;
    readonly context: BesideContext;
    readonly error: unknown;
  },
): Promise<unknown> {
  if (!(error instanceof HarborError) || error.code !== "statement_failed") return error;
  const under = progressOf(file.rows).find((each) => each.statement === statement && each.phase !== "empty");
  if (under === undefined) return error;
  await file.transact(() => letGo(file, under));
  await clearAway(file, context);
  const message = error.state.replaceAll(`${mirrorName(under.id)}.`, `${under.table}.`)
    .replaceAll(`${mirrorName(under.id)}_index`, under.name);
  return failure({ url: file.url, statement, index }, message, { cause: error });
}

interface Work {
  readonly shadow: IndexShadow;
  readonly progress: BesideProgress;
}

/** Goes on with what an earlier run began, or begins. */
async function begin(file: BesideFile, { statement }: IndexTask): Promise<Work | null> {
  return await file.transact(() => {
    let found: Work | null = null;
    for (const progress of progressOf(file.rows)) {
      const shadow: IndexShadow | null =
        progress.phase === "empty" || progress.statement !== statement || found !== null
          ? null
          : planIndex(file.rows, progress.id, statement);
      if (shadow !== null && sightOf(file.rows, progress.id, shadow.source) === progress.seen) {
        found = { shadow, progress };
      } else if (progress.phase !== "empty") letGo(file, progress);
    }
    return found ?? beginNew(file, statement);
  });
}

function beginNew(file: BesideFile, statement: string): Work | null {
  const probe = planIndex(file.rows, 0, statement);
  if (probe === null || isTaken(file, probe.index.name)) return null;
  const { name, rowId } = probe.source;
  file.change(own(createProgress));
  const [end] = file.rows<{ last: number | bigint | null }>(
    own(`SELECT max(${rowId}) AS last FROM ${quoteName(name)}`),
  );
  const begun = {
    name: probe.index.name,
    table: name,
    statement,
    phase: "fill",
    lastRow: null,
    endRow: end?.last == null ? null : String(end.last),
    seen: "",
  } as const;
  insertProgress(file, begun);
  const { id } = progressOf(file.rows).at(-1)!;
  const shadow = planIndex(file.rows, id, statement)!;
  for (const text of [...shadow.make, ...startNoting(shadow)]) file.change(own(text));
  const progress = { ...begun, id, seen: sightOf(file.rows, id, shadow.source) };
  updateProgress(file, progress);
  return { shadow, progress };
}

function isTaken(file: BesideFile, name: string): boolean {
  const found = { text: "SELECT 1 FROM sqlite_schema WHERE lower(name) = lower(?)", values: [name] };
  return file.rows(found).length > 0;
}

interface Run extends Work {
  readonly task: IndexTask;
  readonly context: BesideContext;
}

async function run(file: BesideFile, given: Run): Promise<void> {
  const { shadow, context } = given;
  const what = `building index ${shadow.index.name}`;
  const progress = await fill(file, given, await startPaced(file, context, what));
  // Changed rows lie here and there, so that a batch of as many as of neighbours would take far longer.
  const paced = await startPaced(file, context, what);
  await follow(file, { ...given, progress }, paced);
  await prove(file, { ...given, progress });
  await follow(file, { ...given, progress }, paced);
  await putInPlace(file, { ...given, progress });
}

/** Mirrors the rows that were there when it began. */
async function fill(file: BesideFile, given: Run, paced: PacedRun): Promise<BesideProgress> {
  const { shadow, context: { doing } } = given;
  const { source } = shadow;
  let { progress } = given;
  if (progress.phase !== "fill") return progress;
  const end = progress.endRow === null ? null : BigInt(progress.endRow);
  const first = progress.lastRow;
  await paced.repeat(async (size) => {
    const after = progress.lastRow === null ? null : BigInt(progress.lastRow);
    const [next] = end === null ? [] : file.rows<{ last: number | bigint | null; rows: number }>(own(
      `SELECT max(i) AS last, count(*) AS rows FROM (SELECT ${source.rowId} AS i FROM ${
        quoteName(source.name)
      } WHERE ${
        after === null ? "" : `${source.rowId} > ${after} AND `
      }${source.rowId} <= ${end} ORDER BY ${source.rowId} LIMIT ${size})`,
    ));
    const last = next?.last ?? null;
    const moved: BesideProgress = last === null
      ? { ...progress, phase: "follow" }
      : { ...progress, lastRow: String(last) };
    await fenced(file, { ...given, progress }, () => {
      if (last !== null) {
        runAll(file, fillRange(shadow, { after, to: BigInt(last) }));
      }
      updateProgress(file, moved);
    });
    progress = moved;
    if (last === null) return null;
    doing(`index ${shadow.index.name}: ${percentOf(first, last, end!)} % of ${source.name}`);
    return next!.rows;
  });
  return progress;
}

function percentOf(first: string | null, last: number | bigint, end: bigint): number {
  const from = Number(first ?? 0);
  return Math.floor(100 * Math.max(0, Math.min(1, (Number(last) - from) / Math.max(1, Number(end) - from))));
}

/** Mirrors changed rows until few are left. */
async function follow(file: BesideFile, given: Run, paced: PacedRun): Promise<void> {
  const { context } = given;
  const changes = changesName(given.shadow.id);
  for (let pass = 0; pass < mostPasses; pass++) {
    const [left] = file.rows<{ count: number }>(
      own(`SELECT count(*) AS count FROM (SELECT 1 FROM ${changes} LIMIT ${mostLeft + 1})`),
    );
    if (left!.count <= mostLeft) return;
    let after: bigint | null = null;
    await paced.repeat(async (size) => {
      const from = after === null ? "" : `WHERE id > ${after} `;
      const [next] = file.rows<{ last: number | bigint | null; rows: number }>(own(
        `SELECT max(id) AS last, count(*) AS rows FROM (SELECT id FROM ${changes} ${from}ORDER BY id LIMIT ${size})`,
      ));
      if (next?.last == null) return null;
      const to = BigInt(next.last);
      await fenced(file, given, () => runAll(file, copyChanged(given.shadow, { after, to })));
      after = to;
      context.doing(`index ${given.shadow.index.name}: taking in what changed meanwhile`);
      return next.rows;
    });
  }
}

/**
 * Compares the shadow with the table, value by value. Each look sees one state; what changes after it is noted, so that
 * the looks together say as much as one at all of it, and in a rollback journal nobody waits for longer than one takes.
 */
async function prove(file: BesideFile, given: Run): Promise<void> {
  const { shadow, context: { signal, doing } } = given;
  const { source, id, rowId } = shadow;
  doing(`index ${shadow.index.name}: comparing it with ${source.name}`);
  const pace = await file.pace();
  for (let after: bigint | null = null;;) {
    stopIfAsked(signal);
    const lastOf = (row: string, table: string, from: bigint | null) =>
      file.rows<{ last: number | bigint | null }>(own(
        `SELECT max(i) AS last FROM (SELECT ${row} AS i FROM ${table}${
          from === null ? "" : ` WHERE ${row} > ${from}`
        } ORDER BY ${row} LIMIT ${proofSize})`,
      ))[0]?.last ?? null;
    const lasts = [lastOf(source.rowId, quoteName(source.name), after), lastOf(rowId, mirrorName(id), after)];
    const found: bigint[] = lasts.flatMap((last) => last === null ? [] : [BigInt(last)]);
    if (found.length === 0) return;
    const to: bigint = found.reduce((a, b) => a < b ? a : b);
    const began = performance.now();
    const [row] = file.rows<{ wrong: number }>(own(countWrong(shadow, { after, to })));
    if (row!.wrong > 0) {
      await file.transact(() => letGo(file, given.progress));
      throw new Overtaken();
    }
    after = to;
    await sleep((performance.now() - began) * pace.readRest);
  }
}

/** Copies what changed last and moves the index under the table, in a transaction of few rows. */
async function putInPlace(file: BesideFile, given: Run): Promise<void> {
  const { shadow, task, progress } = given;
  const { id, index } = shadow;
  try {
    await fenced(file, given, () => {
      runAll(file, copyChanged(shadow, { after: null, to: highestRow }));
      refuseRefused(file, given);
      for (const text of stopNoting(id)) file.change(own(text));
      moveIndex(file, `${mirrorName(id)}_index`, index);
      updateProgress(file, { ...progress, phase: "empty" });
      for (const step of task.record) file.change(step);
    });
  } finally {
    // Whether it committed or not: what this connection knows of the schema is read anew.
    file.change(own("PRAGMA writable_schema = RESET"));
  }
}

/**
 * Gives an index to another table by its row of `sqlite_schema`. SQLite forbids that to connections on the defensive, as
 * all are but for this moment.
 *
 * Source: https://www.sqlite.org/pragma.html#pragma_writable_schema
 */
function moveIndex(file: BesideFile, from: string, { name, table, sql }: IndexText): void {
  file.handle.enableDefensive(false);
  try {
    file.change(own("PRAGMA writable_schema = ON"));
    const moved = file.change({
      text: "UPDATE sqlite_schema SET name = ?, tbl_name = ?, sql = ? WHERE type = 'index' AND name = ?",
      values: [name, table, sql, from],
    });
    if (moved !== 1) throw new HarborError("internal", `Cannot move the index "${name}": it is gone`);
    const [row] = file.rows<{ schema_version: number }>(own("PRAGMA schema_version"));
    // By this every connection reads the schema anew, this one too.
    file.change(own(`PRAGMA schema_version = ${row!.schema_version + 1}`));
  } finally {
    file.change(own("PRAGMA writable_schema = OFF"));
    file.handle.enableDefensive(true);
  }
}

/** Fails with SQLite's own words when the index refuses a row that is in the table at this moment. */
function refuseRefused(file: BesideFile, { shadow }: Run): void {
  const [refused] = file.rows(own(`SELECT 1 FROM ${changesName(shadow.id)} LIMIT 1`));
  if (refused !== undefined) file.change(own(copyRefused(shadow)));
}

/** Runs work in a transaction, unless somebody changed what it was begun on. */
async function fenced(file: BesideFile, { shadow, progress }: Run, work: () => void): Promise<void> {
  await file.transact(() => {
    if (sightOf(file.rows, shadow.id, shadow.source) !== progress.seen) throw new Overtaken();
    work();
  });
}

function runAll(file: BesideFile, texts: readonly string[]): void {
  for (const text of texts) file.change(own(text));
}
