import { HarborError } from "../../../base/errors.ts";
import { isNoSpace } from "../../../base/files/no_space.ts";
import { failureCode } from "../errors.ts";
import { resultCode } from "../open_file.ts";

/** Turns what SQLite or the system said while a copy was made into a {@link HarborError}; returns anything else as it is. */
export function copyFailure(url: string, error: unknown): unknown {
  if (error instanceof HarborError || !(error instanceof Error)) return error;
  const { message } = error;
  // Anything else is a defect of ours, and has to look like one.
  const { code: thrown = "" } = error as NodeJS.ErrnoException;
  if (resultCode(error) === undefined && !/^(E[A-Z]+|ERR_SQLITE.*)$/.test(thrown)) return error;
  const known = isNoSpace(error) ? "disk_full" : failureCode(message, resultCode(error));
  const code = known === "statement_failed" ? "backup_failed" : known;
  return new HarborError(code, `Cannot copy "${url}": ${message}`, {
    hint: code === "disk_full"
      ? "Free some space, or put backups on another device: --backup-dir <dir>"
      : "The database is as it was.",
    cause: error,
  });
}
