import { cursorAt, folded, type SqlCursor, tokensOf } from "../../sql/cursor.ts";
import { isWord, type Token } from "../../sql/lexer.ts";
import { type SaidOfTable, saidOfTables, tableHere } from "../../sql/said_of_tables.ts";

/** When a trigger of PostgreSQL's fires as scripts leave it. */
export type Firing = "as made" | "never" | "in a replica" | "not to be told";

interface TriggerName {
  readonly table: string;
  readonly name: string;
}

/** What was said of all triggers of a table. */
const all = Symbol("all triggers");
type Fired = ReadonlyMap<string, ReadonlyMap<string | typeof all, Firing>>;

/**
 * Returns when a trigger fires as PostgreSQL's statements leave it.
 *
 * @param statements Of the revisions that are applied, in order
 */
export function firingOf({ table, name }: TriggerName, statements: readonly string[]): Firing {
  const fired = statements.filter((sql) => /\b(?:TRIGGER|RENAME|DROP)\b/i.test(sql)).reduce(
    afterStatement,
    new Map(),
  );
  const own = fired.get(table);
  return own?.get(name) ?? own?.get(all) ?? fired.get("")?.get(all) ?? "as made";
}

function afterStatement(fired: Fired, sql: string): Fired {
  const tokens = tokensOf(sql, "postgresql").map(folded);
  const cursor = cursorAt(tokens);
  if (isWord(tokens[0], "DO") || isWord(tokens[0], "SELECT")) {
    // Any trigger may be meant, whatever was said of it before.
    return /\b(?:DISABLE|REPLICA)\s+TRIGGER\b/i.test(sql)
      ? new Map([["", new Map([[all, "not to be told"]])]])
      : fired;
  }
  if (cursor.take("ALTER", "TRIGGER")) {
    const [name, table] = nameOn(cursor);
    const firing = table === null ? undefined : fired.get(table)?.get(name);
    return table !== null && firing !== undefined && cursor.take("RENAME", "TO")
      ? withFiring(fired, table, [cursor.name(), firing])
      : fired;
  }
  const said = saidOfTables(tokens);
  if (said.length > 0) return said.reduce(afterSaid, fired);
  const made = tokens.findIndex((token) => isWord(token, "TRIGGER"));
  if (!isWord(tokens[0], "CREATE") || made < 1 || made > 4) return fired;
  const rest = tokens.slice(made + 1);
  const on = rest.findIndex((token) => isWord(token, "ON"));
  const table = tableHere(cursorAt(rest.slice(on + 1)));
  return table === null ? fired : withFiring(fired, table, [cursorAt(rest).name(), "as made"]);
}

function nameOn(cursor: SqlCursor): readonly [name: string, table: string | null] {
  const name = cursor.name();
  cursor.take("ON");
  return [name, tableHere(cursor)];
}

function afterSaid(fired: Fired, said: SaidOfTable): Fired {
  const { table } = said;
  if (said.kind === "gone") return new Map([...fired].filter(([name]) => name !== table));
  if (said.kind === "renamed") {
    return new Map([...fired].map(([name, own]) => [name === table ? said.to : name, own]));
  }
  const at = cursorAt(said.action);
  const firing = ways.find(([words]) => at.take(...words))?.[1];
  if (firing === undefined) return fired;
  const [which] = at.rest();
  return isAll(which)
    ? new Map([...fired, [table, new Map([[all, firing]])]])
    : withFiring(fired, table, [at.name(), firing]);
}

const ways: readonly (readonly [words: readonly string[], firing: Firing])[] = [
  [["DISABLE", "TRIGGER"], "never"],
  [["ENABLE", "TRIGGER"], "as made"],
  [["ENABLE", "ALWAYS", "TRIGGER"], "as made"],
  [["ENABLE", "REPLICA", "TRIGGER"], "in a replica"],
];

/** In quotes it is a name. */
function isAll(token: Token | undefined): boolean {
  return isWord(token, "ALL") || isWord(token, "USER");
}

function withFiring(
  fired: Fired,
  table: string,
  firing: readonly [name: string | typeof all, firing: Firing],
): Fired {
  return new Map([...fired, [table, new Map([...fired.get(table) ?? [], firing])]]);
}
