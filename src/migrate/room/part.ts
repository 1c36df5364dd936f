import type { BesideChange } from "../../engines/beside.ts";
import type { Dialect } from "../../base/dialect.ts";
import type { Step } from "../rules/plan.ts";
import { effectsOf } from "../rules/statement_effects.ts";

/** Statements of a step that commit together, or are a backfill. */
export interface Part {
  readonly step: Step;
  readonly texts: readonly string[];
  /** What changes a large table beside its writers; `null` where it is one transaction, or a backfill. */
  readonly beside: BesideChange | null;
  readonly isBackfill: boolean;
}

/** Whether the text of a part tells all that goes of tables. */
export function tellsWhatGoes({ texts }: Pick<Part, "texts">, dialect: Dialect): boolean {
  return texts.flatMap((text) => effectsOf(text, dialect))
    .every(({ kind }) => kind !== "fewer rows" && kind !== "hidden");
}
