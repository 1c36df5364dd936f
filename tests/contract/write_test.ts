import { sql } from "../support/user_sql.ts";
import assert from "node:assert/strict";
import { eachEngine } from "../support/each_engine.ts";
import { rejectsWith } from "../support/harbor_error.ts";
import type { Database, WriteMode } from "../../src/engines/database.ts";

const transactions: readonly WriteMode[] = ["rows", "schema"];
const modes: readonly WriteMode[] = [...transactions, "alone"];

async function tableNames(database: Database): Promise<readonly string[]> {
  return (await database.introspect()).tables.map((table) => table.name);
}

eachEngine("write() returns how many rows each statement changed, 0 for DDL", async ({ database }) => {
  for (const mode of modes) {
    const changed = await database.write([
      sql`CREATE TABLE t (n INTEGER PRIMARY KEY, name TEXT)`,
      sql`INSERT INTO t VALUES (1, 'a'), (2, 'b'), (3, 'c')`,
      sql`UPDATE t SET name = 'x' WHERE n < 3`,
      sql`INSERT INTO t SELECT n + 10, name FROM t`,
      sql`CREATE INDEX t_name ON t (name)`,
      sql`/* with a comment in front */ DELETE FROM t WHERE n = 11`,
      sql`WITH old AS (SELECT n FROM t WHERE n > 10) DELETE FROM t WHERE n IN (SELECT n FROM old)`,
      sql`DELETE FROM t WHERE n = 99`,
      sql`ALTER TABLE t ADD COLUMN more TEXT`,
      sql`CREATE TABLE copy AS SELECT * FROM t`,
      sql`DROP TABLE copy`,
      sql`DROP TABLE t`,
    ], mode);
    assert.deepEqual(changed, [0, 3, 2, 3, 0, 1, 2, 0, 0, 0, 0, 0], mode);
  }
});

eachEngine("write() of an empty batch does nothing", async ({ database }) => {
  for (const mode of modes) assert.deepEqual(await database.write([], mode), []);
});

eachEngine("write() is all or nothing, DDL included", async ({ database }) => {
  for (const mode of transactions) {
    const error = await rejectsWith(
      "statement_failed",
      database.write([
        sql`CREATE TABLE t (n INTEGER PRIMARY KEY)`,
        sql`INSERT INTO t VALUES (1)`,
        sql`INSERT INTO t VALUES (${1})`,
        sql`INSERT INTO t VALUES (2)`,
      ], mode),
    );
    assert.equal(error.details["index"], 2);
    assert.match(String(error.details["statement"]), /^INSERT INTO t VALUES \((\?|\$1)\)$/);
    if (database.dialect === "postgresql") assert.equal(error.details["sqlState"], "23505");
    assert.deepEqual(await tableNames(database), [], mode);
  }
});

eachEngine("write() works again after a failure", async ({ database }) => {
  for (const mode of modes) {
    await rejectsWith("statement_failed", database.write([sql`NONSENSE`], mode));
    assert.deepEqual(await database.read(sql`SELECT 1 AS one`), [{ one: 1 }]);
  }
  await database.write([sql`CREATE TABLE t (n INTEGER)`]);
  assert.deepEqual(await tableNames(database), ["t"]);
});

eachEngine("write() refuses two statements in one element, and runs neither", async ({ database }) => {
  for (const mode of modes) {
    const batch = [sql.raw("CREATE TABLE a (n INTEGER); CREATE TABLE b (n INTEGER)")];
    await rejectsWith("statement_failed", database.write(batch, mode));
    assert.deepEqual(await tableNames(database), [], mode);
  }
});

eachEngine("write() refuses an element without a statement", async ({ database }) => {
  for (const text of ["", " ", "-- only a comment", ";"]) {
    await rejectsWith("statement_failed", database.write([sql.raw(text)]));
  }
});

eachEngine("write() refuses statements that would end its transaction", async ({ database }) => {
  for (const mode of transactions) {
    for (const word of ["COMMIT", "ROLLBACK", "BEGIN", "END", "/* now */ commit"]) {
      const batch = [sql`CREATE TABLE t (n INTEGER)`, sql.raw(word), sql`NONSENSE`];
      await rejectsWith("statement_failed", database.write(batch, mode));
      assert.deepEqual(await tableNames(database), [], `${word} in mode ${mode}`);
    }
  }
});

eachEngine("write() takes a trigger's body as one statement", async ({ database }) => {
  await database.write([
    sql`CREATE TABLE t (n INTEGER)`,
    sql`CREATE TABLE log (n INTEGER)`,
    sql`CREATE TRIGGER t_log AFTER INSERT ON t BEGIN INSERT INTO log VALUES (new.n); INSERT INTO log VALUES (-new.n); END;`,
    sql`INSERT INTO t VALUES (4)`,
  ], "schema");
  assert.deepEqual(await database.read(sql`SELECT n FROM log ORDER BY n`), [{ n: -4 }, { n: 4 }]);
}, "sqlite");

eachEngine("write() takes a function's body as one statement", async ({ database }) => {
  await database.write([
    sql`CREATE FUNCTION twice(n integer) RETURNS integer LANGUAGE plpgsql AS $$ BEGIN n := n * 2; RETURN n; END; $$`,
  ], "schema");
  assert.deepEqual(await database.read(sql`SELECT twice(4) AS n`), [{ n: 8 }]);
}, "postgresql");

eachEngine("write() into a table that is not there fails with missing_table", async ({ database }) => {
  const batch = [sql`CREATE TABLE t (n INTEGER)`, sql`INSERT INTO nowhere VALUES (1)`];
  const error = await rejectsWith("missing_table", database.write(batch));
  assert.equal(error.details["index"], 1);
  assert.deepEqual(await tableNames(database), []);
});

eachEngine("write() in mode rows has constraints on and cascades", async ({ database }) => {
  await database.write([
    sql`CREATE TABLE parents (id INTEGER PRIMARY KEY)`,
    sql`CREATE TABLE children (parent_id INTEGER REFERENCES parents (id) ON DELETE CASCADE)`,
    sql`INSERT INTO parents VALUES (1), (2)`,
    sql`INSERT INTO children VALUES (1), (2)`,
  ]);
  await rejectsWith("dangling_reference", database.write([sql`INSERT INTO children VALUES (9)`]));
  await database.write([sql`DELETE FROM parents WHERE id = 1`]);
  assert.deepEqual(await database.read(sql`SELECT parent_id FROM children`), [{ parent_id: 2 }]);
});

eachEngine("write() in mode rows still has constraints on after mode schema", async ({ database }) => {
  await database.write([
    sql`CREATE TABLE parents (id INTEGER PRIMARY KEY)`,
    sql`CREATE TABLE children (parent_id INTEGER REFERENCES parents (id))`,
  ], "schema");
  await rejectsWith("statement_failed", database.write([sql`NONSENSE`], "schema"));
  await rejectsWith("dangling_reference", database.write([sql`INSERT INTO children VALUES (9)`]));
});

eachEngine("write() in mode alone keeps what ran before a failure", async ({ database }) => {
  const batch = [
    sql`CREATE TABLE t (n INTEGER)`,
    sql`INSERT INTO t VALUES (1)`,
    sql`NONSENSE`,
    sql`INSERT INTO t VALUES (2)`,
  ];
  const error = await rejectsWith("statement_failed", database.write(batch, "alone"));
  assert.equal(error.details["index"], 2);
  assert.deepEqual(await database.read(sql`SELECT n FROM t`), [{ n: 1 }]);
});

eachEngine("write() in mode alone runs what no transaction takes", async ({ database }) => {
  await database.write([sql`CREATE TABLE t (n INTEGER)`]);
  const batch = [sql`CREATE INDEX CONCURRENTLY t_n ON t (n)`, sql`VACUUM t`];
  await rejectsWith("statement_failed", database.write(batch));
  assert.deepEqual(await database.write(batch, "alone"), [0, 0]);
  const [table] = (await database.introspect()).tables;
  assert.deepEqual(table?.indexes.map(({ name, valid }) => [name, valid]), [["t_n", true]]);
}, "postgresql");

eachEngine("write() sees its own earlier statements", async ({ database }) => {
  const changed = await database.write([
    sql`CREATE TABLE t (n INTEGER)`,
    sql`INSERT INTO t VALUES (1)`,
    sql`UPDATE t SET n = (SELECT count(*) FROM t) + 1`,
    sql`DELETE FROM t WHERE n = 2`,
  ]);
  assert.deepEqual(changed, [0, 1, 1, 1]);
});
