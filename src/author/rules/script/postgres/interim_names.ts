import { cutName, postgresNameOf } from "../../../../sql/cut_name.ts";

/** Returns the name of an index until it takes the place of another. */
export function replacementOf(index: string): string {
  return `${cutName(index, 59)}_new`;
}

/** Returns the name of the check that stands until a column is NOT NULL. */
export function guardOf(table: string, column: string): string {
  let name = `${table}_${column}_not_null`;
  while (postgresNameOf(name) !== name) name = name.slice(1);
  return name;
}
