import assert from "node:assert/strict";
import type { Database } from "../../src/engines/database.ts";
import { readKept } from "../../src/engines/kept_table.ts";
import { migrate } from "../../src/migrate/migrate.ts";
import { onEngines } from "../support/each_engine.ts";
import { contextOf } from "../support/samples/adoption.ts";
import { says } from "../support/dying_database.ts";
import { historyOf } from "../support/samples/script_history.ts";
import { sql } from "../support/user_sql.ts";

const names = ["sqlite file", "postgres 18"] as const;
const rows = 2_000;
const files = `CREATE TABLE "files" ("id" integer NOT NULL PRIMARY KEY, "size" integer, "name" text)`;
const more =
  `-- harbor:backfill table=files key=id\nUPDATE "files" SET "size" = "size" + 1 WHERE "name" IS NOT NULL`;

/** Puts files of size 0 between two ids into the table. */
const add = (from: number, to: number) =>
  sql`INSERT INTO files (id, size, name) WITH RECURSIVE n(i) AS (SELECT ${
    sql.raw(String(from))
  } UNION ALL SELECT i + 1 FROM n WHERE i < ${sql.raw(String(to))}) SELECT i, 0, 'a' FROM n`;

/** Returns the database with something that happens after its nth write, once that has committed. */
function afterWrite(database: Database, nth: number, then: () => Promise<void>): Database {
  let writes = 0;
  return {
    ...database,
    async write(batch, mode = "rows") {
      const changed = await database.write(batch, mode);
      writes++;
      if (writes === nth) await then();
      return changed;
    },
  };
}

onEngines(names, "a backfill that does not end its own condition changes each row once", async (given) => {
  const { engine, database } = given;
  const history = historyOf(engine.dialect, [files, more]);
  const upgrade = (to: Database, text: string) =>
    migrate(contextOf(to, history), { goal: { direction: "upgrade", text }, lockWaitMs: 0 });
  await upgrade(database, "+1");
  await database.write([add(1, rows)]);
  const killed = afterWrite(database, 5, () => Promise.reject(new Error("killed")));
  await assert.rejects(upgrade(killed, "head"), /killed/);
  const busy = afterWrite(database, 2, async () => {
    // More than are left to the closing batch, and some that are; one behind the cursor.
    await database.write([add(rows + 1, rows + 1_500)]);
    await database.write([sql`INSERT INTO files (id, size, name) VALUES (0, 0, 'behind')`]);
  });
  const { steps: [step] } = await upgrade(busy, "head");
  assert.equal(step!.backfills[0]!.rows, rows + 1_500);
  const found = await database.read<{ id: unknown; size: unknown }>(
    sql`SELECT id, size FROM files WHERE size <> 1 ORDER BY id`,
  );
  assert.deepEqual(found.map(({ id, size }) => [Number(id), Number(size)]), [[0, 0]]);
});

onEngines(
  names,
  "what a backfill changes again behind its cursor is kept once",
  async ({ engine, database }) => {
    const fill =
      `-- harbor:backfill table=files key=id\nUPDATE "files" SET "name" = 'x' WHERE "name" IS NULL`;
    const history = historyOf(engine.dialect, [files, [fill, "SELECT 1"]]);
    const upgrade = (to: Database, text: string) =>
      migrate(contextOf(to, history), { goal: { direction: "upgrade", text }, lockWaitMs: 0 });
    await upgrade(database, "+1");
    await database.write([add(1, rows), sql`UPDATE files SET name = NULL`]);
    const busy = afterWrite(database, 5, async () => {
      await database.write([sql`UPDATE files SET name = NULL WHERE id < 3`]);
    });
    const { steps: [step] } = await upgrade(busy, "head");
    assert.equal(step!.backfills[0]!.rows, rows + 2);
    const [kept] = await readKept(database);
    assert.equal(kept!.rows, rows);
  },
);

onEngines(
  ["postgres 18"],
  "what others write between two statements of a batch is not changed unkept",
  async ({ engine, database, url }) => {
    const up = `-- harbor:backfill table=files key=id\nUPDATE "files" SET "name" = upper("name")`;
    const history = historyOf(engine.dialect, [files, [up, "SELECT 1"]]);
    const go = (to: Database, direction: "upgrade" | "downgrade", text: string) =>
      migrate(contextOf(to, history), { goal: { direction, text }, lockWaitMs: 0 });
    await go(database, "upgrade", "+1");
    await database.write([sql`INSERT INTO files VALUES (1, 0, 'One'), (2, 0, 'Two')`]);
    let others: Promise<unknown> = Promise.resolve();
    const slow: Database = {
      ...database,
      write(batch, mode = "rows") {
        const [first, ...rest] = batch;
        const isBackfill = rest.some((each) => says(each, "upper"));
        if (!isBackfill) return database.write(batch, mode);
        const meanwhile = [
          `INSERT INTO files VALUES (3, 0, 'Three')`,
          `UPDATE files SET name = 'New' WHERE id = 2`,
        ];
        others = Promise.all(meanwhile.map((statement) => engine.query(url, statement)));
        return database.write([first!, sql`SELECT pg_sleep(0.5)`, ...rest], mode);
      },
    };
    await go(slow, "upgrade", "head");
    await others;
    await go(database, "downgrade", "-1");
    const found = await engine.query(url, "SELECT name FROM files ORDER BY id");
    assert.deepEqual(found.map(({ name }) => name), ["One", "New", "Three"]);
  },
);

onEngines(
  names,
  "of what a backfill lets stay nothing is kept, unless the way back changes it",
  async (given) => {
    const { engine, database } = given;
    const backfill = (column: string) =>
      `-- harbor:backfill table=files key=id\nUPDATE "files" SET "${column}" = upper("${column}")`;
    const history = historyOf(engine.dialect, [
      `CREATE TABLE "files" ("id" integer NOT NULL PRIMARY KEY, "a" text, "b" text)`,
      [
        [backfill("a"), backfill("b")].join(";--> statement-breakpoint\n"),
        `UPDATE "files" SET "b" = lower("b")`,
      ],
    ]);
    const upgrade = (text: string) =>
      migrate(contextOf(database, history), { goal: { direction: "upgrade", text }, lockWaitMs: 0 });
    await upgrade("+1");
    await database.write([sql`INSERT INTO files VALUES (1, 'a', 'A'), (2, 'A', 'A'), (3, NULL, NULL)`]);
    await upgrade("head");
    const found = (await readKept(database)).map(({ columns, rows }) => [columns[0]!.name, rows]);
    assert.deepEqual(found, [["a", 1], ["b", 3]]);
  },
);
