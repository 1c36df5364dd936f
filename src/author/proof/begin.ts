import type { Dialect } from "../../base/dialect.ts";
import { HarborError } from "../../base/errors.ts";
import type { Database } from "../../engines/database.ts";
import type { RunContext } from "../../engines/run_context.ts";
import type { CopiedScratch } from "../../engines/scratch.ts";
import type { History } from "../../history/history.ts";
import { schemasOfHistory } from "../../history/revision_schema.ts";
import { type DraftWhole, type Ground, groundBehind, layGround } from "./ground.ts";
import { bringHost, type Brought } from "./host.ts";
import { beginAt, createProver, goOn, type Prover, type Start, type Unfilled } from "./prover.ts";
import { replay } from "./replay.ts";

/** What proving needs of the outside. */
export interface ProofSetting {
  readonly scratch: CopiedScratch;
  readonly version: string;
  readonly signal: AbortSignal;
  now(): Date;
  readonly draftWhole: DraftWhole;
}

/** What of the scripts of a dialect is not proven, as a sentence: it would have changed more than a scratch database. */
export interface NotRun {
  readonly dialect: Dialect;
  readonly text: string;
}

/** Returns what the proofs on these settings did not run. */
export function notRunOn(settings: ReadonlyMap<Dialect, ProofSetting>): readonly NotRun[] {
  return [...settings].flatMap(([dialect, { scratch }]) =>
    [...scratch.notRun].map((text) => ({ dialect, text: `not proven: ${text}` }))
  );
}

/** Begins the walks of one proof, each on a database of its own. */
export interface Beginning {
  /** Works where all that is released has been run, or stands as its snapshot says, see {@link Ground}. */
  fromReleased(work: WalksOf): Promise<void>;
  /** Works where that and what several walks go past first has been run. */
  withProver(work: WalksOf): Promise<void>;
  /** What was seen of that so far. */
  readonly seen: { readonly ground: Ground | null; readonly empty: readonly Unfilled[] };
}

type WalksOf = (prover: Prover) => Promise<void>;

/** Where walks begin. */
interface Places {
  /** How many revisions are released: their scripts are tried first, and the last one's snapshot is taken from where they failed on. */
  readonly released: number;
  /** The place of the history that several walks go past first, and so only once; `null` where there is only one walk. */
  readonly shared: number | null;
}

/** Runs work with what begins walks. */
export async function withBeginning<T>(
  history: History,
  { released, shared }: Places,
  setting: ProofSetting,
  work: (beginning: Beginning) => Promise<T>,
): Promise<T> {
  const baseline = history.revisions[released - 1];
  const schemas = schemasOfHistory(history);
  const seen: { ground: Ground | null; empty: readonly Unfilled[] } = { ground: null, empty: [] };
  /** Whether the scripts alone may lead where walks begin. */
  let mayReplay = true;
  /** Why the scripts do not lead to the baseline, where its snapshot may. */
  let failure: HarborError | null = null;

  async function standOnSnapshot(context: RunContext, failure: HarborError): Promise<void> {
    try {
      await layGround(context, { baseline: baseline!, draftWhole: setting.draftWhole });
    } catch (error) {
      if (!(error instanceof HarborError) || error.code === "interrupted") throw error;
      const more = `Nor can its schema be made from the snapshot of ${baseline!.id}: ${error.message}`;
      throw failure.with({ hint: [...failure.hintLines, more] });
    }
  }

  /** What fails there may lack what only the scripts would have made. */
  async function onGround<R>(work: Promise<R>): Promise<R> {
    try {
      return await work;
    } catch (error) {
      const { ground } = seen;
      if (ground === null || !(error instanceof HarborError) || error.code !== "not_proven") throw error;
      const words =
        `It was not begun at base, but at what the snapshot of ${ground.revision} says, which has no functions, triggers and rows: the scripts up to it do not run: ${ground.reason}`;
      throw error.with({ hint: [...error.hintLines, words], details: { ground } });
    }
  }

  /** Goes to the baseline; returns `null` where its snapshot is to be tried: what the scripts left is no place to go on. */
  async function arriveAtBaseline(context: RunContext, brought: Brought): Promise<Start | null> {
    if (failure !== null) await standOnSnapshot(context, failure);
    try {
      return await beginAt(context, brought, released);
    } catch (error) {
      if (failure !== null || baseline === undefined || !(error instanceof HarborError)) throw error;
      seen.ground = groundBehind(error, baseline, history.host);
      if (seen.ground === null) throw error;
      failure = error;
      return null;
    }
  }

  /** Goes to a place that is not before the baseline; returns `null` where another way there is to be tried, in a new database. */
  async function arrive(database: Database, place: number): Promise<Start | null> {
    const context = contextOf(history, database, setting);
    const brought = await bringHost(context);
    if (mayReplay && place > 0) {
      const start = await replay(context, { place, brought });
      mayReplay = start !== null;
      return start;
    }
    const start = await arriveAtBaseline(context, brought);
    return start === null || place === released ? start : await onGround(goOn(context, start, place));
  }

  async function walkFrom(database: Database, start: Start, work: WalksOf): Promise<void> {
    const prover = createProver(contextOf(history, database, setting), start);
    await onGround(work(prover));
    seen.empty = [...seen.empty, ...prover.empty];
  }

  /** Runs what is to be tried in one way after the other; it says whether it arrived where walks begin. */
  async function byAny<R>(attempt: () => Promise<{ readonly result: R } | null>): Promise<R> {
    for (;;) {
      const done = await attempt();
      if (done !== null) return done.result;
    }
  }

  const fromReleased = (work: WalksOf) =>
    byAny(() =>
      setting.scratch(async (database) => {
        const start = await arrive(database, released);
        return start && { result: await walkFrom(database, start, work) };
      }, schemas)
    );

  if (shared === null) return await work({ fromReleased, withProver: fromReleased, seen });
  return await byAny(() =>
    setting.scratch.after(
      (database) => arrive(database, shared),
      async (copies, start) =>
        start && {
          result: await work({
            fromReleased,
            withProver: (work) => copies((database) => walkFrom(database, start, work), schemas),
            seen,
          }),
        },
      schemas,
    )
  );
}

/** What is told of each step is for nobody. */
export function contextOf(
  history: History,
  database: Database,
  { version, signal, now }: ProofSetting,
): RunContext {
  return { database, history, version, signal, now, notify: () => {} };
}
