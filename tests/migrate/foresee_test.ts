import assert from "node:assert/strict";
import { test } from "node:test";
import type { SQL } from "drizzle-orm";
import type { History } from "../../src/history/history.ts";
import { foresee } from "../../src/migrate/foresee.ts";
import { migrate } from "../../src/migrate/migrate.ts";
import { preparePlan } from "../../src/migrate/prepare_plan.ts";
import { countRows, countText, countWhere, sumOf } from "../../src/state/count_rows.ts";
import { engines, withTestDatabase } from "../support/databases.ts";
import { contextOf } from "../support/samples/adoption.ts";
import { ddlOf, rebuildOf, type SampleTable, schemaHistory } from "../support/samples/schema_history.ts";
import { idOf } from "../support/samples/script_history.ts";

const notes: SampleTable = { columns: { id: "integer!", title: "text", size: "integer" } };
const named: SampleTable = { columns: { id: "integer!", name: "text", size: "integer", tag: "text" } };
const tags: SampleTable = { columns: { id: "integer!", word: "text" } };

/** Renames a column, a table and makes another; each way back takes away what the revision brought, and no more. */
const history: History = schemaHistory("sqlite", [
  { tables: { notes }, up: ddlOf("notes", notes), down: ['DROP TABLE "notes"'] },
  {
    tables: { notes: named },
    up: ['ALTER TABLE "notes" RENAME COLUMN "title" TO "name"', 'ALTER TABLE "notes" ADD COLUMN "tag" text'],
    down: rebuildOf("notes", notes, { title: '"name"' }),
  },
  {
    tables: { papers: named, tags },
    up: ['ALTER TABLE "notes" RENAME TO "papers"', ...ddlOf("tags", tags)],
    down: ['DROP TABLE "tags"', 'ALTER TABLE "papers" RENAME TO "notes"'],
  },
]);

async function foreseen(statements: readonly string[], target: string, of = history) {
  return await engines[0]!.withDatabase(async (url) =>
    await withTestDatabase(url, async (database) => {
      const context = contextOf(database, of);
      await migrate(context, { goal: { direction: "upgrade", text: "head" }, lockWaitMs: 0 });
      for (const sql of statements) await engines[0]!.query(url, sql);
      const plan = await preparePlan(context, { direction: "downgrade", text: target });
      const seen = await foresee(context, plan);
      return {
        going: seen?.going.map(({ table, column, count }) => `${table}.${column}: ${countText(count)}`),
        after: seen?.schemas?.after.tables.map(({ name, columns }) =>
          `${name}(${columns.map((column) => column.name).join()})`
        ),
      };
    })
  );
}

const rows = [
  "INSERT INTO papers (id, name, size, tag) VALUES (1, 'a', 1, 'x'), (2, 'b', NULL, NULL), (3, NULL, 3, NULL)",
  "INSERT INTO tags (id, word) VALUES (1, 'x')",
];

test("what is renamed does not go; what goes is counted under the name that it has now", async () => {
  assert.deepEqual(await foreseen(rows, idOf(1)), {
    going: ["tags.null: 1 row"],
    after: ["notes(id,name,size,tag)"],
  });
  assert.deepEqual(await foreseen(rows, "base"), {
    going: ["papers.null: 3 rows", "tags.null: 1 row"],
    after: [],
  });
});

test("tables and columns that no revision knows stay, and count for the releases that run then", async () => {
  const strange = ["CREATE TABLE own (id INTEGER)", "ALTER TABLE tags ADD COLUMN extra TEXT"];
  const { after } = await foreseen([...rows, ...strange], idOf(1));
  assert.deepEqual(after, ["notes(id,name,size,tag)", "own(id)"]);
});

test("what a script alone tells goes, too: of tables and columns that no snapshot has", async () => {
  const byHand = schemaHistory("sqlite", [
    { tables: { notes }, up: ddlOf("notes", notes), down: ['DROP TABLE "notes"'] },
    {
      tables: { notes },
      up: [...ddlOf("tags", tags), 'ALTER TABLE "notes" ADD COLUMN "by_hand" text'],
      down: ['DROP TABLE "tags"', 'ALTER TABLE "notes" DROP COLUMN "by_hand"'],
    },
  ]);
  const going = (target: string) =>
    foreseen(
      ["INSERT INTO tags VALUES (1, 'x')", "INSERT INTO notes VALUES (1, 't', 1, 'v'), (2, 't', 1, NULL)"],
      target,
      byHand,
    );
  assert.deepEqual((await going(idOf(0))).going, ["notes.by_hand: 1 row", "tags.null: 1 row"]);
  assert.deepEqual((await going("base")).going, ["notes.null: 2 rows", "tags.null: 1 row"]);
});

test("a column that a rebuild leaves out goes with its values", async () => {
  const one = schemaHistory("sqlite", [
    { tables: { notes }, up: ddlOf("notes", notes), down: ['DROP TABLE "notes"'] },
    {
      tables: { notes: { columns: { ...notes.columns, tag: "text" } } },
      up: ['ALTER TABLE "notes" ADD COLUMN "tag" text'],
      down: rebuildOf("notes", notes),
    },
  ]);
  await engines[0]!.withDatabase(async (url) =>
    await withTestDatabase(url, async (database) => {
      const context = contextOf(database, one);
      await migrate(context, { goal: { direction: "upgrade", text: "head" }, lockWaitMs: 0 });
      await engines[0]!.query(url, "INSERT INTO notes (id, tag) VALUES (1, 'x'), (2, NULL)");
      const plan = await preparePlan(context, { direction: "downgrade", text: "-1" });
      assert.deepEqual((await foresee(context, plan))?.going, [
        { table: "notes", column: "tag", count: { rows: 1, isAtLeast: false } },
      ]);
    })
  );
});

test("a column that one step drops and the next makes anew goes with its values", async () => {
  const tagged: SampleTable = { columns: { ...notes.columns, tag: "text" } };
  const [add, drop] = ['ALTER TABLE "notes" ADD COLUMN "tag" text', 'ALTER TABLE "notes" DROP COLUMN "tag"'];
  const back = schemaHistory("sqlite", [
    { tables: { notes: tagged }, up: ddlOf("notes", tagged), down: ['DROP TABLE "notes"'] },
    { tables: { notes }, up: [drop], down: [add] },
    { tables: { notes: tagged }, up: [add], down: [drop] },
  ]);
  await engines[0]!.withDatabase(async (url) =>
    await withTestDatabase(url, async (database) => {
      const context = contextOf(database, back);
      await migrate(context, { goal: { direction: "upgrade", text: "head" }, lockWaitMs: 0 });
      const plan = await preparePlan(context, { direction: "downgrade", text: "-2" });
      assert.deepEqual((await foresee(context, plan))?.going.map(({ column }) => column), ["tag"]);
    })
  );
});

// A table is counted in slices, so that nobody who writes waits long; a view has no row ids to cut it by.
for (const kind of ["TABLE", "VIEW"]) {
  test(`a large ${kind.toLowerCase()} is counted in part, which is said`, () =>
    engines[0]!.withDatabase(async (url) => {
      await engines[0]!.query(
        url,
        `CREATE ${kind} many AS WITH RECURSIVE n(id) AS (SELECT 1 UNION ALL SELECT id + 1 FROM n LIMIT 1000002) ` +
          "SELECT id, CASE WHEN id % 2 = 0 THEN id END AS half FROM n",
      );
      await withTestDatabase(url, async (database) => {
        const counts = await countRows(database, "many", ["half"]);
        assert.deepEqual(counts?.map((count) => countText(count, "value")), [
          "at least 1\u00a0000\u00a0000 values",
          "at least 500\u00a0000 values",
        ]);
        assert.equal(await countRows(database, "nowhere"), null);
        assert.deepEqual(sumOf([counts![0], counts![1]!]), { rows: 1_500_000, isAtLeast: true });
        assert.equal(countText(sumOf([counts![0], null])), "rows that this user may not count");
      });
    }));
}

test("rows that conditions mean are counted in slices, and no more of them are looked at than of all", () =>
  engines[0]!.withDatabase(async (url) => {
    await engines[0]!.query(
      url,
      "CREATE TABLE many AS WITH RECURSIVE n(id) AS (SELECT 1 UNION ALL SELECT id + 1 FROM n LIMIT 1000002) SELECT id FROM n",
    );
    await withTestDatabase(url, async (database) => {
      let slices = 0;
      const watched = Object.assign(Object.create(database), {
        read: (query: SQL) => {
          slices++;
          return database.read(query);
        },
      });
      const conditions = ["many.id > 7", '"many"."id" % 2 = 0', "id IS NULL"];
      const signal = new AbortController().signal;
      const counts = (...texts: readonly string[]) =>
        countWhere(
          { database: watched, signal },
          "many",
          texts.map((condition) => ({
            at: 0,
            condition,
            names: ["id"],
            found: "look" as const,
            changes: null,
          })),
        );
      assert.deepEqual([...await counts(...conditions)], [
        [conditions[0], 999_993],
        [conditions[1], 500_000],
        [conditions[2], 0],
      ]);
      // With a rollback journal nobody commits while one of them is read.
      assert.ok(slices > 20, String(slices));
      assert.deepEqual([...await counts("nowhere = 1")], []);
    });
  }));
