import assert from "node:assert/strict";
import { test } from "node:test";
import { readKept } from "../../../src/engines/kept_table.ts";
import { migrate } from "../../../src/migrate/migrate.ts";
import { dyingAt } from "../../support/dying_database.ts";
import { engines, withTestDatabase } from "../../support/databases.ts";
import { rejectsWith } from "../../support/harbor_error.ts";
import { contextOf } from "../../support/samples/adoption.ts";
import { historyOf } from "../../support/samples/script_history.ts";

const breakpoint = ";--> statement-breakpoint\n";
const engine = engines.find(({ name }) => name === "postgres 15")!;

/** Beside a table that is called alike in the default schema. */
const made = [
  "CREATE TABLE x (id integer PRIMARY KEY, v text)",
  "CREATE SCHEMA archive",
  "CREATE TABLE archive.x (id integer PRIMARY KEY, v text, w text)",
];

/** What a script does there, and what is refused of it: nothing where `null`. */
const cases: readonly (readonly [
  what: string,
  script: readonly string[],
  refused: { readonly table: string; readonly columns: readonly string[] } | null,
])[] = [
  ["a table that goes", ["DROP TABLE archive.x"], { table: "archive.x", columns: [] }],
  ["one in quotes", [`DROP TABLE IF EXISTS "archive" . "x"`], { table: "archive.x", columns: [] }],
  ["a schema that goes", ["DROP SCHEMA archive CASCADE"], { table: "archive.x", columns: [] }],
  ["a column that goes", ["ALTER TABLE archive.x DROP COLUMN v"], { table: "archive.x", columns: ["v"] }],
  ["a column without values", ["ALTER TABLE archive.x DROP COLUMN w"], null],
  [
    "a row that is there already",
    ["INSERT INTO archive.x VALUES (1, 'theirs') ON CONFLICT (id) DO UPDATE SET v = excluded.v"],
    null,
  ],
  ["a table of the script's own", ["CREATE TABLE archive.y (id integer)", "DROP TABLE archive.y"], null],
  [
    "another schema's of the script",
    ["CREATE SCHEMA b", "CREATE TABLE b.x (id integer)", "DROP TABLE b.x"],
    null,
  ],
];

for (const [what, script, refused] of cases) {
  test(`postgres 15: in a schema that no snapshot names, ${what} ${refused === null ? "goes on" : "is refused"}`, () =>
    engine.withDatabase((url) =>
      withTestDatabase(url, async (database) => {
        const history = historyOf("postgresql", [
          [made.join(breakpoint), "SELECT 1"],
          [script.join(breakpoint), "SELECT 1"],
        ]);
        const go = (text: string, keep = true) =>
          migrate(contextOf(database, history), {
            goal: { direction: "upgrade", text },
            lockWaitMs: 0,
            keep,
          });
        await go("+1");
        await engine.query(
          url,
          "INSERT INTO x VALUES (1, 'own'); INSERT INTO archive.x VALUES (1, 'theirs')",
        );
        if (refused !== null) {
          const error = await rejectsWith("data_conflict", go("head"));
          assert.deepEqual(error.details, refused);
          assert.match(error.hint ?? "", /^Nothing was changed\. .*--no-keep$/);
          assert.deepEqual(await engine.query(url, "SELECT v FROM archive.x"), [{ v: "theirs" }]);
          await go("head", false);
        } else await go("head");
        assert.deepEqual(await readKept(database), [], "what is called alike is another table");
        assert.deepEqual(await engine.query(url, "SELECT v FROM x"), [{ v: "own" }]);
      })
    ));
}

test("postgres 15: in a database that was empty, a table of scripts in such a schema goes with their rows", () =>
  engine.withDatabase((url) =>
    withTestDatabase(url, async (database) => {
      const history = historyOf("postgresql", [
        made.join(breakpoint),
        "INSERT INTO archive.x VALUES (1, 'scripts')",
        "CREATE INDEX x_v ON x (v)",
        "DROP TABLE archive.x",
      ]);
      await migrate(contextOf(database, history), {
        goal: { direction: "upgrade", text: "head" },
        lockWaitMs: 0,
      });
      await assert.rejects(engine.query(url, "SELECT * FROM archive.x"));
    })
  ));

test("postgres 15: what an earlier step of the run or another program put in such a schema does not go in silence", () =>
  engine.withDatabase((url) =>
    withTestDatabase(url, async (database) => {
      const history = historyOf("postgresql", [
        made[0]!,
        [...made.slice(1), "INSERT INTO archive.x SELECT id, v FROM x"].join(breakpoint),
        "-- harbor:alone\nCREATE INDEX CONCURRENTLY x_v ON x (v);--> statement-breakpoint\nDROP TABLE archive.x",
      ]);
      const go = (text: string, during = "SELECT 1", on = database) =>
        migrate(contextOf(on, history), {
          goal: { direction: "upgrade", text },
          lockWaitMs: 0,
          beforeSteps: async () => void await engine.query(url, during),
        });
      await go("+1");
      await engine.query(url, "INSERT INTO x VALUES (1, 'own')");
      const error = await rejectsWith("data_conflict", go("head"));
      assert.match(error.hint ?? "", /^Nothing of this revision was done\./);
      assert.deepEqual(await engine.query(url, "SELECT v FROM archive.x"), [{ v: "own" }]);
      // Nor what the application put there while the backup ran.
      await engine.query(url, "DELETE FROM archive.x");
      const late = await rejectsWith("data_conflict", go("head", "INSERT INTO archive.x VALUES (2, 'late')"));
      assert.match(late.hint ?? "", /^Nothing of this revision was done\./);
      assert.deepEqual(await engine.query(url, "SELECT v FROM archive.x"), [{ v: "late" }]);
      // The same of a revision that was interrupted.
      await engine.query(url, "DELETE FROM archive.x");
      await assert.rejects(go("head", undefined, dyingAt(database, "DROP TABLE archive.x")), /killed/);
      const half = await rejectsWith("data_conflict", go("head", "INSERT INTO archive.x VALUES (2, 'late')"));
      assert.match(half.hint ?? "", /^Nothing more of this revision was done\./);
    })
  ));
