import { isRecord } from "../base/json_schema.ts";
import { elementType } from "../sql/postgres_spelling.ts";
import type { KitSnapshot } from "./kit_snapshot.ts";
import { mapValues } from "../base/records.ts";

/** What drizzle-kit joins the parts of indexes, checks and policies with, and cuts them at again; each by a letter that is in no script. */
const letters = [[",", "\uE000"], [";", "\uE001"], ["--", "\uE002"]] as const;

/** What drizzle-kit takes for types, by how they begin; all others it puts in quotes, which is right for a name alone. */
const taken =
  /^(?:uuid|smallint|integer|bigint|boolean|text|varchar|serial|bigserial|decimal|numeric|real|json|time|date|interval|double precision|char|vector|geometry|halfvec|sparsevec|bit)/;

/** What stands before a type with a length, of several words, or that is a word for another one, so that it is taken for one. */
const asType = "bit\uE003";
const isNoName = /[( ]|^(?:int|float|dec)$|^[A-Z\d]+$/;

/**
 * Returns a snapshot for drizzle-kit that it makes right statements of: it neither cuts expressions nor puts types in quotes. What it
 * makes of it goes through {@link decoded}.
 */
export function codedForKit(snapshot: KitSnapshot): KitSnapshot {
  return {
    ...snapshot,
    tables: mapValues(snapshot.tables, (table) => ({
      ...table,
      indexes: mapValues(table.indexes, (index) => coded(index) as typeof index),
      checkConstraints: mapValues(table.checkConstraints, (check) => coded(check) as typeof check),
      columns: mapValues(table.columns, (column) => {
        const { type, typeSchema } = column;
        const name = elementType(type);
        return typeSchema !== undefined || taken.test(type) || !isNoName.test(name)
          ? column
          : { ...column, type: asType + type };
      }),
      ...table["policies"] === undefined ? {} : { policies: coded(table["policies"]) },
    })),
    ...snapshot["internal"] === undefined ? {} : { internal: coded(snapshot["internal"]) },
  };
}

/** Returns a statement of drizzle-kit's as it is to be run. */
export function decoded(statement: string): string {
  const whole = statement.replaceAll(asType, "");
  return letters.reduce((text, [sign, letter]) => text.replaceAll(letter, sign), whole);
}

/** Names have none of the signs: those that do are refused. */
function coded(value: unknown): unknown {
  if (typeof value === "string") {
    return letters.reduce((text, [sign, letter]) => text.replaceAll(sign, letter), value);
  }
  if (Array.isArray(value)) return value.map(coded);
  if (!isRecord(value)) return value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [coded(key), coded(item)]));
}
