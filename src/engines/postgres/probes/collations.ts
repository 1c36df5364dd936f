import { sql } from "drizzle-orm";
import { pass } from "../../../base/finding.ts";
import { quoteName } from "../../../sql/quote.ts";
import type { Probe } from "../../inspector.ts";
import { own } from "../catalogs/place_words.ts";

interface Collation {
  readonly kind: "DATABASE" | "COLLATION";
  readonly name: string;
  /** `null` where nobody noted it. */
  readonly was: string | null;
  /** `null` where the library tells none. */
  readonly is: string | null;
}

/**
 * Texts in an index stand in the order that a library of the system gives. A new version of it may have another order, and
 * then the index does not find what is in it.
 *
 * Source: https://www.postgresql.org/docs/current/sql-altercollation.html#SQL-ALTERCOLLATION-NOTES
 */
export const collations: Probe = {
  name: "collations",
  async run(database) {
    const [server] = await database.read<{ version: number; database: string }>(
      sql`SELECT current_setting('server_version_num')::int AS version, current_database()::text AS database`,
    );
    const used = await database.read<Collation>(
      sql`SELECT DISTINCT 'COLLATION' AS kind, c.collname::text AS name, c.collversion AS was, pg_collation_actual_version(c.oid) AS is FROM pg_collation c JOIN pg_attribute a ON a.attcollation = c.oid JOIN pg_class t ON t.oid = a.attrelid WHERE t.relnamespace = ${own} AND c.collprovider <> 'd' AND coalesce(c.collcollate, '') !~* ${byBytes} ORDER BY 2`,
    );
    // Before PostgreSQL 15 a database kept no version of its own.
    const now = server!.version < 150_000 ? sql`NULL` : sql`pg_database_collation_actual_version(oid)`;
    const whole = await database.read<Collation>(
      sql`SELECT 'DATABASE' AS kind, datname::text AS name, to_jsonb(d)->>'datcollversion' AS was, ${now} AS is FROM pg_database d WHERE datname = current_database() AND (datcollate !~* ${byBytes} OR to_jsonb(d)->>'datlocprovider' = 'i')`,
    );
    // The other form, before PostgreSQL 16, locks catalogs that all databases share: nobody could log in while it waits.
    const reindex = `REINDEX DATABASE CONCURRENTLY ${quoteName(server!.database)};`;
    const collations = [...whole, ...used];
    const unknown = collations.filter(({ was, is }) => was === null || is === null);
    const changed = collations.filter(({ was, is }) => was !== null && is !== null && was !== is);
    const notChecked = unknown.length === 0 ? {} : { notChecked: ["collations"] };
    if (changed.length === 0 && unknown.length > 0) {
      return {
        status: "warn",
        message: `not checked: whether texts sort as they did, because no version is known of ${
          unknown.map(({ kind, name }) => `${kind.toLowerCase()} ${name}`).join(", ")
        }`,
        hint: `After an update of the server's system: ${reindex}`,
        details: { ...notChecked, collations: unknown },
      };
    }
    if (changed.length === 0) return pass("texts sort as they did when their indexes were made");
    return {
      status: "fail",
      message:
        `the order of texts may have changed since indexes were made, so that they do not find what is in them: ${
          changed.map(({ kind, name, was, is }) => `${kind.toLowerCase()} ${name}, version ${was}, now ${is}`)
            .join(", ")
        }`,
      hint: `${reindex} ${
        changed.map(({ kind, name }) =>
          `ALTER ${kind} ${quoteName(name)} REFRESH ${kind === "DATABASE" ? "COLLATION VERSION" : "VERSION"};`
        ).join(" ")
      }`,
      details: { ...notChecked, collations: changed },
    };
  },
};

/** Locales that sort by bytes, in every version of every library. */
const byBytes = "^(C|POSIX)($|\\.)";
