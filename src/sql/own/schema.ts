import { quoteName } from "../quote.ts";

/**
 * Stands in a statement before the name of a table, for the schema that a run works on. PostgreSQL's driver writes that
 * schema there, or the one that the name says (`auth.users`), so that no search path decides which table is meant;
 * elsewhere nothing stands there. No text of a user can hold it, because no engine takes a NUL in a statement.
 */
export const ownSchemaMark = '"\0".';

/** Writes a statement's tables as `write` gives them, which gets each name that is marked. */
export function writeOwnTables(text: string, write: (name: string) => string): string {
  if (!text.includes("\0")) return text;
  return text.replaceAll(/"\0"\."((?:[^"]|"")*)"/g, (_, name: string) => write(name.replaceAll('""', '"')));
}

/** Leaves the marks out, where an engine has one schema. */
export function withoutOwnSchema(text: string): string {
  return text.includes("\0") ? text.replaceAll(ownSchemaMark, "") : text;
}

/** Returns a table's name in quotes, with the mark before it. */
export function markedTable(name: string): string {
  return `${ownSchemaMark}${quoteName(name)}`;
}
