import type { Statement } from "../../history/scripts/statement.ts";
import type { Dialect } from "../../base/dialect.ts";
import { commaParts, cursorAt, foldedName, type SqlCursor, tokensOf, topLevel } from "../../sql/cursor.ts";
import { isWord, type Token } from "../../sql/lexer.ts";

/** What a transaction made that is still open: nobody else sees it yet, and there are no rows in it. */
export interface Made {
  readonly tables: Set<string>;
  readonly types: Set<string>;
  readonly indexes: Set<string>;
  /** Values added to types, as texts have them: before the transaction's end nothing can use them, and until PostgreSQL 17 not in a new type either. */
  readonly values: Set<string>;
}

/** Returns what a transaction made that has not begun. */
export function nothingMade(): Made {
  return { tables: new Set(), types: new Set(), indexes: new Set(), values: new Set() };
}

/**
 * Says whether a statement leaves an empty database without rows, and all that is in it as it is but for what the same
 * transaction made: to that it may do anything.
 *
 * @param made What the statements before it made; it adds its own
 */
export function makesOnly({ sql, run }: Statement, dialect: Dialect, made: Made): boolean {
  const at = cursorAt(tokensOf(run.kind === "backfill" ? run.update : sql, dialect));
  switch (run.kind) {
    case "backfill":
      // Of a table that was there before, somebody may have written rows since.
      return (at.take("UPDATE") || at.take("DELETE", "FROM")) && made.tables.has(nameAt(at, dialect));
    case "alone":
      // Where a table may have rows, an index that is made like any other would keep those waiting who write to it.
      at.take("CREATE", "UNIQUE") || at.take("CREATE");
      return at.take("INDEX", "CONCURRENTLY") && at.seek("ON") !== null &&
        made.tables.has(nameAt(at, dialect));
    case "transaction":
      return makes(unlessThere(sql, dialect), dialect, made);
  }
}

/**
 * Returns a statement as it runs in the transaction of {@link makesOnly}: an index of a new table needs no
 * `CONCURRENTLY`, and a table is made or fails, since others may have made one meanwhile and put rows into it.
 */
export function asNew(statement: Statement, dialect: Dialect): Statement {
  const { sql, run } = statement;
  switch (run.kind) {
    case "backfill":
      return statement;
    case "alone":
      return { ...statement, sql: without(["CONCURRENTLY"], sql, dialect), run: { kind: "transaction" } };
    case "transaction":
      return cursorAt(tokensOf(sql, dialect)).take("CREATE", "TABLE")
        ? { ...statement, sql: without(["IF", "NOT", "EXISTS"], sql, dialect) }
        : statement;
  }
}

/** Returns a text without the words where they first come one after the other. */
function without(words: readonly string[], text: string, dialect: Dialect): string {
  const tokens = tokensOf(text, dialect);
  const at = tokens.findIndex((_, index) =>
    words.every((word, place) => isWord(tokens[index + place], word))
  );
  if (at < 0) return text;
  const last = tokens[at + words.length - 1]!;
  return text.slice(0, tokens[at]!.start) + text.slice(last.start + last.text.length);
}

/** See {@link makesOnly}. */
function makes(text: string, dialect: Dialect, made: Made): boolean {
  const tokens = tokensOf(text, dialect);
  if (tokens.some((token) => made.values.has(token.text))) return false;
  const at = cursorAt(tokens);
  const name = () => nameAt(at, dialect);
  const isNew = () => made.tables.has(name());
  // Another of that name may be there, and stay.
  const ifNone = () => at.take("IF", "NOT", "EXISTS");
  const ifAny = () => at.take("IF", "EXISTS");
  if (at.take("CREATE", "TABLE")) {
    const isCareful = ifNone();
    const table = name();
    if (isCareful && made.tables.has(table)) return false;
    const isFilled = topLevel(at.rest()).some((token) => isWord(token, "AS"));
    if (at.take("(")) made.tables.add(table);
    return !isFilled;
  }
  if (at.take("CREATE", "INDEX") || at.take("CREATE", "UNIQUE", "INDEX")) {
    ifNone();
    const index = name();
    if (at.take("ON") && isNew()) made.indexes.add(index);
    return true;
  }
  if (at.take("ALTER", "TABLE")) return changesTable(at, dialect, made);
  if (at.take("DROP", "TABLE")) {
    ifAny();
    return isLast(at, made.tables, dialect);
  }
  if (at.take("DROP", "INDEX")) {
    ifAny();
    return isLast(at, made.indexes, dialect);
  }
  if (at.take("UPDATE") || at.take("DELETE", "FROM")) return isNew();
  if (at.take("CREATE", "TYPE")) {
    made.types.add(name());
    return true;
  }
  if (at.take("ALTER", "TYPE")) {
    name();
    if (!at.take("ADD", "VALUE")) return false;
    ifNone();
    const value = at.next();
    if (value !== undefined) made.values.add(value.text);
    return true;
  }
  if (at.take("DROP", "TYPE")) {
    ifAny();
    // With CASCADE it takes columns along.
    return isLast(at, made.types, dialect) && at.next() === undefined;
  }
  return false;
}

function changesTable(at: SqlCursor, dialect: Dialect, made: Made): boolean {
  at.take("ONLY");
  const table = nameAt(at, dialect);
  const isNew = made.tables.has(table);
  return commaParts(at.rest()).every((part) => {
    const change = cursorAt(part);
    if (change.take("ADD")) return true;
    // Its new name is one more that is not followed.
    if (change.take("RENAME", "TO")) made.tables.delete(table);
    if (isNew) return newTableChanges.some((word) => isWord(part[0], word));
    if (!change.take("ALTER")) return false;
    change.take("COLUMN");
    change.next();
    return (change.take("SET") || change.take("DROP")) &&
      (change.take("DEFAULT") || change.take("NOT", "NULL"));
  });
}

/** How a change of a new table begins that takes in no rows of another. */
const newTableChanges = ["ALTER", "DROP", "RENAME", "ENABLE"];

/** Says whether nothing but things that were made is named, and forgets these. */
function isLast(at: SqlCursor, made: Set<string>, dialect: Dialect): boolean {
  do {
    if (!made.delete(nameAt(at, dialect))) return false;
  } while (at.take(","));
  return true;
}

/** Steps over a name with its schema, and returns what tells it apart. */
function nameAt(at: SqlCursor, dialect: Dialect): string {
  const names = [foldedName(at.next(), dialect)];
  while (at.take(".")) names.push(foldedName(at.next(), dialect));
  return JSON.stringify(names);
}

/**
 * Returns the statement of a block that passes over what is there already, as drizzle-kit wrote it around types and
 * foreign keys; any other statement as it is.
 */
export function unlessThere(text: string, dialect: Dialect): string {
  const [word, block, ...more] = tokensOf(text, dialect);
  if (!isWord(word, "DO") || block?.kind !== "string" || more.length > 0) return text;
  const body =
    /^(\$\w*\$)\s*BEGIN\s+((?:CREATE\s+TYPE|ALTER\s+TABLE)\s[^]*);\s*EXCEPTION\s+WHEN\s+duplicate_object\s+THEN\s+null;\s*END;?\s*\1$/i
      .exec(
        block.text,
      );
  const [inner] = body?.slice(2) ?? [];
  return inner === undefined || tokensOf(inner, dialect).some(isSemicolon) ? text : inner;
}

function isSemicolon({ kind, text }: Token): boolean {
  return kind === "sign" && text === ";";
}
