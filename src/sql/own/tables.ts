/** The tables in which harbor-db keeps account beside the application's, and of which there is one each. */
export const ownTableNames: readonly string[] = [
  "harbor_version",
  "harbor_backfill",
  "harbor_lock",
  "harbor_identity",
  "harbor_drift",
  "harbor_kept",
  "harbor_ledger",
  "harbor_beside",
];

/** What numbered tables of harbor-db's own are called: of kept data, and of changes beside writers. */
export const sideTablePattern = "harbor_kept_[0-9]{1,9}(_places)?";
export const aheadPattern = "harbor_ahead_[0-9]{1,9}(_noted)?";
const besidePatterns = ["harbor_keeping_[0-9]{1,9}", "harbor_beside_[0-9]{1,9}(_changed)?"];

/** A pattern of all of them. */
export const numberedPattern = [sideTablePattern, aheadPattern, ...besidePatterns].join("|");

const [side, beside, numbered] = [[sideTablePattern], besidePatterns, [numberedPattern]].map((patterns) =>
  new RegExp(`^(?:${patterns.join("|")})$`)
) as [RegExp, RegExp, RegExp];

/** Whether a table is called, to the letter, as one of harbor-db's own. In lower case, where the engine takes capitals for the same. */
export function isOwnTable(name: string): boolean {
  return ownTableNames.includes(name) || numbered.test(name);
}

/** Whether it is called as a side table of kept data, which has numbered rows. */
export function isSideTable(name: string): boolean {
  return side.test(name);
}

/** Whether it is called as a table of a change beside writers on SQLite, which is on record. */
export function isBesideTable(name: string): boolean {
  return beside.test(name);
}
