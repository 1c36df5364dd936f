import * as v from "valibot";
import { dialectNamed, dialects } from "../base/dialect.ts";
import {
  isRecord,
  type JsonFile,
  listOf,
  oneOf,
  readAs,
  recordOf,
  type WrongJson,
} from "../base/json_schema.ts";
import { onceFor } from "../base/once_for.ts";
import { filterValues, mapValues } from "../base/records.ts";
import { inFormOfToday } from "./form_of_today.ts";
import { type WithHostPart, withoutHostPart } from "./host_part.ts";
import { wrongIn } from "./kit_ends.ts";

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

const kitRole = v.looseObject({
  name: v.string(),
  createDb: v.exactOptional(v.boolean()),
  createRole: v.exactOptional(v.boolean()),
  inherit: v.exactOptional(v.boolean()),
});

const kitTable = v.looseObject({ name: v.string(), ...sections });

const kitSnapshot = v.looseObject({
  dialect: oneOf(dialects),
  /** By name; on PostgreSQL by schema and name: `public.users`. */
  tables: recordOf(kitTable),
  /** Enum types of PostgreSQL, by schema and name. */
  enums: v.exactOptional(recordOf(kitEnum)),
  views: v.exactOptional(recordOf(kitView)),
  sequences: v.exactOptional(recordOf(kitSequence)),
  /** Those that scripts make. */
  roles: v.exactOptional(recordOf(kitRole)),
  id: v.string(),
  prevId: v.string(),
});

/**
 * A snapshot as drizzle-kit 0.31 writes it, with the parts that harbor-db looks at. Whatever else it holds is kept as
 * it is.
 */
export type KitSnapshot = Readonly<v.InferOutput<typeof kitSnapshot>> & WithHostPart;
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

/**
 * Reads a snapshot of drizzle-kit, of 0.31, an older one or 1.0. Sections of tables that an older one lacks are empty. What is the
 * host's stands aside.
 *
 * @throws {HarborError} `bad_history` when it is none, or one of another version
 */
export function readKitSnapshot({ path, json, isHost }: JsonFile): KitSnapshot {
  const wrong = wrongIn(path);
  const said = readAs(v.object({ dialect: v.string(), version: v.string() }), json, wrong);
  const dialect = dialectNamed(said.dialect);
  if (dialect === undefined) throw wrong("dialect", `is none of ${dialects.join(", ")}`);
  const whole = withAllSections(inFormOfToday(dialect, said.version, { json, wrong }));
  refuseWrong(whole, wrong);
  // What was written stays in its order, and with the fields that the schema does not name.
  return isHost === undefined ? whole as KitSnapshot : withoutHostPart(whole as KitSnapshot, isHost);
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

/** Returns the default of a column as SQL; `null` without one. */
export function defaultOf(column: KitColumn): string | null {
  return column.default === undefined ? null : String(column.default);
}
