import { sql } from "drizzle-orm";
import type { Inspector } from "../inspector.ts";
import { keptRow } from "../kept_table.ts";
import { attachments } from "./attachments.ts";
import { home, own, tableName } from "./catalogs/place_words.ts";
import { silencedConstraints, unenforced } from "./catalogs/silenced.ts";
import { leftoversQuery, scratchPrefix } from "./catalogs/session_databases.ts";
import { readTableSettings } from "./catalogs/table_settings.ts";
import { readUnsaid } from "./catalogs/unsaid.ts";
import { amcheckProbe } from "./probes/amcheck.ts";
import { checksums } from "./probes/checksums.ts";
import { collations } from "./probes/collations.ts";
import { invalidIndexes, replicaIdentities, unvalidatedConstraints } from "./probes/definitions.ts";
import { sequences } from "./probes/sequences.ts";

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
  unsaid: readUnsaid,
  unenforced,
  async eventTriggers(database) {
    const rows = await database.read<{ name: string }>(
      sql`SELECT evtname::text AS name FROM pg_event_trigger ORDER BY 1`,
    );
    return rows.map(({ name }) => name);
  },
  attachments,
  async tableSizes(database) {
    const rows = await database.read<{ name: string; bytes: number }>(
      sql`SELECT ${tableName} AS name, pg_total_relation_size(c.oid) AS bytes FROM pg_class c WHERE c.relnamespace = ${own} AND c.relkind = 'r'`,
    );
    return new Map(rows.map((row) => [row.name, Number(row.bytes)]));
  },
  async leftCopies(database) {
    const rows = await database.read<{ name: string; bytes: number | null }>(
      sql`SELECT l.name, CASE WHEN has_database_privilege(l.name, 'CONNECT') THEN pg_database_size(l.name) END AS bytes FROM (${
        sql.raw(leftoversQuery(scratchPrefix))
      }) AS l ORDER BY 1`,
    );
    return rows.map(({ name, bytes }) => ({ name, bytes: bytes === null ? null : Number(bytes) }));
  },
  async sideTables(database) {
    const rows = await database.read<{ name: string }>(
      sql`SELECT c.relname::text AS name FROM pg_class c WHERE c.relnamespace = ${home} AND c.relkind = 'r' AND c.relname ~ '^harbor_kept_[0-9]+$' AND EXISTS (SELECT FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attname = ${keptRow}) ORDER BY 1`,
    );
    return rows.map(({ name }) => name);
  },
};
