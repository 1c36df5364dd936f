import { sql } from "drizzle-orm";
import { pass } from "../../../base/finding.ts";
import { quoteTable } from "../../../sql/table_names.ts";
import type { Database } from "../../database.ts";
import type { Probe } from "../../inspector.ts";
import { ownSchemas, shownName } from "./place.ts";

interface Silenced {
  readonly name: string;
  readonly table: string;
  /** The table whose triggers are off: of a foreign key perhaps the one that it refers to. */
  readonly on: string;
}

/**
 * PostgreSQL keeps foreign keys and deferrable keys by triggers of its own, which DISABLE TRIGGER ALL turns off with the
 * others: the catalog calls such a constraint validated all the same.
 *
 * Source: https://www.postgresql.org/docs/current/sql-altertable.html#SQL-ALTERTABLE-DESC-DISABLE-ENABLE-TRIGGER
 */
async function readSilenced(database: Database): Promise<readonly Silenced[]> {
  const named = (of: string) => sql.raw(shownName(`${of}.relnamespace`, `${of}.relname`));
  return await database.read<Silenced>(
    sql`SELECT DISTINCT k.conname::text AS name, ${named("c")} AS "table", ${
      named("h")
    } AS "on" FROM pg_trigger t JOIN pg_constraint k ON k.oid = t.tgconstraint JOIN pg_class c ON c.oid = k.conrelid JOIN pg_class h ON h.oid = t.tgrelid WHERE c.relnamespace = ${
      sql.raw(ownSchemas)
    } AND t.tgisinternal AND t.tgenabled IN ('D', 'R') ORDER BY 2, 1, 3`,
  );
}

/** Constraints that nothing enforces. */
export const silencedConstraints: Probe = {
  name: "silenced_constraints",
  async run(database) {
    const found = await readSilenced(database);
    if (found.length === 0) return pass("every constraint is enforced");
    const tables = new Set(found.map(({ on }) => on));
    return {
      status: "fail",
      message:
        `constraints that nothing enforces, because triggers are disabled, so that rows may break them: ${
          describe(found).join(", ")
        }`,
      hint: `As a superuser: ${
        [...tables].map((table) => `ALTER TABLE ${quoteTable(table, database.schemas)} ENABLE TRIGGER ALL;`)
          .join(" ")
      }`,
      details: { constraints: found.map(({ name, table }) => ({ name, table })), tables: [...tables] },
    };
  },
};

/** Returns the constraints that nothing enforces, each in words. */
export async function unenforced(database: Database): Promise<readonly string[]> {
  return describe(await readSilenced(database));
}

function describe(found: readonly Silenced[]): readonly string[] {
  return found.map(({ name, table, on }) =>
    `${name} of ${table}${on === table ? "" : ` (triggers of ${on})`}`
  );
}
