import { gap } from "../../base/secrets/words.ts";
import { cursorAt, foldedName, type SqlCursor, tokensOf } from "../cursor.ts";
import type { Token } from "../lexer.ts";
import { runningText } from "./running_text.ts";

/** What a PostgreSQL statement begins with that does something to roles, or to all that is theirs, in small letters with one blank between. */
export const roleWords = "(?:create|alter|drop) (?:role|user(?! mapping)|group)|(?:drop|reassign) owned";

/** What a statement does to roles. */
export interface RoleChange {
  /** What stands for the roles that it changes, one after the other. */
  readonly roles: readonly Token[];
  /** What stands for those of which it makes them members, or members no more. */
  readonly groups?: readonly Token[];
  /** What stands for the role that is there afterwards, and was not before. */
  readonly made?: Token | undefined;
  /** Whether it is a comment on the role. */
  readonly isComment?: boolean;
}

/** Returns what a PostgreSQL statement does to roles; `null` for any other, such as a grant on a table or a block of code. */
export function readRoleStatement(text: string): RoleChange | null {
  const tokens = tokensOf(text, "postgresql");
  const at = cursorAt(tokens);
  while (at.take(";"));
  if (at.take("GRANT") || at.take("REVOKE")) {
    if (cursorAt(tokens).seek("ON") !== null) return null;
    return { groups: namesAt(at), roles: namesAt(at) };
  }
  if (at.take("DROP", "OWNED", "BY") || at.take("REASSIGN", "OWNED", "BY")) return { roles: namesAt(at) };
  const isComment = at.take("COMMENT", "ON");
  const makes = at.take("CREATE");
  const isDrop = at.take("DROP");
  if (!isComment && !makes && !isDrop && !at.take("ALTER") || at.take("USER", "MAPPING")) return null;
  if (!at.take("ROLE") && !at.take("USER") && !at.take("GROUP")) return null;
  at.take("IF", "EXISTS");
  if (isDrop) return { roles: namesAt(at) };
  const role = at.next();
  if (role === undefined) return null;
  return { roles: [role], made: makes ? role : at.take("RENAME", "TO") ? at.next() : undefined, isComment };
}

/** Returns what tells a role apart that a token stands for. */
export function roleName(token: Token): string {
  return foldedName(token, "postgresql") ?? "";
}

/** Returns the text with nothing left of a list but these of its tokens. */
export function withOnly(text: string, list: readonly Token[], kept: readonly Token[]): string {
  const last = list.at(-1)!;
  let names = "";
  for (const token of kept) names += (names && ", ") + token.text;
  return text.slice(0, list[0]!.start) + names + text.slice(last.start + last.text.length);
}

/** Steps behind a list and what ends it. Of each part the last is the name: before it may stand what is granted of a membership. */
function namesAt(at: SqlCursor): readonly Token[] {
  const names: Token[] = [];
  let isNext = true;
  for (let token = at.next(); token !== undefined; token = at.next()) {
    if (token.kind !== "name" && /^(?:to|from|with|granted|cascade|restrict|;)$/i.test(token.text)) break;
    if (token.text === ",") isNext = true;
    else {
      if (!isNext) names.pop();
      names.push(token);
      isNext = false;
    }
  }
  return names;
}

const inCode = new RegExp(
  String.raw`\b(?:(alter|drop) (?:role|user(?! mapping)|group)\b(?: if exists\b)?|(drop|reassign) owned by\b)`
    .replaceAll(" ", `${gap}+`),
  "gi",
);
const name = String.raw`(?:"(?:[^"]|"")+"|[\p{L}_][\p{L}\p{N}_]*)`;
/** Names that are whole: behind the last stands what ends a statement or a text of code, or another word. */
const names = new RegExp(
  `^${gap}+(${name}(?:\\s*,\\s*${name})*)(?=\\s*(?:;|$|\\$|'\\s*(?:[;)]|$))|\\s+[a-z])`,
  "iu",
);

/**
 * Returns what the code of a statement does to roles that are there, as far as the words for that are written out in it: a verb, and what
 * stands for those that it names; `null` where it works them out.
 */
export function roleCodeIn(text: string): readonly (readonly [string, readonly Token[] | null])[] {
  const found: [string, readonly Token[] | null][] = [];
  const code = runningText(text);
  for (const each of code.matchAll(inCode)) {
    const list = names.exec(code.slice(each.index + each[0].length))?.[1];
    found.push([
      (each[1] ?? each[2])!.toLowerCase(),
      list === undefined ? null : namesAt(cursorAt(tokensOf(list, "postgresql"))),
    ]);
  }
  return found;
}
