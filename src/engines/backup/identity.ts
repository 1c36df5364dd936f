import { type SQL, sql } from "drizzle-orm";
import type { Dialect } from "../../base/dialect.ts";
import { HarborError } from "../../base/errors.ts";
import { identityForm } from "./content.ts";
import type { Database } from "../database.ts";
import { ownTable } from "../statement_names.ts";
import { readIfThere } from "../version_table.ts";

/**
 * What a database is known by. Its address is a spelling: two containers call different files by one name, and one
 * server has many.
 */
export interface Identity {
  /**
   * Made by the database itself when it is taken over, and copied with it. `null`: it has none yet; `undefined`: it
   * could not be asked.
   */
  readonly id: string | null | undefined;
  /** What tells a database from its copies: see `Database.home`. */
  readonly home: string | null;
}

/** Of a database that is not there, or cannot be asked. */
export const unknownIdentity: Identity = { id: undefined, home: null };

/** The table that holds it. */
export const identityName = "harbor_identity";

const identityTable = ownTable(identityName);

const randomId: Readonly<Record<Dialect, () => SQL>> = {
  sqlite: () => sql`lower(hex(randomblob(16)))`,
  postgresql: () => sql`pg_catalog.replace(pg_catalog.gen_random_uuid()::text, '-', '')`,
};

/** Lets those read it who may only look at the database: `verify` finds the backups by it. */
const publish: Readonly<Record<Dialect, () => readonly SQL[]>> = {
  sqlite: () => [],
  postgresql: () => [sql`GRANT SELECT ON ${identityTable} TO PUBLIC`],
};

/**
 * Returns the statements that give a database its identity, and leave alone what it has. The database makes it, so
 * that a script which was printed once gives each database its own.
 */
export function createIdentity(dialect: Dialect): readonly SQL[] {
  return [
    sql`CREATE TABLE IF NOT EXISTS ${identityTable} (
  id INTEGER NOT NULL PRIMARY KEY CHECK (id = 1),
  identity VARCHAR(32) NOT NULL
)`,
    ...publish[dialect](),
    sql`INSERT INTO ${identityTable} (id, identity) VALUES (1, ${
      randomId[dialect]()
    }) ON CONFLICT (id) DO NOTHING`,
  ];
}

/** Reads what a database is known by. What is no identity, or may not be read, is unknown. */
export async function readIdentity(database: Database): Promise<Identity> {
  const [id, home] = await Promise.all([readId(database), database.home()]);
  return { id, home };
}

async function readId(database: Database): Promise<Identity["id"]> {
  try {
    const rows = await readIfThere(database, {
      table: identityName,
      form: { identity: "text" },
      query: sql`SELECT identity FROM ${identityTable}`,
    });
    const [row, second] = rows ?? [];
    if (row === undefined) return null;
    return second === undefined && identityForm.test(row.identity) ? row.identity : undefined;
  } catch (error) {
    if (error instanceof HarborError && ["read_only", "not_a_database"].includes(error.code)) {
      return undefined;
    }
    throw error;
  }
}
