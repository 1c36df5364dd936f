import { foldName } from "../../../base/fold_name.ts";
import { cursorAt, tokensOf } from "../../../sql/cursor.ts";
import { isWord, nameOf, type Token } from "../../../sql/lexer.ts";

/** A statement's text, cut up. */
interface Read {
  readonly tokens: readonly Token[];
  /** The tables and indexes that it gives their name, in lower case. */
  readonly made: readonly string[];
}

/**
 * Groups statements of SQLite by the tables that they are about, each group in its order. What one group does no other
 * sees, as long as foreign keys are off: so each can be run in a database of its own, where SQLite, which reads the whole schema
 * again for every ALTER TABLE, has less to read. A column that refers to another table does not join the two, so
 * rows and references that are left at the end can only be judged where all are together.
 *
 * @returns `null` where one group may see another, as views, triggers and settings do
 */
export function independentGroups(statements: readonly string[]): readonly (readonly string[])[] | null {
  const read = statements.map(readStatement);
  if (!read.every((each) => each !== null)) return null;
  const known = new Set(read.flatMap(({ made }) => made));
  const groups = joined(read.map(({ tokens }) => {
    const names = namesIn(tokens).filter((name) => known.has(name));
    return names.length === 0 ? [nameless] : names;
  }));
  return [...Map.groupBy(statements.keys(), (at) => groups[at]!).values()]
    .map((places) => places.map((at) => statements[at]!));
}

/** Stands for the names of statements without any, which are one group. */
const nameless = "";

/** What sees more than the tables that it names. */
const seesAll = /\b(?:sqlite_\w|pragma_\w|dbstat\b|last_insert_rowid\b|(?:total_)?changes\s*\()/i;

/** Reads a statement; `null` when it is of a kind of which it is not known that it minds its own tables only. */
function readStatement(sql: string): Read | null {
  const tokens = tokensOf(sql, "sqlite");
  const at = cursorAt(tokens);
  if (seesAll.test(sql)) return null;
  const isCreate = at.take("CREATE");
  if (isCreate) at.take("UNIQUE");
  if (isCreate && (at.take("TABLE") || at.take("INDEX"))) return giving(at.name());
  if (at.take("ALTER", "TABLE")) {
    at.name();
    return at.take("RENAME", "TO") ? giving(at.name()) : giving();
  }
  const isPlain = at.take("DROP", "TABLE") || at.take("DROP", "INDEX") || at.take("INSERT") ||
    at.take("UPDATE") || at.take("DELETE") || at.take("SELECT") ||
    // Inside a transaction SQLite ignores it.
    at.take("PRAGMA", "FOREIGN_KEYS");
  return isPlain && !isCreate ? giving() : null;

  function giving(...names: readonly string[]): Read | null {
    // A string, which SQLite takes for a name as well, is none to the cursor.
    return names.includes("") ? null : { tokens, made: names.map((name) => foldName(name)) };
  }
}

/** Returns whatever may be a name in a statement, in lower case, but for the tables that it only refers to. */
function namesIn(tokens: readonly Token[]): readonly string[] {
  return tokens.filter((_, at) => !isWord(tokens[at - 1], "REFERENCES")).flatMap((token) => {
    const name = token.kind === "string" ? token.text.slice(1, -1).replaceAll("''", "'") : nameOf(token);
    return name === null ? [] : [foldName(name)];
  });
}

/** Gives lists that have a name in common, with each other or by way of others, the same number. */
function joined(lists: readonly (readonly string[])[]): readonly number[] {
  const parents: number[] = lists.map((_, at) => at);
  const rootOf = (at: number): number => parents[at] === at ? at : parents[at] = rootOf(parents[at]!);
  const first = new Map<string, number>();
  for (const [at, names] of lists.entries()) {
    for (const name of names) {
      const other = first.get(name);
      if (other === undefined) first.set(name, at);
      else parents[rootOf(at)] = rootOf(other);
    }
  }
  return lists.map((_, at) => rootOf(at));
}
