import assert from "node:assert/strict";
import { test } from "node:test";
import type { App } from "../../src/cli/app.ts";
import { openBudgetGuard } from "../../src/commands/migrate/rehearsal/budget_guard.ts";
import { migrate } from "../../src/migrate/migrate.ts";
import { contextOf } from "../support/samples/adoption.ts";
import { historyOf } from "../support/samples/script_history.ts";
import { engines, withTestDatabase } from "../support/databases.ts";
import { rejectsWith } from "../support/harbor_error.ts";
import { sql } from "../support/user_sql.ts";

const made = "CREATE TABLE boats (id INTEGER PRIMARY KEY NOT NULL, size INTEGER);\n" +
  "INSERT INTO boats WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 4000) SELECT i, 0 FROM n;";
const filled = "-- harbor:backfill table=boats key=id\nUPDATE boats SET size = 9 WHERE size <> 9;";

/** What stops a run is above the engines; a server takes a batch as one request, and a transaction of PostgreSQL's is its own. */
const kinds = ["sqlite file", "libsql", "postgres 15"];

/** A guard that is only to hold a run to its budgets asks the program nothing. */
function guardOf(maxTime: number | undefined, maxLock: number | undefined) {
  const options = { rehearse: false, maxTime, maxLock, maxDisk: undefined, log: undefined };
  return openBudgetGuard({} as App, { options: options as never, make: () => assert.fail() });
}

for (const { name, dialect, withDatabase } of engines.filter(({ name }) => kinds.includes(name))) {
  test(`${name}: a run beyond its budget stops between two batches, and the same plan goes on from there`, () =>
    withDatabase((url) =>
      withTestDatabase(url, async (database) => {
        const context = contextOf(database, historyOf(dialect, [made, filled]));
        const upgrade = (text: string) => ({ goal: { direction: "upgrade", text } as const, lockWaitMs: 0 });
        await migrate(context, upgrade("+1"));
        const left = async () => {
          const [row] = await database.read<{ n: number }>(
            sql`SELECT count(*) AS n FROM boats WHERE size = 0`,
          );
          return Number(row!.n);
        };
        const broken = [
          [0, undefined, /--max-time/],
          // The locks of such a batch keep nobody waiting on PostgreSQL.
          ...dialect === "sqlite" ? [[undefined, 0, /--max-lock/] as const] : [],
        ] as const;
        for (const [maxTime, maxLock, words] of broken) {
          const before = await left();
          const error = await rejectsWith(
            "over_budget",
            guardOf(maxTime, maxLock).run(
              "upgrade",
              (context) => migrate(context, upgrade("head")),
              context,
            ),
          );
          assert.match(error.message, words);
          const now = await left();
          assert.ok(now > 0 && now <= before, `${now} of ${before} left`);
        }
        const guard = guardOf(600_000, 600_000);
        await guard.run("upgrade", (context) => migrate(context, upgrade("head")), context);
        assert.equal(await left(), 0);
        const { measured } = guard.json() as {
          measured: { steps: { rowsChanged: number; isDone: boolean }[] };
        };
        assert.ok(measured.steps[0]!.isDone && measured.steps[0]!.rowsChanged > 0);
      })
    ));
}

test("a run that goes beyond its budget with its last batch has come to its end, and says so", () =>
  engines[0]!.withDatabase((url) =>
    withTestDatabase(url, async (database) => {
      const context = contextOf(database, historyOf("sqlite", [made]));
      const guard = guardOf(0, undefined);
      const goal = { direction: "upgrade", text: "head" } as const;
      await guard.run("upgrade", (context) => migrate(context, { goal, lockWaitMs: 0 }), context);
      const { measured } = guard.json() as { measured: { breaches: { budget: string }[] } };
      assert.deepEqual(measured.breaches.map(({ budget }) => budget), ["max-time"]);
    })
  ));
