import { foldName } from "../../base/fold_name.ts";
import { cursorAt, foldedName, type SqlCursor, tokensOf } from "../cursor.ts";
import { isWord, type Token } from "../lexer.ts";
import { isNoCall, runningText } from "./running_text.ts";

/** What a PostgreSQL statement begins with that changes the server and not its database alone, as {@link roleWords} of roles. */
export const serverWords = "(?:create|alter|drop) (?:database|tablespace|subscription)|alter system";

/** How a statement reaches out of its database. */
export interface Reach {
  /** By what: `ALTER SYSTEM`, `dblink_exec`. */
  readonly by: string;
  /**
   * `statement`: it does so itself · `code`: what it runs may, or fills a table by that · `trigger`, `function`, `relation`: one that it
   * makes may, when rows change, when it is called, and when it is read or written.
   */
  readonly in: "statement" | "code" | "trigger" | "function" | "relation";
  /** By what the function or relation is known, in small letters where it has no quotes: `exchange(`, `rates`; "" for none. */
  readonly name: string;
}

/**
 * Returns how a PostgreSQL statement reaches out of the database in which it runs: to the server, its other databases, sessions and files,
 * or to other servers; `null` for any other, as for one about roles. Of code that is seen as far as it is written out there.
 *
 * @param known The functions and relations that are known to do so
 */
export function readReach(sql: string, known: ReadonlySet<string>): Reach | null {
  const tokens = tokensOf(sql, "postgresql").filter(({ text }, at) => at > 0 || text !== ";");
  const at = cursorAt(tokens);
  const byIt = (by: string | undefined) =>
    by === undefined ? null : { by, in: "statement", name: "" } as const;
  if (isWord(tokens[0], "DO")) {
    const by = codeReach(sql, known);
    return by === undefined ? null : { by, in: "code", name: "" };
  }
  if (running.some((verb) => isWord(tokens[0], verb))) return byIt(callOf(tokens, known));
  if (at.take("COPY")) return byIt(copyReach(tokens) ?? callOf(tokens, known));
  const words = wordsOf(tokens);
  const changed = ofServer.exec(words)?.[0].trim().toUpperCase();
  if (changed !== undefined || !at.take("CREATE")) return byIt(changed);
  if (making.routine.test(words)) return routineReach(sql, at, known);
  const [kind] = making.relation.exec(words) ?? [];
  if (kind === undefined) return null;
  const isForeign = kind.includes("foreign");
  const by = isForeign ? "CREATE FOREIGN TABLE" : callOf(tokens, known);
  if (by === undefined) return null;
  const isFilled = kind.endsWith(" table ") && !isForeign || kind.includes("materialized");
  // What is in parentheses is worked out for rows to come.
  if (isFilled) return cursorAt(tokens).seek("AS") === null ? null : { by, in: "code", name: "" };
  at.seek("TABLE", "VIEW");
  at.take("IF", "NOT", "EXISTS");
  let name = at.next();
  while (at.take(".")) name = at.next();
  return { by, in: "relation", name: foldedName(name, "postgresql") ?? "" };
}

/** What a statement begins with that makes something by which others may reach out. */
const making = {
  routine: /^create (?:or replace )?(?:function|procedure) /,
  relation:
    /^create (?:(?:or|replace|global|local|temp|temporary|unlogged|recursive|materialized|foreign) )*(?:table|view) /,
};

const running = [
  "SELECT",
  "CALL",
  "VALUES",
  "WITH",
  "INSERT",
  "UPDATE",
  "DELETE",
  "MERGE",
  "TRUNCATE",
  "TABLE",
  "EXPLAIN",
];

/** What does so and is no call. Of roles all else is `readRoleStatement`'s. */
const ofServer = new RegExp(
  `^(?:(?:${serverWords}) |comment on (?:database|tablespace|subscription) |security label .*on (?:role|database|tablespace|subscription) |(?:grant|revoke) .*on (?:database|tablespace|parameter) |alter (?:role|user) .*in database |import foreign schema )`,
);

/** Functions that do so. */
const reaching =
  /^(?:dblink(?:_\w+)?|lo_export|pg_(?:terminate_backend|cancel_backend|reload_conf|rotate_logfile|promote|switch_wal|create_restore_point|file_\w+|(?:create|copy|drop)_(?:\w+_)?replication_slot|replication_origin_\w+))$/;

/** Functions of PostgreSQL's that leave something behind also where they run in a transaction that may only read and is rolled back. */
const lasting =
  /^pg_(?:(?:try_)?advisory_lock(?:_shared)?|advisory_unlock\w*|stat_(?:\w+_)?reset\w*|log_\w+|logical_(?:emit_message|slot_get_\w+)|replication_slot_advance|wal_replay_\w+|(?:backup|start|stop)_(?:start|stop|backup))$/;

/** Returns the name of what a PostgreSQL query calls that does more than read, though it may only do that; `null` for none. */
export function lastingCall(query: string): string | null {
  const tokens = tokensOf(query, "postgresql");
  const calls = tokens.flatMap((token, place) => {
    const name = foldedName(token, "postgresql");
    return name !== null && tokens[place + 1]?.text === "(" && !isNoCall(tokens, place) ? [name] : [];
  });
  return calls.find((name) => reaching.test(name) || lasting.test(name)) ?? null;
}

/** @param at Behind CREATE */
function routineReach(sql: string, at: SqlCursor, known: ReadonlySet<string>): Reach | null {
  const names: Token[] = [];
  for (let token = at.next(); token !== undefined && token.text !== "("; token = at.next()) names.push(token);
  const body = at.rest();
  const by = body.length === 0 ? undefined : codeReach(sql.slice(body[0]!.start), known);
  if (by === undefined) return null;
  const isTrigger = body.some((token, place) =>
    isWord(token, "RETURNS") && ["TRIGGER", "EVENT_TRIGGER"].some((each) => isWord(body[place + 1], each))
  );
  const name = foldedName(names.at(-1), "postgresql") ?? "";
  return { by, in: isTrigger ? "trigger" : "function", name: `${name}(` };
}

function callOf(tokens: readonly Token[], known: ReadonlySet<string>): string | undefined {
  return tokens.flatMap((token, place) => {
    const name = foldedName(token, "postgresql");
    if (name === null) return [];
    const isCall = tokens[place + 1]?.text === "(" && !isNoCall(tokens, place) &&
      (known.has(`${name}(`) || reaching.test(name));
    return isCall || known.has(name) ? [name] : [];
  })[0];
}

/** The same in code, where a statement or the text of one begins; what it is of may be worked out there. */
const inCode = new RegExp(
  String
    .raw`(?:^|[;'$]|\b(?:begin|then|else|loop) )\s*(?:(${serverWords}|comment on (?:database|tablespace|subscription)|(?:grant|revoke) [^;]{0,400}?\bon (?:database|tablespace|parameter)|import foreign schema) (?<worked>\s*(?:%|"?'))?|(copy) [^;]{0,400}?\b(?:program\s*(?:e?'|\$|%)|to (?:e?'|%)))`
    .replaceAll(" ", "\\s+"),
  "gi",
);

function codeReach(code: string, known: ReadonlySet<string>): string | undefined {
  const text = runningText(code);
  // What is worked out from that is about the database itself.
  const isOwn = /\bcurrent_database\b/i.test(text);
  for (const { 1: words, 3: copy, groups } of text.matchAll(inCode)) {
    if (isOwn && groups?.worked !== undefined) continue;
    return (words ?? copy)!.replaceAll(/\s+/g, " ").toUpperCase();
  }
  const names = text.matchAll(
    /(?<into>\binto\s(?:[^\s.]+ \. )?"?)?(?<![\p{L}\p{N}_$])(?<name>[\p{L}_][\p{L}\p{N}_$]*)"?\s*(?<call>\()?/giu,
  );
  for (const { groups } of names) {
    const name = foldName(groups!["name"]!);
    const isCall = groups!["call"] !== undefined && groups!["into"] === undefined;
    if (isCall && (known.has(`${name}(`) || reaching.test(name)) || known.has(name)) return name;
  }
  return undefined;
}

/** To a program, or to a file of the server's. What reads one changes nothing. */
function copyReach(tokens: readonly Token[]): string | undefined {
  const at = cursorAt(tokens);
  const direction = at.seek("TO", "FROM");
  const [target] = at.rest();
  if (isWord(target, "PROGRAM")) return `COPY ${direction} PROGRAM`;
  return direction === "TO" && target?.kind === "string" ? "COPY TO" : undefined;
}

/** Returns what a statement says in small letters, with one blank behind each word, and with nothing in its texts and quoted names. */
function wordsOf(tokens: readonly Token[]): string {
  const nothing: Partial<Record<Token["kind"], string>> = { string: "''", name: '""' };
  return tokens.map(({ kind, text }) => `${nothing[kind] ?? text.toLowerCase()} `).join("");
}
