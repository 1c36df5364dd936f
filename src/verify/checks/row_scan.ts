import { isUtf8 } from "node:buffer";
import { type Name, type SQL, sql } from "drizzle-orm";
import { quoteName } from "../../sql/quote.ts";
import type { Table } from "../../schema/snapshot.ts";
import type { Database } from "../../engines/database.ts";
import type { SliceTurns } from "../../engines/inspector.ts";
import { readInSlices } from "../../engines/slices/keys.ts";
import { ownTable } from "../../engines/statement_names.ts";
import type { RowRule, RuleWords, TextRule } from "../../profile/profile.ts";
import { type Broken, notUtf8, shownIds } from "../rules/data_rules.ts";
import { isBeyondAscii, isWellFormed, readEncoding } from "./text_encoding.ts";

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

/** What is looked for in a table. */
export interface ScanRules {
  readonly rows: readonly RowRule[];
  /** Columns whose texts are read as bytes where they are not all ASCII, to see that they are UTF-8. */
  readonly texts?: readonly string[];
  /** What only reading a text tells. */
  readonly judged?: readonly TextRule[];
}

/** Counts the rows of a table that break rules, slice by slice; the engine counts, so that few rows cross the wire. */
export function scanRows(table: Table, { rows: rules, texts = [], judged: all = [] }: ScanRules): RowScan {
  // Without a key of one column there are no slices: then the table is read at once.
  const key = table.primaryKey.length === 1 ? table.primaryKey[0] : undefined;
  const has = (column: string) => table.columns.some(({ name }) => name === column);
  const judged = all.filter((rule) => rule.table === table.name && has(rule.column));
  const lastKey = key === undefined ? undefined : withMaximum(table, key);
  const needed = new Set([
    key,
    ...rules.flatMap((rule) => rule.columns),
    ...judged.flatMap(({ column, beside }) => has(beside) ? [column, beside] : [column]),
    ...texts,
  ]);
  const textRules = texts.map((column) => ({ column: sql.identifier(column), rule: notUtf8(table, column) }));
  const columns = sql.join(
    [...needed].flatMap((name) => name === undefined ? [] : [sql.identifier(name)]),
    sql`, `,
  );
  const tallies = new Map<RuleWords, Tally>();
  let scanned = 0;
  let encoding: string | undefined;

  return {
    rows: () => scanned,
    broken: () => [...tallies],
    run: (database, pace) =>
      readInSlices(database, pace, async ({ after, limit }) => {
        const id = key === undefined ? undefined : sql.identifier(key);
        const above = id === undefined || after === undefined ? sql`` : sql` WHERE ${id} > ${after}`;
        const fromWith = (selected: SQL) =>
          sql`(SELECT ${selected} FROM ${ownTable(table.name)}${
            id === undefined ? sql`` : sql`${above} ORDER BY ${id} LIMIT ${limit}`
          }) AS slice`;
        const from = fromWith(columns);
        // A subquery copies all values before a rule looks at them. The first slice also has what has no key.
        const isNear = database.isInProcess === true && id !== undefined && after !== undefined;
        const slice = await countSlice(database, {
          from: isNear
            ? sql`${ownTable(table.name)} AS slice${above} AND ${id} <= (SELECT max(${id}) FROM ${
              fromWith(sql`${id}`)
            })`
            : from,
          rules,
          lastKey,
          judged,
        });
        if (texts.length > 0) encoding ??= await readEncoding(database);
        const isSure = texts.length === 0 ||
          isNear && encoding === "UTF-8" &&
            await areSurelyUtf8(database, texts, { table: table.name, id, after, last: slice["last"] });
        if (!isSure) await scanTexts(database, from);
        if (Number(slice["broken"] ?? 0) > 0) {
          const counts = await countBroken(database, from, rules);
          for (const [i, rule] of rules.entries()) {
            const count = Number(counts[`b${i}`] ?? 0);
            if (count > 0) await add(database, rule, { count, from, key });
          }
        }
        for (const [i, rule] of judged.entries()) {
          if (Number(slice[`t${i}`] ?? 0) === 0 || key === undefined) continue;
          await judgeTexts(database, rule, { key, after, last: slice["last"] });
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

  /** No function of SQLite tells bytes that are not UTF-8. */
  async function scanTexts(database: Database, from: SQL): Promise<void> {
    const id = key === undefined ? sql`NULL` : sql.identifier(key);
    for (const { column, rule } of textRules) {
      const rows = await database.read<{ id: unknown; bytes: unknown }>(
        sql`SELECT ${id} AS id, CAST(${column} AS BLOB) AS bytes FROM ${from} WHERE typeof(${column}) = 'text' AND ${
          isBeyondAscii(column)
        }`,
      );
      for (
        const row of rows.filter(({ bytes }) =>
          bytes instanceof Uint8Array && !isWellFormed(bytes, encoding!)
        )
      ) {
        const tally = tallyOf(rule);
        tally.count++;
        if (key !== undefined && tally.ids.length < shownIds) tally.ids.push(row.id);
      }
    }
  }

  function tallyOf(rule: RuleWords): Tally {
    const known = tallies.get(rule) ?? { count: 0, ids: [] };
    tallies.set(rule, known);
    return known;
  }

  /** Reads the texts of a slice, few at a time, since they are of any length. */
  async function judgeTexts(
    database: Database,
    rule: TextRule,
    { key, after, last }: { readonly key: string; readonly after: unknown; readonly last: unknown },
  ): Promise<void> {
    const [id, column] = [sql.identifier(key), sql.identifier(rule.column)];
    const beside = needed.has(rule.beside) ? sql.identifier(rule.beside) : sql`NULL`;
    for (let from = after;;) {
      const rows = await database.read<{ id: unknown; beside: unknown; text: string | null }>(
        sql`SELECT ${id} AS id, ${beside} AS beside, CASE WHEN length(${column}) <= ${rule.longest} THEN ${column} END AS text FROM ${
          ownTable(table.name)
        } WHERE ${column} IS NOT NULL AND ${id} <= ${last}${
          from === undefined ? sql`` : sql` AND ${id} > ${from}`
        } ORDER BY ${id} LIMIT ${textsAtOnce}`,
      );
      for (const row of rows) {
        const wrong = rule.judge(row.text, row.beside);
        if (wrong === undefined) continue;
        const tally = tallyOf(wrong);
        tally.count++;
        if (tally.ids.length < shownIds) tally.ids.push(row.id);
      }
      if (rows.length < textsAtOnce) return;
      from = rows.at(-1)!.id;
    }
  }
}

/** Longer rows are not gathered, so that memory stays bounded. */
const gatheredBytes = 1_000;

/** So many rows are gathered at once: of more than half a megabyte, getting the memory takes longer than all the rest. */
const gatheredRows = 1_500;

/** SQLite limits a function to 100 arguments in some builds. */
const mostArguments = 100;

/** Returns a row's texts in one, with a line feed between them, which ends whatever is no whole character. */
function joined(texts: readonly string[]): SQL {
  const parts: string[] = [];
  for (let at = 0; at < texts.length; at += mostArguments - 1) {
    parts.push(
      `concat_ws(char(10), ${
        texts.slice(at, at + mostArguments - 1).map((each) => quoteName(each)).join(", ")
      })`,
    );
  }
  return sql.raw(parts.join(" || char(10) || "));
}

/**
 * Whether no text of a slice can be anything but UTF-8; a slice in which one might be is looked at column by column. Bytes
 * are judged here a hundred times as fast as by a pattern.
 */
async function areSurelyUtf8(
  database: Database,
  texts: readonly string[],
  { table, id, after, last }: {
    readonly table: string;
    readonly id: Name;
    readonly after: unknown;
    readonly last: unknown;
  },
): Promise<boolean> {
  const most = sql.raw(String(gatheredBytes));
  const all = joined(texts);
  for (let from = after;;) {
    // With a limit the texts are joined once a row, and not for each time that they are named. By its number, since a key may be
    // called as they are here.
    const [row] = await database.read<{ rows: number; last: unknown; gathered: unknown; beyond: unknown }>(
      sql`SELECT count(*) AS "rows", max(id) AS "last", CAST(group_concat(CASE WHEN octet_length(texts) <= ${most} THEN texts END, char(10)) AS BLOB) AS gathered, max(CASE WHEN octet_length(texts) > ${most} THEN ${
        isBeyondAscii(sql`texts`)
      } END) AS beyond FROM (SELECT ${id} AS id, ${all} AS texts FROM ${
        ownTable(table)
      } WHERE ${id} > ${from} AND ${id} <= ${last} ORDER BY 1 LIMIT ${gatheredRows})`,
    );
    const { rows, gathered, beyond } = row!;
    if (Number(beyond ?? 0) !== 0) return false;
    if (gathered !== null && !(gathered instanceof Uint8Array && isUtf8(gathered))) return false;
    if (rows < gatheredRows) return true;
    from = row!.last;
  }
}

/** Returns a key in a form that has a max(): PostgreSQL has none for these types, whose text has the same order. */
function withMaximum({ columns }: Table, key: string): SQL {
  const name = sql.identifier(key);
  const type = columns.find((column) => column.name === key)?.type ?? "";
  return /^(?:uuid|bytea)$/.test(type) ? sql`CAST(${name} AS text)` : sql`${name}`;
}

const textsAtOnce = 1_000;

interface SliceQuery {
  readonly from: SQL;
  readonly rules: readonly RowRule[];
  /** What is the highest of a slice's last row. */
  readonly lastKey: SQL | undefined;
  readonly judged: readonly TextRule[];
}

/** Counts a slice's rows, its texts to be judged, and the rows that break any rule: hardly ever one does. */
async function countSlice(
  database: Database,
  { from, rules, lastKey, judged }: SliceQuery,
): Promise<Readonly<Record<string, unknown>>> {
  const isBroken = sql.join(rules.map((rule) => sql`WHEN ${rule.isBroken} THEN 1`), sql` `);
  const [row] = await database.read<Record<string, unknown>>(
    sql`SELECT ${
      sql.join([
        sql`count(*) AS "rows"`,
        ...lastKey === undefined ? [] : [sql`max(${lastKey}) AS "last"`],
        ...judged.map(({ column }, i) => sql`count(${sql.identifier(column)}) AS ${sql.identifier(`t${i}`)}`),
        ...rules.length === 0 ? [] : [sql`sum(CASE ${isBroken} ELSE 0 END) AS "broken"`],
      ], sql`, `)
    } FROM ${from}`,
  );
  return row!;
}

/** Counts the rows of a slice that break each rule. */
async function countBroken(
  database: Database,
  from: SQL,
  rules: readonly RowRule[],
): Promise<Readonly<Record<string, unknown>>> {
  const sums = rules.map((rule, i) =>
    sql`sum(CASE WHEN ${rule.isBroken} THEN 1 ELSE 0 END) AS ${sql.identifier(`b${i}`)}`
  );
  const [row] = await database.read<Record<string, unknown>>(
    sql`SELECT ${sql.join(sums, sql`, `)} FROM ${from}`,
  );
  return row!;
}
