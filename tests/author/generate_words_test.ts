import { bytea } from "harbor-db";
import { and, getTableColumns, gt, isNotNull, sql } from "drizzle-orm";
import * as pg from "drizzle-orm/pg-core";
import assert from "node:assert/strict";
import { test } from "node:test";
import {
  type CaseDecisions,
  generateBetween,
  generateTwo,
  tablesFor,
} from "../support/samples/two_revisions.ts";
import { proofEngines, prove } from "../support/prove_engines.ts";
import * as whole from "../support/samples/whole_schema.ts";

// Changes by each of Drizzle's words: generated, run up, down and up again on rows, and compared with the schema that is
// there afterwards.

interface Case extends CaseDecisions {
  readonly what: string;
  readonly before: readonly unknown[];
  readonly after: readonly unknown[];
  /** What the scripts up hold, beside being proven. */
  readonly sqlite?: readonly RegExp[];
  readonly postgresql?: readonly RegExp[];
  readonly never?: RegExp;
}

const moods = (...values: readonly [string, ...string[]]) => pg.pgEnum("mood", [...values]);
type Columns = Readonly<Record<string, pg.PgColumnBuilderBase>>;
type Own = Readonly<Record<string, pg.ExtraConfigColumn>>;
type Extras = (own: Own) => readonly pg.PgTableExtraConfigValue[];

/** A table whose columns or constraints change, with rows that refer to it by the whole key. */
function things(columns: Columns, extras: Extras = () => []): readonly [pg.PgTable, pg.PgTable] {
  const table = pg.pgTable("things", {
    id: pg.serial().primaryKey(),
    name: pg.text().notNull(),
    n: pg.integer().notNull(),
    ...columns,
  }, (own) => [...extras(own as unknown as Own)]);
  const notes = pg.pgTable("notes", {
    id: pg.serial().primaryKey(),
    thing: pg.integer().notNull().references(() => table.id, { onDelete: "cascade" }),
  });
  return [table, notes];
}

/** Tables with a key of two columns, and one that refers to it or not. */
function pairs(refers: boolean, columns: Columns = {}): readonly pg.PgTable[] {
  const keys = pg.pgTable(
    "keys",
    { a: pg.integer().notNull(), b: pg.text().notNull(), ...columns },
    (own) => [
      pg.primaryKey({ columns: [own.a, own.b] }),
    ],
  );
  const uses = pg.pgTable(
    "uses",
    { id: pg.serial().primaryKey(), a: pg.integer(), b: pg.text() },
    (own) =>
      refers
        ? [
          pg.foreignKey({ columns: [own.a, own.b], foreignColumns: [keys.a, keys.b] })
            .onDelete("set null").onUpdate("cascade"),
        ]
        : [],
  );
  return [keys, uses];
}

/** A table that refers to itself. */
function trees(actions: pg.ReferenceConfig["actions"]): readonly pg.PgTable[] {
  const table = pg.pgTable("things", {
    id: pg.serial().primaryKey(),
    up: pg.integer().references((): pg.AnyPgColumn => table.id, actions),
  });
  return [table];
}

const none = things({});
const rebuild = /INSERT INTO `__new_things`/;

/** `things` with a view of those whose columns are named, and one that uses it. */
function viewed(columns: Columns, ...shown: readonly string[]): readonly unknown[] {
  const tables = things(columns);
  const all = getTableColumns(tables[0]) as Readonly<Record<string, pg.PgColumn>>;
  const view = pg.pgView("a_view").as((query) =>
    query.select(Object.fromEntries(shown.map((name) => [name, all[name]!]))).from(tables[0])
      .where(and(gt(all["n"]!, 3), isNotNull(all["name"]!)))
  );
  // Before the other one by its name.
  const second = pg.pgView("a_second", { id: pg.integer() }).as(
    sql`SELECT id FROM a_view WHERE id IN (1, 2) OR id BETWEEN 5 AND 7`,
  );
  return [...tables, view, second];
}

const types: readonly (readonly [what: string, column: () => pg.PgColumnBuilderBase])[] = [
  ["smallint", () => pg.smallint().notNull().default(-1)],
  ["bigint", () => pg.bigint({ mode: "bigint" }).notNull().default(9007199254740993n)],
  ["real", () => pg.real().default(1.5)],
  ["doublePrecision", () => pg.doublePrecision().notNull().default(0.1)],
  ["numeric", () => pg.numeric({ precision: 10, scale: 2 }).notNull().default("1.50")],
  ["char", () => pg.char({ length: 2 }).notNull().default("de")],
  ["json", () => pg.json().notNull().default({ it: "it's" })],
  ["jsonb", () => pg.jsonb().notNull().default({ bb: [1, { c: null }], a: "it's" })],
  ["uuid", () => pg.uuid().notNull().default("ABCDEF00-0000-4000-8000-000000000000")],
  ["bytea", () => bytea().notNull().default(new Uint8Array([0, 39, 255]))],
  ["date", () => pg.date().notNull().default("2024-02-29")],
  ["date as Date", () => pg.date({ mode: "date" }).notNull().default(new Date("2024-02-29T00:00:00Z"))],
  ["time", () => pg.time().notNull().default("08:30")],
  ["timestamp", () => pg.timestamp().notNull().default(new Date("2024-02-29T12:00:00.250Z"))],
  [
    "timestamp with time zone",
    () => pg.timestamp({ withTimezone: true }).notNull().default(new Date("2024-02-29T12:00:00Z")),
  ],
  ["an enum type", () => moods("calm", "it's rough")().notNull().default("it's rough")],
];

/** A table whose key is told by its columns. */
function key(columns: () => Columns): readonly unknown[] {
  const own = columns();
  const pair = Object.keys(own).includes("b");
  return [
    pg.pgTable("keyed", { a: pg.text(), ...own }, (table) => {
      const { id, b } = table as unknown as Own;
      return pair ? [pg.primaryKey({ columns: [id!, b!] })] : [];
    }),
  ];
}

const plainKey = () => ({ id: pg.integer().notNull() });
const ownKey = () => ({ id: pg.integer().primaryKey() });
const serialKey = () => ({ id: pg.serial().primaryKey() });
const pairKey = () => ({ id: pg.integer().notNull(), b: pg.text().notNull() });
const identityKey = () => ({ id: pg.integer().primaryKey().generatedByDefaultAsIdentity() });
const keyed: readonly (readonly [string, () => Columns, () => Columns, RegExp?])[] = [
  [
    "makes a column the key",
    plainKey,
    ownKey,
    /harbor:concurrently\nCREATE UNIQUE INDEX "keyed_pkey"[^]*ADD CONSTRAINT "keyed_pkey" PRIMARY KEY USING INDEX "keyed_pkey"/,
  ],
  ["takes a key away", ownKey, plainKey, /DROP CONSTRAINT "keyed_pkey"/],
  ["makes a key of two columns of one", ownKey, pairKey, /PRIMARY KEY USING INDEX "keyed_id_b_pk"/],
  ["adds a column that numbers itself", () => ({}), identityKey],
  [
    "numbers a key by a sequence",
    ownKey,
    serialKey,
    /nextval\('"keyed_id_seq"'\)[^]*setval\(.*HAVING max\("id"\) >= 1/,
  ],
  ["numbers a key by an identity", ownKey, identityKey, /AS IDENTITY[^]*setval\(/],
  ["numbers a key no more", serialKey, ownKey, /DROP SEQUENCE IF EXISTS "keyed_id_seq"/],
  ["numbers a key otherwise", serialKey, identityKey, /DROP SEQUENCE IF EXISTS[^]*AS IDENTITY/],
];

/** Each type alone, where that takes no time. */
const typeCases: readonly Case[] = [
  ...types.map(([what, column]): Case => ({
    what: `adds a column of ${what}`,
    before: none,
    after: things({ c: column() }),
    never: /__new_/,
  })),
  ...types.map(([what, column]): Case => ({
    what: `drops a column of ${what}`,
    before: things({ c: column() }),
    after: none,
  })),
];

const ofEachType = () =>
  things(Object.fromEntries(types.map(([, column], place) => [`c${place}`, column()])));
const allTypesCases: readonly Case[] = [
  { what: "adds a column of each type", before: none, after: ofEachType(), never: /__new_/ },
  { what: "drops a column of each type", before: ofEachType(), after: none },
];

const cases: readonly Case[] = [
  {
    what: "makes an index and a check with signs at which drizzle-kit cuts them",
    before: [pg.pgTable("cut", { id: pg.serial().primaryKey(), a: pg.text() })],
    after: [
      pg.pgTable("cut", { id: pg.serial().primaryKey(), a: pg.text() }, (cut) => [
        pg.index("cut_a").on(sql`coalesce(${cut.a}, ';', '--')`, cut.id).where(sql`${cut.a} <> ';--,,'`),
        pg.check("cut_check", sql`${cut.a} <> ';--' AND ${cut.id} NOT IN (-5, -7)`),
      ]),
    ],
    sqlite: [/coalesce\("a", ';', '--'\)/],
    postgresql: [/coalesce\("a", ';', '--'\)/],
  },
  {
    what: "adds defaultNow",
    before: none,
    after: things({ c: pg.timestamp().notNull().defaultNow() }),
    sqlite: [rebuild],
  },
  {
    what: "adds defaultRandom",
    before: none,
    after: things({ c: pg.uuid().notNull().defaultRandom() }),
    sqlite: [rebuild],
  },
  {
    what: "adds a generated column",
    before: none,
    after: things({ c: pg.text().generatedAlwaysAs(sql`upper("name") || 'x'`) }),
    sqlite: [/ADD `c` TEXT GENERATED ALWAYS AS \(upper\("name"\) \|\| 'x'\) VIRTUAL/],
    postgresql: [/ADD COLUMN "c" text GENERATED ALWAYS AS \(upper\("name"\) \|\| 'x'\) STORED/],
    never: /__new_/,
  },
  {
    what: "drops a generated column",
    before: things({ c: pg.text().generatedAlwaysAs(sql`upper("name")`) }),
    after: none,
  },
  {
    what: "makes a generated column of something else",
    before: things({ c: pg.text().generatedAlwaysAs(sql`upper("name")`) }),
    after: things({ c: pg.text().generatedAlwaysAs(sql`lower("name")`) }),
  },
  {
    what: "copies a table with a generated column",
    before: things({ c: pg.text().generatedAlwaysAs(sql`upper("name")`), d: pg.varchar({ length: 5 }) }),
    after: things({ c: pg.text().generatedAlwaysAs(sql`upper("name")`), d: pg.varchar({ length: 9 }) }),
    sqlite: [rebuild],
  },
  {
    what: "adds a unique constraint of two columns",
    before: none,
    after: things({}, (own) => [pg.unique("things_key").on(own["name"]!, own["n"]!)]),
    sqlite: [/CREATE UNIQUE INDEX `things_key`/],
    postgresql: [/ADD CONSTRAINT "things_key" UNIQUE USING INDEX "things_key"/],
    never: /__new_/,
  },
  { what: "adds unique()", before: things({ c: pg.text() }), after: things({ c: pg.text().unique() }) },
  {
    what: "drops a unique constraint",
    before: things({ c: pg.text().unique("c_key") }),
    after: things({ c: pg.text() }),
  },
  {
    what: "adds an index of several columns, one of them descending",
    before: none,
    after: things({}, (own) => [pg.index("ix").on(own["n"]!.desc(), own["name"]!)]),
    postgresql: [/harbor:concurrently\nCREATE INDEX "ix" ON "things" \("n" DESC NULLS LAST,"name"\)/],
    never: /__new_/,
  },
  {
    what: "turns an index around",
    before: things({}, (own) => [pg.index("ix").on(own["n"]!)]),
    after: things({}, (own) => [pg.index("ix").on(own["n"]!.desc())]),
  },
  {
    what: "adds a partial index",
    before: none,
    after: things({}, (own) => [pg.index("ix").on(own["n"]!).where(sql`${own["name"]!} IN ('a', 'b')`)]),
    never: /__new_/,
  },
  {
    what: "adds a unique index on an expression",
    before: none,
    after: things({}, (own) => [pg.uniqueIndex("ix").on(sql`lower(${own["name"]!})`)]),
    never: /__new_/,
  },
  {
    what: "changes an index on an expression",
    before: things({}, (own) => [pg.index("ix").on(sql`lower(${own["name"]!})`)]),
    after: things({}, (own) => [pg.index("ix").on(sql`upper(${own["name"]!})`).where(sql`${own["n"]!} > 0`)]),
  },
  {
    what: "adds a check over several columns",
    before: none,
    after: things({}, (own) => [pg.check("c", sql`${own["n"]!} > 0 OR ${own["name"]!} = ''`)]),
    sqlite: [/CHECK\("n" > 0 OR "name" = ''\)/],
    postgresql: [/NOT VALID/],
  },
  {
    what: "changes a check over several columns",
    before: things({}, (own) => [pg.check("c", sql`${own["n"]!} > 0 OR ${own["name"]!} = ''`)]),
    after: things({}, (own) => [pg.check("c", sql`${own["n"]!} >= 0 OR ${own["name"]!} = ''`)]),
  },
  { what: "adds a foreign key of two columns", before: pairs(false), after: pairs(true) },
  { what: "drops a foreign key of two columns", before: pairs(true), after: pairs(false) },
  {
    what: "adds a column beside a key of two columns",
    before: pairs(true),
    after: pairs(true, { c: pg.text() }),
  },
  {
    what: "copies a table with a key of two columns",
    before: pairs(true, { c: pg.text() }),
    after: pairs(true, { c: pg.varchar({ length: 9 }) }),
  },
  {
    what: "refers to a column that becomes unique",
    before: [...things({ c: pg.text() }), pg.pgTable("uses", { id: pg.serial().primaryKey(), c: pg.text() })],
    after: (() => {
      const [table, notes] = things({ c: pg.text().unique() });
      const { c } = getTableColumns(table) as unknown as Readonly<Record<string, pg.AnyPgColumn>>;
      const uses = pg.pgTable("uses", { id: pg.serial().primaryKey(), c: pg.text().references(() => c!) });
      return [table, notes, uses];
    })(),
    postgresql: [
      /ADD CONSTRAINT "things_c_unique" UNIQUE USING INDEX[^]*FOREIGN KEY[^]*NOT VALID;[^]*VALIDATE/,
    ],
  },
  {
    what: "changes what a deletion does",
    before: trees({}),
    after: trees({ onDelete: "set null" }),
    sqlite: [rebuild, /ON DELETE set null/],
    postgresql: [/ON DELETE set null[^;]* NOT VALID/],
  },
  {
    what: "adds a value to an enum type",
    before: things({ c: moods("calm", "rough")().notNull().default("calm") }),
    after: things({ c: moods("flat", "calm", "choppy", "rough", "wild")().notNull().default("flat") }),
    sqlite: [/CHECK\("c" IN \('flat', 'calm', 'choppy', 'rough', 'wild'\)\)/],
    postgresql: [
      /-- harbor:alone\nALTER TYPE "mood" ADD VALUE 'flat' BEFORE 'calm';[^]*ADD VALUE 'choppy' BEFORE 'rough';[^]*ADD VALUE 'wild';[^]*SET DEFAULT 'flat'/,
    ],
  },
  {
    what: "takes a value from an enum type",
    before: things({ c: moods("calm", "rough", "wild")().notNull().default("calm") }),
    after: things({ c: moods("rough", "calm")().notNull().default("rough") }),
    postgresql: [
      /ALTER TYPE "mood" RENAME TO "mood_old";[^]*USING "c"::text::"mood"[^]*DROP TYPE "mood_old"/,
    ],
  },
  {
    what: "makes a text an enum type",
    before: things({ c: pg.text().notNull().default("calm") }),
    after: things({ c: moods("calm", "row 1", "row 2")().notNull().default("calm") }),
    postgresql: [
      /DROP DEFAULT, ALTER COLUMN "c" SET DATA TYPE "mood" USING "c"::"mood", ALTER COLUMN "c" SET DEFAULT/,
    ],
  },
  {
    what: "makes a text json",
    before: things({ c: pg.text() }),
    after: things({ c: pg.jsonb() }),
  },
  {
    what: "makes a number a short text, which is cut nowhere",
    before: things({ c: pg.integer() }),
    after: things({ c: pg.varchar({ length: 20 }) }),
    postgresql: [/SET DATA TYPE varchar\(20\) USING "c"::text;/],
  },
  {
    what: "makes a number wider",
    before: things({ c: pg.integer() }),
    after: things({ c: pg.bigint({ mode: "number" }) }),
  },
  {
    what: "makes a key of its own an identity",
    before: [pg.pgTable("things", { id: pg.serial().primaryKey() })],
    after: [
      pg.pgTable("things", { id: pg.serial().primaryKey() }),
      pg.pgTable("more", { id: pg.bigint({ mode: "number" }).primaryKey().generatedByDefaultAsIdentity() }),
    ],
  },
  {
    what: "renames a column that an index, a check and a generated column name",
    before: things({ old: pg.text(), made: pg.text().generatedAlwaysAs(sql`lower("old")`) }, (own) => [
      pg.index("ix").on(sql`lower(${own["old"]!})`),
      pg.check("c", sql`${own["old"]!} <> '' OR ${own["n"]!} > 0`),
    ]),
    after: things({ now: pg.text(), made: pg.text().generatedAlwaysAs(sql`lower("now")`) }, (own) => [
      pg.index("ix").on(sql`lower(${own["now"]!})`),
      pg.check("c", sql`${own["now"]!} <> '' OR ${own["n"]!} > 0`),
    ]),
    renames: ["things.old=things.now"],
    never: /__new_|DROP COLUMN/,
  },
  {
    what: "adds a column with a reference that does something",
    before: none,
    after: (() => {
      const owners = pg.pgTable("owners", { id: pg.serial().primaryKey() });
      const owner = () =>
        pg.integer().references(() => owners.id, { onDelete: "cascade", onUpdate: "set null" });
      return [owners, ...things({ owner: owner() })];
    })(),
    sqlite: [/ADD `owner` INTEGER REFERENCES `owners`\(`id`\) ON UPDATE set null ON DELETE cascade;/],
    never: /__new_/,
  },
  ...keyed.map(([what, before, after, postgresql]): Case => ({
    what,
    before: key(before),
    after: key(after),
    postgresql: postgresql === undefined ? [] : [postgresql],
    fills: what.includes("two columns") ? ["keyed.b=''"] : [],
  })),
  {
    what: "adds views",
    before: none,
    after: viewed({}, "id", "name"),
    sqlite: [/CREATE VIEW `a_view`[^]*VIEW `a_second`/],
  },
  {
    what: "drops views",
    before: viewed({}, "id", "name"),
    after: none,
    postgresql: [/DROP VIEW "a_second";[^]*DROP VIEW "a_view";/],
  },
  {
    what: "changes a view",
    before: viewed({}, "id", "name"),
    after: viewed({}, "id", "n"),
    postgresql: [/Rights that were granted on a_view go/],
  },
  {
    what: "changes a column that a view shows",
    before: viewed({ c: pg.varchar({ length: 5 }) }, "id", "c"),
    after: viewed({ c: pg.text() }, "id", "c"),
  },
  {
    what: "drops a column that a view shows",
    before: viewed({ c: pg.text() }, "id", "c"),
    after: viewed({}, "id"),
  },
  {
    what: "copies a table beside a view of it",
    before: viewed({}, "id"),
    after: viewed({ c: pg.uuid().notNull().defaultRandom() }, "id"),
  },
  {
    what: "copies a table whose view changes",
    before: viewed({ c: pg.text().notNull() }, "id", "c"),
    after: viewed({ c: pg.text().notNull().default("x") }, "id", "n"),
    sqlite: [/DROP VIEW "a_view";[^]*__new_things[^]*CREATE VIEW/],
  },
  {
    what: "renames a column that a view shows",
    before: viewed({ old: pg.text() }, "id", "old"),
    after: viewed({ now: pg.text() }, "id", "now"),
    renames: ["things.old=things.now"],
    never: /DROP COLUMN/,
  },
  {
    what: "adds an enum type that no column has",
    before: none,
    after: [...none, moods("a", "b")],
    postgresql: [/CREATE TYPE/],
  },
  { what: "makes a schema of every word", before: [], after: [whole.ports, whole.boats, whole.voyages] },
  {
    what: "drops a schema of every word",
    before: [whole.ports, whole.boats, whole.voyages],
    after: [whole.ports],
  },
];

/** A table of which much hangs on the column `c`. */
function heldBy(c: () => pg.PgColumnBuilderBase, e: pg.PgEnum<[string, ...string[]]>): readonly unknown[] {
  const g = e("g").generatedAlwaysAs(sql`CASE WHEN c = 'calm' THEN 'rough'::"mood" ELSE c END`);
  const tables = things({ c: c(), g }, (own) => [
    pg.index("partial").on(own["n"]!).where(sql`${own["c"]!} = 'calm'`),
    pg.uniqueIndex("made").on(own["g"]!, own["id"]!),
    pg.check("known", sql`${own["c"]!} IN ('calm', 'rough')`),
    pg.pgPolicy("own", { using: sql`c = 'calm'` }),
  ]);
  return [...tables, e, pg.pgView("a_view", { c: e() }).as(sql`SELECT c FROM things`)];
}

/** A key of some type, and what refers to it. */
function keyOfType(column: (name: string) => pg.PgColumnBuilderBase): readonly unknown[] {
  const keys = pg.pgTable("keys", {
    id: (column("id") as pg.PgTextBuilderInitial<"id", [string, ...string[]]>).primaryKey(),
  });
  const uses = pg.pgTable("uses", {
    id: pg.serial().primaryKey(),
    key: (column("key") as pg.PgTextBuilderInitial<"key", [string, ...string[]]>).references(() => keys.id),
  });
  return [keys, uses];
}

const feelings = pg.pgEnum("feeling", ["calm", "rough"]);

/** A table whose column `c` is part of the key or may be NULL. */
function keyedBy(names: readonly string[]): pg.PgTable {
  const c = names.includes("c") ? pg.integer().notNull() : pg.integer();
  return pg.pgTable("keyed", { a: pg.integer().notNull(), b: pg.integer().notNull(), c }, (own) => [
    pg.primaryKey({ columns: names.map((name) => (own as unknown as Own)[name]!) as never }),
  ]);
}

const guarded = (policy?: pg.PgPolicyConfig) =>
  things(
    {},
    (own) => policy === undefined ? [] : [pg.pgPolicy("own", { using: sql`${own["n"]!} > 0`, ...policy })],
  );
const [guardedTable, ...beside] = none;
/** What PostgreSQL alone has. */
const ownCases: readonly Case[] = [
  {
    what: "adds a sequence that a default uses",
    before: none,
    after: [
      ...things({ c: pg.integer().default(sql`nextval('tickets')`) }),
      pg.pgSequence("tickets", { startWith: 100, increment: 5, cycle: true }),
    ],
    fills: ["things.c=7"],
  },
  {
    what: "makes a table whose key a sequence of its own numbers",
    before: none,
    after: [
      ...none,
      pg.pgTable("calls", { id: pg.integer().primaryKey().default(sql`nextval('tickets')`) }),
      pg.pgSequence("tickets"),
    ],
  },
  {
    what: "changes a sequence",
    before: [...none, pg.pgSequence("tickets")],
    after: [
      ...none,
      pg.pgSequence("tickets", { increment: -2, minValue: -50, maxValue: 90, startWith: 80, cache: 4 }),
    ],
  },
  {
    what: "lets a sequence begin anew",
    before: [...none, pg.pgSequence("tickets")],
    after: [...none, pg.pgSequence("tickets", { cycle: true })],
  },
  {
    what: "adds a column to a key that may be NULL without it",
    before: [keyedBy(["a", "b"])],
    after: [keyedBy(["a", "b", "c"])],
    fills: ["keyed.c=7"],
  },
  { what: "drops a sequence", before: [...none, pg.pgSequence("tickets")], after: none },
  {
    what: "adds a materialized view",
    before: none,
    after: [
      ...none,
      pg.pgMaterializedView("a_view").as((query) =>
        query.select({ id: sql<number>`id + 1`.as("next") }).from(none[0])
      ),
    ],
  },
  {
    what: "widens a number that a sequence gives",
    before: things({ c: pg.serial() }),
    after: things({ c: pg.bigserial({ mode: "number" }) }),
    postgresql: [/ALTER SEQUENCE "things_c_seq" AS bigint;/],
  },
  {
    what: "adds a policy",
    before: none,
    after: guarded({ for: "select", to: "public" }),
    postgresql: [/ENABLE ROW/],
  },
  {
    what: "changes a policy",
    before: guarded({ as: "restrictive", for: "update", withCheck: sql`name <> ''` }),
    after: guarded({ as: "permissive", to: ["public"] }),
  },
  {
    what: "takes a value from an enum type of which a column has arrays",
    before: things({ c: moods("calm", "rough", "wild")().array().notNull().default(["calm"]) }),
    after: things({ c: moods("rough", "calm")().array().notNull().default(["rough"]) }),
    postgresql: [/USING "c"::text\[\]::"mood"\[\], [^]*DROP TYPE "mood_old"/],
  },
  {
    what:
      "takes a value from an enum type of whose column there are a view, a policy, a check, an index and a column",
    before: heldBy(() => moods("calm", "rough", "wild")(), moods("calm", "rough", "wild")),
    after: heldBy(() => moods("calm", "rough")(), moods("calm", "rough")),
    postgresql: [
      /DROP VIEW[^]*DROP POLICY[^]*DROP CONSTRAINT "known"[^]*DROP INDEX "partial"[^]*DROP COLUMN "g"[^]*DROP TYPE/,
    ],
  },
  {
    what: "makes a text an enum type, of which a check, an index and what else changes are made",
    before: things({ c: pg.text(), d: pg.integer() }, (own) => [
      pg.check("known", sql`${own["c"]!} IN ('calm', 'rough')`),
      pg.index("partial").on(own["n"]!).where(sql`${own["c"]!} = 'calm'`),
      pg.index("lower").on(sql`lower(${own["c"]!})`),
      pg.index("ordered").on(own["c"]!.op("text_pattern_ops")),
      pg.index("positive").on(own["n"]!).where(sql`${own["d"]!} > 0`),
    ]),
    after: things({ c: moods("calm", "rough")(), d: pg.text() }, (own) => [
      pg.check("known", sql`${own["c"]!} IN ('calm', 'rough')`),
      pg.index("partial").on(own["n"]!).where(sql`${own["c"]!} = 'calm'`),
      pg.index("ordered").on(own["c"]!),
    ]),
  },
  {
    what: "makes a number wider of which a policy and a column are made",
    before: things({ c: pg.integer(), g: pg.integer().generatedAlwaysAs(sql`c % 7`) }, (own) => [
      pg.pgPolicy("own", { using: sql`c > 0` }),
      pg.check("known", sql`${own["g"]!} < 7`),
      pg.index("kept").on(own["c"]!).where(sql`${own["c"]!} > 0`),
    ]),
    after: things({
      c: pg.bigint({ mode: "number" }),
      g: pg.integer().generatedAlwaysAs(sql`c % 7`),
      h: pg.bigint({ mode: "number" }).generatedAlwaysAs(sql`c % 5`),
    }, (own) => [
      pg.pgPolicy("own", { using: sql`c > 0` }),
      pg.check("known", sql`${own["g"]!} < 7`),
      pg.index("kept").on(own["c"]!).where(sql`${own["c"]!} > 0`),
    ]),
    never: /"kept"/,
  },
  {
    what: "gives a column that is made of others another type with its expression",
    before: things({ c: pg.integer().generatedAlwaysAs(sql`n + 1`) }),
    after: things({ c: pg.text().generatedAlwaysAs(sql`name || 'x'`) }),
    never: /USING/,
  },
  {
    what: "gives a key and what refers to it another type",
    before: keyOfType((name) => pg.text(name)),
    after: keyOfType((name) => pg.uuid(name)),
    postgresql: [
      /DROP CONSTRAINT "uses_key_keys_id_fk"[^]*SET DATA TYPE uuid[^]*ADD CONSTRAINT "uses_key_keys_id_fk"/,
    ],
  },
  {
    what: "gives a column that a policy, a check and an index name another name and type",
    before: things({ c: pg.text() }, () => [
      pg.pgPolicy("own", { using: sql`c > 'a'` }),
      pg.check("known", sql`length(c) < 1000`),
      pg.index("made").on(sql`lower(c)`),
    ]),
    after: things({ d: pg.integer() }, () => [
      pg.pgPolicy("own", { using: sql`d > 3` }),
      pg.check("known", sql`d < 1000000000 OR d IS NULL OR d > 0`),
      pg.index("made").on(sql`abs(d::bigint)`),
    ]),
    renames: ["things.c=things.d"],
  },
  {
    what: "gives a column the type that another one had",
    before: [...things({ c: moods("calm", "rough")() }), moods("calm", "rough"), feelings],
    after: [...things({ c: feelings() }), moods("calm", "rough"), feelings],
  },
  { what: "drops a policy", before: guarded({}), after: guarded() },
  {
    what: "adds a policy that stands beside its table",
    before: none,
    after: [guardedTable, ...beside, pg.pgPolicy("own", { using: sql`true` }).link(guardedTable)],
  },
];

/** What each case is generated as, once for all engines. */
const generated = new Map<Case, ReturnType<typeof generateTwo>>();

for (const { name, dialect, scratch } of proofEngines) {
  /** The first revisions that were proven by themselves, by what is in them: half of the cases begin with the same. */
  const proven = new Set<string>();
  const own = new Set(dialect === "postgresql" ? ownCases : []);
  const onPostgres = (tables: readonly unknown[]) => ({
    sqlite: {},
    postgresql: tablesFor("postgresql", tables),
  });
  for (const each of [...dialect === "sqlite" ? typeCases : allTypesCases, ...cases, ...own]) {
    const { what, before, after, never, ...decisions } = each;
    test(`generate ${what}, up, down and up again (${name})`, async () => {
      const made = generated.get(each) ??
        (own.has(each)
          ? generateBetween(onPostgres(before), onPostgres(after), decisions)
          : generateTwo(before, after, decisions));
      generated.set(each, made);
      const { second, history } = await made;
      const { scripts } = second.parts.find((part) => part.dialect === dialect)!;
      try {
        for (const pattern of decisions[dialect] ?? []) assert.match(scripts.up, pattern);
        if (never !== undefined) assert.doesNotMatch(scripts.up, never);
        assert.doesNotMatch(scripts.up + scripts.down, /PRAGMA|"public"|CASCADE;/);
        const both = history(dialect);
        const { id } = both.revisions[0]!;
        await prove(both, scratch, proven.has(id) ? 1 : 0);
        proven.add(id);
      } catch (error) {
        // The scripts say more than the error.
        throw new Error(`${scripts.up}\n${scripts.down}`, { cause: error });
      }
    });
  }
}
