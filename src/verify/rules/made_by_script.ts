import { foldName } from "../../base/fold_name.ts";
import type { Dialect } from "../../base/dialect.ts";
import type { OtherObject } from "../../schema/snapshot.ts";
import { cursorAt, type SqlCursor, tokensOf } from "../../sql/cursor.ts";
import { isWord } from "../../sql/lexer.ts";
import { adverbs, keptName, madeNames } from "../../sql/made_names.ts";

/** Whether one of a history's statements makes an object: a table, a view, a trigger, an enum type, a function. */
export function isMadeBy(
  { kind, name }: { readonly kind: OtherObject["kind"] | "table"; readonly name: string },
  statements: readonly string[],
  dialect: Dialect,
): boolean {
  const made = kind.toUpperCase();
  // What is not named at all need not be read word by word, which a long history would notice.
  return statements.some((sql) =>
    foldName(sql).includes(foldName(name)) && madeNames(sql, [made], dialect).includes(name)
  );
}

/** What a script makes beside tables. */
export interface MadeObject {
  readonly kind: OtherObject["kind"];
  readonly name: string;
  /** The table that a trigger or policy hangs on. */
  readonly table: string | null;
}

/**
 * Returns what statements make and do not take away again, as far as that can be told: what a CASCADE may have taken, what
 * is made in a schema that they name and what is temporary is left out.
 *
 * @param statements Of the revisions that are applied, in order
 */
export function leftByScripts(statements: readonly string[], dialect: Dialect): readonly MadeObject[] {
  let left: readonly MadeObject[] = [];
  for (const sql of statements) {
    const tokens = tokensOf(sql, dialect);
    const has = (...words: readonly string[]) =>
      tokens.some((_, at) => words.every((word, index) => isWord(tokens[at + index], word)));
    if (isWord(tokens[0], "CREATE")) {
      const made = madeObject(cursorAt(tokens.slice(1)), dialect);
      left = made === null
        ? left
        : [...left.filter(({ kind, name }) => kind !== made.kind || name !== made.name), made];
    } else if (has("CASCADE")) left = [];
    else if (has("DROP") || has("RENAME") || has("SET", "SCHEMA") || isWord(tokens[0], "DO")) {
      // A table that goes takes its triggers along, a schema that gets another name all that is in it; code may drop what it names.
      const isSchema = isWord(tokens[1], "SCHEMA");
      const isNamed = (name: string | null) =>
        name !== null && foldName(sql).includes(foldName(isSchema ? name.split(".")[0]! : name));
      left = left.filter(({ name, table }) => !isNamed(name) && !isNamed(table));
    }
  }
  return left;
}

const kindsOfOthers = [
  "view",
  "materialized view",
  "trigger",
  "event trigger",
  "policy",
  "function",
  "type",
] as const;

function madeObject(cursor: SqlCursor, dialect: Dialect): MadeObject | null {
  const kind = kindsOfOthers.find((each) => cursor.take(...each.toUpperCase().split(" ")));
  if (kind === undefined) {
    const isAdverb = adverbs.some((word) => !word.startsWith("TEMP") && cursor.take(word));
    return isAdverb ? madeObject(cursor, dialect) : null;
  }
  cursor.take("IF", "NOT", "EXISTS");
  if (cursor.rest()[1]?.text === ".") return null;
  const name = keptName[dialect](cursor.name());
  const isHung = kind === "trigger" || kind === "policy";
  return {
    kind,
    name,
    table: isHung && cursor.seek("ON") !== null ? keptName[dialect](cursor.name()) : null,
  };
}
