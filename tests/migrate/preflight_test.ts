import assert from "node:assert/strict";
import { test } from "node:test";
import { sql } from "drizzle-orm";
import {
  bigint,
  boolean,
  check,
  customType,
  date,
  doublePrecision,
  inet,
  integer,
  interval,
  json,
  jsonb,
  macaddr,
  macaddr8,
  numeric,
  type PgColumnBuilderBase,
  pgEnum,
  type PgTable,
  pgTable,
  real,
  smallint,
  text,
  time,
  timestamp,
  unique,
  uniqueIndex as pgUniqueIndex,
  uuid,
  varchar,
} from "drizzle-orm/pg-core";
import type { Database } from "../../src/engines/database.ts";
import type { Conflict } from "../../src/migrate/preflight/check_rows.ts";
import { migrate } from "../../src/migrate/migrate.ts";
import { readState } from "../../src/state/read_state.ts";
import { contextOf } from "../support/samples/adoption.ts";
import { driverEngines, engines, withTestDatabase } from "../support/databases.ts";
import { failureOf, rejectsWith } from "../support/harbor_error.ts";
import { type Extra, oneOf, references, table, uniqueIndex } from "../support/samples/tables.ts";
import { withOwnedPostgres } from "../support/postgres_role.ts";
import { withClient } from "../support/servers/postgres_server.ts";
import { generateBetween, generateTwo, tablesFor } from "../support/samples/two_revisions.ts";

const owners = table("owners", {});
const notes = (name: PgColumnBuilderBase = varchar({ length: 20 }), ...extras: readonly Extra[]) =>
  table("notes", { name, owner: integer() }, ...extras);
const short = () => varchar({ length: 20 });
const rows = [
  "INSERT INTO owners (id) VALUES (1)",
  "INSERT INTO notes (id, name, owner) VALUES (1, 'same', 1), (2, 'same', 9), (3, NULL, 1)",
];

// One row a rule: the second revision's tables, what it lacks, and what is found in the rows (nothing when it runs).
const cases: readonly (readonly [
  rule: string,
  after: readonly PgTable[],
  fills: readonly string[],
  found: RegExp | null,
])[] = [
  [
    "duplicates under a new unique index",
    [owners, notes(short(), uniqueIndex("name"))],
    [],
    /2 rows of notes have the same name as another \(id 1, 2\)/,
  ],
  [
    "values that a new check does not allow",
    [owners, notes(short(), oneOf("name", "a", "b"))],
    [],
    /2 rows of notes have a name that is not allowed/,
  ],
  [
    "values that will not fit",
    [owners, notes(varchar({ length: 3 }))],
    [],
    /2 rows of notes have more than 3 characters in name \(id 1, 2\)/,
  ],
  [
    "orphans of a new reference",
    [owners, notes(short(), references("owner", owners))],
    [],
    /1 row of notes refers by owner to owners that are not there \(id 2\)/,
  ],
  [
    "no NULL that the script fills",
    [owners, notes(varchar({ length: 20 }).notNull())],
    ["notes.name='none'"],
    null,
  ],
  ["nothing in a wider column", [owners, notes(varchar({ length: 50 }))], [], null],
  [
    "nothing in a new table",
    [owners, notes(), table("more", { name: text() }, uniqueIndex("name"))],
    [],
    null,
  ],
];
for (const [rule, after, fills, found] of cases) {
  let made: ReturnType<typeof generateTwo> | undefined;
  for (const engine of driverEngines) {
    test(`${engine.name}: an upgrade finds ${rule}${found === null ? "" : " before its first statement"}`, async () => {
      const { history, second } = await (made ??= generateTwo([owners, notes()], after, { fills }));
      await engine.withDatabase((url) =>
        withTestDatabase(url, async (database) => {
          const context = { ...contextOf(database), history: history(engine.dialect) };
          const upgrade = (target: string) =>
            migrate(context, { goal: { direction: "upgrade", text: target }, lockWaitMs: 0 });
          await upgrade("+1");
          for (const statement of rows) await engine.queryUnchecked(url, statement);
          const before = await database.introspect();
          if (found === null) {
            assert.equal((await upgrade("head")).to, second.id);
            return;
          }
          const error = await rejectsWith("data_conflict", upgrade("head"));
          assert.match(error.message, found);
          assert.doesNotMatch(error.message, /same\b(?! name)/);
          assert.deepEqual(await database.introspect(), before);
          assert.equal((await readState(context)).applied.length, 1);
        })
      );
    });
  }
}

/** `notes` whose name takes another type under what an index, a check or a reference says of it. */
const retyped: Readonly<
  Record<
    string,
    readonly [
      was: PgColumnBuilderBase,
      now: PgColumnBuilderBase,
      extra: Extra,
      texts: readonly string[],
      found: RegExp,
    ]
  >
> = {
  "two texts that become one number": [
    text(),
    integer(),
    uniqueIndex("name"),
    ["1", "01", "2"],
    /: 2 rows of notes have the same name as another \(id 1, 2\)$/,
  ],
  "two moments that become one day": [
    timestamp(),
    date(),
    uniqueIndex("name"),
    ["2024-01-02 03:04:05", "2024-01-03 00:00:00", "2024-01-02 04:00:00"],
    /: 2 rows of notes have the same name as another \(id 1, 3\)$/,
  ],
  "two numbers that become one in a part of the rows": [
    doublePrecision(),
    integer(),
    (name, own) => pgUniqueIndex(`ix_${name}_part`).on(own["name"]!).where(sql`${own["name"]} > 1`),
    ["1.9", "2.1", "0.9", "1.1"],
    /: 2 rows of notes have the same name as another \(id 1, 2\)$/,
  ],
  "two numbers of which an expression becomes one": [
    text(),
    integer(),
    (name, own) => pgUniqueIndex(`ix_${name}_half`).on(sql`(${own["name"]} / 2)`),
    ["2", "03", "5"],
    /: 2 rows of notes have the same .* as another \(id 1, 2\)$/,
  ],
  "two texts of which a new expression makes one": [
    text(),
    text(),
    (name, own) => pgUniqueIndex(`ix_${name}_lower`).on(sql`lower(${own["name"]})`),
    ["b", "a", "B"],
    /: 2 rows of notes have the same lower\(.*\) as another \(id 1, 3\)$/,
  ],
  "a number that a check does not allow": [
    text(),
    integer(),
    (name, own) => check(`${name}_check`, sql`${own["name"]} > 5`),
    ["6", "05", "10"],
    /: 1 row of notes has a name that is not allowed: .* \(id 2\)$/,
  ],
  "a text that refers to no number": [
    text(),
    integer(),
    references("name", owners),
    ["01", "1", "7"],
    /: 1 row of notes refers by name to owners that are not there \(id 3\)$/,
  ],
};
for (const [rule, [was, now, extra, texts, found]] of Object.entries(retyped)) {
  let made: ReturnType<typeof generateTwo> | undefined;
  for (const engine of driverEngines) {
    test(`${engine.name}: an upgrade finds ${rule} before its first statement`, async () => {
      const stays = /become one/.test(rule);
      const { history } = await (made ??= generateTwo(
        [owners, notes(was, ...stays ? [extra] : [])],
        [owners, notes(now, extra)],
      ));
      await engine.withDatabase((url) =>
        withTestDatabase(url, async (database) => {
          const context = { ...contextOf(database), history: history(engine.dialect) };
          const go = () => migrate(context, { goal: { direction: "upgrade", text: "+1" }, lockWaitMs: 0 });
          await go();
          await engine.query(url, "INSERT INTO owners (id) VALUES (1)");
          for (const [place, value] of texts.entries()) {
            await engine.query(url, `INSERT INTO notes (id, name) VALUES (${place + 1}, '${value}')`);
          }
          const before = await database.introspect();
          const { message, details } = await rejectsWith("data_conflict", go());
          assert.match(message, found);
          assert.deepEqual(await database.introspect(), before);
          const [{ query, rows, examples }] = details.conflicts as [Conflict];
          const seen = (await engine.query(url, query)).map((row) => Number(row["id"]));
          assert.deepEqual([seen.length, seen], [rows, examples.map(Number)]);
          await engine.query(url, `DELETE FROM notes WHERE id IN (${seen.slice(-1)})`);
          await go();
        })
      );
    });
  }
}

test("postgres 15: an upgrade finds two texts that become one list before its first statement", async () => {
  const [from, to] = [text(), varchar({ length: 3 }).array()].map((name) => ({
    sqlite: {},
    postgresql: tablesFor("postgresql", [table("notes", { name }, uniqueIndex("name"))]),
  }));
  const { history } = await generateBetween(from!, to!);
  const engine = engines.find(({ name }) => name === "postgres 15")!;
  await engine.withDatabase((url) =>
    withTestDatabase(url, async (database) => {
      const context = { ...contextOf(database), history: history(engine.dialect) };
      const go = () => migrate(context, { goal: { direction: "upgrade", text: "+1" }, lockWaitMs: 0 });
      await go();
      await engine.query(url, "INSERT INTO notes (id, name) VALUES (1, '{a,b}'), (2, '{b}'), (3, '{a, b}')");
      const { message } = await rejectsWith("data_conflict", go());
      assert.match(message, /: 2 rows of notes have the same name as another \(id 1, 3\)$/);
      await engine.query(url, "DELETE FROM notes WHERE id = 3");
      await go();
    })
  );
});

const moods = ["calm", "it's rough", "wild"] as const;
const mood = { two: pgEnum("mood", [moods[0], moods[1]]), three: pgEnum("mood", moods) };
const feelings = (now: PgColumnBuilderBase, was: PgColumnBuilderBase) => table("notes", { now, was });
/** What a column of `notes` is, and what it becomes, where not all of its values can. */
const narrowed: Readonly<Record<string, readonly [more: readonly unknown[], fewer: readonly unknown[]]>> = {
  "a type that loses a value": [
    [mood.three, feelings(mood.three().default("calm"), mood.three())],
    [mood.two, feelings(mood.two().default("calm"), mood.two())],
  ],
  "an array of one": [
    [mood.three, feelings(mood.three().array(), text())],
    [mood.two, feelings(mood.two().array(), text())],
  ],
  "a text that becomes one": [[mood.two, feelings(text(), mood.two())], [
    mood.two,
    feelings(mood.two(), mood.two()),
  ]],
};
for (const [rule, [more, fewer]] of Object.entries(narrowed)) {
  for (const direction of ["upgrade", "downgrade"] as const) {
    test(`postgres 15: ${direction} finds a value that cannot stay before its first statement: ${rule}`, async () => {
      const ends = direction === "upgrade" ? [more, fewer] as const : [fewer, more] as const;
      const [from, to] = ends.map((tables) => ({ sqlite: {}, postgresql: tablesFor("postgresql", tables) }));
      const { history } = await generateBetween(from!, to!);
      const engine = engines.find(({ name }) => name === "postgres 15")!;
      await engine.withDatabase((url) =>
        withTestDatabase(url, async (database) => {
          const context = { ...contextOf(database), history: history(engine.dialect) };
          const go = (to: "upgrade" | "downgrade", text: string) =>
            migrate(context, { goal: { direction: to, text }, lockWaitMs: 0 });
          await go("upgrade", direction === "upgrade" ? "+1" : "head");
          const written = rule.includes("array") ? "'{calm,wild}'" : "'wild'";
          await engine.query(url, `INSERT INTO notes (id, now) VALUES (1, ${written}), (2, NULL)`);
          const before = await database.introspect();
          const error = await rejectsWith(
            "data_conflict",
            go(direction, direction === "upgrade" ? "+1" : "-1"),
          );
          assert.match(
            error.message,
            /: 1 row of notes has a now that is not allowed: mood(?:\[\])? has no such value \(id 1\)$/,
          );
          assert.deepEqual(await database.introspect(), before);
          const [{ query }] = error.details.conflicts as [{ query: string }];
          assert.deepEqual((await engine.query(url, query)).map(({ id }) => id), [1]);
          await engine.query(url, "UPDATE notes SET now = NULL");
          await go(direction, direction === "upgrade" ? "+1" : "-1");
        })
      );
    });
  }
}

const answers = pgEnum("answers", ["true", "false", "maybe"]);
const typed = (name: string) => customType<{ data: string }>({ dataType: () => name })();

/** Types that a text becomes, or what else is said, with values that are one in some spelling, and one that is none. */
const read: Readonly<
  Record<
    string,
    readonly [type: PgColumnBuilderBase, fits: readonly string[], none: string, was?: PgColumnBuilderBase]
  >
> = {
  i: [integer(), [" -12 ", "+7"], "1.5"],
  n: [numeric(), ["1e5", ".5", "NaN"], "1,5"],
  b: [boolean(), ["yes", " OFF", "t"], "maybe"],
  u: [uuid(), ["{A0EEBC999C0B4EF8BB6D6BB9BD380A11}", "a0ee-bc99-9c0b-4ef8-bb6d-6bb9-bd38-0a11"], "a0eebc99"],
  d: [date(), ["Jan 2 2024", "today", "-infinity"], "soon"],
  t: [time(), ["8:30", "allballs"], "noon"],
  z: [timestamp({ withTimezone: true }), ["tomorrow zulu", "today allballs", " infinity"], "noon"],
  v: [interval(), ["1 day", "P1D", "@ 1 minute"], "long"],
  a: [inet(), ["::1", "10.0.0.0/8"], "localhost"],
  j: [jsonb(), [' {"a":1}', "null", "-1"], "nope"],
  l: [text().array(), ["{a,b}", "[0:0]={1}"], "a,b"],
  m: [mood.two().array(), ["{calm}"], "calm"],
  il: [integer().array(), ["{1,NULL}", "[0:0]={1}"], "{1,a}", text().array()],
  cl: [varchar({ length: 3 }).array(), ["{abc,NULL}", "{}"], '{"ef    "}', text().array()],
  ml: [mood.two().array(), ["{calm,NULL}"], "{calm,wild}", text().array()],
  sl: [smallint().array(), ["{1,NULL,32767}"], "{32768}", bigint({ mode: "number" }).array()],
  s: [smallint(), ["32767"], "32768", integer()],
  nw: [integer(), ["2147483647.4"], "2147483647.5", numeric()],
  fw: [integer(), ["1.5"], "NaN", doublePrecision()],
  nn: [smallint(), ["99.99"], "NaN", numeric({ precision: 4, scale: 2 })],
  ns: [numeric({ precision: 3, scale: 1 }), ["99.94", "NaN"], "99.95", numeric({ precision: 4, scale: 2 })],
  in: [numeric({ precision: 3, scale: 0 }), ["-999"], "-1000", integer()],
  // Days and times that no calendar and no clock has.
  d30: [date(), ["2024-02-29", "0044-03-15 BC", "2024-1-2"], "2023-02-30"],
  d29: [date(), ["2000-02-29", "0045-02-29 BC"], "1900/2/29"],
  d0: [timestamp(), ["2024-01-02T24:00:00"], "0000-00-00 00:00:00"],
  z25: [timestamp({ withTimezone: true }), ["2024-01-02 03:04+05:45"], "2024-01-02T25:00"],
  t61: [time(), ["23:59:60", "25:10.5"], "23:59:61"],
  t60: [time(), ["2:60.15", "24:29.5"], "2:60"],
  dt: [timestamp(), ["infinity", "0044-03-15 BC"], "294277-01-01", date()],
  // Numbers in texts and in documents.
  ti: [integer(), ["2147483647"], "2147483648"],
  tn: [numeric({ precision: 3, scale: 1 }), ["9.99e1", "NaN"], "99.95"],
  tr: [real(), ["1e38", "Infinity", "0x1p3"], "1e39"],
  dr: [real(), ["3.4e38", "-Infinity", "NaN"], "1e-300", doublePrecision()],
  nd: [doublePrecision(), ["1e308", "NaN"], "1e400", numeric()],
  ji: [integer(), ["1.5"], '"12"', jsonb()],
  jnull: [integer(), ["1"], "[1]", jsonb()],
  js: [smallint(), ["32767.4"], "32768", jsonb()],
  jb: [boolean(), ["true"], "1", jsonb()],
  jt: [integer(), [" 12"], '"12"', json()],
  jo: [jsonb(), ['{ "a" : 1}', "[]", '"a"'], "{a: 1}"],
  // Lists in texts.
  li: [integer().array(), ["{1, NULL}", "{}", '[0:1]={1,"2"}'], "{1,a}"],
  ls: [smallint().array(), ["{32767}", "{{1},{2}}"], "{32768}"],
  ld: [date().array(), ["{2024-02-29,today}"], "{2023-02-29}"],
  lc: [varchar({ length: 3 }).array(), ['{abc,"a,b"}'], "{abcd}"],
  lm: [mood.two().array(), ["{calm,\"it''s rough\"}"], "{wild}"],
  lx: [text().array(), ['{"a}",b c}'], "{a,,b}"],
  lo: [text().array(), [" {a} "], "{a"],
  l2: [integer().array(), ["{{1, 2},{3, null}}", "[0:1][1:1]={{1},{2}}"], "{{1,2},{3,a}}"],
  // Types that few have.
  ma: [macaddr(), ["08002b:010203", "8:0:2b:1:2:3", "0800.2B01.0203"], "08:00:2b"],
  m8: [macaddr8(), ["08002b010203", " 08-00-2b-01-02-03-04-05"], "08:00:2b:01:02:03:04"],
  mo: [typed("money"), ["$1,000.50", "-5"], "much"],
  ra: [typed("int4range"), ["[1,5]", " Empty ", "(,)"], "1-5"],
  rt: [typed("tstzrange"), ['["2020-01-01","2021-01-01")'], "[2020-01-01]"],
  mr: [typed("int8multirange"), ["{[1,2],[5,6)}", "{}"], "[1,2]"],
  ro: [typed("int4range"), ["[1,5]"], "[5,1]"],
  lr: [integer().array(), ["{{1},{2}}"], "{{1},{1,2}}"],
  m6: [macaddr(), ["08:00:2b:01:02:03"], "08:00:2b:01:02:1ff"],
  mm: [typed("money"), ["-5"], "92233720368547758.08"],
  jd: [jsonb(), ["[[1]]"], "[".repeat(100_000)],
  j0: [jsonb(), ["{}"], String.raw`{"a":"\u0000"}`],
  po: [typed("point"), ["(1,2)"], "(1,2"],
  pl: [typed("polygon"), ["((0,0),(1,1))"], "1,1,a"],
  bi: [typed("bit(3)"), ["101"], "102"],
  by: [typed("bytea"), [String.raw`\x00ff`, "a"], String.raw`\x0g`],
  ts: [typed("tsquery"), ["a & b"], "a &"],
  xm: [typed("xml"), ["<a/>"], "<a>"],
  jp: [typed("jsonpath"), ["$.a"], "$."],
  tz: [timestamp({ withTimezone: true }), ["2024-01-02 Europe/Berlin"], "2024-01-02 Europe/Nowhere"],
  // The check of a domain, and that it has no NULL.
  dc: [typed("even"), ["2"], "3"],
  dn: [typed("given"), ["a"], "NULL"],
  eb: [boolean(), ["true"], "maybe", answers()],
};
/** What is written of a value that the table of types has. */
const written = (value: string) => value === "NULL" ? value : `'${value}'`;

for (const version of [15, 18]) {
  test(`postgres ${version}: an upgrade finds what does not fit its new type before its first statement`, async () => {
    const columns = (place: (name: string) => PgColumnBuilderBase) =>
      Object.fromEntries(Object.keys(read).map((name) => [name, place(name)]));
    const [from, to] = [columns((name) => read[name]![3] ?? text()), columns((name) => read[name]![0])].map((
      own,
    ) => ({
      sqlite: {},
      postgresql: tablesFor("postgresql", [
        mood.two,
        answers,
        pgTable("notes", { id: integer().primaryKey(), ...own }),
      ]),
    }));
    const { history } = await generateBetween(from!, to!);
    const engine = engines.find(({ name }) => name === `postgres ${version}`)!;
    await engine.withDatabase((url) =>
      withTestDatabase(url, async (database) => {
        const context = { ...contextOf(database), history: history(engine.dialect) };
        const go = () => migrate(context, { goal: { direction: "upgrade", text: "+1" }, lockWaitMs: 0 });
        await go();
        await engine.query(url, "CREATE DOMAIN even AS integer CHECK (VALUE % 2 = 0)");
        await engine.query(url, "CREATE DOMAIN given AS text NOT NULL");
        const write = (id: number, value: (name: string) => string) => {
          const values = Object.keys(read).map((name) => written(value(name)));
          return engine.query(url, `INSERT INTO notes VALUES (${id}, ${values.join(", ")})`);
        };
        for (const id of [1, 2, 3]) await write(id, (name) => read[name]![1][id - 1] ?? read[name]![1][0]!);
        await write(4, (name) => read[name]![2]);
        const { details } = await rejectsWith("data_conflict", go());
        const found = details.conflicts as readonly Conflict[];
        assert.deepEqual(
          found.map(({ columns, rows, examples }) => ({ columns, rows, examples })),
          Object.keys(read).map((name) => ({ columns: [name], rows: 1, examples: [4] })),
        );
        for (const { query } of found) {
          // Behind a statement that makes a function there are several results.
          const rows = (await engine.query(url, query)).flat() as { id?: number }[];
          assert.deepEqual(rows.flatMap(({ id }) => id ?? []), [4], query);
        }
        await engine.query(url, "DELETE FROM notes WHERE id = 4");
        await go();
      })
    );
  });
}

test("postgres 15: a downgrade finds what does not fit its old type before its first statement", async () => {
  const columns = {
    b: boolean(),
    d: typed("even"),
    r: typed("int4range"),
    j: jsonb(),
    i: bigint({ mode: "number" }),
  };
  const texts = Object.fromEntries(
    Object.keys(columns).map((name) => [name, name === "i" ? numeric() : text()]),
  );
  const [from, to] = [columns, texts].map((own) => ({
    sqlite: {},
    postgresql: tablesFor("postgresql", [pgTable("notes", { id: integer().primaryKey(), ...own })]),
  }));
  const { history } = await generateBetween(from!, to!);
  const engine = engines.find(({ name }) => name === "postgres 15")!;
  await engine.withDatabase((url) =>
    withTestDatabase(url, async (database) => {
      const context = { ...contextOf(database), history: history(engine.dialect) };
      const go = (direction: "upgrade" | "downgrade", text: string) =>
        migrate(context, { goal: { direction, text }, lockWaitMs: 0 });
      await engine.query(url, "CREATE DOMAIN even AS integer CHECK (VALUE % 2 = 0)");
      await go("upgrade", "head");
      await engine.query(url, "INSERT INTO notes VALUES (1, 'yes', '2', '[1,2)', '{}', 7)");
      await engine.query(url, "INSERT INTO notes VALUES (2, 'maybe', '3', '[2,1)', '{', 1e30)");
      const { details } = await rejectsWith("data_conflict", go("downgrade", "-1"));
      const found = details.conflicts as readonly Conflict[];
      assert.deepEqual(
        found.map(({ columns, rows, examples }) => [...columns, rows, ...examples]),
        Object.keys(columns).map((name) => [name, 1, 2]),
      );
      await engine.query(url, "DELETE FROM notes WHERE id = 2");
      await go("downgrade", "-1");
    })
  );
});

for (const version of [15, 18]) {
  test(`postgres ${version}: an upgrade finds NULLs that are one to a constraint to come before its first statement`, async () => {
    const [from, to] = [false, true].map((isUnique) => ({
      sqlite: {},
      postgresql: tablesFor("postgresql", [
        pgTable(
          "notes",
          { id: integer().primaryKey(), a: text(), b: text() },
          ({ a, b }) => isUnique ? [unique("pair").on(a, b).nullsNotDistinct()] : [],
        ),
      ]),
    }));
    const { history } = await generateBetween(from!, to!);
    const engine = engines.find(({ name }) => name === `postgres ${version}`)!;
    await engine.withDatabase((url) =>
      withTestDatabase(url, async (database) => {
        const context = { ...contextOf(database), history: history(engine.dialect) };
        const go = () => migrate(context, { goal: { direction: "upgrade", text: "+1" }, lockWaitMs: 0 });
        await go();
        await engine.query(url, "INSERT INTO notes VALUES (1, NULL, 'x'), (2, NULL, 'x'), (3, NULL, 'y')");
        const { message } = await rejectsWith("data_conflict", go());
        assert.match(message, /2 rows of notes have the same a and b as another \(id 1, 2\)/);
        await engine.query(url, "DELETE FROM notes WHERE id = 2");
        await go();
        const [notes] = (await database.introspect()).tables;
        assert.deepEqual(notes?.uniques, [{ name: "pair", columns: ["a", "b"], nullsAlike: true }]);
      })
    );
  });
}

for (const engine of driverEngines) {
  test(`${engine.name}: what comes back on the way is looked at before the next revision`, async () => {
    const { history } = await generateTwo([owners, notes()], [owners, notes(short(), uniqueIndex("name"))]);
    await engine.withDatabase((url) =>
      withTestDatabase(url, async (database) => {
        const context = { ...contextOf(database), history: history(engine.dialect) };
        const go = (direction: "upgrade" | "downgrade", text: string) =>
          migrate(context, { goal: { direction, text }, lockWaitMs: 0 });
        await go("upgrade", "+1");
        for (const statement of rows) await engine.queryUnchecked(url, statement);
        await go("downgrade", "base");
        const { message } = await rejectsWith("data_conflict", go("upgrade", "head"));
        assert.match(message, /2 rows of notes have the same name as another \(id 1, 2\)/);
        assert.equal((await readState(context)).applied.length, 1);
        await engine.query(url, "DELETE FROM notes WHERE id = 2");
        await go("upgrade", "head");
      })
    );
  });
}

for (const engine of engines) {
  test(`${engine.name}: what was in the way while another run was at work is looked at again under the lock`, async () => {
    const { history } = await generateTwo([owners, notes()], [owners, notes(short(), uniqueIndex("name"))]);
    await engine.withDatabase((url) =>
      withTestDatabase(url, async (database) => {
        const context = { ...contextOf(database), history: history(engine.dialect) };
        const goal = { direction: "upgrade", text: "+1" } as const;
        await migrate(context, { goal, lockWaitMs: 0 });
        for (const statement of rows) await engine.queryUnchecked(url, statement);
        const busy = { ...database, lockHolder: () => Promise.resolve({ owner: "another", since: null }) };
        let backups = 0;
        const beforeSteps = () => Promise.resolve(void backups++);
        const upgrade = migrate({ ...context, database: busy }, { goal, lockWaitMs: 0, beforeSteps });
        await rejectsWith("data_conflict", upgrade);
        assert.equal(backups, 0);

        const stop = new AbortController();
        const stopping: Database = {
          ...database,
          // Each look at the rows is one on the way.
          read: (statement) => {
            stop.abort();
            return database.read(statement);
          },
        };
        const stopped = { ...context, database: stopping, signal: stop.signal };
        const error = await failureOf(migrate(stopped, { goal, lockWaitMs: 0, beforeSteps }));
        assert.deepEqual([error.code, backups], ["interrupted", 0]);
      })
    );
  });
}

for (const version of [15, 18] as const) {
  test(`postgres ${version}: a table of another role's is seen before the first statement`, () =>
    withOwnedPostgres(version, "", ({ url, adminUrl, role }) =>
      withTestDatabase(url, async (database) => {
        const context = contextOf(database);
        const upgrade = (text: string) =>
          migrate(context, { goal: { direction: "upgrade", text }, lockWaitMs: 0 });
        await upgrade("+1");
        await withClient(adminUrl, (client) => client.unsafe("ALTER TABLE files OWNER TO postgres"));
        await withClient(adminUrl, (client) => client.unsafe(`GRANT ALL ON files TO ${role}`));
        const { message, hint } = await rejectsWith("read_only", upgrade("head"));
        assert.match(message, new RegExp(`the role ${role} may not alter files, which belongs to postgres`));
        assert.match(hint ?? "", /Connect as postgres/);
        assert.equal((await readState(context)).applied.length, 1);
      })));
}
