import { readDrizzleTables } from "../../engines/drizzle_table.ts";
import { openDatabase } from "../../engines/open/database.ts";
import { readAlembicVersions, readApplied } from "../../engines/version_table.ts";
import type { AppliedRevisions } from "../../author/rebase/request.ts";
import type { App } from "../../cli/app.ts";
import { prefixOf } from "../../history/revision_name.ts";

/** Returns what the database has applied, by whichever program; `null` when there is no database. */
export async function readAppliedRevisions(
  { databaseUrl, isAbsent, system }: App,
): Promise<AppliedRevisions | null> {
  if (isAbsent()) return null;
  const url = databaseUrl();
  const database = await openDatabase(url, { client: system.client, access: "read" });
  try {
    const rows = await readApplied(database) ?? [];
    const names = new Set([...rows.map((row) => row.revision), ...await readAlembicVersions(database) ?? []]);
    const hashes = new Set(
      (await readDrizzleTables(database)).flatMap((table) => table.rows.map(({ hash }) => hash)),
    );
    return {
      url: url.display,
      // A tag with the same prefix that came or went since makes another id.
      has: ({ id, tag, checksums }) =>
        names.has(id) || names.has(tag) || checksums.some((each) => hashes.has(each)) ||
        rows.some((row) => row.revision === prefixOf(tag) && checksums.includes(row.checksum)),
    };
  } finally {
    await database.close();
  }
}
