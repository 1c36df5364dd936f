const remedies: Readonly<Record<string, string>> = {
  ENOSPC: "Free some space on its device.",
  EDQUOT: "Free some space of this user's, or raise the quota: quota.",
  EFBIG: "Let this user write longer files: ulimit -f.",
  EMFILE: "Let a process have more files open: ulimit -n.",
};

/** Returns what helps where the system refused something at a limit; `null` where it was not that. */
export function limitRemedy(error: unknown): string | null {
  const { code = "" } = (error ?? {}) as NodeJS.ErrnoException;
  return remedies[code] ?? null;
}
