import { isRecord } from "../../base/json_schema.ts";
import { canonical } from "../../schema/same_schema.ts";
import type { KitSnapshot } from "../../schema/kit_snapshot.ts";

/** Three states of a schema: what two revisions were both made on, and what each left behind. */
export interface Fork {
  readonly base: KitSnapshot;
  readonly mine: KitSnapshot;
  readonly theirs: KitSnapshot;
}

/** A schema with both changes, and what both changed in different ways. */
export interface Merged {
  readonly snapshot: KitSnapshot;
  /** `users.columns.email.type`. */
  readonly conflicts: readonly string[];
}

/** Puts the change from `base` to `mine` on top of `theirs`. Its ids are those of `mine`. */
export function mergeSnapshots({ base, mine, theirs }: Fork): Merged {
  const conflicts: string[] = [];
  const withoutIds = (snapshot: KitSnapshot) => ({ ...snapshot, id: "", prevId: "" });
  const [origin, own, other] = [base, mine, theirs].map(withoutIds);
  const snapshot = merge(origin, own, other, []) as KitSnapshot;
  return { snapshot: { ...snapshot, id: mine.id, prevId: mine.prevId }, conflicts };

  function merge(base: unknown, mine: unknown, theirs: unknown, path: readonly string[]): unknown {
    if (same(mine, base)) return theirs;
    if (same(theirs, base) || same(mine, theirs)) return mine;
    if (!isRecord(mine) || !isRecord(theirs)) {
      conflicts.push(path.filter((name, at) => !(at === 0 && name === "tables")).join("."));
      return theirs;
    }
    const origin = isRecord(base) ? base : {};
    const names = [...new Set([...Object.keys(theirs), ...Object.keys(mine)])];
    const entries = names.map((name) =>
      [name, merge(origin[name], mine[name], theirs[name], [...path, name])] as const
    );
    return Object.fromEntries(entries.filter(([, value]) => value !== undefined));
  }
}

function same(a: unknown, b: unknown): boolean {
  return a === b || (a !== undefined && b !== undefined && canonical(a) === canonical(b));
}
