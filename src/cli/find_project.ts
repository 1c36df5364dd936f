import { existsSync, statSync } from "node:fs";
import { dirname, join } from "node:path";
import { HarborError } from "../base/errors.ts";
import { currentUser } from "../base/files/open_folder.ts";
import { quoteForShell } from "../base/quote_shell.ts";

/** What makes a folder a project of its own. Looked for one by one, since a folder may hold very many files. */
const marks = [
  "schema.ts",
  ...["ts", "js", "mjs", "cjs", "mts", "cts", "json"].map((end) => `drizzle.config.${end}`),
];

/**
 * Returns the `drizzle/` folder of the project that a folder is, or is in; `null` outside of one. A folder with
 * `schema.ts` or a `drizzle.config` is a project whether it has a history or not; one around it is when it has.
 */
export function findProjectHistory(cwd: string): string | null {
  for (let folder = cwd;; folder = dirname(folder)) {
    const history = join(folder, "drizzle");
    if (isMarked(folder) && (folder === cwd || isOurs(folder) && isOurs(history))) return history;
    if (folder === dirname(folder)) return null;
  }
}

/**
 * Refuses to take a project's history when there is none, or when somebody else's scripts would run with this user's
 * rights.
 *
 * @throws {HarborError} `bad_history` or `unsafe_path`
 */
export function refuseUnlessUsable(history: string): void {
  if (!existsSync(history)) {
    throw new HarborError(
      "bad_history",
      `Cannot read the history in "${history}": there is no such folder, and the one around it is a project`,
      {
        hint: [
          'To write its first revision: harbor-db generate "Initial schema"',
          "Where its history is elsewhere: --dir <dir>",
          "For the history that is built in: run it in a folder without schema.ts and drizzle.config",
        ],
      },
    );
  }
  if (isOurs(history) && isOurs(dirname(history))) return;
  throw new HarborError(
    "unsafe_path",
    `Cannot read the history in "${history}": it is another user's, whose scripts would run with your rights`,
    { hint: `When you trust them: --dir ${quoteForShell(history)}` },
  );
}

function isMarked(folder: string): boolean {
  return marks.some((name) => existsSync(join(folder, name)));
}

/** Whether something is there that is this user's or root's. */
export function isOurs(path: string): boolean {
  const stat = statSync(path, { throwIfNoEntry: false });
  const user = currentUser();
  return stat !== undefined && (user === undefined || stat.uid === user || stat.uid === 0);
}
