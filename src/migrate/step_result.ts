import type { BackfillResult } from "./backfill.ts";
import type { Direction } from "../history/applied.ts";

/** A step that ran to its end. */
export interface StepResult {
  readonly revision: string;
  readonly name: string;
  readonly direction: Direction;
  /** Of steps that shared a transaction, each has its share. */
  readonly ms: number;
  readonly backfills: readonly BackfillResult[];
}
