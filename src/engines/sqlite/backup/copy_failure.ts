import { HarborError, messageOf } from "../../../base/errors.ts";
import { fileFailure } from "../../../base/files/file_failure.ts";
import { limitRemedy } from "../../../base/files/limit_remedy.ts";
import { judgeFailure } from "../connection/errors.ts";
import { resultCode } from "../connection/open_file.ts";

/**
 * Turns what SQLite or the system said while a copy was made into a {@link HarborError}; returns anything else as it is.
 *
 * @param paths The files that were used, see {@link judgeFailure}
 */
export function copyFailure(url: string, error: unknown, paths: readonly string[] = []): unknown {
  if (error instanceof HarborError || !(error instanceof Error)) return error;
  const { code: thrown = "" } = error as NodeJS.ErrnoException;
  if (resultCode(error) === undefined && !thrown.startsWith("ERR_SQLITE")) return fileFailure(url, error);
  const { code: known, hint, fullFolder } = judgeFailure(error.message, resultCode(error), paths);
  const code = known === "statement_failed" ? "backup_failed" : known;
  return new HarborError(code, `Cannot copy "${url}": ${error.message}`, {
    hint: code === "disk_full" && fullFolder === undefined
      ? "Free some space, or put backups on another device: --backup-dir <dir>"
      : hint ?? "The database is as it was.",
    cause: error,
  });
}

/** Returns the error for what fails behind the last step of a restore: the database is not as it was. */
export function notConfirmed(url: string, error: unknown): HarborError {
  return new HarborError("file_failed", `Cannot confirm "the restore of ${url}"`, {
    state: messageOf(error),
    hint: [
      "The backup is in its place. Whether it is after a crash of this machine, is not known.",
      ...[limitRemedy(error)].filter((remedy) => remedy !== null),
    ],
    details: { committed: "unknown" },
    cause: error,
  });
}
