import { quoteName } from "./quote.ts";

/**
 * Stands in a statement before the name of a table, for the schema that a run works on. PostgreSQL's driver writes that
 * schema there, so that no search path decides which table is meant; elsewhere nothing stands there. No text of a user
 * can hold it, because no engine takes a NUL in a statement.
 */
export const ownSchemaMark = '"\0".';

/** Writes a statement's tables as `prefix` has them: with it before each name that is marked. */
export function writeOwnSchema(text: string, prefix: string): string {
  return text.includes("\0") ? text.replaceAll(ownSchemaMark, () => prefix) : text;
}

/** Returns a table's name in quotes, with the mark before it. */
export function markedTable(name: string): string {
  return `${ownSchemaMark}${quoteName(name)}`;
}
