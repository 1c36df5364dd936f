import type { History } from "../history/history.ts";
import { unfold } from "../history/unfold.ts";
import type { Database } from "./database.ts";
import { readDrizzleTables } from "./drizzle_table.ts";
import { readAlembicVersions, readApplied } from "./version_table.ts";

/** Returns the history as a database is to go through it, which differs where revisions were squashed. Reads only. */
export async function historyFor(database: Database, history: History): Promise<History> {
  if (history.covered === undefined) return history;
  const applied = await readApplied(database);
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
