import assert from "node:assert/strict";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { test } from "node:test";
import type { Dialect } from "../../src/base/dialect.ts";
import { migrate } from "../../src/migrate/migrate.ts";
import { readState } from "../../src/state/read_state.ts";
import { driverEngines, type Engine, sqlitePath, sqliteUrl, withTestDatabase } from "../support/databases.ts";
import { rejectsWith } from "../support/harbor_error.ts";
import { withFirstRevision } from "../support/run_here.ts";
import { contextOf, withContext } from "../support/samples/adoption.ts";
import { storageFields } from "../support/samples/application.ts";
import {
  ddlOf,
  rebuildOf,
  type SampleRevision,
  type SampleTable,
  schemaHistory,
} from "../support/samples/schema_history.ts";
import { idOf } from "../support/samples/script_history.ts";

/** A table of notes with these columns beside its id. */
function notes(columns: SampleTable["columns"], more: Omit<SampleTable, "columns"> = {}): SampleTable {
  return { columns: { id: "integer!", ...columns }, ...more };
}

const owners: SampleTable = { columns: { id: "integer!" } };
const plain = notes({ title: "text", owner: "integer" });
const soft = notes({ title: "text", owner: "integer", deleted_at: "text" });
const live = { live: "title WHERE deleted_at IS NULL" };
const softUnique = { ...soft, unique: live };
const owned = notes({ title: "text", owner: "integer" }, { references: { owner: "owners" } });
const sized = notes({ size: "text" });
const numbered = notes({ size: "integer" });
const large = { large: "size > 5" };
const named = notes({ name: "text", owner: "integer" });
const namedOnce = { ...named, unique: { once: "name" } };

const first = (table: SampleTable): SampleRevision => ({
  tables: { notes: table },
  up: ddlOf("notes", table),
  down: [`DROP TABLE "notes"`],
});
const addDeleted = `ALTER TABLE "notes" ADD COLUMN "deleted_at" text`;
const dropDeleted = `ALTER TABLE "notes" DROP COLUMN "deleted_at"`;
const makeLive = `CREATE UNIQUE INDEX "live" ON "notes" (title) WHERE deleted_at IS NULL`;
const rename = `ALTER TABLE "notes" RENAME COLUMN "title" TO "name"`;
const renameBack = `ALTER TABLE "notes" RENAME COLUMN "name" TO "title"`;
const makeOnce = `CREATE UNIQUE INDEX "once" ON "notes" (name)`;

/** Gives `notes` another form, each dialect in its way. */
function reshape(dialect: Dialect, table: SampleTable, postgresql: readonly string[]): readonly string[] {
  return dialect === "sqlite" ? rebuildOf("notes", table) : postgresql;
}

const refer =
  `ALTER TABLE "notes" ADD CONSTRAINT "notes_owner_fkey" FOREIGN KEY ("owner") REFERENCES "owners"("id")`;
const toNumber = `ALTER TABLE "notes" ALTER COLUMN "size" TYPE integer USING "size"::integer`;
const checkLarge = `ALTER TABLE "notes" ADD CONSTRAINT "large" CHECK (size > 5)`;

interface Case {
  readonly what: string;
  readonly revisions: (dialect: Dialect) => readonly SampleRevision[];
  /** What is in `notes`, at the first revision. */
  readonly rows: readonly string[];
  /** What is found, and how many revisions are done by then; nothing when all run. */
  readonly found?: readonly [state: RegExp, done: number];
  /** The dialect, where only one has what it is about. */
  readonly on?: Dialect;
}

const softDelete: Case["revisions"] = () => [
  first(plain),
  { tables: { notes: soft }, up: [addDeleted], down: [dropDeleted] },
  { tables: { notes: softUnique }, up: [makeLive], down: [`DROP INDEX "live"`] },
];
const softDeleteAtOnce: Case["revisions"] = () => [
  first(plain),
  {
    tables: { notes: softUnique },
    up: [addDeleted, makeLive],
    down: [`DROP INDEX "live"`, dropDeleted],
  },
];
const reference = (fill: readonly string[]): Case["revisions"] => (dialect) => [
  first(plain),
  {
    tables: { notes: plain, owners },
    up: [...ddlOf("owners", owners), ...fill],
    down: [`DROP TABLE "owners"`],
  },
  {
    tables: { notes: owned, owners },
    up: reshape(dialect, owned, [refer]),
    down: reshape(dialect, plain, [`ALTER TABLE "notes" DROP CONSTRAINT "notes_owner_fkey"`]),
  },
];
const referenceAtOnce = (fill: readonly string[]): Case["revisions"] => (dialect) => [
  first(plain),
  {
    tables: { notes: owned, owners },
    up: [...ddlOf("owners", owners), ...fill, ...reshape(dialect, owned, [refer])],
    down: [
      ...reshape(dialect, plain, [`ALTER TABLE "notes" DROP CONSTRAINT "notes_owner_fkey"`]),
      `DROP TABLE "owners"`,
    ],
  },
];
const typeAndCheck: Case["revisions"] = (dialect) => [
  first(sized),
  {
    tables: { notes: numbered },
    up: reshape(dialect, numbered, [toNumber]),
    down: reshape(dialect, sized, [`ALTER TABLE "notes" ALTER COLUMN "size" TYPE text`]),
  },
  {
    tables: { notes: { ...numbered, checks: large } },
    up: reshape(dialect, { ...numbered, checks: large }, [checkLarge]),
    down: reshape(dialect, numbered, [`ALTER TABLE "notes" DROP CONSTRAINT "large"`]),
  },
];
const typeByOther: Case["revisions"] = (dialect) => {
  const [one, two] = typeAndCheck(dialect);
  const toWhole = toNumber.replace(/USING.*/, `USING "size"::numeric::integer`);
  return [one!, { ...two!, up: reshape(dialect, numbered, [toWhole]) }];
};
const typeByText: Case["revisions"] = () => {
  const rated = notes({ size: "numeric" });
  const up = [toNumber.replace(/USING.*/, `USING "size"::text::integer`)];
  return [first(rated), { tables: { notes: numbered }, up, down: [] }];
};
const typeAndCheckAtOnce: Case["revisions"] = (dialect) => [
  first(sized),
  {
    tables: { notes: { ...numbered, checks: large } },
    up: reshape(dialect, { ...numbered, checks: large }, [toNumber, checkLarge]),
    down: reshape(dialect, sized, [
      `ALTER TABLE "notes" DROP CONSTRAINT "large"`,
      `ALTER TABLE "notes" ALTER COLUMN "size" TYPE text`,
    ]),
  },
];
const renamedUnique = (between: readonly string[]): Case["revisions"] => () => [
  first(plain),
  { tables: { notes: named }, up: [rename, ...between], down: [renameBack] },
  { tables: { notes: namedOnce }, up: [makeOnce], down: [`DROP INDEX "once"`] },
];
const renamedUniqueAtOnce: Case["revisions"] = () => [
  first(plain),
  {
    tables: { memos: namedOnce },
    up: [rename, `ALTER TABLE "notes" RENAME TO "memos"`, `CREATE UNIQUE INDEX "once" ON "memos" (name)`],
    down: [`DROP INDEX "once"`, `ALTER TABLE "memos" RENAME TO "notes"`, renameBack],
  },
];
const deletedFirst: Case["revisions"] = () => [
  first(plain),
  { tables: { notes: plain }, up: [`DELETE FROM "notes" WHERE id > 1`], down: ["SELECT 1"] },
  {
    tables: { notes: { ...plain, unique: { once: "title" } } },
    up: [`CREATE UNIQUE INDEX "once" ON "notes" (title)`],
    down: [`DROP INDEX "once"`],
  },
];
/** A parent that is there from the first revision on. */
const parentFilled = (fill: readonly string[]): Case["revisions"] => (dialect) => {
  const [one, two, three] = reference([])(dialect);
  return [
    { tables: { notes: plain, owners }, up: [...one!.up, ...ddlOf("owners", owners)], down: [] },
    { ...two!, up: fill, down: ["SELECT 1"] },
    three!,
  ];
};
const kinds = notes({ title: "text", owner: "integer", kind: "text" });
const droppedThenCopied: Case["revisions"] = (dialect) => [
  first(kinds),
  {
    tables: { notes: plain },
    up: [`ALTER TABLE "notes" DROP COLUMN "kind"`],
    down: [`ALTER TABLE "notes" ADD COLUMN "kind" text`],
  },
  {
    tables: { notes: { ...plain, checks: { short: "length(title) < 9" } } },
    up: reshape(dialect, { ...plain, checks: { short: "length(title) < 9" } }, [
      `ALTER TABLE "notes" ADD CONSTRAINT "short" CHECK (length(title) < 9)`,
    ]),
    down: reshape(dialect, plain, [`ALTER TABLE "notes" DROP CONSTRAINT "short"`]),
  },
];
const notNullAgain: Case["revisions"] = (dialect) => [
  first(kinds),
  {
    tables: { notes: notes({ title: "text", owner: "integer", kind: "text!" }) },
    up: [
      `ALTER TABLE "notes" DROP COLUMN "kind"`,
      `ALTER TABLE "notes" ADD COLUMN "kind" text DEFAULT 'x' NOT NULL`,
      ...reshape(dialect, notes({ title: "text", owner: "integer", kind: "text!" }), [
        `ALTER TABLE "notes" ALTER COLUMN "kind" DROP DEFAULT`,
      ]),
    ],
    down: reshape(dialect, kinds, [`ALTER TABLE "notes" ALTER COLUMN "kind" DROP NOT NULL`]),
  },
];
const memo = notes({ title: "text", owner: "integer" }, { unique: { once: "title" } });
const rewrittenThenMoved: Case["revisions"] = () => [
  first(plain),
  {
    tables: { notes: plain },
    up: [`UPDATE "notes" SET "title" = 'note ' || id`],
    down: ["UPDATE notes SET title = NULL"],
  },
  {
    tables: { memos: plain },
    up: [`ALTER TABLE "notes" RENAME TO "memos"`],
    down: [`ALTER TABLE "memos" RENAME TO "notes"`],
  },
  {
    tables: { memos: memo },
    up: [`CREATE UNIQUE INDEX "once" ON "memos" (title)`],
    down: [`DROP INDEX "once"`],
  },
];

const different = ["(1, 'a', 1)", "(2, 'b', NULL)"];
const same = ["(1, 'same', NULL)", "(2, 'same', NULL)"];
const sameTitle = /2 rows of notes have the same title as another \(id 1, 2\)/;
const orphans = /1 row of notes refers by owner to owners that are not there \(id 1\)/;
const fillOwners = [`INSERT INTO "owners" ("id") SELECT "owner" FROM "notes" WHERE "owner" IS NOT NULL`];
const fillOther = [`INSERT INTO "owners" ("id") VALUES (7)`];

const cases: readonly Case[] = [
  {
    what: "a unique index with a condition on a column of the revision before",
    revisions: softDelete,
    rows: different,
  },
  {
    what: "duplicates under a unique index with a condition on a column of the revision before",
    revisions: softDelete,
    rows: same,
    found: [sameTitle, 1],
  },
  {
    what: "a unique index with a condition on a column of the same revision",
    revisions: softDeleteAtOnce,
    rows: different,
  },
  {
    what: "duplicates under a unique index with a condition on a column of the same revision",
    revisions: softDeleteAtOnce,
    rows: same,
    found: [sameTitle, 1],
  },
  {
    what: "a reference to a table of the revision before",
    revisions: reference(fillOwners),
    rows: different,
  },
  {
    what: "orphans of a table of the revision before",
    revisions: reference([]),
    rows: different,
    found: [orphans, 1],
  },
  {
    what: "orphans of a table that the revision before fills otherwise",
    revisions: reference(fillOther),
    rows: different,
    found: [orphans, 2],
  },
  {
    what: "a reference to a table of the same revision",
    revisions: referenceAtOnce(fillOwners),
    rows: different,
  },
  {
    what: "orphans of a table of the same revision",
    revisions: referenceAtOnce([]),
    rows: different,
    found: [orphans, 1],
  },
  {
    what: "a check on the type of the revision before",
    revisions: typeAndCheck,
    rows: ["(1, '10')", "(2, NULL)"],
  },
  {
    what: "values that a check on the type of the revision before does not allow",
    revisions: typeAndCheck,
    rows: ["(1, '4')", "(2, NULL)"],
    found: [/1 row of notes has a size that is not allowed: size > 5 \(id 1\)/, 1],
  },
  {
    what: "values that become those of the new type by way of another",
    revisions: typeByOther,
    rows: ["(1, '1.5')", "(2, NULL)"],
    on: "postgresql",
  },
  {
    what: "values that do not become those of the type that is on the way",
    revisions: typeByOther,
    rows: ["(1, '1.5')", "(2, 'x')"],
    found: [/1 row of notes has a size that does not fit integer \(id 2\)/, 1],
    on: "postgresql",
  },
  {
    what: "values that do not become those of the new type by way of a text",
    revisions: typeByText,
    rows: ["(1, 2)", "(2, 1.5)"],
    found: [/1 row of notes has a size that does not fit integer \(id 2\)/, 1],
    on: "postgresql",
  },
  {
    what: "a check on the type of the same revision",
    revisions: typeAndCheckAtOnce,
    rows: ["(1, '10')", "(2, NULL)"],
  },
  {
    what: "a unique index on a column that has another name now",
    revisions: renamedUnique([]),
    rows: different,
  },
  {
    what: "duplicates in a column that has another name now",
    revisions: renamedUnique([]),
    rows: same,
    found: [/2 rows of notes have the same name as another \(id 1, 2\)/, 1],
  },
  {
    what: "a unique index where the revision before deletes rows",
    revisions: deletedFirst,
    rows: same,
  },
  {
    what: "a reference to rows that the revision before adds",
    revisions: parentFilled(fillOwners),
    rows: different,
  },
  {
    what: "orphans before anything starts where nothing adds what they refer to",
    revisions: parentFilled([`UPDATE "notes" SET "title" = 'x'`]),
    rows: different,
    found: [orphans, 1],
  },
  {
    what: "a unique index on a table and column that get other names in the same revision",
    revisions: renamedUniqueAtOnce,
    rows: different,
  },
  {
    what: "duplicates in a table and column that get other names in the same revision",
    revisions: renamedUniqueAtOnce,
    rows: same,
    found: [/2 rows of memos have the same name as another \(id 1, 2\)/, 1],
  },
  {
    what: "a unique index on a column that is rewritten on the way",
    revisions: renamedUnique([`UPDATE "notes" SET "name" = 'note ' || id`]),
    rows: same,
  },
  {
    what: "duplicates that are made on the way",
    revisions: renamedUnique([`UPDATE "notes" SET "name" = 'all'`]),
    rows: different,
    found: [/2 rows of notes have the same name as another \(id 1, 2\)/, 2],
  },
  {
    what: "a copy without the column that goes before it",
    revisions: droppedThenCopied,
    rows: ["(1, 'a', 1, 'k')"],
  },
  { what: "a column that goes and comes again", revisions: notNullAgain, rows: ["(1, 'a', 1, NULL)"] },
  { what: "a table that is rewritten, then called otherwise", revisions: rewrittenThenMoved, rows: same },
];

function runOf(database: Parameters<typeof contextOf>[0], { dialect }: Engine, revisions: Case["revisions"]) {
  const context = { ...contextOf(database), history: schemaHistory(dialect, revisions(dialect)) };
  return {
    context,
    run: (direction: "upgrade" | "downgrade", text: string) =>
      migrate(context, { goal: { direction, text }, lockWaitMs: 0 }),
  };
}

for (const engine of driverEngines) {
  for (const { what, revisions, rows, found, on = engine.dialect } of cases) {
    if (on !== engine.dialect) continue;
    const rule = found === undefined ? `lets pass ${what}` : `finds ${what}`;
    test(`${engine.name}: an upgrade of several revisions ${rule}`, () =>
      engine.withDatabase((url) =>
        withTestDatabase(url, async (database) => {
          const { context, run } = runOf(database, engine, revisions);
          await run("upgrade", "+1");
          for (const row of rows) await engine.queryUnchecked(url, `INSERT INTO notes VALUES ${row}`);
          if (found === undefined) {
            const { to } = await run("upgrade", "head");
            assert.equal(to, context.history.revisions.at(-1)!.id);
            return;
          }
          const [state, done] = found;
          const before = await database.introspect();
          const error = await rejectsWith("data_conflict", run("upgrade", "head"));
          assert.match(error.message, state);
          const { applied } = await readState(context);
          assert.equal(applied.filter(({ finishedAt }) => finishedAt !== null).length, done);
          assert.equal(applied.length, done);
          if (done === 1) assert.deepEqual(await database.introspect(), before);
          else assert.match(error.message, new RegExp(`^Cannot upgrade "${idOf(done)}": \\d row`));
          assert.match(
            error.hint!,
            done === 1 ? /^Nothing was changed\./ : /^Nothing of this revision was done\./,
          );
          // What is to be looked at can be pasted.
          const [, query = ""] = error.hintLines;
          assert.ok((await engine.query(url, query)).length > 0);
        })
      ));
  }

  test(`${engine.name}: a downgrade of several revisions finds duplicates in a column that has another name now`, () =>
    engine.withDatabase((url) =>
      withTestDatabase(url, async (database) => {
        const once = { ...plain, unique: { title_once: "title" } };
        const { context, run } = runOf(database, engine, () => [
          first(once),
          { tables: { notes: plain }, up: [`DROP INDEX "title_once"`], down: [ddlOf("notes", once)[1]!] },
          { tables: { notes: named }, up: [rename], down: [renameBack] },
        ]);
        await run("upgrade", "head");
        for (const row of same) await engine.query(url, `INSERT INTO notes VALUES ${row}`);
        const error = await rejectsWith("data_conflict", run("downgrade", idOf(0)));
        assert.match(error.message, sameTitle);
        assert.equal((await readState(context)).applied.length, 3);
        await engine.query(url, "UPDATE notes SET name = 'other' WHERE id = 2");
        assert.equal((await run("downgrade", idOf(0))).to, idOf(0));
      })
    ));

  test(`${engine.name}: a downgrade of several revisions passes over what it brings back`, () =>
    engine.withDatabase((url) =>
      withTestDatabase(url, async (database) => {
        const { run } = runOf(database, engine, () => [
          first(softUnique),
          { tables: { notes: soft }, up: [`DROP INDEX "live"`], down: [makeLive] },
          { tables: { notes: plain }, up: [dropDeleted], down: [addDeleted] },
        ]);
        await run("upgrade", "head");
        for (const row of different) await engine.query(url, `INSERT INTO notes VALUES ${row}`);
        assert.equal((await run("downgrade", idOf(0))).to, idOf(0));
      })
    ));
}

for (const engine of driverEngines.filter(({ dialect }) => dialect === "postgresql")) {
  test(`${engine.name}: a type that is not there, and that no script makes, is found before anything is done`, () =>
    engine.withDatabase((url) =>
      withTestDatabase(url, async (database) => {
        const placed = notes({ title: "text", owner: "integer", place: "kind_of_place(3)" });
        const add = `ALTER TABLE "notes" ADD COLUMN "place" kind_of_place`;
        const revisions = (up: readonly string[]) => () => [
          first(plain),
          { tables: { notes: soft }, up: [addDeleted], down: [dropDeleted] },
          { tables: { notes: placed }, up, down: [`ALTER TABLE "notes" DROP COLUMN "place"`] },
        ];
        const refused = runOf(database, engine, revisions([add]));
        const tables = async () => (await database.introspect()).tables.map(({ name }) => name);
        const find = async () => {
          const error = await rejectsWith("schema_mismatch", refused.run("upgrade", "head"));
          assert.match(
            error.message,
            new RegExp(
              `on the way past ${idOf(2)}, the column notes.place is to be kind_of_place.*no such type`,
            ),
          );
          assert.match(error.hintLines[1]!, /^CREATE EXTENSION "kind_of_place";/);
        };
        await find();
        assert.deepEqual(await tables(), []);
        await refused.run("upgrade", "+1");
        await find();
        assert.equal((await readState(refused.context)).applied.length, 1);
        await engine.query(url, `CREATE TYPE kind_of_place AS ENUM ('a')`);
        await refused.run("upgrade", "head");
        await refused.run("downgrade", idOf(0));
        await engine.query(url, `DROP TYPE kind_of_place`);
        // What says more than a type is left to the script.
        const collated = notes({ title: "text", owner: "integer", place: `text COLLATE "C"` });
        const addCollated = `ALTER TABLE "notes" ADD COLUMN "place" text COLLATE "C"`;
        const down = [`ALTER TABLE "notes" DROP COLUMN "place"`];
        const plainly = runOf(database, engine, () => [
          first(plain),
          { tables: { notes: collated }, up: [addCollated], down },
        ]);
        await plainly.run("upgrade", "head");
        await plainly.run("downgrade", idOf(0));
        const made = `DO $$ BEGIN CREATE TYPE kind_of_place AS ENUM ('a'); END $$`;
        const { to } = await runOf(database, engine, revisions([made, add])).run("upgrade", "+1");
        assert.equal(to, idOf(1));
      })
    ));
}

// The second name is a part of one that the step before it makes.
for (const added of ["note", "meta"]) {
  test(`a column ${added} that somebody adds while a step runs is not lost in the copy of a later one, which is refused`, () =>
    withFirstRevision((cwd) => {
      const url = sqliteUrl(join(cwd, "openharbor.db"));
      const alter = () => {
        const other = new DatabaseSync(sqlitePath(url));
        other.exec(`ALTER TABLE files ADD COLUMN ${added} text`);
        other.close();
      };
      return withContext(url, async (context) => {
        const error = await rejectsWith(
          "schema_mismatch",
          migrate(context, {
            goal: { direction: "upgrade", text: "head" },
            lockWaitMs: 0,
            onStep: ({ revision }) => revision === storageFields && alter(),
          }),
        );
        assert.match(error.message, /^Cannot upgrade "7b1f73160408": /);
        assert.match(error.message, new RegExp(` would lose column files\\.${added}, which`));
        const { tables } = await context.database.introspect(["files"]);
        assert.ok(tables[0]!.columns.some(({ name }) => name === added));
      });
    }));
}
