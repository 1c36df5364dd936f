import { sql } from "../support/user_sql.ts";
import assert from "node:assert/strict";
import type { Snapshot } from "../../src/schema/snapshot.ts";
import type { Database } from "../../src/engines/database.ts";
import { eachEngine, onEngines } from "../support/each_engine.ts";
import { rejectsWith } from "../support/harbor_error.ts";

/** A parent with a name, and children that go with it when it is deleted. */
async function makeFamily(database: Database, onDelete: "CASCADE" | "NO ACTION" | "SET NULL"): Promise<void> {
  await database.write([
    sql`CREATE TABLE parents (id INTEGER PRIMARY KEY NOT NULL, name TEXT)`,
    sql.raw(
      `CREATE TABLE children (id INTEGER PRIMARY KEY NOT NULL, parent_id INTEGER REFERENCES parents (id) ON DELETE ${onDelete})`,
    ),
    sql`INSERT INTO parents VALUES (1, 'a'), (2, 'b')`,
    sql`INSERT INTO children VALUES (10, 1), (11, 1), (20, 2)`,
  ]);
}

/** A table rebuild as drizzle-kit 0.31 writes it, its own pragmas included. */
const rebuildOfParents = [
  "PRAGMA foreign_keys=OFF",
  "CREATE TABLE `__new_parents` (`id` integer PRIMARY KEY NOT NULL, `name` text NOT NULL)",
  'INSERT INTO `__new_parents`("id", "name") SELECT "id", "name" FROM `parents`',
  "DROP TABLE `parents`",
  "ALTER TABLE `__new_parents` RENAME TO `parents`",
  "PRAGMA foreign_keys=ON",
].map((text) => sql.raw(text));

const family = [{ id: 10, parent_id: 1 }, { id: 11, parent_id: 1 }, { id: 20, parent_id: 2 }];

function children(database: Database): Promise<unknown[]> {
  return database.read(sql`SELECT id, parent_id FROM children ORDER BY id`);
}

for (const onDelete of ["CASCADE", "SET NULL", "NO ACTION"] as const) {
  eachEngine(
    `schema: a parent is rebuilt and its ON DELETE ${onDelete} children stay`,
    async ({ database }) => {
      await makeFamily(database, onDelete);
      await database.write(rebuildOfParents, "schema");
      assert.deepEqual(await children(database), family);
      const parents = (await database.introspect()).tables.find((table) => table.name === "parents");
      assert.equal(parents?.columns.find((column) => column.name === "name")?.notNull, true);
      // The children's key points at the new table, and is enforced.
      await rejectsWith("dangling_reference", database.write([sql`INSERT INTO children VALUES (30, 3)`]));
    },
    "sqlite",
  );
}

eachEngine("schema: a table that refers to itself is rebuilt with all its rows", async ({ database }) => {
  await database.write([
    sql`CREATE TABLE parents (id INTEGER PRIMARY KEY NOT NULL, name TEXT, up INTEGER REFERENCES parents (id) ON DELETE CASCADE)`,
    sql`INSERT INTO parents VALUES (1, 'a', NULL), (2, 'b', 1), (3, 'c', 2)`,
  ]);
  await database.write([
    sql.raw(
      "CREATE TABLE `__new_parents` (`id` integer PRIMARY KEY NOT NULL, `name` text NOT NULL, `up` integer REFERENCES `parents`(`id`) ON DELETE cascade)",
    ),
    sql`INSERT INTO __new_parents SELECT id, name, up FROM parents`,
    sql`DROP TABLE parents`,
    sql`ALTER TABLE __new_parents RENAME TO parents`,
  ], "schema");
  const rows = await database.read(sql`SELECT id, up FROM parents ORDER BY id`);
  assert.deepEqual(rows, [{ id: 1, up: null }, { id: 2, up: 1 }, { id: 3, up: 2 }]);
}, "sqlite");

eachEngine(
  "schema: a rebuild keeps the indexes that it does not know, as they were written",
  async ({ database }) => {
    await makeFamily(database, "CASCADE");
    await database.write([sql`CREATE UNIQUE INDEX names ON parents (name COLLATE NOCASE DESC) WHERE id > 0`]);
    const before = await database.introspect();
    await database.write(rebuildOfParents, "schema");
    const indexes = (snapshot: Snapshot) => snapshot.tables.flatMap((table) => table.indexes);
    assert.equal(indexes(before).length, 1);
    assert.deepEqual(indexes(await database.introspect()), indexes(before));
  },
  "sqlite",
);

eachEngine("schema: a rebuild under a view and a trigger keeps both", async ({ database }) => {
  await makeFamily(database, "CASCADE");
  await database.write([
    sql`CREATE VIEW names AS SELECT name FROM parents`,
    sql`CREATE TRIGGER named AFTER INSERT ON children BEGIN UPDATE parents SET name = 'has' WHERE id = new.parent_id; END`,
  ], "schema");
  await database.write(rebuildOfParents, "schema");
  await database.write([sql`INSERT INTO children VALUES (21, 2)`]);
  const names = await database.read(sql`SELECT name FROM names ORDER BY name`);
  assert.deepEqual(names, [{ name: "a" }, { name: "has" }]);
}, "sqlite");

eachEngine("schema: a rebuild that fails half way leaves all as it was", async ({ database }) => {
  await makeFamily(database, "CASCADE");
  const before = await database.introspect();
  await rejectsWith("statement_failed", database.write([...rebuildOfParents, sql`NONSENSE`], "schema"));
  assert.deepEqual(await database.introspect(), before);
  assert.deepEqual(await children(database), family);
}, "sqlite");

eachEngine(
  "schema: a rebuild that loses a row which others refer to is not committed",
  async ({ database }) => {
    await makeFamily(database, "CASCADE");
    const before = await database.introspect();
    const lossy = rebuildOfParents.map((statement, index) =>
      index === 2 ? sql`INSERT INTO __new_parents SELECT id, name FROM parents WHERE id = 1` : statement
    );
    await rejectsWith("dangling_reference", database.write(lossy, "schema"));
    assert.deepEqual(await database.introspect(), before);
    assert.deepEqual(await children(database), family);
  },
  "sqlite",
);

eachEngine(
  "schema: a rebuild that keeps the key and loses what others refer to beside it is not committed",
  async ({ database }) => {
    await database.write([
      sql`CREATE TABLE codes (id INTEGER PRIMARY KEY, code TEXT UNIQUE)`,
      sql`CREATE TABLE uses (code TEXT REFERENCES codes (code), id INTEGER REFERENCES codes (id))`,
      sql`INSERT INTO codes VALUES (1, 'a')`,
      sql`INSERT INTO uses VALUES ('a', 1)`,
    ]);
    const lossy = (columns: string) => [
      sql`CREATE TABLE __new_codes (id INTEGER PRIMARY KEY, code TEXT UNIQUE)`,
      sql.raw(`INSERT INTO __new_codes (${columns}) SELECT ${columns} FROM codes`),
      sql`DROP TABLE codes`,
      sql`ALTER TABLE __new_codes RENAME TO codes`,
    ];
    await rejectsWith("dangling_reference", database.write(lossy("id"), "schema"));
    await database.write(lossy("id, code"), "schema");
    assert.deepEqual(await database.read(sql`SELECT * FROM codes`), [{ id: 1, code: "a" }]);
  },
  "sqlite",
);

eachEngine("schema: rows of a table that is made refer to rows that are there", async ({ database }) => {
  await makeFamily(database, "CASCADE");
  const made = sql`CREATE TABLE pets (id INTEGER PRIMARY KEY, owner INTEGER REFERENCES Parents (id))`;
  const fill = (owner: number) => sql.raw(`INSERT INTO Pets SELECT 1, ${owner}`);
  await rejectsWith("dangling_reference", database.write([made, fill(9)], "schema"));
  await database.write([made, fill(1)], "schema");
  assert.deepEqual(await database.read(sql`SELECT owner FROM pets`), [{ owner: 1 }]);
}, "sqlite");

eachEngine(
  "schema: a rebuild does not stumble over references that it has no part in",
  async ({ database, engine, url }) => {
    await makeFamily(database, "CASCADE");
    for (const text of ["TABLE strangers (a INTEGER)", "TABLE odd (b INTEGER REFERENCES strangers (a))"]) {
      await engine.queryUnchecked(url, `CREATE ${text}`);
    }
    await engine.queryUnchecked(url, "INSERT INTO odd VALUES (1)");
    await database.write(rebuildOfParents, "schema");
    assert.deepEqual(await children(database), family);
  },
  "sqlite",
);

eachEngine("schema: a batch that leaves a dangling reference is not committed", async ({ database }) => {
  await makeFamily(database, "NO ACTION");
  await rejectsWith(
    "dangling_reference",
    database.write([
      sql`ALTER TABLE parents ADD COLUMN more TEXT`,
      sql`INSERT INTO children VALUES (30, 3)`,
    ], "schema"),
  );
  await rejectsWith("dangling_reference", database.write([sql`DELETE FROM parents WHERE id = 1`], "schema"));
  assert.deepEqual(await children(database), family);
  assert.deepEqual(await database.read(sql`SELECT * FROM parents ORDER BY id`), [
    { id: 1, name: "a" },
    { id: 2, name: "b" },
  ]);
});

eachEngine("schema: references that dangled before do not stop it", async ({ database, engine, url }) => {
  await makeFamily(database, "CASCADE");
  await engine.queryUnchecked(url, "INSERT INTO children VALUES (90, 9), (91, 9)");
  await database.write(rebuildOfParents, "schema");
  assert.deepEqual(await children(database), [...family, { id: 90, parent_id: 9 }, { id: 91, parent_id: 9 }]);
  // One more is refused all the same, and fewer is fine.
  await rejectsWith(
    "dangling_reference",
    database.write([sql`INSERT INTO children VALUES (92, 9)`], "schema"),
  );
  await database.write([sql`DELETE FROM children WHERE id = 90`], "schema");
}, "sqlite");

eachEngine("schema: references that dangled before do not stop it", async ({ database }) => {
  await database.write([
    sql`CREATE TABLE parents (id INTEGER PRIMARY KEY, name TEXT)`,
    sql`CREATE TABLE children (id INTEGER PRIMARY KEY, parent_id INTEGER)`,
    sql`INSERT INTO children VALUES (90, 9)`,
    sql`ALTER TABLE children ADD CONSTRAINT up FOREIGN KEY (parent_id) REFERENCES parents (id) NOT VALID`,
  ]);
  await database.write([sql`ALTER TABLE parents ALTER COLUMN name SET NOT NULL`], "schema");
  assert.deepEqual(await children(database), [{ id: 90, parent_id: 9 }]);
  await rejectsWith(
    "dangling_reference",
    database.write([sql`INSERT INTO children VALUES (91, 9)`], "schema"),
  );
}, "postgresql");

eachEngine("schema: a reference may dangle on the way when it does not at the end", async ({ database }) => {
  await database.write([
    sql`CREATE TABLE parents (id INTEGER PRIMARY KEY)`,
    sql`CREATE TABLE children (parent_id INTEGER REFERENCES parents (id) DEFERRABLE INITIALLY DEFERRED)`,
  ]);
  const changed = await database.write([
    sql`INSERT INTO children VALUES (1)`,
    sql`INSERT INTO parents VALUES (1)`,
  ], "schema");
  assert.deepEqual(changed, [1, 1]);
});

eachEngine(
  "schema: an index goes with a column that a rebuild leaves out, and no other",
  async ({ database }) => {
    await database.write([
      sql`CREATE TABLE parents (id INTEGER PRIMARY KEY, key TEXT, title TEXT)`,
      sql`CREATE INDEX names ON parents (key DESC)`,
      sql`CREATE INDEX "partial" ON parents (id) WHERE key IS NOT NULL`,
      sql`CREATE UNIQUE INDEX "cases" ON parents (CASE WHEN id > 0 THEN id END, abs(id))`,
      sql`CREATE UNIQUE INDEX titles ON parents (lower(title)) WHERE title <> 'title'`,
    ]);
    await database.write([
      sql`ALTER TABLE parents RENAME COLUMN title TO heading`,
      sql`CREATE TABLE copy (id INTEGER PRIMARY KEY, heading TEXT)`,
      sql`INSERT INTO copy SELECT id, heading FROM parents`,
      sql`DROP TABLE parents`,
      sql`ALTER TABLE copy RENAME TO parents`,
    ], "schema");
    const { tables } = await database.introspect();
    assert.deepEqual(tables.flatMap(({ indexes }) => indexes.map(({ name }) => name).sort()), [
      "cases",
      "titles",
    ]);
  },
  "sqlite",
);

const withoutName = [
  sql`CREATE TABLE parents (id INTEGER PRIMARY KEY NOT NULL)`,
  sql`INSERT INTO parents (id) VALUES (1)`,
];

eachEngine(
  "schema: a copy that would write a column's name into every row is refused",
  async ({ database }) => {
    await database.write(withoutName);
    const error = await rejectsWith("statement_failed", database.write(rebuildOfParents, "schema"));
    assert.match(error.message, /^Cannot run "INSERT INTO `__new_parents`.*no name, and SQLite would write/);
    assert.equal(error.details.index, 2);
    assert.deepEqual(await database.read(sql`SELECT * FROM parents`), [{ id: 1 }]);
  },
  "sqlite",
);

onEngines(["sqlite file"], "schema: such a copy of no rows runs", async ({ database }) => {
  await database.write(withoutName.slice(0, 1));
  await database.write(rebuildOfParents, "schema");
  const [parents] = (await database.introspect()).tables;
  assert.deepEqual(parents?.columns.map(({ name }) => name), ["id", "name"]);
});
