import type { Session } from "./session.ts";

/**
 * Makes the server notice within seconds that this process was killed, within a minute that its machine vanished, and
 * not mind that the session is silent while a backup runs. Settings that the server does not have are left out.
 */
export async function setSessionTimeouts(session: Session): Promise<void> {
  await session.exclusive(async () => {
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
  // Both since PostgreSQL 14.
  "idle_session_timeout = 0",
  // Not on every operating system; without it, a statement under way runs to its end.
  "client_connection_check_interval = '1s'",
];
