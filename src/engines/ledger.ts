import { type SQL, sql } from "drizzle-orm";
import type { Dialect } from "../base/dialect.ts";
import type { RowForm } from "../base/row_form.ts";
import type { LedgerRow } from "../history/ledger/ledger.ts";
import { ledgerPlace } from "../history/ledger/ledger.ts";
import type { Database } from "./database.ts";
import { inPieces } from "./in_pieces.ts";
import { ownTable } from "./statement_names.ts";
import { readIfThere } from "./version_table.ts";

const ledgerTable = ownTable(ledgerPlace);

/**
 * Takes from others what default privileges gave them: who may write here would say what the next downgrade runs. Who may
 * read still may. A schema's name is nowhere in it, since no quoting holds in the body of a DO.
 */
const keepToOwner: Readonly<Record<Dialect, readonly SQL[]>> = {
  sqlite: [],
  postgresql: [sql`DO $harbor$ DECLARE who text; BEGIN
  FOR who IN SELECT DISTINCT c.oid::regclass || ' FROM ' || CASE a.grantee WHEN 0 THEN 'PUBLIC' ELSE a.grantee::regrole::text END
    FROM pg_class c, aclexplode(c.relacl) a
    WHERE c.relname = 'harbor_ledger' AND c.relkind = 'r' AND pg_has_role(c.relowner, 'USAGE') AND a.grantee <> c.relowner
  LOOP
    EXECUTE 'REVOKE INSERT, UPDATE, DELETE, TRUNCATE, REFERENCES, TRIGGER ON ' || who || ' CASCADE';
  END LOOP;
END $harbor$`],
};

/**
 * Returns the statements that make the ledger. It is a table beside the version table, so that a harbor-db of before, which
 * writes rows of that one, goes on doing so, and `status` reads no scripts.
 */
export function createLedger(dialect: Dialect): readonly SQL[] {
  return [
    sql`CREATE TABLE IF NOT EXISTS ${ledgerTable} (
  revision TEXT NOT NULL PRIMARY KEY,
  parent TEXT,
  tag TEXT NOT NULL,
  dialect VARCHAR(10) NOT NULL,
  form INTEGER NOT NULL,
  upgrade_checksum VARCHAR(64) NOT NULL,
  downgrade TEXT,
  downgrade_checksum VARCHAR(64),
  schema_change TEXT,
  created_at VARCHAR(30) NOT NULL,
  recorded_at VARCHAR(30) NOT NULL,
  recorded_by VARCHAR(40) NOT NULL,
  checksum VARCHAR(64) NOT NULL
)`,
    ...keepToOwner[dialect],
  ];
}

/** Reads the ledger; `null` when there is none. Rows are in no particular order. */
export async function readLedger(database: Database): Promise<readonly LedgerRow[] | null> {
  const rows = await readIfThere(database, {
    table: ledgerPlace,
    form: ledgerForm,
    query: sql`SELECT * FROM ${ledgerTable}`,
  });
  return rows && rows.map((row) => ({
    revision: row.revision,
    parent: row.parent,
    tag: row.tag,
    dialect: row.dialect,
    form: row.form,
    upgradeChecksum: row.upgrade_checksum,
    downgrade: row.downgrade,
    downgradeChecksum: row.downgrade_checksum,
    change: row.schema_change,
    createdAt: row.created_at,
    recordedAt: row.recorded_at,
    recordedBy: row.recorded_by,
    checksum: row.checksum,
  }));
}

/** Says whether there is a ledger, reading no scripts. */
export async function hasLedger(database: Database): Promise<boolean> {
  const form = { checksum: "text" } as const;
  const query = sql`SELECT checksum FROM ${ledgerTable} LIMIT 1`;
  return await readIfThere(database, { table: ledgerPlace, form, query }) !== null;
}

/** Returns the statements that put rows into the ledger, in the place of what was there of their revisions. */
export function writeLedger(rows: readonly LedgerRow[]): readonly SQL[] {
  const others = columns.slice(1).map((name) => `${name} = excluded.${name}`);
  return inPieces(rows).map((piece) => {
    const values = piece.map((row) => {
      const { revision, parent, tag, dialect, form, upgradeChecksum, downgrade, downgradeChecksum } = row;
      const { change, createdAt, recordedAt, recordedBy, checksum } = row;
      return sql`(${revision}, ${parent}, ${tag}, ${dialect}, ${form}, ${upgradeChecksum}, ${downgrade}, ${downgradeChecksum}, ${change}, ${createdAt}, ${recordedAt}, ${recordedBy}, ${checksum})`;
    });
    return sql`INSERT INTO ${ledgerTable} (${sql.raw(columns.join(", "))}) VALUES ${
      sql.join(values, sql`, `)
    } ON CONFLICT (revision) DO UPDATE SET ${sql.raw(others.join(", "))}`;
  });
}

/** Returns the statement that takes a revision out of the ledger. */
export function deleteLedger(revision: string): SQL {
  return sql`DELETE FROM ${ledgerTable} WHERE revision = ${revision}`;
}

const ledgerForm = {
  revision: "text",
  parent: "text?",
  tag: "text",
  dialect: "text",
  form: "integer",
  upgrade_checksum: "text",
  downgrade: "text?",
  downgrade_checksum: "text?",
  schema_change: "text?",
  created_at: "text",
  recorded_at: "text",
  recorded_by: "text",
  checksum: "text",
} as const satisfies RowForm;

const columns = Object.keys(ledgerForm);
