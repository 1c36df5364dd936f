/**
 * What a file of settings may say: the long names of options that an operator would otherwise repeat. None of those that
 * answer a question or choose what a single run does.
 */
export const settingNames: readonly string[] = [
  "database-url",
  "database-url-file",
  "dir",
  "trust-owner",
  "lock-wait",
  "backup-dir",
  "backup-engine",
  "compress",
  "encrypt-to",
  "identity",
  "copy-to",
  "after-backup",
  "before",
  "after",
  "hook-timeout",
  "health-url",
  "health-timeout",
  "keep-last",
  "keep-daily",
  "keep-weekly",
  "keep-monthly",
  "max-backup-age",
  "max-duration",
  "restore-drill",
  "restore-on-failure",
  "max-lock",
  "max-time",
  "max-disk",
  "queries",
  "strict",
  "report",
  "prometheus",
  "log",
  "ping",
  "at",
  "user",
  "on-failure",
];

/** Those that say where the database is: one of the two. */
export const urlNames: readonly string[] = ["database-url", "database-url-file"];

/** Those that hold a path, which is meant from the file's own folder. */
export const pathNames: readonly string[] = [
  "database-url-file",
  "dir",
  "backup-dir",
  "identity",
  "report",
  "prometheus",
  "log",
];
