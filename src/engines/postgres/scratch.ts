import type { PostgresUrl } from "../../base/url/postgres_url.ts";
import { randomBytes } from "node:crypto";
import { sql } from "drizzle-orm";
import { HarborError } from "../../base/errors.ts";
import type { Client, Database } from "../database.ts";
import { leftoversQuery, ownMarkQuery, proofPrefix } from "./catalogs/session_databases.ts";
import { openPostgres } from "./driver.ts";
import { type ProofRoles, watchRoles } from "./proof_roles.ts";
import type { CopiedScratch, Scratch, ScratchOptions } from "../scratch.ts";
import { proofTryout, type Tryout } from "./within_database.ts";

/**
 * Returns a scratch database on the server that a URL names. It is made for the proof and dropped afterwards; the
 * database in the URL is only connected to. What was left behind by processes that are gone is dropped first. Roles, and more, are the
 * whole server's: see {@link ProofRoles}.
 */
export function postgresScratch(url: PostgresUrl, options: ScratchOptions): CopiedScratch {
  return scratchFrom(url, { ...options, tryout: proofTryout() }, null);
}

/** @param template The database of a proof of which each is a copy; `null` for a new one each */
function scratchFrom(
  url: PostgresUrl,
  options: ScratchOptions & { readonly tryout: Tryout },
  template: string | null,
): CopiedScratch {
  const { client, onLeft, tryout } = options;

  /** Runs work while there is a new database. */
  async function withNew<T>(work: (name: string, roles: ProofRoles) => Promise<T>): Promise<T> {
    const admin = await openPostgres(url, { client, access: "write" });
    try {
      await dropLeftovers(admin);
      const name = await newName(admin);
      const roles = await watchRoles(admin, {
        mark: template ?? name,
        tryout,
        onLeft: (text) => onLeft?.(text),
      });
      await createDatabase(admin, name, template ?? "template0");
      try {
        return await work(name, roles);
      } finally {
        // What came of the work stands.
        if (!await drop(admin, name, true)) {
          onLeft?.(
            `the database ${name} of the proof could not be dropped; the next proof on that server drops it`,
          );
        }
        await roles.drop();
      }
    } finally {
      await admin.close();
    }
  }

  const placeOf = (database: string, schemas: readonly string[]) => ({
    ...url,
    database,
    display: "the database of the proof",
    schemas,
  });

  return Object.assign(
    <T>(work: (database: Database) => Promise<T>, schemas: readonly string[] = []) =>
      withNew((name, { guard }) =>
        inDatabase(placeOf(name, schemas), client, (database) => work(guard(database)))
      ),
    {
      notRun: tryout.notRun,
      after: <Made, T>(
        make: (database: Database) => Promise<Made>,
        work: (copies: Scratch, made: Made) => Promise<T>,
        schemas: readonly string[] = [],
      ) =>
        withNew(async (name, { guard }) => {
          const made = await inDatabase(placeOf(name, schemas), client, (database) => make(guard(database)));
          // Nobody is connected to it any more, without which it is no template.
          return await work(scratchFrom(url, options, name), made);
        }),
    },
  );
}

async function newName(admin: Database): Promise<string> {
  const [row] = await admin.read<{ began: string }>(sql.raw(ownMarkQuery));
  return `${proofPrefix}${row!.began}_${randomBytes(4).toString("hex")}`;
}

/** Drops those whose makers are gone, and that nobody is connected to. */
async function dropLeftovers(admin: Database): Promise<void> {
  const leftovers = await admin.read<{ name: string }>(sql.raw(leftoversQuery(proofPrefix)));
  for (const { name } of leftovers) await drop(admin, name, false);
}

/**
 * Drops a database and says whether that was done. FORCE ends sessions that linger, and is refused where an autovacuum
 * worker is at work, which only a plain DROP sends away.
 */
async function drop(admin: Database, name: string, isForced: boolean): Promise<boolean> {
  for (const way of isForced ? [sql` WITH (FORCE)`, sql``] : [sql``]) {
    try {
      await admin.write([sql`DROP DATABASE IF EXISTS ${sql.identifier(name)}${way}`], "alone");
      return true;
    } catch (error) {
      if (!(error instanceof HarborError)) throw error;
    }
  }
  return false;
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

async function createDatabase(admin: Database, name: string, template: string): Promise<void> {
  try {
    const from = sql.identifier(template);
    await admin.write([sql`CREATE DATABASE ${sql.identifier(name)} TEMPLATE ${from}`], "alone");
  } catch (error) {
    if (!(error instanceof HarborError) || error.details.sqlState !== "42501") throw error;
    throw new HarborError(
      "check_failed",
      `Cannot prove the scripts on "${admin.url}": its user may not create a database to try them in`,
      { hint: "Name a server for tests: --prove-url postgresql://postgres@localhost/postgres", cause: error },
    );
  }
}
