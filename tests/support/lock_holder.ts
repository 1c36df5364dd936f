/**
 * A process of its own that takes a database's lock, prints "held" and keeps it until it is killed or its standard
 * input closes. Its argument is the database's URL.
 */
import process from "node:process";
import { openTestDatabase } from "./databases.ts";

const database = await openTestDatabase(process.argv[2] ?? "");
await database.withLock(async () => {
  process.stdout.write("held\n");
  for await (const _chunk of process.stdin);
});
await database.close();
