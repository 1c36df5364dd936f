import type { HostReference } from "../../engines/backup/engine.ts";
import type { Revision } from "../../history/history.ts";
import { snapshotIfThere } from "../../history/revision_schema.ts";
import type { Snapshot } from "../../schema/snapshot.ts";
import { isOfHost } from "../../sql/table_names.ts";

/** Returns the references to a host's tables that one of the revisions has and `live` lacks, of columns that are there with their values. */
export function hostReferences(revisions: readonly Revision[], live: Snapshot): readonly HostReference[] {
  const found = new Map<string, HostReference>();
  for (const revision of revisions) {
    const snapshot = snapshotIfThere(revision);
    if (snapshot === null) continue;
    for (const { name, foreignKeys } of snapshot.tables) {
      const there = live.tables.find((table) => table.name === name);
      for (const { columns, table: host, references: keys } of foreignKeys) {
        const isThere = columns.every((each) => there?.columns.some(({ name }) => name === each));
        if (!isThere || !isOfHost(host, snapshot)) continue;
        const reference = { table: name, columns, host, keys };
        if (there!.foreignKeys.every((key) => !isSame(reference, key))) {
          found.set(JSON.stringify(reference), reference);
        }
      }
    }
  }
  return [...found.values()];
}

function isSame(
  { host, ...one }: HostReference,
  { table, columns, references }: Snapshot["tables"][number]["foreignKeys"][number],
): boolean {
  return host === table && JSON.stringify([one.columns, one.keys]) === JSON.stringify([columns, references]);
}
