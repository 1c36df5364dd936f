import type { Client, Database } from "../database.ts";
import type { CopiedScratch, Scratch } from "../scratch.ts";
import { openSqliteMemory, type SqliteMemory } from "./driver.ts";
import { withinFile } from "./within_file.ts";

/** Returns a scratch database in memory. */
export function memoryScratch(client: Client): CopiedScratch {
  return scratchFrom(client, null, new Set());
}

/** @param bytes Of the database that each begins as; `null` for an empty one */
function scratchFrom(client: Client, bytes: Uint8Array | null, notRun: Set<string>): CopiedScratch {
  const guarded = (memory: SqliteMemory) => withinFile(memory, "the database of the proof", notRun);
  async function withMemory<T>(work: (memory: SqliteMemory) => Promise<T>): Promise<T> {
    const memory = await openSqliteMemory({ client, access: "create" }, bytes);
    try {
      return await work(memory);
    } finally {
      await memory.close();
    }
  }
  return Object.assign(
    <T>(work: (database: Database) => Promise<T>) => withMemory((memory) => work(guarded(memory))),
    {
      notRun,
      async after<Made, T>(
        make: (database: Database) => Promise<Made>,
        work: (copies: Scratch, made: Made) => Promise<T>,
      ) {
        const [made, left] = await withMemory(async (memory) =>
          [await make(guarded(memory)), memory.bytes()] as const
        );
        return await work(scratchFrom(client, left, notRun), made);
      },
    },
  );
}
