/** Returns a name in the quotes that both dialects take. */
export function quoteName(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}

/** Returns a text as an SQL literal, for places where no parameter is allowed. */
export function quoteText(text: string): string {
  return `'${text.replaceAll("'", "''")}'`;
}
