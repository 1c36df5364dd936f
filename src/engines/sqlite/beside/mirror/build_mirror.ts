import { HarborError } from "../../../../base/errors.ts";
import { quoteName } from "../../../../sql/quote.ts";
import { firstLine } from "../../../../sql/first_line.ts";
import { failure } from "../../connection/errors.ts";
import { clearAway, letGo } from "./clear_away.ts";
import type { BesideFile } from "../../database.ts";
import { compare } from "./compare_mirror.ts";
import { rewriteSchema, undefended } from "./exchange.ts";
import { fill, follow } from "./fill_mirror.ts";
import { copyChanged, copyRefused, mirrorName, startNoting } from "./mirror.ts";
import { changesName, stopNoting } from "./noting.ts";
import { fenced, type MirrorTask, Overtaken, type Run, runAll, type Work } from "./run.ts";
import { type BesideContext, startPaced } from "./paced.ts";
import { createProgress, insertProgress, progressOf, sightOf, updateProgress } from "./progress.ts";
import { requireRoomFor } from "./room.ts";
import type { Shadow } from "./shadow.ts";
import { own } from "../../connection/statement.ts";

/** How often it begins again when others changed the table or the shadow. */
const mostBeginnings = 5;

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

async function run(file: BesideFile, given: Run): Promise<void> {
  const { shadow, context } = given;
  const what = `making ${shadow.name} of ${shadow.source.name}`;
  const progress = await fill(file, given, await startPaced(file, context, what));
  // Changed rows lie here and there, so that a batch of as many as of neighbours would take far longer.
  const paced = await startPaced(file, context, what);
  await follow(file, { ...given, progress }, paced);
  await compare(file, { ...given, progress });
  await follow(file, { ...given, progress }, paced);
  await putInPlace(file, { ...given, progress });
}

/** Copies what changed last and puts the mirror in its place, in a transaction of few rows. */
async function putInPlace(file: BesideFile, given: Run): Promise<void> {
  const { shadow, task, progress } = given;
  await undefended(file, () =>
    fenced(file, given, () => {
      runAll(file, copyChanged(shadow, "TRUE"));
      refuseRefused(file, given);
      for (const text of stopNoting(shadow.id)) file.change(own(text));
      // While this connection still knows the schema as it is.
      for (const step of task.opening ?? []) file.change(step);
      rewriteSchema(file, () => shadow.put(file));
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
