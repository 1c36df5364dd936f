import type { BackfillResult } from "./backfill.ts";
import type { KeptResult } from "../kept/keeper.ts";
import type { ReturnedResult } from "../kept/settle_return.ts";
import type { Direction } from "../../history/applied.ts";
import type { ScriptSource } from "../rules/plan.ts";

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
  /** What it would have destroyed, and was put aside. */
  readonly kept: readonly KeptResult[];
  /** What had been kept when it was undone, and was put back. */
  readonly returned: readonly ReturnedResult[];
}
