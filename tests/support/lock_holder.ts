/**
 * Takes the lock of the database in its first argument, says so and keeps it until it is killed. With `race` as its
 * second argument it adds one to `counter.value` under the lock, in two steps, and ends.
 */
import { sql } from "drizzle-orm";
import process from "node:process";
import { setTimeout as sleep } from "node:timers/promises";
import { openTestDatabase } from "./databases.ts";

const [url, task] = process.argv.slice(2);
const database = await openTestDatabase(url!);
await database.withLock(async () => {
  process.stdout.write("locked\n");
  if (task !== "race") return await sleep(60_000);
  const [row] = await database.read<{ value: number }>(sql`SELECT value FROM counter`);
  await sleep(5);
  await database.write([sql`UPDATE counter SET value = ${row!.value + 1}`]);
}, { waitMs: 60_000 });
await database.close();
