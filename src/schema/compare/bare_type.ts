/** Returns the name of a type without quotes: PostgreSQL writes more of them than are needed, `"order"`. */
export function bareType(type: string): string {
  return type.replaceAll(/"((?:[^"]|"")*)"/g, (_, name: string) => name.replaceAll('""', '"'));
}
