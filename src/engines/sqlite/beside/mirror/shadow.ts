import type { BesideFile } from "../../database.ts";
import type { Mirror } from "./mirror.ts";

/** A mirror, and what is done with it when it is filled. */
export interface Shadow extends Mirror {
  /** What it becomes, for people: `index a`. */
  readonly name: string;
  /** Makes the mirror and the indexes on it. */
  readonly make: readonly string[];
  /** Puts it in its place, in the transaction after which it is there. `sqlite_schema` may be written. */
  put(file: BesideFile): void;
}
