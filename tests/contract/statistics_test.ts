import assert from "node:assert/strict";
import { DatabaseSync } from "node:sqlite";
import { test } from "node:test";
import { migrate } from "../../src/migrate/migrate.ts";
import { withContext } from "../support/samples/adoption.ts";
import { addFiles } from "../support/samples/application.ts";
import { type Engine, engines, sqlitePath, withTestDatabase } from "../support/databases.ts";
import { startSqld } from "../support/servers/sqld_server.ts";
import { sql } from "../support/user_sql.ts";

/** Runs work with a new database and what analyzes it: a libSQL server refuses to, though its file may have been. */
async function withDatabase(
  engine: Engine,
  work: (url: string, analyze: () => void) => Promise<void>,
): Promise<void> {
  const analyze = (path: string) => () => {
    const file = new DatabaseSync(path);
    file.exec("ANALYZE");
    file.close();
  };
  if (engine.name === "sqlite file") {
    return await engine.withDatabase((url) => work(url, analyze(sqlitePath(url))));
  }
  const server = await startSqld();
  try {
    await work(server.url, analyze(server.file));
  } finally {
    await server.stop();
  }
}

/** What ANALYZE found out, in one order. */
async function statistics(engine: Engine, url: string): Promise<readonly string[]> {
  const tables = await engine.query(url, "SELECT name FROM sqlite_schema WHERE name LIKE 'sqlite_stat_'");
  const rows = await Promise.all(tables.map(({ name }) => {
    const rest = name === "sqlite_stat1" ? "stat" : "neq || ' ' || nlt || ' ' || ndlt || ' ' || hex(sample)";
    return engine.query(url, `SELECT concat_ws(' ', '${name}', tbl, idx, ${rest}) AS row FROM ${name}`);
  }));
  return rows.flat().map(({ row }) => String(row)).toSorted();
}

const tables = [
  "CREATE TABLE t (id INTEGER PRIMARY KEY, a TEXT UNIQUE, b INTEGER, c INTEGER)",
  "CREATE INDEX tb ON t (b)",
  "CREATE INDEX tc ON t (c, b)",
  "CREATE TABLE u (k TEXT PRIMARY KEY, v INTEGER) WITHOUT ROWID",
  "CREATE TABLE bare (v INTEGER)",
  "INSERT INTO t (a, b, c) VALUES ('x', 1, 1), ('y', 1, 2), ('z', 2, 2)",
  "INSERT INTO u VALUES ('x', 1)",
  "INSERT INTO bare VALUES (1), (2)",
];
const copy = (name: string, text: string) => [
  `CREATE TABLE __new_${name} ${text}`,
  `INSERT INTO __new_${name} SELECT * FROM ${name}`,
  `DROP TABLE ${name}`,
  `ALTER TABLE __new_${name} RENAME TO ${name}`,
];

// One row a rule: what runs, and how the statistics are to be told afterwards from those of before.
const cases:
  readonly (readonly [rule: string, batch: readonly string[], change: (row: string) => string | null])[] = [
    ["of tables that are copied", [
      ...copy("t", "(id INTEGER PRIMARY KEY, a TEXT UNIQUE, b INTEGER NOT NULL, c INTEGER)"),
      ...copy("u", "(k TEXT PRIMARY KEY, v INTEGER NOT NULL) WITHOUT ROWID"),
      ...copy("bare", "(v INTEGER NOT NULL)"),
    ], (row) => row],
    ["of an index that is made again", [
      "DROP INDEX tb",
      "CREATE UNIQUE INDEX tb ON t (b, id)",
      "DROP INDEX tc",
    ], (row) => / t t[bc] /.test(row) ? null : row],
    [
      "of an index of the same columns",
      ["DROP INDEX tb", "CREATE INDEX tb ON t (b) WHERE b > 0"],
      (row) => row,
    ],
    ["of a table and a column that get other names", [
      "ALTER TABLE t RENAME TO w",
      "ALTER TABLE w RENAME COLUMN b TO bb",
    ], (row) => row.replace(" t ", " w ").replace("autoindex_t_", "autoindex_w_")],
    ["but not of a table that goes", ["DROP TABLE bare"], (row) => / bare /.test(row) ? null : row],
    ["but not against what the batch found out itself", [
      "DROP INDEX tb",
      "CREATE INDEX tb ON t (b)",
      "DELETE FROM bare WHERE v = 1",
      "ANALYZE bare",
    ], (row) => row.replace(" bare 2", " bare 1")],
  ];

for (const engine of engines.filter(({ dialect }) => dialect === "sqlite")) {
  for (const [rule, batch, change] of cases) {
    if (engine.name === "libsql" && batch.includes("ANALYZE bare")) continue;
    test(`${engine.name}: a batch keeps the planner's statistics ${rule}`, () =>
      withDatabase(engine, (url, analyze) =>
        withTestDatabase(url, async (database) => {
          for (const statement of tables) await engine.query(url, statement);
          analyze();
          const before = await statistics(engine, url);
          assert.ok(before.length >= 5, before.join("\n"));
          await database.write(batch.map((text) => sql.raw(text)), "schema");
          assert.deepEqual(
            await statistics(engine, url),
            before.flatMap((row) => change(row) ?? []).toSorted(),
          );
        })));
  }

  test(`${engine.name}: an upgrade and a downgrade leave the planner's statistics as they were`, () =>
    withDatabase(engine, async (url, analyze) => {
      const go = (direction: "upgrade" | "downgrade", text: string) =>
        withContext(url, (context) => migrate(context, { goal: { direction, text }, lockWaitMs: 0 }));
      await go("upgrade", "f27bd10b7ec4");
      await addFiles(engine, url, 30);
      analyze();
      const ofOurs = async () => (await statistics(engine, url)).filter((row) => !row.includes("harbor_"));
      const before = await ofOurs();
      assert.ok(before.some((row) => row.includes("ix_files_uuid")));
      await go("upgrade", "head");
      assert.deepEqual(await ofOurs(), before);
      await go("downgrade", "-1");
      assert.deepEqual(await ofOurs(), before);
    }));
}
