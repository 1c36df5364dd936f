import { isRecord } from "../base/json_schema.ts";
import { type KitSnapshot, mapValues } from "./kit_snapshot.ts";

/** What drizzle-kit joins the parts of indexes, checks and policies with, and cuts them at again; each by a letter that is in no script. */
const letters = [[",", "\uE000"], [";", "\uE001"], ["--", "\uE002"]] as const;

/** Returns a snapshot for drizzle-kit whose expressions it does not cut; its statements get their signs back by {@link withSeparators}. */
export function withoutSeparators(snapshot: KitSnapshot): KitSnapshot {
  return {
    ...snapshot,
    tables: mapValues(snapshot.tables, (table) => ({
      ...table,
      indexes: mapValues(table.indexes, (index) => coded(index) as typeof index),
      checkConstraints: mapValues(table.checkConstraints, (check) => coded(check) as typeof check),
      ...table["policies"] === undefined ? {} : { policies: coded(table["policies"]) },
    })),
    ...snapshot["internal"] === undefined ? {} : { internal: coded(snapshot["internal"]) },
  };
}

/** Returns a statement as it is to be run. */
export function withSeparators(statement: string): string {
  return letters.reduce((text, [sign, letter]) => text.replaceAll(letter, sign), statement);
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
