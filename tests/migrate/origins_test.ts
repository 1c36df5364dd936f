import assert from "node:assert/strict";
import { test } from "node:test";
import type { Dialect } from "../../src/base/dialect.ts";
import { follow, halfWay, type Origins, startOf } from "../../src/migrate/rules/origins.ts";
import type { Snapshot } from "../../src/schema/snapshot.ts";

/** A schema of tables with these columns: `files id name, owners id`. */
function schema(dialect: Dialect, text: string, references: readonly string[] = []): Snapshot {
  const tables = text.split(", ").map((table) => {
    const [name = "", ...columns] = table.split(" ");
    return {
      name,
      columns: columns.map((column) => ({
        name: column,
        type: "TEXT",
        notNull: false,
        default: null,
        identity: false,
      })),
      primaryKey: ["id"],
      foreignKeys: references.filter((each) => each.startsWith(`${name}>`)).map((each) => ({
        name: null,
        columns: ["owner"],
        table: each.split(">")[1]!,
        references: ["id"],
        onDelete: "cascade",
        onUpdate: "no action",
        valid: true,
      })),
      indexes: [],
      uniques: [],
      checks: [],
    };
  });
  return { dialect, tables, others: [] };
}

/** Prints origins: `files(+-) = old files; name = title (filled)`; what is the same is left out. */
function show(origins: Origins): readonly string[] {
  return [...origins].flatMap(([name, table]) => {
    const rows = `${table.hasMore ? "+" : ""}${table.hasFewer ? "-" : ""}`;
    const own = table.table === name && rows === "" ? [] : [`${name}${rows} = ${table.table}`];
    const columns = [...table.columns].filter(([column, origin]) =>
      (origin.column !== column || origin.values !== "same") && !(table.table === null && rows === "")
    ).map(([column, { column: from, values }]) =>
      `${name}.${column} = ${from}${values === "same" ? "" : ` ${values}`}`
    );
    return [...own, ...columns];
  });
}

const files = "files id name, owners id";
const copy = (select: string, columns = `"id", "name"`) => [
  "CREATE TABLE `__new_files` (id INTEGER, name TEXT)",
  `INSERT INTO \`__new_files\`(${columns}) SELECT ${select} FROM \`files\``,
  "DROP TABLE `files`",
  "ALTER TABLE `__new_files` RENAME TO `files`",
];

// One row a rule: statements, the schema after them, and what is not the same as before.
const cases:
  readonly (readonly [rule: string, statements: readonly string[], after: string, readonly string[]])[] = [
    ["nothing", [], files, []],
    ["a comment and an index", ["-- hello\nCREATE INDEX i ON files (name)", "DROP INDEX i"], files, []],
    ["a column without values", ["ALTER TABLE files ADD extra TEXT"], "files id name extra", [
      "files.extra = null",
    ]],
    [
      "a column with a default",
      [`ALTER TABLE "files" ADD COLUMN "extra" TEXT DEFAULT 'x'`],
      "files id name extra",
      ["files.extra = null changed"],
    ],
    [
      "a column that is filled after it was made",
      ["ALTER TABLE files ADD extra TEXT", "UPDATE files SET extra = 'x' WHERE extra IS NULL"],
      "files id name extra",
      ["files.extra = null changed"],
    ],
    [
      "a column that goes and comes again",
      ["ALTER TABLE files DROP COLUMN name", "ALTER TABLE files ADD name TEXT"],
      files,
      ["files.name = null"],
    ],
    ["another column's name", ["ALTER TABLE files RENAME COLUMN name TO title"], "files id title", [
      "files.title = name",
    ]],
    [
      "another table's name",
      [`ALTER TABLE "public"."files" RENAME TO "papers"`],
      "papers id name, owners id",
      ["papers = files"],
    ],
    ["a new table", ["CREATE TABLE more (id INTEGER)"], `${files}, more id`, ["more = null"]],
    [
      "a new table with rows",
      ["CREATE TABLE more AS SELECT 1 AS id"],
      `${files}, more id`,
      ["more+ = null", "more.id = null changed"],
    ],
    [
      "a table that goes and comes again",
      ["DROP TABLE files", "CREATE TABLE files (id INTEGER, name TEXT)"],
      files,
      ["files = null"],
    ],
    ["NULLs that get a value", [`UPDATE "files" SET "name" = 'a' WHERE "name" IS NULL`], files, [
      "files.name = name filled",
    ]],
    ["values that change", ["UPDATE files SET name = lower(name)"], files, ["files.name = name changed"]],
    [
      "values that change, said at length",
      ["UPDATE ONLY public.files SET name = 'x', id = (SELECT 1 WHERE 1 = 1)"],
      files,
      [
        "files.id = id changed",
        "files.name = name changed",
      ],
    ],
    [
      "values that change in another table's light",
      ["UPDATE files SET name = o.id FROM owners o WHERE o.id = files.id"],
      files,
      [
        "files.name = name changed",
      ],
    ],
    [
      "more than NULLs that get a value",
      [`UPDATE files SET name = 'x' WHERE name IS NULL OR name = ''`],
      files,
      [
        "files.name = name changed",
      ],
    ],
    ["a change that cannot be read", ["UPDATE files SET (id, name) = (1, 2)"], files, [
      "files.id = id changed",
      "files.name = name changed",
    ]],
    ["rows that go", [`DELETE FROM "files" WHERE id = 1`], files, ["files- = files"]],
    ["rows that go all", ["TRUNCATE TABLE owners, files CASCADE"], files, [
      "files- = files",
      "owners- = owners",
    ]],
    ["rows that come", ["INSERT INTO owners (id) VALUES (1)"], files, ["owners+ = owners"]],
    ["rows that come in place of others", ["INSERT OR REPLACE INTO owners (id) VALUES (1)"], files, [
      "owners+- = owners",
      "owners.id = id changed",
    ]],
    ["a copy", copy(`"id", "name"`), files, []],
    ["a copy that fills", copy(`"id", coalesce("name", 'a')`), files, ["files.name = name filled"]],
    ["a copy that works a value out", copy(`"id", trim("name", ', ')`), files, [
      "files.name = name copied anew",
    ]],
    ["a copy that swaps columns", copy(`"name", "id"`), files, [
      "files.id = id copied anew",
      "files.name = name copied anew",
    ]],
    ["a copy that forgets a column", copy(`"id"`, `"id"`), files, ["files.name = name copied anew"]],
    ["a copy that renames a column", copy(`"id", "name"`, `"id", "title"`), "files id title", [
      "files.title = name",
    ]],
    [
      "a copy that leaves rows out",
      copy(`"id", "name"`).map((sql) => sql.replace("FROM `files`", "FROM `files` WHERE name > ''")),
      files,
      ["files- = files"],
    ],
    ["a statement that may do anything", ["DO $$ BEGIN END $$"], "files id", [
      "files+- = files",
      "files.id = id changed",
    ]],
    ["a table that no statement makes", [], `${files}, more id`, ["more+- = null", "more.id = null changed"]],
  ];
for (const [rule, statements, after, expected] of cases) {
  test(`follow() sees ${rule}`, () => {
    const before = schema("sqlite", files);
    const target = schema("sqlite", after.startsWith("files id name,") ? after : `${after}`);
    const origins = follow(startOf(before), { before, after: target, statements });
    assert.deepEqual(show(origins), expected);
  });
}

test("follow() reads PostgreSQL's statements with several actions, and its casts", () => {
  const before = schema("postgresql", files);
  const origins = follow(startOf(before), {
    before,
    after: schema("postgresql", "files id name extra"),
    statements: [
      `ALTER TABLE IF EXISTS ONLY Files ADD COLUMN IF NOT EXISTS "extra" text, ADD CONSTRAINT c CHECK (id > 0)`,
      `ALTER TABLE "files" ALTER COLUMN "id" SET DATA TYPE bigint USING "id"::bigint`,
      `ALTER TABLE "files" ALTER COLUMN "name" TYPE varchar(9) USING left("name", 9)`,
    ],
  });
  assert.deepEqual(show(origins), ["files.name = name changed", "files.extra = null"]);
});

test("follow() takes casts to types of the project's own for casts", () => {
  const before = schema("postgresql", files);
  const cast = (using: string) => `ALTER TABLE "files" ALTER COLUMN "name" SET DATA TYPE x USING ${using}`;
  const after = (using: string) =>
    show(follow(startOf(before), { before, after: before, statements: [cast(using)] }));
  assert.deepEqual(after(`"name"::"mood"`), []);
  assert.deepEqual(after(`"name"::text[]::"own schema"."mood"[]`), []);
  assert.deepEqual(after(`"name"::text || 'x'`), ["files.name = name changed"]);
  assert.deepEqual(after(`"name" <> 0`), ["files.name = name changed"]);
});

test("follow() counts the rows that go with those that they refer to", () => {
  const before = schema("sqlite", "files id owner, owners id", ["files>owners"]);
  const origins = follow(startOf(before), { before, after: before, statements: ["DELETE FROM owners"] });
  assert.deepEqual(show(origins), [
    "files- = files",
    "files.id = id changed",
    "files.owner = owner changed",
    "owners- = owners",
  ]);
});

test("halfWay() knows nothing of what was made since", () => {
  const before = schema("sqlite", files);
  const after = schema("sqlite", "files id name extra, more id");
  const statements = ["ALTER TABLE files ADD extra TEXT", "CREATE TABLE more (id INTEGER)"];
  const origins = halfWay(follow(startOf(before), { before, after, statements }));
  assert.deepEqual(show(origins), ["files.extra = null changed", "more+ = null", "more.id = null changed"]);
});
