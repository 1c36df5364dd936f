import type { Dialect } from "./snapshot.ts";

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
  /** `postgres://…` as postgres.js takes it, with the password; never shown. */
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
  /** libpq's `sslrootcert`, `sslcert`, `sslkey` (paths). */
  readonly sslFiles: { readonly rootcert?: string; readonly cert?: string; readonly key?: string };
}
