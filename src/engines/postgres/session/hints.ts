import type { PostgresUrl } from "../../../base/url/postgres_url.ts";
import type postgres from "postgres";
import { quoteForShell } from "../../../base/quote_shell.ts";
import { isServerError } from "../wire/server_error.ts";
import { quoteName } from "../../../sql/quote.ts";

/** Returns what an operator can do about a connection that failed. */
export function connectionHint(error: unknown, url: PostgresUrl): string | undefined {
  return isServerError(error) ? refusalHint(error, url) : reachHint(codeOf(error), url);
}

/** For what the server answered. */
function refusalHint(error: postgres.PostgresError, url: PostgresUrl): string | undefined {
  switch (error.code) {
    case "28P01":
      return url.password === undefined
        ? "Nothing says the password: write postgresql://user:password@host/database, or a line of ~/.pgpass."
        : url.files["PGPASSFILE"] !== undefined
        ? `Correct the password in ${url.files["PGPASSFILE"]}`
        : "Correct the user or the password in the database URL; characters such as @ : / must be percent-encoded.";
    case "28000":
      if (/no encryption|SSL off/.test(error.message)) {
        return "The server wants TLS: add sslmode=require to the database URL.";
      }
      if (/valid client certificate/.test(error.message)) {
        return "Give one and its key: sslcert=FILE&sslkey=FILE in the database URL, or postgresql.crt and postgresql.key in ~/.postgresql.";
      }
      if (/^certificate authentication/.test(error.message)) {
        return `Give another certificate, one for ${
          quoteForShell(url.user)
        }, or connect as the role that it is for.`;
      }
      // The role may well be there.
      if (/authentication failed/.test(error.message)) {
        return `The server asks who the system's user is: run as ${
          quoteForShell(url.user)
        }, name a host in the database URL to be asked for a password, or change the line of its pg_hba.conf.`;
      }
      if (/not permitted to log in/.test(error.message)) {
        return `As a superuser: ALTER ROLE ${quoteName(url.user)} LOGIN`;
      }
      return /pg_hba/.test(error.message)
        ? "Let the server admit this host, user and database: a line in its pg_hba.conf, then SELECT pg_reload_conf()"
        : `Create the role: createuser ${target(url)} ${quoteForShell(url.user)}`;
    case "3D000":
      return `Create it: createdb ${target(url)} --owner ${quoteForShell(url.user)} ${
        quoteForShell(url.database)
      }`;
    case "53300":
      if (/for role/.test(error.message)) {
        return `Let the role have more: ALTER ROLE ${
          quoteName(url.user)
        } CONNECTION LIMIT -1, or end its other sessions. A backup needs a second one.`;
      }
      if (/for database/.test(error.message)) {
        return `Let the database have more: ALTER DATABASE ${
          quoteName(url.database)
        } CONNECTION LIMIT -1, or end sessions that nobody needs.`;
      }
      return "End sessions that nobody needs, or raise the server's max_connections.";
    case "57P03":
      return "The server is starting or stopping: wait a moment, then run the command again.";
    case "42501":
      return `Give the role the right: GRANT CONNECT ON DATABASE ${quoteName(url.database)} TO ${
        quoteName(url.user)
      }`;
    default:
      return error.hint;
  }
}

/** For what stopped us on the way to the server. */
function reachHint(code: string, url: PostgresUrl): string | undefined {
  switch (code) {
    case "ECONNREFUSED":
    case "ENOENT":
      return `Start the server, or correct the address; is it there? pg_isready ${target(url)}`;
    case "ENOTFOUND":
    case "EAI_AGAIN":
      return `The name "${url.host}" has no address: correct the host in the database URL.`;
    case "ETIMEDOUT":
    case "CONNECT_TIMEOUT":
    case "EHOSTUNREACH":
    case "ENETUNREACH":
      return `Check the host, the port and the firewalls in between: pg_isready ${target(url)}`;
    case "TLS_NOT_OFFERED":
      return "Switch TLS on in the server (ssl = on), or, on a network that you trust, connect with sslmode=disable.";
    case "NOT_POSTGRES":
      return "Does PostgreSQL listen there? Check host and port.";
    default:
      return /CERT|SIGNATURE|ISSUER|SELF_SIGNED|ALTNAME/.test(code) ? certificateHint(code, url) : undefined;
  }
}

function certificateHint(code: string, url: PostgresUrl): string {
  const { host, port, sslFiles: { rootcert } } = url;
  if (/EXPIRED|NOT_YET_VALID/.test(code)) {
    const place = quoteForShell(`${host.includes(":") ? `[${host}]` : host}:${port}`);
    return `Have the certificate renewed, or this machine's clock put right (date -u). For which time it is: openssl s_client -starttls postgres -connect ${place} </dev/null | openssl x509 -noout -dates`;
  }
  // The runtimes call it differently.
  if (/ALTNAME|HOSTNAME_MISMATCH/.test(code)) {
    return "Give the host by the name in its certificate; sslmode=verify-ca looks at its authority alone.";
  }
  // It may be a file of ~/.postgresql, which the URL does not name.
  const asked = rootcert === undefined ? "" : `It was judged by the authorities in "${rootcert}". `;
  return `${asked}Give the certificate of the server's authority with sslrootcert=FILE, and the host by the name in its certificate.`;
}

function codeOf(error: unknown): string {
  const thrown = error as { readonly code?: unknown; readonly errors?: readonly unknown[] };
  return String(thrown.code ?? (thrown.errors?.[0] as { readonly code?: unknown } | undefined)?.code ?? "");
}

function target(url: PostgresUrl): string {
  return `--host ${quoteForShell(url.host)} --port ${url.port}`;
}
