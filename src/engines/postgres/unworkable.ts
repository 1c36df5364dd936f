import { type SQL, sql } from "drizzle-orm";
import { HarborError } from "../../base/errors.ts";
import { quoteName, quoteText } from "../../sql/quote.ts";
import type { Unworkable, Worked } from "../database.ts";
import { userStatement } from "../statement_names.ts";
import type { Result } from "./session/session.ts";

/** How the driver reads. */
interface Reads {
  read<Row>(statement: SQL): Promise<Row[]>;
  /** In one transaction. */
  readOnly(texts: readonly string[]): Promise<readonly Result[]>;
}

/**
 * Finds the rows of which a value cannot be worked out. All rows are worked out in one go, which is as fast as to read them. Only where
 * that fails are they tried one by one, which takes ten times as long: no SELECT goes on behind a row that fails, and what PostgreSQL
 * says of a text without reading it (`pg_input_is_valid`) it says from 16 on, and of texts alone.
 */
export async function findUnworkable(worked: Worked, { read, readOnly }: Reads): Promise<Unworkable> {
  const { look, value } = worked;
  try {
    await read(userStatement(sql.raw(`SELECT count(${value}) FROM (${look}) AS seen`)));
    return { rows: 0, keys: [] };
  } catch (error) {
    if (!(error instanceof HarborError && isOfValues(error))) throw error;
  }
  const results = await readOnly([tryEach(worked), told]);
  const [found] = results.at(-1)!.rows as { rows: string; keys: string }[];
  const keys = JSON.parse(found!.keys) as readonly (string | null)[];
  return { rows: Number(found!.rows), keys: keys.map(numberIfWhole) };
}

/**
 * As the classes that the block catches: what the value is, and not how the statement is written. `NaN` is not
 * supported as a whole number, and a `tsquery` has a syntax, too: of a statement's own the server says the place.
 */
function isOfValues({ details }: HarborError): boolean {
  const state = String(details["sqlState"]);
  return /^(?:22|23|54|0A)/.test(state) || (state === "42601" && details["position"] === undefined);
}

/** A block may not answer, and runs where nothing may be written: settings of the transaction's carry what it found. */
function tryEach({ look, named, order, column, value, most }: Worked): string {
  const inOrder = order.length === 0 ? "" : ` ORDER BY ${order.map(quoteName).join(", ")}`;
  // Not between dollars: a name in it may have any.
  return `DO ${
    quoteText(`#variable_conflict use_column
DECLARE seen record; broken bigint := 0; keys jsonb := '[]';
BEGIN
  FOR seen IN SELECT * FROM (${look}) AS looked${inOrder} LOOP
    BEGIN
      PERFORM ${value} FROM (SELECT seen.${quoteName(column)}) AS given;
    EXCEPTION WHEN data_exception OR integrity_constraint_violation OR program_limit_exceeded OR feature_not_supported OR syntax_error THEN
      broken := broken + 1;
      IF broken <= ${most} THEN keys := keys || jsonb_build_array(CAST(seen.${
      quoteName(named)
    } AS text)); END IF;
    END;
  END LOOP;
  PERFORM set_config('harbor_db.broken', CAST(broken AS text), true), set_config('harbor_db.keys', CAST(keys AS text), true);
END`)
  }`;
}

const told = "SELECT current_setting('harbor_db.broken') AS rows, current_setting('harbor_db.keys') AS keys";

function numberIfWhole(key: string | null): string | number | null {
  return key !== null && /^(?:0|-?[1-9][0-9]{0,14})$/.test(key) ? Number(key) : key;
}
