import { quoteName } from "../../sql/quote.ts";
import { sql } from "drizzle-orm";
import type { Table } from "../../schema/snapshot.ts";
import type { Database } from "../../engines/database.ts";
import type { SliceTurns } from "../../engines/inspector.ts";
import { readInSlices } from "../../engines/slices/keys.ts";
import { ownTable } from "../../engines/statement_names.ts";
import type { Profile, RuleWords } from "../../profile/profile.ts";
import { type Broken, type Keyed, shownIds } from "../rules/data_rules.ts";

/** A column whose values should all differ. */
export interface UniqueColumn {
  readonly table: Table;
  readonly column: string;
}

/** Returns the columns of a table in which no value may stand twice, whatever its indexes say. */
export function uniqueColumnsOf(table: Table, profile: Profile | null): readonly UniqueColumn[] {
  return (profile?.unique ?? [])
    .filter(({ table: name, column }) =>
      name === table.name && table.columns.some((each) => each.name === column)
    )
    .map(({ column }) => ({ table, column }));
}

/** Returns what to say of values that stand more than once; never the values, which may be e-mail addresses. */
export function duplicateWords({ table, column }: UniqueColumn): RuleWords {
  return {
    name: "duplicates",
    table: table.name,
    words: `have the ${column} of another row`,
    status: "fail",
    hint: `See them: SELECT ${quoteName(column)}, count(*) FROM ${quoteName(table.name)} GROUP BY ${
      quoteName(column)
    } HAVING count(*) > 1. The application takes any one of them; give each its own.`,
  };
}

/**
 * Counts the rows whose value stands elsewhere too. Goes along the column's index, from value to value; without an
 * index the engine has to sort the whole column at once.
 */
export async function countDuplicates(
  database: Database,
  pace: SliceTurns,
  unique: UniqueColumn,
): Promise<Broken & Keyed> {
  const { table } = unique;
  const value = sql.identifier(unique.column);
  const rowsOf = ownTable(table.name);
  const isIndexed = [...table.indexes, ...table.uniques].some(({ columns }) => columns[0] === unique.column);
  const ids: unknown[] = [];
  let count = 0;

  await readInSlices(database, pace, async ({ after, limit }) => {
    const above = after === undefined ? sql`${value} IS NOT NULL` : sql`${value} > ${after}`;
    const [end] = isIndexed
      ? await database.read<{ value: unknown }>(
        sql`SELECT ${value} AS value FROM ${rowsOf} WHERE ${above} ORDER BY ${value} LIMIT 1 OFFSET ${limit}`,
      )
      : [];
    const within = end === undefined ? above : sql`${above} AND ${value} <= ${end.value}`;
    const [slice] = await database.read<{ rows: number; different: number }>(
      // Not count(DISTINCT), which sorts what the index has in order.
      sql`SELECT (SELECT count(*) FROM ${rowsOf} WHERE ${within}) AS "rows", (SELECT count(*) FROM (SELECT DISTINCT ${value} FROM ${rowsOf} WHERE ${within}) AS each) AS different`,
    );
    if (slice!.rows > slice!.different) {
      const repeated =
        sql`${value} IN (SELECT ${value} FROM ${rowsOf} WHERE ${within} GROUP BY ${value} HAVING count(*) > 1)`;
      const [all] = await database.read<{ count: number }>(
        sql`SELECT count(*) AS count FROM ${rowsOf} WHERE ${within} AND ${repeated}`,
      );
      count += Number(all!.count);
      const key = table.primaryKey.length === 1 ? table.primaryKey[0] : undefined;
      if (key !== undefined && ids.length < shownIds) {
        const id = sql.identifier(key);
        const first = await database.read<{ id: unknown }>(
          sql`SELECT ${id} AS id FROM ${rowsOf} WHERE ${within} AND ${repeated} ORDER BY ${id} LIMIT ${
            shownIds - ids.length
          }`,
        );
        ids.push(...first.map((row) => row.id));
      }
    }
    return { rows: end === undefined ? 0 : limit, last: end?.value };
  });
  return { count, ids, key: table.primaryKey };
}
