/** A process of its own that adds one to `counter.value` of the database in its argument, in two steps under the lock. */
import { sql } from "./user_sql.ts";
import process from "node:process";
import { setTimeout as sleep } from "node:timers/promises";
import { openTestDatabase } from "./databases.ts";

const database = await openTestDatabase(process.argv[2] ?? "");
await database.withLock(async () => {
  const [row] = await database.read<{ value: number }>(sql`SELECT value FROM counter`);
  await sleep(5);
  await database.write([sql`UPDATE counter SET value = ${row!.value + 1}`]);
}, { waitMs: 60_000 });
await database.close();
