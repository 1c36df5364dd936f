import { foldName } from "../../../base/fold_name.ts";
import { cursorAt, tokensOf } from "../../../sql/cursor.ts";
import { isWord, nameOf } from "../../../sql/lexer.ts";
import { type Replica, schemaQuery, type SchemaRow } from "./form/replica.ts";
import { readRebuild } from "./rebuild.ts";

/**
 * Returns the end of what has to be in one transaction with the statements of a range: one that writes to the rows of a table, or takes
 * them over, is bound to every copy of that table, to columns of it that go, and to its end. What others wrote between the two would be
 * left as it was, and then change or go all the same.
 *
 * @param range Of which nothing runs beside writers
 * @param schemas Before and after the range: triggers and views lead from one table to another
 */
export function boundEnd(
  texts: readonly string[],
  { at, end }: { readonly at: number; readonly end: number },
  schemas: readonly Replica[],
): number {
  let bound = end;
  for (let place = at; place < bound; place++) {
    const copy = readRebuild(texts, place);
    if (copy !== null) place += copy.count - 1;
    else if (writesRows(texts[place]!)) bound = Math.max(bound, lastTaking(texts, place, schemas));
  }
  return bound;
}

/** Returns the end of the last statements that take away, or change, what is in a table that one has to do with. */
function lastTaking(texts: readonly string[], at: number, schemas: readonly Replica[]): number {
  const names = reached(texts, at, schemas);
  let last = at + 1;
  for (let place = at + 1; place < texts.length; place++) {
    const copy = readRebuild(texts, place);
    const table = copy?.table ?? tableLosing(texts[place]!);
    if (copy !== null) place += copy.count - 1;
    if (table !== null && names.has(foldName(table))) last = place + 1;
  }
  return last;
}

/** The names that a statement has to do with, in lower case: those in it, and in what hangs on these or is called otherwise later. */
function reached(texts: readonly string[], at: number, schemas: readonly Replica[]): ReadonlySet<string> {
  const leading = schemas.flatMap(({ rows }) => rows<SchemaRow>(schemaQuery.text)).flatMap((
    { type, name, table, sql },
  ) =>
    type === "trigger" || type === "view" ? [{ from: foldName(type === "view" ? name : table), sql }] : []
  );
  const renames = texts.slice(at + 1).flatMap((sql) => {
    const own = cursorAt(tokensOf(sql, "sqlite"));
    const from = own.take("ALTER", "TABLE") ? own.name() : "";
    return own.take("RENAME", "TO") ? [{ from: foldName(from), sql }] : [];
  });
  const names = new Set(namesIn(texts[at]!));
  for (let known = -1; known < names.size;) {
    known = names.size;
    for (const { from, sql } of [...leading, ...renames]) {
      if (names.has(from)) { for (const name of namesIn(sql)) names.add(name); }
    }
  }
  return names;
}

function namesIn(text: string): readonly string[] {
  return tokensOf(text, "sqlite").flatMap((token) => {
    const name = nameOf(token);
    return name === null ? [] : [foldName(name)];
  });
}

/** Whether rows are written; a trigger or a view is only made. */
function writesRows(text: string): boolean {
  const tokens = tokensOf(text, "sqlite");
  if (writing.some((word) => isWord(tokens[0], word))) return true;
  const isTable = isWord(tokens[0], "CREATE") &&
    !tokens.slice(1, 3).some((token) => isWord(token, "TRIGGER") || isWord(token, "VIEW"));
  return isTable && tokens.some((token) => isWord(token, "SELECT"));
}

const writing = ["INSERT", "UPDATE", "DELETE", "REPLACE", "WITH"];

/** The table of which a statement takes columns, or all; `null` of any other statement. */
function tableLosing(text: string): string | null {
  const at = cursorAt(tokensOf(text, "sqlite"));
  if (at.take("DROP", "TABLE")) {
    at.take("IF", "EXISTS");
    return at.name();
  }
  if (!at.take("ALTER", "TABLE")) return null;
  const table = at.name();
  return at.take("DROP") ? table : null;
}
