import assert from "node:assert/strict";
import { test } from "node:test";
import { waitsIn } from "../../src/commands/migrate/table_ways.ts";
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
        "CREATE TABLE files (id INTEGER PRIMARY KEY, size INTEGER);--> statement-breakpoint\nCREATE TABLE users (id INTEGER)",
        "UPDATE files SET size = 2 * size",
        "UPDATE users SET id = id + 1",
        // Of few rows, which nobody notices; of a part, and of as many as nobody can tell before.
        "UPDATE files SET size = 0 WHERE id = 7 RETURNING id;--> statement-breakpoint\nDELETE FROM files WHERE size < 8",
        "UPDATE files SET size = 0 WHERE size <= 10000",
        "UPDATE files SET size = 0 WHERE size > (SELECT max(id) FROM users)",
        "UPDATE files SET size = 0 WHERE size > 7 RETURNING id;--> statement-breakpoint\nDELETE FROM files WHERE id = 7",
        "INSERT INTO users SELECT id FROM files WHERE size > 7;--> statement-breakpoint\nDROP TABLE files",
      ]);
      const context = contextOf(database, history);
      await migrate(context, { goal: { direction: "upgrade", text: "+1" }, lockWaitMs: 0 });
      await engine.query(
        url,
        "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 20000) INSERT INTO files SELECT i, i FROM n",
      );
      const plan = await preparePlan(context, { direction: "upgrade", text: "head" });
      const rest = "in one transaction, and nobody writes meanwhile: for about 60 ms";
      assert.deepEqual(await waitsIn(context, await waysOfPlan(context, plan)), [
        `files: its rows are changed, or put into another table, ${rest}`,
        `files: its rows are changed, or put into another table, ${rest.replace("60 ms", "40 ms")}`,
        `files: its rows are changed, or put into another table, ${
          rest.replace("about 60 ms", "up to 70 ms")
        }`,
        `files: its rows are changed, or put into another table, ${rest.replace("60 ms", "80 ms")}`,
        `files: it goes with its rows ${rest}`,
      ]);
    })
  ));
