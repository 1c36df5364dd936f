import { sql } from "drizzle-orm";
import { pass } from "../../../base/finding.ts";
import { quoteName } from "../../../sql/quote.ts";
import { quoteTable } from "../../../sql/table_names.ts";
import { isLeft, type LeftConstraint, type Probe } from "../../inspector.ts";
import { type Published, publishedQuery } from "../catalogs/attached.ts";
import { ownSchemas, shownName } from "../catalogs/place.ts";
import { own, tableName } from "../catalogs/place_words.ts";
import { isNotEnforced } from "../catalogs/silenced.ts";

/** Whether PostgreSQL uses every index. */
export const invalidIndexes: Probe = {
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

/** Whether every constraint was validated, but for what the scripts leave. */
export const unvalidatedConstraints = (left: readonly LeftConstraint[]): Probe => ({
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

/**
 * Whether every published table has a replica identity.
 *
 * Source: https://www.postgresql.org/docs/current/logical-replication-publication.html#LOGICAL-REPLICATION-PUBLICATION-REPLICA-IDENTITY
 */
export const replicaIdentities: Probe = {
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
