import type { PostgresUrl } from "../../../base/url/postgres_url.ts";
import { connect } from "./connection.ts";
import type { Session } from "./session.ts";
import { connectionError, sqlStateOf } from "./errors.ts";
import { type Encryption, isUnixSocket } from "../wire/socket.ts";

/**
 * Opens a session, with TLS as libpq would use it for the URL's `sslmode`.
 *
 * @param name What `pg_stat_activity` shows as application name
 * @throws {HarborError} `connection_failed` with the server's words, or `bad_config` for an unreadable certificate
 */
export async function openSession(url: PostgresUrl, name: string): Promise<Session> {
  const ways = waysToConnect(url);
  for (;;) {
    const encryption = ways.shift() ?? "plain";
    let encrypted = false;
    try {
      return await connect(url, { name, encryption, onDialed: (isEncrypted) => encrypted = isEncrypted });
    } catch (error) {
      if (ways.length > 0 && isWorthAnother(error, { encryption, encrypted })) continue;
      throw connectionError(error, url);
    }
  }
}

/** What libpq tries, in this order: https://www.postgresql.org/docs/current/libpq-ssl.html */
function waysToConnect(url: PostgresUrl): Encryption[] {
  if (isUnixSocket(url)) return ["plain"];
  switch (url.sslmode) {
    case "disable":
      return ["plain"];
    case "allow":
      return ["plain", "tls"];
    case "prefer":
      return ["if_offered", "plain"];
    default:
      return ["tls"];
  }
}

interface Tried {
  readonly encryption: Encryption;
  readonly encrypted: boolean;
}

/** The other way helps when the server admits nobody this way (28000), or TLS itself failed. */
function isWorthAnother(error: unknown, { encryption, encrypted }: Tried): boolean {
  const state = sqlStateOf(error);
  if (state !== undefined) return state === "28000" && (encryption === "plain" || encrypted);
  const code = String((error as { readonly code?: unknown }).code);
  return encryption === "if_offered" && /^(ERR_|EPROTO|ECONNRESET|NOT_POSTGRES)/.test(code);
}

/**
 * Makes the server notice within seconds that this process was killed, and within a minute that its machine vanished.
 * Settings that the server does not have are left out.
 */
export async function setSessionTimeouts(session: Session): Promise<void> {
  await session.shared(async () => {
    try {
      await session.run(settings.map((setting) => ({ text: `SET ${setting}`, parameters: [] })));
    } catch (error) {
      if (session.hasEnded()) throw error;
    }
  });
}

/** Each is set by itself, whatever becomes of the others. */
const settings = [
  "tcp_keepalives_idle = 30",
  "tcp_keepalives_interval = 10",
  "tcp_keepalives_count = 3",
  // Since PostgreSQL 14, and not on every operating system; without it, a statement under way runs to its end.
  "client_connection_check_interval = '1s'",
];
