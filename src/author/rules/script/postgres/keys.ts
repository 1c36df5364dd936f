import { schemaChanges } from "../../../../schema/flat_schemas.ts";
import { cutName } from "../../../../sql/cut_name.ts";
import { nameIn, placeOfName } from "../../../../sql/table_names.ts";
import { applyRenames, tablesByName } from "../../change/renames.ts";
import type { SchemaChange } from "../../change/stages.ts";

/** A key that a table gets: the table, the constraint's name and the columns. */
export const addedKey = /^ALTER TABLE "([^"]+)" ADD (?:CONSTRAINT "([^"]+)" )?PRIMARY KEY ?\((.*)\);$/s;

/** Returns the name that the server gives the key of a table when nobody does. */
export function serverKey(table: string, { from, to }: SchemaChange): string {
  const { schema, bare } = placeOfName(table, schemaChanges({ from, to }).all);
  return nameIn(schema, `${cutName(bare, 58)}_pkey`);
}

function keysBefore(table: string, change: SchemaChange): readonly string[] {
  const { from, renames } = change;
  const old = tablesByName(applyRenames(from, renames)).get(table);
  const isAlone = Object.values(old?.columns ?? {}).some(({ primaryKey }) => primaryKey);
  return [
    ...Object.values(old?.compositePrimaryKeys ?? {}).map(({ name }) => name),
    ...isAlone ? [serverKey(table, change)] : [],
  ];
}

/** Whether a table of the schema before has its primary key under a name. */
export function isKey(name: string | undefined, table: string, change: SchemaChange): boolean {
  return name !== undefined && keysBefore(table, change).includes(name);
}
