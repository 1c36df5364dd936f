import type { BesideFile } from "../../database.ts";
import type { Mirror } from "./mirror.ts";

/** A mirror, and what is done with it when it is filled. */
export interface Shadow extends Mirror {
  /** What it becomes, for people: `index a`. */
  readonly name: string;
  /** Makes the mirror and the indexes on it. */
  readonly make: readonly string[];
  /**
   * Puts it in its place, in the transaction after which it is there. `sqlite_schema` may be written.
   *
   * @param oldName What the table is called from then on whose place it takes
   */
  put(file: BesideFile, oldName: string): void;
}
