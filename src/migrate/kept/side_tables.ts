import { type SQL, sql } from "drizzle-orm";
import { HarborError } from "../../base/errors.ts";
import { counted } from "../../base/quantity.ts";
import { keyOf } from "../../base/fold_name.ts";
import type { Database } from "../../engines/database.ts";
import {
  becameColumn,
  createKeptTable,
  insertKept,
  type Kept,
  keptName,
  keptRow,
  readKept,
  readNumbered,
  readWithdrawal,
} from "../../engines/kept_table.ts";
import { loadInspector } from "../../engines/open/inspector.ts";
import type { RunContext } from "../../engines/run_context.ts";
import { plainTexts } from "../../history/plain_texts.ts";
import type { Step } from "../rules/plan.ts";
import type { Dialect } from "../../base/dialect.ts";
import type { Table } from "../../schema/snapshot.ts";
import { literalForm } from "./rules/given.ts";
import { lossesOf, tablesOfLosses } from "./rules/losses.ts";
import { storedColumns } from "./rules/keys.ts";
import { type SideTable, words } from "./side/words.ts";

/** Returns the number of the next side table: no table has its name yet, whoever made those that are there. */
export async function nextId(database: Database): Promise<number> {
  const names = await readNumbered(database);
  const taken = names.map((name) => Number(/_(\d+)/.exec(name)?.[1] ?? 0)).filter((number) =>
    number < highest
  );
  return Math.max(0, ...taken, ...(await readKept(database)).map(({ id }) => id)) + 1;
}

/** What goes beyond is no number of ours, and would leave none. */
const highest = 1_000_000_000;

/** Returns what makes a side table that gets its rows later, and puts it on record. */
export async function makeSide(
  database: Database,
  kept: Kept,
  side: Pick<SideTable, "source" | "columns" | "became">,
): Promise<readonly SQL[]> {
  const own = words[database.dialect];
  const withdraw = await readWithdrawal(database);
  return [
    createKeptTable(),
    ...withdraw(keptName),
    ...own.makeSideTable({ ...side, name: kept.sideTable, where: sql`FALSE`, order: [] }),
    ...own.numberRows(kept.sideTable),
    ...withdraw(kept.sideTable),
    insertKept(kept, { rows: sql`0`, bytes: sql`0` }),
  ];
}

/** Says of kept data whose side table is gone what that is, and what to do about it. */
export function lostText(kept: Kept): { readonly state: string; readonly hint: string } {
  const { id, table, revision, direction, rows, sideTable } = kept;
  return {
    state: `${sideTable} is missing, in which the ${direction} of ${revision} put aside ${
      counted(rows, "row")
    } of ${table}`,
    hint: `A backup may have it: harbor-db backup list; where it is given up: harbor-db kept drop ${id}`,
  };
}

/** Returns those of which the side tables are there. */
export async function withSideTables(
  database: Database,
  kept: readonly Kept[],
): Promise<readonly Kept[]> {
  if (kept.length === 0) return [];
  const names = await (await loadInspector(database.dialect)).sideTables(database);
  return kept.filter(({ sideTable }) => names.includes(sideTable));
}

/**
 * Makes sure that what is to come back can, and that nobody with fewer rights says what that is.
 *
 * @throws {HarborError} `missing_table` when a side table is gone; `untrusted_owner`; `not_a_database` when the registry holds
 * an expression where a literal belongs
 */
export async function requireSideTables(database: Database, meant: readonly Kept[]): Promise<void> {
  if (meant.length === 0) return;
  await database.requireOwnHands?.(keptName);
  requireLiterals(meant);
  await requireThere(database, meant);
  for (const { sideTable } of meant) await database.requireOwnHands?.(sideTable);
}

/** @throws {HarborError} `missing_table` when a side table is gone */
export async function requireThere(database: Database, meant: readonly Kept[]): Promise<void> {
  const there = await withSideTables(database, meant);
  const missing = meant.filter((kept) => !there.includes(kept));
  if (missing.length === 0) return;
  // Whoever holds the lock may have let go of one since the registry was read.
  const onRecord = new Set((await readKept(database)).map(({ id }) => id));
  const lost = missing.find(({ id }) => onRecord.has(id));
  if (lost === undefined) return;
  const { state, hint } = lostText(lost);
  const { id, table, revision, direction, sideTable } = lost;
  throw new HarborError("missing_table", `Cannot put back what was kept of "${table}"`, {
    state,
    hint,
    details: { id, table, revision, direction, sideTable },
  });
}

/** What a script gives a column stands in statements as the registry has it: as anything else than a literal it would run. */
function requireLiterals(meant: readonly Kept[]): void {
  for (const { id, columns } of meant) {
    const wrong = columns.find(({ given }) => given !== null && !literalForm.test(given));
    if (wrong === undefined) continue;
    throw new HarborError("not_a_database", `Cannot use "${keptName}"`, {
      state:
        `what its row ${id} gives column "${wrong.name}" is no literal, and would run as SQL: ${wrong.given}`,
      hint:
        `Something else than harbor-db wrote there. Nothing of it was run. To give it up: harbor-db kept drop ${id}`,
      details: { table: keptName, column: wrong.name, id },
    });
  }
}

/**
 * Makes sure that what steps put aside goes into side tables, which have columns of their own.
 *
 * @throws {HarborError} `data_conflict` when a column of the user's is called like one of them, or tables go with one from which they
 * inherit, and nothing says so
 */
export async function requireKeepable(
  { database }: Pick<RunContext, "database">,
  steps: readonly Step[],
): Promise<void> {
  const statements = steps.flatMap(({ script, resume }) =>
    plainTexts(script, [database]).slice(resume?.statementsDone ?? 0)
  );
  const names = tablesOfLosses(statements, database.dialect);
  if (names?.length === 0) return;
  const live = await database.introspect(names ?? undefined);
  if (
    !live.tables.some((table) => table.heirs !== undefined || reservedIn(table, live.dialect) !== undefined)
  ) {
    return;
  }
  const losses = lossesOf(live, statements);
  const whole = losses.filter(({ kind }) => kind === "table").map(({ table }) => table);
  for (const { name, heirs = [] } of whole) {
    const heir = heirs.find((each) => !whole.some((table) => table.name === each));
    if (heir === undefined) continue;
    throw new HarborError("data_conflict", `Cannot put aside what goes of "${name}"`, {
      state: `its heir ${heir} goes with it, and no statement drops that by name`,
      hint:
        `Drop ${heir} by name before it. Nothing was changed. Without keeping it works, and the backup made before has what goes: --no-keep`,
      details: { table: name, heir },
    });
  }
  for (const { table } of losses) {
    const name = reservedIn(table, live.dialect);
    if (name === undefined) continue;
    throw new HarborError("data_conflict", `Cannot put aside what goes of "${table.name}"`, {
      state: `its column ${name} is called like one that side tables of kept data have of their own`,
      hint:
        "Nothing was changed. Without keeping it works, and the backup made before has what goes: --no-keep",
      details: { table: table.name, column: name },
    });
  }
}

function reservedIn(table: Table, dialect: Dialect): string | undefined {
  const own = [keptRow, ...table.columns.map((_, place) => becameColumn(place))];
  return storedColumns(table).find(({ name }) => own.includes(keyOf(name, dialect)))?.name;
}
