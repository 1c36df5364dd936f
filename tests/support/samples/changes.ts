import { perDialect } from "harbor-db";
import { sql } from "drizzle-orm";
import * as pg from "drizzle-orm/pg-core";
import type { Dialect } from "../../../src/base/dialect.ts";
import type { CaseDecisions } from "./two_revisions.ts";

/** A kind of change that a schema can have, as schema.ts says it before and after. */
export interface Change extends CaseDecisions {
  readonly what: string;
  readonly before: readonly pg.PgTable[];
  readonly after: readonly pg.PgTable[];
  /** The dialect that alone has it; both without it. */
  readonly only?: Dialect;
}

type Columns = Readonly<Record<string, pg.PgColumnBuilderBase>>;
type Own = Readonly<Record<string, pg.ExtraConfigColumn>>;
type Extras = (own: Own) => readonly pg.PgTableExtraConfigValue[];
type Decisions = CaseDecisions & Pick<Change, "only">;

const postgres = { only: "postgresql" } as const;

/** A table with a key, a name and more. */
function table(name: string, columns: Columns = {}, extras: Extras = () => []): pg.PgTable {
  return pg.pgTable(
    name,
    { id: pg.serial().primaryKey(), name: pg.text(), ...columns },
    (own) => [...extras(own as unknown as Own)],
  );
}

/** A table of just these columns. */
function bare(name: string, columns: Columns, extras: Extras = () => []): pg.PgTable {
  return pg.pgTable(name, { ...columns }, (own) => [...extras(own as unknown as Own)]);
}

function idOf(table: pg.PgTable, name = "id"): pg.AnyPgColumn {
  return (table as unknown as Readonly<Record<string, pg.AnyPgColumn>>)[name]!;
}

function change(
  what: string,
  before: readonly pg.PgTable[],
  after: readonly pg.PgTable[],
  decisions: Decisions = {},
): Change {
  return { what, before, after, ...decisions };
}

type Column = (() => pg.PgColumnBuilderBase) | null;

/** A change of the column `c` of one table, which comes from nothing or goes. */
function column(what: string, before: Column, after: Column, decisions: Decisions = {}): Change {
  const with_ = (make: Column) => [table("t", make === null ? {} : { c: make() })];
  return change(what, with_(before), with_(after), decisions);
}

/** A change of what a table of the columns `a` and `b` has beside them. */
function part(what: string, before: Extras, after: Extras, decisions: Decisions = {}): Change {
  const with_ = (extras: Extras) => [table("t", { a: pg.integer(), b: pg.text() }, extras)];
  return change(what, with_(before), with_(after), decisions);
}

const none: Extras = () => [];
const text: Column = () => pg.text();
const int: Column = () => pg.integer();
const mood = pg.pgEnum("mood", ["calm", "it's rough"]);
const longerMood = pg.pgEnum("mood", ["calm", "it's rough", "wild"]);
const answer = pg.pgEnum("answer", ["false", "maybe", "true"]);
const feeling = pg.pgEnum("feeling", ["calm", "it's rough"]);
const longerFeeling = pg.pgEnum("feeling", ["calm", "it's rough", "wild"]);
const otherFeeling = pg.pgEnum("feeling", ["it's rough", "calm"]);
const otherMood = pg.pgEnum("mood", ["it's rough", "calm"]);
const capitalMood = pg.pgEnum("Mood", ["calm", "Rough"]);
const named = (type: string) => pg.customType<{ data: string }>({ dataType: () => type })();
const moment = new Date("2024-02-29T12:34:56.250Z");

/** One row a column that comes with a default: what it is, and how it is made. */
const added: readonly (readonly [what: string, make: () => pg.PgColumnBuilderBase, decisions?: Decisions])[] =
  [
    ["text with quotes", () => pg.text().notNull().default(`it's "so" \\ %`)],
    ["varchar", () => pg.varchar({ length: 20 }).default("local")],
    ["char", () => pg.char({ length: 3 }).default("abc")],
    ["a negative integer", () => pg.integer().notNull().default(-7)],
    ["smallint", () => pg.smallint().default(3)],
    ["bigint", () => pg.bigint({ mode: "bigint" }).default(9007199254740993n)],
    ["boolean", () => pg.boolean().notNull().default(true)],
    ["real", () => pg.real().default(1.5)],
    ["double precision", () => pg.doublePrecision().default(-0.1)],
    ["a small float", () => pg.doublePrecision().default(1e-7)],
    ["a large float", () => pg.doublePrecision().default(1e21)],
    ["numeric", () => pg.numeric({ precision: 10, scale: 2 }).default("1.50")],
    ["numeric of any length", () => pg.numeric().default("12.340")],
    ["a date", () => pg.date().default("2024-02-29")],
    ["a time", () => pg.time().default("12:30")],
    ["a time with a precision", () => pg.time({ precision: 3 }).default("12:30:00.500")],
    ["a timestamp", () => pg.timestamp().default(moment)],
    ["a timestamp with a precision", () => pg.timestamp({ precision: 3 }).default(moment)],
    ["a timestamp as text", () => pg.timestamp({ mode: "string" }).default("2024-02-29T12:00:00.500")],
    ["a timestamp with a zone", () => pg.timestamp({ withTimezone: true }).default(moment)],
    [
      "a timestamp in another zone",
      () => pg.timestamp({ withTimezone: true, mode: "string" }).default("2024-02-29 12:00:00+02"),
    ],
    ["a timestamp of now", () => pg.timestamp().notNull().defaultNow()],
    ["a timestamp with a zone of now", () => pg.timestamp({ withTimezone: true }).defaultNow()],
    ["a uuid", () => pg.uuid().default("A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11")],
    ["a random uuid", () => pg.uuid().notNull().defaultRandom()],
    ["json", () => pg.json().default({ b: 1, a: [1, 2], long: { "it's": null } })],
    ["jsonb", () => pg.jsonb().notNull().default({ long: 1, b: [1, { z: 2, y: 3 }], a: "it's" })],
    ["jsonb with numbers", () => pg.jsonb().default({ a: 1e21, b: 1e-7, c: 1.5, d: -0 })],
    ["jsonb with letters", () => pg.jsonb().default({ ä: 'é\n\t"\\/', "": "", "\u0001": "\u2028" })],
    ["jsonb as written", () => pg.jsonb().default(sql`'{"b":1,"a":{"d":1.0,"c":[1,2]},"b":2}'::jsonb`)],
    ["an empty jsonb list", () => pg.jsonb().default([])],
    ["bytes", () => named("bytea")],
    ["an enum", () => mood().notNull().default("it's rough")],
    ["an enum with capitals", () => capitalMood().default("Rough")],
    ["an expression", () => pg.integer().default(sql`abs(-4) + 1`)],
    ["an expression of text", () => pg.text().default(sql`lower('A' || 'b')`)],
    ["a null", () => pg.text().default(sql`NULL`)],
    ["an interval", () => pg.interval().default("1 day"), postgres],
    ["an interval in other words", () => pg.interval().default("90 minutes"), postgres],
    ["an address", () => pg.inet().default("127.0.0.1"), postgres],
    ["a network", () => pg.cidr().default("10.0.0.0/8"), postgres],
    ["a card", () => pg.macaddr().default("08:00:2B:01:02:03"), postgres],
    ["a point", () => pg.point().default([1, 2.5]), postgres],
    ["texts", () => pg.text().array().notNull().default(["a", "it's", "b c", ""]), postgres],
    ["no texts", () => pg.text().array().default([]), postgres],
    ["numbers", () => pg.integer().array().default([1, -2]), postgres],
    ["numbers as written", () => pg.integer().array().default(sql`'{ 1, 2 }'::int[]`), postgres],
    ["numbers in a constructor", () => pg.integer().array().default(sql`ARRAY[1, 2]`), postgres],
    ["an empty constructor", () => pg.text().array().default(sql`ARRAY[]::text[]`), postgres],
    ["truth values", () => pg.boolean().array().default([true, false]), postgres],
    ["varchars", () => pg.varchar({ length: 20 }).array().default(["a,b", "NULL", "{x}"]), postgres],
    ["floats", () => pg.doublePrecision().array().default([1.5, 2]), postgres],
    ["rows of numbers", () => pg.integer().array().array().default([[1, 2], [3, 4]]), postgres],
    ["enums", () => mood().array().default(["calm"]), postgres],
    ["a generated number", () => pg.integer().generatedAlwaysAs(sql`length(name) + 1`), postgres],
    ["a time with a zone", () => pg.time({ withTimezone: true }).default("12:30:00+02"), postgres],
  ];

/** One row a type that becomes another. */
const retyped: readonly (readonly [what: string, before: Column, after: Column, decisions?: Decisions])[] = [
  ["integer to bigint", int, () => pg.bigint({ mode: "number" })],
  ["smallint to integer", () => pg.smallint(), int],
  ["bigint to integer", () => pg.bigint({ mode: "number" }), int],
  ["integer to text", int, text],
  ["integer to numeric", int, () => pg.numeric({ precision: 12, scale: 2 })],
  ["integer to double precision", int, () => pg.doublePrecision()],
  ["real to double precision", () => pg.real(), () => pg.doublePrecision()],
  ["a longer varchar", () => pg.varchar({ length: 20 }), () => pg.varchar({ length: 50 })],
  ["a shorter varchar", () => pg.varchar({ length: 50 }), () => pg.varchar({ length: 20 })],
  ["varchar to text", () => pg.varchar({ length: 20 }), text],
  ["text to varchar", text, () => pg.varchar({ length: 200 })],
  [
    "more digits",
    () => pg.numeric({ precision: 8, scale: 2 }),
    () => pg.numeric({ precision: 12, scale: 4 }),
  ],
  ["date to timestamp", () => pg.date(), () => pg.timestamp()],
  ["a zone", () => pg.timestamp(), () => pg.timestamp({ withTimezone: true })],
  ["a precision", () => pg.timestamp(), () => pg.timestamp({ precision: 3 })],
  ["json to jsonb", () => pg.json(), () => pg.jsonb()],
  ["text to json", () => pg.json(), text],
  ["uuid to text", () => pg.uuid(), text],
  ["boolean to integer", () => pg.boolean(), int],
  ["enum to text", () => mood(), text],
  ["text to enum, with another default", () => pg.text().default("it's rough"), () => mood().default("calm")],
  ["text to enum, with a first default", text, () => mood().default("calm")],
  ["enum to text, with another default", () => mood().default("calm"), () => pg.text().default("none")],
  ["boolean to enum", () => pg.boolean(), () => answer()],
  [
    "boolean to enum, with a default",
    () => pg.boolean().notNull().default(false),
    () => answer().notNull().default("maybe"),
  ],
  ["with a default", () => pg.integer().notNull().default(5), () => pg.text().notNull().default("5")],
  ["an enum's new value", () => mood(), () => longerMood()],
  ["an enum's new value, with a default", () => mood().default("calm"), () => longerMood().default("wild")],
  ["an enum's other order", () => mood().default("calm"), () => otherMood().default("calm")],
  ["an enum's name", () => mood(), () => capitalMood(), postgres],
  ["an array of longer texts", () => pg.varchar({ length: 5 }).array(), () => pg.text().array(), postgres],
  ["text to enum", () => pg.text().notNull().default("calm"), () => mood().notNull().default("calm")],
  ["char to enum", () => pg.char({ length: 12 }), () => mood()],
  [
    "a varchar with room for one value to enum",
    () => pg.varchar({ length: 5 }).notNull(),
    () => mood().notNull(),
  ],
  ["enum to varchar", () => mood(), () => pg.varchar({ length: 10 })],
  [
    "an enum's name, with a default",
    () => mood().default("calm"),
    () => capitalMood().default("calm"),
    postgres,
  ],
  ["text to an array of enums", text, () => mood().array().notNull().default(["it's rough"]), {
    ...postgres,
    fills: [`t.c='{calm}'`],
  }],
  ["an array of texts to one of enums", () => pg.text().array(), () => mood().array(), postgres],
  [
    "an array of enums to one of others",
    () => mood().array().notNull(),
    () => capitalMood().array().notNull(),
    postgres,
  ],
  ["text to a time", text, () => pg.time()],
  ["text to uuid", () => pg.varchar({ length: 40 }), () => pg.uuid()],
  ["text to numeric", text, () => pg.numeric({ precision: 10, scale: 2 })],
  ["text to boolean", text, () => pg.boolean()],
  ["boolean to text", () => pg.boolean(), text],
  [
    "text to a timestamp with a precision",
    () => pg.varchar({ length: 50 }).notNull(),
    () => pg.timestamp({ precision: 3 }).notNull(),
  ],
  ["text to an interval", text, () => pg.interval(), postgres],
  ["text to an address", text, () => pg.inet(), postgres],
  ["a network to an address", () => pg.cidr(), () => pg.inet(), postgres],
  ["text to a list", text, () => pg.text().array(), postgres],
  ["a list of texts to one of numbers", () => pg.text().array(), () => pg.integer().array(), postgres],
  ["timestamp to a time", () => pg.timestamp(), () => pg.time()],
  ["a time to timestamp with a zone", () => pg.time(), () => pg.timestamp({ withTimezone: true })],
  ["a time to an interval", () => pg.time(), () => pg.interval(), postgres],
  ["boolean to smallint, with a default", () => pg.boolean().default(true), () => pg.smallint().default(1)],
  ["bigint to boolean", () => pg.bigint({ mode: "number" }), () => pg.boolean()],
  ["integer to json", int, () => pg.json()],
  ["jsonb to double precision", () => pg.jsonb(), () => pg.doublePrecision()],
];

const made = () => pg.integer().generatedAlwaysAs(sql`length(name) + 1`);
/** What names the column `c`. */
const used: Extras = ({ c, name }) => [
  pg.index("ix").on(c!),
  pg.index("part").on(name!).where(sql`${c} > 1`),
  pg.check("c_check", sql`${c} > -10`),
];

/** One row a column that is in indexes and a check, and becomes plain, generated, or made of something else. */
const remade: readonly (readonly [
  what: string,
  before: () => pg.PgColumnBuilderBase,
  after: () => pg.PgColumnBuilderBase,
])[] = [
  ["becomes plain", made, () => pg.integer()],
  [
    "becomes plain and NOT NULL with a default",
    () => made().notNull(),
    () => pg.integer().notNull().default(3),
  ],
  ["comes of a plain one", () => pg.integer(), made],
  [
    "in indexes and a check is made of something else",
    made,
    () => pg.integer().generatedAlwaysAs(sql`length(name) + 2`),
  ],
];

const owners = table("owners", { code: pg.text().notNull().unique() });
const pairs = bare(
  "pairs",
  { a: pg.integer(), b: pg.text() },
  ({ a, b }) => [pg.primaryKey({ columns: [a!, b!] })],
);

const byUid = bare("t", { uid: pg.uuid().primaryKey().defaultRandom() });
const bySerial = bare("t", {
  id: pg.serial().primaryKey(),
  uid: pg.uuid().notNull().unique().defaultRandom(),
});
const twoColumns = () => ({ a: pg.integer().notNull(), b: pg.text().notNull() });
const keyedByTwo = bare("t", twoColumns(), ({ a, b }) => [pg.primaryKey({ columns: [a!, b!] })]);
const numbered = bare(
  "t",
  { id: pg.serial().primaryKey(), ...twoColumns() },
  ({ a, b }) => [pg.unique("a_b").on(a!, b!)],
);

/** Two tables, the second of which refers to the first in one way or another. */
function referring(make: Column, extras: Extras = none): readonly pg.PgTable[] {
  return [owners, table("t", make === null ? {} : { owner_id: make() }, extras)];
}

type Action = NonNullable<Parameters<ReturnType<typeof pg.integer>["references"]>[1]>;
const refers = (actions: Action = {}): Column => () => pg.integer().references(() => idOf(owners), actions);

function tree(withParent: boolean): readonly pg.PgTable[] {
  const own: pg.PgTable = table(
    "tree",
    withParent
      ? { parent_id: pg.integer().references((): pg.AnyPgColumn => idOf(own), { onDelete: "cascade" }) }
      : {},
  );
  return [own];
}

function circle(): readonly pg.PgTable[] {
  const left: pg.PgTable = table("left_side", { right_id: pg.integer().references(() => idOf(right)) });
  const right: pg.PgTable = table("right_side", {
    left_id: pg.integer().references((): pg.AnyPgColumn => idOf(left)),
  });
  return [left, right];
}

/** A table under a name, and one that refers to it. */
function parentAndChild(name: string, columns: Columns = {}): readonly pg.PgTable[] {
  const parent = table(name, columns);
  return [parent, table("child", { parent_id: pg.integer().notNull().references(() => idOf(parent)) })];
}

const hard = "a name with signs: $1 'x'";

/** All kinds of change that this project has been asked for. */
export const changes: readonly Change[] = [
  ...added.map(([what, make, decisions]) => column(`a new column: ${what}`, null, make, decisions)),
  ...retyped.map(([what, before, after, decisions]) =>
    column(`another type: ${what}`, before, after, decisions)
  ),

  change("a new table", [owners], [owners, table("t", { c: pg.integer().notNull().default(1) })]),
  change("a table goes", [owners, table("t")], [owners]),
  change("a table that others refer to goes", referring(refers()), [table("t")]),
  change("a table's new name", [table("old", { c: pg.integer() })], [table("t", { c: pg.integer() })], {
    renames: ["old=t"],
  }),
  change("a new name of a table that others refer to", parentAndChild("old"), parentAndChild("parent"), {
    renames: ["old=parent"],
  }),
  change(
    "a table's new name, and a new column",
    parentAndChild("old"),
    parentAndChild("parent", { more: pg.text().default("x") }),
    { renames: ["old=parent"] },
  ),
  change("tables that refer to each other", [owners], [owners, ...circle()]),
  change("tables that refer to each other go", [owners, ...circle()], [owners]),
  change("a table that refers to itself", [owners], [owners, ...tree(true)]),
  change("a table begins to refer to itself", tree(false), tree(true)),
  change("two tables at once", [owners, table("t", { gone: pg.text() })], [
    table("owners", { code: pg.text().notNull().unique(), more: pg.integer().notNull().default(0) }),
    table("t", { come: pg.text() }),
  ]),
  change("names with capitals", [table("Things", { OwnerId: pg.integer() })], [
    table("Things", { OwnerId: pg.integer().notNull().default(1), Other: pg.text() }, (own) => [
      pg.index("Things_Index").on(own["OwnerId"]!),
      pg.check("Things_Check", sql`${own["OwnerId"]} >= -5`),
    ]),
  ]),
  change("names that need quotes", [table("order", { [hard]: pg.integer() })], [
    table("order", { [hard]: pg.integer(), select: pg.text().default("x") }, (own) => [
      pg.index("group").on(own[hard]!, own["select"]!),
    ]),
  ]),

  change("new names of a table and a column with signs and letters in them", [
    table("o'ld. t", { "ä = b": pg.integer() }),
  ], [
    table("Neu é", { [hard]: pg.integer() }),
  ], { renames: [`"o'ld. t"=Neu é`, `Neu é."ä = b"=Neu é.${hard}`] }),
  change("a value for old rows of a column with signs", [table("a t", { [hard]: pg.integer() })], [
    table("a t", { [hard]: pg.integer().notNull() }),
  ], { fills: [`a t.${hard}=0`] }),

  column("a column goes", text, null),
  column("a NOT NULL column goes", () => pg.text().notNull(), null),
  column("a column without duplicates goes", () => pg.text().unique(), null),
  column("a column with a default goes", () => pg.jsonb().default({ b: 1, a: 2 }), null),
  column("a generated column goes", () => pg.integer().generatedAlwaysAs(sql`length(name) + 1`), null),
  change("a column with an index, a check and a reference goes", [
    owners,
    table("t", { c: pg.integer().references(() => idOf(owners)) }, ({ c }) => [
      pg.index("ix_c").on(c!),
      pg.check("c_check", sql`${c} > -10`),
    ]),
  ], [owners, table("t")]),
  change("a column's new name", [table("t", { old: pg.text().notNull().default("x") })], [
    table("t", { c: pg.text().notNull().default("x") }),
  ], { renames: ["t.old=t.c"] }),
  change("a new name of a column in indexes and checks", [
    table("t", { old: pg.integer() }, ({ old }) => [
      pg.index("ix").on(old!).where(sql`${old} > 0`),
      pg.check("c_check", sql`${old} > -10`),
    ]),
  ], [
    table("t", { c: pg.integer() }, ({ c }) => [
      pg.index("ix").on(c!).where(sql`${c} > 0`),
      pg.check("c_check", sql`${c} > -10`),
    ]),
  ], { renames: ["t.old=t.c"] }),
  change(
    "a new name of a column of a key",
    [
      bare(
        "t",
        { a: pg.integer(), old: pg.text() },
        ({ a, old }) => [pg.primaryKey({ columns: [a!, old!] })],
      ),
    ],
    [bare("t", { a: pg.integer(), b: pg.text() }, ({ a, b }) => [pg.primaryKey({ columns: [a!, b!] })])],
    {
      renames: ["t.old=t.b"],
    },
  ),
  change(
    "a new name of a column that refers to another table",
    [owners, table("t", { old: pg.integer().references(() => idOf(owners)) })],
    [owners, table("t", { c: pg.integer().references(() => idOf(owners)) })],
    { renames: ["t.old=t.c"] },
  ),
  change("columns that change places", [
    table("t", { a: pg.text().notNull(), b: pg.text().notNull() }, ({ a, b }) => [
      pg.index("ix_a").on(a!),
      pg.uniqueIndex("ix_b").on(b!),
      pg.check("a_check", sql`${a} <> 'x' OR ${b} <> 'y'`),
    ]),
  ], [
    table("t", { a: pg.text().notNull(), b: pg.text().notNull() }, ({ a, b }) => [
      pg.index("ix_a").on(b!),
      pg.uniqueIndex("ix_b").on(a!),
      pg.check("a_check", sql`${b} <> 'x' OR ${a} <> 'y'`),
    ]),
  ], { renames: ["t.a=t.b", "t.b=t.a"] }),
  change("columns of other types that change places, and a third", [
    table("t", { a: pg.text().default("x"), b: pg.integer(), c: pg.boolean() }, ({ a, b }) => [
      pg.index("ix_a").on(a!),
      pg.index("ix_b").on(b!),
    ]),
  ], [
    table("t", { b: pg.text().default("x"), c: pg.integer(), a: pg.boolean(), d: pg.text() }, ({ a, b }) => [
      pg.index("ix_a").on(a!),
      pg.index("ix_b").on(b!),
    ]),
  ], { renames: ["t.a=t.b", "t.b=t.c", "t.c=t.a"] }),
  change("one column for another", [table("t", { old: pg.text() })], [table("t", { c: pg.integer() })]),
  column("NOT NULL, with a value for old rows", text, () => pg.text().notNull(), { fills: ["t.c='?'"] }),
  column("NOT NULL, with an expression for old rows", text, () => pg.text().notNull(), {
    fills: ["t.c=coalesce(name, '-')"],
  }),
  column("a NOT NULL column with a value for old rows", null, () => pg.integer().notNull(), {
    fills: ["t.c=7"],
  }),
  column("NULL is allowed", () => pg.text().notNull(), text),
  column("NOT NULL and a default", int, () => pg.integer().notNull().default(3), { fills: ["t.c=3"] }),
  column("a default", text, () => pg.text().default("x")),
  column("another default", () => pg.text().default("x"), () => pg.text().default("it's")),
  column("a default goes", () => pg.text().default("x"), text),
  column("a default of now", () => pg.timestamp(), () => pg.timestamp().defaultNow()),
  column(
    "a json default with other keys",
    () => pg.jsonb().default({ a: 1 }),
    () => pg.jsonb().default({ b: 1, a: 1 }),
  ),
  column(
    "another default of an array",
    () => pg.text().array().default(["a"]),
    () => pg.text().array().default([]),
    postgres,
  ),
  column(
    "a generated column is made of something else",
    () => pg.integer().generatedAlwaysAs(sql`length(name) + 1`),
    () => pg.integer().generatedAlwaysAs(sql`length(name) + 2`),
  ),

  ...remade.map(([what, before, after]) =>
    change(`a generated column ${what}`, [table("t", { c: before() }, used)], [
      table("t", { c: after() }, used),
    ])
  ),

  part("an index", none, ({ a }) => [pg.index("ix").on(a!)]),
  part("an index goes", ({ a }) => [pg.index("ix").on(a!)], none),
  part("an index's new name", ({ a }) => [pg.index("ix_old").on(a!)], ({ a }) => [pg.index("ix").on(a!)]),
  part("a unique index", none, ({ b }) => [pg.uniqueIndex("ix").on(b!)]),
  part(
    "an index becomes unique",
    ({ a }) => [pg.index("ix").on(a!)],
    ({ a }) => [pg.uniqueIndex("ix").on(a!)],
  ),
  part("an index of two columns", none, ({ a, b }) => [pg.index("ix").on(a!, b!)]),
  part(
    "an index of other columns",
    ({ a }) => [pg.index("ix").on(a!)],
    ({ a, b }) => [pg.index("ix").on(b!, a!)],
  ),
  part("a descending index", none, ({ a, b }) => [pg.index("ix").on(a!.desc(), b!)]),
  part("an index with NULLs first", none, ({ a }) => [pg.index("ix").on(a!.nullsFirst())], postgres),
  part(
    "a descending index with NULLs first",
    none,
    ({ a }) => [pg.index("ix").on(a!.desc().nullsFirst())],
    postgres,
  ),
  part(
    "a partial index",
    none,
    ({ a, b }) => [pg.index("ix").on(b!).where(sql`${a} IN (1, 2) AND ${b} <> 'it''s'`)],
  ),
  part(
    "another condition of an index",
    ({ a, b }) => [pg.index("ix").on(b!).where(sql`${a} > 1`)],
    ({ a, b }) => [
      pg.index("ix").on(b!).where(sql`${a} > 2 OR ${b} IS NULL`),
    ],
  ),
  part(
    "a partial unique index",
    none,
    ({ a, b }) => [pg.uniqueIndex("ix").on(b!).where(sql`${a} IS NOT NULL`)],
  ),
  part("an index on an expression", none, ({ b }) => [pg.index("ix").on(sql`lower(${b})`)]),
  part("a unique index on an expression", none, ({ b }) => [pg.uniqueIndex("ix").on(sql`lower(${b})`)]),
  part(
    "an index on an expression and a column",
    none,
    ({ a, b }) => [pg.index("ix").on(sql`upper(${b})`, a!)],
  ),
  part("an index on a sum", none, ({ a }) => [pg.index("ix").on(sql`(${a} + 1)`)]),
  part("an index on an expression, descending", none, ({ b }) => [pg.index("ix").on(sql`lower(${b}) DESC`)]),
  part("an index on an expression with an operator class", none, ({ b }) => [
    pg.index("ix").on(sql`lower(${b}) text_pattern_ops`),
  ], postgres),
  part("an index on an expression with all of it", none, ({ b }) => [
    pg.index("ix").on(sql`lower(${b}) text_pattern_ops DESC NULLS LAST`),
  ], postgres),
  part(
    "an index with an operator class",
    none,
    ({ b }) => [pg.index("ix").on(b!.op("text_pattern_ops"))],
    postgres,
  ),
  part(
    "the order of columns with operator classes",
    none,
    ({ a, b }) => [
      pg.index("ix").on(b!.desc().nullsLast().op("text_pattern_ops"), a!.nullsFirst().op("int4_ops")),
      pg.index("iy").on(b!.desc().op("text_pattern_ops"), sql`lower(${b})`, a!),
    ],
    postgres,
  ),
  part(
    "another order of a column with an operator class",
    ({ b }) => [pg.index("ix").on(b!.op("text_pattern_ops"))],
    ({ b }) => [pg.index("ix").on(b!.desc().nullsLast().op("text_pattern_ops"))],
    postgres,
  ),
  part("indexes with a collation", none, ({ a, b }) => [
    pg.index("ix").on(perDialect({ sqlite: sql`${b} COLLATE NOCASE`, postgresql: sql`${b} COLLATE "C"` })),
    pg.index("iy").on(
      a!,
      perDialect({ sqlite: sql`${b} collate rtrim DESC`, postgresql: sql`(${b} COLLATE "C") DESC` }),
    ),
    pg.uniqueIndex("iz").on(
      perDialect({
        sqlite: sql`lower(${b}) COLLATE NOCASE`,
        postgresql: sql`${b} COLLATE pg_catalog."POSIX" text_pattern_ops`,
      }),
    ),
  ]),
  part(
    "another collation of an index",
    ({ b }) => [pg.index("ix").on(b!)],
    (
      { b },
    ) => [
      pg.index("ix").on(
        perDialect({ sqlite: sql`${b} COLLATE NOCASE`, postgresql: sql`(${b} COLLATE "C")` }),
      ),
    ],
  ),
  part("a hash index", none, ({ a }) => [pg.index("ix").using("hash", a!)], postgres),
  change("a gin index", [table("t", { tags: pg.text().array(), doc: pg.jsonb() })], [
    table("t", { tags: pg.text().array(), doc: pg.jsonb() }, ({ tags, doc }) => [
      pg.index("ix_tags").using("gin", tags!),
      pg.index("ix_doc").using("gin", doc!.op("jsonb_path_ops")),
    ]),
  ], postgres),
  part(
    "an index with a parameter",
    none,
    ({ a }) => [pg.index("ix").on(a!).with({ fillfactor: 70 })],
    postgres,
  ),

  part("a unique constraint", none, ({ b }) => [pg.unique("u").on(b!)]),
  part("a unique constraint of two columns", none, ({ a, b }) => [pg.unique("u").on(a!, b!)]),
  part("a unique constraint goes", ({ b }) => [pg.unique("u").on(b!)], none),
  part(
    "a unique constraint's new name",
    ({ b }) => [pg.unique("u_old").on(b!)],
    ({ b }) => [pg.unique("u").on(b!)],
  ),
  part(
    "a unique constraint of other columns",
    ({ b }) => [pg.unique("u").on(b!)],
    ({ a, b }) => [pg.unique("u").on(a!, b!)],
  ),
  part(
    "a unique constraint for NULLs, too",
    none,
    ({ b }) => [pg.unique("u").on(b!).nullsNotDistinct()],
    postgres,
  ),
  column("a new column without duplicates", null, () => pg.text().unique()),
  change("a unique constraint in a new table", [owners], [
    owners,
    table("t", { a: pg.text().unique(), b: pg.integer() }, ({ a, b }) => [pg.unique().on(a!, b!)]),
  ]),
  change("a key that is also unique", [owners], [
    owners,
    bare("t", { id: pg.uuid().primaryKey().unique(), name: pg.text() }),
    bare("u", { code: pg.text().primaryKey() }, ({ code }) => [pg.uniqueIndex("ix_code").on(code!)]),
  ]),

  part("a check", none, ({ a }) => [pg.check("c", sql`${a} > -10`)]),
  part("a check goes", ({ a }) => [pg.check("c", sql`${a} > -10`)], none),
  part(
    "a check becomes another",
    ({ a }) => [pg.check("c", sql`${a} > -10`)],
    ({ a }) => [pg.check("c", sql`${a} > -20`)],
  ),
  part(
    "a check's new name",
    ({ a }) => [pg.check("c_old", sql`${a} > -10`)],
    ({ a }) => [pg.check("c", sql`${a} > -10`)],
  ),
  part("a check over two columns", none, ({ a, b }) => [
    pg.check("c", sql`${a} IS NULL OR ${b} IS NOT NULL OR ${a} BETWEEN 0 AND 100`),
  ]),
  part("a check of listed values", none, ({ b }) => [pg.check("c", sql`${b} IN ('row 1', 'row 2', 'x')`)]),
  part(
    "a check of a length",
    none,
    ({ b }) => [pg.check("c", sql`length(${b}) <= 100 AND ${b} <> '!'`)],
  ),
  part("a check with a case", none, ({ a, b }) => [
    pg.check("c", sql`CASE WHEN ${a} > 0 THEN ${b} IS NOT NULL ELSE true END`),
  ]),
  part("a check of a pattern", none, ({ b }) => [pg.check("c", sql`${b} ~ '^[a-z 0-9]*$'`)], postgres),
  part("a check of each dialect", none, ({ b }) => [
    pg.check("c", perDialect({ sqlite: sql`${b} NOT GLOB '!*'`, postgresql: sql`${b} NOT LIKE '!%'` })),
  ]),

  change("a reference", referring(int), referring(refers())),
  change("a reference goes", referring(refers()), referring(int)),
  change(
    "a new column that refers",
    referring(null),
    referring(refers({ onDelete: "cascade", onUpdate: "cascade" })),
  ),
  change(
    "a new NOT NULL column that refers",
    referring(null),
    referring(() => pg.integer().notNull().references(() => idOf(owners))),
    { fills: ["t.owner_id=(SELECT min(id) FROM owners)"] },
  ),
  change(
    "a reference becomes ON DELETE CASCADE",
    referring(refers()),
    referring(refers({ onDelete: "cascade" })),
  ),
  change(
    "a reference becomes ON DELETE SET NULL",
    referring(refers({ onDelete: "cascade" })),
    referring(refers({ onDelete: "set null" })),
  ),
  change(
    "a reference becomes ON DELETE RESTRICT",
    referring(refers()),
    referring(refers({ onDelete: "restrict" })),
  ),
  change(
    "a reference becomes ON UPDATE SET DEFAULT",
    referring(refers()),
    referring(refers({ onUpdate: "set default" })),
  ),
  change(
    "a reference to what is unique",
    referring(() => pg.text()),
    referring(() => pg.text().references(() => idOf(owners, "code"))),
  ),
  change("a reference of two columns", [pairs, table("t", { a: pg.integer(), b: pg.text() })], [
    pairs,
    table("t", { a: pg.integer(), b: pg.text() }, ({ a, b }) => [
      pg.foreignKey({ name: "f", columns: [a!, b!], foreignColumns: [idOf(pairs, "a"), idOf(pairs, "b")] })
        .onDelete("cascade"),
    ]),
  ]),

  change("a table with a key of two columns", [owners], [owners, pairs]),
  change("a key of two columns gets a third", [
    bare(
      "t",
      { a: pg.integer(), b: pg.text(), c: pg.integer().notNull() },
      ({ a, b }) => [pg.primaryKey({ columns: [a!, b!] })],
    ),
  ], [
    bare(
      "t",
      { a: pg.integer(), b: pg.text(), c: pg.integer().notNull() },
      ({ a, b, c }) => [pg.primaryKey({ columns: [a!, b!, c!] })],
    ),
  ]),
  change("a key of two columns comes", [bare("t", { a: pg.integer().notNull(), b: pg.text().notNull() })], [
    bare(
      "t",
      { a: pg.integer().notNull(), b: pg.text().notNull() },
      ({ a, b }) => [pg.primaryKey({ columns: [a!, b!] })],
    ),
  ]),
  change("a key of two columns goes", [
    bare(
      "t",
      { a: pg.integer().notNull(), b: pg.text().notNull() },
      ({ a, b }) => [pg.primaryKey({ columns: [a!, b!] })],
    ),
  ], [bare("t", { a: pg.integer().notNull(), b: pg.text().notNull() })]),
  change("a key comes to a column", [bare("t", { a: pg.text().notNull(), b: pg.text() })], [
    bare("t", { a: pg.text().primaryKey(), b: pg.text() }),
  ]),
  change("a key comes to a column that could be NULL", [bare("t", { a: pg.text(), b: pg.text() })], [
    bare("t", { a: pg.text().primaryKey(), b: pg.text() }),
  ]),
  change("a numbered key comes to a column that could be NULL", [
    bare("t", { a: pg.integer(), b: pg.text() }),
  ], [bare("t", { a: pg.serial().primaryKey(), b: pg.text() })]),
  change("a column that could be NULL is numbered", [table("t", { c: pg.integer(), d: pg.integer() })], [
    table("t", { c: pg.serial(), d: pg.integer().generatedByDefaultAsIdentity() }),
  ], { ...postgres, fills: ["t.d=7"] }),
  change("a key goes from a column", [bare("t", { a: pg.text().primaryKey(), b: pg.text() })], [
    bare("t", { a: pg.text().notNull(), b: pg.text() }),
  ]),
  change("a key of another type", [bare("t", { a: pg.integer().primaryKey(), b: pg.text() })], [
    bare("t", { a: pg.bigint({ mode: "number" }).primaryKey(), b: pg.text() }),
  ]),
  change("a numbered key makes way for a random one", [table("t")], [
    bare("t", { uid: pg.uuid().primaryKey().defaultRandom(), name: pg.text() }),
  ]),
  change("a key of two columns makes way for a numbered one", [keyedByTwo], [numbered]),
  change("a numbered key makes way for one of two columns", [numbered], [keyedByTwo]),
  change("a table with a random key", [owners], [
    owners,
    bare("t", { id: pg.uuid().primaryKey().defaultRandom() }),
  ]),
  change("a table with an identity", [owners], [
    owners,
    bare("t", { id: pg.integer().primaryKey().generatedAlwaysAsIdentity(), name: pg.text() }),
    bare("u", {
      id: pg.bigint({ mode: "number" }).primaryKey().generatedByDefaultAsIdentity({ startWith: 10 }),
    }),
  ]),
  change("a key becomes an identity", [bare("t", { id: pg.integer().primaryKey(), name: pg.text() })], [
    bare("t", { id: pg.integer().primaryKey().generatedByDefaultAsIdentity(), name: pg.text() }),
  ], postgres),
  change(
    "an identity becomes another",
    [
      bare("t", { id: pg.integer().primaryKey().generatedAlwaysAsIdentity(), name: pg.text() }),
    ],
    [bare("t", { id: pg.integer().primaryKey().generatedByDefaultAsIdentity(), name: pg.text() })],
    postgres,
  ),
  change(
    "a serial of a long name gets wider",
    [bare("a_table_with_a_name_that_is_rather_long_for_it", {
      a_column_with_a_name_that_is_long: pg.serial(),
    })],
    [bare("a_table_with_a_name_that_is_rather_long_for_it", {
      a_column_with_a_name_that_is_long: pg.bigserial({ mode: "number" }),
    })],
    postgres,
  ),
  change(
    "a serial gets another name, and wider",
    [bare("old", { id: pg.serial().primaryKey(), name: pg.text() })],
    [bare("t", { key: pg.bigserial({ mode: "number" }).primaryKey(), name: pg.text() })],
    { ...postgres, renames: ["old=t", "t.id=t.key"] },
  ),
  change("a table with a generated column", [owners], [
    owners,
    table("t", { c: pg.text().generatedAlwaysAs(sql`upper(name)`) }, ({ c }) => [pg.index("ix").on(c!)]),
  ]),
  change("a table with a value of an enum", [owners], [
    owners,
    table("t", { a: mood().notNull(), b: capitalMood() }),
  ]),
  change("an enum's new value with a column and a table that have the type", [
    table("t", { a: mood().default("calm") }),
  ], [
    table("t", { a: longerMood().default("calm"), b: longerMood() }),
    table("u", { a: longerMood().default("wild") }),
  ]),
  change(
    "an enum has another name",
    [table("t", { a: mood().notNull().default("calm"), b: mood().array() })],
    [
      table("t", { a: feeling().notNull().default("calm"), b: feeling().array() }),
    ],
    { ...postgres, renames: ["mood=feeling"] },
  ),
  change("an enum has another name and a new value", [table("t", { a: mood().default("calm") })], [
    table("t", { a: longerFeeling().default("wild"), b: longerFeeling() }),
  ], { renames: ["mood=feeling"] }),
  change("an enum has another name and another order", [table("t", { a: mood(), b: mood() })], [
    table("t", { a: otherFeeling(), b: pg.text() }),
  ], { renames: ["mood=feeling"] }),
  change("an enum's other order with a column that is text from then on", [
    table("t", { a: mood(), b: mood() }),
  ], [
    table("t", { a: otherMood(), b: pg.text() }),
  ]),
  change(
    "a key of two columns that are not said to be NOT NULL comes, and goes",
    [
      bare("t", { a: pg.integer(), b: pg.text() }),
    ],
    [bare("t", { a: pg.integer(), b: pg.text() }, ({ a, b }) => [pg.primaryKey({ columns: [a!, b!] })])],
    {
      fills: ["t.a=0", "t.b=''"],
    },
  ),
  change(
    "an identity that was the key stays as a column",
    [bare("t", { id: pg.integer().primaryKey().generatedAlwaysAsIdentity(), name: pg.text().notNull() })],
    [bare("t", { id: pg.integer(), name: pg.text().notNull() })],
    postgres,
  ),
  change(
    "an identity that was the key makes way for another",
    [bare("t", { id: pg.integer().primaryKey().generatedAlwaysAsIdentity(), name: pg.text().notNull() })],
    [bare("t", { id: pg.integer(), uid: pg.uuid().primaryKey().defaultRandom(), name: pg.text().notNull() })],
    postgres,
  ),
  change("a column gets a name, a type and NOT NULL at once", [table("t", { a: pg.text() })], [
    table("t", { b: pg.integer().notNull() }),
  ], { renames: ["t.a=t.b"], fills: ["t.b=0"] }),
  change("a key that others refer to is unique beside a new one", [
    byUid,
    table("u", { t_uid: pg.uuid().references(() => idOf(byUid, "uid")) }),
  ], [
    bySerial,
    table("u", { t_uid: pg.uuid().references(() => idOf(bySerial, "uid")) }),
  ]),
];
