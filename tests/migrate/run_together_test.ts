import assert from "node:assert/strict";
import { test } from "node:test";
import { sql } from "../support/user_sql.ts";
import { HarborError } from "../../src/base/errors.ts";
import type { Database } from "../../src/engines/database.ts";
import { openSqliteMemory } from "../../src/engines/sqlite/driver.ts";
import { readApplied } from "../../src/engines/version_table.ts";
import type { RunContext } from "../../src/engines/run_context.ts";
import { migrate } from "../../src/migrate/migrate.ts";
import { testClient } from "../support/databases.ts";
import { rejectsWith } from "../support/harbor_error.ts";
import { contextOf } from "../support/samples/adoption.ts";
import { historyOf, idOf } from "../support/samples/script_history.ts";

const table = (name: string) => `CREATE TABLE ${name} (id INTEGER NOT NULL PRIMARY KEY, name TEXT)`;

/** Runs scripts as revisions 1, 2, … on a new database. */
async function upgrade(
  scripts: readonly string[],
  check: (run: {
    readonly upgrade: () => ReturnType<typeof migrate>;
    readonly context: RunContext;
    /** How many statements each batch had. */
    readonly batches: readonly number[];
    readonly notes: readonly string[];
  }) => Promise<void>,
  { afterBatch, beforeSteps }: {
    readonly afterBatch?: (database: Database, count: number) => Promise<unknown>;
    readonly beforeSteps?: (database: Database) => Promise<unknown>;
  } = {},
): Promise<void> {
  const database = await openSqliteMemory({ client: testClient, access: "write" });
  try {
    const batches: number[] = [];
    const notes: string[] = [];
    const counted: Database = {
      ...database,
      async write(batch, mode) {
        batches.push(batch.length);
        const changed = await database.write(batch, mode);
        await afterBatch?.(database, batches.length);
        return changed;
      },
    };
    const context: RunContext = {
      ...contextOf(counted, historyOf("sqlite", scripts)),
      notify: (event) => event.kind === "step" && notes.push(event.id),
    };
    const goal = { direction: "upgrade", text: "head" } as const;
    const options = { goal, lockWaitMs: 0, beforeSteps: async () => void await beforeSteps?.(database) };
    await check({ upgrade: () => migrate(context, options), context, batches, notes });
  } finally {
    await database.close();
  }
}

async function appliedIds({ database }: RunContext): Promise<readonly string[]> {
  return ((await readApplied(database)) ?? []).map((row) => row.revision).toSorted();
}

test("revisions that only make things share a transaction in an empty database", async () => {
  const scripts = [
    table("a"),
    "CREATE INDEX ix_a ON a (name)",
    "ALTER TABLE a ADD COLUMN size INTEGER",
    "-- harbor:backfill table=a key=id\nUPDATE a SET size = 0 WHERE size IS NULL",
  ];
  await upgrade(scripts, async ({ upgrade, context, batches, notes }) => {
    const { steps } = await upgrade();
    assert.equal(batches.length, 1);
    assert.deepEqual(steps.map(({ revision }) => revision), [0, 1, 2, 3].map(idOf));
    assert.deepEqual(steps[3]!.backfills.map(({ table, rows }) => [table, rows]), [["a", 0]]);
    assert.deepEqual(notes, [0, 1, 2, 3].map(idOf));
    const applied = await readApplied(context.database) ?? [];
    assert.deepEqual(applied.map((row) => row.revision).toSorted(), [0, 1, 2, 3].map(idOf));
    assert.ok(applied.every((row) => row.finishedAt !== null));
  });
});

test("revisions that may have been committed when the answer was lost are not run again", async () => {
  const lost = new HarborError("connection_failed", 'Cannot write to "it"', {
    state: "the server went away",
    details: { committed: "unknown" },
  });
  await upgrade([table("a"), table("b")], async ({ upgrade, batches }) => {
    await rejectsWith("connection_failed", upgrade());
    assert.equal(batches.length, 1);
  }, { afterBatch: () => Promise.reject(lost) });
});

test("a revision that cannot run leaves those before it, as in any other database", async () => {
  await upgrade([table("a"), table("a"), table("b")], async ({ upgrade, context, notes }) => {
    const error = await rejectsWith("statement_failed", upgrade());
    assert.match(error.message, /000000000002.*sqlite\/000000000002_step\.sql:1/);
    assert.equal(error.details["revision"], idOf(1));
    assert.deepEqual(await appliedIds(context), [idOf(0)]);
    assert.deepEqual(notes, [0, 1].map(idOf));
  });
});

for (
  const [what, script] of [
    ["puts in rows", "INSERT INTO a VALUES (1, 'one')"],
    ["rebuilds a table", "CREATE TABLE c (id INTEGER); INSERT INTO c SELECT id FROM a; DROP TABLE a"],
    ["runs by itself", `-- harbor:alone\n${table("c")}`],
    ["makes a table of rows", "CREATE TABLE c AS SELECT 1 AS id"],
    ["makes a trigger", "CREATE TRIGGER t AFTER INSERT ON a BEGIN DELETE FROM b; END"],
  ] as const
) {
  test(`a revision that ${what} shares no transaction`, async () => {
    await upgrade([table("a"), table("b"), script, table("d")], async ({ upgrade, context, batches }) => {
      await upgrade();
      const [together, ...single] = batches;
      // harbor-db's own tables and which database it is, each revision, and their records and ways back.
      assert.equal(together, 9);
      assert.ok(single.length >= 3);
      assert.deepEqual(await appliedIds(context), [0, 1, 2, 3].map(idOf));
    });
  });
}

test("a transaction that cannot be stopped has its limits", async () => {
  const indexes = Array.from({ length: 249 }, (_, index) => `CREATE INDEX ix${index} ON a (name)`).join(
    ";\n",
  );
  const scripts = [table("a"), indexes, indexes.replaceAll("ix", "iy"), table("b"), table("c"), table("d")];
  await upgrade(scripts, async ({ upgrade, batches, context }) => {
    await upgrade();
    // The last with what is written down of all its revisions.
    assert.deepEqual(batches.slice(1), [2 + 2]);
    assert.equal((await appliedIds(context)).length, 6);
  });
});

/** As many statements as fill a transaction behind the table `a`. */
const many = Array.from({ length: 499 }, (_, index) => `CREATE INDEX ix${index} ON a (id)`).join(";\n");
const insert = (database: Database) => database.write([sql`INSERT INTO a VALUES (1, 'one')`]);

for (
  const [what, script] of [
    ["backfill", "-- harbor:backfill table=a key=id\nUPDATE a SET name = 'filled' WHERE name = 'one'"],
    ["update", "UPDATE a SET name = 'filled' WHERE name = 'one'"],
  ] as const
) {
  test(`${what} of a table of an earlier transaction sees the rows that somebody wrote into it`, async () => {
    const afterBatch = (database: Database, count: number) =>
      count === 1 ? insert(database) : Promise.resolve();
    await upgrade([table("a"), many, script, table("z")], async ({ upgrade, context, batches }) => {
      await upgrade();
      assert.ok(batches.length > 2);
      assert.deepEqual(await context.database.read(sql`SELECT name FROM a`), [{ name: "filled" }]);
    }, { afterBatch });
  });
}
for (
  const [what, scripts, others] of [
    ["of an earlier transaction", [table("a"), many], {
      afterBatch: (database: Database, count: number) => count === 1 ? insert(database) : Promise.resolve(),
    }],
    ["that others made meanwhile", [table("a").replace("TABLE", "TABLE IF NOT EXISTS")], {
      beforeSteps: async (database: Database) => {
        await database.write([sql.raw(table("a"))]);
        await insert(database);
      },
    }],
  ] as const
) {
  test(`what a column holds of a table ${what} is kept when it goes`, async () => {
    await upgrade([...scripts, "ALTER TABLE a DROP COLUMN name", table("z")], async ({ upgrade }) => {
      const { steps } = await upgrade();
      assert.deepEqual(steps.flatMap(({ kept }) => kept.map(({ columns, rows }) => [...columns, rows])), [[
        "name",
        1,
      ]]);
    }, others);
  });
}

test("a database that has something in it gets its revisions one by one", async () => {
  await upgrade([table("a"), table("b"), table("c")], async ({ context, batches }) => {
    const goal = (text: string) => ({ goal: { direction: "upgrade", text } as const, lockWaitMs: 0 });
    await migrate(context, goal("+1"));
    await context.database.write([sql`INSERT INTO a VALUES (1, 'one')`]);
    const before = batches.length;
    await migrate(context, goal("head"));
    // Two revisions, and how long they took.
    assert.equal(batches.length - before, 3);
  });
});
