import type { PostgresUrl } from "../../base/url/postgres_url.ts";
import { randomBytes } from "node:crypto";
import { sql } from "drizzle-orm";
import { HarborError } from "../../base/errors.ts";
import type { Client, Database } from "../database.ts";
import { openPostgres } from "./driver.ts";
import type { Scratch } from "../scratch.ts";

/**
 * Returns a scratch database on the server that a URL names. It is made for the proof and dropped afterwards; the
 * database in the URL is only connected to.
 */
export function postgresScratch(url: PostgresUrl, client: Client): Scratch {
  return async (work, schemas = []) => {
    const name = `harbor_db_proof_${client.pid}_${randomBytes(4).toString("hex")}`;
    const admin = await openPostgres(url, { client, access: "write" });
    try {
      await createDatabase(admin, name);
      try {
        const display = "the database of the proof";
        return await inDatabase({ ...url, database: name, display, schemas }, client, work);
      } finally {
        await admin.write([sql`DROP DATABASE ${sql.identifier(name)} WITH (FORCE)`], "alone");
      }
    } finally {
      await admin.close();
    }
  };
}

async function inDatabase<T>(
  url: PostgresUrl,
  client: Client,
  work: (database: Database) => Promise<T>,
): Promise<T> {
  const database = await openPostgres(url, { client, access: "write" });
  try {
    return await work(database);
  } finally {
    await database.close();
  }
}

async function createDatabase(admin: Database, name: string): Promise<void> {
  try {
    await admin.write([sql`CREATE DATABASE ${sql.identifier(name)} TEMPLATE template0`], "alone");
  } catch (error) {
    if (!(error instanceof HarborError) || error.details.sqlState !== "42501") throw error;
    throw new HarborError(
      "check_failed",
      `Cannot prove the scripts on "${admin.url}": its user may not create a database to try them in`,
      { hint: "Name a server for tests: --prove-url postgresql://postgres@localhost/postgres", cause: error },
    );
  }
}
