import { type SQL, sql } from "drizzle-orm";
import { HarborError } from "../../base/errors.ts";
import { foldName } from "../../base/fold_name.ts";
import type { Token } from "../../sql/lexer.ts";
import { quoteName, quoteText } from "../../sql/quote.ts";
import { readRoleStatement, roleCodeIn, roleName, withOnly } from "../../sql/reach/role_statements.ts";
import type { Database } from "../database.ts";
import { UserStatement, userStatement } from "../statement_names.ts";
import { markQuery, proofPrefix, rolesQuery } from "./catalogs/session_databases.ts";
import { textOf } from "./session/statement.ts";
import { type Tryout, withinDatabase } from "./within_database.ts";

/** What a proof does with roles: all databases of the server have them, and not its own alone. So does a rehearsal. */
export interface ProofRoles {
  /**
   * Returns the database of a proof as scripts get it: roles that are not the proof's are neither made, changed nor dropped, nor made members
   * of each other; nor does anything else reach out of it, see {@link withinDatabase}.
   */
  guard(database: Database): Database;
  /** Drops the roles that the scripts made, once the database is gone that may hold anything of theirs. */
  drop(): Promise<void>;
}

interface Role {
  readonly name: string;
  readonly comment: string;
  /** Whether the proof is at work that it is marked with; `null` where there is no such mark. */
  readonly proof: boolean | null;
  /** Whether it is neither the session's own nor one of PostgreSQL's. */
  readonly others: boolean;
}

/**
 * Notes which roles there are before scripts run. Those are the proof's, here and on copies of its database, that bear its mark: it
 * stays where a role is renamed, and a later proof knows by it what one left that was killed.
 */
export async function watchRoles(
  admin: Pick<Database, "read" | "write">,
  { mark, tryout, onLeft }: {
    readonly mark: string;
    readonly tryout: Tryout;
    readonly onLeft: (text: string) => void;
  },
): Promise<ProofRoles> {
  const { noun, notRun } = tryout;
  const first = await rolesOf(admin);
  /** What scripts may call new roles, in small letters: of code all that may be a name. */
  const names = new Set<string>();

  /** Returns a script's statement as it may run where there are these roles, and notes what new ones it may bring. */
  function adjusted(statement: SQL, text: string, roles: Roles): SQL {
    const isOthers = (token: Token) => {
      const name = roleName(token);
      return everybody.includes(name) || (roles.get(name)?.comment ?? mark) !== mark;
    };
    const change = readRoleStatement(text);
    if (change === null) {
      refuseCode(text, { roles, mark, tryout, isOthers });
      if (/\b(?:create\s+(?:role|user|group)|rename\s+to)\b/i.test(text)) {
        // It may spell a name without quotes, or in a text that it runs.
        for (const each of [/[\p{L}_][\p{L}\p{N}_$]*/gu, /(?<=")[^"]+(?=")/g, /(?<=')[^']+(?=')/g]) {
          for (const word of foldName(text).match(each) ?? []) names.add(word);
        }
      }
      return statement;
    }
    const { made, isComment } = change;
    if (change.groups?.some(isOthers) === false) return statement;
    const own: Token[] = [];
    for (const token of change.roles) {
      const name = roleName(token);
      const role = roles.get(name);
      if (!isOthers(token)) own.push(token);
      else {
        const whose = role?.proof
          ? "made by a proof that is at work"
          : role?.proof === false
          ? `left on the server by a proof that was killed (unless it is in use since: DROP ROLE ${
            quoteName(name)
          })`
          : role === undefined || first.has(name)
          ? `on the server before the ${noun}`
          : `made by others during the ${noun}`;
        notRun.add(`the role ${name} was ${whose}: what scripts do to the role itself was not run`);
      }
    }
    if (own.length > 0 && made) names.add(foldName(roleName(made)));
    if (own.length === change.roles.length && !isComment) return statement;
    return userStatement(sql.raw(
      own.length === 0
        ? "SELECT 1"
        : isComment
        ? `COMMENT ON ROLE ${own[0]!.text} IS ${quoteText(mark)}`
        : withOnly(text, change.roles, own),
    ));
  }

  return {
    guard: (open) => {
      const database = withinDatabase(open, tryout);
      return {
        ...database,
        async write(batch, mode) {
          let roles: Roles | undefined;
          const statements: SQL[] = [];
          for (const statement of batch) {
            const text = statement instanceof UserStatement ? textOf(statement) : "";
            const isOfRoles = /\b(?:role|user|group|owned|grant|revoke)\b/i.test(text);
            if (isOfRoles) roles ??= await rolesOf(admin);
            statements.push(isOfRoles ? adjusted(statement, text, roles!) : statement);
          }
          // What was made of code may be called from anywhere.
          if (names.size === 0) return await database.write(statements, mode);
          const others: string[] = [];
          for (const { name, comment } of (roles ?? await rolesOf(admin)).values()) {
            if (comment !== mark) others.push(name);
          }
          const marks = sql.raw(markQuery(mark, others, names));
          if (mode !== "alone") {
            return (await database.write([...statements, marks], mode)).slice(0, batch.length);
          }
          // What failed may have made some before. One that stays without a mark is said at the end.
          return await database.write(statements, mode).finally(() =>
            database.write([marks]).catch(() => {})
          );
        },
      };
    },
    async drop() {
      try {
        for (const { name, comment, proof } of (await rolesOf(admin)).values()) {
          if (first.has(name)) continue;
          if (comment === mark) {
            await admin.write([sql`DROP ROLE IF EXISTS ${sql.identifier(name)}`]).catch(() =>
              onLeft(
                `the role ${name} of the ${noun} could not be dropped (unless it is in use since: DROP ROLE ${
                  quoteName(name)
                })`,
              )
            );
          } else if (proof === null && names.has(foldName(name))) {
            onLeft(
              `the role ${name} is new on the server, and nothing says whether the ${noun} made it: it was left`,
            );
          }
        }
      } catch {
        // What came of the work stands, also where the server is gone by now.
        if (names.size > 0) {
          onLeft(`roles that the ${noun} made may be on the server still, with the comment ${mark}`);
        }
      }
    },
  };
}

/** By name. */
type Roles = ReadonlyMap<string, Role>;

async function rolesOf(admin: Pick<Database, "read">): Promise<Roles> {
  const roles = new Map<string, Role>();
  for (const role of await admin.read<Role>(sql.raw(rolesQuery(proofPrefix)))) roles.set(role.name, role);
  return roles;
}

/** What stands for all roles, or for the one that is at work, in the place of a name. */
const everybody = ["all", "current_role", "current_user", "session_user"];

/**
 * Refuses code that may do something to a role of others: nobody can take that out of it.
 *
 * @throws {HarborError} `check_failed`
 */
function refuseCode(
  text: string,
  { roles, mark, tryout: { verb, noun, remedy }, isOthers }: {
    readonly roles: Roles;
    readonly mark: string;
    readonly tryout: Tryout;
    readonly isOthers: (token: Token) => boolean;
  },
): void {
  for (const [change, named] of roleCodeIn(text)) {
    const told = named?.find(isOthers);
    let name = told && roleName(told);
    for (const role of named === null ? roles.values() : []) {
      if (role.others && role.comment !== mark) name ??= role.name;
    }
    if (name === undefined) continue;
    throw new HarborError(
      "check_failed",
      `Cannot ${verb} the scripts while code in them may ${change} the role "${name}"`,
      {
        state: `it is not the ${noun}'s, and all databases of the server have it`,
        hint: remedy.ofRole(named !== null),
        details: { statement: text },
      },
    );
  }
}
