import type { Client } from "../database.ts";
import type { Scratch } from "../scratch.ts";
import { openSqliteMemory } from "./driver.ts";

/** Returns a scratch database in memory. */
export function memoryScratch(client: Client): Scratch {
  return async (work) => {
    const database = await openSqliteMemory({ client, access: "create" });
    try {
      return await work(database);
    } finally {
      await database.close();
    }
  };
}
