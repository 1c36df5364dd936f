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

onEngines(
  ["sqlite file", "postgres 15"],
  "an upsert on a table of nothing but its key keeps nothing",
  async (given) => {
    const setup = `CREATE TABLE "t" ("id" integer NOT NULL, "c" text NOT NULL, PRIMARY KEY ("id", "c"))`;
    const script =
      "INSERT INTO t (id, c) SELECT id, c FROM t WHERE TRUE ON CONFLICT (id, c) DO UPDATE SET c = 'a'";
    assert.deepEqual(
      await keptOf(
        given,
        setup,
        given.engine.dialect === "sqlite" ? "REPLACE INTO t (id, c) SELECT id, c FROM t" : script,
      ),
      [],
    );
  },
);

onEngines(
  ["sqlite file", "postgres 15"],
  "rows are known by a key that is called otherwise afterwards",
  async (given) => {
    const script =
      `UPDATE t SET c = 'z' WHERE id = 1;--> statement-breakpoint\nALTER TABLE t RENAME COLUMN id TO number`;
    const history = historyOf(given.engine.dialect, [plain, [
      script,
      "ALTER TABLE t RENAME COLUMN number TO id",
    ]]);
    assert.deepEqual(await keptOf(given, plain, script), [["t", "c", 1]]);
    const back = { direction: "downgrade", text: "-1" } as const;
    await migrate(contextOf(given.database, history), { goal: back, lockWaitMs: 0 });
    const values = await given.engine.query(given.url, "SELECT c FROM t ORDER BY id");
    assert.deepEqual(values.map(({ c }) => c), ["a", "b"]);
  },
);

onEngines(
  ["sqlite file", "postgres 15"],
  "rows are known by what stays where their key goes",
  async (given) => {
    const setup = `CREATE TABLE "t" ("id" integer, "c" text, "k" integer NOT NULL DEFAULT 1 UNIQUE)`;
    const script = `UPDATE t SET c = 'z' WHERE id = 1;--> statement-breakpoint\n${
      given.engine.dialect === "sqlite"
        ? `CREATE TABLE n (id integer, c text);--> statement-breakpoint
INSERT INTO n (id, c) SELECT id, c FROM t;--> statement-breakpoint
DROP TABLE t;--> statement-breakpoint
ALTER TABLE n RENAME TO t`
        : "ALTER TABLE t DROP COLUMN k"
    }`;
    const history = historyOf(given.engine.dialect, [setup, [script, "SELECT 1"]]);
    const upgrade = (text: string) =>
      migrate(contextOf(given.database, history), { goal: { direction: "upgrade", text }, lockWaitMs: 0 });
    await upgrade("+1");
    await given.engine.query(given.url, "INSERT INTO t (id, c, k) VALUES (1, 'a', 1), (2, 'b', 2)");
    const { steps } = await upgrade("head");
    const kept = steps.flatMap((step) => step.kept.map(({ columns, rows }) => [columns.join(), rows]));
    assert.deepEqual(kept, [["k", 2], ["c", 1]]);
  },
);
