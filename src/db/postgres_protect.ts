import type { Session } from "./postgres_connection.ts";

/**
 * Makes the server notice within seconds that this process was killed, within a minute that its machine vanished, and
 * not mind that the session is silent while a backup runs. Settings that the server does not have are left out.
 */
export async function protect(session: Session): Promise<void> {
  await session.exclusive(async () => {
    await session.run([{
      text: "SELECT set_config(name, value, false) FROM (VALUES ('tcp_keepalives_idle', '30'), " +
        "('tcp_keepalives_interval', '10'), ('tcp_keepalives_count', '3'), ('idle_session_timeout', '0')) " +
        "AS wanted (name, value) JOIN pg_settings USING (name)",
      parameters: [],
    }]);
    try {
      // Since PostgreSQL 14, and not on every operating system: without it, a statement under way runs to its end.
      await session.run([{ text: "SET client_connection_check_interval = '1s'", parameters: [] }]);
    } catch (error) {
      if (session.hasEnded()) throw error;
    }
  });
}
