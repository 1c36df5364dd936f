import { isRecord } from "../../base/json_schema.ts";
import { onceFor } from "../../base/once_for.ts";
import { sha256 } from "../history.ts";

type Json = Readonly<Record<string, unknown>>;

/**
 * Returns the SHA-256 of a snapshot as `JSON.stringify` writes it. Snapshots of a history share the tables that are the same in
 * them, so that the text of each is made once.
 */
export function snapshotHash(snapshot: Json): string {
  return sha256(textOf(snapshot, (value, key) => {
    return key === "tables" && isRecord(value) ? textOf(value, tableText) : JSON.stringify(value);
  }));
}

function textOf(json: Json, memberText: (value: unknown, key: string) => string): string {
  const members = Object.entries(json).map(([key, value]) =>
    `${JSON.stringify(key)}:${memberText(value, key)}`
  );
  return `{${members.join(",")}}`;
}

const textOfTable = onceFor((table: Json) => JSON.stringify(table));

function tableText(table: unknown): string {
  return isRecord(table) ? textOfTable(table) : JSON.stringify(table);
}
