import assert from "node:assert/strict";
import { copyFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { DatabaseSync } from "node:sqlite";
import { withFolder } from "../support/databases.ts";
import { runCli } from "../support/run_cli.ts";

// One row a state in which somebody left harbor-db's own tables: what, the statement.
const states = [
  ["dates that are none", "UPDATE harbor_version SET started_at = 'garbage', finished_at = 'nonsense'"],
  [
    "dates that are bytes",
    "UPDATE harbor_version SET started_at = x'00ff', finished_at = x'00ff', applied_by = x'01'",
  ],
  ["names that are bytes", "UPDATE harbor_version SET name = x'00ff', checksum = x'00', direction = 7"],
  ["numbers that are words", "UPDATE harbor_version SET statements_done = 'many', ms = 'long'"],
  [
    "a lock from no time",
    "UPDATE harbor_lock SET acquired_at = 9e18, expires_at = 9e18, token = 'x', owner = x'ff'",
  ],
  ["an identity that is bytes", "UPDATE harbor_identity SET identity = x'00ff'"],
  ["an identity that is none", "UPDATE harbor_identity SET identity = '../../etc'"],
  [
    "a lock since a word",
    "UPDATE harbor_lock SET acquired_at = 'garbage', expires_at = 'later', token = 'x'",
  ],
  [
    "backfills that are none",
    `INSERT INTO harbor_backfill VALUES('5b09ebe23c76', 0, 'files', 'x', 'y', 'many', 'b', 'z', x'00', NULL);
INSERT INTO harbor_backfill VALUES('5b09ebe23c76', 'one', 'files', x'00', 1, 9e99, 9223372036854775807, 'z', x'01', NULL)`,
  ],
] as const;

/** What shows most of them, in words as well. */
const reading = ["status", "history"];

for (const [what, statement] of states) {
  test(`${what} in harbor-db's own tables are no defect of harbor-db`, () =>
    withFolder(async (cwd) => {
      assert.equal((await runCli(["upgrade"], { cwd })).code, 0);
      const path = join(cwd, "openharbor.db");
      const database = new DatabaseSync(path);
      database.exec(statement);
      database.close();
      await copyFile(path, join(cwd, "as-left.db"));
      const commands = [
        ["status"],
        ["current"],
        ["history", "--verbose"],
        ["verify", "--skip", "backup"],
        ["upgrade"],
        ["downgrade", "-1", "--yes"],
        ["stamp", "head", "--yes"],
        ["backup"],
      ];
      for (const args of commands) {
        const { stdout, stderr } = await runCli([...args, "--json", "--lock-wait", "0"], { cwd });
        assert.doesNotMatch(stdout + stderr, /"internal"|defect|itself failed/, args.join(" "));
        assert.doesNotThrow(() => JSON.parse(stdout), args.join(" "));
        if (reading.includes(args[0]!)) {
          const words = await runCli([...args, "--lock-wait", "0"], { cwd });
          assert.doesNotMatch(words.stdout + words.stderr, /defect|itself failed/, args.join(" "));
        }
        await copyFile(join(cwd, "as-left.db"), path);
      }
    }));
}

test("verify --json writes an id beyond 2^53 as it is", () =>
  withFolder(async (cwd) => {
    assert.equal((await runCli(["upgrade"], { cwd })).code, 0);
    const database = new DatabaseSync(join(cwd, "openharbor.db"));
    database.exec("PRAGMA foreign_keys = OFF");
    database.exec(
      "INSERT INTO files (id, uuid, filename, original_filename, mime_type, size, storage_path, created_at, collection_id) VALUES (9007199254740993, 'u', 'f', 'f', 'm', 1, 'p', 'no date', 9007199254740995)",
    );
    database.close();
    const result = await runCli(["verify", "--skip", "backup", "--json", "--report", "r.html"], { cwd });
    assert.equal(result.code, 3, result.stderr);
    assert.match(JSON.stringify(result.json()["findings"]), /9007199254740993/);
  }));

// One row a table that every command reads.
for (const table of ["harbor_version", "HARBOR_Lock", "alembic_version"]) {
  test(`a view without an end in the place of ${table} holds nobody up, and is named`, () =>
    withFolder(async (cwd) => {
      assert.equal((await runCli(["upgrade"], { cwd })).code, 0);
      assert.equal((await runCli(["backup"], { cwd })).code, 0);
      const database = new DatabaseSync(join(cwd, "openharbor.db"));
      database.exec(`DROP TABLE IF EXISTS ${table}; CREATE VIEW ${table} AS
        WITH RECURSIVE n (revision) AS (SELECT 1 UNION ALL SELECT revision + 1 FROM n) SELECT * FROM n`);
      database.close();
      for (const args of [["status"], ["upgrade"], ["backup"]]) {
        const { code, stderr } = await runCli(args, { cwd });
        assert.equal(code, 1, stderr);
        assert.match(stderr, new RegExp(`${table} is a view`));
        assert.match(stderr, new RegExp(`DROP VIEW "${table}"`));
      }
      assert.equal((await runCli(["verify", "--skip", "backup"], { cwd })).code, 3);
      // The way back goes past it.
      const back = await runCli(["restore", "latest", "--yes"], { cwd });
      assert.equal(back.code, 0, back.stderr);
      assert.equal((await runCli(["status", "--exit-code"], { cwd })).code, 0);
    }));
}
