import { tokensOf } from "../../sql/cursor.ts";
import { isWord, nameOf } from "../../sql/lexer.ts";
import type { SqliteStatement } from "./statement.ts";

/** harbor-db's and Alembic's own tables: no row refers to them or from them. */
const ownTables = [
  "harbor_version",
  "harbor_backfill",
  "harbor_lock",
  "harbor_identity",
  "harbor_drift",
  "harbor_kept",
  "harbor_ledger",
  "alembic_version",
];

/**
 * Says whether a batch could leave a row that refers to nothing. Making tables, indexes and plain columns cannot, and
 * to look at every row for it would keep writers waiting for as long as an index takes.
 */
export function mayDangle(statements: readonly SqliteStatement[]): boolean {
  return !statements.every(isHarmless);
}

function isHarmless({ text }: SqliteStatement): boolean {
  const tokens = tokensOf(text, "sqlite");
  const [verb, second, third] = tokens;
  const has = (word: string) => tokens.some((token) => isWord(token, word));
  if (isWord(verb, "CREATE")) return !isWord(second, "VIRTUAL");
  if (isWord(verb, "ALTER")) {
    const action = tokens[3];
    return (isWord(action, "ADD") && !has("REFERENCES")) || isWord(action, "DROP");
  }
  const table = isWord(verb, "UPDATE") ? second : third;
  const changesRows = isWord(verb, "UPDATE") || isWord(verb, "INSERT") || isWord(verb, "DELETE");
  return changesRows && ownTables.includes(nameOf(table) ?? "");
}
