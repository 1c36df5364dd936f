import type { Dialect } from "../../../base/dialect.ts";
import { keyOf } from "../../../base/fold_name.ts";
import { namesIn } from "../../../sql/expression_columns.ts";
import { filterValues, mapValues } from "../../../base/records.ts";
import type { KitColumn, KitSnapshot, KitTable } from "../../../schema/kit_snapshot.ts";

/**
 * Returns a snapshot from which drizzle-kit gets right what becomes of columns that begin or cease to be made of others, or are
 * made of something else. It drops such a column and adds another one, and knows nothing of what goes with it or is in its way.
 */
export function withRemadeColumns(from: KitSnapshot, to: KitSnapshot): KitSnapshot {
  const change = remakers[to.dialect];
  const tables = mapValues(from.tables, (table, key) => {
    const after = to.tables[key];
    const remade = Object.values(after?.columns ?? {}).filter(({ name, generated }) =>
      table.columns[name] !== undefined && table.columns[name].generated?.as !== generated?.as
    );
    return after === undefined || remade.length === 0 ? table : change(table, remade);
  });
  return { ...from, tables };
}

type Remaker = (table: KitTable, remade: readonly KitColumn[]) => KitTable;

const remakers: Readonly<Record<Dialect, Remaker>> = {
  /** SQLite drops no column that an index or a check names, and values that were made are kept: the table is copied. */
  sqlite: (table, remade) => {
    const parts = partsOf(table, "sqlite");
    const isCopied = remade.some(({ name, generated }) =>
      generated === undefined || generated.type === "stored" ||
      parts.some(({ names }) => names.has(keyOf(name, "sqlite")))
    );
    if (!isCopied) return table;
    // For what it takes for another change of the column drizzle-kit copies the table.
    const copied = remade.map((column) => [column.name, { ...column, notNull: !column.notNull }]);
    return { ...table, columns: { ...table.columns, ...Object.fromEntries(copied) } };
  },
  /** PostgreSQL takes indexes and constraints along with a column that is dropped; one that ceases to be made of others is not. */
  postgresql: (table, remade) => {
    const gone = remade.filter(({ generated }) => generated !== undefined).map(({ name }) => name);
    const parts = partsOf(table, "postgresql").filter(({ names }) => gone.some((name) => names.has(name)));
    const isGone = (section: Section) => (part: { readonly name: string }) =>
      !parts.some((each) => each.section === section && each.name === part.name);
    return {
      ...table,
      indexes: filterValues(table.indexes, isGone("indexes")),
      uniqueConstraints: filterValues(table.uniqueConstraints, isGone("uniqueConstraints")),
      checkConstraints: filterValues(table.checkConstraints, isGone("checkConstraints")),
      foreignKeys: filterValues(table.foreignKeys, isGone("foreignKeys")),
    };
  },
};

type Section = "indexes" | "uniqueConstraints" | "checkConstraints" | "foreignKeys";

/** What a table has beside its columns, with all names in it, as {@link keyOf} has them. */
interface Part {
  readonly section: Section;
  readonly name: string;
  readonly names: ReadonlySet<string | null>;
}

function partsOf(table: KitTable, dialect: Dialect): readonly Part[] {
  const namesOf = (columns: readonly string[], ...texts: readonly string[]) =>
    new Set([
      ...columns.map((name) => keyOf(name, dialect)),
      ...texts.flatMap((text) => [...namesIn(text, dialect)]),
    ]);
  return [
    ...Object.values(table.indexes).map(({ name, columns, where = "" }): Part => {
      const parts = columns.map((column) => typeof column === "string" ? column : column.expression);
      return { section: "indexes", name, names: namesOf(parts, ...parts, where) };
    }),
    ...Object.values(table.uniqueConstraints).map(({ name, columns }): Part => ({
      section: "uniqueConstraints",
      name,
      names: namesOf(columns),
    })),
    ...Object.values(table.checkConstraints).map(({ name, value }): Part => ({
      section: "checkConstraints",
      name,
      names: namesOf([], value),
    })),
    ...Object.values(table.foreignKeys).map(({ name, columnsFrom }): Part => ({
      section: "foreignKeys",
      name,
      names: namesOf(columnsFrom),
    })),
  ];
}
