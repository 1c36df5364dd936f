import { foldName } from "../base/fold_name.ts";
import { cursorAt, foldedName, tokensOf } from "./cursor.ts";
import { isWord, type Token } from "./lexer.ts";

/** What a PostgreSQL statement begins with that changes the server and not its database alone, as {@link roleWords} of roles. */
export const serverWords = "(?:create|alter|drop) (?:database|tablespace|subscription)|alter system";

/** How a statement reaches out of its database. */
export interface Reach {
  /** By what: `ALTER SYSTEM`, `dblink_exec`. */
  readonly by: string;
  /** `statement`: it does so itself · `code`: what it runs may, or fills a table by that · `trigger`, `function`: one that it makes may. */
  readonly in: "statement" | "code" | "trigger" | "function";
  /** What that function is called, in small letters where it has no quotes; "" for none. */
  readonly name: string;
}

/**
 * Returns how a PostgreSQL statement reaches out of the database in which it runs: to the server, its other databases, sessions and files,
 * or to other servers; `null` for any other, as for one about roles. Of code that is seen as far as it is written out there.
 *
 * @param known What functions are called that are known to do so
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
  if (at.take("COPY")) return byIt(copyReach(tokens));
  const words = `${tokens.map(({ text }) => text.toLowerCase()).join(" ")} `;
  if (!at.take("CREATE")) return byIt(ofServer.exec(words)?.[0].trim().toUpperCase());
  at.take("OR", "REPLACE");
  if (!at.take("FUNCTION") && !at.take("PROCEDURE")) {
    const by = makesRows.test(words) && cursorAt(tokens).seek("AS") !== null
      ? callOf(tokens, known)
      : undefined;
    return by === undefined
      ? byIt(ofServer.exec(words)?.[0].trim().toUpperCase())
      : { by, in: "code", name: "" };
  }
  const names: Token[] = [];
  for (let token = at.next(); token !== undefined && token.text !== "("; token = at.next()) names.push(token);
  const body = at.rest();
  const by = body.length === 0 ? undefined : codeReach(sql.slice(body[0]!.start), known);
  if (by === undefined) return null;
  const isTrigger = body.some((token, place) =>
    isWord(token, "RETURNS") && ["TRIGGER", "EVENT_TRIGGER"].some((each) => isWord(body[place + 1], each))
  );
  return { by, in: isTrigger ? "trigger" : "function", name: foldedName(names.at(-1), "postgresql") ?? "" };
}

const running = ["SELECT", "CALL", "VALUES", "WITH", "INSERT", "UPDATE", "DELETE", "MERGE"];

/** What fills a table at once, where `AS` is behind it. */
const makesRows = /^create (?:(?:global|local|temp|temporary|unlogged) )*(?:table|materialized view) /;

/** What does so and is no call. Of roles all else is `readRoleStatement`'s. */
const ofServer = new RegExp(
  `^(?:(?:${serverWords}) |comment on (?:database|tablespace|subscription) |security label .*on (?:role|database|tablespace|subscription) |(?:grant|revoke) .*on (?:database|tablespace|parameter) |alter (?:role|user) .*in database )`,
);

/** Functions that do so. */
const reaching =
  /^(?:dblink(?:_\w+)?|lo_export|pg_(?:terminate_backend|cancel_backend|reload_conf|rotate_logfile|promote|switch_wal|create_restore_point|file_\w+|(?:create|copy|drop)_(?:\w+_)?replication_slot|replication_origin_\w+))$/;

function callOf(tokens: readonly Token[], known: ReadonlySet<string>): string | undefined {
  return tokens.flatMap((token, place) => {
    const name = tokens[place + 1]?.text === "(" ? foldedName(token, "postgresql") : null;
    return name !== null && (known.has(name) || reaching.test(name)) && !isTarget(tokens, place)
      ? [name]
      : [];
  })[0];
}

/** Whether a name in front of a parenthesis is that of a table into whose columns something is written. */
function isTarget(tokens: readonly Token[], place: number): boolean {
  let before = place - 1;
  while (tokens[before]?.text === ".") before -= 2;
  return isWord(tokens[before], "INTO");
}

/** The same in code, where a statement or the text of one begins; what it is of may be worked out there. */
const inCode = new RegExp(
  String
    .raw`(?:^|[;'$]|\b(?:begin|then|else|loop) )\s*(?:(${serverWords}|comment on (?:database|tablespace|subscription)|(?:grant|revoke) [^;]{0,400}?\bon (?:database|tablespace|parameter)) (?<worked>\s*(?:%|"?'))?|(copy) [^;]{0,400}?\b(?:program\s*(?:e?'|\$|%)|to (?:e?'|%)))`
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
  const calls = text.matchAll(
    /(?<!\binto\s(?:[^\s.]+ \. )?"?)(?<![\p{L}\p{N}_$])([\p{L}_][\p{L}\p{N}_$]*)"?\s*\(/giu,
  );
  for (const [, name] of calls) {
    if (known.has(foldName(name!)) || reaching.test(foldName(name!))) return foldName(name!);
  }
  return undefined;
}

/** What stands in front of the text of a message or of a comment. */
const saying = /^(?:raise|exception|notice|warning|info|log|debug|is)$/i;

/** Returns code without comments and messages, which may say anything. */
function runningText(code: string): string {
  let tokens: readonly Token[];
  try {
    tokens = tokensOf(code, "postgresql");
  } catch {
    return code;
  }
  return tokens.map(({ kind, text }, place) => {
    if (kind !== "string") return text;
    const [before, sooner] = [tokens[place - 1]?.text ?? "", tokens[place - 2]?.text ?? ""];
    if (saying.test(before) || before === "=" && /^(?:message|detail|hint)$/i.test(sooner)) return "";
    const [tag] = /^\$\w*\$/.exec(text) ?? [];
    return tag === undefined ? text : `$ ${runningText(text.slice(tag.length, -tag.length))} $`;
  }).join(" ");
}

/** To a program, or to a file of the server's. What reads one changes nothing. */
function copyReach(tokens: readonly Token[]): string | undefined {
  const at = cursorAt(tokens);
  const direction = at.seek("TO", "FROM");
  const [target] = at.rest();
  if (isWord(target, "PROGRAM")) return `COPY ${direction} PROGRAM`;
  return direction === "TO" && target?.kind === "string" ? "COPY TO" : undefined;
}
