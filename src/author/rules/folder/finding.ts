import { HarborError } from "../../../base/errors.ts";
import type { Finding } from "../../../base/finding.ts";
import { quoteForShell } from "../../../base/quote_shell.ts";

/** What can be found wrong with the files of a history. */
export type HistoryCheck = "journal" | "files" | "edited" | "branches" | "snapshot" | "script" | "downgrade";

/** What `check` looks for: in the files, and in what they say. */
export type ProjectCheck = HistoryCheck | "syntax" | "hazard" | "dialects" | "schema" | "releases" | "proof";

/** What `check` finds. */
export type ProjectFinding = Finding & { readonly check: ProjectCheck };

/** Adds what is wrong with a file, and the remedy. */
export type Add = (
  check: HistoryCheck,
  where: {
    readonly path: string;
    readonly line?: number | null;
    readonly revision?: string;
    readonly isLost?: true;
    readonly status?: "warn";
  },
  message: string,
  hint: string,
) => void;

/** What brings a file back; see {@link withGit}, which knows whether git has it. */
export const restore = (path: string) => `git checkout -- ${quoteForShell(path)}`;

/** Returns what `work` does; `undefined` where it refuses, which `failed` is told. */
export function attempt<T>(work: () => T, failed: (error: HarborError) => void): T | undefined {
  try {
    return work();
  } catch (error) {
    if (!(error instanceof HarborError)) throw error;
    failed(error);
    return undefined;
  }
}
