import { HarborError } from "../../../../base/errors.ts";
import { stopIfAsked } from "../../../../base/interrupt.ts";
import { firstLine } from "../../../../sql/first_line.ts";
import { quoteName, quoteText } from "../../../../sql/quote.ts";
import type { BesideTask } from "../../../beside.ts";
import { readRest } from "../../../pace.ts";
import type { BesidePlace } from "../../database.ts";
import { rowidOf } from "../form/source_table.ts";
import type { TableForm } from "../form/table.ts";
import type { DefinitionChange } from "./change.ts";
import { brokenQuery, type Demand } from "./demands.ts";
import type { NewReference } from "./references.ts";

/** How many rows are looked at first, and for how long at once, in milliseconds. */
const firstLook = 1_000;
const lookMs = 20;
/** Up to how many rows are read in one piece: it takes some seconds, which the lock's lease outlives. */
const mostWhole = 10_000_000;

/**
 * Looks at all rows that there were when the guards stood: no other can break a demand. A stretch at a time, since
 * SQLite holds up this process meanwhile, and without a WAL whoever commits.
 *
 * @throws {HarborError} `statement_failed` as the script's own statement would; `dangling_reference`
 */
export async function look(
  { file, read, pace }: BesidePlace,
  change: DefinitionChange,
  { signal }: BesideTask,
): Promise<void> {
  const { after, demands } = change;
  if (demands.length === 0) return;
  const [name, rowid] = [quoteName(after.name), rowidOf(after)];
  const { pause } = await pace();
  const rest = readRest(file);
  const { low, high } = await edgesOf(read, after);
  if (low === null || high === null) return;
  const mayWhole = rest === 0 && integer(high) - integer(low) < mostWhole;
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
    await pause(Math.max(1, ms * rest), signal);
  }
}

function integer(value: number | bigint): bigint {
  return BigInt(value);
}

/** Returns the error of the script's statement that a row would stop. */
export function brokenDemand(
  { message, statement, reference }: Demand,
  { statements, filled }: DefinitionChange,
): HarborError {
  const text = statements[statement] ?? statements[0]!;
  if (reference !== null) return refersToNothing(reference, { text, index: statement });
  return new HarborError("statement_failed", `Cannot run "${firstLine(text)}"`, {
    state: message,
    // What was filled is put back only where it was noted; what the application left out meanwhile is filled, too.
    hint: `${
      filled.length > 0 ? "" : "No row was changed. "
    }Put the rows right, then run the same command again.`,
    details: { statement: text, index: statement },
  });
}

/** Returns what a transaction with the script in it would say. */
export function refersToNothing(
  { table, columns, parent }: NewReference,
  { text, index }: { readonly text: string; readonly index: number },
): HarborError {
  return new HarborError("dangling_reference", `Cannot run "${firstLine(text)}"`, {
    state: `rows would refer to nothing (${table} by ${columns.join(", ")} to ${parent})`,
    hint: "The table is as it was. Put the rows right, then run the same command again.",
    details: { statement: text, index },
  });
}

/**
 * Refuses rows that broke the old definition already, where the new one demands the same: the script's copy fails there.
 *
 * @throws {HarborError} `statement_failed`
 */
export async function refuseBroken(
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
  throw brokenDemand(
    { broken: "", whole: null, reference: null, message: broken.join("; "), statement: 1 },
    change,
  );
}

/**
 * Has SQLite look at the table once more. Whatever it would look at has been.
 *
 * @throws {HarborError} `statement_failed`
 */
export async function proveTable(place: BesidePlace, table: TableForm): Promise<void> {
  const faults = await quickCheck(place, table);
  if (faults.length === 0) return;
  throw new HarborError("statement_failed", `Cannot prove "${table.name}" after its definition changed`, {
    state: faults.join("; "),
    hint: "Restore a backup: harbor-db backup list",
  });
}

/** Returns what SQLite finds wrong, where the look keeps nobody waiting and does not take too long in one piece. */
async function quickCheck({ file, read }: BesidePlace, table: TableForm): Promise<readonly string[]> {
  // Without a WAL nobody could commit meanwhile.
  if (file.readsBlockWriters()) return [];
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
