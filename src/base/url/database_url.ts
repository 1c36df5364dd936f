import type { Environment } from "../env_file.ts";
import { HarborError } from "../errors.ts";
import { type LibsqlUrl, parseLibsqlUrl } from "./libsql_url.ts";
import { noFiles, type UserFiles } from "./postgres_files.ts";
import { parsePostgresUrl, type PostgresUrl, type Surroundings } from "./postgres_url.ts";
import { parseFileUrl, parseSqliteUrl, type SqliteFileUrl } from "./sqlite_url.ts";
import { badUrl } from "./text.ts";

/** Where a database is, parsed: which driver opens it and what that driver needs. */
export type DatabaseUrl = SqliteFileUrl | LibsqlUrl | PostgresUrl;

type Parse = (scheme: string, rest: string, surroundings: Surroundings) => DatabaseUrl;

const parsers: Readonly<Record<string, Parse>> = {
  "sqlite": parseSqliteUrl,
  "sqlite+pysqlite": parseSqliteUrl,
  "sqlite+aiosqlite": parseSqliteUrl,
  "sqlite+libsql": (scheme, rest, around) =>
    /^(?:[/?]|$)/.test(rest) ? parseSqliteUrl(scheme, rest) : parseLibsqlUrl(scheme, rest, around),
  "libsql": parseLibsqlUrl,
  "http": parseLibsqlUrl,
  "https": parseLibsqlUrl,
  "ws": parseLibsqlUrl,
  "wss": parseLibsqlUrl,
  "postgresql": parsePostgresUrl,
  "postgres": parsePostgresUrl,
  "postgresql+psycopg2": parsePostgresUrl,
  "postgresql+psycopg2cffi": parsePostgresUrl,
  "postgresql+psycopg": parsePostgresUrl,
  "postgresql+psycopg_async": parsePostgresUrl,
  "postgresql+asyncpg": parsePostgresUrl,
  "postgresql+pg8000": parsePostgresUrl,
};

/**
 * Reads a database URL as The Open Harbor's `.env` writes it (SQLAlchemy's form), or in libpq's or libSQL's form.
 *
 * Where SQLAlchemy and others read a URL differently, SQLAlchemy's reading holds, so that the application and
 * harbor-db never mean two databases: a path after `sqlite:///` is taken as it is written, a password may hold `/`,
 * `#` and `?`, and a `%` that begins no code stands for itself.
 *
 * @param environment Fills in what the URL leaves out, as libpq's variables and the tokens of libSQL do
 * @param files Fills in what libpq reads in files
 * @throws {HarborError} `bad_config`. No error holds a part of the URL that could be a password
 *
 * @example
 * parseDatabaseUrl("sqlite:///openharbor.db"); // { driver: "sqlite_file", path: "openharbor.db", … }
 */
export function parseDatabaseUrl(
  text: string,
  environment: Environment = {},
  files: UserFiles = noFiles,
): DatabaseUrl {
  const trimmed = text.trim();
  if (/^file:/i.test(trimmed)) return parseFileUrl(trimmed.slice("file:".length));
  const [, written, rest = ""] = /^([a-z][a-z0-9+._-]*):\/\/(.*)$/is.exec(trimmed) ?? [];
  if (written === undefined) {
    throw new HarborError(
      "bad_config",
      'Cannot read the database URL "…": it does not begin with a scheme and "://"',
      { hint: hintFor(trimmed) },
    );
  }
  const scheme = written.toLowerCase();
  const parse = Object.hasOwn(parsers, scheme) ? parsers[scheme] : undefined;
  if (parse !== undefined) return parse(scheme, rest, { environment, files });
  const known = ["file", ...Object.keys(parsers)].sort().join(", ");
  throw badUrl(scheme, `harbor-db does not know the scheme "${scheme}"`, `Use one of ${known}.`);
}

/** Returns how to write what may be the name of a file. What is not may hold a password, and is not quoted. */
function hintFor(text: string): string {
  if (/^[\p{L}\p{N}_./-]+\.(?:db|sqlite3?)$/u.test(text)) return `Write sqlite:///${text} for that file.`;
  return "Write sqlite:///app.db for a file, or postgresql://user:password@host/database; without quotes.";
}

/** Returns an address with the user's word that code of the tables' owner may run with the rights of who connects. */
export function trustingOwner(url: DatabaseUrl): DatabaseUrl {
  switch (url.driver) {
    case "postgres":
      return { ...url, trustsOwner: true };
    // Their tables run no code with anybody's rights.
    case "libsql":
    case "sqlite_file":
      return url;
  }
}

/**
 * Returns an address with the schemas beside the default one in which a history has something.
 *
 * @param read Called where an engine has schemas
 */
export async function lookingAt(
  url: DatabaseUrl,
  read: () => Promise<Pick<PostgresUrl, "schemas" | "hostFile">>,
): Promise<DatabaseUrl> {
  return url.driver === "postgres" ? { ...url, ...await read() } : url;
}
