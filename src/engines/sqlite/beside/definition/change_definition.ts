import { sql as template } from "drizzle-orm";
import { HarborError } from "../../../../base/errors.ts";
import { guardPrefix } from "../../../../sql/own/triggers.ts";
import type { BesideChange, BesideTask } from "../../../beside.ts";
import type { Backfill } from "../../../../history/scripts/statement.ts";
import type { BesidePlace } from "../../database.ts";
import { hasRows } from "../form/replica.ts";
import { rowIdColumn, type TableForm } from "../form/table.ts";
import { buildIndex } from "../mirror/build_index.ts";
import type { DefinitionChange } from "./change.ts";
import { guardsOf } from "./demands.ts";
import { brokenDemand, look, proveTable, refuseBroken } from "./look.ts";
import { dropGuard, guardStatements, putGuards } from "./put_guards.ts";
import { rewriteOf } from "./rewrite.ts";
import { Moved, refusal, swap, swapOf } from "./swap.ts";

/** How often it is begun again when others change the schema of the table meanwhile. */
const mostAttempts = 5;
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
        const ids = await rowIdsOf(place, after);
        try {
          if (rewrite !== null) await fill(rewrite, change, task);
          await look(place, change, task);
          if (await rowIdsOf(place, after) !== ids) throw new Moved();
          await refuseBroken(place, change);
          const made = await buildIndexes(place, change, task);
          await swap(place, { ...change, indexes: { ...change.indexes, made } }, task.record);
          break;
        } catch (error) {
          if (isMoved(error) && attempt < mostAttempts) continue;
          // What the application writes is its own again, and so are the NULLs that are put back.
          if (isMoved(error) || isRefusal(error)) await task.write(guards.map(({ name }) => dropGuard(name)));
          throw isMoved(error) ? movedTooOften(after.name) : error;
        }
      }
      // Whoever throws it away compares it with what it should be.
      if (!place.isThrowAway) await proveTable(place, after);
    },
  };
}

/**
 * Returns what is another when the rows may have got other ids, as VACUUM gives them where no column is the id: whatever walks along
 * them goes past some then. It counts as a change of the schema, as which any other does too.
 */
async function rowIdsOf({ read }: BesidePlace, table: TableForm): Promise<number | null> {
  if (rowIdColumn(table) !== null) return null;
  const [row] = await read<{ schema_version: number }>({ text: "PRAGMA schema_version", values: [] });
  return row!.schema_version;
}

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

/** Whether the rows do not fit. What else ends a run leaves the guards for the next one. */
function isRefusal(error: unknown): error is HarborError {
  return error instanceof HarborError && error.code === "statement_failed";
}

/**
 * Writes the rows that the guards fill. One that breaks a demand besides is refused by them in its words.
 *
 * @throws {HarborError} `statement_failed` as the script's own statement would
 */
async function fill(rewrite: Backfill, change: DefinitionChange, task: BesideTask): Promise<void> {
  try {
    await task.fill(rewrite);
  } catch (error) {
    const broken = isRefusal(error) && change.demands.find(({ message }) => error.state === message);
    throw broken ? brokenDemand(broken, change) : error;
  }
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
