import assert from "node:assert/strict";
import { test } from "node:test";
import { withPlainNames, withSchemaNames } from "../../src/sql/table_names.ts";

const schemas = ["auth", "shop"];

// With schemas, and in the names of a snapshot; one row a kind of statement.
const both = [
  [`CREATE TABLE "auth"."users" ("m" "auth"."mood")`, `CREATE TABLE "auth.users" ("m" "auth.mood")`],
  [`CREATE UNIQUE INDEX "ix" ON "auth"."users" ("a")`, `CREATE UNIQUE INDEX "auth.ix" ON "auth.users" ("a")`],
  [`DROP INDEX "auth"."ix";`, `DROP INDEX "auth.ix";`],
  [`ALTER TABLE "auth"."users" RENAME TO "people";`, `ALTER TABLE "auth.users" RENAME TO "auth.people";`],
  [`ALTER INDEX "auth"."a" RENAME TO "b";`, `ALTER INDEX "auth.a" RENAME TO "auth.b";`],
  [`ALTER TABLE "auth"."users" SET SCHEMA "shop";`, `ALTER TABLE "auth.users" RENAME TO "shop.users";`],
  [`ALTER TABLE "auth"."users" SET SCHEMA "public";`, `ALTER TABLE "auth.users" RENAME TO "users";`],
  [`UPDATE "auth"."users" SET "a" = "auth"."users"."b"`, `UPDATE "auth.users" SET "a" = "auth.users"."b"`],
  [
    `SELECT 'auth.users', "public"."t"."c" FROM "other"."auth"`,
    `SELECT 'auth.users', "public"."t"."c" FROM "other"."auth"`,
  ],
  [`CREATE SCHEMA "auth"`, `CREATE SCHEMA "auth"`],
] as const;
for (const [named, plain] of both) {
  test(`names of schemas and plain names stand for each other: ${named}`, () => {
    assert.equal(withPlainNames(named, schemas), plain);
    assert.deepEqual(withSchemaNames(plain, schemas), [named]);
  });
}

test("withPlainNames() reads names without quotes, and leaves a statement as it is where no schema is named", () => {
  assert.equal(
    withPlainNames(`delete from AUTH.Users -- auth.x`, schemas),
    `delete from "auth.users" -- auth.x`,
  );
  assert.equal(withPlainNames(`delete from auth.users`), `delete from auth.users`);
});

test("withSchemaNames() takes the schema off what has none of its own, and moves a table in two steps", () => {
  const cases: readonly (readonly [string, readonly string[]])[] = [
    [`ALTER TABLE "auth.t" ADD CONSTRAINT "auth.t_pkey" PRIMARY KEY USING INDEX "auth.t_pkey";`, [
      `ALTER TABLE "auth"."t" ADD CONSTRAINT "t_pkey" PRIMARY KEY USING INDEX "t_pkey";`,
    ]],
    [`ALTER TABLE "auth.t" RENAME TO "shop.u";`, [
      `ALTER TABLE "auth"."t" SET SCHEMA "shop";`,
      `ALTER TABLE "shop"."t" RENAME TO "u";`,
    ]],
    // It went with its table.
    [`ALTER INDEX "auth.ix" RENAME TO "shop.ix";`, []],
    [`SELECT setval(pg_get_serial_sequence('"auth.t"', 'id'), 1)`, [
      `SELECT setval(pg_get_serial_sequence('"auth"."t"', 'id'), 1)`,
    ]],
    [`UPDATE "auth.t" SET "a" = '"auth.token"' WHERE f('"auth.t"') > nextval('"auth.s"')`, [
      `UPDATE "auth"."t" SET "a" = '"auth.token"' WHERE f('"auth.t"') > nextval('"auth"."s"')`,
    ]],
  ];
  for (const [plain, named] of cases) assert.deepEqual(withSchemaNames(plain, schemas), named);
});
