import assert from "node:assert/strict";
import { test } from "node:test";
import type { SQL } from "drizzle-orm";
import { unheardMs } from "../../src/base/interrupt.ts";
import { waitsAmong, waysIn } from "../../src/commands/migrate/table_ways.ts";
import { migrate } from "../../src/migrate/migrate.ts";
import { preparePlan } from "../../src/migrate/prepare_plan.ts";
import { waysOfPlan } from "../../src/migrate/steps/run_steps.ts";
import { engines, withTestDatabase } from "../support/databases.ts";
import { contextOf } from "../support/samples/adoption.ts";
import { historyOf } from "../support/samples/script_history.ts";

const engine = engines.find(({ name }) => name === "sqlite file")!;

test("sqlite file: a plan says which large tables keep writers waiting, and for about how long", () =>
  engine.withDatabase((url) =>
    withTestDatabase(url, async (database) => {
      const history = historyOf("sqlite", [
        "CREATE TABLE files (id INTEGER PRIMARY KEY, size INTEGER);--> statement-breakpoint\nCREATE TABLE tags (id INTEGER, size INTEGER);--> statement-breakpoint\nCREATE TABLE users (id INTEGER);--> statement-breakpoint\nCREATE TABLE large (a INTEGER)",
        "UPDATE users SET id = id + 1",
        // Of few rows, which nobody notices; of a part, and of as many as nobody can tell before.
        "UPDATE tags SET size = 0 WHERE id = 7 RETURNING id;--> statement-breakpoint\nDELETE FROM tags WHERE size < 8",
        "UPDATE files SET size = 0 WHERE files.size <= 10000",
        "UPDATE tags SET size = 0 WHERE size > (SELECT max(id) FROM users)",
        // The rows that an earlier one has changed may be others by then.
        "UPDATE files SET size = NULL WHERE size > 19000;--> statement-breakpoint\nDELETE FROM files WHERE size IS NULL",
        "UPDATE files SET size = 2 * size",
        // More conditions without a key than are counted.
        Array.from({ length: 21 }, (_, n) => `DELETE FROM tags WHERE -id = ${n}`).join(
          ";--> statement-breakpoint\n",
        ),
        // Found by their key, be it none that the table says, in a table of any size without a look at each row.
        Array.from({ length: 30 }, (_, n) => `DELETE FROM files WHERE id = ${n} -- one\n`)
          .concat("DELETE FROM large WHERE rowid = 7").join(";--> statement-breakpoint\n"),
        Array.from({ length: 100 }, (_, n) => `UPDATE files SET size = 3 WHERE id = ${n}`)
          .join(";--> statement-breakpoint\n"),
        // What is only read is not changed, but what it is put into; of more than are counted, too.
        "UPDATE tags SET size = 1 WHERE id < 0;--> statement-breakpoint\nINSERT INTO tags SELECT id, 7 FROM files WHERE id < 5000;--> statement-breakpoint\nDELETE FROM files WHERE id > 10000;--> statement-breakpoint\nUPDATE tags SET size = 1 WHERE id < 0",
        "INSERT INTO users SELECT id FROM files WHERE size > 7;--> statement-breakpoint\nDROP TABLE files",
        // Of more than are counted.
        "INSERT INTO users SELECT a FROM large WHERE a = 3;--> statement-breakpoint\nDELETE FROM large WHERE a = 3",
        "DELETE FROM large WHERE rowid % 2 = 0",
        "UPDATE large SET a = 1 WHERE a IS NULL",
        "DELETE FROM large WHERE a = 2",
        "DELETE FROM large",
      ]);
      const context = contextOf(database, history);
      await migrate(context, { goal: { direction: "upgrade", text: "+1" }, lockWaitMs: 0 });
      const numbers = (most: number) =>
        `WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ${most})`;
      for (const table of ["files", "tags"]) {
        await engine.query(url, `${numbers(20_000)} INSERT INTO ${table} SELECT i, i FROM n`);
      }
      await engine.query(url, `${numbers(1_000_001)} INSERT INTO large SELECT NULL FROM n`);
      const plan = await preparePlan(context, { direction: "upgrade", text: "head" });
      const written = (table: string, time: string) =>
        `${table}: its rows are changed, or put into another table, in one transaction, and nobody writes meanwhile: for ${time}`;
      const ways = await waysOfPlan(context, plan);
      await assert.rejects(waysIn({ ...context, signal: AbortSignal.abort() }, ways), {
        code: "interrupted",
      });
      // Nor is anything waited for between the counts of a file, each of which may take long.
      const stop = new AbortController();
      const slow = Object.assign(Object.create(database), {
        read: (query: SQL) => {
          const began = performance.now();
          while (performance.now() - began <= unheardMs);
          return database.read(query);
        },
      });
      setTimeout(() => stop.abort(), 0);
      await assert.rejects(waysIn({ ...context, database: slow, signal: stop.signal }, ways.slice(8, 9)), {
        code: "interrupted",
      });
      assert.deepEqual(waitsAmong(await waysIn(context, ways)), [
        written("files", "about 40 ms"),
        written("tags", "up to 70 ms"),
        written("files", "up to 113 ms"),
        written("files", "about 60 ms"),
        written("tags", "up to 270 ms"),
        written("tags", "up to 35 ms"),
        written("files", "about 45 ms"),
        "files: it goes with its rows in one transaction, and nobody writes meanwhile: for about 60 ms",
        written("large", "more than 1.0 s"),
        written("large", "more than 2.0 s"),
        written("large", "more than 3.5 s"),
        written("large", "up to 3.5 s a million rows"),
        written("large", "more than 3.0 s"),
      ]);
    })
  ));
