import type { History } from "./history.ts";

/**
 * Says whether the text of any revision's snapshot may name a schema beside the default one. Snapshots of a long history take their
 * time to read, and most name none.
 */
export function namesSchemas({ revisions, covered = [] }: History): boolean {
  return [...covered, ...revisions].some((revision) => revision.namesSchema());
}
