import type { DraftStatement } from "../draft_statement.ts";

/** The order in which a change can run while the application goes on working. */
export const phases = [
  // A value of an enum type can be used once it is committed.
  "value",
  // One transaction of statements that need their lock for a moment only.
  "change",
  "fill",
  "guard",
  "refill",
  // After the rows are filled, which then has no index to keep.
  "index",
  "validate",
  "settle",
  // What refers to a key that is there only then.
  "refer",
  "drop",
  // After the defaults that take numbers from it.
  "drop sequence",
  // After the tables that have it.
  "drop type",
] as const;
type Phase = typeof phases[number];
/** A statement of the script with the phase in which it runs. */
export type Placed = readonly [Phase, DraftStatement];
