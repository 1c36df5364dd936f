/** Returns what values of a declared type become. Source: https://www.sqlite.org/datatype3.html#determination_of_column_affinity */
export function affinityOf(type: string): string {
  if (/INT/i.test(type)) return "integer";
  if (/CHAR|CLOB|TEXT/i.test(type)) return "text";
  if (/BLOB/i.test(type) || type === "") return "blob";
  return /REAL|FLOA|DOUB/i.test(type) ? "real" : "numeric";
}
