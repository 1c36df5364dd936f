import assert from "node:assert/strict";
import { test } from "node:test";
import { proveRevisions } from "../../src/author/proof/prove.ts";
import type { CopiedScratch, Scratch } from "../../src/engines/scratch.ts";
import { memoryScratch } from "../../src/engines/sqlite/scratch.ts";
import { testClient } from "../support/databases.ts";
import { rejectsWith } from "../support/harbor_error.ts";
import { proofSetting } from "../support/prove_engines.ts";
import {
  ddlOf,
  rebuildOf,
  type SampleRevision,
  type SampleTable,
  schemaHistory,
} from "../support/samples/schema_history.ts";

// What comes before the revisions that are proven runs by its scripts alone: nothing that those do may be missing.

const owners: SampleTable = { columns: { id: "integer!", name: "text" } };
const notes: SampleTable = { columns: { id: "integer!", name: "text" } };
const sized: SampleTable = { columns: { ...notes.columns, size: "integer" } };
const named: SampleTable = { ...owners, unique: { owners_name: "name" } };
const size = `ALTER TABLE "notes" ADD COLUMN "size" integer`;
const noSize = `ALTER TABLE "notes" DROP COLUMN "size"`;

/** Makes tables, and what else scripts do. */
function making(tables: SampleRevision["tables"], ...more: readonly string[]): SampleRevision {
  return {
    tables,
    up: [...Object.entries(tables).flatMap(([name, table]) => ddlOf(name, table)), ...more],
    down: [],
  };
}

const adding: SampleRevision = { tables: { owners, notes: sized }, up: [size], down: [noSize] };

/** Proves the last revision of a history, of which all others are released. */
function prove(revisions: readonly SampleRevision[], scratch: CopiedScratch = memoryScratch(testClient)) {
  const released = revisions.length - 1;
  return proveRevisions(
    schemaHistory("sqlite", revisions),
    { first: released, released },
    proofSetting(scratch),
  );
}

test("a table that a released revision dropped is not expected where a later one makes it again", async () => {
  const [before, after] = [making({ owners, notes, gone: owners }), { owners, notes }];
  const error = await rejectsWith(
    "not_proven",
    prove([
      before,
      { tables: after, up: [`DROP TABLE "gone"`], down: [] },
      { ...adding, up: [size, ...ddlOf("gone", owners)] },
    ]),
  );
  assert.match(error.message, /^Cannot prove the upgrade of "000000000003": table gone is not expected/);
});

test("what released scripts leave beside their snapshot is no fault of a later revision, and what that one leaves is", async () => {
  const before = making({ owners, notes }, `CREATE INDEX "odd" ON "owners" ("name")`);
  assert.equal((await prove([before, adding])).law.length, 1);
  const error = await rejectsWith(
    "not_proven",
    prove([before, { ...adding, up: [size, `CREATE INDEX "even" ON "notes" ("name")`] }]),
  );
  assert.match(error.message, /index even is not expected/);
  assert.doesNotMatch(error.message, /index odd/);
});

test("an index that goes with a released copy of its table is gone where a later revision makes it", async () => {
  const { law } = await prove([
    making({ owners: named, notes }),
    { tables: { owners, notes }, up: rebuildOf("owners", owners), down: [] },
    {
      tables: { owners: named, notes },
      up: [`CREATE UNIQUE INDEX "owners_name" ON "owners" (name)`],
      down: [`DROP INDEX "owners_name"`],
    },
  ]);
  assert.equal(law.length, 1);
});

test("a trigger that a released copy of its table outlives does in a later revision what it does in any database", async () => {
  const error = await rejectsWith(
    "not_proven",
    prove([
      making(
        { owners, notes },
        `CREATE TRIGGER "spoil" AFTER UPDATE ON "notes" BEGIN UPDATE "owners" SET "name" = 'spoilt'; END`,
      ),
      { tables: { owners, notes }, up: rebuildOf("notes", notes), down: [] },
      { ...adding, up: [size, `UPDATE "notes" SET "size" = 1`] },
    ]),
  );
  assert.match(error.message, /owners\.name has "spoilt" instead of/);
});

test("rows that released scripts write are there for a later revision", async () => {
  const error = await rejectsWith(
    "not_proven",
    prove([
      making({ owners, notes }, `INSERT INTO "notes" VALUES (1, 'one'), (2, 'one')`),
      {
        tables: { owners, notes: { ...notes, unique: { notes_name: "name" } } },
        up: [`CREATE UNIQUE INDEX "notes_name" ON "notes" (name)`],
        down: [`DROP INDEX "notes_name"`],
      },
    ]),
  );
  assert.match(error.message, /^Cannot prove the upgrade of "000000000002"/);
});

test("a released script that fails is named with its statement", async () => {
  const broken = { tables: { owners, notes: sized }, up: [size, "SELECT * FROM nowhere"], down: [noSize] };
  const third = { ...adding, tables: { ...adding.tables, more: owners }, up: ddlOf("more", owners) };
  const { ground } = await prove([making({ owners, notes }), broken, {
    ...third,
    down: [`DROP TABLE "more"`],
  }]);
  assert.match(ground!.reason, /000000000002_step\.sql:2\).*nowhere/);
});

test("a released script is named that leaves a reference to nothing for the next one to mend: by itself it would fail", async () => {
  const owned: SampleTable = {
    columns: { id: "integer!", owner: "integer" },
    references: { owner: "owners" },
  };
  const tables = { owners, notes: owned };
  const more = { ...tables, more: owners };
  const { ground } = await prove([
    making(tables),
    { tables, up: [`INSERT INTO "notes" VALUES (1, 9)`], down: [] },
    { tables, up: [`DELETE FROM "notes"`], down: [] },
    { tables: more, up: ddlOf("more", owners), down: [`DROP TABLE "more"`] },
  ]);
  assert.match(ground!.reason, /000000000002/);
});

/** Many revisions that make an index and drop it in turn. */
const long = (count: number) =>
  Array.from({ length: count }, (_, at): SampleRevision => {
    const [make] = ddlOf("owners", named).slice(1);
    const [up, down] = at % 2 === 1
      ? [make!, `DROP INDEX "owners_name"`]
      : [`DROP INDEX "owners_name"`, make!];
    const tables = { owners: at % 2 === 1 ? named : owners, notes };
    return at === 0 ? making(tables) : { tables, up: [up], down: [down] };
  });

test("of released revisions nothing is read from the database, however many there are", async () => {
  const readsOf = async (count: number) => {
    let reads = 0;
    const inner = memoryScratch(testClient);
    const counted: Scratch = (work) =>
      inner((database) => work({ ...database, read: (query) => (reads++, database.read(query)) }));
    await prove(long(count), Object.assign(counted, { after: inner.after, notRun: inner.notRun }));
    return reads;
  };
  assert.equal(await readsOf(40), await readsOf(6));
});
