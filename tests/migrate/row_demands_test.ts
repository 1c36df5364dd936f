import type { Dialect } from "../../src/base/dialect.ts";
import assert from "node:assert/strict";
import { test } from "node:test";
import { carriedSchema } from "../../src/migrate/preflight/rules/carried_schema.ts";
import { demandsOf } from "../../src/migrate/preflight/rules/row_demands.ts";
import type { Column, Snapshot, Table } from "../../src/schema/snapshot.ts";

function column(name: string, facts: Partial<Column> = {}): Column {
  return { name, type: "TEXT", notNull: false, default: null, identity: false, ...facts };
}

const id = column("id", { type: "INTEGER", notNull: true, identity: true });

function files(facts: Partial<Table> = {}, name: Partial<Column> = {}): Table {
  return {
    name: "files",
    columns: [id, column("owner", { type: "INTEGER" }), column("name", name)],
    primaryKey: ["id"],
    foreignKeys: [],
    indexes: [],
    uniques: [],
    checks: [],
    ...facts,
  };
}

const owners: Table = { ...files(), name: "owners", columns: [id] };
const unique = { name: "ix", columns: ["name"], unique: true, where: null, valid: true };
const check = { name: "c", expression: `"name" IN ('a', 'b')`, valid: true };
const key = {
  name: "k",
  columns: ["owner"],
  table: "owners",
  references: ["id"],
  onDelete: "no action",
  onUpdate: "no action",
  valid: true,
};
const text = (length: number) => ({ type: `VARCHAR(${length})` });
const varying = (length: number) => ({ type: `character varying(${length})` });

function snapshot(table: Table, dialect: Dialect): Snapshot {
  return { dialect, tables: [table, owners], others: [] };
}

// One row a rule: what files is to be, what it is, and the demands that follow.
const cases = [
  [
    "demands nothing of the same",
    "postgresql",
    files({ indexes: [unique], checks: [check] }),
    files({ indexes: [unique], checks: [check] }),
    [],
  ],
  ["demands a value where NULL was allowed", "postgresql", files({}, { notNull: true }), files(), [
    "null name",
  ]],
  ["demands no duplicates where they were allowed", "postgresql", files({ indexes: [unique] }), files(), [
    "duplicate name",
  ]],
  [
    "demands no duplicates in an index that descends",
    "postgresql",
    files({ indexes: [{ ...unique, columns: ["name DESC NULLS LAST", "owner DESC"] }] }),
    files(),
    ["duplicate name,owner"],
  ],
  [
    "demands nothing of an index that is turned around",
    "sqlite",
    files({ indexes: [{ ...unique, columns: ["name DESC"] }] }),
    files({ indexes: [unique] }),
    [],
  ],
  [
    "takes a unique constraint for what guarantees an index",
    "postgresql",
    files({ indexes: [unique] }),
    files({ uniques: [{ name: null, columns: ["name"] }] }),
    [],
  ],
  [
    "takes a partial index for no guarantee of all rows",
    "postgresql",
    files({ indexes: [unique] }),
    files({ indexes: [{ ...unique, where: "id > 1" }] }),
    ["duplicate name"],
  ],
  [
    "takes an index that is not valid for none",
    "postgresql",
    files({ indexes: [unique] }),
    files({ indexes: [{ ...unique, valid: false }] }),
    ["duplicate name"],
  ],
  [
    "demands nothing by a value that the snapshot does not say (PostgreSQL)",
    "postgresql",
    files({
      indexes: [{ ...unique, where: `"files"."name" = $1` }],
      checks: [{ ...check, expression: `"name" <> $1` }],
    }),
    files(),
    [],
  ],
  [
    "demands nothing by a value that the snapshot does not say (SQLite)",
    "sqlite",
    files({
      indexes: [{ ...unique, where: `"files"."name" = ?` }],
      checks: [{ ...check, expression: `"name" <> ?` }],
    }),
    files(),
    [],
  ],
  [
    "demands what a condition says in a text that looks like such a value",
    "postgresql",
    files({ indexes: [{ ...unique, where: `"name" = '$1'` }] }),
    files(),
    ["duplicate name"],
  ],
  [
    "demands that NULL occurs once where it counts",
    "postgresql",
    files({ uniques: [{ name: "u", columns: ["name"], nullsAlike: true }] }),
    files({ uniques: [{ name: "u", columns: ["name"] }] }),
    ["duplicate name"],
  ],
  [
    "demands nothing where NULL counts no more",
    "postgresql",
    files({ uniques: [{ name: "u", columns: ["name"] }] }),
    files({ uniques: [{ name: "u", columns: ["name"], nullsAlike: true }] }),
    [],
  ],
  ["demands a key where there was none", "postgresql", files(), files({ primaryKey: [] }), ["duplicate id"]],
  ["demands what a check allows", "postgresql", files({ checks: [check] }), files(), ["not allowed name"]],
  [
    "takes a check that was never validated for none",
    "postgresql",
    files({ checks: [check] }),
    files({ checks: [{ ...check, valid: false }] }),
    ["not allowed name"],
  ],
  [
    "demands texts that are of a new type",
    "postgresql",
    files({}, { type: "uuid" }),
    files({}, { type: "text" }),
    ["unreadable name"],
  ],
  [
    "demands texts that are of a new type which nobody has said anything of",
    "postgresql",
    files({}, { type: "polygon" }),
    files({}, { type: "text" }),
    ["unreadable name"],
  ],
  [
    "demands nothing of what any text takes",
    "postgresql",
    files({}, { type: "text" }),
    files({}, { type: "polygon" }),
    [],
  ],
  [
    "demands no type of SQLite's texts that nobody vouches for",
    "sqlite",
    files({}, { type: "UUID" }),
    files({}, { type: "TEXT" }),
    [],
  ],
  [
    "demands no value that an enum type loses",
    "postgresql",
    files({}, { type: "mood", values: ["a"] }),
    files({}, { type: "mood", values: ["a", "b"] }),
    ["not allowed name"],
  ],
  [
    "demands nothing of an enum type that gets a value",
    "postgresql",
    files({}, { type: "mood", values: ["b", "a"] }),
    files({}, { type: "mood", values: ["a"] }),
    [],
  ],
  ["demands no more than fits", "postgresql", files({}, varying(9)), files({}, varying(20)), [
    "too long name",
  ]],
  ["demands nothing where more fits", "postgresql", files({}, varying(20)), files({}, varying(9)), []],
  ["trusts no length on SQLite", "sqlite", files({}, text(20)), files({}, text(9)), ["too long name"]],
  ["demands what 32 bits hold", "postgresql", files({}, { type: "integer" }), files({}, { type: "bigint" }), [
    "unreadable name",
  ]],
  [
    "demands no more than fits of a text that an array becomes",
    "postgresql",
    files({}, varying(9)),
    files({}, { type: "character varying(3)[]" }),
    ["too long name"],
  ],
  [
    "demands nothing of numbers that fit",
    "postgresql",
    files({}, { type: "bigint" }),
    files({}, { type: "integer" }),
    [],
  ],
  ["demands what a reference refers to", "postgresql", files({ foreignKeys: [key] }), files(), [
    "orphan owner",
  ]],
  [
    "trusts a reference that was validated",
    "postgresql",
    files({ foreignKeys: [key] }),
    files({ foreignKeys: [key] }),
    [],
  ],
  [
    "trusts no reference that was never validated",
    "postgresql",
    files({ foreignKeys: [key] }),
    files({ foreignKeys: [{ ...key, valid: false }] }),
    ["orphan owner"],
  ],
  ["trusts no reference on SQLite", "sqlite", files({ foreignKeys: [key] }), files({ foreignKeys: [key] }), [
    "orphan owner",
  ]],
  [
    "passes over columns that are to come",
    "sqlite",
    files({ checks: [check], indexes: [unique] }),
    files({ columns: [id] }),
    [],
  ],
] as const;
for (const [rule, dialect, target, live, expected] of cases) {
  test(`demandsOf() ${rule}`, () => {
    const demands = demandsOf(snapshot(target, dialect), snapshot(live, dialect));
    assert.deepEqual(demands.map(({ kind, columns }) => `${kind} ${columns}`), expected);
  });
}

test("demandsOf() trusts what the live schema declares when it is told to", () => {
  const declared = snapshot(files({ foreignKeys: [key] }, text(20)), "sqlite");
  assert.deepEqual(demandsOf(declared, declared, true), []);
  assert.equal(demandsOf(declared, declared).length, 2);
});

test("a demand's query shows the key first", () => {
  const [demand] = demandsOf(snapshot(files({ indexes: [unique] }), "sqlite"), snapshot(files(), "sqlite"));
  assert.equal(
    demand?.query,
    `SELECT "id", "name" FROM "files" WHERE "name" IN (SELECT "name" FROM "files" GROUP BY "name" HAVING count(*) > 1) ORDER BY "name", "id"`,
  );
});

test("a demand of a table in a schema of its own calls it by one name", () => {
  const within = (facts: Partial<Table>): Snapshot => ({
    ...snapshot(files({ name: "auth.files", ...facts }), "postgresql"),
    schemas: ["auth"],
  });
  const queryOf = (facts: Partial<Table>) => demandsOf(within(facts), within({}))[0]?.query;
  assert.equal(
    queryOf({ foreignKeys: [key] }),
    `SELECT "id", "owner" FROM "auth"."files" AS "auth.files" WHERE "auth.files"."owner" IS NOT NULL AND NOT EXISTS (SELECT 1 FROM "owners" AS parent WHERE parent."id" = "auth.files"."owner") ORDER BY "id"`,
  );
  assert.equal(
    queryOf({ uniques: [{ name: "u", columns: ["name"], nullsAlike: true }] }),
    `SELECT "id", "name" FROM "auth"."files" AS "auth.files" WHERE EXISTS (SELECT 1 FROM (SELECT "name" FROM "auth"."files" GROUP BY "name" HAVING count(*) > 1) AS repeated WHERE repeated."name" IS NOT DISTINCT FROM "auth.files"."name") ORDER BY "name", "id"`,
  );
  // An expression calls it as schema.ts does.
  assert.match(queryOf({ checks: [check] })!, /FROM "auth"\."files" WHERE NOT/);
});

test("demandsOf() looks in the host's table for what a new reference leads to", () => {
  const hosts = { ...key, table: "auth.users" };
  const target = snapshot(files({ foreignKeys: [hosts] }), "postgresql");
  const [demand] = demandsOf(target, snapshot(files(), "postgresql"));
  assert.match(demand!.query, /NOT EXISTS \(SELECT 1 FROM "auth"\."users" AS parent WHERE/);
  assert.deepEqual(new Set(demand!.reads.map(({ table }) => table)), new Set(["files"]));
  const carried = carriedSchema({
    before: target,
    after: target,
    statements: ["ALTER TABLE files ADD c text"],
  });
  assert.deepEqual(demandsOf(target, carried, true), []);
  const renamed = carriedSchema({
    before: target,
    after: snapshot(files({ columns: [id, column("holder", { type: "INTEGER" })] }), "postgresql"),
    statements: ["ALTER TABLE files RENAME COLUMN owner TO holder"],
  });
  assert.deepEqual(renamed.tables[0]!.foreignKeys.map(({ table, columns }) => [table, columns]), [
    ["auth.users", ["holder"]],
  ]);
});
