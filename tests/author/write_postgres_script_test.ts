import assert from "node:assert/strict";
import { test } from "node:test";
import { writePostgresScript } from "../../src/author/rules/script/postgres/write_postgres_script.ts";
import { type DecidedFill, stagesOf } from "../../src/author/rules/change/stages.ts";
import type { KitIndexColumn, KitTable } from "../../src/schema/kit_snapshot.ts";
import { parseRenames } from "../../src/author/rules/change/renames.ts";
import { kitForeignKey, kitSnapshot, kitTable } from "../support/samples/kit_parts.ts";

const id = "id serial key";
const t = (columns: readonly string[] = [], more: Partial<KitTable> = {}) =>
  kitTable("t", [id, ...columns], more);
const u = kitTable("u", [id]);

interface Case {
  readonly rule: string;
  /** Before; without anything a table `t` that has rows. */
  readonly from?: readonly KitTable[];
  readonly to?: readonly KitTable[];
  readonly renames?: readonly string[];
  readonly fills?: readonly DecidedFill[];
  readonly isAtomic?: boolean;
  /** What drizzle-kit says. */
  readonly said: readonly string[];
  readonly expected: readonly string[];
}

const fill = (column: string, value: string, existed: boolean): DecidedFill => ({
  table: "t",
  column,
  value,
  existed,
});
const later = (name: string) =>
  `-- ${name} holds for new rows at once; those that exist are looked at below, while others write.\n`;
const built = (index: string) =>
  `-- ${index} is built while the application goes on writing.\n-- harbor:concurrently\n`;
const ops = (expression: string, asc: boolean, nulls: string): KitIndexColumn => ({
  expression,
  isExpression: false,
  asc,
  nulls,
  opclass: "text_pattern_ops",
});
const kitIndexes = (columns: Readonly<Record<string, readonly KitIndexColumn[]>>): KitTable["indexes"] =>
  Object.fromEntries(
    Object.entries(columns).map(([name, list]) => [name, { name, columns: list, isUnique: false }]),
  );
const batches = (column: string) =>
  `-- Fills t.${column} in batches, while others write.\n-- harbor:backfill table=t key=id\n`;
const again = (column: string) =>
  `-- And what the application wrote until ${column} could not be NULL.\n-- harbor:backfill table=t key=id\n`;
const notNull = (guard: string, column: string) => ({
  guard:
    `-- So that SET NOT NULL on t.${column} below does not read the whole table.\nALTER TABLE "t" ADD CONSTRAINT "${guard}" CHECK ("${column}" IS NOT NULL) NOT VALID;`,
  validate: `-- harbor:alone\nALTER TABLE "t" VALIDATE CONSTRAINT "${guard}";`,
  set: `ALTER TABLE "t" ALTER COLUMN "${column}" SET NOT NULL;`,
  drop: `ALTER TABLE "t" DROP CONSTRAINT "${guard}";`,
});
const c = notNull("t_c_not_null", "c");
const long = "c".repeat(60);
const cut = notNull(`t_${long}_not_null`.slice(-63), long);

// One row a rule: the change, what drizzle-kit says, and what the script says.
const cases: readonly Case[] = [
  {
    rule: "names no schema and no btree",
    from: [u, t()],
    to: [u, t()],
    said: [
      'ALTER TABLE "public"."t" ADD COLUMN "c" integer;',
      'ALTER TABLE "t" ADD CONSTRAINT "k" FOREIGN KEY ("c") REFERENCES "public"."u"("id");',
      'CREATE INDEX "ix" ON "public"."t" USING btree ("c");',
      'CREATE INDEX "gin" ON "t" USING gin ("c");',
      'DROP INDEX "public"."iy";',
    ],
    expected: [
      'ALTER TABLE "t" ADD COLUMN "c" integer;',
      `${later("k")}ALTER TABLE "t" ADD CONSTRAINT "k" FOREIGN KEY ("c") REFERENCES "u"("id") NOT VALID;`,
      'DROP INDEX "iy";',
      '-- ix is built while the application goes on writing.\n-- harbor:concurrently\nCREATE INDEX "ix" ON "t" ("c");',
      '-- gin is built while the application goes on writing.\n-- harbor:concurrently\nCREATE INDEX "gin" ON "t" USING gin ("c");',
      '-- harbor:alone\nALTER TABLE "t" VALIDATE CONSTRAINT "k";',
    ],
  },
  {
    rule: "says the order of an index's column that has an operator class",
    to: [
      t(["v text", "w text"], {
        indexes: kitIndexes({
          ix: [ops("v", false, "last"), { expression: "w", isExpression: false, asc: false, nulls: "first" }],
          iy: [ops("v", true, "first"), ops("w", false, "first")],
          iz: [ops("v", true, "last"), { ...ops("lower(w)", false, "last"), isExpression: true }],
        }),
      }),
      kitTable("fresh", ["v text"], { indexes: kitIndexes({ ifresh: [ops("v", false, "last")] }) }),
    ],
    said: [
      'CREATE INDEX "ix" ON "t" USING btree ("v" text_pattern_ops,"w" DESC NULLS FIRST);',
      'CREATE INDEX "iy" ON "t" USING btree ("v" text_pattern_ops,"w" text_pattern_ops);',
      'CREATE INDEX "iz" ON "t" USING btree ("v" text_pattern_ops,lower(w) text_pattern_ops) WHERE "v" > \'\';',
      'CREATE UNIQUE INDEX "ifresh" ON "fresh" USING btree ("v" text_pattern_ops);',
    ],
    expected: [
      'CREATE UNIQUE INDEX "ifresh" ON "fresh" ("v" text_pattern_ops DESC NULLS LAST);',
      `${built("ix")}CREATE INDEX "ix" ON "t" ("v" text_pattern_ops DESC NULLS LAST,"w" DESC NULLS FIRST);`,
      `${
        built("iy")
      }CREATE INDEX "iy" ON "t" ("v" text_pattern_ops NULLS FIRST,"w" text_pattern_ops DESC NULLS FIRST);`,
      `${
        built("iz")
      }CREATE INDEX "iz" ON "t" ("v" text_pattern_ops,lower(w) text_pattern_ops DESC NULLS LAST) WHERE "v" > '';`,
    ],
  },
  {
    rule: "lets nothing vanish with a table that is not known",
    said: ['DROP TABLE "t" CASCADE;'],
    expected: ['DROP TABLE "t";'],
  },
  {
    rule: "makes a new table with all that belongs to it at once",
    from: [u],
    to: [u, t()],
    said: [
      'CREATE TABLE "t" ("id" serial);',
      'ALTER TABLE "t" ADD CONSTRAINT "k" FOREIGN KEY ("c") REFERENCES "u"("id");',
      'ALTER TABLE "t" ALTER COLUMN "c" SET NOT NULL;',
      'CREATE UNIQUE INDEX "ix" ON "t" ("c");',
    ],
    expected: [
      'CREATE TABLE "t" ("id" serial);',
      'ALTER TABLE "t" ADD CONSTRAINT "k" FOREIGN KEY ("c") REFERENCES "u"("id");',
      'ALTER TABLE "t" ALTER COLUMN "c" SET NOT NULL;',
      'CREATE UNIQUE INDEX "ix" ON "t" ("c");',
    ],
  },
  {
    rule: "takes things away at the end",
    from: [u, t()],
    to: [t()],
    said: [
      'DROP TABLE "u";',
      'ALTER TABLE "t" DROP COLUMN "c";',
      'DROP SEQUENCE "public"."s";',
      "DROP TYPE mood;",
      'ALTER TABLE "t" ADD COLUMN "d" text;',
      'CREATE INDEX "ix" ON "t" ("d");',
    ],
    expected: [
      'ALTER TABLE "t" ADD COLUMN "d" text;',
      '-- ix is built while the application goes on writing.\n-- harbor:concurrently\nCREATE INDEX "ix" ON "t" ("d");',
      'ALTER TABLE "t" DROP COLUMN "c";',
      'DROP TABLE "u";',
      'DROP SEQUENCE "s";',
      "DROP TYPE mood;",
    ],
  },
  {
    rule: "drops tables that refer before those that they refer to",
    from: [u, t(["c integer"], { foreignKeys: kitForeignKey("t", "c", "u") })],
    to: [],
    said: ['DROP TABLE "u" CASCADE;', 'DROP TABLE "t" CASCADE;'],
    expected: ['DROP TABLE "t";', 'DROP TABLE "u";'],
  },
  {
    rule: "puts renames first",
    from: [kitTable("old", [id, "a text"])],
    to: [t(["c text"])],
    renames: ["old=t", "t.a=t.c"],
    said: ['ALTER TABLE "t" ALTER COLUMN "c" DROP DEFAULT;'],
    expected: [
      'ALTER TABLE "old" RENAME TO "t";',
      'ALTER TABLE "t" RENAME COLUMN "a" TO "c";',
      'ALTER TABLE "t" ALTER COLUMN "c" DROP DEFAULT;',
    ],
  },
  {
    rule: "knows a renamed table by its new name as one that has rows",
    from: [kitTable("old", [id])],
    to: [t()],
    renames: ["old=t"],
    said: ['ALTER TABLE "t" ADD CONSTRAINT "k" CHECK ("id" > 0);'],
    expected: [
      'ALTER TABLE "old" RENAME TO "t";',
      `${later("k")}ALTER TABLE "t" ADD CONSTRAINT "k" CHECK ("id" > 0) NOT VALID;`,
      '-- harbor:alone\nALTER TABLE "t" VALIDATE CONSTRAINT "k";',
    ],
  },
  {
    rule: "builds a unique constraint's index beside writers",
    said: ['ALTER TABLE "t" ADD CONSTRAINT "k" UNIQUE NULLS NOT DISTINCT("a","b");'],
    expected: [
      '-- harbor:concurrently\nCREATE UNIQUE INDEX "k" ON "t" ("a","b") NULLS NOT DISTINCT;',
      'ALTER TABLE "t" ADD CONSTRAINT "k" UNIQUE USING INDEX "k";',
    ],
  },
  {
    rule: "keeps the old index until the new one of its name is there",
    said: ['DROP INDEX "ix";', 'CREATE UNIQUE INDEX "ix" ON "t" ("c");'],
    expected: [
      '-- ix_new is built while the application goes on writing.\n-- harbor:concurrently\nCREATE UNIQUE INDEX "ix_new" ON "t" ("c");',
      'DROP INDEX "ix";',
      'ALTER INDEX "ix_new" RENAME TO "ix";',
    ],
  },
  {
    rule: "keeps the name of the new index within what PostgreSQL takes",
    said: [`DROP INDEX "${"i".repeat(63)}";`, `CREATE INDEX "${"i".repeat(63)}" ON "t" ("c");`],
    expected: [
      `-- ${
        "i".repeat(59)
      }_new is built while the application goes on writing.\n-- harbor:concurrently\nCREATE INDEX "${
        "i".repeat(59)
      }_new" ON "t" ("c");`,
      `DROP INDEX "${"i".repeat(63)}";`,
      `ALTER INDEX "${"i".repeat(59)}_new" RENAME TO "${"i".repeat(63)}";`,
    ],
  },
  {
    rule: "lends a default that fills the rows, and says so",
    to: [t(["c text not null"])],
    fills: [fill("c", "'x'", false)],
    said: [
      `ALTER TABLE "t" ADD COLUMN "c" text DEFAULT 'x' NOT NULL;`,
      'ALTER TABLE "t" ALTER COLUMN "c" DROP DEFAULT;',
    ],
    expected: [
      `-- The default of t.c fills the rows that exist without touching them; it is taken back below.\nALTER TABLE "t" ADD COLUMN "c" text DEFAULT 'x' NOT NULL;`,
      'ALTER TABLE "t" ALTER COLUMN "c" DROP DEFAULT;',
    ],
  },
  {
    rule: "says that a default of its own fills the rows",
    said: [`ALTER TABLE "t" ADD COLUMN "c" text DEFAULT 'x';`],
    expected: [
      `-- The default of t.c fills the rows that exist without touching them.\nALTER TABLE "t" ADD COLUMN "c" text DEFAULT 'x';`,
    ],
  },
  {
    rule: "fills a new column in batches before it must not be NULL",
    to: [t(["c text not null"])],
    fills: [fill("c", "upper(x)", false)],
    said: ['ALTER TABLE "t" ADD COLUMN "c" text;', 'ALTER TABLE "t" ALTER COLUMN "c" SET NOT NULL;'],
    expected: [
      'ALTER TABLE "t" ADD COLUMN "c" text;',
      `${batches("c")}UPDATE "t" SET "c" = upper(x) WHERE "c" IS NULL;`,
      c.guard,
      c.validate,
      c.set,
      c.drop,
    ],
  },
  {
    rule: "fills a column that is there once more when nobody can write NULL any longer",
    from: [t(["c text"])],
    to: [t(["c text not null"])],
    fills: [fill("c", "'x'", true)],
    said: ['ALTER TABLE "t" ALTER COLUMN "c" SET NOT NULL;', 'CREATE INDEX "ix" ON "t" ("c");'],
    expected: [
      `${batches("c")}UPDATE "t" SET "c" = 'x' WHERE "c" IS NULL;`,
      c.guard,
      `${again("c")}UPDATE "t" SET "c" = 'x' WHERE "c" IS NULL;`,
      '-- ix is built while the application goes on writing.\n-- harbor:concurrently\nCREATE INDEX "ix" ON "t" ("c");',
      c.validate,
      c.set,
      c.drop,
    ],
  },
  {
    rule: "fills a table without a key of one column in one go",
    from: [kitTable("t", ["c text"])],
    to: [kitTable("t", ["c text not null"])],
    fills: [fill("c", "'x'", true)],
    said: [],
    expected: [
      `-- Fills t.c in one go, since no key of one column cuts it.\nUPDATE "t" SET "c" = 'x' WHERE "c" IS NULL;`,
      `-- And what the application wrote until c could not be NULL.\nUPDATE "t" SET "c" = 'x' WHERE "c" IS NULL;`,
    ],
  },
  {
    rule: "cuts the guard's name to what PostgreSQL takes",
    to: [t([`${long} text not null`])],
    said: [`ALTER TABLE "t" ALTER COLUMN "${long}" SET NOT NULL;`],
    expected: [cut.guard, cut.validate, cut.set, cut.drop],
  },
  {
    rule: "converts to another family of types by a cast",
    from: [t(["c text"])],
    said: ['ALTER TABLE "t" ALTER COLUMN "c" SET DATA TYPE integer;'],
    expected: ['ALTER TABLE "t" ALTER COLUMN "c" SET DATA TYPE integer USING "c"::integer;'],
  },
  {
    rule: "leaves the conversion within a family to PostgreSQL",
    from: [t(["c varchar(20)", "d integer", "e timestamp"])],
    said: [
      'ALTER TABLE "t" ALTER COLUMN "c" SET DATA TYPE text;',
      'ALTER TABLE "t" ALTER COLUMN "d" SET DATA TYPE bigint;',
      'ALTER TABLE "t" ALTER COLUMN "e" SET DATA TYPE timestamp with time zone;',
    ],
    expected: [
      'ALTER TABLE "t" ALTER COLUMN "c" SET DATA TYPE text;',
      'ALTER TABLE "t" ALTER COLUMN "d" SET DATA TYPE bigint;',
      'ALTER TABLE "t" ALTER COLUMN "e" SET DATA TYPE timestamp with time zone;',
    ],
  },
  {
    rule: "keeps a conversion that is said",
    from: [t(["c text"])],
    said: ['ALTER TABLE "t" ALTER COLUMN "c" SET DATA TYPE integer USING length("c");'],
    expected: ['ALTER TABLE "t" ALTER COLUMN "c" SET DATA TYPE integer USING length("c");'],
  },
  {
    rule: "eases nothing in where all is one transaction",
    from: [t(["c text", "gone text"])],
    to: [t(["c integer not null"])],
    isAtomic: true,
    fills: [fill("c", "'1'", true)],
    said: [
      'ALTER TABLE "t" DROP COLUMN "gone";',
      'ALTER TABLE "t" ADD CONSTRAINT "k" CHECK ("c" > 0);',
      'ALTER TABLE "t" ALTER COLUMN "c" SET NOT NULL;',
      'CREATE INDEX "ix" ON "t" ("c");',
      'ALTER TABLE "t" ALTER COLUMN "c" SET DATA TYPE integer;',
    ],
    expected: [
      'ALTER TABLE "t" ALTER COLUMN "c" SET DATA TYPE integer USING "c"::integer;',
      `UPDATE "t" SET "c" = '1' WHERE "c" IS NULL;`,
      'ALTER TABLE "t" ADD CONSTRAINT "k" CHECK ("c" > 0);',
      'ALTER TABLE "t" ALTER COLUMN "c" SET NOT NULL;',
      'CREATE INDEX "ix" ON "t" ("c");',
      'ALTER TABLE "t" DROP COLUMN "gone";',
    ],
  },
];
for (
  const { rule, from = [t()], to = from, renames = [], fills = [], isAtomic = false, said, expected } of cases
) {
  test(`writePostgresScript() ${rule}`, () => {
    const change = {
      from: kitSnapshot("postgresql", ...from),
      to: kitSnapshot("postgresql", ...to),
      renames: parseRenames(renames),
      fills,
      isAtomic,
    };
    const script = writePostgresScript(change, stagesOf(change), { expand: said, contract: [] });
    assert.deepEqual(
      script.map(({ sql, above }) => [...above.map((line) => `-- ${line}`), sql].join("\n")),
      expected,
    );
  });
}
