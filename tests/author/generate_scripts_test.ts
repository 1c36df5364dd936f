import assert from "node:assert/strict";
import { test } from "node:test";
import { perDialect } from "harbor-db";
import { sql } from "drizzle-orm";
import {
  boolean,
  integer,
  type PgColumnBuilderBase,
  type PgTable,
  text,
  timestamp,
  varchar,
} from "drizzle-orm/pg-core";
import { assertGolden, assertNoStrays, goldenName } from "../support/golden.ts";
import { inMemory, prove } from "../support/prove_engines.ts";
import { type Extra, index, oneOf, references, table, uniqueIndex } from "../support/samples/tables.ts";
import {
  type CaseDecisions,
  generateBetween,
  generateTwo,
  tablesFor,
} from "../support/samples/two_revisions.ts";

const owners = table("owners", { name: text() });
/** Refers to `things` with ON DELETE at its default, and is what a careless rebuild would empty. */
const notesOn = (things: PgTable) =>
  table("notes", { thing_id: integer().notNull() }, references("thing_id", things));

/** A table whose column `c` changes, with rows that refer to it. */
function things(
  columns: Readonly<Record<string, PgColumnBuilderBase>>,
  ...extras: readonly Extra[]
): readonly PgTable[] {
  const changed = table("things", { name: varchar({ length: 20 }).notNull(), ...columns }, ...extras);
  return [owners, changed, notesOn(changed)];
}

interface Case extends CaseDecisions {
  readonly what: string;
  readonly before: readonly PgTable[];
  readonly after: readonly PgTable[];
  /** What the scripts up hold, beside being proven. */
  readonly sqlite?: readonly RegExp[];
  readonly postgresql?: readonly RegExp[];
  /** What they must not hold. */
  readonly never?: RegExp;
}

const named = (name: string) =>
  table(name, { name: text(), o: integer() }, index("name"), references("o", owners));
const items = named("items");
const renamed = named("things");

const rebuild = /INSERT INTO `__new_things`/;
const none = things({});
const random = perDialect({
  sqlite: sql`lower(hex(randomblob(16)))`,
  postgresql: sql`gen_random_uuid()::text`,
});

const cases: readonly Case[] = [
  {
    what: "adds a table",
    before: [owners],
    after: things({ c: text() }, index("c")),
    never: /concurrently|NOT VALID/,
  },
  {
    what: "drops a table",
    before: none,
    after: [owners],
    postgresql: [/DROP TABLE "notes";[^]*DROP TABLE "things";/],
    never: /CASCADE/,
  },
  {
    what: "adds a column that may be empty",
    before: none,
    after: things({ c: varchar({ length: 500 }) }),
    sqlite: [/ALTER TABLE `things` ADD `c` VARCHAR\(500\);/],
    never: /__new_/,
  },
  {
    what: "adds a column with a default",
    before: none,
    after: things({ c: text().default("it's") }),
    postgresql: [
      /-- The default of things\.c fills the rows that exist without touching them\.\nALTER TABLE "things" ADD COLUMN "c" text DEFAULT 'it''s';/,
    ],
    never: /__new_|UPDATE/,
  },
  {
    what: "adds a NOT NULL column with a default",
    before: none,
    after: things({ c: boolean().notNull().default(true) }),
    sqlite: [/ADD `c` BOOLEAN DEFAULT 1 NOT NULL;/],
    postgresql: [/ADD COLUMN "c" boolean DEFAULT true NOT NULL;/],
    never: /__new_|UPDATE/,
  },
  {
    what: "adds a NOT NULL column with a default that differs from row to row",
    before: none,
    after: things({ c: varchar({ length: 36 }).notNull().default(random) }),
    sqlite: [rebuild, /coalesce\("c", \(lower\(hex\(randomblob\(16\)\)\)\)\)/],
    postgresql: [
      /ADD COLUMN "c" varchar\(36\);[^]*SET DEFAULT gen_random_uuid\(\)::text;[^]*-- harbor:backfill table=things key=id\nUPDATE "things" SET "c" = gen_random_uuid\(\)::text WHERE "c" IS NULL;[^]*CHECK \("c" IS NOT NULL\) NOT VALID;[^]*-- harbor:alone\nALTER TABLE "things" VALIDATE CONSTRAINT "things_c_not_null";[^]*SET NOT NULL;[^]*DROP CONSTRAINT "things_c_not_null"/,
    ],
  },
  {
    what: "adds a column with a default that differs from row to row",
    before: none,
    after: things({ c: varchar({ length: 36 }).default(random) }),
    sqlite: [rebuild],
    postgresql: [/ADD COLUMN "c" varchar\(36\);[^]*SET DEFAULT[^]*harbor:backfill/],
    never: /SET NOT NULL/,
  },
  {
    what: "adds a NOT NULL column without a default, given a value",
    before: none,
    after: things({ c: text().notNull() }),
    fills: ["things.c='x'"],
    sqlite: [/ADD `c` TEXT;/, rebuild, /coalesce\("c", 'x'\)/],
    postgresql: [/ADD COLUMN "c" text DEFAULT 'x' NOT NULL;[^]*ALTER COLUMN "c" DROP DEFAULT;/],
    never: /UPDATE/,
  },
  {
    what: "adds a NOT NULL column without a default, given an expression",
    before: none,
    after: things({ c: text().notNull() }),
    fills: ["things.c=upper(name)"],
    sqlite: [/coalesce\("c", upper\(name\)\)/],
    postgresql: [/UPDATE "things" SET "c" = upper\(name\) WHERE "c" IS NULL/, /SET NOT NULL/],
  },
  {
    what: "makes a column NOT NULL",
    before: things({ c: text() }),
    after: things({ c: text().notNull() }),
    fills: ["things.c='?'"],
    sqlite: [rebuild, /coalesce\("c", '\?'\)/],
    // Twice: the application may write NULL until the check stands.
    postgresql: [/(UPDATE "things" SET "c" = '\?'[^]*){2}VALIDATE CONSTRAINT[^]*SET NOT NULL/],
  },
  {
    what: "lets a column be empty",
    before: things({ c: text().notNull() }),
    after: things({ c: text() }),
    postgresql: [/DROP NOT NULL/],
  },
  {
    what: "gives a column a default",
    before: things({ c: text() }),
    after: things({ c: text().default("x") }),
    never: /UPDATE/,
  },
  { what: "takes a default away", before: things({ c: text().default("x") }), after: things({ c: text() }) },
  {
    what: "adds a column with listed values",
    before: none,
    after: things({ c: varchar({ length: 20 }).notNull().default("local") }, oneOf("c", "local", "r2")),
    sqlite: [
      /ADD `c` VARCHAR\(20\) DEFAULT 'local' NOT NULL CONSTRAINT "things_c_check" CHECK\("c" IN \('local', 'r2'\)\);/,
    ],
    postgresql: [
      /ADD CONSTRAINT "things_c_check" CHECK \("c" IN \('local', 'r2'\)\) NOT VALID;/,
      /-- harbor:alone\nALTER TABLE "things" VALIDATE CONSTRAINT "things_c_check";/,
    ],
    never: /__new_/,
  },
  {
    what: "adds a column with listed values and an index",
    before: none,
    after: things({ c: varchar({ length: 20 }).notNull().default("a") }, index("c"), oneOf("c", "a", "b")),
  },
  {
    what: "adds a listed value",
    before: things({ c: varchar({ length: 20 }) }, oneOf("c", "local", "r2")),
    after: things({ c: varchar({ length: 20 }) }, oneOf("c", "local", "r2", "s3")),
    sqlite: [rebuild],
    postgresql: [
      /DROP CONSTRAINT "things_c_check";[^]*NOT VALID;[^]*-- harbor:alone\nALTER TABLE "things" VALIDATE/,
    ],
  },
  {
    what: "lists a column's values",
    before: things({ c: text() }),
    after: things({ c: text() }, oneOf("c", "row 1")),
    postgresql: [/NOT VALID/],
  },
  {
    what: "drops a column",
    before: things({ c: text() }),
    after: none,
    sqlite: [/DROP COLUMN `c`/],
    postgresql: [/DROP COLUMN "c"/],
    never: /__new_/,
  },
  { what: "drops a NOT NULL column", before: things({ c: integer().notNull() }), after: none },
  {
    what: "drops a NOT NULL column without duplicates",
    before: things({ c: text().notNull() }, uniqueIndex("c")),
    after: none,
  },
  {
    what: "drops a column with listed values",
    before: things({ c: text().notNull() }, oneOf("c", "a", "b")),
    after: none,
  },
  {
    what: "drops a column that refers to a table",
    before: things({ c: integer() }, references("c", owners)),
    after: none,
    sqlite: [rebuild],
  },
  {
    what: "renames a column with its index",
    before: things({ old: text().notNull() }, index("old"), oneOf("old", "row 1", "row 2")),
    after: things({ c: text().notNull() }, index("c"), oneOf("c", "row 1", "row 2")),
    renames: ["things.old=things.c"],
    sqlite: [/RENAME COLUMN `old` TO `c`/],
    postgresql: [
      /RENAME COLUMN "old" TO "c";/,
      /ALTER INDEX "ix_things_old" RENAME TO "ix_things_c";/,
      /RENAME CONSTRAINT "things_old_check" TO "things_c_check"/,
    ],
    never: /__new_|DROP COLUMN/,
  },
  {
    what: "drops one column and adds another",
    before: things({ old: text() }),
    after: things({ c: text() }),
    postgresql: [/ADD COLUMN "c" text;[^]*DROP COLUMN "old";/],
    never: /RENAME/,
  },
  {
    what: "renames a table that others refer to",
    before: [owners, items, table("notes", { thing_id: integer().notNull() }, references("thing_id", items))],
    after: [owners, renamed, notesOn(renamed)],
    renames: ["items=things"],
    postgresql: [
      /ALTER TABLE "items" RENAME TO "things";/,
      /RENAME CONSTRAINT "items_o_fkey" TO "things_o_fkey"/,
    ],
    never: /DROP TABLE|__new_/,
  },
  {
    what: "makes a column longer",
    before: things({ c: varchar({ length: 20 }) }),
    after: things({ c: varchar({ length: 50 }) }),
    sqlite: [rebuild],
    postgresql: [/SET DATA TYPE varchar\(50\);/],
  },
  {
    what: "makes a column another type",
    before: things({ c: text() }),
    after: things({ c: timestamp() }),
    postgresql: [/SET DATA TYPE timestamp USING "c"::timestamp;/],
  },
  {
    what: "adds an index",
    before: things({ c: text() }),
    after: things({ c: text() }, index("c")),
    sqlite: [/CREATE INDEX `ix_things_c`/],
    postgresql: [/-- harbor:concurrently\nCREATE INDEX "ix_things_c" ON "things" \("c"\)/],
    never: /USING btree|__new_/,
  },
  {
    what: "makes an index unique",
    before: things({ c: text() }, index("c")),
    after: things({ c: text() }, uniqueIndex("c")),
    // Queries have one of the two at any time.
    postgresql: [
      /-- harbor:concurrently\nCREATE UNIQUE INDEX "ix_things_c_new"[^]*DROP INDEX "ix_things_c";[^]*RENAME TO "ix_things_c"/,
    ],
  },
  { what: "drops an index", before: things({ c: text() }, index("c")), after: things({ c: text() }) },
  {
    what: "adds a column that refers to a table",
    before: none,
    after: things({ c: integer() }, index("c"), references("c", owners)),
    sqlite: [/ADD `c` INTEGER REFERENCES `owners`\(`id`\)/],
    postgresql: [
      /REFERENCES "owners"\("id"\)[^;]* NOT VALID;[^]*-- harbor:alone\nALTER TABLE "things" VALIDATE CONSTRAINT "things_c_fkey"/,
    ],
    never: /__new_/,
  },
  {
    what: "lets a column refer to a table",
    before: things({ c: integer() }),
    after: things({ c: integer() }, references("c", owners)),
    sqlite: [rebuild],
    postgresql: [/NOT VALID/],
  },
  {
    what: "adds columns of all kinds, and drops one, in one table",
    before: things({ old: text() }, index("old")),
    after: things(
      {
        a: text(),
        b: integer(),
        c: varchar({ length: 9 }).notNull().default(random),
        d: text().notNull(),
        e: timestamp().default(sql`CURRENT_TIMESTAMP`),
      },
      references("b", owners),
      oneOf("c", "x"),
      uniqueIndex("d"),
    ),
    fills: ["things.d=CAST(id AS TEXT)", "things.c='x'"],
  },
  {
    what: "changes two tables at once",
    before: [owners, table("things", { c: text() })],
    after: [
      table("owners", { name: text().notNull() }),
      table("things", { c: text().default("x") }, oneOf("c", "x", "row 1")),
    ],
    fills: ["owners.name=''"],
  },
];

// PostgreSQL runs each kind of change in every_change_test.ts.
for (const { what, before, after, never, ...decisions } of cases) {
  test(`generate ${what}, up, down and up again (SQLite in memory)`, async () => {
    const { second, history } = await generateTwo(before, after, decisions);
    for (const { dialect, scripts } of second.parts) {
      for (const pattern of decisions[dialect] ?? []) assert.match(scripts.up, pattern);
      if (never !== undefined) assert.doesNotMatch(scripts.up, never);
      assert.doesNotMatch(scripts.up + scripts.down, /PRAGMA|"public"|CASCADE/);
    }
    await prove(history("sqlite"), inMemory.scratch);
  });
}

for (const dialect of ["sqlite", "postgresql"] as const) {
  for (const { what, before, after, renames, fills } of cases) {
    test(`generate ${what}, in the very words of tests/golden (${dialect})`, async () => {
      const { second } = await generateTwo(before, after, { renames: renames ?? [], fills: fills ?? [] });
      const { scripts } = second.parts.find((part) => part.dialect === dialect)!;
      assertGolden(dialect, goldenName(what), scripts);
    });
  }

  test(`every golden script has its case (${dialect})`, () => {
    assertNoStrays(dialect, cases.map(({ what }) => goldenName(what)), (file) => !file.startsWith("kind_"));
  });
}

test("generate writes the same scripts each time, under the same id", async () => {
  const change = () => generateTwo(none, things({ c: text().notNull().default("x") }, index("c")));
  const [once, again] = [await change(), await change()];
  assert.deepEqual(once.second, again.second);
});

test("generate does not call a default what PostgreSQL puts into every row of a table that it writes anew", async () => {
  const [before, after] = [none, things({ n: integer().generatedByDefaultAsIdentity() })].map((tables) => ({
    sqlite: {},
    postgresql: tablesFor("postgresql", tables),
  }));
  const { second } = await generateBetween(before!, after!);
  const { scripts } = second.parts.find(({ dialect }) => dialect === "postgresql")!;
  assert.match(scripts.up, /ADD COLUMN "n" integer NOT NULL GENERATED BY DEFAULT AS IDENTITY/);
  assert.doesNotMatch(scripts.up, /without touching them/);
});
