import { sql as template } from "drizzle-orm";
import { HarborError } from "../../../../base/errors.ts";
import { quoteName } from "../../../../sql/quote.ts";
import type { BesideChange, BesideTask } from "../../../beside.ts";
import type { Backfill } from "../../../../history/scripts/statement.ts";
import { own } from "../../connection/statement.ts";
import type { BesidePlace } from "../../database.ts";
import { hasRows } from "../form/replica.ts";
import { rowIdColumn, type TableForm } from "../form/table.ts";
import { buildIndex } from "../mirror/build_index.ts";
import type { DefinitionChange } from "./change.ts";
import { guardsOf } from "./demands.ts";
import { brokenDemand, look, proveTable, refuseBroken } from "./look.ts";
import { dropGuard, guardStatements, putGuards } from "./put_guards.ts";
import { rewriteOf } from "./rewrite.ts";
import { closingOf, endNotes, followNotes, startNotes } from "./reference_notes.ts";
import { type Closing, Moved, refusal, swap, swapOf } from "./swap.ts";

/** How often it is begun again when others change the schema of the table meanwhile. */
const mostAttempts = 5;
/** Returns what gives a table its new text without moving a row. */
export function changeDefinition(place: BesidePlace, bare: DefinitionChange): BesideChange {
  const { after, demands, guards, fills, filled } = bare;
  const rewrite = rewriteOf(bare);
  // No index is built for nothing.
  const early = demands.filter(({ reference }) => reference === null || bare.indexes.made.length > 0);
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
      /** Left to the last transaction; `null` while none is built. */
      let made: DefinitionChange["indexes"]["made"] | null = null;
      for (let attempt = 1;; attempt++) {
        task.doing(`${after.name}: looking at the rows`);
        await putGuards(place, change, task);
        const ids = await rowIdsOf(place, after);
        try {
          if (rewrite !== null) await fill(rewrite, change, task);
          await look(place, { ...change, demands: early }, task);
          if (await rowIdsOf(place, after) !== ids) throw new Moved();
          await refuseBroken(place, change);
          made ??= await buildIndexes(place, change, task);
          const closing = await closeReferences(place, change, task);
          await swap(place, { ...change, indexes: { ...change.indexes, made } }, {
            ...closing,
            record: task.record,
          });
          break;
        } catch (error) {
          if (isMoved(error) && attempt < mostAttempts) continue;
          // What the application writes is its own again, and so are the NULLs that are put back.
          if (isMoved(error) || isRefusal(error)) {
            const built = made === null ? [] : change.indexes.made.filter((index) => !made!.includes(index));
            await task.write([
              ...guards.map(({ name }) => dropGuard(name)),
              ...built.map(({ name }) => template.raw(`DROP INDEX IF EXISTS ${quoteName(name)}`)),
            ]);
            await endNotes(place, change);
          }
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
    (error instanceof HarborError && /no such trigger: harbor_beside_|harbor_moved/.test(error.message));
}

/** Looks at what new foreign keys refer to, and returns what is left of that to the last transaction. */
async function closeReferences(
  place: BesidePlace,
  change: DefinitionChange,
  task: BesideTask,
): Promise<Pick<Closing, "checks" | "ending">> {
  const { after, references, demands } = change;
  if (references.length === 0) return { checks: [], ending: [] };
  const notes = await startNotes(place, change);
  const ids = await rowIdsOf(place, after);
  await look(place, { ...change, demands: demands.filter(({ reference }) => reference !== null) }, task);
  await followNotes(place, change, { ...notes, task });
  const { checks, ending } = closingOf(place, change, notes);
  const sameIds = own(
    `SELECT CASE WHEN schema_version <> ${ids} THEN json_extract('{}', 'harbor_moved') END FROM pragma_schema_version`,
  );
  return { checks: [...ids === null ? [] : [{ ...sameIds, demand: null }], ...checks], ending };
}

function movedTooOften(table: string): HarborError {
  return new HarborError("busy", `Cannot change "${table}": others change its schema meanwhile`, {
    hint: "Run the same command again when that is over: it goes on where it stopped.",
  });
}

/** Whether the rows do not fit. What else ends a run leaves the guards for the next one. */
function isRefusal(error: unknown): error is HarborError {
  return error instanceof HarborError && ["statement_failed", "dangling_reference"].includes(error.code);
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
