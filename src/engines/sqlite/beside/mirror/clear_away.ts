import { HarborError } from "../../../../base/errors.ts";
import { formatBytes } from "../../../../base/quantity.ts";
import type { BesideProgress } from "../../../beside_progress.ts";
import type { BesideContext } from "./paced.ts";
import type { BesideFile } from "../../database.ts";
import { readSourceTable } from "../form/source_table.ts";
import { mirrorName } from "./mirror.ts";
import { stopNoting } from "./noting.ts";
import { guardPrefix, isOwnTrigger } from "../../../../sql/own/triggers.ts";
import { startPaced } from "./paced.ts";
import { progressOf, updateProgress } from "./progress.ts";
import { quoteName } from "../../../../sql/quote.ts";
import { own } from "../../connection/statement.ts";

/** Lets go of a change, in a transaction: the application's writes are on their own again. */
export function letGo(file: BesideFile, progress: BesideProgress): void {
  for (const text of stopNoting(progress.id)) file.change(own(text));
  updateProgress(file, { ...progress, phase: "empty" });
}

/** Takes away what changes left that were let go of or are done: in batches, since a large table is long in going. */
export async function clearAway(file: BesideFile, context: BesideContext): Promise<void> {
  for (const { id, name, phase } of progressOf(file.rows)) {
    if (phase !== "empty") continue;
    await dropInBatches(file, context, {
      table: mirrorName(id),
      what: `clearing away what making ${name} needed`,
    });
    await file.transact(() => {
      file.change(own(`DELETE FROM harbor_beside WHERE id = ${id}`));
      if (progressOf(file.rows).length === 0) file.change(own("DROP TABLE harbor_beside"));
    });
  }
}

/**
 * Lets go of all changes but those of statements that are still to come, and takes away their traces.
 *
 * @param keep The statements to come; without any, nothing of harbor-db's stays. What is only called so is somebody's, and does
 * @throws {HarborError} `disk_full` with how much is to be freed for it; `interrupted`, `busy`
 */
export async function clearAllBut(
  keep: readonly string[],
  file: BesideFile,
  context: BesideContext,
): Promise<void> {
  try {
    await clear(keep, file, context);
  } catch (error) {
    const isFull = error instanceof HarborError && error.code === "disk_full";
    throw isFull ? error.with({ hint: roomToClear(file) }) : error;
  }
}

/** The file grows by what is new in its log before that begins anew, and batches need little beside. */
function roomToClear({ space }: BesideFile): readonly string[] {
  const bytes = (space()?.logBytes ?? 0) + 1_000_000;
  return [
    `Free ${formatBytes(bytes)} on the device and run the command again: it goes on from there.`,
    "What it takes away makes room in the file, not on the device.",
  ];
}

async function clear(keep: readonly string[], file: BesideFile, context: BesideContext): Promise<void> {
  const toCome = joined(keep);
  for (const progress of progressOf(file.rows)) {
    const isOver = progress.phase !== "empty" && !toCome.includes(progress.statement);
    if (isOver) await file.transact(() => letGo(file, progress));
  }
  await clearAway(file, context);
  for (const { name } of triggersLeft(file)) {
    // A change of definition that is still to come puts its guards anew, and looks at every row again.
    if (keep.length > 0 && !name.startsWith(guardPrefix)) continue;
    await file.transact(() => file.change(own(`DROP TRIGGER IF EXISTS ${quoteName(name)}`)));
  }
}

/** Returns what stands for statements that belong together. */
export function joined(statements: readonly string[]): string {
  return statements.join("\n;\n");
}

function triggersLeft(file: BesideFile): readonly { readonly name: string }[] {
  const text = "SELECT name, sql FROM sqlite_schema WHERE type = 'trigger' AND name GLOB 'harbor_beside_*'";
  return file.rows<{ name: string; sql: string }>({ text, values: [] }).filter(isOwnTrigger);
}

async function dropInBatches(
  file: BesideFile,
  context: BesideContext,
  { table, what }: { readonly table: string; readonly what: string },
): Promise<void> {
  const rowId = readSourceTable(file.rows, table)?.rowId;
  // Somebody changed it since: what nothing names goes as a whole.
  if (rowId !== undefined) {
    const paced = await startPaced(file, context, what);
    await paced.repeat(async (size) => {
      const text =
        `DELETE FROM ${table} WHERE ${rowId} IN (SELECT ${rowId} FROM ${table} ORDER BY ${rowId} LIMIT ${size})`;
      const deleted = await file.transact(() => file.change(own(text)));
      return deleted < size ? null : deleted;
    });
  }
  await file.transact(() => file.change(own(`DROP TABLE IF EXISTS ${table}`)));
}
