import { readDrizzleTables } from "../../engines/drizzle_table.ts";
import { openDatabase } from "../../engines/open/database.ts";
import { readAlembicVersions, readApplied } from "../../engines/version_table.ts";
import type { App } from "../../cli/app.ts";

/** What a database says that it has. */
export interface AppliedRevisions {
  readonly url: string;
  /** By harbor-db's version table, or Alembic's. */
  readonly revisions: ReadonlySet<string>;
  /** Checksums of scripts that drizzle's own migrator ran. */
  readonly checksums: ReadonlySet<string>;
}

/** Returns what the database has applied, by whichever program; `null` when there is no database. */
export async function readAppliedRevisions(
  { databaseUrl, isAbsent, system }: App,
): Promise<AppliedRevisions | null> {
  if (isAbsent()) return null;
  const url = databaseUrl();
  const database = await openDatabase(url, { client: system.client, access: "read" });
  try {
    const rows = await readApplied(database) ?? [];
    return {
      url: url.display,
      revisions: new Set([
        ...rows.map((row) => row.revision),
        ...await readAlembicVersions(database) ?? [],
      ]),
      checksums: new Set(
        (await readDrizzleTables(database)).flatMap((table) => table.rows.map(({ hash }) => hash)),
      ),
    };
  } finally {
    await database.close();
  }
}
