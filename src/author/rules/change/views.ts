import { keyOf } from "../../../base/fold_name.ts";
import { namesIn } from "../../../sql/expression_columns.ts";
import type { Dialect } from "../../../base/dialect.ts";
import { canonical } from "../../../schema/same_schema.ts";
import { filterValues } from "../../../base/records.ts";
import type { KitSnapshot, KitView } from "../../../schema/kit_snapshot.ts";
import type { SchemaChange } from "./stages.ts";
import { elementType } from "../../../sql/postgres_spelling.ts";
import { remadeEnums } from "./enums.ts";
import { applyRenames } from "./renames.ts";

/** What a change does to views, around what it does to tables. */
export interface ViewChanges {
  /** The views that go, those that use others first. */
  readonly dropped: readonly KitView[];
  /** Whether they go before the tables change, which one that does may use. */
  readonly isEarly: boolean;
  /** Those that are made when the tables have changed, those that others use first; with their keys. */
  readonly made: readonly (readonly [key: string, view: KitView])[];
}

/** Returns a snapshot without its views, which are no affair of the stages of a change. */
export function withoutViews(snapshot: KitSnapshot): KitSnapshot {
  return snapshot.views === undefined ? snapshot : { ...snapshot, views: {} };
}

/** Says which views have to go and to come: those that change themselves, and those that use what changes. */
export function viewChanges(change: SchemaChange): ViewChanges {
  const { dialect } = change.to;
  const before = ownViews(change.from);
  const after = ownViews(change.to);
  const uses = ({ definition = "" }: KitView, names: ReadonlySet<string>) => {
    const found = namesIn(definition, dialect);
    return [...names].some((name) => found.has(keyOf(name, dialect)));
  };
  const held = new Set([...heldTables(change), ...remadeEnums(change)]);
  const going = new Map(
    Object.entries(before).filter(([key, view]) =>
      canonical(view) !== canonical(after[key]) || uses(view, held)
    ),
  );
  // What uses a view that goes cannot stay.
  for (let size = -1; size < going.size;) {
    size = going.size;
    const names = new Set([...going.values()].map(({ name }) => name));
    for (const [key, view] of Object.entries(before)) if (uses(view, names)) going.set(key, view);
  }
  const made = Object.entries(after).filter(([key]) => before[key] === undefined || going.has(key));
  return {
    dropped: inOrder([...going], uses).map(([, view]) => view).toReversed(),
    isEarly: dropsEarly[dialect] ||
      [...going].some(([key, view]) => after[key] === undefined || uses(view, held)),
    made: inOrder(made, uses),
  };
}

/** SQLite copies tables for what other databases change in place, and a view stands in the way of a copy's new name. */
const dropsEarly: Readonly<Record<Dialect, boolean>> = { sqlite: true, postgresql: false };

function ownViews({ views = {} }: KitSnapshot): Readonly<Record<string, KitView>> {
  return filterValues(views, ({ definition }) => definition !== undefined);
}

/** The tables that go, or lose or change a column, which a view that uses it would not let them. */
function heldTables({ from, to, renames }: SchemaChange): ReadonlySet<string> {
  const remade = remadeEnums({ from, to, renames });
  const now = applyRenames(from, renames).tables;
  return new Set(
    Object.entries(now).filter(([key, { columns }]) => {
      const after = to.tables[key]?.columns;
      return after === undefined ||
        Object.values(columns).some(({ name, type, generated }) =>
          after[name]?.type !== type || remade.includes(elementType(type)) ||
          canonical(after[name]?.generated ?? null) !== canonical(generated ?? null)
        );
    }).flatMap(([, { name }]) => [
      name,
      ...renames.tables.filter((rename) => rename.to === name).map((rename) => rename.from),
    ]),
  );
}

type Entry = readonly [key: string, view: KitView];

/** Puts views behind those that they use. */
function inOrder(
  views: readonly Entry[],
  uses: (view: KitView, names: ReadonlySet<string>) => boolean,
): readonly Entry[] {
  const rest = [...views];
  const ordered: Entry[] = [];
  while (rest.length > 0) {
    const free = rest.findIndex(([, view]) =>
      !rest.some(([, other]) => other !== view && uses(view, new Set([other.name])))
    );
    ordered.push(...rest.splice(Math.max(free, 0), 1));
  }
  return ordered;
}
