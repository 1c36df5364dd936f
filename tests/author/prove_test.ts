import assert from "node:assert/strict";
import { test } from "node:test";
import { checkProof } from "../../src/author/check/proof.ts";
import { proveRevisions } from "../../src/author/proof/prove.ts";
import { putRows } from "../../src/author/proof/put_rows.ts";
import { outlooksOf } from "../../src/author/proof/rules/outlook.ts";
import { startsOf } from "../../src/author/proof/starts.ts";
import type { Dialect } from "../../src/base/dialect.ts";
import type { PostgresUrl } from "../../src/base/url/postgres_url.ts";
import { parseDatabaseUrl } from "../../src/base/url/database_url.ts";
import type { Database } from "../../src/engines/database.ts";
import type { CopiedScratch, Scratch } from "../../src/engines/scratch.ts";
import { postgresScratch } from "../../src/engines/postgres/scratch.ts";
import { memoryScratch } from "../../src/engines/sqlite/scratch.ts";
import { testClient } from "../support/databases.ts";
import { rejectsWith } from "../support/harbor_error.ts";
import { proofSetting, prove } from "../support/prove_engines.ts";
import { sharedPostgres, withClient } from "../support/servers/postgres_server.ts";
import { sql } from "../support/user_sql.ts";
import {
  ddlOf,
  rebuildOf,
  type SampleRevision,
  type SampleTable,
  schemaHistory,
} from "../support/samples/schema_history.ts";

async function onServer(): Promise<CopiedScratch> {
  return postgresScratch(parseDatabaseUrl(await sharedPostgres(15)) as PostgresUrl, { client: testClient });
}

/** Both, with foreign keys that are looked at: what differs between a file and a server is not what is proven. */
const engines: readonly {
  readonly name: string;
  readonly dialect: Dialect;
  readonly scratch: CopiedScratch;
}[] = [
  { name: "SQLite in memory", dialect: "sqlite", scratch: memoryScratch(testClient) },
  {
    name: "PostgreSQL 15",
    dialect: "postgresql",
    scratch: Object.assign<Scratch, Pick<CopiedScratch, "after" | "notRun">>(
      async (...task) => await (await onServer())(...task),
      { after: async (...task) => await (await onServer()).after(...task), notRun: new Set() },
    ),
  },
];

function notes(columns: SampleTable["columns"], more: Omit<SampleTable, "columns"> = {}): SampleTable {
  return { columns: { id: "integer!", ...columns }, ...more };
}

const first = (tables: SampleRevision["tables"]): SampleRevision => ({
  tables,
  up: Object.entries(tables).flatMap(([name, table]) => ddlOf(name, table)),
  down: Object.keys(tables).toReversed().map((name) => `DROP TABLE "${name}"`),
});

/** A revision that gives `notes` another form by a copy, on every engine. */
function copying(
  table: SampleTable,
  before: SampleTable,
  values: Readonly<Record<string, string>> = {},
): SampleRevision {
  const written = (statements: readonly string[]) => statements.map((sql) => sql.replaceAll("`", '"'));
  return {
    tables: { notes: table },
    up: written(rebuildOf("notes", table, values)),
    down: written(rebuildOf("notes", before)),
  };
}

const owners: SampleTable = { columns: { id: "integer!" } };
const sized = notes({ name: "text", size: "integer" });
const short = { ...sized, checks: { short: "length(name) < 100" } };
const soft = notes({ name: "text", size: "integer", deleted_at: "text" });
const owned = notes({ owner: "integer!" }, { references: { owner: "owners" } });
const deletedAt = `ALTER TABLE "notes" ADD COLUMN "deleted_at" text`;

/** A table with a check on what its rows say, and one that refers to it. */
function checked(columns: SampleTable["columns"], check: string): readonly SampleRevision[] {
  const tables = {
    notes: notes(columns, { checks: { fits: check } }),
    marks: { columns: { id: "integer!", note: "integer!" }, references: { note: "notes" } },
  };
  return [first(tables), {
    tables: { ...tables, more: owners },
    up: ddlOf("more", owners),
    down: [`DROP TABLE "more"`],
  }];
}

interface Case {
  readonly what: string;
  readonly revisions: (dialect: Dialect) => readonly SampleRevision[];
  /** Why it is not proven; nothing when it is. */
  readonly fault?: RegExp;
  /** The tables without rows, and why. */
  readonly empty?: readonly (readonly [table: string, reason: RegExp])[];
}

const cases: readonly Case[] = [
  {
    what: "a unique index with a condition on a column of the revision before",
    revisions: () => [
      first({ notes: sized }),
      { tables: { notes: soft }, up: [deletedAt], down: [`ALTER TABLE "notes" DROP COLUMN "deleted_at"`] },
      {
        tables: { notes: { ...soft, unique: { live: "name WHERE deleted_at IS NULL" } } },
        up: [`CREATE UNIQUE INDEX "live" ON "notes" (name) WHERE deleted_at IS NULL`],
        down: [`DROP INDEX "live"`],
      },
    ],
  },
  {
    what: "a reference to a table that is filled when it is made",
    revisions: (dialect) => {
      const plain = notes({ owner: "integer!" });
      const [up, down] = dialect === "sqlite" ? [rebuildOf("notes", owned), rebuildOf("notes", plain)] : [
        [`ALTER TABLE "notes" ADD CONSTRAINT "notes_owner_fkey" FOREIGN KEY ("owner") REFERENCES "owners"("id")`],
        [`ALTER TABLE "notes" DROP CONSTRAINT "notes_owner_fkey"`],
      ];
      return [
        first({ notes: plain }),
        {
          tables: { notes: plain, owners },
          up: [
            ...ddlOf("owners", owners),
            `INSERT INTO "owners" ("id") SELECT DISTINCT "owner" FROM "notes"`,
          ],
          down: [`DROP TABLE "owners"`],
        },
        { tables: { notes: owned, owners }, up, down },
      ];
    },
  },
  {
    what: "a reference to a table that nobody fills between two revisions",
    revisions: (dialect) => {
      const plain = notes({ owner: "integer!" });
      const [up, down] = dialect === "sqlite" ? [rebuildOf("notes", owned), rebuildOf("notes", plain)] : [
        [`ALTER TABLE "notes" ADD CONSTRAINT "notes_owner_fkey" FOREIGN KEY ("owner") REFERENCES "owners"("id")`],
        [`ALTER TABLE "notes" DROP CONSTRAINT "notes_owner_fkey"`],
      ];
      return [
        first({ notes: plain }),
        { tables: { notes: plain, owners }, up: ddlOf("owners", owners), down: [`DROP TABLE "owners"`] },
        { tables: { notes: owned, owners }, up, down },
      ];
    },
    fault:
      /^Cannot prove the upgrade in one go from "000000000001" to "000000000003": .*rows of notes refer by owner to owners that are not there/,
  },
  { what: "a copy of a table", revisions: () => [first({ notes: sized }), copying(short, sized)] },
  {
    what: "a copy that writes 0 into a column",
    revisions: () => [first({ notes: sized }), copying(short, sized, { size: "0" })],
    fault:
      /^Cannot prove the upgrade of "000000000002": notes\.size has 0 instead of 1 where id 1; notes\.size has 0 instead of null where id 2; .*; and 1 more$/,
  },
  {
    what: "a copy that writes 0 into a column that an earlier revision added",
    revisions: () => {
      const small = notes({ name: "text" });
      return [
        first({ notes: small }),
        {
          tables: { notes: sized },
          up: [`ALTER TABLE "notes" ADD COLUMN "size" integer`],
          down: [`ALTER TABLE "notes" DROP COLUMN "size"`],
        },
        copying(short, sized, { size: "NULLIF(size, size)" }),
      ];
    },
    fault: /^Cannot prove the upgrade of "000000000003": notes\.size has null instead of 1 where id 1$/,
  },
  {
    what: "a downgrade that loses what its upgrade left alone",
    revisions: () => {
      const up = copying(short, sized);
      const down = copying(sized, sized, { name: "'gone'" });
      return [first({ notes: sized }), { ...up, down: down.up }];
    },
    fault:
      /^Cannot prove the downgrade of "000000000002": notes\.name has "gone" instead of "row 1" where id 1/,
  },
  {
    what: "a copy that gives NULLs a value",
    revisions: () => [
      first({ notes: sized }),
      copying(notes({ name: "text!", size: "integer" }), sized, { name: `coalesce("name", '')` }),
    ],
  },
  {
    what: "values that a statement changes",
    revisions: () => [
      first({ notes: sized }),
      {
        tables: { notes: sized },
        up: [`UPDATE "notes" SET "size" = 7`],
        down: [`UPDATE "notes" SET "size" = 8`],
      },
    ],
  },
  {
    what: "a column that loses its values with its name",
    revisions: () => {
      const titled = notes({ title: "text", size: "integer" });
      return [first({ notes: sized }), {
        tables: { notes: titled },
        up: [`ALTER TABLE "notes" RENAME COLUMN "name" TO "title"`],
        down: [`ALTER TABLE "notes" RENAME COLUMN "title" TO "name"`],
      }, {
        ...copying({ ...titled, checks: { short: "length(title) < 100" } }, titled, { title: "'x'" }),
      }];
    },
    fault: /^Cannot prove the upgrade of "000000000003": notes\.title has "x" instead of "row 1"/,
  },
  {
    what: "rows between two numbers",
    revisions: () => checked({ size: "integer!" }, "size > 100 AND size < 110"),
  },
  { what: "rows of a length", revisions: () => checked({ name: "text!" }, "length(name) = 12") },
  {
    what: "rows that are like something",
    revisions: () => checked({ name: "text!" }, "name LIKE 'no-%' AND name <> 'no-a'"),
  },
  { what: "rows with an address", revisions: () => checked({ name: "text!" }, "name LIKE '%_@_%._%'") },
  {
    what: "rows with an order among their columns",
    revisions: () => checked({ start: "integer!", finish: "integer!" }, `"finish" > "start" + 5`),
  },
  {
    what: "rows of which one column must be there",
    revisions: () => checked({ a: "text", b: "integer" }, "(a IS NULL) <> (b IS NULL)"),
  },
  {
    what: "rows that nobody can think of",
    revisions: () => checked({ name: "text!" }, "name = 'k' || length(name) || name || 'z'"),
    empty: [
      ["notes", /^no row that was made up satisfies name = 'k' \|\| length\(name\)/],
      ["marks", /^it refers to notes, which has no rows$/],
    ],
  },
  {
    what: "a check that a later revision puts on a column of another name",
    revisions: (dialect) => {
      const titled = notes({ title: "text", size: "integer" });
      const odd = { ...titled, checks: { odd: "title LIKE 'odd %'" } };
      return [first({ notes: sized }), {
        tables: { notes: titled },
        up: [`ALTER TABLE "notes" RENAME COLUMN "name" TO "title"`],
        down: [`ALTER TABLE "notes" RENAME COLUMN "title" TO "name"`],
      }, {
        tables: { notes: odd },
        up: dialect === "sqlite"
          ? rebuildOf("notes", odd)
          : [`ALTER TABLE "notes" ADD CONSTRAINT "odd" CHECK (title LIKE 'odd %')`],
        down: dialect === "sqlite"
          ? rebuildOf("notes", titled)
          : [`ALTER TABLE "notes" DROP CONSTRAINT "odd"`],
      }];
    },
  },
];

for (const { name, dialect, scratch } of engines) {
  for (const { what, revisions, fault, empty = [] } of cases) {
    test(`proving ${fault === undefined ? "takes" : "refuses"} ${what} (${name})`, async () => {
      const proven = prove(schemaHistory(dialect, revisions(dialect)), scratch);
      if (fault !== undefined) {
        const error = await rejectsWith("not_proven", proven);
        assert.match(error.message, fault);
        return;
      }
      const proof = await proven;
      assert.deepEqual(proof.empty.map(({ table }) => table), empty.map(([table]) => table));
      for (const [index, [, reason]] of empty.entries()) assert.match(proof.empty[index]!.reason, reason);
    });
  }
}

/** Where a proof begins that goes to head in one go: the first place to prove, the released ones, how many there are. */
const starts = [
  ["every place of a whole history", { first: 0 }, 40, Array.from({ length: 39 }, (_, at) => at)],
  ["every place after the released revisions", { first: 36, released: 36 }, 40, [36, 37, 38]],
  ["every place of a short history", { first: 8 }, 9, [0, 1, 2, 3, 4, 5, 6, 7]],
  ["the eight places before the parent of a new revision", { first: 99 }, 100, [
    91,
    92,
    93,
    94,
    95,
    96,
    97,
    98,
  ]],
  ["the baseline on for a new revision", { first: 99, released: 96 }, 100, [96, 97, 98]],
  ["eight places before several new revisions on", { first: 20 }, 23, [
    12,
    13,
    14,
    15,
    16,
    17,
    18,
    19,
    20,
    21,
  ]],
  ["no place when all but one are released", { first: 4, released: 4 }, 5, []],
] as const;
for (const [rule, range, count, places] of starts) {
  test(`a proof goes to head in one go from ${rule}`, () => assert.deepEqual(startsOf(range, count), places));
}

test("a proof of a new revision goes to head in one go from the baseline, however far back it is", async () => {
  const more = Array.from({ length: 10 }, (_, at) => `more_${at}`);
  const tables = (count: number) => Object.fromEntries(more.slice(0, count).map((name) => [name, owners]));
  const plain = notes({ owner: "integer!" });
  const history = schemaHistory("sqlite", [
    first({ notes: plain }),
    { tables: { notes: plain, owners }, up: ddlOf("owners", owners), down: [`DROP TABLE "owners"`] },
    {
      tables: { notes: owned, owners },
      up: rebuildOf("notes", owned),
      down: rebuildOf("notes", plain),
    },
    ...more.map((name, at) => ({
      tables: { notes: owned, owners, ...tables(at + 1) },
      up: ddlOf(name, owners),
      down: [`DROP TABLE "${name}"`],
    })),
  ]);
  const setting = proofSetting(memoryScratch(testClient));
  const { starts } = await proveRevisions(history, { first: 12, released: 3 }, setting);
  const places = [3, 4, 5, 6, 7, 8, 9, 10, 11, 12];
  assert.deepEqual(starts, places.map((place) => String(place).padStart(12, "0")));
  const { message } = await rejectsWith(
    "not_proven",
    proveRevisions(history, { first: 12, released: 1 }, setting),
  );
  assert.match(message, /^Cannot prove the upgrade in one go from "000000000001" to "000000000013": /);
});

test("check proves what comes after the released revisions, whatever those left behind", async () => {
  const drifted = { ...first({ notes: notes({ name: "text" }) }), down: ["SELECT nothing"] };
  const history = schemaHistory("sqlite", [
    { ...drifted, up: ddlOf("notes", notes({ name: "integer" })) },
    {
      tables: { notes: notes({ name: "text", size: "integer" }) },
      up: [`ALTER TABLE "notes" ADD COLUMN "size" integer`],
      down: [`ALTER TABLE "notes" DROP COLUMN "size"`],
    },
  ]);
  const settings = new Map([["sqlite", proofSetting(memoryScratch(testClient))]] as const);
  const [found] = await checkProof([{ history, released: 0 }], settings);
  assert.match(found!.message, /column notes\.name: expected TEXT, found INTEGER/);
  const [passed, ...others] = await checkProof([{ history, released: 1 }], settings);
  assert.deepEqual([passed!.status, others], ["pass", []]);
});

test("check names the tables that were proven without rows, and why", async () => {
  const history = schemaHistory(
    "sqlite",
    checked({ name: "text!" }, "name = 'k' || length(name) || name || 'z'"),
  );
  const setting = proofSetting(memoryScratch(testClient));
  const [, finding, ...others] = await checkProof([{ history, released: 0 }], new Map([["sqlite", setting]]));
  assert.deepEqual(others, []);
  assert.equal(finding!.status, "warn");
  assert.match(
    finding!.message,
    /but without rows in notes \(from 000000000001 on: no row that was made up satisfies name = .*\); marks \(from 000000000001 on: it refers to notes, which has no rows\)$/,
  );
  const tables = finding!.details["empty"] as readonly { readonly table: string }[];
  assert.deepEqual(tables.map(({ table }) => table), ["notes", "marks"]);
});

test("rows are made up for enums, identities, arrays, times and what is made of other columns (PostgreSQL 15)", async () => {
  const put = await engines[1]!.scratch(async (database) => {
    await database.write([
      sql`CREATE TYPE mood AS ENUM ('sad', 'it''s ok', 'glad')`,
      sql`CREATE TABLE places (id integer PRIMARY KEY GENERATED ALWAYS AS IDENTITY, mood mood NOT NULL UNIQUE,
        doubled integer NOT NULL GENERATED ALWAYS AS (id * 2) STORED CHECK (doubled > 1),
        tags text[] NOT NULL, at time NOT NULL, day date NOT NULL, span interval,
        CHECK (mood <> 'sad'), CHECK (day > '2030-01-01'), CHECK (at < '12:00'), CHECK (cardinality(tags) < 3))`,
      sql`CREATE TABLE visits (id bytea PRIMARY KEY, place integer NOT NULL REFERENCES places)`,
      sql`CREATE TABLE notes (id integer PRIMARY KEY, visit bytea NOT NULL REFERENCES visits)`,
    ], "schema");
    const schema = await database.introspect();
    return await putRows(database, schema, outlooksOf(schema, []));
  });
  assert.deepEqual(put, { filled: ["places", "visits", "notes"], empty: [] });
});

for (const { name, scratch } of engines) {
  test(`copies of a scratch database hold what was made once, and nothing of each other (${name})`, async () => {
    const rows = (database: Database) => database.read<{ n: number }>(sql`SELECT n FROM t ORDER BY n`);
    const seen = await scratch.after(
      async (database) => {
        await database.write([sql`CREATE TABLE t (n integer)`], "schema");
        await database.write([sql`INSERT INTO t VALUES (1)`]);
        return "made";
      },
      async (copies, made) => {
        const copy = () =>
          copies(async (database) => {
            await database.write([sql`INSERT INTO t VALUES (2)`]);
            return (await rows(database)).map(({ n }) => n);
          });
        return [made, await copy(), await copy()];
      },
    );
    assert.deepEqual(seen, ["made", [1, 2], [1, 2]]);
  });

  test(`what fails while a scratch database is made, or tried on, ends it (${name})`, async () => {
    const fail = () => Promise.reject(new Error("told so"));
    await assert.rejects(scratch.after(fail, () => assert.fail("nothing was made")), /told so/);
    await assert.rejects(scratch.after(() => Promise.resolve(), (copies) => copies(fail)), /told so/);
    assert.deepEqual(await scratch((database) => database.introspect()).then(({ tables }) => tables), []);
  });
}

test("a database of a proof that cannot be dropped is named, and goes with the next one", async () => {
  const url = parseDatabaseUrl(await sharedPostgres(15)) as PostgresUrl;
  const left: string[] = [];
  const scratch = postgresScratch(url, { client: testClient, onLeft: (text) => left.push(text) });
  // In a session of its own: a proof runs no such statement.
  const template = async (name: string, isOne: boolean) =>
    await withClient(
      await sharedPostgres(15),
      (client) => client.unsafe(`ALTER DATABASE ${name} IS_TEMPLATE ${isOne}`),
    );
  const name = await scratch(async (database) => {
    const [{ name }] = await database.read<{ name: string }>(sql`SELECT current_database() AS name`) as [
      { name: string },
    ];
    await template(name, true);
    return name;
  });
  assert.match(left.join("\n"), new RegExp(`^the database ${name} of the proof could not be dropped; `));
  const isThere = async (mayGo: boolean) =>
    await scratch(async (database) => {
      const found = await database.read(sql`SELECT 1 FROM pg_database WHERE datname = ${name}`);
      if (mayGo) await template(name, false);
      return found.length === 1;
    });
  assert.deepEqual([await isThere(true), await isThere(false)], [true, false]);
  assert.equal(left.length, 1);
});
