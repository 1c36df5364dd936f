import type { Column } from "drizzle-orm/column";
import { is } from "drizzle-orm/entity";
import { Name, SQL, type SQLChunk, StringChunk } from "drizzle-orm/sql/sql";
import { Subquery } from "drizzle-orm/subquery";
import { Table } from "drizzle-orm/table";
import { getTableColumns } from "drizzle-orm/utils";
import { HarborError } from "../../../base/errors.ts";
import { casedName, type Casing } from "../../../schema/twins/tables.ts";
import { viewConfig } from "./view_config.ts";

/**
 * Refuses views of the query builder that name a column by its key where `casing` gives it another name: drizzle-orm writes
 * a selection of one table before it is told of the casing.
 *
 * @throws {HarborError} `bad_schema`
 */
export function refuseUncasedViews(others: readonly unknown[], casing: Casing | undefined): void {
  if (casing === undefined) return;
  for (const other of others) {
    const view = viewConfig(other);
    if (view?.query === undefined) continue;
    const chunks = chunksOf(view.query);
    const columns = chunks.filter((chunk) => is(chunk, Table)).flatMap((table) =>
      Object.values(getTableColumns(table)) as readonly Column[]
    );
    const column = columns.find((each) => {
      const cased = casedName(each, casing);
      return cased !== each.name &&
        chunks.some((chunk, at) => is(chunk, Name) && chunk.value === each.name && !isAlias(chunks[at - 1]));
    });
    if (column === undefined) continue;
    const cased = casedName(column, casing);
    throw new HarborError(
      "bad_schema",
      `Cannot use "${view.name}": its query names the column "${column.name}", which is "${cased}" by the casing`,
      {
        hint:
          `Give the column its name, as in ${column.name}: text("${cased}"); or write the query: as(sql\`…\`)`,
      },
    );
  }
}

/** Returns all that a query is put together of, in order. */
function chunksOf(chunk: SQLChunk): readonly SQLChunk[] {
  if (Array.isArray(chunk)) return (chunk as readonly SQLChunk[]).flatMap(chunksOf);
  if (is(chunk, SQL)) return chunk.queryChunks.flatMap(chunksOf);
  if (is(chunk, SQL.Aliased)) return chunksOf(chunk.sql);
  return is(chunk, Subquery) ? chunksOf(chunk._.sql) : [chunk];
}

function isAlias(before: SQLChunk | undefined): boolean {
  return is(before, StringChunk) && / as $/i.test(before.value.join(""));
}
