import type { SQL } from "drizzle-orm";
import { HarborError } from "../../base/errors.ts";
import { stopIfAsked } from "../../base/interrupt.ts";
import { formatBytes } from "../../base/quantity.ts";
import { readRowSlices } from "../../engines/slices/rows.ts";
import type { RunContext } from "../../engines/run_context.ts";
import { type RowBytes, type Sizes, sizes } from "./side/sizes.ts";

/** Values that are to be put aside. */
export interface Values {
  readonly table: string;
  /** A column that is noted twice, before and after a change, stands here twice. */
  readonly columns: readonly string[];
  /** Which rows; `null` for all. */
  readonly where: SQL | null;
}

/**
 * Makes sure that there is room for what is to be put aside, before anything is written. Says nothing where no engine tells how
 * much there is, and reads the values only where that is little.
 *
 * @throws {HarborError} `disk_full`; `interrupted`
 */
export async function requireRoom(context: RunContext, values: readonly Values[]): Promise<void> {
  const { database } = context;
  const own = sizes[database.dialect];
  const room = await database.room();
  if (room === null || own === null || values.length === 0) return;
  const space = await database.space();
  // No value takes more than its row, nor one that is noted twice more than two.
  if (space !== null && 2 * space.fileBytes <= room.bytes) return;
  const taken = values.map(({ table, columns, where }) => ({
    table,
    bytes: own.inSideTable(columns),
    where,
  }));
  const needed = await readSum(context, own, taken);
  if (needed <= room.bytes) return;
  throw new HarborError(
    "disk_full",
    `Cannot put aside what it destroys in "${room.folder}": that takes about ${
      formatBytes(needed)
    }, and there is room for ${formatBytes(room.bytes)}`,
    {
      hint:
        "Free some space on that device and run the command again, or let it go, which takes less: --no-keep. Nothing of it was destroyed.",
      details: { folder: room.folder, needed, free: room.bytes },
    },
  );
}

/**
 * Reads how many bytes rows take together, slice by slice: with a rollback journal nobody commits while somebody reads, and nobody is
 * to wait for long.
 *
 * @throws {HarborError} `interrupted`
 */
export async function readSum(
  { database, signal }: Pick<RunContext, "database" | "signal">,
  own: Sizes,
  all: readonly RowBytes[],
): Promise<number> {
  let sum = 0;
  for (const rows of all) {
    await readRowSlices(database, rows.table, {
      next: () => stopIfAsked(signal),
      async read(slice) {
        const [found] = await database.read<SumRow>(own.sum(rows, slice));
        sum += Number(found!.bytes);
        return { rows: Number(found!.rows), last: found!.last };
      },
    });
  }
  return sum;
}

type SumRow = Readonly<Record<"bytes" | "rows" | "last", number | bigint>>;
