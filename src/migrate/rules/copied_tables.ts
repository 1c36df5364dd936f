/** Returns the tables that statements copy. */
export function copiedTables(statements: readonly string[]): readonly string[] {
  return statements.flatMap((sql) => /^INSERT INTO `__new_([^`]+)`/.exec(sql)?.[1] ?? []);
}
