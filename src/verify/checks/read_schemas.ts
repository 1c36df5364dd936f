import type { Found } from "../../base/finding.ts";
import { HarborError } from "../../base/errors.ts";
import type { History, Revision } from "../../history/history.ts";
import { normalizeDrizzleSnapshot } from "../../schema/drizzle_snapshot.ts";
import { readKitSnapshot } from "../../schema/kit_snapshot.ts";
import { nameIn } from "../../sql/table_names.ts";
import type { RevisionSchema } from "../../state/rules/match_revision.ts";

/** What the history says of its schemas, as far as it can be read. */
export interface KnownSchemas {
  /** In order. */
  readonly schemas: readonly RevisionSchema[];
  /** Of all tables, in the order of schema.ts. */
  readonly names: readonly string[];
  /** One for each snapshot that cannot be read. */
  readonly unread: readonly Found[];
}

/**
 * Returns what is to be said of snapshots that cannot be read to whoever looks at a database: those of its own revision, all where that
 * is not known. `check` names the others.
 *
 * @param current The revision that it is at; `null` where it is at none, or nobody knows
 */
export function unreadOf({ unread }: KnownSchemas, current: Revision | null): readonly Found[] {
  return unread.filter(({ details }) => current === null || details["revision"] === current.id);
}

/** Reads every revision's schema. One that is missing keeps nobody from looking at the others. */
export function readSchemas({ revisions }: History): KnownSchemas {
  const schemas: RevisionSchema[] = [];
  const unread: Found[] = [];
  const names: string[] = [];
  for (const revision of revisions) {
    try {
      const kit = readKitSnapshot(revision.snapshot());
      schemas.push({ revision: revision.id, snapshot: normalizeDrizzleSnapshot(kit) });
      names.unshift(...Object.values(kit.tables).map(({ name, schema }) => nameIn(schema, name)));
    } catch (error) {
      if (!(error instanceof HarborError)) throw error;
      unread.push({
        status: "warn",
        message:
          `the schema of revision ${revision.id} is not known, so what it alone makes was not checked: ${error.message}`,
        hint: error.hint ?? null,
        details: { revision: revision.id, notChecked: [`schema of ${revision.id}`] },
      });
    }
  }
  return { schemas, names: [...new Set(names)], unread };
}
