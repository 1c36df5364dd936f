import type { Found } from "../../base/finding.ts";
import { counted, formatBytes } from "../../base/quantity.ts";
import { HarborError } from "../../base/errors.ts";
import { type Kept, readKept } from "../../engines/kept_table.ts";
import { loadInspector } from "../../engines/open/inspector.ts";
import type { Database } from "../../engines/database.ts";
import { quoteName } from "../../sql/quote.ts";
import { lostText } from "../../migrate/kept/side_tables.ts";

/** What was seen of kept data. */
export interface SeenKept {
  readonly found: readonly Found[];
  /** How much is kept, to go behind what passed; empty where nothing is. */
  readonly words: string;
}

/** Looks whether the registry of kept data and its side tables agree. Counts no rows: large ones would take their time. */
export async function lookAtKept(database: Database): Promise<SeenKept> {
  const inspector = await loadInspector(database.dialect);
  const tables = await inspector.sideTables(database);
  try {
    return compare(await readKept(database), tables);
  } catch (error) {
    if (!(error instanceof HarborError) || error.code !== "read_only") throw error;
    return { found: tables.length === 0 ? [] : [hidden(tables)], words: "" };
  }
}

function compare(kept: readonly Kept[], tables: readonly string[]): SeenKept {
  const known = new Set(kept.map(({ sideTable }) => sideTable));
  const missing = kept.filter(({ sideTable }) => !tables.includes(sideTable));
  const strays = tables.filter((name) => !known.has(name));
  const rows = kept.reduce((sum, each) => sum + each.rows, 0);
  const bytes = kept.reduce((sum, each) => sum + each.bytes, 0);
  return {
    found: [...missing.map(lost), ...strays.map(stray)],
    words: kept.length === 0 ? "" : `; kept data on record: ${counted(rows, "row")}, ${formatBytes(bytes)}`,
  };
}

function hidden(sideTables: readonly string[]): Found {
  return {
    status: "warn",
    message: `${
      counted(sideTables.length, "table")
    } of kept data not looked at: this user may not read harbor_kept`,
    hint: "Let the owner of the tables grant it: GRANT SELECT ON harbor_kept TO …",
    details: { sideTables },
  };
}

function lost(kept: Kept): Found {
  const { id, table, revision, direction, sideTable } = kept;
  const { state, hint } = lostText(kept);
  return { status: "fail", message: state, hint, details: { id, table, revision, direction, sideTable } };
}

function stray(name: string): Found {
  return {
    status: "fail",
    message: `${name} holds kept data, and harbor_kept does not know of what`,
    hint: `Look at it: SELECT * FROM ${quoteName(name)} LIMIT 5; where it is not needed: DROP TABLE ${
      quoteName(name)
    }`,
    details: { sideTable: name },
  };
}
