import assert from "node:assert/strict";
import { readKept } from "../../../src/engines/kept_table.ts";
import { migrate } from "../../../src/migrate/migrate.ts";
import { type Given, onEngines } from "../../support/each_engine.ts";
import { contextOf } from "../../support/samples/adoption.ts";
import { historyOf } from "../../support/samples/script_history.ts";

/** Runs a script on two rows, and returns what it kept of them. */
async function keptOf({ engine, database, url }: Given, setup: string, script: string) {
  const history = historyOf(engine.dialect, [setup, [script, "SELECT 1"]]);
  const upgrade = (text: string) =>
    migrate(contextOf(database, history), { goal: { direction: "upgrade", text }, lockWaitMs: 0 });
  await upgrade("+1");
  await engine.query(url, "INSERT INTO t (id, c) VALUES (1, 'a'), (2, 'b')");
  const { steps } = await upgrade("head");
  return steps.flatMap(({ kept }) => kept.map(({ table, columns, rows }) => [table, columns.join(), rows]));
}

const plain = `CREATE TABLE "t" ("id" integer NOT NULL PRIMARY KEY, "c" text)`;

onEngines(["sqlite file", "postgres 15"], "what an UPDATE behind WITH overwrites is kept", async (given) => {
  const script = `WITH n AS (SELECT 1 AS id) UPDATE t SET c = 'z' WHERE id IN (SELECT id FROM n)`;
  assert.deepEqual(await keptOf(given, plain, script), [["t", "c", 1]]);
});

onEngines(["postgres 15"], "what MERGE overwrites is kept", async (given) => {
  const script =
    `MERGE INTO t USING (SELECT 2 AS id) AS n ON n.id = t.id WHEN MATCHED THEN UPDATE SET c = 'z'`;
  assert.deepEqual(await keptOf(given, plain, script), [["t", "c", 1]]);
});

onEngines(["postgres 15"], "a column that goes with its type is kept", async (given) => {
  const setup = `CREATE TYPE mood AS ENUM ('a', 'b');--> statement-breakpoint\n${
    plain.replace("text", "mood")
  }`;
  assert.deepEqual(await keptOf(given, setup, "DROP TYPE mood CASCADE"), [["t", "c", 2]]);
});

onEngines(["sqlite file"], "what REPLACE overwrites is kept", async (given) => {
  const script = "REPLACE INTO t (id, c) VALUES (2, 'z')";
  assert.deepEqual(await keptOf(given, plain, script), [["t", "c", 1]]);
  const history = historyOf("sqlite", [plain, [script, "SELECT 1"]]);
  const back = { direction: "downgrade", text: "-1" } as const;
  await migrate(contextOf(given.database, history), { goal: back, lockWaitMs: 0 });
  assert.deepEqual(await readKept(given.database), []);
  const values = await given.engine.query(given.url, "SELECT c FROM t ORDER BY id");
  assert.deepEqual(values.map(({ c }) => c), ["a", "b"]);
});
