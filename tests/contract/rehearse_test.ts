import { sql } from "../support/user_sql.ts";
import assert from "node:assert/strict";
import type { Snapshot } from "../../src/schema/snapshot.ts";
import { openTestDatabase } from "../support/databases.ts";
import { eachEngine } from "../support/each_engine.ts";
import { rejectsWith } from "../support/harbor_error.ts";

function columnsOf(snapshot: Snapshot, table: string): readonly string[] | undefined {
  return snapshot.tables.find(({ name }) => name === table)?.columns.map(({ name }) => name);
}

const made = [
  sql`CREATE TABLE boats (id INTEGER PRIMARY KEY NOT NULL, name TEXT)`,
  sql`INSERT INTO boats VALUES (1, 'Anna'), (2, 'Berta')`,
];

eachEngine(
  "rehearse() tells the schema that a batch would leave, and leaves all as it was",
  async ({ database }) => {
    await database.write(made);
    const before = await database.introspect();
    const batch = [
      sql`ALTER TABLE boats ADD COLUMN size INTEGER`,
      sql`UPDATE boats SET name = ${"Clara"}`,
      sql`CREATE TABLE owners (id INTEGER PRIMARY KEY NOT NULL)`,
    ];
    const after = await database.rehearse(batch, "schema");
    assert.deepEqual(columnsOf(after, "boats"), ["id", "name", "size"]);
    assert.deepEqual(columnsOf(after, "owners"), ["id"]);
    assert.deepEqual(await database.introspect(), before);
    assert.deepEqual(await database.read(sql`SELECT name FROM boats ORDER BY id`), [{ name: "Anna" }, {
      name: "Berta",
    }]);
    await database.write(batch, "schema");
    assert.deepEqual(await database.introspect(), after);
  },
);

eachEngine("rehearse() fails as the batch would, under the lock too", async ({ database }) => {
  await database.write(made);
  const duplicate = [sql`INSERT INTO boats VALUES (3, 'Dora')`, sql`INSERT INTO boats VALUES (1, 'Emma')`];
  const error = await rejectsWith("statement_failed", database.rehearse(duplicate, "rows"));
  assert.equal(error.details["index"], 1);
  await database.withLock(async () => {
    await rejectsWith("statement_failed", database.rehearse(duplicate, "schema"));
    await database.rehearse([sql`DROP TABLE boats`], "schema");
    assert.deepEqual(await database.write([sql`UPDATE boats SET name = 'Frieda'`]), [2]);
  });
  assert.deepEqual(await database.read(sql`SELECT count(*) AS n FROM boats`), [{ n: 2 }]);
});

eachEngine(
  "rehearse() keeps the rows that refer to a rebuilt table, and sees what would dangle",
  async ({ database }) => {
    await database.write([
      ...made,
      sql`CREATE TABLE trips (boat_id INTEGER REFERENCES boats (id) ON DELETE CASCADE)`,
      sql`INSERT INTO trips VALUES (1)`,
    ]);
    const rebuild = (condition: string) => [
      sql`CREATE TABLE __new_boats (id INTEGER PRIMARY KEY NOT NULL, name TEXT NOT NULL)`,
      sql.raw(`INSERT INTO __new_boats SELECT id, name FROM boats WHERE ${condition}`),
      sql`DROP TABLE boats`,
      sql`ALTER TABLE __new_boats RENAME TO boats`,
    ];
    const after = await database.rehearse(rebuild("TRUE"), "schema");
    assert.equal(after.tables.find(({ name }) => name === "boats")?.columns[1]?.notNull, true);
    await rejectsWith("dangling_reference", database.rehearse(rebuild("id = 2"), "schema"));
    assert.deepEqual(await database.read(sql`SELECT * FROM trips`), [{ boat_id: 1 }]);
  },
  "sqlite",
);

eachEngine("rehearse() shows what only the end of a transaction would refuse", async ({ database }) => {
  await database.write([
    ...made,
    sql`CREATE TABLE trips (boat_id INTEGER REFERENCES boats (id) DEFERRABLE INITIALLY DEFERRED)`,
  ]);
  const late = [sql`INSERT INTO trips VALUES (9)`];
  for (const mode of ["rows", "schema"] as const) {
    await rejectsWith("dangling_reference", database.rehearse(late, mode));
    await rejectsWith("dangling_reference", database.write(late, mode));
    // In between, it may be so.
    await database.rehearse([...late, sql`INSERT INTO boats VALUES (9, 'Gerda')`], mode);
  }
  assert.deepEqual(await database.read(sql`SELECT count(*) AS n FROM trips`), [{ n: 0 }]);
});

eachEngine("rehearse() is refused on a database that was opened for reading", async ({ url, database }) => {
  await database.write(made);
  const reader = await openTestDatabase(url, "read");
  try {
    await rejectsWith("read_only", reader.rehearse([sql`DROP TABLE boats`], "schema"));
  } finally {
    await reader.close();
  }
});
