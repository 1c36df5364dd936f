import { printIndex, respellIndex } from "./indexes.ts";
import { printNames } from "./names.ts";
import { either, isWhole, type Pair, pair, type Whole } from "./pair.ts";
import { respell, type SameExpression } from "./respell.ts";
import { bareType } from "./bare_type.ts";
import { compareOthers } from "./others.ts";
import { isSameDefault } from "../expressions/compare_defaults.ts";
import { isSameExpression } from "../expressions/compare.ts";
import type { Dialect } from "../../base/dialect.ts";
import type { Check, Column, ForeignKey, Snapshot, Table, Unique } from "../snapshot.ts";

/** One thing in which a schema is not what it should be. */
export interface Difference {
  readonly kind: "missing" | "extra" | "changed";
  /**
   * What it is about: `table files`, `column files.size`, `primary key files`, `foreign key files(collection_id)`,
   * `unique users(email)`, `index ix_files_uuid`, `check files_size_check`, `view recent` or `policy own of files`.
   */
  readonly path: string;
  /** Its definition, or the part of it that differs, as it should be; `null` for something extra. */
  readonly expected: string | null;
  /** The same as it is; `null` for something missing. */
  readonly actual: string | null;
}

/**
 * Returns in what `actual` differs from `expected`, table by table in the order of their names; empty when they are
 * the same. A column that differs in several ways gives one difference for each.
 *
 * What no program notices is not compared: the order of columns, the names of keys and constraints, the spelling of
 * expressions, and views, triggers and the like that schema.ts does not declare.
 */
export function compareSnapshots(expected: Snapshot, actual: Snapshot): readonly Difference[] {
  const same: SameExpression = (a, b) => isSameExpression(a, b, expected.dialect);
  const tables = pair(expected.tables, actual.tables, sameName)
    .toSorted((a, b) => either(a).name < either(b).name ? -1 : 1)
    .flatMap((both) =>
      isWhole(both)
        ? compareTables(both, { same, dialect: expected.dialect })
        : differ(`table ${either<Table>(both).name}`, both, printTable)
    );
  return [...tables, ...compareOthers(expected, actual)];
}

/** Says a difference in words: `column users.email: expected VARCHAR(255), found VARCHAR(120)`. */
export function describeDifference({ kind, path, expected, actual }: Difference): string {
  if (kind === "missing") return `${path} is missing, expected ${expected}`;
  if (kind === "extra") return `${path} is not expected, found ${actual}`;
  return `${path}: expected ${expected}, found ${actual}`;
}

/** How texts of a dialect are compared. */
interface Comparing {
  readonly same: SameExpression;
  readonly dialect: Dialect;
}

/**
 * What was found of two tables. Most tables of a snapshot are those of the one before it, so that whoever compares one schema
 * with all revisions asks for each table as often as it changed, and not once a revision.
 */
const compared = new WeakMap<Table, WeakMap<Table, readonly Difference[]>>();

function compareTables(both: Whole<Table>, comparing: Comparing): readonly Difference[] {
  const [expected, actual] = both;
  const known = compared.get(expected) ?? new WeakMap<Table, readonly Difference[]>();
  compared.set(expected, known);
  const found = known.get(actual) ?? differencesOf(both, comparing);
  known.set(actual, found);
  return found;
}

function differencesOf(
  [expected, actual]: Whole<Table>,
  { same, dialect }: Comparing,
): readonly Difference[] {
  const { name } = expected;
  const sameRule = (a: Check, b: Check) => same(a.expression, b.expression);
  return [
    ...pair(expected.columns, actual.columns, sameName).flatMap((columns) => {
      const path = `column ${name}.${either(columns).name}`;
      return isWhole(columns) ? compareColumns(path, columns, dialect) : differ(path, columns, printColumn);
    }),
    ...differ(`primary key ${name}`, [keyOf(expected), keyOf(actual)], printNames),
    ...pair(expected.foreignKeys, actual.foreignKeys, sameForeignKey, sameColumns).flatMap((keys) =>
      differ(`foreign key ${name}${printNames(either(keys).columns)}`, keys, printForeignKey)
    ),
    ...pair(uniquesOf(expected), uniquesOf(actual), sameColumns).flatMap((uniques) =>
      differ(
        `unique ${name}${printNames(either(uniques).columns)}`,
        uniques,
        ({ columns, nullsAlike }) => `${printNames(columns)}${nullsAlike ? " NULLS NOT DISTINCT" : ""}`,
      )
    ),
    ...pair(expected.indexes, actual.indexes, sameName).flatMap((indexes) =>
      differ(`index ${either(indexes).name}`, respellIndex(indexes, same), (index) => printIndex(name, index))
    ),
    ...pair(expected.checks, actual.checks, sameRule, sameName).flatMap((checks) =>
      differ(`check ${either(checks).name ?? name}`, respellCheck(checks, same), printCheck)
    ),
  ];
}

function compareColumns(path: string, columns: Whole<Column>, dialect: Dialect): readonly Difference[] {
  const [expected, actual] = columns;
  const keys = expected.identity && actual.identity;
  const same: SameExpression = (a, b) => isSameDefault([a, b], actual.type, dialect);
  const wanted = isNone(expected.default) ? null : expected.default;
  const found = isNone(actual.default) ? null : actual.default;
  const value = respell(wanted, found, same);
  const type = respell(expected.type, actual.type, (a, b) => bareType(a) === bareType(b));
  return [
    // Snapshots of old do not always know the values of an enum type.
    ...differ(
      path,
      [expected, { ...actual, type }],
      expected.values && actual.values ? printType : ({ type }) => type,
    ),
    // A key that the database makes is never NULL, whether its DDL says so or not.
    ...keys ? [] : differ(path, columns, printNull),
    ...differ(path, [{ ...expected, default: wanted }, { ...actual, default: value }], printDefault),
    ...differ(path, columns, expected.numbered && actual.numbered ? printNumbered : printMaker),
  ];
}

/** A default of NULL is what a column has without one. */
function isNone(value: string | null): boolean {
  return value !== null && /^\(*null\)*(?:::[\w" ]+(?:\([\d, ]+\))?)?$/i.test(value.trim());
}

type Names = readonly string[];

/** PostgreSQL makes no constraint of CREATE TABLE twice, and none that the primary key is already. */
function uniquesOf({ uniques, primaryKey }: Table): readonly Unique[] {
  const others = uniques.filter(({ columns }) => printNames(columns) !== printNames(primaryKey));
  return [...new Map(others.map((unique) => [printNames(unique.columns), unique])).values()];
}

function keyOf({ primaryKey }: Table): Names | undefined {
  return primaryKey.length === 0 ? undefined : primaryKey;
}

function printTable({ columns }: Table): string {
  return printNames(columns.map((column) => column.name));
}

function printColumn(column: Column): string {
  return `${column.type} ${printNull(column)}${column.default === null ? "" : ` ${printDefault(column)}`}`;
}

function printType({ type, values = [] }: Column): string {
  return values.length === 0 ? type : `${type} ('${values.join("', '")}')`;
}

function printNull({ notNull }: Column): string {
  return notNull ? "NOT NULL" : "NULL";
}

function printDefault(column: Column): string {
  return column.default === null ? "no DEFAULT" : `DEFAULT ${column.default}`;
}

function printMaker({ identity }: Column): string {
  return identity ? "made by the database" : "not made by the database";
}

function printNumbered({ numbered }: Column): string {
  return `GENERATED ${numbered?.toUpperCase()} AS IDENTITY`;
}

function printForeignKey(key: ForeignKey): string {
  const onDelete = key.onDelete === "no action" ? "" : ` ON DELETE ${key.onDelete.toUpperCase()}`;
  const onUpdate = key.onUpdate === "no action" ? "" : ` ON UPDATE ${key.onUpdate.toUpperCase()}`;
  return `${key.table}${printNames(key.references)}${onDelete}${onUpdate}${key.valid ? "" : " NOT VALID"}`;
}

function printCheck(check: Check): string {
  return `${check.expression}${check.valid ? "" : " NOT VALID"}`;
}

function respellCheck(checks: Pair<Check>, same: SameExpression): Pair<Check> {
  if (!isWhole(checks)) return checks;
  const [expected, actual] = checks;
  return [expected, { ...actual, expression: respell(expected.expression, actual.expression, same) }];
}

function sameName(a: { readonly name: string | null }, b: { readonly name: string | null }): boolean {
  return a.name !== null && a.name === b.name;
}

function sameColumns(a: { readonly columns: Names }, b: { readonly columns: Names }): boolean {
  return printNames(a.columns) === printNames(b.columns);
}

function sameForeignKey(a: ForeignKey, b: ForeignKey): boolean {
  return sameColumns(a, b) && printForeignKey(a) === printForeignKey(b);
}

/** Compares two things by what is printed of them. */
function differ<T>(
  path: string,
  both: readonly [T | undefined, T | undefined],
  print: (thing: T) => string,
): readonly Difference[] {
  const [expected, actual] = both.map((thing) => thing === undefined ? null : print(thing));
  if (expected === actual || expected === undefined || actual === undefined) return [];
  const kind = expected === null ? "extra" : actual === null ? "missing" : "changed";
  return [{ kind, path, expected, actual }];
}
