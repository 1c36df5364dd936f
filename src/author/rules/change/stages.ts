import { isConstant } from "../../../sql/constant_expression.ts";
import { columnsIn } from "../../../sql/expression_columns.ts";
import type { Dialect } from "../../../base/dialect.ts";
import { remadeEnums, withEnumsOf } from "./enums.ts";
import { type Fill, isMadeByDatabase } from "./fills.ts";
import { isRecord } from "../../../base/json_schema.ts";
import { canonical } from "../../../schema/same_schema.ts";
import { filterValues, mapValues } from "../../../base/records.ts";
import type { KitCheck, KitColumn, KitSnapshot, KitTable } from "../../../schema/kit_snapshot.ts";
import { withRemadeColumns } from "./remade_columns.ts";
import { applyRenames, type RenamedEnds, tablesByName, typesByName } from "./renames.ts";
import { orderRenames } from "./rename_order.ts";
import { isSameName } from "../../../base/fold_name.ts";
import { type ReleasedParts, releasedParts } from "../types/released_parts.ts";

/** A change of the schema with all that has to be decided about it. */
export interface SchemaChange extends RenamedEnds {
  readonly fills: readonly DecidedFill[];
  /** Whether all of it is to run in one transaction, with nobody beside it. */
  readonly isAtomic?: boolean;
  /** The sequences of `serial` columns that have a name of their own, by `table.column` as the history calls them. */
  readonly sequences?: ReadonlyMap<string, string>;
}

/** A {@link Fill} whose value is known. */
export type DecidedFill = Fill & { readonly value: string };

/** A change cut into steps between which drizzle-kit has nothing to ask and nothing to get wrong. */
export interface ChangeStages {
  /** What comes first: renames, and what would not let a column take another type. */
  readonly renames: readonly string[];
  /** From what was renamed to what has been added; nothing is taken away. */
  readonly expand: SnapshotPair;
  /** The rest, in order; nothing is added but what came first. */
  readonly contract: readonly SnapshotPair[];
  /** Checks that go into `ADD COLUMN`, by `table.column` (SQLite, where they would otherwise rebuild the table). */
  readonly inlineChecks: ReadonlyMap<string, readonly KitCheck[]>;
}

export type SnapshotPair = readonly [from: KitSnapshot, to: KitSnapshot];

/** How a dialect changes tables, where it decides what the stages are. */
interface ChangeTraits {
  quote(name: string): string;
  /** Whether indexes and constraints can get another name; else a table's copy has the new ones. */
  readonly renamesParts: boolean;
  /** Whether drizzle-kit changes a foreign key where it stands, and then names the wrong table in it. */
  readonly changesForeignKeys: boolean;
  /** Whether a reference comes with the column that it is of; drizzle-kit would rebuild the table for it later. */
  readonly addsReferencesWithColumns: boolean;
  /** Whether a check comes with the column that it is of. */
  readonly addsChecksWithColumns: boolean;
  /** Whether a column takes another type where it stands, to which what hangs on it is not given. */
  readonly changesTypes: boolean;
  /** Whether a key takes another's place where it stands, once its column is there; else the copy of a table has the new one alone. */
  readonly changesKeys: boolean;
  /** Whether a default can be taken away again without touching the rows. */
  readonly dropsDefaults: boolean;
}

const traitsOf: Readonly<Record<Dialect, ChangeTraits>> = {
  sqlite: {
    quote: (name) => `\`${name}\``,
    renamesParts: false,
    changesForeignKeys: false,
    addsReferencesWithColumns: true,
    addsChecksWithColumns: true,
    changesTypes: false,
    changesKeys: false,
    dropsDefaults: false,
  },
  postgresql: {
    quote: (name) => `"${name}"`,
    renamesParts: true,
    changesForeignKeys: true,
    addsReferencesWithColumns: false,
    addsChecksWithColumns: false,
    changesTypes: true,
    changesKeys: true,
    dropsDefaults: true,
  },
};

/**
 * Cuts a change into renames, additions and the rest.
 *
 * drizzle-kit asks whether something was renamed as soon as a table has both lost and gained a column, and stops
 * without a terminal. It also copies columns that do not exist yet when it rebuilds a SQLite table that gains one, and
 * names the wrong table in a foreign key that changes on PostgreSQL. None of that happens between these stages.
 */
export function stagesOf(change: SchemaChange): ChangeStages {
  const { dialect } = change.to;
  const traits = traitsOf[dialect];
  const adopted = adoptNames(withEnumsOf(applyRenames(change.from, change.renames), change.to), change.to);
  const released: ReleasedParts = traits.changesTypes
    ? releasedParts(adopted.snapshot, change.to, remadeEnums(change))
    : { statements: [], from: adopted.snapshot, to: change.to };
  const { to } = released;
  const inlineChecks = checksToInline(released.from, change);
  const expanded = expand(released.from, { ...change, to });
  const reached = withRemadeColumns(withChecks(expanded, inlineChecks), to);
  const keyed = withoutDroppedKeys(reached, to);
  const middle = traits.changesForeignKeys ? withoutChangedForeignKeys(keyed, to) : keyed;
  return {
    renames: [...renameStatements(change), ...adopted.statements, ...released.statements],
    expand: [released.from, expanded],
    contract: [[reached, middle], [middle, to], ...to === change.to ? [] : [[to, change.to] as const]],
    inlineChecks,
  };
}

function renameStatements({ from, to, renames }: SchemaChange): readonly string[] {
  const { tables, types, columns } = renames;
  const { quote } = traitsOf[to.dialect];
  const ends = [applyRenames(from, { ...renames, columns: [] }), to].map(tablesByName);
  const isTaken = (table: string, name: string) =>
    ends.some((tables) =>
      Object.keys(tables.get(table)?.columns ?? {}).some((each) => isSameName(to.dialect, each, name))
    );
  const known = typesByName(from);
  return [
    ...types.filter((type) => known.has(type.from)).map(({ from, to }) =>
      `ALTER TYPE ${quote(from)} RENAME TO ${quote(to)};`
    ),
    ...tables.map(({ from, to }) => `ALTER TABLE ${quote(from)} RENAME TO ${quote(to)};`),
    ...orderRenames(columns, { dialect: to.dialect, isTaken }).map(({ table, from, to }) =>
      `ALTER TABLE ${quote(table)} RENAME COLUMN ${quote(from)} TO ${quote(to)};`
    ),
  ];
}

/** What has names of its own in a table, and how PostgreSQL renames it. SQLite renames no index. */
const namedParts = [
  {
    section: "indexes",
    rename: (_: string, from: string, to: string) => `ALTER INDEX "${from}" RENAME TO "${to}";`,
  },
  ...["foreignKeys", "uniqueConstraints", "checkConstraints", "compositePrimaryKeys"].map((section) => ({
    section,
    rename: (table: string, from: string, to: string) =>
      `ALTER TABLE "${table}" RENAME CONSTRAINT "${from}" TO "${to}";`,
  })),
];

/** Finds indexes and constraints that have only another name now, and takes the new one. */
function adoptNames(from: KitSnapshot, to: KitSnapshot) {
  const statements: string[] = [];
  const traits = traitsOf[to.dialect];
  const tables = mapValues(from.tables, (table, key) => {
    const now = to.tables[key];
    if (now === undefined) return table;
    const parts = namedParts.filter(({ section }) => traits.renamesParts || section !== "indexes");
    return parts.reduce<KitTable>((changed, { section, rename }) => {
      const old = namedIn(table[section]);
      const wanted = namedIn(now[section]);
      const free = Object.values(wanted).filter(({ name }) => old[name] === undefined);
      const result = Object.values(old).map((part) => {
        if (wanted[part.name] !== undefined) return part;
        const twin = free.findIndex((each) => canonical({ ...each, name: part.name }) === canonical(part));
        if (twin < 0) return part;
        const [{ name }] = free.splice(twin, 1) as [Named];
        if (traits.renamesParts) statements.push(rename(table.name, part.name, name));
        return { ...part, name };
      });
      return { ...changed, [section]: Object.fromEntries(result.map((part) => [part.name, part])) };
    }, table);
  });
  return { snapshot: { ...from, tables }, statements };
}

interface Named {
  readonly name: string;
}

function namedIn(section: unknown): Readonly<Record<string, Named>> {
  return (section ?? {}) as Readonly<Record<string, Named>>;
}

function expand(from: KitSnapshot, change: SchemaChange): KitSnapshot {
  const { to } = change;
  const sections = Object.entries(to).filter(([name, section]) => isRecord(section) && name !== "tables");
  const both = sections.map(([name, section]) => [name, { ...from[name] as object, ...section as object }]);
  const tables = mapValues(to.tables, (table, key) => {
    const old = from.tables[key];
    return old === undefined ? table : expandTable(old, table, change);
  });
  return { ...from, ...Object.fromEntries(both), tables: { ...from.tables, ...tables } };
}

function expandTable(old: KitTable, table: KitTable, change: SchemaChange): KitTable {
  const { dialect } = change.to;
  const isNew = (name: string) => old.columns[name] === undefined;
  const added = Object.values(table.columns).filter(({ name }) => isNew(name)).map((column) => {
    const fill = change.fills.find((each) => each.table === table.name && each.column === column.name);
    return fill === undefined ? column : entryForm(column, fill, dialect);
  });
  // No table has two keys, also not for a moment.
  const isRekeyed = hasKey(old) && added.some(({ primaryKey }) => primaryKey);
  const comesLater = isRekeyed && traitsOf[dialect].changesKeys;
  const kept = isRekeyed && !comesLater ? withoutKey(old) : old;
  const columns = added.map((
    column,
  ) => [column.name, comesLater ? { ...column, primaryKey: false } : column]);
  // SQLite takes a reference to one column with the column; drizzle-kit would rebuild the table for it later.
  const keys = traitsOf[dialect].addsReferencesWithColumns
    ? filterValues(table.foreignKeys, ({ columnsFrom }) => columnsFrom.length === 1 && isNew(columnsFrom[0]!))
    : {};
  return {
    ...kept,
    columns: { ...kept.columns, ...Object.fromEntries(columns) },
    foreignKeys: { ...old.foreignKeys, ...keys },
    ...old["policies"] === undefined
      ? {}
      : { policies: { ...old["policies"], ...table["policies"] as object } },
  };
}

function hasKey({ columns, compositePrimaryKeys }: KitTable): boolean {
  return Object.values(columns).some(({ primaryKey }) => primaryKey) ||
    Object.keys(compositePrimaryKeys).length > 0;
}

/** Takes away a key of which a column is gone. */
function withoutKey(table: KitTable, isGone: (column: string) => boolean = () => true): KitTable {
  return {
    ...table,
    columns: mapValues(table.columns, (column) => {
      if (!column.primaryKey || !isGone(column.name)) return column;
      // SQLite numbers keys alone.
      const numbering = "autoincrement" in column ? { autoincrement: false } : {};
      return { ...column, primaryKey: false, ...numbering };
    }),
    compositePrimaryKeys: filterValues(table.compositePrimaryKeys, ({ columns }) => !columns.some(isGone)),
  };
}

/** Returns a column as it can be added to a table that has rows, without touching them. */
function entryForm(column: KitColumn, fill: DecidedFill, dialect: Dialect): KitColumn {
  const { default: _, ...plain } = column;
  // PostgreSQL gives all rows the value at once; the default is taken away again afterwards.
  const isFree = traitsOf[dialect].dropsDefaults && isConstant(fill.value, dialect);
  return isFree ? { ...plain, default: fill.value } : { ...plain, notNull: false };
}

/** Returns the checks of new SQLite columns that are added in their final form, where a check looks at nothing else. */
function checksToInline(from: KitSnapshot, { to, fills }: SchemaChange): ChangeStages["inlineChecks"] {
  if (!traitsOf[to.dialect].addsChecksWithColumns) return new Map();
  const entries = Object.entries(to.tables).flatMap(([key, table]) => {
    const old = from.tables[key];
    if (old === undefined) return [];
    return Object.values(table.columns).flatMap((column) => {
      const isFilled = fills.some((fill) => fill.table === table.name && fill.column === column.name);
      if (old.columns[column.name] !== undefined || isFilled || isMadeByDatabase(column)) return [];
      const checks = Object.values(table.checkConstraints).filter(({ value }) => {
        const mentioned = columnsIn(value, Object.values(table.columns), to.dialect);
        return mentioned.length === 1 && mentioned[0] === column.name;
      });
      return checks.length === 0 ? [] : [[`${table.name}.${column.name}`, checks] as const];
    });
  });
  return new Map(entries);
}

/** Adds the checks that came with their columns: drizzle-kit is not told of them, since it would rebuild the table. */
function withChecks(snapshot: KitSnapshot, inlineChecks: ChangeStages["inlineChecks"]): KitSnapshot {
  const tables = mapValues(snapshot.tables, (table) => {
    const checks = Object.keys(table.columns).flatMap((name) =>
      inlineChecks.get(`${table.name}.${name}`) ?? []
    );
    const added = Object.fromEntries(checks.map((check) => [check.name, check]));
    return { ...table, checkConstraints: { ...table.checkConstraints, ...added } };
  });
  return { ...snapshot, tables };
}

/**
 * Takes away keys whose columns go, before these do, which drizzle-kit does not: SQLite drops no column of a key, and makes a copy
 * without it; PostgreSQL takes the key away with the column, which is too late for another key.
 */
function withoutDroppedKeys(snapshot: KitSnapshot, to: KitSnapshot): KitSnapshot {
  const { changesKeys } = traitsOf[to.dialect];
  const tables = mapValues(snapshot.tables, (table, key) => {
    const after = to.tables[key];
    if (after === undefined || (changesKeys && !hasKey(after))) return table;
    return withoutKey(table, (name) => after.columns[name] === undefined);
  });
  return { ...snapshot, tables };
}

function withoutChangedForeignKeys(snapshot: KitSnapshot, to: KitSnapshot): KitSnapshot {
  const tables = mapValues(snapshot.tables, (table, key) => {
    const wanted = to.tables[key]?.foreignKeys ?? {};
    const foreignKeys = filterValues(
      table.foreignKeys,
      (old) => wanted[old.name] === undefined || canonical(wanted[old.name]) === canonical(old),
    );
    return { ...table, foreignKeys };
  });
  return { ...snapshot, tables };
}
