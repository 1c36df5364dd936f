import { HarborError } from "../../../base/errors.ts";
import type { Result, Session } from "./session.ts";
import { type Statement } from "./statement.ts";
import { quoteText } from "../../../sql/quote.ts";

/**
 * The search path of all statements of our own. PostgreSQL looks an unqualified name up in the whole path, and prefers a
 * function or an operator whose argument types fit exactly even to pg_catalog's; so on any other path the owner of a
 * schema could run code as whoever looks at it. Temporary tables come last, for without a word of them they come first.
 *
 * Source: https://wiki.postgresql.org/wiki/A_Guide_to_CVE-2018-1058
 */
export const pinnedPath = "pg_catalog, pg_temp";

/**
 * What statements of our own run with. They ask catalogs long questions about few rows: in a large schema the server would
 * compile each anew, for longer than it takes to answer.
 */
const ours = { search_path: pinnedPath, jit: "off" };

/**
 * What a session begins with, beside that: strings mean what harbor-db takes them for, and rows that a policy hides are an
 * error instead of missing.
 */
export const pinSession = set({ ...ours, standard_conforming_strings: "on", row_security: "off" }, false);

/** Sets for the transaction what statements of our own run with. */
export const turnToOurs = set(ours, true);

/** Sets for the session what statements of our own run with. */
export const turnSessionToOurs = set(ours, false);

/** Limits that a role or a database may have for the sake of an application, and the version that brought them. */
const limits = [
  ["statement_timeout", 0],
  ["idle_in_transaction_session_timeout", 0],
  ["idle_session_timeout", 140000],
  ["transaction_timeout", 170000],
] as const;

/**
 * Returns the statement after which nothing is cut off for its length, unless the address asks for that.
 *
 * @param asked The settings of the address
 */
export function liftLimits(asked: Readonly<Record<string, string>>, version: number): Statement {
  const lifted = limits.filter(([name, since]) => version >= since && asked[name] === undefined)
    .map(([name]) => `pg_catalog.set_config('${name}', '0', false)`);
  return { text: `SELECT ${lifted.join(", ")}`, parameters: [] };
}

/**
 * Returns the statement after which, in its transaction, nothing takes longer, or goes on when its client has gone.
 *
 * @param asked The settings of the address, whose own limit counts
 */
export function readLimits(
  asked: Readonly<Record<string, string>>,
  version: number,
  mostMs: number,
): Statement {
  const limit = asked["statement_timeout"] ?? String(Math.ceil(mostMs));
  const { text, parameters } = set({ statement_timeout: limit }, true);
  // Other systems may refuse it, and then the whole transaction.
  const look =
    ", CASE WHEN pg_catalog.version() OPERATOR(pg_catalog.~) 'linux' THEN pg_catalog.set_config('client_connection_check_interval', '1s', true) END";
  return { text: version < 140000 ? text : `${text}${look}`, parameters };
}

/** Returns the statement that sets the search path for the transaction. */
export function setPath(path: string): Statement {
  return set({ search_path: path }, true);
}

/**
 * Returns the statement after which users' statements run as they would for any client: on their path, and compiled where the
 * database has it so.
 *
 * @param isLocal Whether for the transaction alone
 */
export function turnToUsers({ path }: Pick<Session, "path">, isLocal = true): Statement {
  return set({ search_path: path, jit: null }, isLocal);
}

/** @param settings `null` for what the session began with */
function set(settings: Readonly<Record<string, string | null>>, isLocal: boolean): Statement {
  const calls = Object.entries(settings).map(([name, value]) =>
    `pg_catalog.set_config('${name}', ${value === null ? "NULL" : quoteText(value)}, ${isLocal})`
  );
  return { text: `SELECT ${calls.join(", ")}`, parameters: [] };
}

const begin: Statement = { text: "BEGIN", parameters: [] };
const commit: Statement = { text: "COMMIT", parameters: [] };

/**
 * Runs statements of our own outside a transaction. Behind a pooler the session is not pinned, because that would stay in
 * the pool, so there they get a transaction of their own.
 */
export async function runPinned(
  session: Session,
  statements: readonly Statement[],
): Promise<readonly Result[]> {
  if (session.direct) return await session.run(statements);
  return (await session.run([begin, turnToOurs, ...statements, commit])).slice(2, -1);
}

/**
 * Returns the path on which the names of the users' statements mean what they would to any client. An explicit
 * pg_catalog is left out: it is then looked at first, wherever it stood.
 */
export function userPath(path: string): string {
  const names = namesIn(path);
  const others = names.filter((name) => !/^"?pg_catalog"?$/.test(name));
  return others.length === names.length || others.length === 0 ? path : others.join(", ");
}

/**
 * Refuses a database whose tables are in another schema than the one in which new ones would be made: what changes the
 * ones and makes the others would split the application in two.
 *
 * @throws {HarborError} `schema_mismatch` naming both, or saying that there is none
 */
export function requireOneSchema({ home, versionSchema }: Session, url: string): void {
  if (home === "") {
    throw new HarborError("schema_mismatch", `Cannot work on "${url}": search_path names no schema`, {
      hint: "Name the one that is meant in the database URL: ?options=-csearch_path%3Dpublic",
    });
  }
  if (versionSchema === null || versionSchema === home) return;
  throw new HarborError(
    "schema_mismatch",
    `Cannot work on "${url}": harbor_version is in schema "${versionSchema}", and new tables would be made in schema ` +
      `"${home}", which comes before it in search_path`,
    {
      hint: `Name the one that is meant in the database URL: ?options=-csearch_path%3D${
        encodeURIComponent(versionSchema)
      }`,
      details: { schema: versionSchema, first: home },
    },
  );
}

/** Returns the first schema that a path names, whether or not it exists. */
export function firstSchema(path: string): string {
  return plainNames(path).find((name) => name !== "$user") ?? "public";
}

/** Returns the schemas in which a user's names are looked up and those that a history names, beside PostgreSQL's own. */
export function schemasOf(
  { path, home, named }: Pick<Session, "path" | "home" | "named">,
): readonly string[] {
  return [...new Set([home, ...named, ...plainNames(path)])].filter((name) => name !== "$user");
}

function plainNames(path: string): readonly string[] {
  return namesIn(path).map((name) => name.replace(/^"([^]*)"$/, "$1").replaceAll('""', '"'));
}

function namesIn(path: string): readonly string[] {
  return path.match(/"(?:[^"]|"")*"|[^,\s]+/g) ?? [];
}
