import type { Dialect } from "../base/dialect.ts";
import * as v from "valibot";
import { isRecord, listOf } from "../base/json_schema.ts";
import { once } from "../base/once_for.ts";

/**
 * The snapshots of drizzle-kit 1.0: a list of all things instead of a tree, or what a revision changed in that list. They
 * are brought to the form of 0.31.
 */
const row = once(() =>
  v.looseObject({
    entityType: v.string(),
    schema: v.nullish(v.string()),
    table: v.nullish(v.string()),
    name: v.nullish(v.string()),
  })
);

const delta = once(() =>
  v.variant("op", [
    v.object({ op: v.literal("create"), row: row() }),
    v.object({ op: v.literal("drop"), key: v.string() }),
    v.object({
      op: v.picklist(["alter", "rename"]),
      key: v.string(),
      set: v.record(v.string(), v.unknown()),
    }),
  ])
);

/** The fields of such a snapshot in which the schema is. */
export const entitySnapshot = once(() =>
  v.object({
    id: v.string(),
    prevIds: listOf(v.string()),
    ddl: v.exactOptional(listOf(row())),
    deltas: v.exactOptional(listOf(delta())),
  })
);

type Row = v.InferOutput<ReturnType<typeof row>>;
type Delta = v.InferOutput<ReturnType<typeof delta>>;

/** Returns what a list becomes by the changes of a revision. */
export function applyDeltas(before: readonly unknown[], deltas: readonly unknown[]): readonly unknown[] {
  let rows = before as readonly Row[];
  for (const each of deltas as readonly Delta[]) {
    if (each.op === "create") rows = [...rows.filter((old) => keyOf(old) !== keyOf(each.row)), each.row];
    else if (each.op === "drop") rows = rows.filter((old) => keyOf(old) !== each.key);
    else {
      const old = rows.find((one) => keyOf(one) === each.key);
      if (old === undefined) continue;
      const now: Row = { ...old, ...each.set };
      rows = rows.map((one) => one === old ? now : each.op === "rename" ? follow(one, old, now) : one);
    }
  }
  return rows;
}

/** Returns the changes by which a list became what it is, of those that it was made on: what is as in one of them stays. */
export function changesSince(
  parents: readonly (readonly unknown[])[],
  own: readonly unknown[],
): readonly unknown[] {
  const texts = (rows: readonly unknown[]) =>
    new Map((rows as readonly Row[]).map((row) => [keyOf(row), JSON.stringify(row)]));
  const known = parents.map(texts);
  const now = texts(own);
  const isNew = (row: unknown) => known.every((rows) => rows.get(keyOf(row as Row)) !== JSON.stringify(row));
  const gone = new Set(known.flatMap((rows) => [...rows.keys()]).filter((key) => !now.has(key)));
  return [
    ...[...gone].map((key) => ({ op: "drop", key })),
    ...own.filter(isNew).map((row) => ({ op: "create", row })),
  ] as readonly Delta[];
}

function keyOf({ entityType, schema, table, name }: Row): string {
  return `${entityType}\0${JSON.stringify([schema, table, name].filter((part) => part !== undefined))}`;
}

/** Returns a thing as it is after one that it may refer to got another name. */
function follow(row: Row, old: Row, now: Row): Row {
  const rename = renames[old.entityType];
  return rename === undefined ? row : { ...row, ...rename(row, old, now) };
}

type Change = (row: Row, old: Row, now: Row) => Partial<Row>;

const renames: Readonly<Record<string, Change>> = {
  schemas: (row, old, now) => ({
    ...row.schema === old.name ? { schema: now.name } : {},
    ...row["schemaTo"] === old.name ? { schemaTo: now.name } : {},
    ...row["typeSchema"] === old.name ? { typeSchema: now.name } : {},
  }),
  enums: (row, old, now) =>
    row["type"] === old.name && row["typeSchema"] === old.schema
      ? { type: now.name, typeSchema: now.schema }
      : {},
  tables: (row, old, now) => ({
    ...isIn(row, old) ? { table: now.name, schema: now.schema } : {},
    ...row["tableTo"] === old.name && row["schemaTo"] === old.schema
      ? { tableTo: now.name, schemaTo: now.schema }
      : {},
  }),
  columns: (row, old, now) => {
    const other = (name: unknown) => name === old.name ? now.name : name;
    const inIndex = (column: unknown) =>
      isRecord(column)
        ? column["isExpression"] ? column : { ...column, value: other(column["value"]) }
        : other(column);
    const isReferred = row["tableTo"] === old.table && row["schemaTo"] === old.schema;
    return {
      ...row.table === old.table && row.schema === old.schema && Array.isArray(row["columns"])
        ? { columns: row["columns"].map(inIndex) }
        : {},
      ...isReferred && Array.isArray(row["columnsTo"]) ? { columnsTo: row["columnsTo"].map(other) } : {},
    };
  },
};

function isIn(row: Row, table: Row): boolean {
  return row.table === table.name && row.schema === table.schema;
}

/** Returns the tree of 0.31 that says the same as a list. */
export function treeOf(dialect: Dialect, list: readonly unknown[]): Readonly<Record<string, unknown>> {
  const rows = (list as readonly Row[]).map(withoutNull);
  const all = (kind: string) => rows.filter(({ entityType }) => entityType === kind);
  const tables = all("tables").map((table) => {
    const own = (kind: string) => all(kind).filter((row) => isIn(row, table));
    const keys = own("pks");
    const single = keys.flatMap(({ columns }) =>
      Array.isArray(columns) && columns.length === 1 ? columns : []
    );
    return [keyIn(table), {
      name: table.name,
      ...schemaOf(table),
      columns: byName(own("columns").map((column) => columnOf(column, single))),
      indexes: byName(own("indexes").map((index) => indexOf(index))),
      foreignKeys: byName(
        own("fks").map((key) => ({
          name: key.name,
          tableFrom: table.name,
          tableTo: key["tableTo"],
          ...pick(key, ["schemaTo"]),
          columnsFrom: key["columns"],
          columnsTo: key["columnsTo"],
          onDelete: actionOf(key["onDelete"]),
          onUpdate: actionOf(key["onUpdate"]),
        })),
      ),
      compositePrimaryKeys: byName(
        keys.filter(({ columns }) => Array.isArray(columns) && columns.length > 1).map(columnList),
      ),
      uniqueConstraints: byName(
        own("uniques").map((unique) => ({
          ...columnList(unique),
          ...pick(unique, ["nullsNotDistinct"]),
        })),
      ),
      checkConstraints: byName(own("checks").map(({ name, value }) => ({ name, value }))),
      ...ownOf[dialect](own),
    }] as const;
  });
  return { dialect, tables: Object.fromEntries(tables), ...besideTables[dialect](all) };
}

/** Returns all things of a kind; of a table, or at all. */
type All = (kind: string) => readonly Row[];
type Sections = Readonly<Record<string, unknown>>;

/** What a table has in one dialect only. */
const ownOf: Readonly<Record<Dialect, (own: All) => Sections>> = {
  sqlite: () => ({}),
  postgresql: (own) => ({
    policies: byName(
      own("policies").map((policy) => ({
        name: policy.name,
        to: policy["roles"],
        ...pick(policy, ["as", "for", "using", "withCheck"]),
      })),
    ),
  }),
};

/** What a dialect has beside tables. */
const besideTables: Readonly<Record<Dialect, (all: All) => Sections>> = {
  sqlite: (all) => ({
    enums: {},
    views: keyed(all("views").map((view) => viewOf(view, []))),
  }),
  postgresql: (all) => ({
    enums: keyed(all("enums").map((each) => pick(each, ["name", "schema", "values"]))),
    views: keyed(
      all("views").map((view) =>
        viewOf(view, ["schema", "materialized", "with", "withNoData", "tablespace"])
      ),
    ),
    sequences: keyed(
      all("sequences").map((sequence) => ({
        ...pick(sequence, ["name", "schema", "minValue", "maxValue", "startWith", "cycle"]),
        ...numbersOf(sequence["incrementBy"], sequence["cacheSize"]),
      })),
    ),
    roles: keyed(all("roles").map((role) => pick(role, ["name", "createDb", "createRole", "inherit"]))),
    schemas: Object.fromEntries(all("schemas").map(({ name }) => [String(name), name])),
  }),
};

/** How a sequence counts: a number of 1.0 is a text in 0.31. */
function numbersOf(increment: unknown, cache: unknown): Sections {
  return { ...pick({ increment }, ["increment"]), ...cache === undefined ? {} : { cache: String(cache) } };
}

function viewOf(view: Row, own: readonly string[]): Sections {
  const { using } = view;
  return {
    columns: {},
    isExisting: view["isExisting"] === true,
    ...pick(view, ["name", "definition", ...own]),
    ...isRecord(using) ? { using: using["name"] } : {},
  };
}

/** Returns things by their names, behind the schema where they have one. */
function keyed(things: readonly Sections[]): Sections {
  return Object.fromEntries(things.map((each) => [keyIn(each as Row), each]));
}

function keyIn({ schema, name }: Row): string {
  return schema === undefined ? String(name) : `${schema}.${name}`;
}

function schemaOf({ schema }: Row): { readonly schema?: string } {
  return schema === undefined ? {} : { schema: schema === "public" || schema === null ? "" : schema };
}

function columnOf(column: Row, key: readonly unknown[]): Readonly<Record<string, unknown>> & Named {
  const { name, type, dimensions, notNull, autoincrement, identity, ...rest } = column;
  return {
    name,
    type: `${type}${"[]".repeat(Number(dimensions ?? 0))}`,
    primaryKey: key.includes(name),
    notNull: notNull === true,
    ...autoincrement === undefined ? {} : { autoincrement },
    ...pick(rest, ["default", "generated", "typeSchema"]),
    ...isRecord(identity)
      ? { identity: { ...identity, ...numbersOf(identity["increment"], identity["cache"]) } }
      : {},
  };
}

function indexOf({ name, isUnique, columns, ...rest }: Row): Readonly<Record<string, unknown>> & Named {
  const parts = Array.isArray(columns) ? columns.filter(isRecord) : [];
  return {
    name,
    isUnique: isUnique === true,
    columns: parts.map((part) =>
      part["asc"] === undefined ? part["value"] : {
        expression: part["value"],
        isExpression: part["isExpression"] === true,
        asc: part["asc"],
        nulls: part["nullsFirst"] === true ? "first" : "last",
        ...isRecord(part["opclass"]) ? { opclass: part["opclass"]["name"] } : {},
      }
    ),
    ...pick(rest, ["where", "method", "concurrently"]),
    ...typeof rest["with"] === "string" ? { with: optionsIn(rest["with"]) } : {},
  };
}

/** Reads `fillfactor=70, deduplicate_items=off`. */
function optionsIn(text: string): Sections {
  return Object.fromEntries(
    text.split(",").flatMap((each) => {
      const [name = "", value] = each.split("=");
      return value === undefined ? [] : [[name.trim(), value.trim()]];
    }),
  );
}

function columnList({ name, columns }: Row): Readonly<Record<string, unknown>> & Named {
  return { name, columns };
}

function actionOf(action: unknown): string {
  return String(action ?? "NO ACTION").toLowerCase();
}

type Named = { readonly name?: string | null | undefined };

function byName<T extends Named>(parts: readonly T[]): Readonly<Record<string, T>> {
  return Object.fromEntries(parts.map((part) => [String(part.name), part]));
}

function pick(record: Readonly<Record<string, unknown>>, names: readonly string[]): Record<string, unknown> {
  return Object.fromEntries(
    names.flatMap((name) => record[name] === undefined ? [] : [[name, record[name]]]),
  );
}

/** What 0.31 leaves out is `null` in 1.0. */
function withoutNull(row: Row): Row {
  return Object.fromEntries(Object.entries(row).filter(([, value]) => value !== null)) as Row;
}
