import type { Dialect } from "../../base/dialect.ts";
import { allowedValues, type FillValues, placeholder, requiredFills } from "./fills.ts";
import { applyRenames, invertRenames, type RenamedEnds, tablesByName } from "./renames.ts";
import { postgresType } from "../../sql/postgres_spelling.ts";
import type { DecidedFill, SchemaChange } from "./change_stages.ts";

/** What a change takes away, as sentences: for its script, and for the script that undoes it. */
export interface Losses {
  readonly upgrade: readonly string[];
  readonly downgrade: readonly string[];
}

/** Whether a column holds nothing but its type. */
const enforcesTypes: Readonly<Record<Dialect, boolean>> = { sqlite: false, postgresql: true };

/** Says what cannot be had back once a change, or the way back from it, has run. */
export function lossesOf(up: SchemaChange, down: SchemaChange): Losses {
  const upgrade = dropped(up);
  const downgrade = [...dropped(down), ...missing(up, down), ...filled(up), ...narrowed(down)];
  const closing = "Only a backup brings that back.";
  return {
    upgrade: upgrade.length === 0 ? [] : [...upgrade, closing],
    downgrade: downgrade.length === 0 ? [] : [...downgrade, closing],
  };
}

/** What goes with what is in it. */
function dropped(change: SchemaChange): readonly string[] {
  const { tables, columns } = takenAway(change);
  return [
    ...tables.length === 0 ? [] : [`Drops ${list(tables)} with ${tables.length > 1 ? "their" : "its"} rows.`],
    ...columns.length === 0
      ? []
      : [`Drops ${list(columns)} with what ${columns.length > 1 ? "they hold" : "it holds"}.`],
  ];
}

/** What the upgrade took away and the downgrade can only make anew. */
function missing(up: SchemaChange, down: SchemaChange): readonly string[] {
  const { tables, columns } = takenAway(up);
  return [
    ...tables.map((table) => `Brings back ${table} without its rows.`),
    ...columns.map((name) => {
      const fill = down.fills.find((each) => `${each.table}.${each.column}` === name);
      return `Brings back ${name} without what it held${
        fill === undefined ? "" : `: rows get ${fill.value}`
      }.`;
    }),
  ];
}

/** Where the upgrade wrote over NULL. */
function filled({ fills }: SchemaChange): readonly string[] {
  return byValue(fills.filter((fill) => fill.existed)).map(([value, names]) =>
    `Leaves ${value} in ${names} where it was NULL.`
  );
}

/** What the downgrade puts in, and what it stumbles over. */
function narrowed(down: SchemaChange): readonly string[] {
  const { from, to, renames, fills } = down;
  const before = tablesByName(applyRenames(from, renames));
  const stumbles = [...tablesByName(to).values()].flatMap((table) =>
    Object.values(table.columns).flatMap((column) => {
      const old = before.get(table.name);
      const was = old?.columns[column.name];
      if (old === undefined || was === undefined) return [];
      const name = `${table.name}.${column.name}`;
      const allowed = allowedValues(table, column.name);
      const others = allowedValues(old, column.name);
      const isNarrower = allowed.length > 0 &&
        (others.length === 0 || others.some((value) => !allowed.includes(value)));
      const hasOtherType = enforcesTypes[to.dialect] &&
        postgresType(was.type) !== postgresType(column.type);
      return [
        ...isNarrower ? [`Fails while ${name} holds anything but ${allowed.join(", ")}.`] : [],
        ...hasOtherType ? [`Fails while ${name} holds what does not fit ${column.type}.`] : [],
      ];
    })
  );
  const filled = byValue(fills.filter((fill) => fill.existed)).map(([value, names]) =>
    `Puts ${value} into ${names} where it is NULL.`
  );
  return [...filled, ...stumbles];
}

/** Gathers the columns that get the same value. */
function byValue(fills: readonly DecidedFill[]): readonly (readonly [value: string, columns: string])[] {
  const values = [...new Set(fills.map(({ value }) => value))];
  return values.map((value) => [
    value,
    list(fills.filter((fill) => fill.value === value).map(({ table, column }) => `${table}.${column}`)),
  ]);
}

function takenAway({ from, to, renames }: SchemaChange) {
  const before = applyRenames(from, renames);
  const after = tablesByName(to);
  const oldTable = (name: string) => renames.tables.find((rename) => rename.to === name)?.from ?? name;
  const tables = [...tablesByName(before).values()];
  return {
    tables: tables.filter(({ name }) => !after.has(name)).map(({ name }) => name),
    columns: tables.filter(({ name }) => after.has(name)).flatMap(({ name, columns }) =>
      Object.keys(columns).filter((column) => after.get(name)!.columns[column] === undefined)
        .map((column) => `${oldTable(name)}.${column}`)
    ),
  };
}

function list(names: readonly string[]): string {
  return names.length < 2 ? names.join("") : `${names.slice(0, -1).join(", ")} and ${names.at(-1)}`;
}

/**
 * Returns the change that undoes another. Rows of a NOT NULL column that the change drops get the value that was
 * given for it, or one that stands for nothing.
 */
export function invertChange(
  { from, to, renames }: RenamedEnds,
  values: FillValues,
) {
  const back = { from: to, to: from, renames: invertRenames(renames) };
  const fills = requiredFills({ ...back, values }).map((fill) => {
    const table = tablesByName(from).get(fill.table)!;
    return { ...fill, value: fill.value ?? placeholder(table.columns[fill.column]!, table) };
  });
  return { ...back, fills };
}
