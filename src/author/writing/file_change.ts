import { basename, dirname, join } from "node:path";

/** A file to write, by its path in the folder. */
export interface FileChange {
  readonly path: string;
  /** `null` removes it. */
  readonly text: string | null;
  /** What it holds now, as it was read; `null` when there must be no such file. */
  readonly before: string | null;
}

export const temporaryEnding = ".harbor-db-new";

/** Returns where a file's text lies until the file gets it. */
export function temporaryOf(target: string): string {
  return join(dirname(target), `.${basename(target)}${temporaryEnding}`);
}
