import { HarborError } from "../base/errors.ts";
import type { History } from "../history/history.ts";
import { unfold } from "../history/unfold.ts";
import { needsLedger } from "../history/ledger/needs_ledger.ts";
import type { Database } from "./database.ts";
import { readAlembicVersions, readApplied, readAppliedIn } from "./version_table.ts";

/**
 * Returns the history as a database is to go through it, which differs where revisions were squashed, and where the
 * database has some that only its ledger knows. Reads only. What keeps the database from being read is for the command to
 * meet, which may be there to mend it.
 *
 * @throws {HarborError} `interrupted`
 */
export async function historyFor(database: Database, history: History): Promise<History> {
  try {
    return await withOwnRevisions(database, await unfolded(database, history));
  } catch (error) {
    if (error instanceof HarborError && error.code !== "interrupted") return history;
    throw error;
  }
}

async function withOwnRevisions(database: Database, history: History): Promise<History> {
  const applied = await readAppliedIn({ database, history });
  if (applied === null || !needsLedger(history, applied)) return history;
  const [{ withLedger }, { readLedger }] = await Promise.all([
    import("../history/ledger/with_ledger.ts"),
    import("./ledger.ts"),
  ]);
  return withLedger(history, applied, await readLedger(database) ?? []);
}

async function unfolded(database: Database, history: History): Promise<History> {
  if (history.covered === undefined) return history;
  const [applied, { readDrizzleTables }] = await Promise.all([
    readApplied(database),
    import("./drizzle_table.ts"),
  ]);
  const others = applied === null
    ? [
      ...await readAlembicVersions(database) ?? [],
      ...(await readDrizzleTables(database)).flatMap(({ rows }) => rows.map(({ hash }) => hash)),
    ]
    : [];
  const names = new Set([
    ...(applied ?? []).flatMap(({ revision, checksum }) => [revision, checksum]),
    ...others,
  ]);
  const isForeign = applied === null && names.size === 0 && (await database.introspect()).tables.length > 0;
  return unfold(history, { names, isForeign });
}
