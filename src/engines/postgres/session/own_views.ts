import { HarborError } from "../../../base/errors.ts";
import { ownTableNames } from "../../../sql/own/tables.ts";
import { quoteName } from "../../../sql/quote.ts";
import type { Session } from "./session.ts";

const names = [...ownTableNames, "alembic_version"].map((name) => `pg_catalog.to_regclass('${name}')`);

/** Selects the name of a view that the path finds where a table of our own should be. Each name and operator says whose it is. */
export const ownViewQuery =
  "SELECT c.relname FROM pg_catalog.pg_class c WHERE c.relkind OPERATOR(pg_catalog.=) 'v' " +
  `AND c.oid OPERATOR(pg_catalog.=) ANY (ARRAY[${names.join(", ")}]::pg_catalog.oid[]) LIMIT 1`;

/**
 * Refuses views that are called as tables of which every command reads all rows: a view may have rows without an end.
 *
 * @throws {HarborError} `not_a_database`
 */
export function refuseViews({ ownView }: Session, url: string): void {
  if (ownView === null) return;
  throw new HarborError("not_a_database", `Cannot read "${url}": ${ownView} is a view`, {
    hint: `That is the name of a table of its own. See who made the view, and take it away: DROP VIEW ${
      quoteName(ownView)
    }`,
    details: { view: ownView },
  });
}
