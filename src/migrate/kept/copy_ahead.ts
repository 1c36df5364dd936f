import { type SQL, sql } from "drizzle-orm";
import {
  type BesideProgress,
  forgetBeside,
  insertBeside,
  readBeside,
  updateBeside,
} from "../../engines/beside_progress.ts";
import { type ChangeNotes, takenColumn } from "../../engines/beside.ts";
import type { Database } from "../../engines/database.ts";
import { insertKept, keptRow, readWithdrawal } from "../../engines/kept_table.ts";
import type { RunContext } from "../../engines/run_context.ts";
import { ownTable } from "../../engines/statement_names.ts";
import { createWalker, type PaceOptions } from "../paced/backfill_walk.ts";
import { readEdgeKey } from "../paced/backfill_window.ts";
import { allRows, tellProgress } from "../paced/walk_table.ts";
import { type Ahead, copyName, keyIndexName, markOf, notesName } from "./ahead.ts";
import { all, list, words } from "./side/words.ts";

/** How many rows that were changed are copied anew at a time. */
const fewNotes = 1_000;
/** With how many at most the table's lock is asked for. */
const mostUnderLock = 200;

const id = sql.identifier;

/**
 * Puts aside what there is, up to what changes while it looks. What an interrupted run did stands.
 *
 * @throws {HarborError} `interrupted` between two batches
 */
export async function putAsideAhead(context: RunContext, ahead: Ahead, pace: PaceOptions): Promise<void> {
  const { database, notify } = context;
  notify({ kind: "doing", text: `putting aside what goes of ${ahead.table.name}` });
  let progress = await progressOf(database, ahead) ?? await begin(database, ahead);
  for (;;) {
    if (progress.phase === "fill") await fill(context, { ahead, progress, pace });
    await follow(context, ahead);
    const found = await progressOf(database, ahead);
    if (found?.phase !== "fill") break;
    // Somebody took all rows away at once.
    progress = found;
  }
  notify({ kind: "done" });
}

async function progressOf(database: Database, { kept }: Ahead): Promise<BesideProgress | undefined> {
  return (await readBeside(database)).find(({ id }) => id === kept.id);
}

/** Notes first, so that nothing changes unseen from the first look on. */
async function begin(database: Database, ahead: Ahead): Promise<BesideProgress> {
  const { kept, table, columns } = ahead;
  const own = words[database.dialect];
  const withdraw = await readWithdrawal(database);
  const copy = copyName(ahead);
  const progress: BesideProgress = {
    id: kept.id,
    name: "what goes",
    table: table.name,
    phase: "fill",
    lastRow: null,
    endRow: null,
    ...markOf(ahead),
  };
  await database.write([
    ...own.makeSideTable({ name: copy, source: table, columns, became: [], where: sql`FALSE`, order: [] }),
    ...own.numberRows(copy),
    ...withdraw(copy),
    sql`CREATE INDEX ${id(keyIndexName(ahead))} ON ${ownTable(copy)} (${list(kept.keys.map(id))})`,
    ...insertBeside(progress, withdraw),
    ...database.notes!.begin({ name: notesName(ahead), table: table.name, keys: kept.keys }, withdraw),
  ], "schema");
  return progress;
}

interface Filling {
  readonly ahead: Ahead;
  readonly progress: BesideProgress;
  readonly pace: PaceOptions;
}

/** Copies the rows in batches by the first column of their key; those that come behind its highest value are noted. */
async function fill(context: RunContext, { ahead, progress, pace: options }: Filling): Promise<void> {
  const { database, notify } = context;
  const { kept, table } = ahead;
  const [key] = kept.keys as readonly [string, ...string[]];
  const rows = allRows(table.name, key);
  const end = await readEdgeKey(database, rows, "highest");
  if (end !== null) {
    await createWalker(context, rows, { pace: await database.pace(table.name), options }).walk({
      from: { key: progress.lastRow, isAhead: false },
      end,
      change: (range) => [copyRows(database, ahead, {
        from: sql`${ownTable(table.name)} AS t`,
        where: sql`${range.from.key === null ? sql`TRUE` : sql`t.${id(key)} > ${range.from.key}`} AND t.${
          id(key)
        } <= ${range.end}`,
        order: kept.keys,
      })],
      save: ({ last }) => [updateBeside({ ...progress, lastRow: last })],
      ...tellProgress(notify, table.name),
    });
  }
  await database.write([updateBeside({ ...progress, phase: "follow", lastRow: end })]);
}

/** Copies anew what was changed, until few notes are left; stops where all is to be copied anew. */
async function follow({ database, signal }: RunContext, ahead: Ahead): Promise<void> {
  while (!signal.aborted) {
    const { size, isEmptied } = await lookAtNotes(database, ahead);
    if (size <= mostUnderLock && !isEmptied) return;
    await database.write(catchUp(database, ahead, isEmptied ? null : fewNotes));
    if (isEmptied) return;
  }
}

/** Counts no further than it has to. */
async function lookAtNotes(database: Database, ahead: Ahead) {
  const notes = ownTable(notesName(ahead));
  const [found] = await database.read<{ readonly size: number | bigint | string; readonly emptied: boolean }>(
    sql`SELECT (SELECT count(*) FROM (SELECT 1 FROM ${notes} LIMIT ${
      sql.raw(String(mostUnderLock + 1))
    }) AS n) AS size, EXISTS (SELECT 1 FROM ${notes} AS n WHERE n.${
      id(ahead.kept.keys[0]!)
    } IS NULL) AS emptied`,
  );
  return { size: Number(found!.size), isEmptied: found!.emptied };
}

/**
 * Returns what copies noted rows anew: what is taken was committed before it is looked at, and what comes meanwhile is not taken.
 *
 * @param count How many notes; `null` for all
 */
function catchUp(database: Database, ahead: Ahead, count: number | null): readonly SQL[] {
  const { kept, table, columns } = ahead;
  const own = words[database.dialect];
  const copy = ownTable(copyName(ahead));
  const notes = ownTable(notesName(ahead));
  const keys = kept.keys.map((name) => columns.find((column) => column.name === name)!);
  const taken = sql`(SELECT DISTINCT ${
    list(keys.map(({ name }) => sql`n.${id(name)}`))
  } FROM ${notes} AS n WHERE n.${id(takenColumn)}) AS n`;
  // Row by row through the indexes, whatever the server believes of the sizes of tables that are new.
  const found = (from: SQL, what: SQL, isSame: SQL) =>
    sql`${taken} CROSS JOIN LATERAL (SELECT ${what} FROM ${from} WHERE ${isSame} OFFSET 0)`;
  const ofCopy = all(
    keys.map((column) => sql`k.${id(column.name)} = ${own.aside(sql`n.${id(column.name)}`, column)}`),
  );
  const ofTable = all(keys.map(({ name }) => sql`t.${id(name)} = n.${id(name)}`));
  const isEmptied = sql`EXISTS (SELECT 1 FROM ${notes} AS n WHERE n.${id(takenColumn)} AND n.${
    id(kept.keys[0]!)
  } IS NULL)`;
  const row = id(keptRow);
  return [
    (database.notes as ChangeNotes).take(notesName(ahead), count),
    sql`DELETE FROM ${copy} WHERE ${row} = ANY (ARRAY(SELECT f.${row} FROM ${
      found(sql`${copy} AS k`, sql`k.${row}`, ofCopy)
    } AS f))`,
    copyRows(database, ahead, {
      from: sql`${found(sql`${ownTable(table.name)} AS t`, sql`t.*`, ofTable)} AS t`,
      where: sql`TRUE`,
      order: [],
    }),
    // Of a table whose rows all went at once, all is copied anew.
    sql`DELETE FROM ${copy} WHERE ${isEmptied}`,
    updateBeside({ id: kept.id, phase: "fill", lastRow: null }, isEmptied),
    sql`DELETE FROM ${notes} WHERE ${id(takenColumn)}`,
  ];
}

function copyRows(
  { dialect }: Database,
  ahead: Ahead,
  { from, where, order }: { readonly from: SQL; readonly where: SQL; readonly order: readonly string[] },
): SQL {
  const { columns } = ahead;
  const own = words[dialect];
  return sql`INSERT INTO ${ownTable(copyName(ahead))} (${list(columns.map(({ name }) => id(name)))}) SELECT ${
    list(columns.map((column) => own.aside(sql`t.${id(column.name)}`, column)))
  } FROM ${from} WHERE ${where}${ahead.where === null ? sql`` : sql` AND ${ahead.where}`}${
    order.length === 0 ? sql`` : sql` ORDER BY ${list(order.map((name) => sql`t.${id(name)}`))}`
  }`;
}

/**
 * Returns what goes before the batch that destroys it: under the table's lock it takes what was changed last, and lets the batch fail
 * when that is much, or all rows went at once.
 *
 * @param known What is on record by then of changes beside writers
 */
export function closeAhead(
  database: Database,
  ahead: Ahead,
  known: readonly Pick<BesideProgress, "id">[],
): readonly SQL[] {
  const { kept, table } = ahead;
  const notes = ownTable(notesName(ahead));
  const copy = ownTable(copyName(ahead));
  return [
    ...words[database.dialect].lock(table.name),
    // No revision is called NULL: the table refuses it.
    sql`INSERT INTO ${
      ownTable("harbor_version")
    } (revision) SELECT NULL WHERE EXISTS (SELECT 1 FROM ${notes} AS n WHERE n.${
      id(kept.keys[0]!)
    } IS NULL) OR (SELECT count(*) FROM (SELECT 1 FROM ${notes} LIMIT ${
      sql.raw(String(fewNotes + 1))
    }) AS n) > ${sql.raw(String(fewNotes))}`,
    ...catchUp(database, ahead, null),
    ...database.notes!.end(notesName(ahead)),
    sql`DROP INDEX ${ownTable(keyIndexName(ahead))}`,
    sql`ALTER TABLE ${copy} RENAME TO ${id(kept.sideTable)}`,
    forgetBeside(kept.id, known),
    // Counted when nobody waits for it.
    insertKept({ ...kept, state: "keeping" }, { rows: sql`0`, bytes: sql`0` }),
  ];
}
