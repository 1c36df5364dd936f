import type { Dialect } from "../../base/dialect.ts";
import type { OtherObject } from "../../schema/snapshot.ts";
import { cursorAt, tokensOf } from "../../sql/cursor.ts";

/** Whether one of a history's statements makes an object: a view, a trigger, an enum type, a function. */
export function isMadeBy(
  { kind, name }: Pick<OtherObject, "kind" | "name">,
  statements: readonly string[],
  dialect: Dialect,
): boolean {
  const made = kind.toUpperCase();
  // What is not named at all need not be read word by word, which a long history would notice.
  return statements.some((sql) =>
    sql.toLowerCase().includes(name.toLowerCase()) && makes(sql, made, dialect) === name
  );
}

/** Returns the name of what a statement makes, when it is of that kind; else `null`. */
function makes(sql: string, kind: string, dialect: Dialect): string | null {
  const cursor = cursorAt(tokensOf(sql, dialect));
  if (!cursor.take("CREATE")) return null;
  const words = kind.split(" ");
  while (!cursor.take(...words)) {
    if (!adverbs.some((word) => cursor.take(word))) return null;
  }
  return cursor.name();
}

/** What may stand between CREATE and what is made. */
const adverbs = [
  "OR",
  "REPLACE",
  "TEMP",
  "TEMPORARY",
  "RECURSIVE",
  "CONSTRAINT",
  "VIRTUAL",
  "FOREIGN",
  "UNLOGGED",
];
