import { randomUUID } from "node:crypto";
import { type SQL, sql } from "drizzle-orm";
import { markedTable } from "../../../sql/own/schema.ts";
import { type ChangeNotes, takenColumn } from "../../beside.ts";
import type { Database } from "../../database.ts";
import { ownTable } from "../../statement_names.ts";
import { inPlace, type Place } from "../catalogs/place.ts";

/** From how many rows on a table counts as large when nobody says otherwise. */
const usualLargeRows = 10_000;

const id = sql.identifier;

/**
 * Notes changes by triggers. Their function runs with the rights of whoever writes, who gets the right to insert into the notes and
 * no other: run with ours, it would let the owner of the schema, who may put another table in the place of the notes, act as we.
 */
export function postgresChangeNotes(
  { read, place, largeRows = usualLargeRows, isThrowAway }: {
    readonly read: Database["read"];
    readonly place: Place;
    readonly largeRows?: number | undefined;
    /** See `Watcher.isThrowAway`: nobody writes beside. */
    readonly isThrowAway: () => boolean;
  },
): ChangeNotes {
  return {
    async isFor({ table, keys }) {
      if (isThrowAway() || keys.length === 0 || keys.includes(takenColumn)) return false;
      const [found] = await read<{ readonly fits: boolean }>(fits(inPlace(markedTable(table), place)));
      if (found?.fits !== true) return false;
      const [more] = await read<{ readonly large: boolean }>(
        sql`SELECT EXISTS (SELECT FROM ${ownTable(table)} OFFSET ${sql.raw(String(largeRows))}) AS large`,
      );
      return more?.large === true;
    },
    begin: ({ name, table, keys }, withdraw) => {
      const notes = ownTable(name);
      const own = ownTable(table);
      const columns = keys.map((key) => id(key));
      const note = (row: string) =>
        sql`INSERT INTO ${notes} (${list(columns)}) VALUES (${
          list(columns.map((key) => sql`${sql.raw(row)}.${key}`))
        })`;
      // Names stand in the text as they are, and nobody knows beforehand what would end it.
      const quote = sql.raw(`$h${randomUUID().replaceAll("-", "")}$`);
      return [
        sql`CREATE TABLE ${notes} AS SELECT ${list(columns.map((key) => sql`t.${key}`))}, FALSE AS ${
          id(takenColumn)
        } FROM ${own} AS t WITH NO DATA`,
        sql`ALTER TABLE ${notes} ALTER COLUMN ${id(takenColumn)} SET DEFAULT FALSE`,
        // Where all tables are published, nothing else lets them be changed.
        sql`ALTER TABLE ${notes} REPLICA IDENTITY FULL`,
        ...withdraw(name),
        sql`GRANT INSERT ON ${notes} TO PUBLIC`,
        sql`CREATE FUNCTION ${notes}() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog AS ${quote}
BEGIN
  IF TG_OP = 'TRUNCATE' THEN INSERT INTO ${notes} (${id(takenColumn)}) VALUES (FALSE); RETURN NULL; END IF;
  IF TG_OP <> 'INSERT' THEN ${note("OLD")}; END IF;
  IF TG_OP <> 'DELETE' THEN ${note("NEW")}; END IF;
  RETURN NULL;
END ${quote}`,
        sql`REVOKE ALL ON FUNCTION ${notes}() FROM PUBLIC`,
        ...[
          [name, sql`INSERT OR UPDATE OR DELETE`, sql`ROW`] as const,
          [`${name}_all`, sql`TRUNCATE`, sql`STATEMENT`] as const,
        ].flatMap(([trigger, events, each]) => [
          sql`CREATE TRIGGER ${
            id(trigger)
          } AFTER ${events} ON ${own} FOR EACH ${each} EXECUTE FUNCTION ${notes}()`,
          // What replication writes counts as well.
          sql`ALTER TABLE ${own} ENABLE ALWAYS TRIGGER ${id(trigger)}`,
        ]),
      ];
    },
    take: (name, count) =>
      sql`UPDATE ${ownTable(name)} SET ${id(takenColumn)} = TRUE${
        count === null
          ? sql``
          : sql` WHERE ctid = ANY (ARRAY(SELECT ctid FROM ${ownTable(name)} LIMIT ${sql.raw(String(count))}))`
      }`,
    end: (name) => [
      // With its triggers, whatever their table is called by now.
      sql`DROP FUNCTION IF EXISTS ${ownTable(name)}() CASCADE`,
      sql`DROP TABLE IF EXISTS ${ownTable(name)}`,
    ],
  };
}

/**
 * Whether triggers on a table see every change of its rows, and whoever may make one reaches the schema that the notes are in:
 * triggers of a table that others inherit from do not see theirs.
 */
function fits(table: string): SQL {
  return sql`SELECT c.relkind = 'r' AND c.relpersistence = 'p'
    AND NOT EXISTS (SELECT FROM pg_inherits i WHERE i.inhparent = c.oid)
    AND EXISTS (SELECT FROM pg_language l WHERE l.lanname = 'plpgsql' AND has_language_privilege(l.oid, 'USAGE'))
    AND has_schema_privilege(c.relowner, n.oid, 'USAGE')
    AND NOT EXISTS (SELECT FROM (
        SELECT a.grantee, a.privilege_type FROM aclexplode(c.relacl) a
        UNION ALL SELECT a.grantee, a.privilege_type FROM pg_attribute p, aclexplode(p.attacl) a WHERE p.attrelid = c.oid
      ) AS a WHERE a.privilege_type IN ('INSERT', 'UPDATE', 'DELETE', 'TRUNCATE')
      AND NOT CASE a.grantee WHEN 0 THEN has_schema_privilege('public', n.oid, 'USAGE')
        ELSE has_schema_privilege(a.grantee, n.oid, 'USAGE') END) AS fits
  FROM pg_class c, pg_namespace n
  WHERE c.oid = to_regclass(${table}) AND n.nspname = '\0'`;
}

function list(parts: readonly (SQL | ReturnType<typeof id>)[]): SQL {
  return sql.join([...parts], sql`, `);
}
