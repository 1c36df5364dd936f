import { sql } from "drizzle-orm";
import { pass } from "../../../base/finding.ts";
import { quoteName } from "../../../sql/quote.ts";
import { quoteTable } from "../../../sql/table_names.ts";
import type { Database } from "../../database.ts";
import { isLeft, type LeftConstraint, type Probe } from "../../inspector.ts";
import { ownSchemas, shownName } from "./place.ts";

interface Silenced {
  readonly name: string;
  readonly table: string;
  /** The table whose triggers are off: of a foreign key perhaps the one that it refers to. */
  readonly on: string;
}

const named = (of: string) => sql.raw(shownName(`${of}.relnamespace`, `${of}.relname`));

/**
 * PostgreSQL keeps foreign keys and deferrable keys by triggers of its own, which DISABLE TRIGGER ALL turns off with the
 * others: the catalog calls such a constraint validated all the same.
 *
 * Source: https://www.postgresql.org/docs/current/sql-altertable.html#SQL-ALTERTABLE-DESC-DISABLE-ENABLE-TRIGGER
 */
async function readSilenced(database: Database): Promise<readonly Silenced[]> {
  return await database.read<Silenced>(
    sql`SELECT DISTINCT k.conname::text AS name, ${named("c")} AS "table", ${
      named("h")
    } AS "on" FROM pg_trigger t JOIN pg_constraint k ON k.oid = t.tgconstraint JOIN pg_class c ON c.oid = k.conrelid JOIN pg_class h ON h.oid = t.tgrelid WHERE c.relnamespace = ${
      sql.raw(ownSchemas)
    } AND t.tgisinternal AND t.tgenabled IN ('D', 'R') ORDER BY 2, 1, 3`,
  );
}

/** A condition on the constraint `k`: it is NOT ENFORCED, which there is from PostgreSQL 18 on. */
export const isNotEnforced = "coalesce(to_jsonb(k)->>'conenforced', 'true') = 'false'";

interface NotEnforced {
  readonly name: string;
  readonly table: string;
  /** As a statement that makes it would have it. */
  readonly definition: string;
  readonly isReference: boolean;
}

/** Reads those that were made so, without those of partitions and of tables that inherit them. */
async function readNotEnforced(database: Database): Promise<readonly NotEnforced[]> {
  return await database.read<NotEnforced>(
    sql`SELECT k.conname::text AS name, ${
      named("c")
    } AS "table", pg_get_constraintdef(k.oid) AS definition, k.contype = 'f' AS "isReference" FROM pg_constraint k JOIN pg_class c ON c.oid = k.conrelid WHERE c.relnamespace = ${
      sql.raw(ownSchemas)
    } AND k.contype IN ('c', 'f') AND k.conparentid = 0 AND k.conislocal AND ${
      sql.raw(isNotEnforced)
    } ORDER BY 2, 1`,
  );
}

/** Returns for whom sessions begin as a replica's, in which neither references nor triggers do anything, with the remedy. */
async function readReplicas(database: Database) {
  return await database.read<{ whom: string; remedy: string; isOne: boolean }>(
    sql`SELECT concat_ws(' in ', CASE WHEN r.oid IS NULL THEN 'every role' ELSE concat('the role ', r.rolname) END,
      CASE WHEN d.oid IS NOT NULL THEN 'this database' END) AS whom,
    concat('ALTER ', CASE WHEN r.oid IS NULL AND d.oid IS NOT NULL THEN format('DATABASE %I', d.datname)
      ELSE concat('ROLE ', coalesce(quote_ident(r.rolname), 'ALL'), ' IN DATABASE ' || quote_ident(d.datname)) END,
      ' RESET session_replication_role;') AS remedy, r.oid IS NOT NULL AS "isOne"
    FROM pg_db_role_setting s LEFT JOIN pg_roles r ON r.oid = s.setrole LEFT JOIN pg_database d ON d.oid = s.setdatabase
    WHERE (s.setdatabase = 0 OR d.datname = current_database()) AND 'session_replication_role=replica' = ANY (s.setconfig)
    ORDER BY 1`,
  );
}

/** Constraints that nothing enforces. `left` are those that the history's own scripts leave so. */
export const silencedConstraints = (left: readonly LeftConstraint[]): Probe => ({
  name: "silenced_constraints",
  async run(database) {
    const silenced = await readSilenced(database);
    const all = await readNotEnforced(database);
    const notEnforced = all.filter((each) => !isLeft(left, each, "NOT ENFORCED"));
    const own = (list: readonly NotEnforced[]) => list.map(({ name, table }) => `${name} of ${table}`);
    const replicas = await readReplicas(database);
    if (silenced.length + notEnforced.length + replicas.length === 0) {
      return pass(
        all.length === 0
          ? "every constraint is enforced"
          : `every constraint is enforced but what its scripts leave NOT ENFORCED: ${own(all).join(", ")}`,
      );
    }
    const tables = [...new Set(silenced.map(({ on }) => on))];
    const constraints = new Map(
      [...silenced, ...notEnforced].map((
        { name, table },
      ) => [JSON.stringify([table, name]), { name, table }]),
    );
    const parts = [
      ...silenced.length === 0 ? [] : [{
        message: `because triggers are disabled, so that rows may break them: ${
          describe(silenced).join(", ")
        }`,
        hint: `As a superuser: ${
          tables.map((table) => `ALTER TABLE ${quoteTable(table, database.schemas)} ENABLE TRIGGER ALL;`)
            .join(" ")
        }`,
      }],
      ...replicas.length === 0 ? [] : [{
        message:
          `where session_replication_role is replica, so that no trigger fires either: in sessions of ${
            replicas.map(({ whom }) => whom).join(", ")
          }`,
        hint: replicas.map(({ remedy }) => remedy).join(" "),
      }],
      ...notEnforced.length === 0 ? [] : [{
        message: `because they are NOT ENFORCED, so that rows may break them: ${own(notEnforced).join(", ")}`,
        hint: notEnforced.map((each) => enforce(each, database)).join(" "),
      }],
    ];
    return {
      // A role of its own may be one that replicates.
      status: silenced.length + notEnforced.length === 0 && replicas.every(({ isOne }) => isOne)
        ? "warn"
        : "fail",
      message: `constraints that nothing enforces, ${parts.map(({ message }) => message).join("; ")}`,
      hint: parts.map(({ hint }) => hint).toReversed().join(" "),
      details: { constraints: [...constraints.values()], tables },
    };
  },
});

/** Returns the statement after which a constraint is enforced: of a CHECK, PostgreSQL changes that by another one alone. */
function enforce({ name, table, definition, isReference }: NotEnforced, { schemas }: Database): string {
  const [alter, own] = [`ALTER TABLE ${quoteTable(table, schemas)}`, quoteName(name)];
  if (isReference) return `${alter} ALTER CONSTRAINT ${own} ENFORCED;`;
  return `${alter} DROP CONSTRAINT ${own}, ADD CONSTRAINT ${own} ${
    definition.replace(/ NOT ENFORCED$/, "")
  };`;
}

/** Returns the constraints that nothing enforces because triggers are disabled, each in words. */
export async function unenforced(database: Database): Promise<readonly string[]> {
  return describe(await readSilenced(database));
}

function describe(found: readonly Silenced[]): readonly string[] {
  return found.map(({ name, table, on }) =>
    `${name} of ${table}${on === table ? "" : ` (triggers of ${on})`}`
  );
}
