import type { Dialect } from "../base/dialect.ts";
import { isRecord, readAs, type WrongJson } from "../base/json_schema.ts";
import { mapValues } from "../base/records.ts";
import { entitySnapshot, treeOf } from "./entity_snapshot.ts";
import { originId } from "./kit_ends.ts";

/** drizzle-kit's version of snapshots and journal entries of a dialect. */
export const kitVersions: Readonly<Record<Dialect, string>> = { sqlite: "6", postgresql: "7" };

/** The versions that kits before wrote, from 0.17 on; {@link fromOlder} makes them like the one of today. */
const olderVersions: Readonly<Record<Dialect, readonly string[]>> = {
  sqlite: ["4", "5"],
  postgresql: ["4", "5", "6"],
};

/**
 * Brings a snapshot of an older kit, or of 1.0, to the form of 0.31.
 *
 * @throws {HarborError} `bad_history` when it is of another version
 */
export function inFormOfToday(
  dialect: Dialect,
  version: string,
  { json, wrong }: { readonly json: unknown; readonly wrong: WrongJson },
): unknown {
  if (version === kitVersions[dialect] && !(isRecord(json) && "ddl" in json)) return json;
  if (olderVersions[dialect].includes(version)) return fromOlder[dialect](json);
  if (!(isRecord(json) && "prevIds" in json)) {
    throw wrong("version", `is ${version}, not ${kitVersions[dialect]}`);
  }
  const { id, prevIds, ddl } = readAs(entitySnapshot(), json, wrong);
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
