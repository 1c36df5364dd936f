import type { Result, Session } from "./connection.ts";
import { type Statement } from "./statement.ts";
import { quoteText } from "../../sql/quote.ts";

/**
 * The search path of all statements of our own. PostgreSQL looks an unqualified name up in the whole path, and prefers a
 * function or an operator whose argument types fit exactly even to pg_catalog's; so on any other path the owner of a
 * schema could run code as whoever looks at it. Temporary tables come last, for without a word of them they come first.
 *
 * Source: https://wiki.postgresql.org/wiki/A_Guide_to_CVE-2018-1058
 */
export const pinnedPath = "pg_catalog, pg_temp";

/**
 * What a session begins with, beside the path: strings mean what harbor-db takes them for, and rows that a policy hides
 * are an error instead of missing.
 */
export const pinSession: Statement = {
  text: `SELECT ${
    Object.entries({ search_path: pinnedPath, standard_conforming_strings: "on", row_security: "off" })
      .map(([name, value]) => `pg_catalog.set_config('${name}', '${value}', false)`).join(", ")
  }`,
  parameters: [],
};

/** Returns the statement that sets the search path for the transaction. */
export function setPath(path: string): Statement {
  return { text: `SELECT pg_catalog.set_config('search_path', ${quoteText(path)}, true)`, parameters: [] };
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
  return (await session.run([begin, setPath(pinnedPath), ...statements, commit])).slice(2, -1);
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

/** Returns the first schema that a path names, whether or not it exists. */
export function firstSchema(path: string): string {
  return plainNames(path).find((name) => name !== "$user") ?? "public";
}

/** Returns the schemas in which a user's names are looked up, beside PostgreSQL's own. */
export function schemasOf({ path, home }: Pick<Session, "path" | "home">): readonly string[] {
  return [...new Set([home, ...plainNames(path)])].filter((name) => name !== "$user");
}

function plainNames(path: string): readonly string[] {
  return namesIn(path).map((name) => name.replace(/^"([^]*)"$/, "$1").replaceAll('""', '"'));
}

function namesIn(path: string): readonly string[] {
  return path.match(/"(?:[^"]|"")*"|[^,\s]+/g) ?? [];
}
