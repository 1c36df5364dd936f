import type { BackfillResult } from "./backfill.ts";
import type { Direction } from "../history/applied.ts";
import type { ScriptSource } from "./rules/plan.ts";

/** A step that ran to its end. */
export interface StepResult {
  readonly revision: string;
  readonly name: string;
  readonly direction: Direction;
  /** Where its script came from. */
  readonly source: ScriptSource;
  /** Of steps that shared a transaction, each has its share. */
  readonly ms: number;
  readonly backfills: readonly BackfillResult[];
}
