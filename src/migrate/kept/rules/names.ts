import type { Dialect } from "../../../base/dialect.ts";

/** Whether names that differ in upper and lower case only are the same. */
const folds: Readonly<Record<Dialect, boolean>> = { sqlite: true, postgresql: false };

/** Returns what tells a name from others. */
export function keyOf(name: string, dialect: Dialect): string {
  return folds[dialect] ? name.toLowerCase() : name;
}

/** Whether two names mean the same. */
export function isSameName(dialect: Dialect, a: string, b: string): boolean {
  return keyOf(a, dialect) === keyOf(b, dialect);
}
