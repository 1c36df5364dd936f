import type { Dialect } from "../base/dialect.ts";
import { isDefaultSchema, nameIn, withPlainNames } from "../sql/table_names.ts";
import { isRecord } from "../base/json_schema.ts";
import type { KitEnds, KitSnapshot, KitTable } from "./kit_snapshot.ts";
import { mapValues } from "../base/records.ts";
import { hostSchemas, namedSchemas } from "./named_schemas.ts";

/**
 * Returns a snapshot in which what is in schemas of its own is in the default one, called `schema.name`: whoever writes
 * scripts of it needs to know nothing of schemas. `schemas` names those that there were. What PostgreSQL makes NOT NULL
 * without being told, the columns of a key, is so here.
 */
export function flattened(given: KitSnapshot): KitSnapshot {
  const snapshot: KitSnapshot = { ...given, tables: mapValues(given.tables, withKey[given.dialect]) };
  const named = namedSchemas(snapshot);
  const declared = isRecord(snapshot["schemas"]) ? Object.keys(snapshot["schemas"]) : [];
  const schemas = [...new Set([...declared, ...named])].toSorted();
  const tables = Object.values(snapshot.tables);
  const refersElsewhere = tables.some(({ foreignKeys }) =>
    Object.values(foreignKeys).some(({ schemaTo }) => !isDefaultSchema(schemaTo))
  );
  if (schemas.length === 0 && !refersElsewhere) return snapshot;
  const inText = (text: string) => withPlainNames(text, schemas);
  return {
    ...snapshot,
    schemas: Object.fromEntries(schemas.map((name) => [name, name])),
    tables: keyed(tables.map((table) => flatTable(table, inText))),
    enums: keyed(Object.values(snapshot.enums ?? {}).map(moved)),
    sequences: keyed(Object.values(snapshot.sequences ?? {}).map(moved)),
    views: keyed(
      Object.values(snapshot.views ?? {}).map((view) => ({
        ...moved(view),
        ...view.definition === undefined ? {} : { definition: inText(view.definition) },
      })),
    ),
  };
}

/** Which schemas a change makes and drops, and all that it names, those of the host among them. */
export function schemaChanges({ from, to }: KitEnds) {
  const [before, after] = [from, to].map(({ schemas }) => isRecord(schemas) ? Object.keys(schemas) : []) as [
    string[],
    string[],
  ];
  return {
    made: after.filter((name) => !before.includes(name)),
    gone: before.filter((name) => !after.includes(name)),
    all: [...new Set([...before, ...after, ...[from, to].flatMap(hostSchemas)])],
  };
}

/** Returns a flattened snapshot for drizzle-kit, which would make its schemas in another order. */
export function withoutSchemas(snapshot: KitSnapshot): KitSnapshot {
  return snapshot["schemas"] === undefined ? snapshot : { ...snapshot, schemas: {} };
}

const withKey: Readonly<Record<Dialect, (table: KitTable) => KitTable>> = {
  // Where a key there may hold NULL, its snapshot says so.
  sqlite: (table) => table,
  postgresql: withNotNullKey,
};

function withNotNullKey(table: KitTable): KitTable {
  const keys = Object.values(table.compositePrimaryKeys).flatMap(({ columns }) => columns);
  const columns = mapValues(
    table.columns,
    (column) => column.primaryKey || keys.includes(column.name) ? { ...column, notNull: true } : column,
  );
  return { ...table, columns };
}

function moved<T extends { readonly name: string; readonly [field: string]: unknown }>(thing: T): T {
  const { schema } = thing;
  return isDefaultSchema(schema) ? thing : { ...thing, name: nameIn(schema, thing.name), schema: "public" };
}

function keyed<T extends { readonly name: string }>(things: readonly T[]): Record<string, T> {
  return Object.fromEntries(things.map((thing) => [`public.${thing.name}`, thing]));
}

function flatTable(table: KitTable, inText: (text: string) => string): KitTable {
  const { schema } = table;
  return {
    ...table,
    name: nameIn(schema, table.name),
    schema: "",
    columns: mapValues(table.columns, (column) => ({
      ...column,
      ...isDefaultSchema(column.typeSchema)
        ? {}
        : { type: nameIn(column.typeSchema, column.type), typeSchema: "public" },
      ...column.generated === undefined
        ? {}
        : { generated: { ...column.generated, as: inText(column.generated.as) } },
      ...isRecord(column.identity) ? { identity: { ...column.identity, schema: "public" } } : {},
    })),
    indexes: Object.fromEntries(
      Object.values(table.indexes).map((index) => {
        const name = nameIn(schema, index.name);
        return [name, {
          ...index,
          name,
          columns: index.columns.map((column) =>
            typeof column !== "string" && column.isExpression
              ? { ...column, expression: inText(column.expression) }
              : column
          ),
          ...index.where === undefined ? {} : { where: inText(index.where) },
        }];
      }),
    ),
    foreignKeys: mapValues(table.foreignKeys, (key) => ({
      ...key,
      tableFrom: nameIn(schema, key.tableFrom),
      tableTo: nameIn(key.schemaTo, key.tableTo),
      ...isDefaultSchema(key.schemaTo) ? {} : { schemaTo: "public" },
    })),
    checkConstraints: mapValues(
      table.checkConstraints,
      (check) => ({ ...check, value: inText(check.value) }),
    ),
  };
}
