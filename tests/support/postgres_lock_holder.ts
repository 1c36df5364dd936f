/**
 * A program that takes the lock of the database in DATABASE_URL, says so, runs the SQL in HOLDER_SQL and keeps the lock
 * until it is killed. For tests that kill it.
 */
import process from "node:process";
import { setTimeout as sleep } from "node:timers/promises";
import { sql } from "./user_sql.ts";
import { withTestDatabase } from "./databases.ts";

await withTestDatabase(process.env["DATABASE_URL"] ?? "", (database) =>
  database.withLock(async () => {
    process.stdout.write("locked\n");
    const statement = process.env["HOLDER_SQL"];
    if (statement) await database.write([sql.raw(statement)]);
    await sleep(60_000);
  }));
