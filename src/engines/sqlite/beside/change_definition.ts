import { foldName } from "../../../base/fold_name.ts";
import { sql as template } from "drizzle-orm";
import type { SQL } from "drizzle-orm";
import { HarborError } from "../../../base/errors.ts";
import { stopIfAsked } from "../../../base/interrupt.ts";
import { quoteName, quoteText } from "../../../sql/quote.ts";
import { foldedName, tokensOf } from "../../../sql/cursor.ts";
import { firstLine } from "../../../sql/first_line.ts";
import type { Backfill } from "../../../history/scripts/statement.ts";
import type { BesideChange, BesideTask } from "../../beside.ts";
import type { BesidePlace, ReadInside } from "../database.ts";
import { compile, type SqliteStatement } from "../connection/statement.ts";
import { brokenQuery, type Demand, type Fill, type Guard, guardsOf } from "./demands.ts";
import { guardPrefix, isOwnTrigger } from "../../../sql/own/triggers.ts";
import { buildIndex } from "./mirror/build_index.ts";
import { hasRows } from "./form/replica.ts";
import { rowidOf } from "./form/source_table.ts";
import { isInKey, type TableForm } from "./form/table.ts";

/** A table whose text in the schema becomes another. */
export interface DefinitionChange {
  readonly before: TableForm;
  readonly after: TableForm;
  /** Those of the script that it stands for. */
  readonly statements: readonly string[];
  readonly fills: readonly Fill[];
  /** With them what the application leaves out. */
  readonly filled: readonly Fill[];
  /** The condition on rows that have to be written anew as they are; `null` without any. */
  readonly short: string | null;
  readonly demands: readonly Demand[];
  readonly guards: readonly Guard[];
  readonly indexes: {
    /** Those whose rows stay, and their texts. */
    readonly kept: readonly { readonly name: string; readonly from: string; readonly to: string }[];
    readonly dropped: readonly string[];
    readonly made: readonly {
      readonly name: string;
      readonly isUnique: boolean;
      readonly statement: string;
    }[];
  };
}

/** How often it is begun again when others change the schema of the table meanwhile. */
const mostAttempts = 5;
/** How many rows are looked at first, and for how long at once, in milliseconds. */
const firstLook = 1_000;
const lookMs = 20;
/** Up to how many rows are read in one piece: it takes some seconds, which the lock's lease outlives. */
const mostWhole = 10_000_000;

/** Returns what gives a table its new text without moving a row. */
export function changeDefinition(place: BesidePlace, bare: DefinitionChange): BesideChange {
  const { after, demands, guards, fills, filled } = bare;
  const rewrite = rewriteOf(bare);
  return {
    way: "definition",
    table: after.name,
    words: "its definition changes beside writers, no row moves",
    fills,
    batches: (record) => [
      { mode: "rows", statements: guardStatements([], guards).map(template.raw) },
      ...rewrite === null ? [] : [{
        mode: "rows" as const,
        statements: [template.raw(`${rewrite.update} WHERE ${rewrite.condition}`)],
      }],
      {
        mode: "rows",
        statements: [
          ...demands.length === 0 ? [] : [template.raw(refusal(after, demands))],
          ...swapOf(bare).map(({ text }) => template.raw(text)),
          ...record,
        ],
      },
    ],
    async run(task) {
      const change = {
        ...bare,
        guards: guardsOf(after, { demands, fills: filled, notes: task.notes ?? [] }),
      };
      for (let attempt = 1;; attempt++) {
        task.doing(`${after.name}: looking at the rows`);
        await putGuards(place, change, task);
        if (rewrite !== null) await task.fill(rewrite);
        try {
          await look(place, change, task);
          await refuseBroken(place, change);
          const made = await buildIndexes(place, change, task);
          await swap(place, { ...change, indexes: { ...change.indexes, made } }, task.record);
          break;
        } catch (error) {
          if (isMoved(error) && attempt < mostAttempts) continue;
          // What the application writes is its own again.
          if (!isInterruption(error)) await task.write(guards.map(({ name }) => dropGuard(name)));
          throw isMoved(error) ? movedTooOften(after.name) : error;
        }
      }
      // Whoever throws it away compares it with what it should be.
      if (!place.isThrowAway) await proveTable(place, after);
    },
  };
}

/** Somebody changed the schema of the table since it was read. */
class Moved extends Error {}

/** A guard that is gone may have let anything in. */
function isMoved(error: unknown): boolean {
  return error instanceof Moved ||
    (error instanceof HarborError && error.message.includes(`no such trigger: ${guardPrefix}`));
}

function movedTooOften(table: string): HarborError {
  return new HarborError("busy", `Cannot change "${table}": others change its schema meanwhile`, {
    hint: "Run the same command again when that is over: it goes on where it stopped.",
  });
}

function isInterruption(error: unknown): boolean {
  return error instanceof HarborError && ["interrupted", "lock_lost"].includes(error.code);
}

function dropGuard(name: string): SQL {
  return template.raw(`DROP TRIGGER IF EXISTS ${quoteName(name)}`);
}

/** Returns the statements after which the guards stand, and no other of ours does. */
function guardStatements(standing: readonly string[], guards: readonly Guard[]): readonly string[] {
  const names = new Set([...standing, ...guards.map(({ name }) => name)]);
  return [
    ...[...names].map((name) => `DROP TRIGGER IF EXISTS ${quoteName(name)}`),
    ...guards.map(({ sql }) => sql),
  ];
}

/** Lets the guards stand. Those of an earlier run stay, if they are the same. */
async function putGuards(
  { read }: BesidePlace,
  { after, guards }: DefinitionChange,
  { write }: BesideTask,
): Promise<void> {
  const triggers = await read<Guard>({
    text: `SELECT name, sql FROM sqlite_schema WHERE type = 'trigger' AND lower(tbl_name) = lower(${
      quoteText(after.name)
    }) AND name GLOB '${guardPrefix}*'`,
    values: [],
  });
  const standing = triggers.filter(isOwnTrigger);
  const isStanding = ({ name, sql }: Guard) =>
    standing.some((each) => each.name === name && each.sql === sql);
  if (standing.length === guards.length && guards.every(isStanding)) return;
  await write(guardStatements(standing.map(({ name }) => name), guards).map(template.raw));
}

/** Returns what writes anew, as they are, the rows that the guards fill, and those with what the old text implies; `null` without any. */
function rewriteOf({ before, after, fills, short }: DefinitionChange): Backfill | null {
  const conditions = [
    ...fills.map(({ column }) => `${quoteName(column)} IS NULL`),
    ...short === null ? [] : [`(${short})`],
  ];
  if (conditions.length === 0) return null;
  const same = quoteName(looseColumn(before));
  return {
    kind: "backfill",
    table: after.name,
    key: rowidOf(after),
    update: `UPDATE ${quoteName(after.name)} SET ${same} = ${same}`,
    condition: conditions.join(" OR "),
  };
}

/**
 * Returns the column by which a row is written anew as it is. Where nothing else of the table names it, no index and no reference
 * is gone through for that, and SQLite leaves alone a page on which nothing becomes another: of a key, a row would go and come in
 * every index, which takes thirty times as long. Where each is named somewhere, it is the first.
 */
function looseColumn(table: TableForm): string {
  const { columns, indexes, references } = table;
  const stored = columns.filter(({ generated }) => generated === null);
  const texts = [...indexes.map(({ sql }) => sql), ...columns.flatMap(({ generated }) => generated ?? [])];
  const named = new Set([
    ...texts.flatMap((text) => tokensOf(text, "sqlite").map((token) => foldedName(token, "sqlite"))),
    ...references.flatMap(({ columns }) => columns.map((name) => foldName(name))),
  ]);
  return (stored.find((column) => !named.has(foldName(column.name)) && !isInKey(table, column)) ?? stored[0]!)
    .name;
}

/**
 * Looks at all rows that there were when the guards stood: no other can break a demand. A stretch at a time, since
 * SQLite holds up this process meanwhile, and without a WAL whoever commits.
 *
 * @throws {HarborError} `statement_failed` as the script's own statement would
 */
async function look(
  { read, pace }: BesidePlace,
  change: DefinitionChange,
  { signal }: BesideTask,
): Promise<void> {
  const { after, demands } = change;
  if (demands.length === 0) return;
  const [name, rowid] = [quoteName(after.name), rowidOf(after)];
  const { readRest, pause } = await pace();
  const { low, high } = await edgesOf(read, after);
  if (low === null || high === null) return;
  const mayWhole = readRest === 0 && integer(high) - integer(low) < mostWhole;
  const isWhole = ({ whole }: Demand) => mayWhole && whole !== null;
  for (const demand of demands.filter(isWhole)) {
    stopIfAsked(signal);
    if ((await read({ text: demand.whole!, values: [] })).length > 0) throw brokenDemand(demand, change);
  }
  const single = demands.filter((demand) => !isWhole(demand));
  if (single.length === 0) return;
  const query = brokenQuery(after, single, `${rowid} >= ? AND ${rowid} <= ?`);
  let size = firstLook;
  for (let from = integer(low); from <= integer(high);) {
    stopIfAsked(signal);
    const began = performance.now();
    const [row] = await read<{ last: number | null }>({
      text:
        `SELECT max(r) AS last FROM (SELECT ${rowid} AS r FROM ${name} WHERE ${rowid} BETWEEN ? AND ? ORDER BY ${rowid} LIMIT ?)`,
      values: [from, integer(high), BigInt(size)],
    });
    if (row === undefined || row.last === null) return;
    const last = integer(row.last);
    const [broken] = await read<{ demand: number }>({ text: query, values: [from, last] });
    if (broken !== undefined) throw brokenDemand(single[broken.demand]!, change);
    const ms = performance.now() - began;
    size = Math.max(1, Math.round(size * Math.min(2, lookMs / Math.max(ms, 0.01))));
    from = last + 1n;
    // Lets the lock's heartbeat, and whoever waits, have their turn.
    await pause(Math.max(1, ms * readRest), signal);
  }
}

function integer(value: number | bigint): bigint {
  return BigInt(value);
}

function brokenDemand({ message, statement }: Demand, { statements, filled }: DefinitionChange): HarborError {
  const text = statements[statement] ?? statements[0]!;
  return new HarborError("statement_failed", `Cannot run "${firstLine(text)}"`, {
    state: message,
    // What was filled is put back only where it was noted; what the application left out meanwhile is filled, too.
    hint: `${
      filled.length > 0 ? "" : "No row was changed. "
    }Put the rows right, then run the same command again.`,
    details: { statement: text, index: statement },
  });
}

/**
 * Builds the new indexes of a large table beside its writers, under the table as it still is.
 *
 * @returns Those that it left to the last transaction: where another of the name has to make room first
 */
async function buildIndexes(
  place: BesidePlace,
  { after, indexes, statements }: DefinitionChange,
  task: BesideTask,
): Promise<DefinitionChange["indexes"]["made"]> {
  const [row] = await place.read<{ large: number }>(hasRows(after.name, place.largeRows));
  if (row?.large !== 1) return indexes.made;
  const left: DefinitionChange["indexes"]["made"][number][] = [];
  for (const index of indexes.made) {
    const { name, statement } = index;
    const what = { statement, index: statements.indexOf(statement), record: [] };
    const isBuilt = !indexes.dropped.includes(name) && await buildIndex(place.file, what, task);
    if (!isBuilt) left.push(index);
  }
  return left;
}

/** Returns the query that fails with what a row breaks: only in a trigger may it say so itself. */
function refusal(table: TableForm, demands: readonly Demand[]): string {
  const words = demands.map(({ message }, place) => `WHEN ${place} THEN ${quoteText(message)}`).join(" ");
  return `SELECT json_extract('{}', CASE demand ${words} END) FROM (${brokenQuery(table, demands, "TRUE")})`;
}

/** Returns the statements that change the schema. Each text is changed only where the one before it stands. */
function swapOf(
  { before, after, guards, indexes }: DefinitionChange,
): readonly (SqliteStatement & { readonly isExpected: boolean })[] {
  const own = (text: string) => ({ text, values: [], isExpected: false });
  const become = (type: string, { name, from, to }: { name: string; from: string; to: string }) => ({
    text: `UPDATE sqlite_schema SET sql = ${quoteText(to)} WHERE type = '${type}' AND name = ${
      quoteText(name)
    } AND sql = ${quoteText(from)}`,
    values: [],
    isExpected: true,
  });
  return [
    own("PRAGMA writable_schema = ON"),
    become("table", { name: after.name, from: before.sql, to: after.sql }),
    ...indexes.kept.map((index) => become("index", index)),
    // What drops a trigger tells every connection, this one's program included, to read the schema again.
    ...guards.map(({ name }) => own(`DROP TRIGGER ${quoteName(name)}`)),
    own("PRAGMA writable_schema = RESET"),
    ...indexes.dropped.map((name) => own(`DROP INDEX ${quoteName(name)}`)),
    ...indexes.made.map(({ statement }) => own(statement)),
  ];
}

async function swap(place: BesidePlace, change: DefinitionChange, record: readonly SQL[]): Promise<void> {
  const statements = swapOf(change);
  await place.changeSchema([...statements, ...record.map(compile)], (read, changed) => {
    if (statements.some(({ isExpected }, at) => isExpected && changed[at] !== 1)) throw new Moved();
    if (!isTableAs(read, change.after)) throw new Moved();
  });
}

/** Whether a table is the one that the script would leave, asked before that is committed. */
export function isTableAs(read: ReadInside, after: TableForm): boolean {
  const of = quoteText(after.name);
  const rows = read<{ type: string; name: string; sql: string }>({
    text:
      `SELECT type, name, sql FROM sqlite_schema WHERE lower(tbl_name) = lower(${of}) AND type IN ('table', 'index') AND sql IS NOT NULL`,
    values: [],
  });
  const wanted = new Map([
    [`table ${after.name}`, after.sql],
    ...after.indexes.map(({ name, sql }) => [`index ${name}`, sql] as const),
  ]);
  const isSchema = rows.length === wanted.size &&
    rows.every(({ type, name, sql }) => wanted.get(`${type} ${name}`) === sql);
  // What SQLite made of the text, which shows that it read it.
  const columns = read<{ name: string; type: string; notnull: number; fallback: string | null }>({
    text: `SELECT name, type, "notnull", dflt_value AS fallback FROM pragma_table_xinfo(${of}) ORDER BY cid`,
    values: [],
  });
  const unique = read<{ name: string }>({
    text: `SELECT name FROM pragma_index_list(${of}) WHERE "unique" AND origin = 'c' ORDER BY name`,
    values: [],
  });
  const isRead = columns.length === after.columns.length &&
    after.columns.every((column, place) => {
      const row = columns[place]!;
      return row.name === column.name && row.type === column.type && row.fallback === column.fallback &&
        (row.notnull !== 0) === column.isNotNull;
    }) &&
    unique.map(({ name }) => name).join("\n") ===
      after.indexes.filter(({ isUnique }) => isUnique).map(({ name }) => name).toSorted().join("\n");
  return isSchema && isRead;
}

/**
 * Refuses rows that broke the old definition already, where the new one demands the same: the script's copy fails there.
 *
 * @throws {HarborError} `statement_failed`
 */
async function refuseBroken(
  place: BesidePlace,
  change: DefinitionChange,
): Promise<void> {
  const { before, after } = change;
  const faults = await quickCheck(place, before);
  const isCheck = (words: string) => words === `CHECK constraint failed in ${before.name}`;
  const allowed = after.columns.filter(({ isNotNull }) => !isNotNull).map(({ name }) =>
    `NULL value in ${before.name}.${name}`
  );
  const broken = faults.filter((words) => !isCheck(words) && !allowed.includes(words));
  for (const { name, expression } of faults.some(isCheck) ? after.checks : []) {
    const text = `SELECT 1 FROM ${quoteName(after.name)} WHERE NOT (${expression}\n) LIMIT 1`;
    const [row] = await place.read({ text, values: [] });
    if (row !== undefined) broken.push(`CHECK constraint failed: ${name ?? expression}`);
  }
  if (broken.length === 0) return;
  throw brokenDemand({ broken: "", whole: null, message: broken.join("; "), statement: 1 }, change);
}

/**
 * Has SQLite look at the table once more. Whatever it would look at has been.
 *
 * @throws {HarborError} `statement_failed`
 */
async function proveTable(place: BesidePlace, table: TableForm): Promise<void> {
  const faults = await quickCheck(place, table);
  if (faults.length === 0) return;
  throw new HarborError("statement_failed", `Cannot prove "${table.name}" after its definition changed`, {
    state: faults.join("; "),
    hint: "Restore a backup: harbor-db backup list",
  });
}

/** Returns what SQLite finds wrong, where the look keeps nobody waiting and does not take too long in one piece. */
async function quickCheck({ read, pace }: BesidePlace, table: TableForm): Promise<readonly string[]> {
  // Without a WAL nobody could commit meanwhile.
  if ((await pace()).readRest > 0) return [];
  const { low, high } = await edgesOf(read, table);
  if (low === null || high === null || integer(high) - integer(low) >= mostWhole) return [];
  const found = await read<{ quick_check: string }>({
    text: `PRAGMA quick_check(${quoteText(table.name)})`,
    values: [],
  });
  return [...new Set(found.map((row) => row.quick_check))].filter((words) => words !== "ok");
}

interface Edges {
  readonly low: number | bigint | null;
  readonly high: number | bigint | null;
}

async function edgesOf(read: BesidePlace["read"], table: TableForm): Promise<Edges> {
  const [name, rowid] = [quoteName(table.name), rowidOf(table)];
  const [edges] = await read<Edges>({
    text: `SELECT (SELECT min(${rowid}) FROM ${name}) AS low, (SELECT max(${rowid}) FROM ${name}) AS high`,
    values: [],
  });
  return edges ?? { low: null, high: null };
}
