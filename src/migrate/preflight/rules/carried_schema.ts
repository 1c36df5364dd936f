import type { ForeignKey, Snapshot, Table } from "../../../schema/snapshot.ts";
import { replaceColumns } from "../../../sql/expression_columns.ts";
import { quoteName } from "../../../sql/quote.ts";
import { isOfHost } from "../../../sql/table_names.ts";
import { follow, type Origins, type Passage, startOf, type TableOrigin } from "../../rules/origins.ts";

/**
 * Returns the schema before a passage under the names that its tables and columns have after it. What goes is left out,
 * and so is what was made: a new column of an old name is not the old one.
 */
export function carriedSchema(passage: Passage): Snapshot {
  const { before } = passage;
  const origins = follow(startOf(before), passage);
  const tables = [...origins].flatMap(([name, origin]) => {
    const old = before.tables.find((table) => table.name === origin.table);
    return old === undefined ? [] : [
      isUntouched(old, name, { origins, before }) ? old : carriedTable({ ...old, name }, origin, {
        origins,
        before,
      }),
    ];
  });
  return { ...before, tables: tables.filter(({ columns }) => columns.length > 0) };
}

interface Surroundings {
  readonly origins: Origins;
  readonly before: Snapshot;
}

/** Says whether a table, its columns and those that it refers to have the names that they had: most have at most steps. */
function isUntouched(
  { name: old, columns, foreignKeys }: Table,
  name: string,
  { origins, before }: Surroundings,
): boolean {
  const own = origins.get(name)!.columns;
  return old === name && own.size === columns.length &&
    columns.every((column) => own.get(column.name)?.column === column.name) &&
    foreignKeys.every(({ table, references }) => {
      if (isOfHost(table, before)) return true;
      const parent = origins.get(table);
      return parent?.table === table &&
        references.every((column) => parent.columns.get(column)?.column === column);
    });
}

function carriedTable(
  table: Table,
  origin: TableOrigin,
  { origins, before }: Surroundings,
): Table {
  const { dialect } = before;
  const names = newNames(origin);
  const all = (columns: readonly string[]) => {
    const found = columns.flatMap((column) => names.get(column) ?? []);
    return found.length === columns.length ? found : null;
  };
  const inColumns = <Part extends { readonly columns: readonly string[] }>(part: Part): readonly Part[] => {
    const columns = all(part.columns);
    return columns === null ? [] : [{ ...part, columns }];
  };
  const texts = new Map([...names].map(([old, now]) => [old, quoteName(now)]));
  return {
    ...table,
    columns: table.columns.flatMap((column) => {
      const name = names.get(column.name);
      return name === undefined ? [] : [{ ...column, name }];
    }),
    primaryKey: all(table.primaryKey) ?? [],
    indexes: table.indexes.flatMap(inColumns).map((index) => ({
      ...index,
      where: index.where === null ? null : replaceColumns(index.where, texts, dialect),
    })),
    uniques: table.uniques.flatMap(inColumns),
    checks: table.checks.map((check) => ({
      ...check,
      expression: replaceColumns(check.expression, texts, dialect),
    })),
    foreignKeys: table.foreignKeys.flatMap(inColumns).flatMap((key) =>
      isOfHost(key.table, before) ? [key] : carriedKey(key, origins)
    ),
  };
}

function carriedKey(key: ForeignKey, origins: Origins): readonly ForeignKey[] {
  const [name, parent] = [...origins].find(([, origin]) => origin.table === key.table) ?? [];
  if (name === undefined || parent === undefined) return [];
  const names = newNames(parent);
  const references = key.references.flatMap((column) => names.get(column) ?? []);
  return references.length < key.references.length ? [] : [{ ...key, table: name, references }];
}

/** What the columns are called now, by their old names. */
function newNames({ columns }: TableOrigin): ReadonlyMap<string, string> {
  return new Map(
    [...columns].flatMap(([name, { column }]) => column === null ? [] : [[column, name] as const]),
  );
}
