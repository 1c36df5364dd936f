import type { KitColumn, KitTable } from "../../../schema/kit_snapshot.ts";
import { allowedValues, becomesKey, type FillValues, placeholder, requiredFills } from "./fills.ts";
import { applyRenames, invertRenames, type RenamedEnds, tablesByName } from "./renames.ts";
import type { DecidedFill, SchemaChange } from "./stages.ts";
import { labelsOf } from "./enums.ts";
import { quoteText } from "../../../sql/quote.ts";
import { isSerial, postgresType } from "../../../sql/postgres_spelling.ts";
import { typeChange } from "../types/type_change.ts";

/** What a change takes away, as sentences: for its script, and for the script that undoes it. */
export interface Losses {
  readonly upgrade: readonly string[];
  readonly downgrade: readonly string[];
}

/** Says what cannot be had back once a change, or the way back from it, has run. */
export function lossesOf(up: SchemaChange, down: SchemaChange): Losses {
  const turned = retyped(up);
  const upgrade = [...dropped(up), ...turned.map(turns), ...remade(up)];
  const back = retyped(down);
  const lost = [
    ...dropped(down),
    ...missing(up, down),
    ...filled(up),
    ...turned.map(({ name, loss }) => `Does not give back what ${name} held: ${loss}.`),
    ...back.map(turns),
    ...remade(down),
    ...emptied(down),
  ];
  return {
    upgrade: [...closed(upgrade), ...stumbles(up)],
    downgrade: [...closed(lost), ...stumbles(down)],
  };
}

function closed(lines: readonly string[]): readonly string[] {
  return lines.length === 0 ? [] : [
    ...lines,
    "Where harbor-db did not keep it (--no-keep, another migrator), only a backup brings that back.",
  ];
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

/** What the downgrade puts in. */
function emptied({ fills }: SchemaChange): readonly string[] {
  return byValue(fills.filter((fill) => fill.existed)).map(([value, names]) =>
    `Puts ${value} into ${names} where it is NULL.`
  );
}

/** A column that a change keeps, with its table, before and after. */
interface ColumnOfBoth {
  readonly name: string;
  readonly before: readonly [KitTable, KitColumn];
  readonly after: readonly [KitTable, KitColumn];
}

function columnsOfBoth({ from, to, renames }: SchemaChange): readonly ColumnOfBoth[] {
  const before = tablesByName(applyRenames(from, renames));
  return [...tablesByName(to).values()].flatMap((table) => {
    const old = before.get(table.name);
    return Object.values(table.columns).flatMap((column): readonly ColumnOfBoth[] => {
      const was = old?.columns[column.name];
      if (old === undefined || was === undefined) return [];
      return [{ name: `${table.name}.${column.name}`, before: [old, was], after: [table, column] }];
    });
  });
}

interface Retyped {
  readonly name: string;
  readonly type: string;
  readonly loss: string;
}

/** The columns whose values become others with their type. */
function retyped(change: SchemaChange): readonly Retyped[] {
  return columnsOfBoth(change).flatMap(({ name, before: [, was], after: [, { type }] }) => {
    const { loss } = typeChange(was.type, type, change.to.dialect);
    return loss === null ? [] : [{ name, type: held(type), loss }];
  });
}

/** A column whose numbers a sequence makes holds numbers. */
function held(type: string): string {
  return isSerial(type) ? postgresType(type) : type;
}

function turns({ name, type, loss }: Retyped): string {
  return `Turns what ${name} holds into ${type}: ${loss}.`;
}

/** The columns that begin to be made of others. */
function remade(change: SchemaChange): readonly string[] {
  return columnsOfBoth(change).flatMap(({ name, before: [, was], after: [, { generated }] }) =>
    generated !== undefined && was.generated === undefined
      ? [`Puts ${generated.as} in the place of what ${name} holds.`]
      : []
  );
}

/** What a change stumbles over; nothing is lost by that. */
function stumbles(change: SchemaChange): readonly string[] {
  return columnsOfBoth(change).flatMap(({ name, before: [old, was], after: [table, column] }) => {
    const allowed = allowedValues(table, column.name);
    const others = allowedValues(old, was.name);
    const isNarrower = allowed.length > 0 &&
      (others.length === 0 || others.some((value) => !allowed.includes(value)));
    const { fails, isUnenforced } = typeChange(was.type, column.type, change.to.dialect);
    const words = [...allowed, ...labelsOf(change, was, column).map(quoteText)];
    if (/^bool/i.test(was.type) && ["'true'", "'false'"].every((word) => words.includes(word))) return [];
    return [
      ...isNarrower ? [`Fails while ${name} holds anything but ${allowed.join(", ")}.`] : [],
      ...isUngiven(change, table, column, old) ? [`Fails while ${name} is NULL in any row.`] : [],
      ...fails ? [`Fails while ${name} holds what does not fit ${held(column.type)}.`] : [],
      ...isUnenforced
        ? [
          `Leaves what ${name} holds as it is, also what PostgreSQL would round or refuse for ${column.type}: SQLite enforces no sizes.`,
        ]
        : [],
    ];
  });
}

/** Whether a column becomes part of a key and nothing says what its rows get. */
function isUngiven({ fills }: SchemaChange, table: KitTable, { name }: KitColumn, old: KitTable): boolean {
  return becomesKey(name, old, table) &&
    !fills.some((fill) => fill.table === table.name && fill.column === name);
}

/** Gathers the columns that get the same value. */
function byValue(fills: readonly DecidedFill[]): readonly (readonly [value: string, columns: string])[] {
  const values = [...new Set(fills.map(({ value }) => value))];
  return values.map((value) => [
    /^nextval\(/.test(value) ? "a new number" : value,
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
