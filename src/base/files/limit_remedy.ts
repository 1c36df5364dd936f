const remedies: Readonly<Record<string, string>> = {
  ENOSPC: "Free some space on its device.",
  EDQUOT: "Free some space of this user's, or raise the quota: quota.",
  EFBIG: "Let this user write longer files: ulimit -f.",
  EMFILE: "Let a process have more files open: ulimit -n.",
  EIO: "Look for a failing disk: dmesg.",
};

/** SQLite's own words, which not every runtime gives with a result code. */
const sqliteIsFull = /database or disk is full/i;

/** Returns what helps where the system refused something at a limit, or its device failed; `null` where it was not that. */
export function limitRemedy(error: unknown): string | null {
  const { code = "", message = "" } = (error ?? {}) as NodeJS.ErrnoException;
  return remedies[sqliteIsFull.test(message) ? "ENOSPC" : code] ?? null;
}

/** Whether this machine's disk, or what the user may use of it, is full. */
export function isNoSpace({ code }: NodeJS.ErrnoException): boolean {
  return code === "ENOSPC" || code === "EDQUOT" || code === "EFBIG";
}
