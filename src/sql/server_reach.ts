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
    const by = /^create (?:.* )?(?:table|materialized view) .* as /.test(words)
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
    isWord(token, "RETURNS") && isWord(body[place + 1], "TRIGGER")
  );
  return { by, in: isTrigger ? "trigger" : "function", name: foldedName(names.at(-1), "postgresql") ?? "" };
}

const running = ["SELECT", "CALL", "VALUES", "WITH", "INSERT", "UPDATE", "DELETE", "MERGE"];

/** What does so and is no call. Of roles all else is `readRoleStatement`'s. */
const ofServer = new RegExp(
  `^(?:(?:${serverWords}) |comment on (?:database|tablespace|subscription) |security label .*on (?:role|database|tablespace|subscription) |(?:grant|revoke) .*on (?:database|tablespace|parameter) |alter (?:role|user) .*in database )`,
);

/** Functions that do so. */
const reaching =
  "dblink(?:_\\w+)?|lo_export|pg_(?:terminate_backend|cancel_backend|reload_conf|rotate_logfile|promote|switch_wal|create_restore_point|file_\\w+|(?:create|copy|drop)_(?:\\w+_)?replication_slot|replication_origin_\\w+)";

const isReaching = new RegExp(`^(?:${reaching})$`);

/** The same in code. */
const inCode = new RegExp(
  `\\b(?:(${reaching})"?\\s*\\(|(${serverWords})\\b|(copy)\\b[^;]*?\\b(?:program\\b|to\\s+'))`.replaceAll(
    " ",
    "\\s+",
  ),
  "i",
);

function callOf(tokens: readonly Token[], known: ReadonlySet<string>): string | undefined {
  return tokens.flatMap((token, place) => {
    const name = tokens[place + 1]?.text === "(" ? foldedName(token, "postgresql") : null;
    return name !== null && (known.has(name) || isReaching.test(name)) ? [name] : [];
  })[0];
}

function codeReach(code: string, known: ReadonlySet<string>): string | undefined {
  const [, call, words, copy] = inCode.exec(code) ?? [];
  const named = call ?? (words ?? copy)?.replaceAll(/\s+/g, " ").toUpperCase();
  return named ?? code.match(/[\p{L}_][\p{L}\p{N}_$]*/gu)?.find((word) => known.has(foldName(word)));
}

/** To a program, or to a file of the server's. What reads one changes nothing. */
function copyReach(tokens: readonly Token[]): string | undefined {
  const at = cursorAt(tokens);
  const direction = at.seek("TO", "FROM");
  const [target] = at.rest();
  if (isWord(target, "PROGRAM")) return `COPY ${direction} PROGRAM`;
  return direction === "TO" && target?.kind === "string" ? "COPY TO" : undefined;
}
