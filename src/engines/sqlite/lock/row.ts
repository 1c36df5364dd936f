import type { RowOf } from "../../../base/row_form.ts";
import type { Client, LockHolder } from "../../database.ts";
import { ownerName } from "../../../base/lock_error.ts";
import type { SqliteStatement, SqliteValue } from "../connection/statement.ts";

/** How long a holder that falls silent keeps the lock, in seconds. */
const leaseSeconds = 30;

/**
 * Whether a lease has run out, or ends later than any that the engine's clock gave: a wrong clock wrote that, and it would
 * hold for years. As much again is for clocks of two machines that differ; a living holder renews its lease by then.
 */
const isOver = `(expires_at <= unixepoch('subsec') OR expires_at > unixepoch('subsec') + ${
  2 * leaseSeconds
})`;

/** The one row, and whether its lease has run out. */
export const lockForm = {
  token: "text",
  owner: "text",
  pid: "number?",
  process_space: "text?",
  acquired_at: "number?",
  expired: "integer",
} as const;
export type LockRow = RowOf<typeof lockForm>;

/** Makes the table and its row where they are not there. */
export const createLock: readonly SqliteStatement[] = [
  statement(`CREATE TABLE IF NOT EXISTS harbor_lock (
  id INTEGER PRIMARY KEY NOT NULL CHECK (id = 1),
  token TEXT NOT NULL DEFAULT '',
  owner TEXT NOT NULL DEFAULT '',
  host TEXT,
  pid INTEGER,
  process_space TEXT,
  acquired_at REAL,
  expires_at REAL NOT NULL DEFAULT 0
)`),
  statement("INSERT OR IGNORE INTO harbor_lock (id) VALUES (1)"),
];

/** Reads the {@link LockRow}. */
export const readLock: SqliteStatement = statement(
  `SELECT token, owner, pid, process_space, acquired_at, ${isOver} AS expired
FROM harbor_lock WHERE id = 1`,
);

/**
 * Takes the lock when it is free, has expired or has the token `dead`. The condition is checked and the row changed in
 * one statement, so that of many only one gets it.
 */
export function takeLock(client: Client, token: string, dead: string): SqliteStatement {
  return statement(
    `UPDATE harbor_lock SET token = ?, owner = ?, host = ?, pid = ?, process_space = ?, acquired_at = unixepoch('subsec'), expires_at = unixepoch('subsec') + ${leaseSeconds}
WHERE id = 1 AND (token IN ('', ?, ?) OR ${isOver})`,
    [
      token,
      ownerName(client),
      client.host,
      BigInt(client.pid),
      client.processSpace,
      // Its own token too: a server may have run the first attempt and lost the answer.
      token,
      dead,
    ],
  );
}

/**
 * Renews the lease and puts `next` in place of `token`. Fails on its own, NOT NULL, whenever the row does not hold
 * `token` or is not there: an UPDATE would find no row and let the batch pass.
 */
export function fenceLock(token: string, next: string): SqliteStatement {
  return statement(
    `INSERT INTO harbor_lock (id, token, expires_at) VALUES (1, (SELECT ? FROM harbor_lock WHERE id = 1 AND token = ?), unixepoch('subsec') + ${leaseSeconds})
ON CONFLICT (id) DO UPDATE SET token = excluded.token, expires_at = excluded.expires_at`,
    [next, token],
  );
}

/** Puts the end of the lease off. Of a batch under way nobody knows yet which of the two tokens it leaves. */
export function renewLock(token: string, next: string): SqliteStatement {
  return statement(
    `UPDATE harbor_lock SET expires_at = unixepoch('subsec') + ${leaseSeconds} WHERE id = 1 AND token IN (?, ?)`,
    [token, next],
  );
}

/** What a free lock's row has in its columns, as UPDATE sets them. */
export const freedLock =
  "token = '', owner = '', host = NULL, pid = NULL, process_space = NULL, acquired_at = NULL, expires_at = 0";

/** Empties the row, unless somebody else has taken it over. */
export function freeLock(token: string): SqliteStatement {
  return statement(
    `UPDATE harbor_lock SET ${freedLock}
WHERE id = 1 AND token = ?`,
    [token],
  );
}

/** Puts another token in place of one that may still be about in a batch under way. */
export function replaceToken(old: string, fresh: string): SqliteStatement {
  return statement("UPDATE harbor_lock SET token = ? WHERE id = 1 AND token = ?", [fresh, old]);
}

/** Returns who the row names. */
export function holderOf(row: LockRow): LockHolder | undefined {
  if (row.token === "") return undefined;
  // Whatever somebody wrote there.
  const since = new Date(row.acquired_at === null ? NaN : Number(row.acquired_at) * 1000);
  return { owner: String(row.owner), since: Number.isNaN(since.getTime()) ? null : since.toISOString() };
}

function statement(text: string, values: readonly SqliteValue[] = []): SqliteStatement {
  return { text, values };
}
