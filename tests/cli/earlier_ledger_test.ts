import assert from "node:assert/strict";
import { test } from "node:test";
import { driverEngines, withFolder } from "../support/databases.ts";
import { runCli } from "../support/run_cli.ts";
import { addFiles } from "../support/samples/application.ts";

/**
 * The tables in which the first harbor-db in use kept its state. Databases have them; binaries of that time, which are kept
 * for a way back, read and write them.
 */
const earlier: Readonly<Record<string, readonly string[]>> = {
  harbor_version: [
    "revision VARCHAR(32) NOT NULL PRIMARY KEY",
    "name TEXT NOT NULL",
    "checksum VARCHAR(64) NOT NULL",
    "direction VARCHAR(9) NOT NULL",
    "statements_done INTEGER NOT NULL",
    "started_at VARCHAR(30) NOT NULL",
    "finished_at VARCHAR(30)",
    "ms INTEGER",
    "applied_by VARCHAR(40) NOT NULL",
    "origin VARCHAR(10) NOT NULL",
  ],
  harbor_backfill: [
    "revision VARCHAR(32) NOT NULL",
    "statement INTEGER NOT NULL",
    "table_name TEXT NOT NULL",
    "last_key TEXT",
    "end_key TEXT",
    "row_count BIGINT NOT NULL",
    "batches INTEGER NOT NULL",
    "longest_batch_ms INTEGER NOT NULL",
    "started_at VARCHAR(30) NOT NULL",
    "finished_at VARCHAR(30)",
    "PRIMARY KEY (revision, statement)",
  ],
};

/** How many statements of 5b09ebe23c76 there are up to both columns. */
const doneHalfWay = { sqlite: 2, postgresql: 3 };

const columnsOf = (lines: readonly string[]) =>
  lines.filter((line) => !line.startsWith("PRIMARY")).map((line) => line.split(" ")[0]!);

for (const engine of driverEngines) {
  test(`${engine.name}: a database that the first harbor-db left half way goes on, forth and back`, () =>
    engine.withDatabase((url) =>
      withFolder(async (cwd) => {
        const run = async (...args: readonly string[]) => {
          const result = await runCli([...args, "--database-url", url, "--yes"], { cwd });
          assert.equal(result.code, 0, result.stdout + result.stderr);
          return result.stdout;
        };
        await run("upgrade", "71dda59686db");
        await addFiles(engine, url, 20);
        // As it would be: the tables of that time with the rows of this, and none of what came later.
        for (const [table, lines] of Object.entries(earlier)) {
          await engine.query(url, `ALTER TABLE ${table} RENAME TO kept`);
          await engine.query(url, `CREATE TABLE ${table} (${lines.join(", ")})`);
          const columns = columnsOf(lines).join(", ");
          await engine.query(url, `INSERT INTO ${table} (${columns}) SELECT ${columns} FROM kept`);
          await engine.query(url, "DROP TABLE kept");
        }
        await engine.query(url, "DROP TABLE harbor_identity");
        const [{ checksum } = { checksum: "" }] = JSON.parse(await run("history", "--json")).revisions
          .filter(({ revision }: { readonly revision: string }) => revision === "5b09ebe23c76");
        await engine.query(url, 'ALTER TABLE "files" ADD "storage_backend" VARCHAR(20)');
        await engine.query(url, 'ALTER TABLE "files" ADD "metadata_json" TEXT');
        await engine.query(
          url,
          `INSERT INTO harbor_version VALUES ('5b09ebe23c76', 'Add R2 storage fields', '${checksum}', 'upgrade', ${
            doneHalfWay[engine.dialect]
          },
            '2026-11-22T10:00:00.000Z', NULL, NULL, '0.1.0', 'run')`,
        );
        assert.match(await run("status"), /half way|unfinished|stopped/);
        await run("upgrade");
        const [filled] = await engine.query(
          url,
          "SELECT count(*) AS n FROM files WHERE storage_backend = 'local'",
        );
        assert.equal(Number(filled!["n"]), 20);
        await run("verify", "--skip", "backup");
        await run("downgrade", "71dda59686db");
        assert.match(await run("current"), /71dda59686db/);
      })
    ));

  test(`${engine.name}: the first harbor-db finds in a database of this one all that it reads`, () =>
    engine.withDatabase((url) =>
      withFolder(async (cwd) => {
        const { code, stderr } = await runCli(["upgrade", "--database-url", url], { cwd });
        assert.equal(code, 0, stderr);
        for (const [table, lines] of Object.entries(earlier)) {
          const names = columnsOf(lines);
          // It writes these columns and no others, so that no other one may ask for a value.
          await engine.query(
            url,
            `INSERT INTO ${table} (${names.join(", ")}) SELECT ${
              names.map((name) => name === "revision" ? "'0123456789ab'" : name === "statement" ? "77" : name)
                .join(", ")
            } FROM ${table} LIMIT 1`,
          );
          const rows = await engine.query(url, `SELECT * FROM ${table} WHERE revision = '0123456789ab'`);
          assert.equal(rows.length, 1);
        }
      })
    ));
}
