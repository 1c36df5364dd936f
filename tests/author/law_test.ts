import * as pg from "drizzle-orm/pg-core";
import assert from "node:assert/strict";
import { test } from "node:test";
import { isDeepStrictEqual } from "node:util";
import { checkProof } from "../../src/author/check/proof.ts";
import type { Contents } from "../../src/author/proof/contents.ts";
import { freshBehind } from "../../src/author/proof/fresh_values.ts";
import { type Breach, holdLaw, type LawOfRevision } from "../../src/author/proof/law.ts";
import { numbersGivenBy } from "../../src/author/proof/numbers.ts";
import { passagesBetween } from "../../src/author/proof/place.ts";
import { memoryScratch } from "../../src/engines/sqlite/scratch.ts";
import { testClient } from "../support/databases.ts";
import { postgresProof, proofEngines, proofSetting, prove } from "../support/prove_engines.ts";
import {
  ddlOf,
  type SampleRevision,
  type SampleTable,
  schemaHistory,
} from "../support/samples/schema_history.ts";
import { generateBetween, generateTwo, tablesFor } from "../support/samples/two_revisions.ts";

const owners: SampleTable = { columns: { id: "integer!", name: "text" } };
const notes: SampleTable = { columns: { id: "integer!", name: "text", flag: "boolean" } };
const tables = { owners, notes };
const first: SampleRevision = {
  tables,
  up: Object.entries(tables).flatMap(([name, table]) => ddlOf(name, table)),
  down: [`DROP TABLE "notes"`, `DROP TABLE "owners"`],
};
const tagged = { owners, notes: { columns: { ...notes.columns, tag: "text" } } };
const up = [`ALTER TABLE "notes" ADD COLUMN "tag" text`];
const down = [`ALTER TABLE "notes" DROP COLUMN "tag"`];

interface Case {
  readonly change: Partial<SampleRevision>;
  /** What is said of the second revision. */
  readonly finding: RegExp;
  readonly status?: "pass" | "fail";
  readonly unseen?: readonly (readonly [table: string | null, reason: RegExp])[];
}

const cases: Readonly<Record<string, Case>> = {
  "a column that goes and comes": {
    change: {},
    finding:
      /^sqlite: up, writes, down, writes and up again leave alone what nobody wrote: \d+ rows looked at in 2 revisions$/,
    unseen: [],
  },
  "a downgrade that empties another table": {
    change: { down: [...down, `DELETE FROM "owners"`] },
    status: "fail",
    finding:
      /^sqlite: Cannot prove what is kept over the downgrade of "000000000002": owners has no row with id 1 any more; owners has no row with id 2 any more, and nobody wrote that$/,
  },
  "a downgrade that gives rows other keys": {
    change: { down: [...down, `UPDATE "notes" SET "id" = "id" + 100`] },
    status: "fail",
    finding:
      /^sqlite: Cannot prove what is kept over the downgrade of "000000000002": notes has no row with id 1 /,
  },
  "a downgrade that says so of rows without a key": {
    change: {
      down: [
        ...down,
        `-- harbor:allow lossy_downgrade they are counted anew\nUPDATE "notes" SET "id" = "id" + 100`,
      ],
    },
    finding: /; not looked at: 000000000002 notes \(the downgrade says that it is meant to lose some\)$/,
    unseen: [["notes", /^the downgrade says/]],
  },
  "a downgrade that says so": {
    change: { down: [...down, `-- harbor:allow lossy_downgrade they are made anew\nDELETE FROM "owners"`] },
    finding: /; not looked at: 000000000002 owners \(the downgrade says that it is meant to lose some\)$/,
    unseen: [["owners", /^the downgrade says/]],
  },
  "a downgrade that says so of a table that has another name by then": {
    change: {
      tables: { people: owners, notes: tagged.notes },
      up: [...up, `ALTER TABLE "owners" RENAME TO "people"`],
      down: [
        ...down,
        `-- harbor:allow lossy_downgrade they are made anew\nDELETE FROM "People"`,
        `ALTER TABLE "people" RENAME TO "owners"`,
      ],
    },
    finding:
      /; not looked at: 000000000002 owners \(the downgrade says .*\); 000000000002 people \(the downgrade says .*\)$/,
    unseen: [["owners", /^the downgrade says/], ["people", /^the downgrade says/]],
  },
  "a downgrade that says so of another table": {
    change: {
      down: [
        `-- harbor:allow lossy_downgrade they are counted anew\nUPDATE "notes" SET "id" = "id" + 100`,
        ...down,
        `DELETE FROM "owners"`,
      ],
    },
    status: "fail",
    finding: / "000000000002": owners has no row with id 1 any more; owners has no row with id 2 any more, /,
  },
  "both ways that write the same column": {
    change: {
      up: [...up, `UPDATE "notes" SET "name" = upper("name")`],
      down: [...down, `UPDATE "notes" SET "name" = lower("name")`],
    },
    finding: / leave alone what nobody wrote: /,
    unseen: [],
  },
  "an upgrade that deletes rows": {
    change: { up: [...up, `DELETE FROM "owners" WHERE "id" > 2`] },
    finding: /; not looked at: 000000000002 owners \(its rows that the upgrade deletes do not come back\)$/,
    unseen: [["owners", /^its rows that the upgrade deletes/]],
  },
  "a downgrade that an application's rows stand in the way of": {
    change: {
      down: [
        ...down,
        `CREATE TABLE "once" ("flag" boolean UNIQUE)`,
        `INSERT INTO "once" SELECT "flag" FROM "notes"`,
        `DROP TABLE "once"`,
      ],
    },
    finding:
      /; not looked at: 000000000002 \(what was written for it stands in the way: .*UNIQUE constraint failed/,
    unseen: [[null, /UNIQUE/]],
  },
};

for (const [what, { change, finding, status = "pass", unseen }] of Object.entries(cases)) {
  test(`the law: ${what}`, async () => {
    const history = schemaHistory("sqlite", [first, { tables: tagged, up, down, ...change }]);
    const setting = proofSetting(memoryScratch(testClient));
    const [found, ...others] = await checkProof([{ history, released: 0 }], new Map([["sqlite", setting]]));
    assert.match(found!.message, finding);
    assert.equal(found!.status, status);
    assert.deepEqual(others, []);
    if (status === "fail") {
      assert.match(found!.hint!, /-- harbor:allow lossy_downgrade REASON$/);
      const [breach] = found!.details["breaches"] as readonly Breach[];
      assert.equal(found!.details["revision"], "000000000002");
      assert.ok(finding.source.includes(`${breach!.table} has no row`) && breach!.column === null);
      return;
    }
    const [made, changed] = found!.details["revisions"] as readonly LawOfRevision[];
    assert.deepEqual(made, { revision: "000000000001", tables: 2, rows: 10, unseen: [] });
    assert.equal(changed!.revision, "000000000002");
    assert.deepEqual(changed!.unseen.map(({ table }) => table), unseen?.map(([table]) => table));
    for (const [place, [, reason]] of (unseen ?? []).entries()) {
      assert.match(changed!.unseen[place]!.reason, reason);
    }
  });
}

const rows = pg.pgTable("rows", { a: pg.text() });
const marks = (columns: Readonly<Record<string, pg.PgColumnBuilderBase>> = {}) =>
  pg.pgTable("marks", { id: pg.integer().primaryKey(), ...columns });
const numbered = pg.pgTable("rows", {
  a: pg.text(),
  id: pg.integer().primaryKey().generatedByDefaultAsIdentity(),
});
const renumbers = () => generateTwo([rows, marks()], [numbered, marks()]);

for (const { name, dialect, scratch } of proofEngines) {
  test(`the law: numbers that rows are given anew are not looked at, what they number is (${name})`, async () => {
    const { history } = await renumbers();
    const { law } = await prove(history(dialect), scratch);
    const reason = "the numbers in id, which are given anew: one that another row has by then stays kept";
    assert.deepEqual(law[1]!.unseen, [
      { table: "rows", reason: "its key becomes another one" },
      { table: "rows", reason },
    ]);
    assert.equal(law[1]!.tables, 2);
  });

  test(`the law: numbers by which another table knows rows have to come back (${name})`, async () => {
    const referring = marks({ row: pg.integer().references(() => numbered.id) });
    const { history } = await generateTwo([rows, marks()], [numbered, referring]);
    await assert.rejects(prove(history(dialect), scratch), {
      code: "not_proven",
      message: /rows\.a has "row \d" instead of "row \d" where id \d.*, and nobody wrote that$/,
    });
  });
}

/** Each in words that differ from one moment to the next. */
const filledAnew = {
  sqlite: ["strftime('%Y-%m-%d %H:%M:%f', 'now')", "hex(randomblob(8))"],
  postgresql: ["now()::text", "clock_timestamp()::text"],
} as const;
for (const { name, dialect, scratch } of proofEngines) {
  for (const fill of filledAnew[dialect]) {
    test(`the law: what is filled by ${fill} need not be the same twice (${name})`, async () => {
      const changed = (at: pg.PgColumnBuilderBase) => [marks({ at })];
      const { history } = await generateTwo(changed(pg.text()), changed(pg.text().notNull()), {
        fills: [`marks.at=${fill}`],
      });
      const { law } = await prove(history(dialect), scratch);
      assert.equal(law[1]!.tables, 1);
      assert.deepEqual(law[1]!.unseen, [
        { table: "marks", reason: "what at gets from the clock or by chance where it is NULL" },
      ]);
    });
  }
}

test("the law: what the clock filled is compared where it was no NULL, or is one", async () => {
  const { history } = await generateTwo([marks({ at: pg.timestamp() })], [
    marks({ at: pg.timestamp().notNull().defaultNow() }),
  ]);
  const passages = passagesBetween(history("sqlite"), 1, 2);
  const rowsOf = (...values: readonly string[]) =>
    new Map([["marks", values.map((at, place) => ({ id: String(place), at }))]]);
  const { compared } = freshBehind({ contents: rowsOf("null", '"a"', "null") }, passages);
  const same = (one: Contents, other: Contents) => isDeepStrictEqual(compared(one), compared(other));
  assert.ok(same(rowsOf('"16:18:20"', '"a"', '"16:18:20"'), rowsOf('"16:18:21"', '"a"', '"16:18:22"')));
  assert.ok(!same(rowsOf('"16:18:20"', '"a"', '"16:18:20"'), rowsOf('"16:18:20"', '"b"', '"16:18:20"')));
  assert.ok(!same(rowsOf('"16:18:20"', '"a"', '"16:18:20"'), rowsOf("null", '"a"', '"16:18:20"')));
});

test("the law: a row that lost more than its number is one that lost something", async () => {
  const history = (await renumbers()).history("sqlite");
  const [passage] = passagesBetween(history, 1, 2);
  const schema = passage!.after;
  const was = { schema, contents: new Map([["rows", [{ a: '"x"', id: "1" }, { a: '"y"', id: "2" }]]]) };
  const numbers = numbersGivenBy([passage!]);
  const given = { was, written: new Map(), emptied: new Set<string>(), numbers, isMeant: () => false };
  const breachesOf = (left: readonly Readonly<Record<string, string>>[]) =>
    holdLaw({ ...given, now: new Map([["rows", left]]) }).breaches.map(({ text }) => text);
  const { rows, tables } = holdLaw({ ...given, now: new Map(), isMeant: () => true });
  assert.deepEqual([rows, tables], [0, []], "what is meant to go was not looked at");
  assert.deepEqual(breachesOf([{ a: '"y"', id: "1" }, { a: '"x"', id: "3" }]), []);
  assert.deepEqual(breachesOf([{ a: '"y"', id: "1" }]), ["rows lacks 1 of 2 rows as they were"]);
});

test("the law: numbers beside a key are not looked at where none may stand twice", async () => {
  const onPostgres = (table: pg.PgTable) => ({ sqlite: {}, postgresql: tablesFor("postgresql", [table]) });
  const lawOf = async (no: pg.PgColumnBuilderBase) => {
    const { history } = await generateBetween(
      onPostgres(marks({ a: pg.text() })),
      onPostgres(marks({ a: pg.text(), no })),
    );
    const { law } = await prove(history("postgresql"), postgresProof(15).scratch);
    return law[1]!.unseen.map(({ table, reason }) => [table, reason.split(",")[0]]);
  };
  assert.deepEqual(await lawOf(pg.serial().unique()), [["marks", "the numbers in no"]]);
  assert.deepEqual(await lawOf(pg.serial()), []);
});
