import { createHash } from "node:crypto";
import { rowsOfForm } from "../../../../base/row_form.ts";
import { besideForm, type BesideProgress, besideQuery } from "../../../beside_progress.ts";
import type { BesideFile } from "../../database.ts";
import { mirrorName } from "./mirror.ts";
import { changesName } from "./noting.ts";
import type { Rows, SourceTable } from "../form/source_table.ts";
import { own } from "../../connection/statement.ts";

const columns = {
  name: "TEXT NOT NULL",
  table_name: "TEXT NOT NULL",
  statement: "TEXT NOT NULL",
  phase: "TEXT NOT NULL",
  last_row: "TEXT",
  end_row: "TEXT",
  seen: "TEXT NOT NULL",
};

/** Makes the table that changes beside writers are kept in. It is gone when the last of them is over. */
export const createProgress = `CREATE TABLE IF NOT EXISTS harbor_beside (id INTEGER PRIMARY KEY, ${
  Object.entries(columns).map(([name, type]) => `${name} ${type}`).join(", ")
})`;

/** Returns all that is under way. */
export function progressOf(rows: Rows): readonly BesideProgress[] {
  const [table] = rows(own("SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = 'harbor_beside'"));
  return table === undefined ? [] : rowsOfForm("harbor_beside", besideForm, rows(own(besideQuery)));
}

/** What a mirror is made of: another number lets no other harbor-db go on with what it would put in place in another way. */
const makeup = 4;

/** Puts a change on record. */
export function insertProgress(file: BesideFile, progress: Omit<BesideProgress, "id">): void {
  const { name, table, statement, phase, lastRow, endRow, seen } = progress;
  file.change({
    // No table has its name yet, whoever made those that are there.
    text: `INSERT INTO harbor_beside (id, ${
      Object.keys(columns).join(", ")
    }) SELECT 1 + coalesce(max(id), 0), ?, ?, ?, ?, ?, ?, ?
      FROM (SELECT id FROM harbor_beside UNION ALL SELECT CAST(substr(name, 15) AS INTEGER) FROM sqlite_schema
        WHERE lower(name) GLOB 'harbor_beside_[0-9]*' AND length(name) < 24)`,
    values: [name, table, statement, phase, lastRow, endRow, seen],
  });
}

/** Records how far a change has come. */
export function updateProgress(file: BesideFile, { id, phase, lastRow, seen }: BesideProgress): void {
  file.change({
    text: "UPDATE harbor_beside SET phase = ?, last_row = ?, seen = ? WHERE id = ?",
    values: [phase, lastRow, seen, BigInt(id)],
  });
}

/**
 * Returns what changes when anybody changes the table, its indexes or triggers, or the mirror, or gives them other pages
 * (a rebuild, VACUUM, a restore). Where VACUUM may give the rows other ids, any change of the schema counts.
 */
export function sightOf(rows: Rows, id: number, { name, rowIdColumn }: SourceTable): string {
  const found = rows({
    text:
      "SELECT type, name, tbl_name, rootpage, sql FROM sqlite_schema WHERE tbl_name IN (?, ?, ?) ORDER BY type, name",
    values: [name, mirrorName(id), changesName(id)],
  });
  const version = rowIdColumn === null ? rows({ text: "PRAGMA schema_version", values: [] }) : [];
  return createHash("sha256").update(JSON.stringify([makeup, found, version])).digest("hex");
}
