import type { Found } from "../../base/finding.ts";
import { counted } from "../../base/quantity.ts";
import { HarborError } from "../../base/errors.ts";
import { type Kept, readKept } from "../../engines/kept_table.ts";
import { loadInspector } from "../../engines/open/inspector.ts";
import type { Database } from "../../engines/database.ts";
import { quoteName } from "../../sql/quote.ts";
import { type CountedKept, countKept, goneText, seenText } from "../../migrate/kept/count_kept.ts";
import { lostText } from "../../migrate/kept/side_tables.ts";

/** What was seen of kept data. */
export interface SeenKept {
  readonly found: readonly Found[];
  readonly kept: readonly Kept[];
  /** How much is kept, to go behind what passed; empty where nothing is. */
  readonly words: string;
}

/** Looks whether the registry of kept data and its side tables agree, to the row where they are not too many. */
export async function lookAtKept(database: Database): Promise<SeenKept> {
  const inspector = await loadInspector(database.dialect);
  const tables = await inspector.sideTables(database);
  try {
    return compare(await countKept(database, await readKept(database)), tables);
  } catch (error) {
    if (!(error instanceof HarborError) || error.code !== "read_only") throw error;
    return { found: tables.length === 0 ? [] : [hidden(tables)], kept: [], words: "" };
  }
}

function compare(all: readonly CountedKept[], tables: readonly string[]): SeenKept {
  const kept = all.map((each) => each.kept);
  const known = new Set(kept.map(({ sideTable }) => sideTable));
  const missing = kept.filter(({ sideTable }) => !tables.includes(sideTable));
  const strays = tables.filter((name) => !known.has(name));
  return {
    found: [
      ...missing.map(lost),
      ...all.filter(({ gone }) => gone > 0).map(robbed),
      ...strays.map(stray),
    ],
    kept,
    words: kept.length === 0 ? "" : `; kept data: ${seenText(all)}`,
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

/** Somebody may have meant it, so it is no failure. */
function robbed(each: CountedKept): Found {
  const { kept: { id, table, revision, direction, sideTable, rows }, gone, there } = each;
  const { state, hint } = goneText(each);
  return {
    status: "warn",
    message: state,
    hint,
    details: { id, table, revision, direction, sideTable, rows, there, gone },
  };
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
