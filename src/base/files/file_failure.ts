import { HarborError, messageOf } from "../errors.ts";
import { isNoSpace, limitRemedy } from "./limit_remedy.ts";

/**
 * Turns what the system said while files were copied into a {@link HarborError}: `disk_full` or `backup_failed`.
 * Returns anything else as it is: a defect of ours has to look like one.
 *
 * @param name What was copied, as it may be shown
 */
export function fileFailure(name: string, error: unknown): unknown {
  if (error instanceof HarborError || !(error instanceof Error)) return error;
  const { code = "", path } = error as NodeJS.ErrnoException;
  if (!/^E[A-Z]+$/.test(code)) return error;
  const isFull = isNoSpace(error);
  // What is reached through an open folder has a path that nobody can look at.
  const place = path === undefined || path.startsWith("/proc/") ? "" : ` ("${path}")`;
  return new HarborError(
    isFull ? "disk_full" : "backup_failed",
    `Cannot copy "${name}": ${messageOf(error)}${place}`,
    {
      hint: isFull
        ? "Free some space, or put backups on another device: --backup-dir <dir>"
        : limitRemedy(error) ??
          "The database is as it was. Look what stands there, or use another folder: --backup-dir <dir>",
      cause: error,
    },
  );
}
