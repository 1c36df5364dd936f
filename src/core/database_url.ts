import type { Environment } from "./env_file.ts";
import { HarborError } from "./errors.ts";
import { parseLibsqlUrl } from "./libsql_url.ts";
import { parsePostgresUrl } from "./postgres_url.ts";
import type { Dialect } from "./snapshot.ts";
import { parseFileUrl, parseSqliteUrl } from "./sqlite_url.ts";
import { badUrl } from "./url_text.ts";

/** Where a database is, parsed: which driver opens it and what that driver needs. */
export type DatabaseUrl = SqliteFileUrl | LibsqlUrl | PostgresUrl;

export interface SqliteFileUrl {
  readonly driver: "sqlite_file";
  readonly dialect: "sqlite" & Dialect;
  /** For showing: the URL without any password. */
  readonly display: string;
  /** As written: absolute or relative to the working directory. */
  readonly path: string;
}

export interface LibsqlUrl {
  readonly driver: "libsql";
  readonly dialect: "sqlite" & Dialect;
  readonly display: string;
  /** An `http:` or `https:` URL without its token. */
  readonly url: string;
  readonly authToken: string | undefined;
}

export interface PostgresUrl {
  readonly driver: "postgres";
  readonly dialect: "postgresql" & Dialect;
  readonly display: string;
  /**
   * `postgres://…` as libpq takes it, with the password; never shown. postgres.js is given the fields instead: it
   * decodes no database name in a URL and knows neither socket folders nor IPv6 addresses there.
   */
  readonly url: string;
  readonly host: string;
  readonly port: number;
  readonly database: string;
  readonly user: string;
  readonly password: string | undefined;
  /** libpq's words. */
  readonly sslmode: "disable" | "allow" | "prefer" | "require" | "verify-ca" | "verify-full";
  /** `options=-csearch_path=…` and other libpq parameters that become session settings. */
  readonly settings: Readonly<Record<string, string>>;
  /** Seconds to wait for a connection; 0 waits without end. Left out when nothing says it. */
  readonly connectTimeout?: number;
  /** libpq's `sslrootcert`, `sslcert`, `sslkey` (paths). */
  readonly sslFiles: { readonly rootcert?: string; readonly cert?: string; readonly key?: string };
}

type Parse = (scheme: string, rest: string, environment: Environment) => DatabaseUrl;

const parsers: Readonly<Record<string, Parse>> = {
  "sqlite": parseSqliteUrl,
  "sqlite+pysqlite": parseSqliteUrl,
  "sqlite+aiosqlite": parseSqliteUrl,
  "sqlite+libsql": (scheme, rest, environment) =>
    /^(?:[/?]|$)/.test(rest) ? parseSqliteUrl(scheme, rest) : parseLibsqlUrl(scheme, rest, environment),
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
 * @throws {HarborError} `bad_config`. No error holds a part of the URL that could be a password
 *
 * @example
 * parseDatabaseUrl("sqlite:///openharbor.db"); // { driver: "sqlite_file", path: "openharbor.db", … }
 */
export function parseDatabaseUrl(text: string, environment: Environment = {}): DatabaseUrl {
  const trimmed = text.trim();
  if (/^file:/i.test(trimmed)) return parseFileUrl(trimmed.slice("file:".length));
  const [, written, rest = ""] = /^([a-z][a-z0-9+._-]*):\/\/(.*)$/is.exec(trimmed) ?? [];
  if (written === undefined) {
    throw new HarborError(
      "bad_config",
      'Cannot read the database URL "…": it does not begin with a scheme and "://"',
      {
        hint:
          "Write sqlite:///openharbor.db for a file, or postgresql://user:password@host/database; without quotes.",
      },
    );
  }
  const scheme = written.toLowerCase();
  const parse = Object.hasOwn(parsers, scheme) ? parsers[scheme] : undefined;
  if (parse !== undefined) return parse(scheme, rest, environment);
  const known = ["file", ...Object.keys(parsers)].sort().join(", ");
  throw badUrl(scheme, `harbor-db does not know the scheme "${scheme}"`, `Use one of ${known}.`);
}
