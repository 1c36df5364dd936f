import { type Dialect, dialectNamed, dialects } from "../base/dialect.ts";
import * as v from "valibot";
import { HarborError } from "../base/errors.ts";
import type { JsonFile, WrongJson } from "../base/json_schema.ts";
import { onceFor } from "../base/once_for.ts";
import { entitySnapshot, treeOf } from "./entity_snapshot.ts";
import { isRecord, listOf, oneOf, readAs, recordOf } from "../base/json_schema.ts";

const kitColumn = v.object({
  name: v.string(),
  type: v.string(),
  primaryKey: v.boolean(),
  notNull: v.boolean(),
  /** Where a type of the project's own is. */
  typeSchema: v.exactOptional(v.string()),
  default: v.exactOptional(
    v.union([v.string(), v.number(), v.boolean(), v.null()], "is no value of a column"),
  ),
  identity: v.exactOptional(v.unknown()),
  generated: v.exactOptional(v.object({ as: v.string(), type: v.string() })),
});

const kitIndexColumn = v.object({
  expression: v.string(),
  isExpression: v.boolean(),
  asc: v.exactOptional(v.boolean()),
  nulls: v.exactOptional(v.string()),
  /** PostgreSQL's operator class. */
  opclass: v.nullish(v.string()),
});

const kitIndex = v.object({
  name: v.string(),
  /** SQLite: names or expressions. PostgreSQL: objects. */
  columns: listOf(v.union(
    [v.string(), kitIndexColumn],
    "is no column or expression",
  )),
  isUnique: v.exactOptional(v.boolean()),
  where: v.exactOptional(v.string()),
  /** PostgreSQL's. */
  method: v.exactOptional(v.string()),
});

const kitForeignKey = v.object({
  name: v.string(),
  tableFrom: v.string(),
  tableTo: v.string(),
  /** PostgreSQL's; of the default schema nothing, or `public`. */
  schemaTo: v.nullish(v.string()),
  columnsFrom: listOf(v.string()),
  columnsTo: listOf(v.string()),
  onDelete: v.exactOptional(v.string()),
  onUpdate: v.exactOptional(v.string()),
});

const kitColumnList = v.object({ name: v.string(), columns: listOf(v.string()) });

const kitUnique = v.object({ ...kitColumnList.entries, nullsNotDistinct: v.exactOptional(v.boolean()) });

const kitCheck = v.object({ name: v.string(), value: v.string() });

const sections = {
  columns: recordOf(kitColumn),
  indexes: recordOf(kitIndex),
  foreignKeys: recordOf(kitForeignKey),
  compositePrimaryKeys: recordOf(kitColumnList),
  uniqueConstraints: recordOf(kitUnique),
  checkConstraints: recordOf(kitCheck),
};

const kitEnum = v.looseObject({ name: v.string(), values: listOf(v.string()) });

const kitView = v.looseObject({
  name: v.string(),
  /** The query; a view that is only spoken of has none. */
  definition: v.exactOptional(v.string()),
  isExisting: v.exactOptional(v.boolean()),
  /** PostgreSQL's. */
  materialized: v.exactOptional(v.boolean()),
});

const kitSequence = v.looseObject({ name: v.string() });

const kitTable = v.looseObject({ name: v.string(), ...sections });

const kitSnapshot = v.looseObject({
  dialect: oneOf(dialects),
  /** By name; on PostgreSQL by schema and name: `public.users`. */
  tables: recordOf(kitTable),
  /** Enum types of PostgreSQL, by schema and name. */
  enums: v.exactOptional(recordOf(kitEnum)),
  views: v.exactOptional(recordOf(kitView)),
  sequences: v.exactOptional(recordOf(kitSequence)),
  id: v.string(),
  prevId: v.string(),
});

/**
 * A snapshot as drizzle-kit 0.31 writes it, with the parts that harbor-db looks at. Whatever else it holds is kept as
 * it is.
 */
export type KitSnapshot = Readonly<v.InferOutput<typeof kitSnapshot>>;
export type KitTable = Readonly<v.InferOutput<typeof kitTable>>;
export type KitColumn = Readonly<v.InferOutput<typeof kitColumn>>;
export type KitIndexColumn = Readonly<v.InferOutput<typeof kitIndexColumn>>;
export type KitIndex = Readonly<v.InferOutput<typeof kitIndex>>;
export type KitForeignKey = Readonly<v.InferOutput<typeof kitForeignKey>>;
export type KitView = Readonly<v.InferOutput<typeof kitView>>;
export type KitSequence = Readonly<v.InferOutput<typeof kitSequence>>;
export type KitEnum = Readonly<v.InferOutput<typeof kitEnum>>;
/** What a change leads from and to. */
export interface KitEnds {
  readonly from: KitSnapshot;
  readonly to: KitSnapshot;
}

export type KitCheck = Readonly<v.InferOutput<typeof kitCheck>>;

/** drizzle-kit's version of snapshots and journal entries of a dialect. */
export const kitVersions: Readonly<Record<Dialect, string>> = { sqlite: "6", postgresql: "7" };

/** A snapshot's own id and its parent's. */
export interface Ends {
  readonly id: string;
  readonly prevId: string;
}

/**
 * Reads only what a snapshot says of its place: its id and its parent's.
 *
 * @throws {HarborError} `bad_history`
 */
export function readEnds({ path, json }: JsonFile): Ends {
  const wrong = wrongIn(path);
  const { id, prevId, prevIds } = readAs(ends, json, wrong);
  return { id, prevId: prevId ?? prevIds?.[0] ?? originId };
}

/**
 * Returns what a snapshot's text says of its place, without reading all of it: drizzle-kit says it above the tables, or in
 * the last two fields; `null` where that stands elsewhere. What lies between may be left out of the text.
 */
export function endsIn(text: string): Ends | null {
  const head = text.slice(0, Math.max(text.search(/"(?:tables|ddl|deltas)"/), 0));
  // Behind the last field nothing is open but the whole.
  const [, lastId, lastPrevId] =
    /,\s*"id":\s*"([^"\\]+)",\s*"prevId":\s*"([^"\\]+)"\s*\}\s*$/.exec(text.slice(-1000)) ?? [];
  const id = lastId ?? /"id":\s*"([^"\\]+)"/.exec(head)?.[1];
  const prevId = lastPrevId ?? /"prevIds?":\s*\[?\s*"([^"\\]+)"/.exec(head)?.[1];
  return id === undefined || prevId === undefined ? null : { id, prevId };
}

const ends = v.object({
  id: v.string(),
  prevId: v.exactOptional(v.string()),
  prevIds: v.exactOptional(listOf(v.string())),
});

function wrongIn(path: string): WrongJson {
  return (field, state) =>
    new HarborError("bad_history", `Cannot read "${path}"`, {
      state: `${field === "" ? "it" : field} ${state}`,
      hint:
        "Take the file from version control again, or make the revision anew with: harbor-db generate NAME",
      details: { path, field },
    });
}

/** The versions that kits before wrote, from 0.17 on; {@link fromOlder} makes them like the one of today. */
const olderVersions: Readonly<Record<Dialect, readonly string[]>> = {
  sqlite: ["4", "5"],
  postgresql: ["4", "5", "6"],
};

/**
 * Reads a snapshot of drizzle-kit, of 0.31, an older one or 1.0. Sections of tables that an older one lacks are empty.
 *
 * @throws {HarborError} `bad_history` when it is none, or one of another version
 */
export function readKitSnapshot({ path, json }: JsonFile): KitSnapshot {
  const wrong = wrongIn(path);
  const said = readAs(v.object({ dialect: v.string(), version: v.string() }), json, wrong);
  const dialect = dialectNamed(said.dialect);
  if (dialect === undefined) throw wrong("dialect", `is none of ${dialects.join(", ")}`);
  const whole = withAllSections(inFormOfToday(dialect, said.version, { json, wrong }));
  refuseWrong(whole, wrong);
  // What was written stays in its order, and with the fields that the schema does not name.
  return whole as KitSnapshot;
}

/** Tables that were found to be right. */
const right = new WeakSet<object>();

/** Looks at a snapshot; of its tables only at those that were not there in one before, where they are the same values. */
function refuseWrong(whole: unknown, wrong: WrongJson): void {
  const tables = isRecord(whole) && isRecord(whole["tables"]) ? whole["tables"] : null;
  const isNew = (table: unknown) => !(isRecord(table) && right.has(table));
  const looked = tables === null ? whole : { ...whole as object, tables: filterValues(tables, isNew) };
  readAs(kitSnapshot, looked, wrong);
  for (const table of Object.values(tables ?? {})) right.add(table as object);
}

function inFormOfToday(
  dialect: Dialect,
  version: string,
  { json, wrong }: { readonly json: unknown; readonly wrong: WrongJson },
): unknown {
  if (version === kitVersions[dialect] && !(isRecord(json) && "ddl" in json)) return json;
  if (olderVersions[dialect].includes(version)) return fromOlder[dialect](json);
  if (!(isRecord(json) && "prevIds" in json)) {
    throw wrong("version", `is ${version}, not ${kitVersions[dialect]}`);
  }
  const { id, prevIds, ddl } = readAs(entitySnapshot, json, wrong);
  if (ddl === undefined) throw wrong("ddl", "is missing");
  return { id, prevId: prevIds[0] ?? originId, version: kitVersions[dialect], ...treeOf(dialect, ddl) };
}

/** How the snapshots of older kits are brought to the form of today. */
const fromOlder: Readonly<Record<Dialect, (json: unknown) => unknown>> = {
  sqlite: (json) => isRecord(json) ? { ...json, version: kitVersions.sqlite } : json,
  // Before 6 the keys had no schema and enums said each value twice; before 7 an index named its columns only.
  postgresql: (json) => {
    if (!isRecord(json)) return json;
    const { tables, enums } = json;
    const types = isRecord(enums) ? withSchema(mapValues(enums, withValueList)) : {};
    return {
      ...json,
      version: kitVersions.postgresql,
      dialect: "postgresql",
      tables: isRecord(tables)
        ? withSchema(mapValues(tables, (table) => withTypeSchemas(withIndexColumns(table), types)))
        : tables,
      enums: types,
    };
  },
};

function withSchema(parts: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const keyOf = (key: string, part: unknown) =>
    isRecord(part) && !key.includes(".") ? `${part["schema"] || "public"}.${part["name"]}` : key;
  return Object.fromEntries(Object.entries(parts).map(([key, part]) => [keyOf(key, part), part]));
}

function withIndexColumns(table: unknown): unknown {
  if (!isRecord(table) || !isRecord(table["indexes"])) return table;
  const plain = (column: unknown) =>
    typeof column === "string"
      ? { expression: column, isExpression: false, asc: true, nulls: "last" }
      : column;
  const indexes = mapValues(
    table["indexes"],
    (index) =>
      isRecord(index) && Array.isArray(index["columns"])
        ? { ...index, columns: index["columns"].map(plain) }
        : index,
  );
  return { ...table, indexes };
}

/** Before 7 a column did not say in which schema its enum type is. */
function withTypeSchemas(table: unknown, types: Readonly<Record<string, unknown>>): unknown {
  if (!isRecord(table) || !isRecord(table["columns"])) return table;
  const columns = mapValues(table["columns"], (column) => {
    if (!isRecord(column)) return column;
    const base = String(column["type"]).replace(/(?:\[\d*\])+$/, "");
    const type = Object.values(types).filter(isRecord).find(({ name }) => name === base);
    return type === undefined ? column : { typeSchema: type["schema"], ...column };
  });
  return { ...table, columns };
}

function withValueList(type: unknown): unknown {
  if (!isRecord(type)) return type;
  const { values, schema } = type;
  return { ...type, schema: schema || "public", values: isRecord(values) ? Object.values(values) : values };
}

function withAllSections(json: unknown): unknown {
  if (!isRecord(json) || !isRecord(json["tables"])) return json;
  return {
    ...json,
    tables: mapValues(json["tables"], (table) => isRecord(table) ? wholeTable(table) : table),
  };
}

const wholeTable = onceFor((table: Readonly<Record<string, unknown>>) =>
  withKeyNames({ ...table, ...mapValues(sections, () => ({})), ...table })
);

/** Kits before 0.20 named a key by its field only. */
function withKeyNames(table: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> {
  const keys = table["compositePrimaryKeys"];
  if (!isRecord(keys)) return table;
  const named = mapValues(keys, (key, name) => isRecord(key) && !("name" in key) ? { ...key, name } : key);
  return { ...table, compositePrimaryKeys: named };
}

/** The `prevId` of a first snapshot. */
export const originId = "00000000-0000-0000-0000-000000000000";

/** Returns the id of the snapshot of a revision, the same on every machine. */
export function snapshotId(revision: string): string {
  return `00000000-0000-4000-8000-${revision}`;
}

/**
 * Says whether two snapshots hold the same schema, whatever the order in which they name things, and whichever kit wrote
 * them: what an older one leaves out is what a newer one says of nothing.
 */
export function sameSchema(a: KitSnapshot, b: KitSnapshot): boolean {
  return canonical(saidBy(a)) === canonical(saidBy(b));
}

/** Fields of a snapshot that say nothing of its schema: which file it is, and what was asked when it was made. */
const aside: readonly string[] = ["id", "prevId", "version", "_meta", "internal"];

/** What the fields of a part are when a snapshot does not say. */
const unsaid: Readonly<Record<string, unknown>> = {
  asc: true,
  method: "btree",
  onDelete: "no action",
  onUpdate: "no action",
};

function saidBy(snapshot: KitSnapshot): unknown {
  return withoutUnsaid(filterValues(snapshot, (_, name) => !aside.includes(name)));
}

/** Leaves out the fields that say no more than their absence; of a default all that is there counts. */
function withoutUnsaid(value: unknown, field?: string): unknown {
  if (Array.isArray(value)) return value.map((item) => withoutUnsaid(item));
  if (!isRecord(value) || field === "default") return value;
  // Behind DESC PostgreSQL puts NULLs first.
  const rules = value["asc"] === false ? unsaid : { ...unsaid, nulls: "last" };
  const isSaid = (item: unknown, name: string) =>
    name === "default" || !(name in rules ? item === rules[name] : isNothing(item));
  return filterValues(mapValues(value, withoutUnsaid), isSaid);
}

function isNothing(value: unknown): boolean {
  return value === undefined || value === null || value === false || value === "" ||
    (Array.isArray(value) ? value.length === 0 : isRecord(value) && Object.keys(value).length === 0);
}

/** Returns any JSON value as text in which the order of an object's fields does not show. */
export function canonical(value: unknown): string {
  return JSON.stringify(value, (_, item) => isRecord(item) ? sorted(item) : item);
}

/** Returns the default of a column as SQL; `null` without one. */
export function defaultOf(column: KitColumn): string | null {
  return column.default === undefined ? null : String(column.default);
}

/** Returns an object with each value changed. */
export function mapValues<T, U>(
  record: Readonly<Record<string, T>>,
  change: (value: T, key: string) => U,
): Record<string, U> {
  return Object.fromEntries(Object.entries(record).map(([key, value]) => [key, change(value, key)]));
}

/** Returns the fields of an object that pass a test. */
export function filterValues<T>(
  record: Readonly<Record<string, T>>,
  test: (value: T, key: string) => boolean,
): Record<string, T> {
  return Object.fromEntries(Object.entries(record).filter(([key, value]) => test(value, key)));
}

function sorted(record: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(record).toSorted(([a], [b]) => a < b ? -1 : 1));
}
