import { counted } from "../../base/quantity.ts";
import { pass } from "../../base/finding.ts";
import { sql } from "drizzle-orm";
import { quoteName } from "../../sql/quote.ts";
import {
  type Attachment,
  type Inspector,
  isLeft,
  type LeftConstraint,
  type MissingRights,
  type Probe,
} from "../inspector.ts";
import {
  type Attached,
  attachedQuery,
  forbiddenAspect,
  identityAspect,
  publishedQuery,
} from "./catalogs/attached.ts";
import { amcheckProbe } from "./amcheck.ts";
import { readTableSettings } from "./catalogs/table_settings.ts";
import { isNotEnforced, silencedConstraints, unenforced } from "./catalogs/silenced.ts";
import { homeSchema, ownSchemas, shownName } from "./catalogs/place.ts";
import { placeOfName, quoteTable } from "../../sql/table_names.ts";
import type { Database } from "../database.ts";
import { keptRow } from "../kept_table.ts";
import { ownTable } from "../statement_names.ts";

/** Inspects PostgreSQL: what is known without reading a row, and with `amcheck`, where it is installed, the rest. */
export const postgresInspector: Inspector = {
  probes: (
    { quick, left = [] },
  ) => [
    invalidIndexes,
    unvalidatedConstraints(left),
    silencedConstraints(left),
    replicaIdentities,
    sequences,
    checksums,
    collations,
    amcheckProbe(quick),
  ],
  // The server refuses what it cannot read.
  damage: () => Promise.resolve([]),
  tableSettings: readTableSettings,
  unenforced,
  async missingRights(database, tables) {
    // Asked for together, which is one way there and back.
    const asking = database.read<Role>(
      // What the session itself set, so as to read safely, is not what it may do.
      sql`SELECT pg_is_in_recovery() AS standby, (SELECT reset_val = 'on' FROM pg_settings WHERE name = 'default_transaction_read_only') AS reads, current_setting('session_replication_role') AS acting, current_user::text AS name, '\0'::text AS schema, has_schema_privilege(${home}, 'CREATE') AS creates`,
    );
    const askingForeign = database.read<{ name: string; owner: string }>(
      sql`SELECT ${tableName} AS name, pg_get_userbyid(c.relowner)::text AS owner FROM pg_class c WHERE c.relnamespace = ${own} AND c.relkind IN ('r', 'p') AND NOT pg_has_role(c.relowner, 'USAGE') ORDER BY 1`,
    );
    const [[role], foreign] = await Promise.all([asking, askingForeign]);
    const { name, schema, creates, standby, reads, acting } = role!;
    if (standby) {
      return {
        state: "the server is a standby, which only copies another one",
        remedy: "Connect to the primary server.",
      };
    }
    if (reads) {
      return {
        state: `default_transaction_read_only is on for the role ${name}`,
        remedy: `BEGIN READ WRITE; ALTER ROLE ${
          quoteName(name)
        } SET default_transaction_read_only = off; COMMIT; or for this run, in the database URL: ?options=-cdefault_transaction_read_only=off`,
      };
    }
    if (acting === "replica") {
      return {
        state: `session_replication_role is replica for the role ${name}: no foreign key and no trigger acts`,
        remedy: `As a superuser: ALTER ROLE ${quoteName(name)} SET session_replication_role = origin;`,
      };
    }
    const others = foreign.filter((table) => tables.includes(table.name));
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
  },
  async attachments(database) {
    const rows = await database.read<Attached>(sql.raw(attachedQuery(ownSchemas)));
    const tables = new Map(rows.map(({ id, shown }) => [id, shown]));
    const isIdentity = ({ aspect }: Attached) => aspect === identityAspect;
    const published = rows.some(isIdentity)
      ? await database.read<Published>(sql.raw(publishedQuery(ownSchemas, true)))
      : [];
    return rows.flatMap((row): readonly Attachment[] => {
      const { aspect, definition, name, shown: bare } = row;
      if (aspect === null) return [];
      const isForbidden = aspect.endsWith(forbiddenAspect);
      const other = name.startsWith("CONSTRAINT ") ? "constraint" : isForbidden ? "table" : null;
      const kind = definition !== null ? "index" : other;
      if (kind === null) return [];
      const table = tables.get(row.table)!;
      const isNeeded = isIdentity(row) && published.some((each) => each.name === table);
      return [{
        table,
        name: bare,
        what: `the ${aspect} of ${isIdentity(row) ? `table ${table} by ` : ""}${kind} ${bare}`,
        heir: isIdentity(row) ? "identifying" : isForbidden ? "none" : "any",
        consequence: isNeeded
          ? `UPDATE and DELETE of ${table} fail while it is published, until ALTER TABLE ${
            quoteName(table)
          } REPLICA IDENTITY names another one`
          : null,
      }];
    });
  },
  async tableSizes(database) {
    const rows = await database.read<{ name: string; bytes: number }>(
      sql`SELECT ${tableName} AS name, pg_total_relation_size(c.oid) AS bytes FROM pg_class c WHERE c.relnamespace = ${own} AND c.relkind = 'r'`,
    );
    return new Map(rows.map((row) => [row.name, Number(row.bytes)]));
  },
  async sideTables(database) {
    const rows = await database.read<{ name: string }>(
      sql`SELECT c.relname::text AS name FROM pg_class c WHERE c.relnamespace = ${home} AND c.relkind = 'r' AND c.relname ~ '^harbor_kept_[0-9]+$' AND EXISTS (SELECT FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attname = ${keptRow}) ORDER BY 1`,
    );
    return rows.map(({ name }) => name);
  },
};

/** Returns why tables that are not there yet may not be made in the schemas that the history names. */
async function missingInSchemas(
  { schemas = [], read }: Database,
  { name, tables }: { readonly name: string; readonly tables: readonly string[] },
): Promise<MissingRights | null> {
  const wanted = tables.flatMap((table) => placeOfName(table, schemas).schema ?? []);
  if (wanted.length === 0) return null;
  const rows = await read<{ table: string; creates: boolean | null; makes: boolean }>(
    sql`SELECT t.name AS "table", has_schema_privilege(to_regnamespace(quote_ident(t.schema))::oid, 'CREATE') AS creates, has_database_privilege(current_database(), 'CREATE') AS makes FROM (VALUES ${
      sql.join(
        tables.flatMap((table) => {
          const { schema, bare } = placeOfName(table, schemas);
          return schema === null ? [] : [sql`(${table}::text, ${schema}::text, ${bare}::text)`];
        }),
        sql`, `,
      )
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

/** What the connected user may do, and where. */
interface Role {
  readonly name: string;
  readonly schema: string;
  /** `null` where there is no such schema. */
  readonly creates: boolean | null;
  readonly standby: boolean;
  readonly reads: boolean;
  /** `session_replication_role`. */
  readonly acting: string;
}

const home = sql.raw(homeSchema);
const own = sql.raw(ownSchemas);
const tableName = sql.raw(shownName("c.relnamespace", "c.relname"));

const invalidIndexes: Probe = {
  name: "invalid_indexes",
  async run(database) {
    // CREATE INDEX CONCURRENTLY and REINDEX hold this lock while their index is not yet valid.
    const found = await database.read<{ name: string; building: boolean }>(
      sql`SELECT ${
        sql.raw(shownName("i.relnamespace", "i.relname"))
      } AS name, EXISTS (SELECT FROM pg_locks l WHERE l.relation = x.indrelid AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database()) AND l.mode = 'ShareUpdateExclusiveLock' AND l.granted) AS building
FROM pg_index x JOIN pg_class i ON i.oid = x.indexrelid WHERE i.relnamespace = ${own} AND NOT (x.indisvalid AND x.indisready AND x.indislive) ORDER BY 1`,
    );
    if (found.length === 0) return pass("every index is valid");
    const names = found.map((index) => index.name);
    if (found.every((index) => index.building)) {
      return {
        status: "warn",
        message: `indexes that are not valid yet, while their table is being worked on: ${names.join(", ")}`,
        hint: "Run this again when that has ended.",
        details: { indexes: names },
      };
    }
    return {
      status: "fail",
      message: `indexes that PostgreSQL does not use, because making them was broken off: ${
        names.join(", ")
      }`,
      hint: names.map((name) => `REINDEX INDEX CONCURRENTLY ${quoteTable(name, database.schemas)};`).join(
        " ",
      ),
      details: { indexes: names },
    };
  },
};

interface TableConstraint {
  readonly name: string;
  readonly table: string;
}

const unvalidatedConstraints = (left: readonly LeftConstraint[]): Probe => ({
  name: "unvalidated_constraints",
  async run(database) {
    const all = await database.read<TableConstraint>(
      sql`SELECT k.conname::text AS name, ${tableName} AS "table" FROM pg_constraint k JOIN pg_class c ON c.oid = k.conrelid WHERE c.relnamespace = ${own} AND NOT k.convalidated AND NOT ${
        sql.raw(isNotEnforced)
      } ORDER BY 2, 1`,
    );
    const found = all.filter((each) => !isLeft(left, each, "NOT VALID"));
    const named = (list: readonly TableConstraint[]) =>
      list.map(({ name, table }) => `${name} of ${table}`).join(", ");
    if (found.length === 0) {
      return pass(
        all.length === 0
          ? "every constraint is validated"
          : `every constraint is validated but what its scripts leave NOT VALID: ${named(all)}`,
      );
    }
    return {
      status: "fail",
      message: `constraints that older rows may break, because they were never validated: ${named(found)}`,
      hint: found.map(({ name, table }) =>
        `ALTER TABLE ${quoteTable(table, database.schemas)} VALIDATE CONSTRAINT ${quoteName(name)};`
      ).join(" "),
      details: { constraints: found },
    };
  },
});

interface Published {
  readonly name: string;
  readonly publications: string;
  readonly hasKey: boolean;
}

/**
 * Source: https://www.postgresql.org/docs/current/logical-replication-publication.html#LOGICAL-REPLICATION-PUBLICATION-REPLICA-IDENTITY
 */
const replicaIdentities: Probe = {
  name: "replica_identities",
  async run(database) {
    const found = await database.read<Published>(sql.raw(publishedQuery(ownSchemas, false)));
    if (found.length === 0) return pass("the rows of every published table can be told apart");
    return {
      status: "fail",
      message: `published tables without a replica identity, so that every UPDATE and DELETE of them fails: ${
        found.map(({ name, publications }) => `${name} (publication ${publications})`).join(", ")
      }`,
      hint: found.map(({ name, hasKey }) =>
        `ALTER TABLE ${quoteTable(name, database.schemas)} REPLICA IDENTITY ${hasKey ? "DEFAULT" : "FULL"};`
      ).join(" "),
      details: { tables: found.map(({ name }) => name) },
    };
  },
};

interface Sequence {
  readonly schema: string;
  readonly sequence: string;
  readonly table: string;
  readonly column: string;
  readonly increment: number;
}

const sequences: Probe = {
  name: "sequences",
  async run(database, pace) {
    const owned = await database.read<Sequence>(
      sql`SELECT n.nspname::text AS schema, s.relname::text AS sequence, ${tableName} AS "table", a.attname::text AS "column", q.seqincrement AS increment
FROM pg_depend d JOIN pg_class s ON s.oid = d.objid AND s.relkind = 'S' JOIN pg_namespace n ON n.oid = s.relnamespace
JOIN pg_sequence q ON q.seqrelid = s.oid JOIN pg_class c ON c.oid = d.refobjid AND c.relnamespace = ${own}
JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = d.refobjsubid
WHERE d.classid = 'pg_class'::regclass AND d.refclassid = 'pg_class'::regclass AND d.deptype IN ('a', 'i') AND q.seqincrement > 0 ORDER BY 3, 4`,
    );
    const behind: (Sequence & { readonly next: number; readonly highest: number })[] = [];
    for (const each of owned) {
      await pace.next();
      const [row] = await database.read<{ next: number; highest: number | null }>(
        sql`SELECT CASE WHEN s.is_called THEN s.last_value + ${each.increment} ELSE s.last_value END AS next, (SELECT max(${
          sql.identifier(each.column)
        }) FROM ${ownTable(each.table)}) AS highest FROM ${sql.identifier(each.schema)}.${
          sql.identifier(each.sequence)
        } AS s`,
      );
      const { next, highest } = row!;
      if (highest !== null && next <= highest) behind.push({ ...each, next, highest });
    }
    if (behind.length === 0) {
      return pass(
        `${counted(owned.length, "sequence is ahead of its column", "sequences are ahead of their columns")}`,
      );
    }
    return {
      status: "fail",
      message: `sequences that will give out numbers which are taken: ${
        behind.map(({ table, column, next, highest }) =>
          `${table}.${column} (next ${next}, highest ${highest})`
        )
          .join(", ")
      }`,
      hint: behind.map(({ schema, sequence, table, column }) =>
        `SELECT setval('${quoteName(schema)}.${quoteName(sequence)}', (SELECT max(${
          quoteName(column)
        }) FROM ${quoteTable(table, database.schemas)}));`
      ).join(" "),
      details: {
        sequences: behind.map(({ table, column, next, highest }) => ({ table, column, next, highest })),
      },
    };
  },
};

const checksums: Probe = {
  name: "checksums",
  async run(database) {
    const [row] = await database.read<{ failures: number | null; last: string | null }>(
      sql`SELECT checksum_failures AS failures, checksum_last_failure::text AS last FROM pg_stat_database WHERE datname = current_database()`,
    );
    const { failures = null, last = null } = row ?? {};
    if (failures === null) {
      return {
        status: "warn",
        message: "not checked: the pages on the disk, because the cluster has no data checksums",
        hint: "While the server is stopped: pg_checksums --enable; or leave it: --skip integrity",
        details: { notChecked: ["checksums"] },
      };
    }
    if (failures === 0) return pass("no page has failed its checksum");
    return {
      status: "fail",
      message: `${failures} pages failed their checksum since the statistics began, the last one at ${last}`,
      hint:
        "The disk or memory of the server is at fault: look at its log for the pages, and take a backup with harbor-db backup before anything else.",
      details: { failures, last },
    };
  },
};

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
const collations: Probe = {
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
        hint: `After an update of the server's system: REINDEX DATABASE ${quoteName(server!.database)};`,
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
      hint: `REINDEX DATABASE CONCURRENTLY ${quoteName(server!.database)}; ${
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
