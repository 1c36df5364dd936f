import type { Dialect } from "../../../base/dialect.ts";
import { follow, type Origins, type Passage, startOf } from "../../../migrate/rules/origins.ts";
import type { Snapshot, Table } from "../../../schema/snapshot.ts";
import { columnsIn, replaceColumns } from "../../../sql/expression_columns.ts";
import { quoteName } from "../../../sql/quote.ts";
import { hostTable } from "../../../sql/table_names.ts";
import type { ColumnType } from "./sample_rows.ts";

/** What rows of a table must be like to live on through the schemas that follow, by the names that it has now. */
export interface Outlook {
  readonly checks: readonly Condition[];
  /** The columns that may hold a value, or a list of values, once only. */
  readonly uniques: readonly (readonly string[])[];
  readonly references: readonly Reference[];
  /** The columns that are part of a key, or will be without getting a value where they have none. */
  readonly keys: readonly string[];
  /** The types that a column has in turn. */
  readonly types: ReadonlyMap<string, readonly ColumnType[]>;
}

/** A check and the columns that it looks at. */
export interface Condition {
  readonly expression: string;
  readonly columns: readonly string[];
}

/** What columns refer to. */
export interface Reference {
  readonly columns: readonly string[];
  /** `null` for a table that is still to be made, without rows. */
  readonly table: string | null;
  readonly references: readonly string[];
}

/**
 * Returns the outlook of each table of a schema. What a script gives other values to is left to the script.
 *
 * @param passages What follows, in order
 */
export function outlooksOf(start: Snapshot, passages: readonly Passage[]): ReadonlyMap<string, Outlook> {
  const views = [{ schema: start, origins: startOf(start) }];
  for (const passage of passages) {
    views.push({ schema: passage.after, origins: follow(views.at(-1)!.origins, passage) });
  }
  const laterIn = views.map(({ schema, origins }) =>
    Map.groupBy(schema.tables, ({ name }) => origins.get(name)?.table)
  );
  return new Map(start.tables.map((table) => {
    const found = views.flatMap(({ origins }, place) =>
      (laterIn[place]!.get(table.name) ?? [])
        .map((later) => seen(table, later, { origins, dialect: start.dialect }))
    );
    const types = table.columns.map(({ name }) =>
      [name, distinct(found.flatMap((each) => each.types.get(name) ?? []))] as const
    );
    return [table.name, {
      checks: distinct(found.flatMap(({ checks }) => checks)),
      uniques: distinct(found.flatMap(({ uniques }) => uniques)),
      references: distinct(found.flatMap(({ references }) => references)),
      keys: distinct(found.flatMap(({ keys }) => keys)),
      types: new Map(types),
    }];
  }));
}

interface View {
  readonly origins: Origins;
  readonly dialect: Dialect;
}

/** What a later form of a table says about it as it is now. */
function seen(table: Table, later: Table, { origins, dialect }: View) {
  const origin = origins.get(later.name)!;
  const nameNow = (column: string) => {
    const found = origin.columns.get(column);
    return found !== undefined && (found.values === "same" || found.values === "filled")
      ? found.column
      : null;
  };
  const namesNow = (columns: readonly string[]) => {
    const names = columns.flatMap((column) => nameNow(column) ?? []);
    return names.length === columns.length ? names : null;
  };
  const typeNow = (column: string) => table.columns.find(({ name }) => name === column)?.type;
  const translated = new Map(later.columns.flatMap(({ name, type }) => {
    const own = nameNow(name);
    if (own === null) return [];
    return [[name, typeNow(own) === type ? quoteName(own) : `CAST(${quoteName(own)} AS ${type})`] as const];
  }));
  return {
    checks: later.checks.flatMap(({ expression }): readonly Condition[] => {
      const columns = namesNow(columnsIn(expression, later.columns, dialect));
      if (columns === null) return [];
      const isSame = !expression.includes(".") &&
        columns.every((name) => translated.get(name) === quoteName(name));
      return [{ columns, expression: isSame ? expression : replaceColumns(expression, translated, dialect) }];
    }),
    uniques: [
      ...later.uniques,
      ...later.indexes.filter(({ unique }) => unique),
      ...later.primaryKey.length > 0 ? [{ columns: later.primaryKey }] : [],
    ].flatMap(({ columns }) => {
      const names = namesNow(columns);
      return names === null ? [] : [names];
    }),
    references: later.foreignKeys.flatMap((key): readonly Reference[] => {
      const columns = namesNow(key.columns);
      const parent = origins.get(key.table);
      if (columns === null) return [];
      if (parent === undefined) {
        // No script makes what the host has, and so none says where it has its rows from.
        return hostTable(key.table) === null
          ? []
          : [{ columns, table: key.table, references: key.references }];
      }
      if (parent.table === null) return parent.hasMore ? [] : [{ columns, table: null, references: [] }];
      const references = key.references.flatMap((column) => parent.columns.get(column)?.column ?? []);
      return references.length < columns.length ? [] : [{ columns, table: parent.table, references }];
    }),
    keys: later.primaryKey.flatMap((name) => {
      const found = origin.columns.get(name);
      return found?.values === "same" && found.column !== null ? [found.column] : [];
    }),
    types: new Map(later.columns.flatMap(({ name, type, values }) => {
      const found = origin.columns.get(name);
      // A text of which a copy works out a value has to be one of that type.
      const isRead = found?.values === "copied anew" && /CHAR|TEXT/i.test(typeNow(found.column ?? "") ?? "");
      const own = isRead ? found.column : nameNow(name);
      return own === null ? [] : [[own, [values === undefined ? { type } : { type, values }]] as const];
    })),
  };
}

function distinct<Item>(items: readonly Item[]): readonly Item[] {
  return [...new Map(items.map((item) => [JSON.stringify(item), item])).values()];
}
