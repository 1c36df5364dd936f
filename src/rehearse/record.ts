import type { RunContext, RunEvent } from "../engines/run_context.ts";
import type { Space, WatchedBatch, Watcher } from "../engines/watch/figures.ts";
import type { Direction } from "../history/applied.ts";
import {
  type Growth,
  growthBetween,
  joinLocks,
  largerGrowth,
  type RunFigures,
  type StepFigures,
} from "./rules/figures.ts";

/** What is looked at while a run is recorded. */
export interface RecordOptions {
  /** Whether pauses between batches are only counted. */
  readonly countsPauses: boolean;
  /** See `Watcher.isThrowAway`. */
  readonly isThrowAway?: boolean | undefined;
  /** See `Watcher.maxLockMs`. */
  readonly maxLockMs?: number | undefined;
  /** Told after each batch what the run did until then. */
  readonly onFigures?: ((run: RunFigures) => void) | undefined;
}

/** What a run says of itself while it is recorded. */
export interface Marks {
  /** Counts growth from here on. */
  start(): Promise<void>;
  /** Ends the step that is under way, which otherwise ends when the next one begins. */
  stepDone(): void;
}

/** How a run ended, and its figures either way. */
export type Recorded<T> =
  & { readonly figures: RunFigures }
  & ({ readonly result: T; readonly failure: null } | { readonly failure: { readonly error: unknown } });

/** A step that is under way. */
interface OpenStep extends Pick<StepFigures, "revision" | "name" | "direction"> {
  readonly began: number;
  /** What the database took then. */
  readonly base: Space | null;
  readonly batches: WatchedBatch[];
  pausesMs: number;
}

/**
 * Runs `work` with a context that tells which step is under way, on a database that tells what its batches do.
 *
 * @param work Gets the context, and what marks in the record how far it is
 */
export async function recorded<T>(
  context: RunContext,
  options: RecordOptions,
  work: (context: RunContext, marks: Marks) => Promise<T>,
): Promise<Recorded<T>> {
  const { database } = context;
  const recorder = createRecorder(options);
  return await database.watch(recorder.watcher, async (): Promise<Recorded<T>> => {
    recorder.look(await database.space());
    const notify = (event: RunEvent) => {
      if (event.kind === "step") recorder.begin({ ...event, revision: event.id });
      context.notify(event);
    };
    try {
      const result = await work(
        { ...context, notify },
        { start: async () => recorder.start(await database.space()), stepDone: () => recorder.close(true) },
      );
      recorder.look(await database.space());
      recorder.close(true);
      return { result, failure: null, figures: recorder.figures() };
    } catch (error) {
      recorder.look(await database.space().catch(() => null));
      recorder.close(false);
      return { failure: { error }, figures: recorder.figures() };
    }
  });
}

interface Recorder {
  readonly watcher: Watcher;
  begin(step: { readonly revision: string; readonly name: string; readonly direction: Direction }): void;
  /** Ends the step that is under way. */
  close(isDone: boolean): void;
  /** Counts growth from here on. */
  start(space: Space | null): void;
  /** Takes down what the database takes now. */
  look(space: Space | null): void;
  figures(): RunFigures;
}

function createRecorder({ countsPauses, isThrowAway, maxLockMs, onFigures }: RecordOptions): Recorder {
  const done: StepFigures[] = [];
  let open: OpenStep | null = null;
  let start: Space | null = null;
  let last: Space | null = null;
  let most: Growth | null = null;

  const pause = (ms: number) => {
    if (open !== null) open.pausesMs += ms;
  };
  const figures = (): RunFigures => {
    const steps = open === null ? [...done] : [...done, stepOf(open, { isDone: false, countsPauses })];
    return { steps, ms: steps.reduce((sum, { ms }) => sum + ms, 0), growth: most };
  };
  const look = (space: Space | null) => {
    last = space ?? last;
    start ??= last;
    if (start !== null && last !== null) most = largerGrowth(most, growthBetween(start, last));
  };
  const close = (isDone: boolean) => {
    if (open !== null) done.push(stepOf(open, { isDone, countsPauses }));
    open = null;
  };
  return {
    watcher: {
      maxLockMs,
      isThrowAway,
      onBatch(batch) {
        open?.batches.push(batch);
        look(batch.space);
        onFigures?.(figures());
      },
      onPause: countsPauses ? pause : undefined,
    },
    begin({ revision, name, direction }) {
      close(true);
      open = { revision, name, direction, began: performance.now(), base: last, batches: [], pausesMs: 0 };
    },
    close,
    start(space) {
      start = last = space;
      most = null;
    },
    look,
    figures,
  };
}

function stepOf(
  { revision, name, direction, began, base, batches, pausesMs }: OpenStep,
  { isDone, countsPauses }: { readonly isDone: boolean; readonly countsPauses: boolean },
): StepFigures {
  // What was not counted of one batch makes a sum of the others say too little.
  const read = batches.map(({ rowsRead }) => rowsRead).filter((rows) => rows !== null);
  const growths = batches.map(({ space }) =>
    base === null || space === null ? null : growthBetween(base, space)
  );
  return {
    revision,
    name,
    direction,
    ms: performance.now() - began + pausesMs,
    pausesMs: countsPauses ? pausesMs : null,
    batches: batches.length,
    locks: joinLocks(batches.flatMap(({ locks }) => locks)),
    rowsChanged: batches.reduce((sum, { rowsChanged }) => sum + rowsChanged, 0),
    rowsRead: read.length === 0 || read.length < batches.length
      ? null
      : read.reduce((sum, rows) => sum + rows, 0),
    growth: growths.reduce(largerGrowth, null),
    isDone,
  };
}
