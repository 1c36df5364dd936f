import { sql } from "../support/user_sql.ts";
import assert from "node:assert/strict";
import { eachEngine } from "../support/each_engine.ts";
import { rejectsWith } from "../support/harbor_error.ts";

const family = [
  sql`CREATE TABLE parents (id INTEGER PRIMARY KEY NOT NULL)`,
  sql`CREATE TABLE children (id INTEGER PRIMARY KEY NOT NULL, parent_id INTEGER REFERENCES parents (id) ON DELETE CASCADE)`,
  sql`INSERT INTO parents VALUES (1)`,
  sql`INSERT INTO children VALUES (10, 1)`,
];

eachEngine(
  "replace: content takes the place of all there is, with the references that it has",
  async ({ database }) => {
    await database.write(family);
    await database.write([
      sql`DROP TABLE parents`,
      sql`DROP TABLE children`,
      ...family.slice(0, 3),
      sql`INSERT INTO children VALUES (10, 1), (20, 77)`,
    ], "replace");
    const rows = await database.read(sql`SELECT id, parent_id FROM children ORDER BY id`);
    assert.deepEqual(rows, [{ id: 10, parent_id: 1 }, { id: 20, parent_id: 77 }]);
    // The key is there, and enforced from now on.
    await rejectsWith("dangling_reference", database.write([sql`INSERT INTO children VALUES (30, 3)`]));
  },
  "sqlite",
);

eachEngine("replace: all of it or nothing", async ({ database }) => {
  await database.write(family);
  await database.write([
    sql`DROP TABLE children`,
    sql`CREATE TABLE other (id INTEGER)`,
    sql`INSERT INTO nowhere VALUES (1)`,
  ], "replace").then(() => assert.fail("It should fail"), () => {});
  assert.deepEqual(await database.read(sql`SELECT id FROM children`), [{ id: 10 }]);
});
