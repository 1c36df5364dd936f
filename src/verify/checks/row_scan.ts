import { type SQL, sql } from "drizzle-orm";
import type { Table } from "../../schema/snapshot.ts";
import type { Database } from "../../engines/database.ts";
import type { SliceTurns } from "../../engines/inspector.ts";
import { readInSlices } from "../../engines/key_slices.ts";
import { ownTable } from "../../engines/statement_names.ts";
import { type Broken, type RowRule, type RuleWords, shownIds } from "../rules/data_rules.ts";
import { judgeMetadata, longestMetadata, metadataRules } from "../rules/metadata_shape.ts";

/** What a scan of a table has come to, also when it was cut short. */
export interface RowScan {
  rows(): number;
  broken(): readonly (readonly [RuleWords, Broken])[];
  /** Reads the table to its end. */
  run(database: Database, pace: SliceTurns): Promise<void>;
}

interface Tally {
  count: number;
  readonly ids: unknown[];
}

/** Counts the rows of a table that break rules, slice by slice; the engine counts, so that few rows cross the wire. */
export function scanRows(table: Table, rules: readonly RowRule[]): RowScan {
  // Without a key of one column there are no slices: then the table is read at once.
  const key = table.primaryKey.length === 1 ? table.primaryKey[0] : undefined;
  const hasMetadata = table.name === "files" && table.columns.some(({ name }) => name === "metadata_json");
  const lastKey = key === undefined ? undefined : withMaximum(table, key);
  const needed = new Set([
    key,
    ...rules.flatMap((rule) => rule.columns),
    ...hasMetadata ? metadataColumns(table) : [],
  ]);
  const columns = sql.join(
    [...needed].flatMap((name) => name === undefined ? [] : [sql.identifier(name)]),
    sql`, `,
  );
  const tallies = new Map<RuleWords, Tally>();
  let scanned = 0;

  return {
    rows: () => scanned,
    broken: () => [...tallies],
    run: (database, pace) =>
      readInSlices(pace, async ({ after, limit }) => {
        const from = key === undefined
          ? sql`(SELECT ${columns} FROM ${ownTable(table.name)}) AS slice`
          : sql`(SELECT ${columns} FROM ${ownTable(table.name)}${
            after === undefined ? sql`` : sql` WHERE ${sql.identifier(key)} > ${after}`
          } ORDER BY ${sql.identifier(key)} LIMIT ${limit}) AS slice`;
        const slice = await countSlice(database, { from, rules, lastKey, hasMetadata });
        for (const [i, rule] of rules.entries()) {
          const count = Number(slice[`b${i}`] ?? 0);
          if (count > 0) await add(database, rule, { count, from, key });
        }
        if (Number(slice["metadata"] ?? 0) > 0 && key !== undefined) {
          await scanMetadata(database, { key, after, last: slice["last"] });
        }
        const rows = Number(slice["rows"]);
        scanned += rows;
        return { rows: key === undefined ? 0 : rows, last: slice["last"] };
      }),
  };

  async function add(
    database: Database,
    rule: RowRule,
    { count, from, key }: { readonly count: number; readonly from: SQL; readonly key: string | undefined },
  ): Promise<void> {
    const tally = tallyOf(rule);
    tally.count += count;
    if (key === undefined || tally.ids.length >= shownIds) return;
    const id = sql.identifier(key);
    const rows = await database.read<{ id: unknown }>(
      sql`SELECT ${id} AS id FROM ${from} WHERE ${rule.isBroken} ORDER BY ${id} LIMIT ${
        shownIds - tally.ids.length
      }`,
    );
    tally.ids.push(...rows.map((row) => row.id));
  }

  function tallyOf(rule: RuleWords): Tally {
    const known = tallies.get(rule) ?? { count: 0, ids: [] };
    tallies.set(rule, known);
    return known;
  }

  /** Reads the metadata of a slice, few at a time, since they are texts of any length. */
  async function scanMetadata(
    database: Database,
    { key, after, last }: { readonly key: string; readonly after: unknown; readonly last: unknown },
  ): Promise<void> {
    const id = sql.identifier(key);
    const backend = needed.has("storage_backend") ? sql`storage_backend` : sql`NULL`;
    for (let from = after;;) {
      const rows = await database.read<{ id: unknown; backend: unknown; text: string | null }>(
        sql`SELECT ${id} AS id, ${backend} AS backend, CASE WHEN length(metadata_json) <= ${longestMetadata} THEN metadata_json END AS text FROM ${
          ownTable("files")
        } WHERE metadata_json IS NOT NULL AND ${id} <= ${last}${
          from === undefined ? sql`` : sql` AND ${id} > ${from}`
        } ORDER BY ${id} LIMIT ${metadataAtOnce}`,
      );
      for (const row of rows) {
        const wrong = judgeMetadata(row.text, row.backend);
        if (wrong === undefined) continue;
        const tally = tallyOf(metadataRules[wrong]);
        tally.count++;
        if (tally.ids.length < shownIds) tally.ids.push(row.id);
      }
      if (rows.length < metadataAtOnce) return;
      from = rows.at(-1)!.id;
    }
  }
}

/** Returns a key in a form that has a max(): PostgreSQL has none for these types, whose text has the same order. */
function withMaximum({ columns }: Table, key: string): SQL {
  const name = sql.identifier(key);
  const type = columns.find((column) => column.name === key)?.type ?? "";
  return /^(?:uuid|bytea)$/.test(type) ? sql`CAST(${name} AS text)` : sql`${name}`;
}

const metadataAtOnce = 1_000;

function metadataColumns(table: Table): readonly string[] {
  return table.columns.map(({ name }) => name).filter((name) =>
    /^(metadata_json|storage_backend)$/.test(name)
  );
}

interface SliceQuery {
  readonly from: SQL;
  readonly rules: readonly RowRule[];
  /** What is the highest of a slice's last row. */
  readonly lastKey: SQL | undefined;
  readonly hasMetadata: boolean;
}

async function countSlice(
  database: Database,
  { from, rules, lastKey, hasMetadata }: SliceQuery,
): Promise<Readonly<Record<string, unknown>>> {
  const sums = rules.map((rule, i) =>
    sql`sum(CASE WHEN ${rule.isBroken} THEN 1 ELSE 0 END) AS ${sql.identifier(`b${i}`)}`
  );
  const [row] = await database.read<Record<string, unknown>>(
    sql`SELECT ${
      sql.join([
        sql`count(*) AS "rows"`,
        ...lastKey === undefined ? [] : [sql`max(${lastKey}) AS "last"`],
        ...hasMetadata ? [sql`count(metadata_json) AS "metadata"`] : [],
        ...sums,
      ], sql`, `)
    } FROM ${from}`,
  );
  return row!;
}
