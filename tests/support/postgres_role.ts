import { randomBytes } from "node:crypto";
import { asAdmin, type PostgresVersion, sharedPostgres } from "./servers/postgres_server.ts";

/** A database of its own role, with the superuser's address of the same database. */
export interface OwnedDatabase {
  readonly url: string;
  readonly adminUrl: string;
  readonly role: string;
}

/**
 * Runs `work` with a new database and a new role that owns it, and drops both afterwards.
 *
 * @param options Words for CREATE ROLE: `CREATEDB`
 */
export async function withOwnedPostgres<T>(
  version: PostgresVersion,
  options: string,
  work: (database: OwnedDatabase) => Promise<T>,
): Promise<T> {
  const server = new URL(await sharedPostgres(version));
  // Test files that run at the same time are threads of one process.
  const name = `owned_${randomBytes(6).toString("hex")}`;
  await asAdmin(version, async (sql) => {
    await sql.unsafe(`CREATE ROLE ${name} LOGIN PASSWORD 'owner secret/2' ${options}`);
    await sql.unsafe(`CREATE DATABASE ${name} OWNER ${name}`);
  });
  const adminUrl = new URL(server);
  adminUrl.pathname = `/${name}`;
  const url = `postgresql://${name}:${encodeURIComponent("owner secret/2")}@127.0.0.1:${server.port}/${name}`;
  try {
    return await work({ url, adminUrl: adminUrl.href, role: name });
  } finally {
    await asAdmin(version, async (sql) => {
      const left = await sql.unsafe(`SELECT datname FROM pg_database WHERE datdba = '${name}'::regrole`);
      for (const { datname } of left) await sql.unsafe(`DROP DATABASE "${datname}" WITH (FORCE)`);
      await sql.unsafe(`DROP ROLE ${name}`);
    });
  }
}
