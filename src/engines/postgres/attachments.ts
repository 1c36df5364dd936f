import { sql } from "drizzle-orm";
import { quoteName } from "../../sql/quote.ts";
import type { Database } from "../database.ts";
import type { Attachment } from "../inspector.ts";
import {
  anyAttachedQuery,
  type Attached,
  attachedQuery,
  forbiddenAspect,
  identityAspect,
  type Published,
  publishedQuery,
} from "./catalogs/attached.ts";
import { ownSchemas } from "./catalogs/place.ts";

/** See `Inspector.attachments`. */
export async function attachments(database: Database): Promise<readonly Attachment[]> {
  const [any] = await database.read<{ used: boolean }>(sql.raw(anyAttachedQuery));
  if (any?.used !== true) return [];
  const rows = await database.read<Attached>(sql.raw(attachedQuery(ownSchemas)));
  const tables = new Map(rows.map(({ id, shown }) => [id, shown]));
  const isIdentity = ({ aspect }: Attached) => aspect === identityAspect;
  const published = rows.some(isIdentity)
    ? await database.read<Published>(sql.raw(publishedQuery(ownSchemas, true)))
    : [];
  return rows.flatMap((row): readonly Attachment[] => {
    const { aspect, definition, name, shown: bare } = row;
    if (aspect === null) return [];
    const isForbidden = aspect.endsWith(forbiddenAspect);
    const other = name.startsWith("CONSTRAINT ") ? "constraint" : isForbidden ? "table" : null;
    const kind = definition !== null ? "index" : other;
    if (kind === null) return [];
    const table = tables.get(row.table)!;
    const isNeeded = isIdentity(row) && published.some((each) => each.name === table);
    return [{
      table,
      name: bare,
      what: `the ${aspect} of ${isIdentity(row) ? `table ${table} by ` : ""}${kind} ${bare}`,
      heir: isIdentity(row) ? "identifying" : isForbidden ? "none" : "any",
      consequence: isNeeded
        ? `UPDATE and DELETE of ${table} fail while it is published, until ALTER TABLE ${
          quoteName(table)
        } REPLICA IDENTITY names another one`
        : null,
    }];
  });
}
