import { namesIn } from "../../../sql/expression_columns.ts";
import { isRecord } from "../../../base/json_schema.ts";
import { canonical } from "../../../schema/same_schema.ts";
import { filterValues, mapValues } from "../../../base/records.ts";
import type { KitSnapshot, KitTable } from "../../../schema/kit_snapshot.ts";
import { elementType, postgresType } from "../../../sql/postgres_spelling.ts";
import { staysInFamily } from "./postgres_cast.ts";

/** What hangs on columns that take another type, which PostgreSQL would then not let them. */
export interface ReleasedParts {
  /** The statements that take it away. */
  readonly statements: readonly string[];
  /** What there is afterwards. */
  readonly from: KitSnapshot;
  /** What there is to be, without what has to wait until the columns have their types. */
  readonly to: KitSnapshot;
}

/**
 * Finds what has to go before columns take another type, and to come when they have it: policies and generated columns of any
 * such column; checks, indexes and references where the type is of another kind, since they are made for the old one.
 *
 * @param from With the names that `to` has
 * @param remade The enum types that are made anew
 */
export function releasedParts(from: KitSnapshot, to: KitSnapshot, remade: readonly string[]): ReleasedParts {
  const held = heldNames(from, to, remade);
  if (remade.length === 0 && held.size === 0) return { statements: [], from, to };
  const [before, after] = [hanging(from, to, { held, remade }), hanging(to, from, { held, remade })];
  const drops = Object.entries(before).map(([key, names]): Drops => {
    const { name: table } = from.tables[key]!;
    const alter = `ALTER TABLE "${table}" DROP`;
    return {
      policies: names.policies.map((name) => `DROP POLICY "${name}" ON "${table}";`),
      foreignKeys: names.foreignKeys.map((name) => `${alter} CONSTRAINT "${name}";`),
      uniqueConstraints: names.uniqueConstraints.map((name) => `${alter} CONSTRAINT "${name}";`),
      checkConstraints: names.checkConstraints.map((name) => `${alter} CONSTRAINT "${name}";`),
      indexes: names.indexes.map((name) => `DROP INDEX "${name}";`),
      columns: names.columns.map((name) => `${alter} COLUMN "${name}";`),
    };
  });
  return {
    statements: sections.flatMap((section) => drops.flatMap((each) => each[section])),
    from: without(from, before),
    to: without(to, after),
  };
}

/** What can hang on a column, in the order in which it can go. */
const sections = [
  "policies",
  "foreignKeys",
  "uniqueConstraints",
  "checkConstraints",
  "indexes",
  "columns",
] as const;
/** Names by section. */
type Drops = Readonly<Record<typeof sections[number], readonly string[]>>;

/** Columns that do not stay as they are. */
interface HeldNames {
  /** All that take another type, and those that are made anew. */
  readonly any: ReadonlySet<string>;
  /** Those of them whose type is of another kind, and those that are made anew. */
  readonly far: ReadonlySet<string>;
  /** The generated columns that are made anew. */
  readonly anew: ReadonlySet<string>;
}

/** Returns such columns by the names of their tables. */
function heldNames(
  from: KitSnapshot,
  to: KitSnapshot,
  remade: readonly string[],
): ReadonlyMap<string, HeldNames> {
  return new Map(
    Object.entries(from.tables).flatMap(([key, { name: table, columns }]) => {
      const after = to.tables[key]?.columns;
      if (after === undefined) return [];
      const retyped = Object.values(after).filter((now) => {
        const was = columns[now.name];
        return was !== undefined &&
          (postgresType(was.type) !== postgresType(now.type) || remade.includes(elementType(now.type)));
      }).map(({ name }) => name);
      const isHeld = (text: string | undefined) => text !== undefined && names(text, [...retyped, ...remade]);
      const anew = [...new Set([...Object.keys(columns), ...Object.keys(after)])].filter((name) => {
        const [was, now] = [columns[name], after[name]];
        if (now === undefined ? was?.generated === undefined : now.generated === undefined) return false;
        const isRetyped = was !== undefined && retyped.includes(name);
        return isRetyped || isHeld(was?.generated?.as) || isHeld(now?.generated?.as);
      });
      const far = retyped.filter((name) => !staysInFamily(columns[name]!.type, after[name]!.type));
      return retyped.length + anew.length === 0 ? [] : [[table, {
        any: new Set([...retyped, ...anew]),
        far: new Set([...far, ...anew]),
        anew: new Set(anew),
      }]];
    }),
  );
}

/** What hangs on what, for a snapshot and the other one. */
interface Hold {
  readonly held: ReadonlyMap<string, HeldNames>;
  readonly remade: readonly string[];
}

const none: HeldNames = { any: new Set(), far: new Set(), anew: new Set() };

function hanging(
  own: KitSnapshot,
  other: KitSnapshot,
  { held, remade }: Hold,
): Readonly<Record<string, Drops>> {
  const farOf = (table: string) => (held.get(table) ?? none).far;
  return mapValues(own.tables, (table, key): Drops => {
    const { any, far, anew } = held.get(table.name) ?? none;
    const twin = other.tables[key];
    const isFar = (text: string | undefined) => text !== undefined && names(text, [...far, ...remade]);
    const isOther = (section: Exclude<keyof Drops, "columns">, part: { readonly name: string }) => {
      const others = (twin?.[section] ?? {}) as Readonly<Record<string, unknown>>;
      return canonical(others[part.name] ?? null) !== canonical(part);
    };
    // One that changes may name a column as it was called.
    const isChanged = (section: Exclude<keyof Drops, "columns">, part: { readonly name: string }) =>
      far.size > 0 && isOther(section, part);
    return {
      policies: policiesOf(table).filter((policy) =>
        (any.size > 0 && isOther("policies", policy)) ||
        [policy.using, policy.withCheck].some((text) =>
          typeof text === "string" && (names(text, [...any, ...remade]) ||
            [...held].some(([name, columns]) => names(text, [name]) && names(text, [...columns.any])))
        )
      ).map(({ name }) => name),
      foreignKeys: Object.values(table.foreignKeys).filter(({ tableTo, columnsFrom, columnsTo }) =>
        columnsFrom.some((name) => far.has(name)) || columnsTo.some((name) => farOf(tableTo).has(name))
      ).map(({ name }) => name),
      uniqueConstraints: Object.values(table.uniqueConstraints).filter((part) =>
        part.columns.some((name) => anew.has(name) || (far.has(name) && isOther("uniqueConstraints", part)))
      ).map(({ name }) => name),
      checkConstraints: Object.values(table.checkConstraints).filter((check) =>
        isFar(check.value) || isChanged("checkConstraints", check)
      )
        .map(({ name }) => name),
      indexes: Object.values(table.indexes).filter((index) => {
        // Others are built anew by PostgreSQL itself.
        const isOfType = isOther("indexes", index) || (index.method ?? "btree") !== "btree";
        return isFar(index.where) || (index.where !== undefined && isChanged("indexes", index)) ||
          index.columns.some((column) => {
            if (typeof column === "string") return false;
            const { expression, isExpression, opclass } = column;
            if (isExpression) return isFar(expression) || isChanged("indexes", index);
            return anew.has(expression) || (far.has(expression) && (isOfType || Boolean(opclass)));
          });
      }).map(({ name }) => name),
      columns: Object.keys(table.columns).filter((name) => anew.has(name)),
    };
  });
}

function without(snapshot: KitSnapshot, drops: Readonly<Record<string, Drops>>): KitSnapshot {
  const tables = mapValues(snapshot.tables, (table, key) => {
    const gone = drops[key]!;
    const kept = sections.filter((section) => gone[section].length > 0).map((section) => {
      const parts = (table[section] ?? {}) as Readonly<Record<string, { readonly name: string }>>;
      return [section, filterValues(parts, ({ name }) => !gone[section].includes(name))] as const;
    });
    return { ...table, ...Object.fromEntries(kept) };
  });
  return { ...snapshot, tables };
}

interface Policy {
  readonly name: string;
  readonly using?: unknown;
  readonly withCheck?: unknown;
}

function policiesOf(table: KitTable): readonly Policy[] {
  const { policies } = table;
  return isRecord(policies) ? Object.values(policies) as readonly Policy[] : [];
}

/** Says whether a text names one of some things. */
function names(text: string, things: readonly string[]): boolean {
  const found = namesIn(text, "postgresql");
  return things.some((name) => found.has(name));
}
