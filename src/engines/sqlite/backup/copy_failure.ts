import { HarborError } from "../../../base/errors.ts";
import { fileFailure } from "../../../base/files/file_failure.ts";
import { failureCode, failureHint } from "../errors.ts";
import { resultCode } from "../open_file.ts";

/** Turns what SQLite or the system said while a copy was made into a {@link HarborError}; returns anything else as it is. */
export function copyFailure(url: string, error: unknown): unknown {
  if (error instanceof HarborError || !(error instanceof Error)) return error;
  const { code: thrown = "" } = error as NodeJS.ErrnoException;
  if (resultCode(error) === undefined && !thrown.startsWith("ERR_SQLITE")) return fileFailure(url, error);
  const known = failureCode(error.message, resultCode(error));
  const code = known === "statement_failed" ? "backup_failed" : known;
  return new HarborError(code, `Cannot copy "${url}": ${error.message}`, {
    hint: code === "disk_full"
      ? "Free some space, or put backups on another device: --backup-dir <dir>"
      : failureHint(error.message, resultCode(error)) ?? "The database is as it was.",
    cause: error,
  });
}
