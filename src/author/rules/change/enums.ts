import { cutName } from "../../../sql/cut_name.ts";
import { elementType } from "../../../sql/postgres_spelling.ts";
import { quoteText } from "../../../sql/quote.ts";
import { canonical } from "../../../schema/same_schema.ts";
import type { KitColumn, KitEnum, KitSnapshot } from "../../../schema/kit_snapshot.ts";
import { mapValues } from "../../../base/records.ts";
import { applyRenames, type RenamedEnds, type Renames } from "./renames.ts";

/** How the values of enum types change, which drizzle-kit writes wrong for columns with a default. */
export interface EnumChanges {
  /** One statement a value that is new; each has to be committed before anything uses it. */
  readonly additions: readonly string[];
  /** Statements that make types anew which lose a value or change the order. */
  readonly recreations: readonly string[];
  /** Statements that drop what these types were, once no column has it, nor one that goes or takes another type. */
  readonly drops: readonly string[];
}

/** Returns the statements for enum types that both snapshots have, with other values. */
export function enumChanges({ from, to, renames }: RenamedEnds): EnumChanges {
  const before = applyRenames(from, renames);
  const changed = changedEnums({ from, to, renames });
  const remade = changed.filter((each) => !isGrown(each)).map(({ now }) => now);
  return {
    // They come before it has its new name.
    additions: changed.filter(isGrown).flatMap((each) =>
      addedValues(each, nameBefore(each.now.name, renames))
    ),
    recreations: remade.flatMap((now) => [
      `ALTER TYPE "${now.name}" RENAME TO "${oldName(now.name)}";`,
      `CREATE TYPE "${now.name}" AS ENUM(${now.values.map(quoteText).join(", ")});`,
      ...Object.entries(before.tables).flatMap(([key, { name: table, columns }]) =>
        Object.values(columns).flatMap((column) => {
          const after = to.tables[key]?.columns[column.name];
          const element = elementType(column.type);
          const dimensions = column.type.slice(element.length);
          // A generated column is made anew.
          if (element !== now.name || after?.type !== column.type || after.generated !== undefined) return [];
          const type = `"${now.name}"${dimensions}`;
          const value = `"${column.name}"::text${dimensions}::${type}`;
          return [conversion({ table, column: column.name, type, value, before: column, after })];
        })
      ),
    ]),
    drops: remade.map(({ name }) => `DROP TYPE "${oldName(name)}";`),
  };
}

/** Returns the enum types that are made anew under their name. */
export function remadeEnums(ends: RenamedEnds): readonly string[] {
  return changedEnums(ends).filter((each) => !isGrown(each)).map(({ now }) => now.name);
}

/** Returns a snapshot in which enum types have the values of another, so that drizzle-kit has nothing to say of them. */
export function withEnumsOf(snapshot: KitSnapshot, to: KitSnapshot): KitSnapshot {
  const known = enumsOf(to);
  const enums = enumsOf(snapshot);
  if (Object.keys(enums).length === 0) return snapshot;
  return { ...snapshot, enums: mapValues(enums, (type, key) => known[key] ?? type) };
}

/** Returns the values of the enum type that a column has before a change, or else after it; none where it has none. */
export function labelsOf(
  { from, to, renames }: RenamedEnds,
  before: KitColumn,
  after: KitColumn,
): readonly string[] {
  const valuesOf = (snapshot: KitSnapshot, { type, typeSchema }: KitColumn) =>
    typeSchema === undefined
      ? undefined
      : Object.values(enumsOf(snapshot)).find(({ name }) => name === elementType(type))?.values;
  return valuesOf(applyRenames(from, renames), before) ?? valuesOf(to, after) ?? [];
}

/** A column that takes another type. */
export interface Conversion {
  readonly table: string;
  readonly column: string;
  /** The new type, as DDL has it. */
  readonly type: string;
  /** How each row's value is worked out. */
  readonly value: string;
  /** The column before and after, for its default. */
  readonly before: KitColumn | undefined;
  readonly after: KitColumn | undefined;
}

/** Returns the statement that gives a column another type, its default with it: PostgreSQL casts no default by itself. */
export function conversion({ table, column, type, value, before, after }: Conversion): string {
  const alter = `ALTER COLUMN "${column}"`;
  const hadDefault = before?.default !== undefined;
  const actions = [
    ...hadDefault ? [`${alter} DROP DEFAULT`] : [],
    `${alter} SET DATA TYPE ${type} USING ${value}`,
    ...after?.default !== undefined ? [`${alter} SET DEFAULT ${after.default}`] : [],
  ];
  return `ALTER TABLE "${table}" ${actions.join(", ")};`;
}

interface ChangedEnum {
  readonly old: KitEnum;
  readonly now: KitEnum;
}

function isGrown({ old, now }: ChangedEnum): boolean {
  return canonical(now.values.filter((value) => old.values.includes(value))) === canonical(old.values);
}

function changedEnums({ from, to, renames }: RenamedEnds): readonly ChangedEnum[] {
  const before = enumsOf(applyRenames(from, renames));
  return Object.entries(enumsOf(to)).flatMap(([key, now]) => {
    const old = before[key];
    return old === undefined || canonical(old.values) === canonical(now.values) ? [] : [{ old, now }];
  });
}

function enumsOf({ enums = {} }: KitSnapshot): Readonly<Record<string, KitEnum>> {
  return enums;
}

/** Each stands before the value that follows it, which is there already; those at the end come in order. */
function addedValues({ old, now }: ChangedEnum, name: string): readonly string[] {
  const add = `ALTER TYPE "${name}" ADD VALUE`;
  return now.values.flatMap((value, at) => {
    if (old.values.includes(value)) return [];
    const next = now.values.slice(at + 1).find((each) => old.values.includes(each));
    return [`${add} ${quoteText(value)}${next === undefined ? "" : ` BEFORE ${quoteText(next)}`};`];
  });
}

function nameBefore(name: string, { types }: Renames): string {
  return types.find(({ to }) => to === name)?.from ?? name;
}

function oldName(name: string): string {
  return `${cutName(name, 59)}_old`;
}
