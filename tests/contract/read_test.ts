import { sql } from "../support/user_sql.ts";
import assert from "node:assert/strict";
import { eachEngine } from "../support/each_engine.ts";
import { rejectsWith } from "../support/harbor_error.ts";

eachEngine("read() returns rows as plain objects in JavaScript's own types", async ({ database }) => {
  const { dialect } = database;
  const types = dialect === "sqlite"
    ? { id: "INTEGER", flag: "BOOLEAN", at: "DATETIME", ratio: "DOUBLE", bytes: "BLOB" }
    : { id: "bigint", flag: "boolean", at: "timestamp", ratio: "double precision", bytes: "bytea" };
  const at = "2025-06-03 12:00:00.123456";
  const bytes = new Uint8Array([0, 1, 255]);
  await database.write([
    sql.raw(
      `CREATE TABLE t (id ${types.id}, name TEXT, flag ${types.flag}, at ${types.at}, ratio ${types.ratio}, bytes ${types.bytes}, gap TEXT)`,
    ),
    sql`INSERT INTO t VALUES (${7}, ${'Zoë\'s 船 \\ "x" ?1 $1'}, ${true}, ${at}, ${1.5}, ${bytes}, ${null})`,
  ]);
  const [row] = await database.read<Record<string, unknown>>(sql`SELECT * FROM t`);
  assert.ok(row !== undefined);
  assert.equal(Object.getPrototypeOf(row), Object.prototype);
  const { bytes: readBytes, ...rest } = row;
  assert.deepEqual(rest, {
    id: 7,
    name: 'Zoë\'s 船 \\ "x" ?1 $1',
    // SQLite has no boolean: it is 0 or 1.
    flag: dialect === "sqlite" ? 1 : true,
    // Dates are the text that the database holds, to the microsecond and in no time zone.
    at,
    ratio: 1.5,
    gap: null,
  });
  assert.ok(readBytes instanceof Uint8Array);
  assert.deepEqual([...readBytes], [...bytes]);
});

eachEngine("read() keeps every digit of an integer", async ({ database }) => {
  const type = database.dialect === "sqlite" ? "INTEGER" : "bigint";
  const values = [0, -1, Number.MAX_SAFE_INTEGER, 9007199254740993n, -9223372036854775808n];
  await database.write([
    sql.raw(`CREATE TABLE t (place INTEGER, n ${type})`),
    ...values.map((value, place) => sql`INSERT INTO t VALUES (${place}, ${value})`),
  ]);
  const rows = await database.read<{ n: unknown }>(sql`SELECT n FROM t ORDER BY place`);
  assert.deepEqual(rows.map((row) => row.n), values);
});

eachEngine("read() returns counts and sums as numbers", async ({ database }) => {
  await database.write([sql`CREATE TABLE t (n INTEGER)`, sql`INSERT INTO t VALUES (1), (2)`]);
  const rows = await database.read(sql`SELECT count(*) AS count, sum(n) AS sum, max(n) AS max FROM t`);
  assert.deepEqual(rows, [{ count: 2, sum: 3, max: 2 }]);
});

eachEngine("read() returns all of many rows, in order", async ({ database }) => {
  const rows = await database.read<{ n: number }>(
    sql`WITH RECURSIVE numbers(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < 5000) SELECT n FROM numbers`,
  );
  assert.deepEqual(rows.map((row) => row.n), Array.from({ length: 5000 }, (_, i) => i + 1));
});

eachEngine("read() returns no rows as an empty list", async ({ database }) => {
  assert.deepEqual(await database.read(sql`SELECT 1 AS one WHERE 1 = 0`), []);
});

eachEngine("read() changes nothing, whatever the statement", async ({ database, engine, url }) => {
  await database.write([sql`CREATE TABLE t (n INTEGER)`, sql`INSERT INTO t VALUES (1)`]);
  const writers = [
    sql`INSERT INTO t VALUES (2)`,
    sql`INSERT INTO t VALUES (2) RETURNING n`,
    sql`DELETE FROM t`,
    sql`DROP TABLE t`,
    sql`CREATE TABLE u (n INTEGER)`,
  ];
  for (const writer of writers) await assert.rejects(database.read(writer));
  assert.deepEqual(await engine.query(url, "SELECT n FROM t"), [{ n: 1 }]);
  assert.deepEqual((await database.introspect()).tables.map((table) => table.name), ["t"]);
});

eachEngine("read() refuses two statements in one text", async ({ database }) => {
  await rejectsWith("statement_failed", database.read(sql.raw("SELECT 1 AS one; SELECT 2 AS two")));
});

eachEngine("read() takes a semicolon at the end, in text and in comments", async ({ database }) => {
  const rows = await database.read(sql.raw("SELECT ';' AS mark /* ; */ -- ; \n;"));
  assert.deepEqual(rows, [{ mark: ";" }]);
});

eachEngine("read() sees what write() wrote, and what others wrote", async ({ database, engine, url }) => {
  await database.write([sql`CREATE TABLE t (n INTEGER)`]);
  assert.deepEqual(await database.read(sql`SELECT n FROM t`), []);
  await engine.query(url, "INSERT INTO t VALUES (5)");
  assert.deepEqual(await database.read(sql`SELECT n FROM t`), [{ n: 5 }]);
});

eachEngine("read() of a table that is not there fails with missing_table", async ({ database }) => {
  const error = await rejectsWith("missing_table", database.read(sql`SELECT * FROM nowhere`));
  assert.match(error.message, /nowhere/);
});

eachEngine("read() of a wrong statement fails with statement_failed and its text", async ({ database }) => {
  const error = await rejectsWith("statement_failed", database.read(sql`SELEKT 1`));
  assert.equal(error.details["statement"], "SELEKT 1");
});
