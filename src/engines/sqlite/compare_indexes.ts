import { counted } from "../../base/quantity.ts";
import { type SQL, sql } from "drizzle-orm";
import { rowsOfForm } from "../../base/row_form.ts";
import type { Database } from "../database.ts";
import type { SliceTurns } from "../inspector.ts";
import { readInSlices } from "../slices/keys.ts";

/** What a comparison of indexes with their tables came to. */
export interface Comparison {
  readonly indexes: number;
  /** Rows times indexes. */
  readonly entries: number;
  /** In words; empty when they agree. */
  readonly problems: readonly string[];
}

/**
 * Looks whether each row of each table has its entry in each index of the table, and each index as many entries as
 * the table has rows. A row is looked up by the whole entry, its row id included, so that together this says what
 * `integrity_check` says of indexes.
 *
 * Partial indexes and those over expressions, and tables without row ids, which the application does not have, are
 * left to `integrity_check` itself, table by table and not in slices.
 */
export async function compareIndexes(database: Database, pace: SliceTurns): Promise<Comparison> {
  const problems: string[] = [];
  const isCounted = await countsInQuickCheck(database);
  let entries = 0;
  const tables = Map.groupBy(await readIndexes(database), (index) => index.table);
  for (const [table, indexes] of tables) {
    const found = indexes.every((index) => index.isPlain)
      ? await comparePlain(database, pace, { table, indexes, isCounted })
      : await checkWhole(database, pace, table);
    problems.push(...found.problems);
    entries += found.rows * indexes.length;
  }
  return { indexes: [...tables.values()].flat().length, entries, problems };
}

/**
 * Whether `quick_check` counts the entries of indexes itself: SQLite 3.53 does and 3.40 does not. Counting a large
 * table once more would keep a writer waiting for as long.
 */
async function countsInQuickCheck(database: Database): Promise<boolean> {
  const [row] = await database.read<{ version: string }>(sql`SELECT sqlite_version() AS version`);
  const [major = 0, minor = 0] = String(row?.version).split(".").map(Number);
  return major > 3 || (major === 3 && minor >= 53);
}

interface IndexColumns {
  readonly table: string;
  readonly name: string;
  readonly columns: readonly string[];
  /** Whether a row's entry can be looked up by its columns and row id. */
  readonly isPlain: boolean;
}

interface TableIndexes {
  readonly table: string;
  readonly indexes: readonly IndexColumns[];
  /** Whether the entries of the indexes were counted already. */
  readonly isCounted: boolean;
}

interface TableResult {
  readonly rows: number;
  readonly problems: readonly string[];
}

async function readIndexes(database: Database): Promise<readonly IndexColumns[]> {
  const read = await database.read(
    sql`SELECT t.name AS "table", l.name, l.partial, t.wr, x.name AS "column", x.coll AS collation
FROM pragma_table_list t JOIN pragma_index_list(t.name) l JOIN pragma_index_xinfo(l.name) x
WHERE t.schema = 'main' AND t.type = 'table' AND x.key = 1 ORDER BY t.name, l.name, x.seqno`,
  );
  const rows = rowsOfForm("pragma_index_list", indexForm, read);
  return [...Map.groupBy(rows, (row) => row.name)].map(([name, parts]) => ({
    table: parts[0]!.table,
    name,
    columns: parts.map((part) => part.column ?? ""),
    isPlain: parts.every((part) =>
      part.partial === 0 && part.wr === 0 && part.column !== null && part.collation === "BINARY"
    ),
  }));
}

const indexForm = {
  table: "text",
  name: "text",
  partial: "integer",
  /** Whether the table has no row ids. */
  wr: "integer",
  /** `null` for an expression. */
  column: "text?",
  collation: "text",
} as const;

async function comparePlain(
  database: Database,
  pace: SliceTurns,
  { table, indexes, isCounted }: TableIndexes,
): Promise<TableResult> {
  const missing = indexes.map(() => ({ count: 0, first: undefined as number | undefined }));
  let rows = 0;
  const name = sql.identifier(table);
  await readInSlices(database, pace, async ({ after = smallestRowId, limit }) => {
    const found = sql.join(
      indexes.map((index, i) => sql`${entryOf(index)} AS ${sql.identifier(`i${i}`)}`),
      sql`, `,
    );
    const totals = sql.join(
      indexes.map((_, i) => {
        const column = sql.identifier(`i${i}`);
        return sql`count(*) - sum(${column}) AS ${
          sql.identifier(`missing${i}`)
        }, min(CASE WHEN NOT ${column} THEN id END) AS ${sql.identifier(`first${i}`)}`;
      }),
      sql`, `,
    );
    const [slice] = await database.read<Record<string, number | null>>(
      sql`SELECT count(*) AS rows, max(id) AS last, ${totals} FROM (SELECT a._rowid_ AS id, ${found} FROM ${name} AS a NOT INDEXED WHERE a._rowid_ > ${after} ORDER BY a._rowid_ LIMIT ${limit})`,
    );
    for (const [i, each] of missing.entries()) {
      each.count += Number(slice![`missing${i}`] ?? 0);
      each.first ??= slice![`first${i}`] ?? undefined;
    }
    rows += Number(slice!["rows"]);
    return { rows: Number(slice!["rows"]), last: slice!["last"] };
  });
  const problems = missing.flatMap(({ count, first }, i) =>
    count === 0 ? [] : [
      `${counted(count, "row")} of ${table} ${count === 1 ? "is" : "are"} missing from index ${
        indexes[i]!.name
      }, the first with id ${first}`,
    ]
  );
  if (isCounted) return { rows, problems };
  await pace.next();
  return { rows, problems: [...problems, ...await compareCounts(database, { table, indexes })] };
}

const smallestRowId = -9223372036854775808n;

function entryOf({ table, name, columns }: IndexColumns): SQL {
  const same = columns.map((column) =>
    sql`b.${sql.identifier(column)} IS a.${sql.identifier(column)} COLLATE BINARY`
  );
  return sql`EXISTS (SELECT 1 FROM ${sql.identifier(table)} AS b INDEXED BY ${sql.identifier(name)} WHERE ${
    sql.join([...same, sql`b._rowid_ = a._rowid_`], sql` AND `)
  })`;
}

/** Counts the table and its indexes in one statement, because rows may come and go between two. */
async function compareCounts(
  database: Database,
  { table, indexes }: Pick<TableIndexes, "table" | "indexes">,
): Promise<readonly string[]> {
  const name = sql.identifier(table);
  const counts = indexes.map((index, i) =>
    // Not count(*), for which SQLite counts the table whatever it is told.
    sql`(SELECT coalesce(sum(1), 0) FROM ${name} INDEXED BY ${sql.identifier(index.name)}) AS ${
      sql.identifier(`i${i}`)
    }`
  );
  const [row] = await database.read<Record<string, number>>(
    sql`SELECT (SELECT count(*) FROM ${name} NOT INDEXED) AS rows, ${sql.join(counts, sql`, `)}`,
  );
  return indexes.flatMap((index, i) => {
    const entries = row![`i${i}`];
    return entries === row!["rows"] ? [] : [
      `index ${index.name} has ${counted(entries!, "entry", "entries")} for the ${
        counted(row!["rows"]!, "row")
      } of ${table}`,
    ];
  });
}

async function checkWhole(database: Database, pace: SliceTurns, table: string): Promise<TableResult> {
  await pace.next();
  const rows = await database.read<{ problem: string }>(
    sql`SELECT integrity_check AS problem FROM pragma_integrity_check(${table})`,
  );
  const [count] = await database.read<{ rows: number }>(
    sql`SELECT count(*) AS rows FROM ${sql.identifier(table)}`,
  );
  return {
    rows: count!.rows,
    problems: rows.map((row) => row.problem).filter((problem) => problem !== "ok"),
  };
}
