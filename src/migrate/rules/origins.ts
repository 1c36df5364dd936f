import { isSameName } from "../../base/fold_name.ts";
import type { Dialect } from "../../base/dialect.ts";
import type { Snapshot } from "../../schema/snapshot.ts";
import { type Copy, type Effect, withSchemaRenamed } from "./effects/effect.ts";
import { effectsOf } from "./statement_effects.ts";

/**
 * How the values of a column came to be.
 * - `same`: as they were.
 * - `filled`: as they were, and something where there was nothing.
 * - `copied anew`: a copy of their table worked them out.
 * - `changed`: nothing can be said.
 */
export type Values = typeof ranks[number];

/** The less is known, the later. */
const ranks = ["same", "filled", "copied anew", "changed"] as const;

/** Where what a column holds comes from. */
export interface ColumnOrigin {
  /** Its name at the start; `null` for one that was made since, with NULL in every row as long as its values are `same`. */
  readonly column: string | null;
  readonly values: Values;
}

/** Where the rows of a table come from. */
export interface TableOrigin {
  /** Its name at the start; `null` for one that was made since, without rows unless it `hasMore`. */
  readonly table: string | null;
  /** Whether rows may have come since. */
  readonly hasMore: boolean;
  /** Whether rows may have gone since. */
  readonly hasFewer: boolean;
  readonly columns: ReadonlyMap<string, ColumnOrigin>;
}

/** Of each table by its name now, where it comes from. */
export type Origins = ReadonlyMap<string, TableOrigin>;

/** The statements that lead from one schema to another. */
export interface Passage {
  readonly before: Snapshot;
  readonly after: Snapshot;
  readonly statements: readonly string[];
}

/** What is followed of a table. */
interface Named {
  readonly name: string;
  readonly columns: readonly { readonly name: string }[];
}

/** Returns the origins where nothing has happened yet. */
export function startOf({ tables }: { readonly tables: readonly Named[] }): Origins {
  return new Map(tables.map(({ name, columns }) => [name, {
    table: name,
    hasMore: false,
    hasFewer: false,
    columns: new Map(columns.map((column) => [column.name, { column: column.name, values: "same" }])),
  }]));
}

/** Follows tables and columns through the statements of a passage. */
export function follow(origins: Origins, { before, after, statements }: Passage): Origins {
  const { dialect } = before;
  const state = statements.flatMap((sql) => effectsOf(sql, dialect)).reduce(
    (reached: Origins, effect) => apply(reached, effect, { dialect, before, after }),
    origins,
  );
  return new Map(after.tables.map(({ name, columns }) => {
    const found = state.get(keyIn(state, name, dialect)) ?? unknownTable;
    const isNew = found.table === null && !found.hasMore;
    return [name, {
      ...found,
      columns: new Map(columns.map((column) => [
        column.name,
        found.columns.get(keyIn(found.columns, column.name, dialect)) ??
          { column: null, values: isNew ? "same" : "changed" },
      ])),
    }];
  }));
}

/** Returns origins of which it is not known how much of what was made since is there already. */
export function halfWay(origins: Origins): Origins {
  const origin = (each: ColumnOrigin): ColumnOrigin =>
    each.column === null ? { ...each, values: "changed" } : each;
  return new Map([...origins].map(([name, table]) => [name, {
    ...table,
    hasMore: table.hasMore || table.table === null,
    columns: new Map([...table.columns].map(([column, each]) => [column, origin(each)])),
  }]));
}

const unknownTable: TableOrigin = { table: null, hasMore: true, hasFewer: true, columns: new Map() };

interface Surroundings {
  readonly dialect: Dialect;
  readonly before: Snapshot;
  readonly after: Snapshot;
}

function apply(origins: Origins, effect: Effect, around: Surroundings): Origins {
  if (effect.kind === "hidden") {
    return new Map(
      [...origins].map(([name, table]) => [name, { ...written(table, null), hasMore: true, hasFewer: true }]),
    );
  }
  if (effect.kind === "rename schema") return withSchemaRenamed(origins, effect);
  const key = keyIn(origins, effect.table, around.dialect);
  const table = origins.get(key);
  if (effect.kind === "make") {
    const isKept = table !== undefined && !effect.isCertain;
    return isKept
      ? origins
      : withTable(origins, effect.table, { ...unknownTable, hasMore: false, hasFewer: false });
  }
  if (table === undefined) return origins;
  switch (effect.kind) {
    case "drop":
      return withTable(origins, key, null);
    case "rename":
      return withTable(withTable(origins, key, null), effect.to, table);
    case "add column":
      return withTable(origins, key, {
        ...table,
        columns: withColumn(table, effect.column, {
          column: null,
          values: effect.isNull ? "same" : "changed",
        }),
      });
    case "drop column":
      return withTable(origins, key, { ...table, columns: withColumn(table, keyOf(effect.column), null) });
    case "rename column": {
      const old = keyOf(effect.column);
      const columns = withColumn(
        { columns: withColumn(table, old, null) },
        effect.to,
        table.columns.get(old) ?? null,
      );
      return withTable(origins, key, { ...table, columns });
    }
    case "write":
      return withTable(origins, key, written(table, effect.columns?.map(keyOf) ?? null, effect.isFill));
    case "more rows":
      return withTable(origins, key, { ...table, hasMore: true });
    case "fewer rows":
      return withFewerRows(origins, key, around);
    case "copy":
      return withTable(
        origins,
        key,
        copied(table, effect, origins.get(keyIn(origins, effect.source, around.dialect))),
      );
  }

  function keyOf(column: string): string {
    return keyIn(table!.columns, column, around.dialect);
  }
}

/** Rows that go take those along that refer to them, or what they have there. */
function withFewerRows(origins: Origins, gone: string, { before, after }: Surroundings): Origins {
  const keys = [...before.tables, ...after.tables].flatMap(({ name, foreignKeys }) =>
    foreignKeys.map((key) => ({ name, to: key.table }))
  );
  const reached = new Set([gone]);
  for (const table of reached) keys.filter(({ to }) => to === table).forEach(({ name }) => reached.add(name));
  return new Map([...origins].map(([name, table]) => {
    if (!reached.has(name)) return [name, table];
    return [name, { ...name === gone ? table : written(table, null), hasFewer: true }];
  }));
}

function written(table: TableOrigin, columns: readonly string[] | null, isFill = false): TableOrigin {
  const names = columns ?? [...table.columns.keys()];
  return {
    ...table,
    columns: new Map([...table.columns].map(([name, origin]) => [
      name,
      names.includes(name) ? { ...origin, values: worse(origin, isFill ? "filled" : "changed") } : origin,
    ])),
  };
}

/** What a table is after rows of another have come into it. */
function copied(
  table: TableOrigin,
  { columns, isWhole }: Copy,
  source: TableOrigin | undefined,
): TableOrigin {
  const isCopy = source !== undefined && table.table === null && !table.hasMore;
  if (!isCopy) return { ...table, hasMore: true };
  const taken = columns.map(({ column, from, isFilled }): readonly [string, ColumnOrigin] => {
    // A column that gets another's values is still that column, as long as the other table has it too.
    const own = source.columns.get(column);
    const given = from === null ? undefined : source.columns.get(from);
    if (own === undefined) return [column, given ?? { column: null, values: "changed" }];
    if (from !== column) return [column, { ...own, values: worse(own, "copied anew") }];
    return [column, isFilled ? { ...own, values: worse(own, "filled") } : own];
  });
  const names = new Set(columns.map(({ column }) => column));
  const left = [...source.columns].filter(([name]) => !names.has(name))
    .map((
      [name, own],
    ): readonly [string, ColumnOrigin] => [name, { ...own, values: worse(own, "copied anew") }]);
  return { ...source, hasFewer: source.hasFewer || !isWhole, columns: new Map([...taken, ...left]) };
}

function worse({ column, values }: ColumnOrigin, next: Values): Values {
  // What was NULL in every row, and is not any more.
  if (column === null || (values !== "same" && values !== next)) return "changed";
  return ranks[Math.max(ranks.indexOf(values), ranks.indexOf(next))]!;
}

function withTable(origins: Origins, name: string, table: TableOrigin | null): Origins {
  const others = [...origins].filter(([other]) => other !== name);
  return new Map(table === null ? others : [...others, [name, table]]);
}

function withColumn(
  { columns }: Pick<TableOrigin, "columns">,
  name: string,
  origin: ColumnOrigin | null,
): TableOrigin["columns"] {
  const others = [...columns].filter(([other]) => other !== name);
  return new Map(origin === null ? others : [...others, [name, origin]]);
}

/** Returns a name as a map has it. */
function keyIn(map: ReadonlyMap<string, unknown>, name: string, dialect: Dialect): string {
  return map.has(name) ? name : [...map.keys()].find((key) => isSameName(dialect, key, name)) ?? name;
}
