import { HarborError } from "../../base/errors.ts";
import type { Database } from "../../engines/database.ts";
import type { RunContext } from "../../engines/run_context.ts";
import type { Scratch } from "../../engines/scratch.ts";
import type { History } from "../../history/history.ts";
import { schemasOfHistory } from "../../history/revision_schema.ts";
import { type DraftWhole, type Ground, groundBehind, layGround } from "./ground.ts";
import { bringHost } from "./host.ts";
import { createProver, type Prover, type Unfilled } from "./prover.ts";

/** What proving needs of the outside. */
export interface ProofSetting {
  readonly scratch: Scratch;
  readonly version: string;
  readonly signal: AbortSignal;
  now(): Date;
  /** Is told of what stays on the server. */
  readonly notify: RunContext["notify"];
  readonly draftWhole: DraftWhole;
}

/** Begins the walks of one proof, each on a database of its own. */
export interface Beginning {
  /** Works where all that is released has been run, or stands as its snapshot says, see {@link Ground}. */
  withProver(work: (prover: Prover) => Promise<void>): Promise<void>;
  /** What was seen of that so far. */
  readonly seen: { readonly ground: Ground | null; readonly empty: readonly Unfilled[] };
}

/** Makes what begins at the baseline: its scripts are tried first, and its snapshot is taken from where they failed on. */
export function createBeginning(history: History, released: number, setting: ProofSetting): Beginning {
  const baseline = history.revisions[released - 1];
  const seen: { ground: Ground | null; empty: readonly Unfilled[] } = { ground: null, empty: [] };

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
  async function onGround(work: Promise<void>): Promise<void> {
    try {
      await work;
    } catch (error) {
      const { ground } = seen;
      if (ground === null || !(error instanceof HarborError) || error.code !== "not_proven") throw error;
      const words =
        `It was not begun at base, but at what the snapshot of ${ground.revision} says, which has no functions, triggers and rows: the scripts up to it do not run: ${ground.reason}`;
      throw error.with({ hint: [...error.hintLines, words], details: { ground } });
    }
  }

  /** Returns why the scripts do not lead to the baseline, where its snapshot may: what they left is no place to go on. */
  const tryWith = (work: (prover: Prover) => Promise<void>, failure: HarborError | null) =>
    setting.scratch(async (database): Promise<HarborError | null> => {
      const context = contextOf(history, database, setting);
      const prover = createProver(context, await bringHost({ ...context, notify: setting.notify }));
      if (failure !== null) await standOnSnapshot(context, failure);
      try {
        await prover.beginAt(released);
      } catch (error) {
        if (failure !== null || baseline === undefined || !(error instanceof HarborError)) throw error;
        seen.ground = groundBehind(error, baseline, history.host);
        if (seen.ground === null) throw error;
        return error;
      }
      await onGround(work(prover));
      seen.empty = [...seen.empty, ...prover.empty];
      return null;
    }, schemasOfHistory(history));

  let failure: HarborError | null = null;
  return {
    async withProver(work) {
      if (failure === null) failure = await tryWith(work, null);
      if (failure !== null) await tryWith(work, failure);
    },
    seen,
  };
}

/** What is told of each step is for nobody. */
export function contextOf(
  history: History,
  database: Database,
  { version, signal, now }: ProofSetting,
): RunContext {
  return { database, history, version, signal, now, notify: () => {} };
}
