import type { Found } from "../../base/finding.ts";
import { HarborError } from "../../base/errors.ts";
import { counted } from "../../base/quantity.ts";
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
  /** One for each snapshot that cannot be read, in order. */
  readonly unread: readonly UnreadSchema[];
}

interface UnreadSchema {
  readonly revision: string;
  readonly error: HarborError;
}

/**
 * Returns what is to be said of snapshots that cannot be read to whoever looks at a database: those of its own revision, all where that
 * is not known, in one finding. `check` names the others.
 *
 * @param current The revision that it is at; `null` where it is at none, or nobody knows
 */
export function unreadOf({ unread }: KnownSchemas, current: Revision | null): readonly Found[] {
  const [first, ...more] = unread.filter(({ revision }) => current === null || revision === current.id);
  if (first === undefined) return [];
  const { revision, error } = first;
  const others = more.map((each) => each.revision);
  const rest = others.length === 0
    ? ""
    : ` (nor are those of ${counted(others.length, "other revision")}: ${others.join(", ")})`;
  return [{
    status: "warn",
    message:
      `the schema of revision ${revision} is not known, so what it alone makes was not checked: ${error.message}${rest}`,
    hint: error.hint ?? null,
    details: { revision, others, notChecked: [revision, ...others].map((id) => `schema of ${id}`) },
  }];
}

/** Reads every revision's schema. One that is missing keeps nobody from looking at the others. */
export function readSchemas({ revisions }: History): KnownSchemas {
  const schemas: RevisionSchema[] = [];
  const unread: UnreadSchema[] = [];
  const names: string[] = [];
  for (const revision of revisions) {
    try {
      const kit = readKitSnapshot(revision.snapshot());
      schemas.push({ revision: revision.id, snapshot: normalizeDrizzleSnapshot(kit) });
      names.unshift(...Object.values(kit.tables).map(({ name, schema }) => nameIn(schema, name)));
    } catch (error) {
      if (!(error instanceof HarborError)) throw error;
      unread.push({ revision: revision.id, error });
    }
  }
  return { schemas, names: [...new Set(names)], unread };
}
