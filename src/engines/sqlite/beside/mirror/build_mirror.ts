import type { BesideProgress } from "../../../beside_progress.ts";
import { HarborError } from "../../../../base/errors.ts";
import { stopIfAsked } from "../../../../base/interrupt.ts";
import { quoteName } from "../../../../sql/quote.ts";
import { firstLine } from "../../../../sql/first_line.ts";
import { failure } from "../../errors.ts";
import { own, type Step } from "../../transaction.ts";
import { clearAway, letGo } from "./clear_away.ts";
import type { BesideFile } from "../../database.ts";
import { rewriteSchema, undefended } from "./exchange.ts";
import type { BesideContext } from "./paced.ts";
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
import { requireRoomFor } from "./room.ts";
import type { Shadow } from "./shadow.ts";
import type { Rows } from "../form/source_table.ts";

/** Something that is made of a mirror, beside writers. */
export interface MirrorTask {
  /** What it stands for, of the script: by that an earlier run's work is found again. */
  readonly statement: string;
  /** Returns the mirror on the schema as it is; `null` where that has to be done the plain way. */
  plan(rows: Rows, id: number): Shadow | null;
  /** The statement's place in the script's batch, for errors. */
  readonly index: number;
  /** What records it, in the transaction that puts it in its place. */
  readonly record: readonly Step[];
  /** See `BesideTask.handOver`. */
  readonly handOver?: { readonly name: string; readonly steps: readonly Step[] } | null | undefined;
}

/** How many changed rows are left to the transaction that puts the mirror in its place. */
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
 * Makes something of a mirror without keeping writers waiting for longer than a batch takes: it is filled and kept in step in
 * batches and compared with the table; then one short transaction puts it in its place. An earlier run's work goes on where
 * it was stopped, unless somebody changed the table or the mirror since.
 *
 * @returns Whether it did; `false`, with nothing changed, for what has to be done the plain way
 * @throws {HarborError} `interrupted` between two batches; `busy`; `disk_full` before anything where there is no room for it; what
 * SQLite says of rows that the mirror refuses
 */
export async function buildMirror(
  file: BesideFile,
  task: MirrorTask,
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
        throw new HarborError("busy", `Cannot run "${firstLine(task.statement)}" beside writers`, {
          state: `the table was changed ${beginning} times meanwhile`,
          hint: "Run the same command again when nobody else changes the schema.",
        });
      }
      context.doing("beginning again, since others changed the table");
    }
  }
}

/** Whether somebody else changed the table or took something of the shadow away. */
function isOvertaken(error: unknown): boolean {
  return error instanceof Overtaken ||
    (error instanceof HarborError && error.code === "missing_table" && error.state.includes("harbor_beside"));
}

/** Returns the error of the script's own statement for one of the mirror's, and takes the mirror away. */
async function refused(
  file: BesideFile,
  { task: { statement, index }, context, error }: {
    readonly task: MirrorTask;
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
    .replace(/'harbor_beside_\d+_\w+'/, under.name);
  return failure({ url: file.url, statement, index }, message, { cause: error });
}

interface Work {
  readonly shadow: Shadow;
  readonly progress: BesideProgress;
}

/** Goes on with what an earlier run began, or begins. */
async function begin(file: BesideFile, { statement, plan }: MirrorTask): Promise<Work | null> {
  const probe = plan(file.rows, 0);
  const isBegun = progressOf(file.rows).some((each) =>
    each.statement === statement && each.phase !== "empty"
  );
  if (probe !== null && !isBegun) requireRoomFor(file, probe);
  return await file.transact(() => {
    let found: Work | null = null;
    for (const progress of progressOf(file.rows)) {
      const shadow: Shadow | null =
        progress.phase === "empty" || progress.statement !== statement || found !== null
          ? null
          : plan(file.rows, progress.id);
      if (shadow !== null && sightOf(file.rows, progress.id, shadow.source) === progress.seen) {
        found = { shadow, progress };
      } else if (progress.phase !== "empty") letGo(file, progress);
    }
    return found ?? beginNew(file, { statement, plan });
  });
}

function beginNew(
  file: BesideFile,
  { statement, plan }: Pick<MirrorTask, "statement" | "plan">,
): Work | null {
  const probe = plan(file.rows, 0);
  if (probe === null) return null;
  const { name, rowId } = probe.source;
  file.change(own(createProgress));
  const [end] = file.rows<{ last: number | bigint | null }>(
    own(`SELECT max(${rowId}) AS last FROM ${quoteName(name)}`),
  );
  const begun = {
    name: probe.name,
    table: name,
    statement,
    phase: "fill",
    lastRow: null,
    endRow: end?.last == null ? null : String(end.last),
    seen: "",
  } as const;
  insertProgress(file, begun);
  const { id } = progressOf(file.rows).at(-1)!;
  const shadow = plan(file.rows, id)!;
  for (const text of [...shadow.make, ...startNoting(shadow)]) file.change(own(text));
  const progress = { ...begun, id, seen: sightOf(file.rows, id, shadow.source) };
  updateProgress(file, progress);
  return { shadow, progress };
}

interface Run extends Work {
  readonly task: MirrorTask;
  readonly context: BesideContext;
}

async function run(file: BesideFile, given: Run): Promise<void> {
  const { shadow, context } = given;
  const what = `making ${shadow.name} of ${shadow.source.name}`;
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
    doing(`${shadow.name}: ${percentOf(first, last, end!)} % of ${source.name}`);
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
      context.doing(`${given.shadow.name}: taking in what changed meanwhile`);
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
  doing(`${shadow.name}: comparing it with ${source.name}`);
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
    await pace.pause(Math.max(1, (performance.now() - began) * pace.readRest), signal);
  }
}

/** Copies what changed last and puts the mirror in its place, in a transaction of few rows. */
async function putInPlace(file: BesideFile, given: Run): Promise<void> {
  const { shadow, task, progress } = given;
  await undefended(file, () =>
    fenced(file, given, () => {
      runAll(file, copyChanged(shadow, { after: null, to: highestRow }));
      refuseRefused(file, given);
      for (const text of stopNoting(shadow.id)) file.change(own(text));
      // While this connection still knows the schema as it is.
      for (const step of task.handOver?.steps ?? []) file.change(step);
      rewriteSchema(file, () => shadow.put(file, task.handOver?.name ?? mirrorName(shadow.id)));
      updateProgress(file, { ...progress, phase: "empty" });
      for (const step of task.record) file.change(step);
    }));
}

/** Fails with SQLite's own words when the mirror refuses a row that is in the table at this moment. */
function refuseRefused(file: BesideFile, { shadow }: Run): void {
  const [refused] = file.rows(own(`SELECT 1 FROM ${changesName(shadow.id)} LIMIT 1`));
  if (refused === undefined) return;
  file.change(own(copyRefused(shadow)));
  // What took the row in without a word took another out.
  throw new HarborError("statement_failed", `Cannot make ${shadow.name} of "${shadow.source.name}"`, {
    state: "a row is left out of it without an error",
  });
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
