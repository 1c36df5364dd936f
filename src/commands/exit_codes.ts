/** What each exit code means. */
export const exitCodes = [
  [0, "done or nothing to do"],
  [1, "failed"],
  [2, "wrong command line, configuration or history"],
  [3, "something needs attention"],
  [4, "refused"],
  [5, "locked by another harbor-db"],
  [130, "interrupted"],
] as const;
