import { sql } from "drizzle-orm";
import { quoteName } from "../../sql/quote.ts";
import { placeOfName } from "../../sql/table_names.ts";
import type { Database } from "../database.ts";
import type { MissingRights } from "../inspector.ts";
import { home, own, tableName } from "./catalogs/place_words.ts";

/** What keeps everybody, or this role, from writing anything. The session itself has set what it reads with. */
const keeper =
  sql`pg_is_in_recovery() AS standby, (SELECT reset_val = 'on' FROM pg_settings WHERE name = 'default_transaction_read_only') AS reads, current_user::text AS name`;

/** See `keptFromWriting` in `engines/open/`. */
export async function keptFromWriting(database: Database): Promise<MissingRights | null> {
  const [role] = await database.read<Keeper>(sql`SELECT ${keeper}`);
  return keptBy(role!);
}

function keptBy({ standby, reads, name }: Keeper): MissingRights | null {
  if (standby) {
    return {
      state: "the server is a standby, which only copies another one",
      remedy: "Connect to the primary server.",
    };
  }
  if (!reads) return null;
  return {
    state: `default_transaction_read_only is on for the role ${name}`,
    remedy: `BEGIN READ WRITE; ALTER ROLE ${
      quoteName(name)
    } SET default_transaction_read_only = off; COMMIT; or for this run, in the database URL: ?options=-cdefault_transaction_read_only=off`,
  };
}

/** See `missingRights` in `engines/open/`. */
export async function missingRights(
  database: Database,
  tables: () => Promise<readonly string[]>,
): Promise<MissingRights | null> {
  // Asked for together, which is one way there and back.
  const asking = database.read<Role>(
    sql`SELECT ${keeper}, current_setting('session_replication_role') AS acting, '\0'::text AS schema, has_schema_privilege(${home}, 'CREATE') AS creates`,
  );
  const askingForeign = database.read<{ name: string; owner: string }>(
    sql`SELECT ${tableName} AS name, pg_get_userbyid(c.relowner)::text AS owner FROM pg_class c WHERE c.relnamespace = ${own} AND c.relkind IN ('r', 'p') AND NOT pg_has_role(c.relowner, 'USAGE') ORDER BY 1`,
  );
  const [[role], foreign] = await Promise.all([asking, askingForeign]);
  const { name, schema, creates, acting } = role!;
  const kept = keptBy(role!);
  if (kept !== null) return kept;
  if (acting === "replica") {
    return {
      state: `session_replication_role is replica for the role ${name}: no foreign key and no trigger acts`,
      remedy: `As a superuser: ALTER ROLE ${quoteName(name)} SET session_replication_role = origin;`,
    };
  }
  const meant = foreign.length === 0 ? [] : await tables();
  const others = foreign.filter((table) => meant.includes(table.name));
  const [first] = others;
  if (first !== undefined) {
    return {
      state: `the role ${name} may not alter ${
        others.map((table) => table.name).join(", ")
      }, which belongs to ${first.owner}`,
      remedy: `Connect as ${first.owner}, or as a superuser: GRANT ${quoteName(first.owner)} TO ${
        quoteName(name)
      };`,
    };
  }
  if (creates === null) {
    return {
      state: `there is no schema ${schema}, in which its tables would be made`,
      remedy: `CREATE SCHEMA ${
        quoteName(schema)
      }; or name another one in the database URL: ?options=-csearch_path%3Dpublic`,
    };
  }
  if (creates) return await missingInSchemas(database, { name, tables });
  return {
    state: `the role ${name} may not make tables in the schema ${schema}`,
    remedy: `As a superuser: GRANT CREATE ON SCHEMA ${quoteName(schema)} TO ${quoteName(name)};`,
  };
}

/** Returns why tables that are not there yet may not be made in the schemas that the history names. */
async function missingInSchemas(
  { schemas = [], read }: Database,
  { name, tables }: { readonly name: string; readonly tables: () => Promise<readonly string[]> },
): Promise<MissingRights | null> {
  const wanted = schemas.length === 0 ? [] : (await tables()).flatMap((table) => {
    const { schema, bare } = placeOfName(table, schemas);
    return schema === null ? [] : [sql`(${table}::text, ${schema}::text, ${bare}::text)`];
  });
  if (wanted.length === 0) return null;
  const rows = await read<{ table: string; creates: boolean | null; makes: boolean }>(
    sql`SELECT t.name AS "table", has_schema_privilege(to_regnamespace(quote_ident(t.schema))::oid, 'CREATE') AS creates, has_database_privilege(current_database(), 'CREATE') AS makes FROM (VALUES ${
      sql.join(wanted, sql`, `)
    }) AS t (name, schema, bare) WHERE NOT EXISTS (SELECT FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = t.schema AND c.relname = t.bare) ORDER BY 1`,
  );
  const first = rows.find(({ creates, makes }) => creates === false || (creates === null && !makes));
  if (first === undefined) return null;
  const schema = placeOfName(first.table, schemas).schema!;
  const role = quoteName(name);
  return first.creates === null
    ? {
      state: `the role ${name} may not make the schema ${schema} of ${first.table}`,
      remedy:
        `As a superuser: CREATE SCHEMA ${
          quoteName(schema)
        } AUTHORIZATION ${role}; or, where a revision makes it: ` +
        `GRANT CREATE ON DATABASE … TO ${role};`,
    }
    : {
      state: `the role ${name} may not make tables in the schema ${schema}, as ${first.table}`,
      remedy: `As a superuser: GRANT CREATE ON SCHEMA ${quoteName(schema)} TO ${role};`,
    };
}

/** What of the connected user and its server decides whether anything can be written. */
interface Keeper {
  readonly name: string;
  readonly standby: boolean;
  readonly reads: boolean;
}

/** What the connected user may do, and where. */
interface Role extends Keeper {
  readonly schema: string;
  /** `null` where there is no such schema. */
  readonly creates: boolean | null;
  /** `session_replication_role`. */
  readonly acting: string;
}
