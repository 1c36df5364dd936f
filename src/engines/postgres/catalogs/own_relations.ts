import { quoteText } from "../../../sql/quote.ts";
import { aheadPattern, numberedPattern, ownTableNames, sideTablePattern } from "../../../sql/own/tables.ts";
import { homeSchema } from "./place.ts";

const names = ownTableNames.map(quoteText).join(", ");

/** A condition on a relation's name: it is called as one of harbor-db's own tables. */
export function hasOwnName(name: string): string {
  return `(${name} IN (${names}) OR ${name} ~ '^(${numberedPattern})$')`;
}

/** A condition on the schema of the relation `c`: there is such a table, too. */
const hasTable = (name: string) =>
  `EXISTS (SELECT FROM pg_class r WHERE r.relnamespace = c.relnamespace AND r.relname = '${name}' AND r.relkind = 'r')`;

/**
 * A condition on the relation `c`, for statements that `inPlace` writes: it is a table of harbor-db's own. What only begins
 * as one is somebody's.
 */
export const isOwnRelation =
  `(c.relnamespace = ${homeSchema} AND c.relkind IN ('r', 'p') AND (c.relname IN (${names})
  OR (c.relname ~ '^${sideTablePattern}$' AND ${hasTable("harbor_kept")}
    AND EXISTS (SELECT FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attname = 'harbor_row'))
  OR (c.relname ~ '^${aheadPattern}$' AND ${hasTable("harbor_beside")})))`;
