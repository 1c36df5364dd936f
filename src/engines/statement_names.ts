import { SQL, sql } from "drizzle-orm";
import { ownSchemaMark } from "../sql/own/schema.ts";

/**
 * Returns a table of the schema that the run works on, for statements of our own. They see nothing but what the engine
 * itself brings, so that nobody can put a function or a table of theirs in the place of another; a table that is
 * written without this is not found.
 */
export function ownTable(name: string): SQL {
  return sql`${sql.raw(ownSchemaMark)}${sql.identifier(name)}`;
}

/** A statement whose names mean what the user's settings say: see {@link userStatement}. */
export class UserStatement extends SQL {}

/**
 * Returns a statement that is not ours to qualify: of a revision, a backfill or a bridge. Its names mean what they would
 * to any client with the database's settings.
 */
export function userStatement(statement: SQL): UserStatement {
  return new UserStatement(statement.queryChunks);
}
