import type { Dialect } from "../../src/base/dialect.ts";
import { perDialect, sqliteTables } from "harbor-db";
import { eq, sql } from "drizzle-orm";
import { int, mysqlTable } from "drizzle-orm/mysql-core";
import * as pg from "drizzle-orm/pg-core";
import * as lite from "drizzle-orm/sqlite-core";
import { getPgColumnBuilders } from "drizzle-orm/pg-core/columns/all";
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { normalizeDrizzleSnapshot } from "../../src/schema/drizzle_snapshot.ts";
import { HarborError } from "../../src/base/errors.ts";
import { placeholder } from "../../src/author/rules/change/fills.ts";
import { valueOf } from "../../src/author/proof/rules/sample_rows.ts";
import { judgeable } from "../../src/migrate/preflight/rules/judge_demand.ts";
import type { Origins } from "../../src/migrate/rules/origins.ts";
import type { Snapshot } from "../../src/schema/snapshot.ts";
import { keptTypes } from "../../src/schema/twins/type.ts";
import * as ownWords from "../../src/schema/twins/words.ts";
import { markedTable } from "../../src/sql/own/schema.ts";
import { formOf } from "../../src/verify/rules/value_forms.ts";
import { loadDrizzleEngine } from "../../src/author/project/drizzle_engine.ts";
import { loadSchema, readExports } from "../../src/author/project/load_schema.ts";
import { columnWords } from "../support/samples/column_words.ts";
import { withFolder } from "../support/databases.ts";
import { projectFile } from "../support/project.ts";

const engine = await loadDrizzleEngine();

type Exports = Readonly<Record<string, unknown>>;

async function snapshotOf(dialect: Dialect, exported: Exports) {
  const schema = readExports("schema.ts", exported);
  return await engine.snapshot(dialect, schema.tablesFor(dialect)!, schema.casing);
}

/** The DDL that a module's exports make, without white space that means nothing. */
async function ddl(dialect: Dialect, exported: Exports): Promise<readonly string[]> {
  const statements = await engine.difference(
    await engine.snapshot(dialect, {}),
    await snapshotOf(dialect, exported),
  );
  return statements.map(oneLine);
}

function oneLine(text: string): string {
  return text.replaceAll(/\s+/g, " ").replaceAll("( ", "(").replaceAll(" )", ")").trim();
}

type Columns = Readonly<Record<string, pg.PgColumnBuilderBase>>;

/** The query of a demand on a column that comes to a table: until it is filled it reads as NULL of its type. */
function queryOf(snapshot: Snapshot): string | undefined {
  const origins: Origins = new Map([[
    "t",
    {
      table: "t",
      hasMore: false,
      hasFewer: false,
      columns: new Map([["c", { column: null, values: "same" }]]),
    },
  ]]);
  const look = `SELECT count(*) FROM ${markedTable("t")}`;
  const reads = [{ table: "t", column: "c", isTested: true }];
  const demand = {
    kind: "not allowed",
    table: "t",
    columns: ["c"],
    key: ["c"],
    reads,
    state: "",
    query: "",
    look,
  } as const;
  return judgeable({ ...demand, hasExpression: true }, {
    live: snapshot,
    origins,
    after: snapshot,
    statements: [],
    passed: [],
  })?.query;
}

for (const { word, what, make, sqlite, postgresql } of columnWords) {
  test(`schema.ts: ${what}`, async () => {
    const exported = { t: pg.pgTable("t", { c: make() }) };
    assert.deepEqual(await ddl("sqlite", exported), [oneLine(`CREATE TABLE \`t\` ( \`c\` ${sqlite} );`)]);
    assert.equal((await ddl("postgresql", exported)).at(-1), `CREATE TABLE "t" ("c" ${postgresql});`);
  });

  test(`schema.ts: every room that goes by types knows that of ${what}`, async () => {
    for (const dialect of ["sqlite", "postgresql"] as const) {
      const kit = await snapshotOf(dialect, { t: pg.pgTable("t", { c: make() }) });
      const snapshot = normalizeDrizzleSnapshot(kit);
      const column = snapshot.tables[0]!.columns[0]!;
      const said = `${column.type} on ${dialect}`;
      assert.notEqual(
        formOf(dialect, column),
        undefined,
        `verify has no form for ${said}, nor says that it needs none`,
      );
      assert.notEqual(valueOf(column, { row: 1, types: [column] }), null, `proofs have no value for ${said}`);
      // A type that a script makes has no values before it.
      if (column.values !== undefined) continue;
      assert.ok(
        queryOf(snapshot)?.includes(`CAST(NULL AS ${column.type})`),
        `preflight does not know ${said}`,
      );
      if (word === "generatedAlwaysAs") continue;
      const [table] = Object.values(kit.tables);
      const filler = placeholder(Object.values(table!.columns)[0]!, table!);
      assert.notEqual(filler, null, `downgrades have no value for rows that lost one of ${said}`);
    }
  });
}

test("every column of pg-core is either a word of both dialects or refused by name", () => {
  const covered = new Set([
    ...columnWords.map(({ word }) => word),
    ...keys.map(([word]) => word),
    ...refusedTypes.map(([word]) => word),
    "perDialect",
    "sqliteTables",
  ]);
  const words = [...Object.keys(getPgColumnBuilders()), ...Object.keys(ownWords)];
  assert.deepEqual(words.filter((word) => !covered.has(word)), []);
});

test("every type that SQLite can have is that of a column of the samples", () => {
  const columns = [...columnWords.map(({ make }) => make()), ...keys.map(([, make]) => make)];
  const types = columns.map((c) => pg.getTableConfig(pg.pgTable("t", { c })).columns[0]!.getSQLType());
  const unmet = keptTypes.filter(({ pattern }) => !types.some((type) => pattern.test(type.toLowerCase())));
  assert.deepEqual(unmet, []);
});

// One row a key: the column, and its line in the DDL of both dialects.
const keys = [
  ["serial", pg.serial().primaryKey(), "`c` INTEGER PRIMARY KEY NOT NULL", '"c" serial PRIMARY KEY NOT NULL'],
  [
    "smallserial",
    pg.smallserial().primaryKey(),
    "`c` INTEGER PRIMARY KEY NOT NULL",
    '"c" "smallserial" PRIMARY KEY NOT NULL',
  ],
  [
    "bigserial",
    pg.bigserial({ mode: "number" }).primaryKey(),
    "`c` INTEGER PRIMARY KEY NOT NULL",
    '"c" bigserial PRIMARY KEY NOT NULL',
  ],
  [
    "generatedAlwaysAsIdentity",
    pg.bigint({ mode: "number" }).primaryKey().generatedAlwaysAsIdentity(),
    "`c` INTEGER PRIMARY KEY NOT NULL",
    '"c" bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY (sequence name "t_c_seq" INCREMENT BY 1 MINVALUE 1 MAXVALUE 9223372036854775807 START WITH 1 CACHE 1)',
  ],
  [
    "generatedByDefaultAsIdentity",
    pg.integer().primaryKey().generatedByDefaultAsIdentity({ startWith: 10 }),
    "`c` INTEGER PRIMARY KEY NOT NULL",
    '"c" integer PRIMARY KEY GENERATED BY DEFAULT AS IDENTITY (sequence name "t_c_seq" INCREMENT BY 1 MINVALUE 1 MAXVALUE 2147483647 START WITH 10 CACHE 1)',
  ],
  ["uuid", pg.uuid().primaryKey(), "`c` UUID PRIMARY KEY NOT NULL", '"c" uuid PRIMARY KEY NOT NULL'],
  ["notNull", pg.text().notNull(), "`c` TEXT NOT NULL", '"c" text NOT NULL'],
] as const;
for (const [word, column, inSqlite, inPostgresql] of keys) {
  test(`schema.ts: ${word} of a key, or not NULL`, async () => {
    const exported = { t: pg.pgTable("t", { c: column }) };
    assert.deepEqual(await ddl("sqlite", exported), [`CREATE TABLE \`t\` (${inSqlite});`]);
    assert.deepEqual(await ddl("postgresql", exported), [`CREATE TABLE "t" (${inPostgresql});`]);
  });
}

const uuidOnSqlite =
  "(lower(hex(randomblob(4))) || '-' || lower(hex(randomblob(2))) || '-4' || substr(lower(hex(randomblob(2))), 2) || '-' || substr('89ab', 1 + (random() & 3), 1) || substr(lower(hex(randomblob(2))), 2) || '-' || lower(hex(randomblob(6))))";

// One row a default: the column, and what it is by default on both dialects.
const defaults = [
  ["text", pg.text().default("it's"), "'it''s'", "'it''s'"],
  ["a number", pg.integer().default(-1), "-1", "-1"],
  ["true", pg.boolean().default(true), "1", "true"],
  ["false", pg.boolean().default(false), "0", "false"],
  [
    "a bigint",
    pg.bigint({ mode: "bigint" }).default(9007199254740993n),
    "9007199254740993",
    "9007199254740993",
  ],
  ["json with a quote", pg.jsonb().default({ a: "it's" }), `'{"a":"it''s"}'`, `'{"a":"it''s"}'::jsonb`],
  ["json that is a text", pg.json().default("x"), `'"x"'`, `'"x"'::json`],
  ["json of the past", pg.jsonb().default(sql`'{}'::jsonb`), "'{}'", "'{}'::jsonb"],
  [
    "a day",
    pg.date({ mode: "date" }).default(new Date("2024-02-29T00:00:00Z")),
    "'2024-02-29'",
    "'2024-02-29'",
  ],
  [
    "a moment",
    pg.timestamp().default(new Date("2024-02-29T12:00:00.500Z")),
    "'2024-02-29 12:00:00.500000'",
    "'2024-02-29 12:00:00.500'",
  ],
  ["now, for a moment", pg.timestamp().defaultNow(), "(CURRENT_TIMESTAMP)", "now()"],
  ["now, for a day", pg.date().defaultNow(), "(CURRENT_DATE)", "now()"],
  ["now, for a time", pg.time().defaultNow(), "(CURRENT_TIME)", "now()"],
  [
    "now, in the standard's words",
    pg.timestamp().default(sql`CURRENT_TIMESTAMP`),
    "(CURRENT_TIMESTAMP)",
    "CURRENT_TIMESTAMP",
  ],
  ["a UUID", pg.uuid().defaultRandom(), uuidOnSqlite, "gen_random_uuid()"],
  [
    "a UUID as text",
    pg.varchar({ length: 36 }).default(sql`gen_random_uuid()::text`),
    uuidOnSqlite,
    "gen_random_uuid()::text",
  ],
  ["a literal in sql", pg.integer().default(sql`42`), "42", "42"],
  ["true in sql", pg.boolean().default(sql`true`), "1", "true"],
  ["an expression", pg.integer().default(sql`abs(-4) + 1`), "(abs(-4) + 1)", "abs(-4) + 1"],
  [
    "one of each dialect",
    pg.text().default(perDialect({ sqlite: sql`hex(randomblob(4))`, postgresql: sql`md5(random()::text)` })),
    "(hex(randomblob(4)))",
    "md5(random()::text)",
  ],
  [
    "one with a part of each dialect",
    pg.text().default(
      sql`'x' || ${perDialect({ sqlite: sql`hex(randomblob(4))`, postgresql: sql`md5('')` })}`,
    ),
    "('x' || hex(randomblob(4)))",
    "'x' || md5('')",
  ],
] as const;
for (const [what, column, inSqlite, inPostgresql] of defaults) {
  test(`schema.ts: a default of ${what}`, async () => {
    const exported = { t: pg.pgTable("t", { c: column }) };
    assert.match((await ddl("sqlite", exported))[0]!, new RegExp(` DEFAULT ${RegExp.escape(inSqlite)}\\);$`));
    assert.match(
      (await ddl("postgresql", exported))[0]!,
      new RegExp(` DEFAULT ${RegExp.escape(inPostgresql)}\\);$`),
    );
  });
}

const owners = pg.pgTable(
  "owners",
  { a: pg.integer(), b: pg.text() },
  (own) => [pg.primaryKey({ columns: [own.a, own.b] })],
);

type Own = Readonly<Record<"a" | "b", pg.ExtraConfigColumn>>;

/** A table of two columns and what `extras` adds. */
function withExtras(
  extras: (own: Own) => readonly pg.PgTableExtraConfigValue[],
  a: pg.PgColumnBuilderBase = pg.integer(),
) {
  return {
    owners,
    t: pg.pgTable("t", { a, b: pg.text() }, (own) => [...extras(own as unknown as Own)]),
  };
}

// One row a part of a table: what is declared, and what the DDL of both dialects has of it.
const parts = [
  [
    "an index",
    withExtras(({ a, b }) => [pg.index("ix").on(a, b)]),
    "CREATE INDEX `ix` ON `t` (`a`,`b`);",
    'CREATE INDEX "ix" ON "t" USING btree ("a","b");',
  ],
  [
    "an index without a name",
    withExtras(({ a, b }) => [pg.index().on(a, b)]),
    "CREATE INDEX `t_a_b_index` ON `t` (`a`,`b`);",
    'CREATE INDEX "t_a_b_index"',
  ],
  [
    "a unique index",
    withExtras(({ b }) => [pg.uniqueIndex("ix").on(b)]),
    "CREATE UNIQUE INDEX `ix` ON `t` (`b`);",
    'CREATE UNIQUE INDEX "ix"',
  ],
  [
    "a descending index",
    withExtras(({ a, b }) => [pg.index("ix").on(a.desc(), b)]),
    'CREATE INDEX `ix` ON `t` ("a" DESC,`b`);',
    '("a" DESC NULLS LAST,"b")',
  ],
  [
    "a partial index",
    withExtras(({ a, b }) => [pg.index("ix").on(b).where(sql`${a} IN (1, 2)`)]),
    'ON `t` (`b`) WHERE "a" IN (1, 2);',
    'WHERE "t"."a" IN (1, 2);',
  ],
  [
    "an index on an expression",
    withExtras(({ b }) => [pg.index("ix").on(sql`lower(${b})`)]),
    'ON `t` (lower("b"));',
    '(lower("b"))',
  ],
  [
    "a unique constraint",
    withExtras(({ a, b }) => [pg.unique("u").on(a, b)]),
    "CREATE UNIQUE INDEX `u` ON `t` (`a`,`b`);",
    'CONSTRAINT "u" UNIQUE("a","b")',
  ],
  [
    "a column without duplicates",
    withExtras(() => [], pg.integer().unique()),
    "CREATE UNIQUE INDEX `t_a_unique` ON `t` (`a`);",
    'CONSTRAINT "t_a_unique" UNIQUE("a")',
  ],
  [
    "a check",
    withExtras(({ a, b }) => [pg.check("c", sql`${a} > 0 OR ${b} = 'it''s'`)]),
    `CONSTRAINT "c" CHECK("a" > 0 OR "b" = 'it''s')`,
    `CONSTRAINT "c" CHECK ("t"."a" > 0 OR "t"."b" = 'it''s')`,
  ],
  [
    "a check of each dialect",
    withExtras((
      { b },
    ) => [pg.check("c", perDialect({ sqlite: sql`${b} GLOB 'a*'`, postgresql: sql`${b} LIKE 'a%'` }))]),
    `CHECK("b" GLOB 'a*')`,
    `CHECK ("t"."b" LIKE 'a%')`,
  ],
  [
    "a key of two columns",
    withExtras(({ a, b }) => [pg.primaryKey({ columns: [a, b] })]),
    "`a` INTEGER NOT NULL, `b` TEXT NOT NULL, PRIMARY KEY(`a`, `b`)",
    'CONSTRAINT "t_a_b_pk" PRIMARY KEY("a","b")',
  ],
  [
    "a key of one column by itself",
    withExtras(({ a }) => [pg.primaryKey({ columns: [a] })]),
    "`a` INTEGER PRIMARY KEY NOT NULL",
    'CONSTRAINT "t_a_pk" PRIMARY KEY("a")',
  ],
  [
    "a reference",
    withExtras(
      () => [],
      pg.integer().references(() => owners.a, { onDelete: "set null", onUpdate: "cascade" }),
    ),
    "FOREIGN KEY (`a`) REFERENCES `owners`(`a`) ON UPDATE cascade ON DELETE set null",
    'ADD CONSTRAINT "t_a_owners_a_fk" FOREIGN KEY ("a") REFERENCES "public"."owners"("a") ON DELETE set null ON UPDATE cascade',
  ],
  [
    "a foreign key of two columns",
    withExtras((
      { a, b },
    ) => [
      pg.foreignKey({ name: "f", columns: [a, b], foreignColumns: [owners.a, owners.b] }).onDelete("cascade"),
    ]),
    "FOREIGN KEY (`a`,`b`) REFERENCES `owners`(`a`,`b`) ON UPDATE no action ON DELETE cascade",
    'ADD CONSTRAINT "f" FOREIGN KEY ("a","b")',
  ],
] as const;
for (const [what, exported, inSqlite, inPostgresql] of parts) {
  test(`schema.ts: ${what}`, async () => {
    const all = async (dialect: Dialect) => (await ddl(dialect, exported)).join("\n");
    assert.ok((await all("sqlite")).includes(inSqlite), await all("sqlite"));
    assert.ok((await all("postgresql")).includes(inPostgresql), await all("postgresql"));
  });
}

test("schema.ts: a table that refers to itself, and two that refer to each other", async () => {
  const a: pg.PgTable = pg.pgTable("a", {
    id: pg.serial().primaryKey(),
    up: pg.integer().references((): pg.AnyPgColumn => column(a)),
    b: pg.integer().references((): pg.AnyPgColumn => column(b)),
  });
  const b: pg.PgTable = pg.pgTable("b", {
    id: pg.serial().primaryKey(),
    a: pg.integer().references(() => column(a)),
  });
  const [first, second] = await ddl("sqlite", { a, b });
  assert.match(first!, /REFERENCES `a`\(`id`\).*REFERENCES `b`\(`id`\)/);
  assert.match(second!, /REFERENCES `a`\(`id`\)/);
});

function column(table: pg.PgTable): pg.AnyPgColumn {
  return (table as unknown as { readonly id: pg.AnyPgColumn }).id;
}

/** A type under a name that Drizzle has no word for. */
const named = (type: string) => pg.customType<{ data: string }>({ dataType: () => type })();

// One row a type that SQLite does not have: the word, a column, and what is said.
const refusedTypes:
  readonly (readonly [word: string, column: pg.PgColumnBuilderBase, state: RegExp, instead: RegExp])[] = [
    [
      "array",
      pg.text().array(),
      /"t\.c": SQLite has no arrays, such as text\[\]/,
      /jsonb\(\), or a table/,
    ],
    ["interval", pg.interval(), /no intervals/, /integer\(\) for the seconds/],
    ["time", pg.time({ withTimezone: true }), /no times of day with a zone/, /time\(\)/],
    ["inet", pg.inet(), /no network addresses/, /text\(\)/],
    ["cidr", pg.cidr(), /no network addresses/, /text\(\)/],
    ["macaddr", pg.macaddr(), /no network addresses/, /text\(\)/],
    ["macaddr8", pg.macaddr8(), /no network addresses/, /text\(\)/],
    ["point", pg.point(), /no shapes/, /doublePrecision\(\)/],
    ["line", pg.line(), /no shapes/, /doublePrecision\(\)/],
    ["geometry", pg.geometry(), /no PostGIS/, /GeoJSON/],
    ["bit", pg.bit({ dimensions: 3 }), /no bit strings/, /bytea\(\)/],
    ["vector", pg.vector({ dimensions: 3 }), /no vectors/, /bytea\(\)/],
    ["halfvec", pg.halfvec({ dimensions: 3 }), /no vectors/, /bytea\(\)/],
    ["sparsevec", pg.sparsevec({ dimensions: 3 }), /no vectors/, /bytea\(\)/],
    ["customType", named("int4range"), /no ranges/, /two columns/],
    ["customType", named("tsvector"), /no text search/, /FTS5/],
    ["customType", named("citext"), /no text that knows/, /lower/],
    ["customType", named("money"), /no money/, /numeric\(\)/],
    ["customType", named("xml"), /no xml/, /text\(\)/],
    ["customType", named("mystery"), /not known what mystery is/, /docs\/schema\.md/],
  ];

type Refusal = readonly [what: string, exported: Exports, state: RegExp, hint: RegExp];

// One row a refusal: what schema.ts exports, what is said, and what is said to do instead.
const refusals: readonly Refusal[] = [
  ...refusedTypes.map((
    [word, column, state, hint],
  ): Refusal => [`the type of ${word}()`, { t: pg.pgTable("t", { c: column }) }, state, hint]),
  [
    "serial beside the key",
    { t: pg.pgTable("t", { id: pg.serial().primaryKey(), c: pg.serial() }) },
    /"t\.c": SQLite makes numbers for a primary key/,
    /integer\(\)/,
  ],
  [
    "an identity beside the key",
    { t: pg.pgTable("t", { c: pg.integer().generatedAlwaysAsIdentity() }) },
    /"t\.c": SQLite makes numbers for a primary key/,
    /integer\(\)/,
  ],
  [
    "nullsNotDistinct",
    withExtras(({ a }) => [pg.unique("u").on(a).nullsNotDistinct()]),
    /NULLS NOT DISTINCT/,
    /notNull\(\)/,
  ],
  [
    "unique() with NULLs the same",
    withExtras(() => [], pg.integer().unique("u", { nulls: "not distinct" })),
    /NULLS NOT DISTINCT/,
    /notNull\(\)/,
  ],
  [
    "an index of gin",
    withExtras(({ b }) => [pg.index("ix").using("gin", b)]),
    /"ix": SQLite has no gin/,
    /index\(…\)\.on\(…\)/,
  ],
  [
    "an operator class",
    withExtras(({ b }) => [pg.index("ix").on(b.op("text_pattern_ops"))]),
    /operator classes such as text_pattern_ops/,
    /without op\(\)/,
  ],
  [
    "parameters of an index",
    withExtras(({ b }) => [pg.index("ix").on(b).with({ fillfactor: 70 })]),
    /"ix": SQLite has no parameters/,
    /without with\(\)/,
  ],
  [
    "row security",
    { t: pg.pgTable("t", { a: pg.integer() }).enableRLS() },
    /"t": SQLite has no row security/,
    /queries/,
  ],
  [
    "a check under the name of an enum type's",
    withExtras(({ b }) => [pg.check("t_a_check", sql`${b} <> ''`)], pg.pgEnum("m", ["x"])()),
    /"t_a_check": the enum type of a is a check of that name/,
    /another name/,
  ],
  [
    "a cast",
    withExtras(({ a }) => [pg.check("c", sql`${a}::text <> ''`)]),
    /"c": the check of t has the cast ::text, which is/,
    /perDialect/,
  ],
  [
    "a function that is not known",
    withExtras(({ b }) => [pg.check("c", sql`starts_with(${b}, 'x')`)]),
    /starts_with\(\), which is not known/,
    /perDialect/,
  ],
  [
    "LIKE",
    withExtras(({ b }) => [pg.check("c", sql`${b} LIKE 'x%'`)]),
    /LIKE, which looks at upper and lower case/,
    /perDialect/,
  ],
  [
    "a regular expression",
    withExtras(({ b }) => [pg.check("c", sql`${b} ~ '^x'`)]),
    /~, which is not known/,
    /perDialect/,
  ],
  ["a collation", withExtras(({ b }) => [pg.index("ix").on(sql`${b} COLLATE "C"`)]), /COLLATE/, /perDialect/],
  [
    "a string with escapes",
    withExtras(() => [pg.check("c", sql.raw(`b <> E'\\n'`))]),
    /the string E/,
    /perDialect/,
  ],
  [
    "a subquery",
    withExtras(({ a }) => [pg.check("c", sql`${a} IN (SELECT 1)`)]),
    /SELECT, which is a subquery/,
    /perDialect/,
  ],
  [
    "a default of PostgreSQL's",
    { t: pg.pgTable("t", { c: pg.text().default(sql`md5(random()::text)`) }) },
    /"t\.c": its default has md5\(\)/,
    /perDialect/,
  ],
  [
    "a generated column of PostgreSQL's",
    { t: pg.pgTable("t", { c: pg.text().generatedAlwaysAs(sql`to_char(1, '9')`) }) },
    /"t\.c": its expression has to_char\(\)/,
    /perDialect/,
  ],
];
for (const [what, exported, state, hint] of refusals) {
  test(`schema.ts refuses ${what} on SQLite, and says what to use instead`, () => {
    const schema = readExports("schema.ts", exported);
    assert.throws(() => schema.tablesFor("sqlite"), (error: HarborError) => {
      assert.equal(error.code, "bad_schema");
      assert.match(error.message, /^Cannot [a-z ]+ "[^]*": [^]+/);
      assert.match(error.message, state);
      assert.match(error.hint!, hint);
      return true;
    });
    assert.notEqual(schema.tablesFor("postgresql"), null);
  });
}

const twice = pg.pgTable("twice", { a: pg.integer(), b: pg.integer() }, (own) => [
  pg.index("same").on(own.a),
  pg.index("same").on(own.b),
]);
const t = pg.pgTable("t", { a: pg.integer() });

const cased = pg.pgTable("cased", { id: pg.integer(), orgId: pg.integer() });

const dates = (text: string) => () => pg.date().default(text);
const times = (text: string) => () => pg.time().default(text);
const moments = (text: string) => () => pg.timestamp({ mode: "string" }).default(text);
const numbers = (text: string) => () => pg.numeric({ precision: 3, scale: 1 }).default(text);
const each = (make: (text: string) => () => pg.PgColumnBuilderBase, texts: readonly string[]) =>
  texts.map((text) => [text, make(text)] as const);

const wrongDefaults = [
  ...each(dates, [
    "2024-02-30",
    "2023-02-29",
    "2024-13-01",
    "2024-00-01",
    "2024-01-00",
    "0000-01-01",
    "soon",
  ]),
  ...each(times, ["25:00", "24:00:01", "12:60", "13:00 pm"]),
  ...each(moments, ["2024-13-01", "2024-02-30 12:00", "2024-02-29T25:00:00"]),
  ...each(numbers, ["12345.6", "-100", "99.95", "1e2", "infinity"]),
];

const rightDefaults = [
  ...each(dates, [
    "2024-02-29",
    "2000-2-29",
    "0001-12-31 BC",
    "20240229",
    "January 8, 1999",
    "infinity",
    "now",
  ]),
  ...each(times, [
    "24:00",
    "23:59:60",
    "12:30:00.5+02",
    "040506",
    "12:00 AM",
    "allballs",
    "25:10.5",
    "2:60.5",
    "23:59:60.5",
  ]),
  ...each(moments, ["2024-02-29", "2024-02-29 23:59:59.5+02", "2024-02-29T12:00:00Z", "epoch"]),
  ...each(numbers, ["99.9", "99.94", "-0099.90", "0.0004", "1e1", "NaN", "0", ".5"]),
];
for (const [text, column] of rightDefaults) {
  test(`schema.ts takes the default ${text}`, () => {
    readExports("schema.ts", { t: pg.pgTable("t", { c: column() }) });
  });
}

/** A table that refers to one in a schema, which nobody exports. */
function referring(schema: string) {
  const users = pg.pgSchema(schema).table("users", { id: pg.integer().primaryKey() });
  return pg.pgTable("t", { a: pg.integer().references(() => users.id) });
}

test("schema.ts: a reference to the host's table is taken, and on SQLite refused by name", () => {
  const { tablesFor } = readExports("schema.ts", { t: referring("auth") });
  assert.deepEqual(Object.values(tablesFor("postgresql") ?? {}).filter(pg.isPgSchema), []);
  assert.throws(
    () => tablesFor("sqlite"),
    /Cannot refer to "auth\.users": t does, and SQLite has no schemas/,
  );
});

// What drizzle-kit would end the process for, or make wrong statements of, on either dialect.
const faults: readonly Refusal[] = [
  [
    "a value in a check",
    withExtras(({ a }) => [pg.check("c", sql`${a} > ${5}`)]),
    /"c": the check of t has a value in it/,
    /sql\.raw/,
  ],
  [
    "a value in an index",
    withExtras(({ a }) => [pg.index("ix").on(a).where(sql`${a} > ${5}`)]),
    /"ix": the index of t has a value in it/,
    /sql\.raw/,
  ],
  ["two indexes of one name", { twice }, /"same": an index of twice has that name/, /another name/],
  [
    "two columns of one name",
    { t: pg.pgTable("t", { a: pg.text("x"), b: pg.integer("x") }) },
    /"x": a column of t has/,
    /another name/,
  ],
  [
    "two checks of one name",
    withExtras(({ a }) => [pg.check("c", sql`${a} > 0`), pg.check("c", sql`${a} > 1`)]),
    /"c": a check of t has/,
    /another name/,
  ],
  [
    "two unique constraints of one name",
    withExtras(({ a, b }) => [pg.unique("u").on(a), pg.unique("u").on(b)]),
    /"u": a unique constraint of t has/,
    /another name/,
  ],
  [
    "two foreign keys of one name",
    withExtras(({ a, b }) => [
      pg.foreignKey({ name: "f", columns: [a], foreignColumns: [t.a] }),
      pg.foreignKey({ name: "f", columns: [b], foreignColumns: [t.a] }),
    ]),
    /"f": a foreign key of t has/,
    /another name/,
  ],
  [
    "a reference that a column and its table say otherwise",
    {
      t,
      r: pg.pgTable(
        "r",
        { a: pg.integer().references(() => t.a) },
        ({ a }) => [pg.foreignKey({ columns: [a], foreignColumns: [t.a] }).onDelete("cascade")],
      ),
    },
    /"r_a_t_a_fk": a foreign key of r has/,
    /another name/,
  ],
  [
    "a foreign key by the name of a check",
    withExtras(({ a }) => [
      pg.check("c", sql`${a} > 0`),
      pg.foreignKey({ name: "c", columns: [a], foreignColumns: [t.a] }),
    ]),
    /"c": a foreign key of t has/,
    /another name/,
  ],
  [
    "an index by the name of a key",
    withExtras(({ a, b }) => [pg.primaryKey({ name: "k", columns: [a, b] }), pg.index("k").on(b)]),
    /"k": an index of t has/,
    /another name/,
  ],
  [
    "two tables of one name",
    { t, other: pg.pgTable("t", { b: pg.integer() }) },
    /"t": a table has/,
    /another name/,
  ],
  [
    "an index on an expression without a name",
    withExtras(({ b }) => [pg.index().on(sql`lower(${b})`)]),
    /it is on an expression/,
    /Give it a name/,
  ],
  [
    "an index built concurrently",
    withExtras(({ b }) => [pg.index("ix").on(b).concurrently()]),
    /concurrently\(\)/,
    /Leave it out/,
  ],
  [
    "a reference to a table that is not exported",
    { t: pg.pgTable("t", { a: pg.integer().references(() => owners.a) }) },
    /Cannot refer to "owners": t does/,
    /Export every table/,
  ],
  [
    "a reference into a schema of its own to a table that is not exported",
    { t: referring("auth"), s: pg.pgSchema("auth") },
    /Cannot refer to "auth\.users": t does, and it is not exported, as other things of the schema "auth" are/,
    /Export it, too/,
  ],
  [
    "a reference into a schema with a dot in its name",
    { t: referring("a.b") },
    /Cannot refer to "a\.b\.users": t does, and its schema has a dot/,
    /another name/,
  ],
  [
    "a table that reads like the host's",
    { t: referring("auth"), other: pg.pgTable("auth.users", { a: pg.integer() }) },
    /"auth\.users": it reads like something in the schema "auth"/,
    /without a dot/,
  ],
  [
    "a schema with a dot in its name",
    { t, s: pg.pgSchema("a.b") },
    /"a\.b": it is a schema with a dot/,
    /another name/,
  ],
  [
    "a column that reads like something in a schema",
    { t: pg.pgTable("t", { a: pg.integer("auth.a") }), s: pg.pgSchema("auth") },
    /"auth\.a": it reads like something in the schema "auth"/,
    /without a dot/,
  ],
  ["a role", { t, r: pg.pgRole("r") }, /"r": it is a role/, /pgRole\("r"\)\.existing\(\)/],
  ["a policy of no table", { t, p: pg.pgPolicy("p") }, /"p": it is a policy of no table/, /link\(\)/],
  [
    "a table of another dialect",
    { t, m: mysqlTable("m", { a: int() }) },
    /"m": it is of a dialect/,
    /pgTable/,
  ],
  [
    "a view by the name of a table",
    { t, v: pg.pgView("t", {}).as(sql`SELECT 1`) },
    /"t": a table has that name, and another one has it, too/,
    /another name/,
  ],
  [
    "an index by the name of a unique constraint",
    withExtras(({ b }) => [pg.index("same").on(b), pg.unique("same").on(b)]),
    /"same": an index of t has that name, and another/,
    /another name/,
  ],
  [
    "two policies of one name",
    (() => {
      const own = pg.pgTable("u", { a: pg.integer() }, () => [pg.pgPolicy("p", {})]);
      return { own, p: pg.pgPolicy("p", {}).link(own) };
    })(),
    /"p": a policy of u has that name, and another/,
    /another name/,
  ],
  [
    "two enum types of one name",
    { t, a: pg.pgEnum("e", ["a"]), b: pg.pgEnum("e", ["b"]) },
    /"e": an enum type with other values has that name/,
    /another name/,
  ],
  [
    "an enum type with a value twice",
    { t, e: pg.pgEnum("e", ["a", "a"]) },
    /"e": .* the value "a" twice/,
    /Leave/,
  ],
  [
    "an enum type with a value that is too long",
    { t, e: pg.pgEnum("e", ["é".repeat(31), "é".repeat(32)]) },
    /"e": the value "é{32}" of the enum type has more than 63 bytes/,
    /shorter/,
  ],
  [
    "an enum type by the name of a table",
    { t, e: pg.pgEnum("t", ["a"]) },
    /"t": an enum type has/,
    /another name/,
  ],
  [
    "an enum type by the name of a view",
    { t, e: pg.pgEnum("v", ["a"]), v: pg.pgView("v", {}).as(sql`SELECT 1`) },
    /"v": an enum type has/,
    /another name/,
  ],
  ...wrongDefaults.map(([text, column]): Refusal => [
    `the default ${text}`,
    { t: pg.pgTable("t", { c: column() }) },
    /"t\.c": its default .* is no /,
    /default\(\)/,
  ]),
  [
    "a view of the query builder whose columns casing gives other names",
    {
      casing: "snake_case",
      cased,
      v: pg.pgView("v").as((query) => query.select({ a: cased.orgId }).from(cased)),
    },
    /"v": its query names the column "orgId", which is "org_id" by the casing/,
    /orgId: text\("org_id"\)/,
  ],
  [
    "two indexes of one name on SQLite",
    {
      l: lite.sqliteTable(
        "l",
        { a: lite.text() },
        ({ a }) => [lite.index("ix").on(a), lite.index("ix").on(a)],
      ),
    },
    /"ix": an index of l has that name, and another/,
    /another name/,
  ],
  [
    "two foreign keys of one name on SQLite",
    {
      l: lite.sqliteTable("l", { a: lite.integer().primaryKey(), b: lite.integer() }, ({ a, b }) => [
        lite.foreignKey({ name: "f", columns: [b], foreignColumns: [a] }),
        lite.foreignKey({ name: "f", columns: [b], foreignColumns: [a] }).onDelete("cascade"),
      ]),
    },
    /"f": a foreign key of l has that name, and another/,
    /another name/,
  ],
  ["a schema without tables", { x: 1 }, /it exports no Drizzle tables/, /pgTable/],
  ["a dialect that is not known", { t, dialects: ["mysql"] }, /dialects is "mysql"/, /sqlite or postgresql/],
  ["dialects that are no list", { t, dialects: "sqlite" }, /dialects is no list/, /export const dialects/],
  ["a casing that is not known", { t, casing: "kebab" }, /casing is "kebab"/, /snake_case or camelCase/],
];
for (const [what, exported, state, hint] of faults) {
  test(`schema.ts refuses ${what}`, () => {
    assert.throws(() => readExports("schema.ts", exported).tablesFor("sqlite"), (error: HarborError) => {
      assert.equal(error.code, "bad_schema");
      assert.match(error.message, state);
      assert.match(error.hint!, hint);
      return true;
    });
  });
}

test("schema.ts: a reference that a column and its table say alike is one", async () => {
  const both = pg.pgTable(
    "r",
    { a: pg.integer().references(() => t.a) },
    ({ a }) => [pg.foreignKey({ columns: [a], foreignColumns: [t.a] })],
  );
  for (const dialect of ["sqlite", "postgresql"] as const) {
    const said = (await ddl(dialect, { t, both })).join("\n");
    assert.equal(said.match(/FOREIGN KEY/g)?.length, 1, said);
  }
});

test("schema.ts keeps what is in a schema of its own for PostgreSQL, and makes nothing of it for SQLite", async () => {
  const s = pg.pgSchema("s");
  const things = [{ s }, { u: s.table("t", { a: pg.integer() }) }, { e: s.enum("e", ["a"]) }];
  for (const thing of things) {
    const [made = ""] = await ddl("postgresql", { t, ...thing });
    assert.equal(made, 'CREATE SCHEMA "s";');
    assert.throws(
      () => readExports("schema.ts", { t, ...thing }).tablesFor("sqlite"),
      /Cannot make SQLite's tables of "s": SQLite has no schemas/,
    );
  }
});

test("schema.ts: all that two files export by one name is kept, each thing once", async () => {
  const part = (name: string) => ({
    items: pg.pgTable(`${name}_items`, { a: pg.integer() }),
    deeper: {
      kind: pg.pgEnum(`${name}_kind`, ["a"]),
      items: pg.pgView(`${name}_view`, {}).as(sql`SELECT 1`),
    },
  });
  const billing = part("billing");
  const exported = { billing, shop: part("shop"), again: { items: billing.items } };
  const made = (await ddl("postgresql", exported)).flatMap((each) => /^CREATE [^(]+? "\S+"/.exec(each) ?? []);
  const names = ["kind", "items", "view"].flatMap((what) => [`"billing_${what}"`, `"shop_${what}"`]);
  assert.deepEqual(made.map((each) => /"[^".]+"$/.exec(each)?.[0]).sort(), names.sort());
  const sqlite = (await ddl("sqlite", exported)).join(" ");
  for (const name of ["billing_items", "shop_items", "billing_view", "shop_view"]) {
    assert.equal(sqlite.split(`\`${name}\``).length, 2, sqlite);
  }
  // A type of a column is kept, too, and is not replaced by another of its name.
  assert.throws(() =>
    readExports("schema.ts", {
      t: pg.pgTable("t", { a: pg.pgEnum("e", ["a"])(), b: pg.pgEnum("e", ["b"])() }),
    }), /an enum type with other values/);
});

test("schema.ts: casing names the columns that have no name of their own, on both dialects", async () => {
  const columns: Columns = {
    createdAt: pg.timestamp(),
    ownName: pg.text("ownName"),
    someMood: pg.pgEnum("m", ["a"])(),
  };
  const exported = {
    casing: "snake_case",
    t: pg.pgTable("t", columns, (own) => [
      pg.index("ix").on(own["createdAt"]!),
      pg.check("c", sql`${own["createdAt"]!} > '2000-01-01'`),
    ]),
    cased,
    ids: pg.pgView("ids").as((query) =>
      query.select({ id: cased.id, other: sql`1`.as("orgId") }).from(cased).where(eq(cased.orgId, 3))
    ),
  };
  const [sqlite, index] = await ddl("sqlite", exported);
  assert.match(sqlite!, /`created_at` DATETIME, `ownName` TEXT, `some_mood` TEXT,/);
  assert.match(
    sqlite!,
    /CHECK\("created_at" > '2000-01-01'\), CONSTRAINT "t_some_mood_check" CHECK\("some_mood" IN \('a'\)\)/,
  );
  assert.match(index!, /ON `t` \(`created_at`\)/);
  assert.match(
    (await ddl("postgresql", exported)).join("\n"),
    /"created_at" timestamp, "ownName" text, "some_mood" "m"[^]*select "id", 1 as "orgId" from "cased" where "cased"."org_id" = 3/,
  );
});

// What a view is on SQLite, or why it is none there.
const views: readonly (readonly [what: string, other: unknown, expected: RegExp])[] = [
  [
    "of the query builder",
    pg.pgView("v").as((query) =>
      query.select({ a: t.a, n: sql<number>`count(*)`.as("n") }).from(t).where(eq(t.a, 3)).groupBy(t.a)
    ),
    /CREATE VIEW `v` AS select "a", count\(\*\) as "n" from "t" where "t"\."a" = 3 group by "t"\."a";/,
  ],
  [
    "of text",
    pg.pgView("v", {}).as(sql`SELECT max(a) FROM t UNION ALL SELECT 1`),
    /AS SELECT max\(a\) FROM t UNION ALL/,
  ],
  [
    "with an expression for each dialect",
    pg.pgView("v", {}).as(
      sql`SELECT ${perDialect({ sqlite: sql`random()`, postgresql: sql`md5('')` })} AS r`,
    ),
    /AS SELECT random\(\) AS r/,
  ],
  [
    "of a function that SQLite lacks",
    pg.pgView("v", {}).as(sql`SELECT md5(a) FROM t`),
    /"v": the view has md5\(\)/,
  ],
  ["that is somebody else's", pg.pgView("v", {}).existing(), /^$/],
  ["that is kept", pg.pgMaterializedView("v", {}).as(sql`SELECT 1`), /SQLite has no materialized views/],
  ["that is a sequence", pg.pgSequence("s"), /SQLite has no sequences/],
];
for (const [what, other, expected] of views) {
  test(`schema.ts: a view ${what} on SQLite`, async () => {
    const made = await ddl("sqlite", { t, other }).catch((error: HarborError) => [error.message]);
    assert.match(made.filter((sql) => !sql.startsWith("CREATE TABLE")).join("\n"), expected);
  });
}

test("schema.ts: an enum type that a column has is made, exported or not", async () => {
  const exported = { t: pg.pgTable("t", { c: pg.pgEnum("m", ["a"])() }) };
  assert.equal((await ddl("postgresql", exported))[0], `CREATE TYPE "public"."m" AS ENUM('a');`);
});

test("schema.ts: a table under two names, and in an object, is one table", async () => {
  assert.equal((await ddl("postgresql", { t, again: t, all: { t } })).length, 1);
});

test("sqliteTables() passes over what is no table", () => {
  assert.deepEqual(Object.keys(sqliteTables({ t, dialects: ["sqlite"], f: () => 1 })), ["t"]);
});

const page = readFileSync(projectFile("docs/schema.md"), "utf8");

test("docs/schema.md names every word of both dialects, and every type that is refused", () => {
  const words = [...columnWords, ...keys.map(([word]) => ({ word }))].map(({ word }) => word);
  const missing = [...words, ...refusedTypes.map(([word]) => word)].filter((word) =>
    word !== "array" && !new RegExp(`\\b${word}\\b`).test(page)
  );
  assert.deepEqual(missing, []);
});

test("docs/schema.md has a schema that works on both dialects", () =>
  withFolder(async (folder) => {
    const [, text] = /```ts\n([^]*?)```/.exec(page)!;
    await writeFile(join(folder, "schema.ts"), text!);
    const schema = await loadSchema(join(folder, "schema.ts"));
    for (const dialect of ["sqlite", "postgresql"] as const) {
      const { tables } = await engine.snapshot(dialect, schema.tablesFor(dialect)!);
      assert.deepEqual(Object.values(tables).map(({ name }) => name), ["users", "files"]);
    }
  }));
