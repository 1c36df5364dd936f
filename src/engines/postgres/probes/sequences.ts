import { sql } from "drizzle-orm";
import { pass } from "../../../base/finding.ts";
import { counted } from "../../../base/quantity.ts";
import { quoteName } from "../../../sql/quote.ts";
import { quoteTable } from "../../../sql/table_names.ts";
import type { Probe } from "../../inspector.ts";
import { ownTable } from "../../statement_names.ts";
import { own, tableName } from "../catalogs/place_words.ts";

interface Sequence {
  readonly schema: string;
  readonly sequence: string;
  readonly table: string;
  readonly column: string;
  readonly increment: number;
}

/** Whether every sequence is ahead of its column. */
export const sequences: Probe = {
  name: "sequences",
  async run(database, pace) {
    const owned = await database.read<Sequence>(
      sql`SELECT n.nspname::text AS schema, s.relname::text AS sequence, ${tableName} AS "table", a.attname::text AS "column", q.seqincrement AS increment
FROM pg_depend d JOIN pg_class s ON s.oid = d.objid AND s.relkind = 'S' JOIN pg_namespace n ON n.oid = s.relnamespace
JOIN pg_sequence q ON q.seqrelid = s.oid JOIN pg_class c ON c.oid = d.refobjid AND c.relnamespace = ${own}
JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = d.refobjsubid
WHERE d.classid = 'pg_class'::regclass AND d.refclassid = 'pg_class'::regclass AND d.deptype IN ('a', 'i') AND q.seqincrement > 0 ORDER BY 3, 4`,
    );
    const behind: (Sequence & { readonly next: number; readonly highest: number })[] = [];
    for (const each of owned) {
      await pace.next();
      const [row] = await database.read<{ next: number; highest: number | null }>(
        sql`SELECT CASE WHEN s.is_called THEN s.last_value + ${each.increment} ELSE s.last_value END AS next, (SELECT max(${
          sql.identifier(each.column)
        }) FROM ${ownTable(each.table)}) AS highest FROM ${sql.identifier(each.schema)}.${
          sql.identifier(each.sequence)
        } AS s`,
      );
      const { next, highest } = row!;
      if (highest !== null && next <= highest) behind.push({ ...each, next, highest });
    }
    if (behind.length === 0) {
      return pass(
        `${counted(owned.length, "sequence is ahead of its column", "sequences are ahead of their columns")}`,
      );
    }
    return {
      status: "fail",
      message: `sequences that will give out numbers which are taken: ${
        behind.map(({ table, column, next, highest }) =>
          `${table}.${column} (next ${next}, highest ${highest})`
        )
          .join(", ")
      }`,
      hint: behind.map(({ schema, sequence, table, column }) =>
        `SELECT setval('${quoteName(schema)}.${quoteName(sequence)}', (SELECT max(${
          quoteName(column)
        }) FROM ${quoteTable(table, database.schemas)}));`
      ).join(" "),
      details: {
        sequences: behind.map(({ table, column, next, highest }) => ({ table, column, next, highest })),
      },
    };
  },
};
