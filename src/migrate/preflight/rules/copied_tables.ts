/** Returns the tables that statements copy. */
export function copiedTables(statements: readonly string[]): readonly string[] {
  return statements.flatMap((sql) => /^INSERT INTO `__new_([^`]+)`/.exec(sql)?.[1] ?? []);
}

/** Whether a copy loses a peculiarity of its table. */
export function isLostInCopy(words: string): boolean {
  return words !== "AUTOINCREMENT";
}

/** What to do about a table that a copy would rob of words of its text. */
export function remedyForWords(table: string, words: string): string {
  return `Make the table ${table} again without ${words}, then run this again.`;
}
