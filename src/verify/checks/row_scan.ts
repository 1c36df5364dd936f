import { type SQL, sql } from "drizzle-orm";
import type { Table } from "../../schema/snapshot.ts";
import type { Database } from "../../engines/database.ts";
import type { SliceTurns } from "../../engines/inspector.ts";
import { readInSlices } from "../../engines/slices/keys.ts";
import { ownTable } from "../../engines/statement_names.ts";
import type { Dialect } from "../../base/dialect.ts";
import { idOf } from "../../base/finding.ts";
import type { RowRule, RuleWords, TextRule } from "../../profile/profile.ts";
import { type Broken, type Keyed, notUtf8, shownIds } from "../rules/data_rules.ts";
import { rowKeyOf } from "./row_key.ts";
import { isWellFormed, type TextEncoding } from "./text_encoding.ts";
import { areSurelyUtf8 } from "./utf8_scan.ts";

/** What a scan of a table has come to, also when it was cut short. */
export interface RowScan {
  rows(): number;
  /** The columns whose values are all in a form of their own. */
  formed(): readonly string[];
  broken(): readonly (readonly [RuleWords, Broken & Keyed])[];
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
  readonly texts: readonly string[];
  readonly encoding: TextEncoding;
  /** Those in which a table's name may place it. */
  readonly schemas: readonly string[] | undefined;
  /** What only reading a text tells. */
  readonly judged?: readonly TextRule[];
}

/** Counts the rows of a table that break rules, slice by slice; the engine counts, so that few rows cross the wire. */
export function scanRows(
  table: Table,
  dialect: Dialect,
  { rows: allRules, texts, encoding, schemas, judged: all = [] }: ScanRules,
): RowScan {
  const { key: named, cursor, columns: keyColumns } = rowKeyOf(dialect, table);
  const key = cursor?.name;
  const has = (column: string) => table.columns.some(({ name }) => name === column);
  const judged = all.filter((rule) => rule.table === table.name && has(rule.column));
  const needed = new Set([
    ...allRules.flatMap((rule) => rule.columns),
    ...judged.flatMap(({ column, beside }) => has(beside) ? [column, beside] : [column]),
    ...texts,
  ].filter((name) => name !== key && !named.includes(name)));
  const textRules = texts.map((column) => ({
    column: sql.identifier(column),
    rule: notUtf8(table, column, { key: named, bytes: encoding.bytesText, schemas }),
  }));
  const read = [...keyColumns, ...[...needed].map((name) => sql`${sql.identifier(name)}`)];
  const columns = read.length === 0 ? sql`NULL AS nothing` : sql.join(read, sql`, `);
  const shown = sql.join(
    named.map((name, place) => sql`${sql.identifier(name)} AS ${sql.identifier(`k${place}`)}`),
    sql`, `,
  );
  const idIn = (row: Readonly<Record<string, unknown>>) => idOf(named.map((_, place) => row[`k${place}`]));
  let rules = allRules;
  const tallies = new Map<RuleWords, Tally>();
  let scanned = 0;

  return {
    rows: () => scanned,
    formed: () => allRules.filter((rule) => !rules.includes(rule)).flatMap((rule) => rule.columns),
    broken: () => [...tallies].map(([rule, tally]) => [rule, { ...tally, key: named }]),
    run: (database, pace) =>
      readInSlices(database, pace, async ({ after, limit }) => {
        const id = key === undefined ? undefined : sql.identifier(key);
        const above = id === undefined || after === undefined ? sql`` : sql` WHERE ${id} > ${after}`;
        const fromWith = (selected: SQL) =>
          sql`(SELECT ${selected} FROM ${ownTable(table.name)}${
            id === undefined ? sql`` : sql`${above} ORDER BY ${id} LIMIT ${limit}`
          }) AS slice`;
        const from = fromWith(columns);
        // A subquery copies all values before a rule looks at them.
        const isNear = database.isInProcess === true && id !== undefined && after !== undefined;
        const slice = await countSlice(database, {
          from: isNear
            ? sql`${ownTable(table.name)} AS slice${above} AND ${id} <= (SELECT max(${id}) FROM ${
              fromWith(sql`${id} AS ${id}`)
            })`
            : from,
          rules,
          lastKey: cursor?.highest,
          judged,
        });
        const isSure = texts.length === 0 ||
          isNear && encoding.name === "UTF-8" &&
            await areSurelyUtf8(database, texts, { table: table.name, id, after, last: slice["last"] });
        if (!isSure) await scanTexts(database, from);
        if (Number(slice["broken"] ?? 0) > 0) await addBroken(database, from);
        for (const [i, rule] of judged.entries()) {
          if (Number(slice[`t${i}`] ?? 0) === 0 || key === undefined) continue;
          await judgeTexts(database, rule, { key, after, last: slice["last"] });
        }
        const rows = Number(slice["rows"]);
        scanned += rows;
        return { rows: key === undefined ? 0 : rows, last: slice["last"] };
      }),
  };

  async function addBroken(database: Database, from: SQL): Promise<void> {
    const counts = await countBroken(database, from, rules);
    for (const [i, rule] of rules.entries()) {
      const count = Number(counts[`b${i}`] ?? 0);
      if (count === 0) continue;
      // It is asked once, when the first is found.
      if (rule.rest !== undefined && !tallies.has(rule) && await isNone(database, rule.rest)) {
        rules = rules.filter((each) => each !== rule);
      } else await add(database, rule, { count, from });
    }
  }

  async function isNone(database: Database, condition: SQL): Promise<boolean> {
    const found = await database.read(
      sql`SELECT 1 AS one FROM ${ownTable(table.name)} AS slice WHERE ${condition} LIMIT 1`,
    );
    return found.length === 0;
  }

  async function add(
    database: Database,
    rule: RowRule,
    { count, from }: { readonly count: number; readonly from: SQL },
  ): Promise<void> {
    const tally = tallyOf(rule);
    tally.count += count;
    if (named.length === 0 || tally.ids.length >= shownIds) return;
    const order = sql.join(named.map((name) => sql`${sql.identifier(name)}`), sql`, `);
    const rows = await database.read<Readonly<Record<string, unknown>>>(
      sql`SELECT ${shown} FROM ${from} WHERE ${rule.isBroken} ORDER BY ${order} LIMIT ${
        shownIds - tally.ids.length
      }`,
    );
    tally.ids.push(...rows.map(idIn));
  }

  /** No function of an engine's tells bytes that are not UTF-8. */
  async function scanTexts(database: Database, from: SQL): Promise<void> {
    const keys = named.length === 0 ? sql`` : sql`${shown}, `;
    for (const { column, rule } of textRules) {
      const rows = await database.read<Readonly<Record<string, unknown>>>(
        sql`SELECT ${keys}${encoding.bytesOf(column)} AS bytes FROM ${from} WHERE ${
          encoding.mayBeOther(column)
        }`,
      );
      for (const row of rows) {
        const { bytes } = row;
        if (!(bytes instanceof Uint8Array) || isWellFormed(bytes, encoding.name)) continue;
        const tally = tallyOf(rule);
        tally.count++;
        if (named.length > 0 && tally.ids.length < shownIds) tally.ids.push(idIn(row));
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
        if (tally.ids.length < shownIds) tally.ids.push(idOf([row.id]));
      }
      if (rows.length < textsAtOnce) return;
      from = rows.at(-1)!.id;
    }
  }
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
        ...lastKey === undefined ? [] : [sql`${lastKey} AS "last"`],
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
