import type { TableForm } from "../form/table.ts";
import type { Demand, Fill, Guard } from "./demands.ts";
import type { NewReference } from "./references.ts";

/** A table whose text in the schema becomes another. */
export interface DefinitionChange {
  readonly before: TableForm;
  readonly after: TableForm;
  /** Those of the script that it stands for. */
  readonly statements: readonly string[];
  readonly fills: readonly Fill[];
  /** With them what the application leaves out. */
  readonly filled: readonly Fill[];
  /** The condition on rows that have to be written anew as they are; `null` without any. */
  readonly short: string | null;
  readonly demands: readonly Demand[];
  readonly references: readonly NewReference[];
  readonly guards: readonly Guard[];
  readonly indexes: {
    /** Those whose rows stay, and their texts. */
    readonly kept: readonly { readonly name: string; readonly from: string; readonly to: string }[];
    readonly dropped: readonly string[];
    readonly made: readonly {
      readonly name: string;
      readonly isUnique: boolean;
      readonly statement: string;
    }[];
  };
}
