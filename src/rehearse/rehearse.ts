import { compareSnapshots, type Difference } from "../schema/compare/snapshots.ts";
import { HarborError, messageOf } from "../base/errors.ts";
import type { Finding } from "../base/finding.ts";
import type { Revision } from "../history/history.ts";
import type { Snapshot } from "../schema/snapshot.ts";
import type { RunContext } from "../engines/run_context.ts";
import { type Origins, startOf } from "../migrate/rules/origins.ts";
import { judgePlans, type QuerySource, readPlans } from "./query_plans.ts";
import { type Recorded, recorded } from "./record.ts";
import { type RunFigures, typicalOf } from "./rules/figures.ts";
import type { Failure, Forecast, WayBack } from "./rules/forecast.ts";
import { compareContents } from "./compare_contents.ts";
import type { HeldContents, HoldContents } from "../engines/watch/held_contents.ts";

/** What is rehearsed. */
export interface Rehearsal {
  /** Does what is to be done, with the code that will do it on the database itself. */
  readonly forward: Way;
  /** Undoes it; why not, where nothing can. */
  readonly back: Way | string;
  /** Returns where what is there comes from after the way forward; `null` where that is not known. */
  origins(before: Snapshot, after: Snapshot): Origins | null;
  /** Looks at the result as `verify` does. */
  check(): Promise<readonly Finding[]>;
  /** Runs what is measured with a connection of its own to the copy; left out where that takes no longer than on one that did it before. */
  anew?<T>(work: (context: RunContext) => Promise<T>): Promise<T>;
  /** Holds what is in the copy before anything is done. */
  readonly hold: HoldContents;
  /** Whose plans are compared before and after; `null` for none. */
  readonly queries: QuerySource | null;
  /** How long the copy took, in milliseconds. */
  readonly copyMs: number;
  /** Returns what will be otherwise on the database itself, as it is known when all is done. */
  remarks(): readonly string[];
}

/** What is rehearsed, as it is known before what its revisions refer to is there. */
export interface PlannedRehearsal extends Omit<Rehearsal, "anew" | "remarks"> {
  /** Those whose schemas it goes through, both ends included. */
  readonly revisions: readonly Revision[];
}

/** Takes a database from one place to another. */
export type Way = (context: RunContext, onStep: () => void) => Promise<unknown>;

/**
 * Does on a proven copy what is to be done on the database, looks at the result, undoes it and does it again. What fails is
 * what the forecast says, and no error.
 *
 * @param context Its database is the copy
 * @throws {HarborError} `interrupted`
 */
export async function rehearse(context: RunContext, rehearsal: Rehearsal): Promise<Forecast> {
  const began = performance.now();
  const tell = (text: string) => context.notify({ kind: "doing", text: `rehearsing: ${text}` });
  const { signal, database } = context;
  const { queries: source } = rehearsal;
  if (source !== null) tell("asking for the plans of the queries");
  const plans = source === null ? [] : await readPlans(context, source);
  tell("reading all rows");
  const before = await database.introspect();
  const held = await rehearsal.hold(database, before, signal);
  const run = await anewOn(context, rehearsal)((fresh) =>
    recorded(fresh, measured, (running, { stepDone }) => rehearsal.forward(running, stepDone))
  );
  const failure = run.failure === null ? null : failureOf(run.failure.error);
  const base = {
    ...run.figures,
    failure,
    copyMs: rehearsal.copyMs,
  };
  const end = () => ({ rehearsalMs: performance.now() - began, remarks: rehearsal.remarks() });
  if (failure !== null) {
    const nothingSeen = {
      schema: [],
      losses: [],
      compared: nothing,
      findings: [],
      queries: null,
      wayBack: null,
    };
    return { ...base, ...nothingSeen, ...end() };
  }
  if (source !== null) tell("asking for the plans again");
  const queries = source === null ? null : await judgePlans(context, source, plans);
  tell("comparing all rows");
  const after = await database.introspect();
  const origins = rehearsal.origins(before, after);
  const { losses, ...compared } = origins === null
    ? { ...nothing, losses: [] }
    : await compareContents(held, { before, after, origins }, signal);
  tell("looking at the result");
  const findings = (await rehearsal.check()).filter(({ status }) => status !== "pass");
  tell("going back, and there again");
  const isShort = busyMs(run.figures) < shortMs;
  const { wayBack, again } = await tryWayBack(context, rehearsal, { before, after, held, isShort });
  context.notify({ kind: "done" });
  const schema = compareSnapshots(before, after).map(changeText);
  const figures = typicalOf(run.figures, again);
  return { ...base, ...figures, schema, losses, compared, findings, queries, wayBack, ...end() };
}

/**
 * What is shorter is measured again, in milliseconds: whatever a program does for the first time takes it longer, and one slow moment of
 * the machine is much of it. The shortest of three is what one run of the database itself seldom keeps to.
 */
const shortMs = 1_000;
const mostMeasuredAgain = 2;

function anewOn(
  context: RunContext,
  { anew }: Pick<Rehearsal, "anew">,
): NonNullable<Rehearsal["anew"]> {
  return anew ?? ((work) => work(context));
}

function busyMs({ steps }: RunFigures): number {
  return steps.reduce((sum, { ms, pausesMs }) => sum + ms - (pausesMs ?? 0), 0);
}

const nothing = { columns: 0, notCompared: [] };
const measured = { countsPauses: true };
/** What it takes is not told. */
const hurried = { countsPauses: true, isThrowAway: true };

/** What is there to compare with on the way back. */
interface Returning {
  readonly before: Snapshot;
  readonly after: Snapshot;
  readonly held: HeldContents;
}

/**
 * Undoes what was done and does it again, and says what was not as before.
 *
 * @returns Also what it took to do it again, each time; nothing where that says nothing of the database itself
 */
async function tryWayBack(
  context: RunContext,
  rehearsal: Rehearsal,
  { isShort, ...returning }: Returning & { readonly isShort: boolean },
): Promise<{ readonly wayBack: WayBack; readonly again: readonly RunFigures[] }> {
  const { back } = rehearsal;
  if (typeof back === "string") {
    return { wayBack: { why: back, failure: null, differences: [] }, again: [] };
  }
  const differences: string[] = [];
  const again: RunFigures[] = [];
  const began = performance.now();
  let run: Recorded<void>;
  do {
    run = await goBackAndAgain(context, { ...rehearsal, back, isShort }, { ...returning, differences });
    if (isShort && run.failure === null) again.push(run.figures);
  } while (
    run.failure === null && isShort && again.length < mostMeasuredAgain && performance.now() - began < shortMs
  );
  const failure = run.failure === null ? null : failureOf(run.failure.error);
  const wayBack = failure?.code === "irreversible"
    ? { why: failure.message, failure: null, differences: [] }
    : { why: null, failure, differences: [...new Set(differences)] };
  return { wayBack, again };
}

/** @returns What the way there again took, or why one of the two failed */
async function goBackAndAgain(
  context: RunContext,
  { back, isShort, ...rehearsal }: Rehearsal & { readonly back: Way; readonly isShort: boolean },
  { before, after, held, differences }: Returning & { readonly differences: string[] },
): Promise<Recorded<void>> {
  const { database, signal } = context;
  const down = await recorded(context, hurried, async (context, { stepDone }) => {
    await back(context, stepDone);
    const returned = await database.introspect();
    const comparison = { before, after: returned, origins: startOf(before) };
    differences.push(
      ...compareSnapshots(before, returned).map(changeText),
      ...(await compareContents(held, comparison, signal)).losses,
    );
  });
  if (down.failure !== null) return down;
  const again = (context: RunContext) =>
    recorded(context, isShort ? measured : hurried, async (context, { stepDone }) => {
      await rehearsal.forward(context, stepDone);
      differences.push(...compareSnapshots(after, await context.database.introspect()).map(changeText));
    });
  return isShort ? await anewOn(context, rehearsal)(again) : await again(context);
}

/** @throws {HarborError} `interrupted`, which is no failure of what was tried */
function failureOf(error: unknown): Failure {
  if (!(error instanceof HarborError)) return { code: "internal", message: messageOf(error), hint: [] };
  if (error.code === "interrupted") throw error;
  return { code: error.code, message: error.message, hint: error.hintLines };
}

/** Says a difference as a change: of two schemas, neither is the right one. */
function changeText({ kind, path, expected, actual }: Difference): string {
  if (kind === "missing") return `${path} goes`;
  if (kind === "extra") return `${path} comes: ${actual}`;
  return `${path} becomes ${actual} instead of ${expected}`;
}
