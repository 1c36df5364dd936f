import assert from "node:assert/strict";
import { copyFile } from "node:fs/promises";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import type { HoldContents } from "../../src/engines/watch/held_contents.ts";
import { holdDigests } from "../../src/engines/postgres/backup/hold_digests.ts";
import { holdFile } from "../../src/engines/sqlite/backup/hold_file.ts";
import type { Dialect } from "../../src/base/dialect.ts";
import type { RunContext } from "../../src/engines/run_context.ts";
import type { History } from "../../src/history/history.ts";
import { migrate } from "../../src/migrate/migrate.ts";
import { planRehearsal } from "../../src/rehearse/of_plan.ts";
import { rehearse } from "../../src/rehearse/rehearse.ts";
import { type Forecast, isSound } from "../../src/rehearse/rules/forecast.ts";
import type { Query } from "../../src/rehearse/rules/queries.ts";
import { contextOf } from "../support/samples/adoption.ts";
import { historyOf, idOf } from "../support/samples/script_history.ts";
import { type Engine, engines, withTestDatabase } from "../support/databases.ts";

const [sqlite, postgres, postgres18] = ["sqlite file", "postgres 15", "postgres 18"].map((name) =>
  engines.find((each) => each.name === name)!
);

const boats = [
  "CREATE TABLE boats (id INTEGER PRIMARY KEY NOT NULL, name TEXT, size INTEGER);\n" +
  "INSERT INTO boats VALUES (1, 'Anna', 3), (2, 'Berta', 4);",
  "DROP TABLE boats;",
] as const;

/** Rehearses the way from the first revision to head, on a database as its own copy. */
function forecastOf(
  engine: Engine,
  second: string | readonly [up: string, down: string],
  direction: "upgrade" | "downgrade" = "upgrade",
  { queries = [], notify = () => {} }: {
    readonly queries?: readonly string[];
    readonly notify?: RunContext["notify"];
  } = {},
): Promise<Forecast> {
  return engine.withDatabase((url) =>
    withTestDatabase(url, async (database) => {
      const history: History = historyOf(engine.dialect, [boats, second]);
      const context = { ...contextOf(database, history), notify };
      const to = direction === "upgrade" ? idOf(0) : "head";
      await migrate(context, { goal: { direction: "upgrade", text: to }, lockWaitMs: 0 });
      const goal = { direction, text: direction === "upgrade" ? "head" : idOf(0) };
      const check = () => Promise.resolve([]);
      const source = queries.length === 0 ? null : { queries: queries.map(placed), remarks: [] };
      const hold = await holdOf(engine, url);
      const plan = { goal, pace: {}, check, hold, queries: source, copyMs: 7 };
      return await rehearse(context, { ...await planRehearsal(context, plan), remarks: () => ["a remark"] });
    })
  );
}

/** Returns what holds what is in a database: of a file another one that is as it. */
async function holdOf({ dialect }: Engine, url: string): Promise<HoldContents> {
  if (dialect === "postgresql") return holdDigests;
  const path = url.replace("sqlite:///", "");
  await copyFile(path, `${path}.was`);
  return holdFile({ path, was: `${path}.was` });
}

function placed(sql: string, at: number): Query {
  return { place: `q.sql:${at + 1}`, sql };
}

test("a rehearsal tells of each step what it does, what changes, and that all of it can be undone", async () => {
  const { steps, failure, schema, losses, compared, wayBack, ms, growth, copyMs, remarks } = await forecastOf(
    sqlite!,
    [
      "ALTER TABLE boats ADD COLUMN berth TEXT;\nUPDATE boats SET berth = 'A';",
      "ALTER TABLE boats DROP COLUMN berth;",
    ],
  );
  assert.equal(failure, null);
  assert.equal(steps.length, 1);
  const [step] = steps;
  assert.deepEqual([step!.revision, step!.direction, step!.isDone, step!.batches], [
    idOf(1),
    "upgrade",
    true,
    1,
  ]);
  assert.ok(step!.rowsChanged >= 2);
  assert.ok(ms >= step!.ms && growth !== null);
  assert.deepEqual(schema, ["column boats.berth comes: TEXT NULL"]);
  assert.deepEqual(losses, []);
  assert.deepEqual(compared, { columns: 3, notCompared: [] });
  assert.deepEqual(wayBack, { why: null, failure: null, differences: [] });
  assert.deepEqual([copyMs, remarks], [7, ["a remark"]]);
});

test("a backfill of a rehearsal is not paced, and its pauses are in the forecast", async () => {
  const rows =
    "INSERT INTO boats WITH RECURSIVE n(i) AS (SELECT 10 UNION ALL SELECT i + 1 FROM n WHERE i < 3000) SELECT i, 'x', 1 FROM n;\n";
  const { steps: [step] } = await forecastOf(sqlite!, [
    `${rows}-- harbor:backfill table=boats key=id\nUPDATE boats SET size = 9 WHERE size <> 9;`,
    "UPDATE boats SET size = 1;",
  ]);
  assert.ok(step!.batches > 2, `${step!.batches} batches`);
  assert.ok(step!.pausesMs! > 0 && step!.ms >= step!.pausesMs!);
});

const timesOfShort = [
  ["is measured twice more on the way there again", 0, [60_000, 5, 30_000], 30_000],
  ["is measured once more where the way back takes long", 1_000, [60_000, 30_000, 5], 30_000],
] as const;
for (const [rule, backMs, pauses, told] of timesOfShort) {
  test(`what is short ${rule}, and the middle of its times counts`, () => shortStep(backMs, pauses, told));
}

/** Rehearses a step that only pauses. */
function shortStep(backMs: number, pauses: readonly number[], told: number): Promise<void> {
  return sqlite!.withDatabase((url) =>
    withTestDatabase(url, async (database) => {
      const context = contextOf(database, historyOf("sqlite", [boats]));
      await migrate(context, { goal: { direction: "upgrade", text: "head" }, lockWaitMs: 0 });
      // Pauses are counted and not made.
      const left = [...pauses];
      let connections = 0;
      const step = (direction: "upgrade" | "downgrade") => async ({ notify, signal }: RunContext) => {
        notify({ kind: "step", id: idOf(0), name: "boats", direction });
        const { pause } = await database.pace("boats");
        if (direction === "upgrade") await pause(left.shift()!, signal);
        else await sleep(backMs);
      };
      const { steps, wayBack } = await rehearse(context, {
        forward: step("upgrade"),
        back: step("downgrade"),
        origins: () => null,
        check: () => Promise.resolve([]),
        hold: await holdOf(sqlite!, url),
        queries: null,
        copyMs: 0,
        remarks: () => [],
        anew: (work) => {
          connections++;
          return work(context);
        },
      });
      assert.equal(connections, pauses.length - left.length);
      assert.equal(wayBack!.failure, null);
      assert.deepEqual(steps.map(({ direction, pausesMs }) => [direction, pausesMs]), [["upgrade", told]]);
    })
  );
}

test("a step that fails is the forecast, not an error, and nothing is tried after it", async () => {
  const { steps, failure, wayBack, schema } = await forecastOf(
    sqlite!,
    "INSERT INTO boats VALUES (1, 'again', 0);",
  );
  assert.equal(failure?.code, "statement_failed");
  assert.match(failure!.message, /Cannot upgrade "000000000002".*UNIQUE/);
  assert.deepEqual([steps[0]?.isDone, wayBack, schema], [false, null, []]);
});

test("what has no way back says so, and one that fails says why", async () => {
  const { wayBack: none } = await forecastOf(sqlite!, "ALTER TABLE boats ADD COLUMN berth TEXT;");
  assert.match(none!.why!, /it has no downgrade script/);
  const { wayBack: bad } = await forecastOf(sqlite!, [
    "ALTER TABLE boats ADD COLUMN berth TEXT;",
    "DROP TABLE ships;",
  ]);
  assert.match(bad!.failure!.message, /ships/);
});

/** A trigger that does something beside what a step says, and goes again. */
const besides: Readonly<Record<Dialect, (what: string) => string>> = {
  sqlite: (what) =>
    `CREATE TRIGGER t AFTER INSERT ON notes BEGIN ${what}; END;\nINSERT INTO notes VALUES (1);\nDROP TRIGGER t;`,
  postgresql: (what) =>
    `CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN ${what}; RETURN NULL; END $$;\n` +
    "CREATE TRIGGER t AFTER INSERT ON notes FOR EACH ROW EXECUTE FUNCTION f();\n" +
    "INSERT INTO notes VALUES (1);\nDROP TRIGGER t ON notes;\nDROP FUNCTION f();",
};

// One row a rule: what happens, the columns that are others, and whether only a file is asked.
const losing = [
  ["UPDATE boats SET name = 'lost' WHERE id = 2", ["name"], true],
  ["UPDATE boats SET size = 7 - size", ["size"]],
  ["UPDATE boats SET name = NULL WHERE id = 1", ["name"]],
  ["UPDATE boats SET id = id + 1 WHERE id = 2", ["id", "name", "size"], true],
  ["DELETE FROM boats WHERE id = 1", ["id", "name", "size"]],
  ["UPDATE boats SET size = size", [], true],
] as const;

for (const engine of [sqlite!, postgres!]) {
  for (const [what, changed, isOfFile = false] of losing) {
    if (isOfFile && engine !== sqlite) continue;
    test(`${engine.name}: rows are compared with what they were: ${what}`, async () => {
      const { losses, failure } = await forecastOf(engine, [
        `CREATE TABLE notes (id INTEGER PRIMARY KEY NOT NULL);\n${besides[engine.dialect](what)}`,
        "DROP TABLE notes;",
      ]);
      assert.equal(failure, null);
      assert.deepEqual(losses, changed.map((column) => `boats.${column} has other values than before`));
    });
  }
}

test("a way back that loses values is told", async () => {
  const { wayBack } = await forecastOf(sqlite!, [
    "ALTER TABLE boats ADD COLUMN berth TEXT;",
    "ALTER TABLE boats DROP COLUMN berth;\nUPDATE boats SET name = 'lost';",
  ]);
  assert.deepEqual(wayBack!.differences, ["boats.name has other values than before"]);
});

test("a downgrade is rehearsed down, and up again", async () => {
  const { steps, wayBack, schema } = await forecastOf(sqlite!, [
    "ALTER TABLE boats ADD COLUMN berth TEXT;",
    "ALTER TABLE boats DROP COLUMN berth;",
  ], "downgrade");
  assert.deepEqual(steps.map(({ direction }) => direction), ["downgrade"]);
  assert.deepEqual(schema, ["column boats.berth goes"]);
  assert.equal(wayBack!.failure, null);
});

test("PostgreSQL: locks by table, rows read, WAL and columns that were compared in the forecast", async () => {
  const { steps: [step], losses, compared, failure, wayBack } = await forecastOf(postgres!, [
    "ALTER TABLE boats ALTER COLUMN size TYPE bigint;\nUPDATE boats SET size = size + 1;",
    "ALTER TABLE boats ALTER COLUMN size TYPE integer;\nUPDATE boats SET size = size - 1;",
  ]);
  assert.equal(failure, null);
  assert.deepEqual([step!.locks[0]!.table, step!.locks[0]!.blocks], ["boats", "readers and writers"]);
  assert.equal(step!.rowsChanged, 2);
  assert.ok(step!.rowsRead! >= 2);
  assert.ok(step!.growth!.logBytes > 0);
  assert.deepEqual(losses, []);
  assert.equal(compared.columns, 2);
  assert.deepEqual(wayBack, { why: null, failure: null, differences: [] });
});

test("PostgreSQL: rows read are not told of a step that has statements of which nobody counts them", async () => {
  const { steps: [step], failure } = await forecastOf(postgres!, [
    "UPDATE boats SET size = size + 1;\n-- harbor:concurrently\nCREATE INDEX ix_boats_name ON boats (name);",
    "DROP INDEX ix_boats_name;\nUPDATE boats SET size = size - 1;",
  ]);
  assert.equal(failure, null);
  assert.deepEqual([step!.rowsRead, step!.rowsChanged], [null, 2]);
});

test("PostgreSQL: on the way back nothing is put aside beside writers, of whom the copy has none", async () => {
  const told: string[] = [];
  const way = [
    "INSERT INTO boats SELECT i, 'boat', 1 FROM generate_series(10, 11000) AS i ON CONFLICT DO NOTHING;\nALTER TABLE boats ADD COLUMN berth TEXT DEFAULT 'A';",
    "ALTER TABLE boats DROP COLUMN berth;\nALTER TABLE boats DROP COLUMN size;\nALTER TABLE boats ADD COLUMN size INTEGER;",
  ] as const;
  const notify: RunContext["notify"] = (event) => void (event.kind === "doing" && told.push(event.text));
  const { wayBack } = await forecastOf(postgres!, way, "upgrade", { notify });
  assert.equal(wayBack!.failure, null);
  assert.deepEqual(told.filter((text) => text.startsWith("putting aside")), []);
  await forecastOf(postgres!, way, "downgrade", { notify });
  const back = told.lastIndexOf("going back, and there again");
  const asides = (texts: readonly string[]) => texts.filter((text) => text.startsWith("putting aside"));
  assert.deepEqual(asides(told.slice(0, back)), ["putting aside what goes of boats"]);
  // Where the way there again is measured, because it was short, it is gone as the first one was.
  const again = asides(told.slice(back));
  assert.deepEqual(again, ["putting aside what goes of boats"].slice(0, again.length));
});

const searched = [
  "CREATE INDEX ix_boats_name ON boats (name);\nALTER TABLE boats ADD COLUMN berth TEXT;\nALTER TABLE boats DROP COLUMN size;",
  "DROP INDEX ix_boats_name;\nALTER TABLE boats DROP COLUMN berth;\nALTER TABLE boats ADD COLUMN size INTEGER;",
] as const;

/** Asked for on a way down, which takes `berth` and the index. */
const asked = [
  "SELECT id FROM boats WHERE id = :id",
  "SELECT b.id FROM boats AS b WHERE b.name = ?",
  "UPDATE boats SET berth = %(berth)s WHERE id = %(id)s",
  "INSERT INTO boats (id, size) VALUES ($1, $2)",
  "DELETE FROM ships",
  "VACUUM",
];

const manyBoats =
  "INSERT INTO boats (id, name) WITH RECURSIVE n(i) AS (SELECT 10 UNION ALL SELECT i + 1 FROM n WHERE i < 9000) SELECT i, 'boat ' || i FROM n WHERE i NOT IN (SELECT id FROM boats);\n";

for (const engine of [sqlite!, postgres!, postgres18!]) {
  test(`${engine.name}: queries that break and plans that get worse are told, and none is run`, async () => {
    const [up, down] = searched;
    const forecast = await forecastOf(engine, [`${up}\n${manyBoats}`, down], "downgrade", {
      queries: asked,
    });
    const { count, broken, worse, unjudged, added } = forecast.queries!;
    assert.equal(forecast.failure, null);
    assert.equal(count, asked.length);
    assert.deepEqual(broken.map(({ place }) => place), ["q.sql:3"]);
    assert.match(broken[0]!.why, /berth/);
    assert.deepEqual(worse.map(({ place }) => place), ["q.sql:2"]);
    assert.equal(worse[0]!.reasons[0], "it no longer uses ix_boats_name of boats");
    assert.match(worse[0]!.before.join(), /ix_boats_name/);
    assert.match(worse[0]!.after.join(), /scan/i);
    assert.deepEqual(unjudged.map(({ place }) => place), ["q.sql:5", "q.sql:6"]);
    assert.match(unjudged[0]!.why, /ships/);
    assert.deepEqual(added.map(({ place }) => place), ["q.sql:4"]);
    assert.ok(!isSound(forecast));
    // A query that was run would have left rows with other values.
    assert.deepEqual(forecast.losses, []);
  });
}
