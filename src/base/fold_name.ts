import type { Dialect } from "./dialect.ts";

/**
 * Returns a name with small letters for A to Z, and every other letter as it is: so SQLite compares all names, and so a
 * PostgreSQL server reads those without quotes (with an encoding of one byte a letter it folds others, too).
 *
 * Sources: `sqlite3StrICmp` in https://sqlite.org/src/file/src/util.c, `downcase_identifier` in
 * https://github.com/postgres/postgres/blob/master/src/backend/parser/scansup.c
 */
export function foldName(name: string): string {
  return name.replaceAll(/[A-Z]+/g, (letters) => letters.toLowerCase());
}

/** How a dialect tells names apart that stand in quotes, as in its catalog. */
const keys: Readonly<Record<Dialect, (name: string) => string>> = {
  sqlite: foldName,
  postgresql: (name) => name,
};

/** Returns what tells a name, as a catalog or a snapshot has it, from others. */
export function keyOf(name: string, dialect: Dialect): string {
  return keys[dialect](name);
}

/** Whether two names mean the same. */
export function isSameName(dialect: Dialect, a: string, b: string): boolean {
  return keyOf(a, dialect) === keyOf(b, dialect);
}
