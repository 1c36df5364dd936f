import { type SQL, sql } from "drizzle-orm";
import { HarborError } from "../../base/errors.ts";
import { foldName } from "../../base/fold_name.ts";
import { commaParts, cursorAt, foldedName, tokensOf, topLevel } from "../../sql/cursor.ts";
import { isWord, type Token } from "../../sql/lexer.ts";
import { quoteName, quoteText } from "../../sql/quote.ts";
import type { Database } from "../database.ts";
import { UserStatement, userStatement } from "../statement_names.ts";
import { proofPrefix, rolesQuery } from "./catalogs/session_databases.ts";
import { textOf } from "./session/statement.ts";

/** What a proof does with roles: all databases of the server have them, and not its own alone. */
export interface ProofRoles {
  /** Returns the database of a proof as scripts get it: roles that were there before are neither made, changed nor dropped, nor made members of each other. */
  guard(database: Database): Database;
  /** Drops the roles that the scripts made, once the database is gone that may hold anything of theirs. */
  drop(): Promise<void>;
}

/**
 * Notes which roles there are before scripts run.
 *
 * @param mark What roles that they make are marked with: a later proof knows them by it where this process was killed
 * @param onLeft Is told of what was not run, and of what stays
 */
export async function watchRoles(
  admin: Database,
  { mark, onLeft }: { readonly mark: string; readonly onLeft: (text: string) => void },
): Promise<ProofRoles> {
  const found = await rolesOf(admin);
  const before = new Set([...everybody, ...found.map(({ name }) => name)]);
  const marked = (isAtWork: boolean) =>
    found.filter(({ proof }) => proof === isAtWork).map(({ name }) => name);
  /** Those that another way of a proof made, which is not over. */
  const ofProofs = new Set(marked(true));
  /** Somebody may have taken them into use since, so that they are nobody's to drop. */
  const ofKilled = new Set(marked(false));
  let made: ReadonlySet<string> = new Set();
  const passedOver = new Set<string>();
  /** Blocks of code that may make roles. */
  const blocks: string[] = [];

  /** Returns a statement as it may run, and notes in `next` which roles there are then. */
  function adjusted(statement: SQL, next: Set<string>): SQL {
    const text = statement instanceof UserStatement ? textOf(statement) : "";
    if (!/\b(?:role|user|group|grant|revoke)\b/i.test(text)) return statement;
    const tokens = tokensOf(text, "postgresql").filter((token) => token.text !== ";");
    const members = membersChanged(tokens, (name) => before.has(name) && !ofProofs.has(name));
    if (members.length > 0) {
      for (const name of members) passedOver.add(name);
      return userStatement(sql.raw("SELECT 1"));
    }
    const change = roleChange(tokens);
    if (change === null) {
      if (!/\b(?:create|alter|drop)\s+(?:role|user|group)\b/i.test(text)) return statement;
      refuseToDrop(text, before);
      blocks.push(text);
      return statement;
    }
    const own = change.names.filter((name) => !before.has(name));
    for (const name of change.names) if (before.has(name) && !ofProofs.has(name)) passedOver.add(name);
    if (change.verb === "CREATE") own.forEach((name) => next.add(name));
    if (change.verb === "DROP") own.forEach((name) => next.delete(name));
    if (own.length === change.names.length) return statement;
    if (own.length === 0) return userStatement(sql.raw("SELECT 1"));
    return userStatement(sql.raw(`DROP ROLE ${change.ifAny}${own.map(quoteName).join(", ")}`));
  }

  return {
    guard: (database) => ({
      ...database,
      async write(batch, mode) {
        const next = new Set(made);
        const statements = batch.map((statement) => adjusted(statement, next));
        const marks = [...next].filter((name) => !made.has(name)).map((name) =>
          sql.raw(`COMMENT ON ROLE ${quoteName(name)} IS ${quoteText(mark)}`)
        );
        const isAlone = mode === "alone";
        const changed = await database.write(isAlone ? statements : [...statements, ...marks], mode);
        // What failed is not ours: somebody else may have made it meanwhile.
        made = next;
        if (isAlone && marks.length > 0) await database.write(marks);
        return changed.slice(0, batch.length);
      },
    }),
    async drop() {
      // What came of the work stands, also where the server is gone by now.
      const there = await rolesOf(admin).catch(() => []);
      const fresh = there.map(({ name }) => name).filter((name) => !before.has(name));
      for (const name of fresh) {
        if (!made.has(name) && !blocks.some((text) => isNamedIn(text, name))) continue;
        if (!await dropRole(admin, name)) onLeft(`the role ${name} of the proof could not be dropped`);
      }
      for (const name of passedOver) {
        const whence = ofKilled.has(name)
          ? `left on the server by a proof that was killed (unless it is in use since: DROP ROLE ${
            quoteName(name)
          })`
          : "on the server before the proof";
        onLeft(`the role ${name} was ${whence}: what scripts do to the role itself was not run`);
      }
    },
  };
}

async function dropRole(admin: Database, name: string): Promise<boolean> {
  try {
    await admin.write([sql`DROP ROLE IF EXISTS ${sql.identifier(name)}`]);
    return true;
  } catch (error) {
    if (!(error instanceof HarborError)) throw error;
    return false;
  }
}

async function rolesOf(admin: Database) {
  return await admin.read<{ readonly name: string; readonly proof: boolean | null }>(
    sql.raw(rolesQuery(proofPrefix)),
  );
}

/** What stands for all roles, or for the one that is at work, in the place of a name. */
const everybody = ["all", "current_role", "current_user", "session_user"];

interface RoleChange {
  readonly verb: typeof verbs[number];
  readonly names: readonly string[];
  readonly ifAny: "" | "IF EXISTS ";
}

const verbs = ["CREATE", "ALTER", "DROP", "COMMENT"] as const;

/** Returns what a statement does to roles; `null` for any other, such as a block of code. */
function roleChange(statement: readonly Token[]): RoleChange | null {
  const at = cursorAt(statement);
  const verb = verbs.find((each) => at.take(each));
  if (verb === "COMMENT" && !at.take("ON")) return null;
  if (verb === undefined || at.take("USER", "MAPPING")) return null;
  if (!at.take("ROLE") && !at.take("USER") && !at.take("GROUP")) return null;
  const ifAny = at.take("IF", "EXISTS") ? "IF EXISTS " : "";
  const tokens = verb === "DROP" ? commaParts(at.rest()).map(([token]) => token) : [at.next()];
  return { verb, names: tokens.map((token) => foldedName(token, "postgresql") ?? ""), ifAny };
}

/**
 * Returns the roles that a statement makes members of others, or of others no more, where both were there before; none of any
 * other statement, such as a grant on a table.
 */
function membersChanged(
  statement: readonly Token[],
  wasThere: (role: string) => boolean,
): readonly string[] {
  const [verb, ...rest] = statement;
  if (!isWord(verb, "GRANT") && !isWord(verb, "REVOKE")) return [];
  if (topLevel(rest).some((token) => isWord(token, "ON"))) return [];
  const between = rest.findIndex((token) => isWord(token, "TO") || isWord(token, "FROM"));
  const after = rest.slice(between + 1);
  const end = after.findIndex((token) =>
    ["WITH", "GRANTED", "CASCADE", "RESTRICT"].some((word) => isWord(token, word))
  );
  const thoseOf = (tokens: readonly Token[]) =>
    commaParts(tokens).map((part) => foldedName(part.at(-1), "postgresql") ?? "").filter(wasThere);
  return thoseOf(rest.slice(0, between)).length === 0 ? [] : thoseOf(end < 0 ? after : after.slice(0, end));
}

/** Says whether code names a role, in whichever letters: it may spell it without quotes, or in a text that it runs. */
function isNamedIn(code: string, role: string): boolean {
  const parts = foldName(code).split(foldName(role));
  return parts.slice(1).some((after, at) =>
    !/[\p{L}\p{N}_$]$/u.test(parts[at]!) && !/^[\p{L}\p{N}_$]/u.test(after)
  );
}

/**
 * Refuses a block of code that drops roles and names one that was there before: nobody can look into it.
 *
 * @throws {HarborError} `check_failed`
 */
function refuseToDrop(text: string, before: ReadonlySet<string>): void {
  if (!/\bdrop\s+(?:role|user|group)\b/i.test(text)) return;
  const name = [...before].find((each) => !everybody.includes(each) && isNamedIn(text, each));
  if (name === undefined) return;
  throw new HarborError(
    "check_failed",
    `Cannot prove the scripts: code in them may drop the role "${name}"`,
    {
      state: "it was on the server before the proof, for all its databases",
      hint: "Name a server that does not have it: --prove-url postgresql://…",
      details: { statement: text },
    },
  );
}
