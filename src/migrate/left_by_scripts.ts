import { HarborError } from "../base/errors.ts";
import type { RunContext } from "../engines/run_context.ts";
import { readDrift, recordDrift } from "../engines/taken_over.ts";
import { describeDifference, type Difference } from "../schema/compare/snapshots.ts";
import type { Snapshot } from "../schema/snapshot.ts";
import { differencesFrom, latestSchemas } from "../state/read_unmanaged.ts";
import type { State } from "../state/state.ts";
import { heldAsLeft } from "../state/held_as_left.ts";
import type { StepResult } from "./steps/step_result.ts";

/** A run of steps, as far as it matters for what they leave. */
export interface RunWay {
  readonly from: string | null;
  readonly to: string | null;
  readonly steps: readonly unknown[];
  readonly state: State;
  readonly onStep?: ((result: StepResult) => void) | undefined;
  /** What is there before the steps, where it was just read and nobody else changes it. */
  readonly live?: Snapshot | undefined;
}

/**
 * Runs steps, and records in what they leave another schema than the snapshots of their revisions say, so that `verify`
 * tells it from what somebody changes later. What was foreign before them stays foreign. Where one fails, what those
 * before it left is recorded.
 *
 * @returns Also what is there then; `null` where that was not looked at
 */
export async function recordWhatIsLeft<T>(
  context: RunContext,
  { from, to, steps, state, onStep, live }: RunWay,
  run: (onStep: (result: StepResult) => void) => Promise<T>,
): Promise<{ readonly done: T; readonly live: Snapshot | null }> {
  const foreign = steps.length === 0 ? null : await readForeign(context, { from, state, live });
  let reached: StepResult | undefined;
  try {
    const done = await run((result) => {
      reached = result;
      onStep?.(result);
    });
    return { done, live: foreign === null ? null : await record(context, to, foreign) };
  } catch (error) {
    // Its own failure would hide the one that matters.
    if (foreign !== null && reached?.direction === "upgrade") {
      await record(context, reached.revision, foreign).catch(() => {});
    }
    throw error;
  }
}

/** Whether an engine began what differs, and did not end it. */
export function isInvalid({ actual }: Difference): boolean {
  return actual !== null && /(?:INVALID|NOT VALID)$/.test(actual);
}

/**
 * Returns the paths in which a schema is another than its revision's snapshot says, and no script is known to leave it
 * so. A new database has none; `null` where the snapshot was lost: what differs afterwards tells nothing then.
 */
async function readForeign(
  context: RunContext,
  { from, state, live }: Pick<RunWay, "from" | "state" | "live">,
): Promise<ReadonlySet<string> | null> {
  if (state.kind === "empty") return new Set();
  const { differences } = await readDifferences(context, from, live);
  if (differences === null) return null;
  const known = differences.length === 0 ? new Set() : await readDrift(context.database);
  const foreign = differences.filter((each) => !known.has(describeDifference(each)));
  return new Set(foreign.map(({ path }) => path));
}

async function record(
  context: RunContext,
  revision: string | null,
  foreign: ReadonlySet<string>,
): Promise<Snapshot> {
  const { database, now } = context;
  // Asked for together; it matters only where there is something to compare.
  const reading = readDrift(database);
  reading.catch(() => {});
  const { live, differences } = await readDifferences(context, revision);
  if (differences === null) return live;
  const left = differences.filter((each) => !foreign.has(each.path) && !isInvalid(each))
    .map(describeDifference);
  const known = await reading;
  if (left.length === known.size && left.every((each) => known.has(each))) return live;
  await database.write(recordDrift(left, now().toISOString()));
  return live;
}

async function readDifferences(
  { database, history }: RunContext,
  id: string | null,
  known?: Snapshot,
): Promise<{ readonly live: Snapshot; readonly differences: readonly Difference[] | null }> {
  const at = history.revisions.findIndex((each) => each.id === id);
  const live = known ?? await database.introspect();
  try {
    const held = heldAsLeft(live, history.revisions.slice(0, at + 1));
    return {
      live,
      differences: differencesFrom(latestSchemas(history), history.revisions[at] ?? null, held),
    };
  } catch (error) {
    if (error instanceof HarborError && error.details.isMissing === true) return { live, differences: null };
    throw error;
  }
}
