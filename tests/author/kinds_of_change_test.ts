import type { Dialect } from "../../src/base/dialect.ts";
import assert from "node:assert/strict";
import { test } from "node:test";
import { sql } from "drizzle-orm";
import * as pg from "drizzle-orm/pg-core";
import * as lite from "drizzle-orm/sqlite-core";
import { assertGolden, assertNoStrays, goldenName } from "../support/golden.ts";
import { type CaseDecisions, generateBetween } from "../support/samples/two_revisions.ts";

// Each kind of change that a schema can have, one at a time, in Drizzle's own words of both dialects. What the scripts
// are is in tests/golden; that each kind runs, up, down and up again, is in every_change_test.ts.

const pgWords = {
  table: pg.pgTable,
  id: () => pg.serial("id").primaryKey(),
  int: (name: string) => pg.integer(name),
  big: (name: string) => pg.bigint(name, { mode: "bigint" }),
  text: (name: string) => pg.text(name),
  short: (name: string, length: number) => pg.varchar(name, { length }),
  time: (name: string) => pg.timestamp(name),
  now: sql`CURRENT_TIMESTAMP`,
  random: sql`gen_random_uuid()::text`,
  index: pg.index,
  uniqueIndex: pg.uniqueIndex,
  unique: pg.unique,
  check: pg.check,
  primaryKey: pg.primaryKey,
  foreignKey: pg.foreignKey,
};

/** The words that both dialects have by the same name; the types are PostgreSQL's. */
type Words = typeof pgWords;

const liteWords = {
  table: lite.sqliteTable,
  id: () => lite.integer("id").primaryKey(),
  int: (name: string) => lite.integer(name),
  big: (name: string) => lite.integer(name),
  text: (name: string) => lite.text(name),
  short: (name: string, length: number) => lite.text(name, { length }),
  time: (name: string) => lite.text(name),
  now: sql`CURRENT_TIMESTAMP`,
  random: sql`(lower(hex(randomblob(16))))`,
  index: lite.index,
  uniqueIndex: lite.uniqueIndex,
  unique: lite.unique,
  check: lite.check,
  primaryKey: lite.primaryKey,
  foreignKey: lite.foreignKey,
} as unknown as Words;

type Tables = (words: Words) => Readonly<Record<string, unknown>>;

interface Kind extends CaseDecisions {
  readonly what: string;
  readonly before: Tables;
  readonly after: Tables;
  /** The dialects that have it; both without it. */
  readonly only?: Dialect;
}

type Columns = Readonly<Record<string, pg.PgColumnBuilderBase>>;
type Extra = NonNullable<Parameters<Words["table"]>[2]>;

/** `things`, which `owners` are referred to by and `notes` refer to. */
function things(columns: (words: Words) => Columns, extra?: (words: Words) => Extra): Tables {
  return (words) => {
    const { table, id, int, text } = words;
    const owners = table("owners", { id: id(), name: text("name") });
    const more = columns(words);
    const own = { id: id(), name: text("name"), ...more };
    const changed = extra === undefined ? table("things", own) : table("things", own, extra(words));
    const notes = table("notes", { id: id(), thing_id: int("thing_id").references(() => changed.id) });
    return { owners, changed, notes };
  };
}

const none = () => ({});
const plain = things(none);
const withText = things(({ text }) => ({ c: text("c") }));
const withInt = things(({ int }) => ({ c: int("c") }));
/** Drizzle's callback gets the table's columns. */
const on =
  (make: (words: Words, table: { readonly c: never; readonly name: never }) => unknown) => (words: Words) =>
    ((table: never) => [make(words, table)]) as unknown as Extra;

const kinds: readonly Kind[] = [
  {
    what: "add a table",
    before: ({ table, id, text }) => ({ owners: table("owners", { id: id(), name: text("name") }) }),
    after: plain,
  },
  {
    what: "rename a table",
    before: ({ table, id, int, text }) => {
      const old = table("old_things", { id: id(), name: text("name") });
      return { old, notes: table("notes", { id: id(), thing_id: int("thing_id").references(() => old.id) }) };
    },
    after: ({ table, id, int, text }) => {
      const changed = table("things", { id: id(), name: text("name") });
      return {
        changed,
        notes: table("notes", { id: id(), thing_id: int("thing_id").references(() => changed.id) }),
      };
    },
    renames: ["old_things=things"],
  },
  { what: "add a column", before: plain, after: withText },
  {
    what: "add a column with a default",
    before: plain,
    after: things(({ text }) => ({ c: text("c").default("it's") })),
  },
  {
    what: "add a NOT NULL column with a default",
    before: plain,
    after: things(({ int }) => ({ c: int("c").notNull().default(0) })),
  },
  {
    what: "add a NOT NULL column with a value for old rows",
    before: plain,
    after: things(({ text }) => ({ c: text("c").notNull() })),
    fills: ["things.c='x'"],
  },
  {
    what: "add a NOT NULL column with an expression for old rows",
    before: plain,
    after: things(({ text }) => ({ c: text("c").notNull() })),
    fills: ["things.c=coalesce(name, '')"],
  },
  {
    what: "add a column with a random default",
    before: plain,
    after: things(({ text, random }) => ({ c: text("c").notNull().default(random) })),
  },
  {
    what: "rename a column",
    before: things(({ text }) => ({ old: text("old") })),
    after: withText,
    renames: ["things.old=things.c"],
  },
  {
    what: "rename an indexed column",
    before: things(
      ({ text }) => ({ c: text("old") }),
      on(({ index }, { c }) => index("things_c_index").on(c)),
    ),
    after: things(({ text }) => ({ c: text("c") }), on(({ index }, { c }) => index("things_c_index").on(c))),
    renames: ["things.old=things.c"],
  },
  {
    what: "rename columns that change places",
    before: things(({ text, int }) => ({ c: text("c"), d: int("d") })),
    after: things(({ text, int }) => ({ d: text("d"), c: int("c") })),
    renames: ["things.c=things.d", "things.d=things.c"],
  },
  {
    what: "swap a column for another",
    before: things(({ text }) => ({ old: text("old") })),
    after: withText,
  },
  {
    what: "make NOT NULL",
    before: withText,
    after: things(({ text }) => ({ c: text("c").notNull() })),
    fills: ["things.c='?'"],
  },
  { what: "set a default", before: withText, after: things(({ text }) => ({ c: text("c").default("x") })) },
  {
    what: "change a default",
    before: things(({ text }) => ({ c: text("c").default("x") })),
    after: things(({ text }) => ({ c: text("c").default("y") })),
  },
  {
    what: "set a default that is worked out",
    before: things(({ time }) => ({ c: time("c") })),
    after: things(({ time, now }) => ({ c: time("c").default(now) })),
  },
  {
    what: "change a type within its family",
    before: withInt,
    after: things(({ big }) => ({ c: big("c") })),
    only: "postgresql",
  },
  { what: "change a type to another family", before: withInt, after: withText },
  {
    what: "change a length",
    before: things(({ short }) => ({ c: short("c", 20) })),
    after: things(({ short }) => ({ c: short("c", 50) })),
    only: "postgresql",
  },
  {
    what: "add an index",
    before: withText,
    after: things(({ text }) => ({ c: text("c") }), on(({ index }, { c }) => index("things_c_index").on(c))),
  },
  {
    what: "add an index of two columns",
    before: withText,
    after: things(
      ({ text }) => ({ c: text("c") }),
      on(({ index }, { c, name }) => index("things_both").on(name, c)),
    ),
  },
  {
    what: "add a partial index",
    before: withText,
    after: things(
      ({ text }) => ({ c: text("c") }),
      on(({ index }, { c }) => index("things_c_index").on(c).where(sql`${c} IS NOT NULL`)),
    ),
  },
  {
    what: "add a unique index",
    before: withText,
    after: things(
      ({ text }) => ({ c: text("c") }),
      on(({ uniqueIndex }, { c }) => uniqueIndex("things_c_index").on(c)),
    ),
  },
  {
    what: "make an index unique",
    before: things(({ text }) => ({ c: text("c") }), on(({ index }, { c }) => index("things_c_index").on(c))),
    after: things(
      ({ text }) => ({ c: text("c") }),
      on(({ uniqueIndex }, { c }) => uniqueIndex("things_c_index").on(c)),
    ),
  },
  {
    what: "rename an index",
    before: things(({ text }) => ({ c: text("c") }), on(({ index }, { c }) => index("things_old").on(c))),
    after: things(({ text }) => ({ c: text("c") }), on(({ index }, { c }) => index("things_new").on(c))),
  },
  {
    what: "add a unique constraint",
    before: withText,
    after: things(({ text }) => ({ c: text("c") }), on(({ unique }, { c }) => unique("things_c_key").on(c))),
  },
  {
    what: "add a check",
    before: withText,
    after: things(
      ({ text }) => ({ c: text("c") }),
      on(({ check }, { c }) => check("things_c_check", sql`length(${c}) < 100`)),
    ),
  },
  {
    what: "change a check",
    before: things(
      ({ text }) => ({ c: text("c") }),
      on(({ check }) => check("things_c_check", sql.raw(`"c" IN ('row 1', 'row 2')`))),
    ),
    after: things(
      ({ text }) => ({ c: text("c") }),
      on(({ check }) => check("things_c_check", sql.raw(`"c" IN ('row 1', 'row 2', 'x')`))),
    ),
  },
  {
    what: "add a column with a check",
    before: plain,
    after: things(
      ({ text }) => ({ c: text("c").notNull().default("a") }),
      on(({ check }) => check("things_c_check", sql.raw(`"c" IN ('a', 'b')`))),
    ),
  },
  { what: "add a foreign key", before: withInt, after: referring("no action") },
  { what: "add a column with a foreign key", before: plain, after: referring("no action") },
  { what: "change what a foreign key does", before: referring("no action"), after: referring("cascade") },
  {
    what: "change two tables at once",
    before: ({ table, id, text }) => ({
      owners: table("owners", { id: id(), name: text("name"), gone: text("gone") }),
      things: table("things", { id: id(), c: text("c") }),
    }),
    after: ({ table, id, text }) => ({
      owners: table("owners", { id: id(), name: text("name").notNull() }),
      things: table("things", { id: id(), c: text("c").default("x"), d: text("d") }),
    }),
    fills: ["owners.name=''"],
  },
  { what: "change nothing", before: plain, after: plain },
];

/** `things` whose `c` refers to `owners`. */
function referring(onDelete: "no action" | "cascade"): Tables {
  return ({ table, id, int, text }) => {
    const owners = table("owners", { id: id(), name: text("name") });
    const changed = table("things", {
      id: id(),
      name: text("name"),
      c: int("c").references(() => owners.id, { onDelete }),
    });
    const notes = table("notes", { id: id(), thing_id: int("thing_id").references(() => changed.id) });
    return { owners, changed, notes };
  };
}

const prefix = "kind_";
const inDialects = (tables: Tables) => ({ sqlite: tables(liteWords), postgresql: tables(pgWords) });

for (const { what, before, after, only, ...decisions } of kinds) {
  for (const dialect of ["sqlite", "postgresql"] as const) {
    if (only !== undefined && only !== dialect) continue;
    test(`to ${what} has the scripts of tests/golden (${dialect})`, async () => {
      const { second } = await generateBetween(inDialects(before), inDialects(after), decisions);
      const { scripts } = second.parts.find((part) => part.dialect === dialect)!;
      assertGolden(dialect, prefix + goldenName(what), scripts);
    });
  }
}

for (const dialect of ["sqlite", "postgresql"] as const) {
  test(`every golden script of a kind has its case (${dialect})`, () => {
    const own = kinds.filter(({ only }) => only === undefined || only === dialect);
    assertNoStrays(
      dialect,
      own.map(({ what }) => prefix + goldenName(what)),
      (file) => file.startsWith(prefix),
    );
  });
}

test("a rename is never a drop", async () => {
  const renames = kinds.filter(({ what, renames }) => what.startsWith("rename") && renames !== undefined);
  assert.ok(renames.length > 0);
  for (const { before, after, ...decisions } of renames) {
    const { second } = await generateBetween(inDialects(before), inDialects(after), decisions);
    for (const { scripts } of second.parts) {
      assert.doesNotMatch(scripts.up + scripts.down, /DROP (?:TABLE|COLUMN)/);
    }
  }
});
