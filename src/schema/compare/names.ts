/** Writes a list of names: `(id, name)`. */
export function printNames(names: readonly string[]): string {
  return `(${names.join(", ")})`;
}
