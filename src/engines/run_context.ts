import type { History } from "../history/history.ts";
import type { Database } from "./database.ts";
import type { Scratch } from "./scratch.ts";

/** What every verb works with: the database, the history and the outside world. */
export interface RunContext {
  readonly database: Database;
  readonly history: History;
  /** This harbor-db, as it is recorded: `0.1.0`. */
  readonly version: string;
  /** Aborted when the user asks to stop; verbs stop after the batch that is running. */
  readonly signal: AbortSignal;
  now(): Date;
  /** Returns where scripts can be tried on the database's own server, see `openAside`; left out where there is nothing to try. */
  readonly openScratch?: () => Promise<Scratch | null>;
  /** Tells the user about something that happens while a verb runs. */
  readonly notify: (event: RunEvent) => void;
}

/** Something that happens while a verb runs, for the screen and nothing else. */
export type RunEvent =
  | { readonly kind: "waiting"; readonly owner: string }
  | { readonly kind: "note"; readonly text: string }
  | {
    readonly kind: "step";
    readonly id: string;
    readonly name: string;
    readonly direction: "upgrade" | "downgrade";
    /** What is said of it; else the direction, the id and the name. */
    readonly words?: string;
  }
  /** From now on something is done that may take a moment. `isFree`: by somebody else, who is waited for. */
  | { readonly kind: "doing"; readonly text: string; readonly isFree?: true }
  /** What was under way is over. */
  | { readonly kind: "done" }
  | {
    readonly kind: "share";
    /** The piece of work: `backup`. */
    readonly work: string;
    /** What is being done of it: `copying`. */
    readonly action: string;
    /** How much of the whole work is done, from 0 to 1. It never falls. */
    readonly share: number;
    readonly elapsedMs: number;
  }
  | {
    readonly kind: "backfill";
    readonly table: string;
    /** Rows that this run has passed. */
    readonly passed: number;
    /** How much of the way is done, from 0 to 1; `null` when that cannot be known. It never falls. */
    readonly share: number | null;
    /** The most rows of the next batch. */
    readonly batchRows: number;
    /** For how long the longest batch kept its locks, in milliseconds. */
    readonly longestBatchMs: number;
    readonly elapsedMs: number;
  };
