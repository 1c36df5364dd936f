import { type SQL, sql } from "drizzle-orm";
import { HarborError } from "../../base/errors.ts";
import { formatBytes } from "../../base/quantity.ts";
import type { Database } from "../../engines/database.ts";
import { sizes } from "./side/sizes.ts";

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
 * @throws {HarborError} `disk_full`
 */
export async function requireRoom(database: Database, values: readonly Values[]): Promise<void> {
  const own = sizes[database.dialect];
  const room = await database.room();
  if (room === null || own === null || values.length === 0) return;
  const space = await database.space();
  // No value takes more than its row, nor one that is noted twice more than two.
  if (space !== null && 2 * space.fileBytes <= room.bytes) return;
  const taken = values.map(({ table, columns, where }) => own.inSideTable(table, columns, where));
  const needed = await readSum(database, taken);
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

/** Reads how many bytes there are together. */
export async function readSum(database: Pick<Database, "read">, bytes: readonly SQL[]): Promise<number> {
  if (bytes.length === 0) return 0;
  const [found] = await database.read<{ readonly bytes: number | bigint }>(
    sql`SELECT ${sql.join([...bytes], sql` + `)} AS bytes`,
  );
  return Number(found!.bytes);
}
