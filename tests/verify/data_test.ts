import type { Found } from "../../src/base/finding.ts";
import assert from "node:assert/strict";
import { test } from "node:test";
import { HarborError } from "../../src/base/errors.ts";
import type { CheckContext } from "../../src/verify/checks/check.ts";
import { dataCheck } from "../../src/verify/checks/data.ts";
import { readSchemas } from "../../src/verify/checks/read_schemas.ts";
import { driverEngines, engines, withTestDatabase } from "../support/databases.ts";
import { rejectsWith } from "../support/harbor_error.ts";
import { projectFile } from "../support/project.ts";
import { readHistory } from "../../src/history/read_history.ts";
import { inEachWay, withHealthy } from "../support/verified.ts";

// One row a rule: what is broken, with which statement, the rule that finds it, how many rows and which.
const everywhere = [
  [
    "storage_backend is NULL",
    "UPDATE files SET storage_backend = NULL WHERE id IN (4, 5)",
    "storage_backend_missing",
    [4, 5],
  ],
  [
    "storage_backend is unknown",
    "UPDATE files SET storage_backend = 'ftp' WHERE id = 7",
    "storage_backend_unknown",
    [7],
  ],
  [
    "a local file has the path of r2",
    "UPDATE files SET storage_path = 'collections/c-1/x' WHERE id = 1",
    "storage_path_mismatch",
    [1],
  ],
  [
    "an r2 file has a local path",
    "UPDATE files SET storage_path = 'uploads/c-1/x' WHERE id = 3",
    "storage_path_mismatch",
    [3],
  ],
  [
    "a path differs in its case only",
    "UPDATE files SET storage_path = 'Uploads/c-1/x' WHERE id = 1",
    "storage_path_mismatch",
    [1],
  ],
  [
    "metadata is no JSON",
    "UPDATE files SET metadata_json = '{\"upload_method' WHERE id = 1",
    "metadata_not_json",
    [1],
  ],
  [
    "metadata of r2 has no bucket",
    'UPDATE files SET metadata_json = \'{"upload_method": "multipart"}\' WHERE id = 3',
    "metadata_shape",
    [3],
  ],
  [
    "metadata of r2 counts in text",
    'UPDATE files SET metadata_json = \'{"upload_method": "multipart", "r2_bucket": "b", "parts_count": "3", "part_size": 5}\' WHERE id = 3',
    "metadata_shape",
    [3],
  ],
  ["metadata of r2 is a list", "UPDATE files SET metadata_json = '[]' WHERE id = 3", "metadata_shape", [3]],
  ["metadata is empty", "UPDATE files SET metadata_json = '' WHERE id = 1", "metadata_empty", [1]],
  ["a size is negative", "UPDATE files SET size = -1 WHERE id = 9", "size_negative", [9]],
  ["two files share a uuid", "UPDATE files SET uuid = 'f-1' WHERE id = 8", "duplicates", [1, 8]],
] as const;

for (const engine of driverEngines) {
  test(`data: each way to break a rule of the application is found with its rows (${engine.name})`, () =>
    withHealthy(
      engine,
      (healthy) =>
        inEachWay(healthy, { table: "files", ways: everywhere }, async ([, , rule, ids]) => {
          const { findings } = await healthy.verify(["data"]);
          assert.deepEqual(
            findings.map((
              { status, details },
            ) => [status, details["rule"], details["count"], details["ids"]]),
            [[rule === "metadata_empty" ? "warn" : "fail", rule, ids.length, [...ids]]],
          );
        }),
    ));

  test(`data: two users share an e-mail address, which is not shown (${engine.name})`, () =>
    withHealthy(engine, async ({ query, verify }) => {
      await query(
        "INSERT INTO users (id, uuid, email, password_hash, created_at) SELECT 2, 'u-2', email, password_hash, created_at FROM users",
      );
      const verification = await verify(["data"]);
      const [finding] = verification.findings;
      assert.equal(finding?.status, "fail");
      assert.deepEqual([finding?.details["rule"], finding?.details["ids"]], ["duplicates", [1, 2]]);
      assert.doesNotMatch(JSON.stringify(verification), /example\.org/);
    }));

  test(`data: more ids than are shown are counted (${engine.name})`, () =>
    withHealthy(engine, async ({ query, verify }) => {
      await query("UPDATE files SET storage_backend = NULL WHERE id > 20");
      const { findings } = await verify(["data"]);
      assert.deepEqual([findings[0]?.details["count"], findings[0]?.details["ids"]], [10, [
        21,
        22,
        23,
        24,
        25,
      ]]);
      assert.match(
        findings[0]!.message,
        /^10 rows of files have no storage_backend.*\(id 21, 22, 23, 24, 25, …\)$/,
      );
    }));

  test(`data: nothing is wrong with 20,000 files (${engine.name})`, () =>
    withHealthy(engine, async ({ verify }) => {
      const { findings } = await verify();
      assert.deepEqual(findings.map(({ check, status }) => [check, status]), [
        ["history", "pass"],
        ["schema", "pass"],
        // amcheck is not installed; clusters have checksums from PostgreSQL 18 on.
        ...engine.dialect === "postgresql" ? [["integrity", "warn"]] : [],
        ...engine.name === "postgres 15" ? [["integrity", "warn"]] : [],
        ["integrity", "pass"],
        ["data", "pass"],
      ], JSON.stringify(findings, null, 1));
      assert.match(findings.at(-1)!.message, /20\u00a0000 rows of files/);
    }, 20_000));

  test(`data: what the time did not suffice for is not checked (${engine.name})`, () =>
    withHealthy(engine, async ({ query, verify }) => {
      await query("UPDATE files SET size = 1 WHERE id = 2");
      const { findings, summary } = await verify(["data"], { maxDurationMs: 10 });
      assert.equal(summary.error, 1, JSON.stringify(findings));
      assert.equal(summary.pass, 0);
      assert.match(findings.at(-1)!.message, /not checked to the end: .* 0\.01 s/);
    }, 20_000));
}

test("data: what was found before the time was up is kept, and it says how far it came (sqlite file)", () =>
  withHealthy(engines[0]!, async ({ url, query }) => {
    await query("UPDATE files SET size = -1 WHERE id IN (7, 4000)");
    await withTestDatabase(url, async (database) => {
      let slices = 0;
      const over = new HarborError(
        "check_failed",
        'Cannot finish "verify": the 1 s that it may take are over',
        {
          details: { timeUp: true },
        },
      );
      const context = {
        database: () => Promise.resolve(database),
        schema: () => database.introspect(),
        state: () => Promise.resolve({ applied: [] }),
        history: () => Promise.resolve(readHistory(projectFile("drizzle"), "sqlite")),
        schemas: () => Promise.resolve(readSchemas(readHistory(projectFile("drizzle"), "sqlite"))),
        // Users, collections with their duplicates, and the first slice of files.
        pace: { next: () => ++slices > 6 ? Promise.reject(over) : Promise.resolve() },
      } as unknown as CheckContext;
      const found: Found[] = [];
      const error = await rejectsWith(
        "check_failed",
        (async () => {
          for await (const each of dataCheck.run(context)) found.push(each);
        })(),
      );
      assert.deepEqual(found.map(({ details }) => [details["rule"], details["ids"]]), [["size_negative", [
        7,
      ]]]);
      assert.deepEqual([error.details["table"], error.details["rows"]], ["files", 2000]);
    });
  }, 5_000));

const wrongForms = [
  [
    "a date and time with a T",
    "UPDATE files SET created_at = '2025-09-25T13:06:54.566933' WHERE id = 6",
    "created_at",
  ],
  [
    "a date and time with three digits",
    "UPDATE files SET created_at = '2025-09-25 13:06:54.566' WHERE id = 6",
    "created_at",
  ],
  ["the 30th of February", "UPDATE files SET created_at = '2025-02-30 13:06:54' WHERE id = 6", "created_at"],
  ["a time of 24 o'clock", "UPDATE files SET created_at = '2025-09-25 24:00:00' WHERE id = 6", "created_at"],
  [
    "a date and time with a zone",
    "UPDATE files SET created_at = '2025-09-25 13:06:54Z' WHERE id = 6",
    "created_at",
  ],
  ["the year 0", "UPDATE files SET created_at = '0000-01-01 00:00:00' WHERE id = 6", "created_at"],
  ["bytes for a date", "UPDATE files SET created_at = x'00' WHERE id = 6", "created_at"],
  [
    "no digits behind the point",
    "UPDATE files SET created_at = '2025-09-25 13:06:54.56692x' WHERE id = 6",
    "created_at",
  ],
  ["the word now", "UPDATE files SET created_at = 'now' WHERE id = 6", "created_at"],
  ["a date and time in seconds", "UPDATE files SET created_at = 1758805614 WHERE id = 6", "created_at"],
  [
    "a date and time with more behind a zero byte",
    "UPDATE files SET created_at = '2025-09-25 13:06:54' || char(0) || 'x' WHERE id = 6",
    "created_at",
  ],
  ["a boolean as text", "UPDATE files SET upload_complete = 'true' WHERE id = 6", "upload_complete"],
  ["a boolean of 2", "UPDATE files SET upload_complete = 2 WHERE id = 6", "upload_complete"],
  ["a size in words", "UPDATE files SET size = 'large' WHERE id = 6", "size"],
  ["a name in bytes", "UPDATE files SET filename = x'00ff' WHERE id = 6", "filename"],
  ["a name in no bytes", "UPDATE files SET filename = x'' WHERE id = 6", "filename"],
] as const;

for (const engine of engines.filter(({ dialect }) => dialect === "sqlite")) {
  test(`data: a value in another form than the application writes is found by its column (${engine.name})`, () =>
    withHealthy(
      engine,
      (healthy) =>
        inEachWay(healthy, { table: "files", ways: wrongForms }, async ([, , column]) => {
          const { findings } = await healthy.verify(["data"]);
          assert.deepEqual(
            findings.map(({ status, details }) => [status, details["rule"], details["ids"]]),
            [["fail", "wrong_form", [6]]],
          );
          assert.match(findings[0]!.message, new RegExp(`in ${column} `));
        }),
    ));

  test(`data: rows whose parent is gone (${engine.name})`, () =>
    withHealthy(engine, async ({ url, verify }) => {
      await engine.queryUnchecked(url, "DELETE FROM collections");
      const { findings } = await verify(["data"]);
      assert.deepEqual(findings.map(({ details }) => [details["rule"], details["table"], details["count"]]), [
        ["orphans", "files", 30],
      ]);
    }));

  test(`data: texts that are not UTF-8, also where they look like other characters (${engine.name})`, () =>
    withHealthy(engine, async ({ query, verify }) => {
      // Latin-1; a lone byte; half a character; one written too long; one with three bytes of which the second is a letter's.
      for (
        const [id, hex] of [[2, "4BF66368"], [3, "80"], [4, "E282"], [5, "C0AF"], [6, "E98041"]] as const
      ) {
        await query(`UPDATE files SET filename = CAST(x'${hex}' AS TEXT) WHERE id = ${id}`);
      }
      await query("UPDATE files SET filename = 'Küche 🌊 ' || char(0xFFFD, 0xFFFE, 0x85) WHERE id = 7");
      const { findings } = await verify(["data"]);
      assert.deepEqual(
        findings.map(({ status, details }) => [status, details["rule"], details["ids"]]),
        [["fail", "not_utf8", [2, 3, 4, 5, 6]]],
      );
      assert.match(findings[0]!.message, /5 rows of files have in filename a text that is not UTF-8/);
    }));

  test(`data: one text alone that is not UTF-8 is found wherever it stands (${engine.name})`, () =>
    withHealthy(engine, async ({ query, verify }) => {
      const ids = async () =>
        (await verify(["data"])).findings.map(({ details }) => [details["rule"], details["ids"] ?? null]);
      const put = (column: string, sql: string) => query(`UPDATE files SET ${column} = ${sql} WHERE id = 9`);
      // One character in two columns that are read one after the other, then in a row of many bytes.
      await put("filename", "CAST(x'4BC3' AS TEXT)");
      await put("original_filename", "CAST(x'BC63' AS TEXT)");
      assert.deepEqual(await ids(), [["not_utf8", [9]], ["not_utf8", [9]]]);
      await put("filename", "CAST(x'4BC3' AS TEXT) || hex(zeroblob(2000))");
      await put("original_filename", "hex(zeroblob(2000))");
      assert.deepEqual(await ids(), [["not_utf8", [9]]]);
      await put("filename", "CAST(x'6100FF62' AS TEXT)");
      assert.deepEqual(await ids(), [["not_utf8", [9]]]);
      await put("filename", "CAST(x'6100FF62' AS TEXT) || hex(zeroblob(2000))");
      assert.deepEqual(await ids(), [["not_utf8", [9]]]);
      await put("filename", "'Küche' || char(0) || hex(zeroblob(2000))");
      assert.deepEqual(await ids(), [[undefined, null]]);
    }));

  test(`data: what is wrong in a later slice is found there (${engine.name})`, () =>
    withHealthy(engine, async ({ url, query, verify }) => {
      const ids = async () =>
        (await verify(["data"])).findings.map(({ details }) => [details["rule"], details["ids"]]);
      await query("UPDATE files SET size = -1, filename = x'00ff' WHERE id IN (4000, 4001, 9000)");
      await engine.queryUnchecked(url, "UPDATE files SET collection_id = 99 WHERE id = 9000");
      assert.deepEqual(await ids(), [
        ["size_negative", [4000, 4001, 9000]],
        ["wrong_form", [4000, 4001, 9000]],
        ["orphans", [9000]],
      ]);
      await query("UPDATE files SET size = 1, filename = 'a', collection_id = 1");
      await query("UPDATE files SET filename = CAST(x'4BC3' AS TEXT) WHERE id = 4000");
      await query(
        "UPDATE files SET filename = 'Küche', original_filename = CAST(x'BC63' AS TEXT) || hex(zeroblob(2000)) WHERE id = 4001",
      );
      assert.deepEqual(await ids(), [["not_utf8", [4000]], ["not_utf8", [4001]]]);
      await query(
        "UPDATE files SET filename = 'Küche' || hex(zeroblob(2000)), original_filename = 'Küche' WHERE id IN (4000, 4001)",
      );
      assert.deepEqual(await ids(), [[undefined, undefined]]);
    }, 10_000));

  test(`data: dates without a fraction and absent values are right (${engine.name})`, () =>
    withHealthy(engine, async ({ query, verify }) => {
      await query("UPDATE files SET created_at = '2024-02-29 13:06:54', upload_complete = NULL WHERE id = 6");
      await query("UPDATE files SET created_at = '2024-12-31 23:59:59.999999' WHERE id = 7");
      assert.deepEqual((await verify(["data"])).findings.map(({ status }) => status), ["pass"]);
    }));
}

for (const engine of engines.filter(({ dialect }) => dialect === "postgresql")) {
  test(`data: rows whose parent is gone (${engine.name})`, () =>
    withHealthy(engine, async ({ query, verify }) => {
      await query("ALTER TABLE files DROP CONSTRAINT files_collection_id_fkey");
      await query("DELETE FROM collections");
      await query(
        "ALTER TABLE files ADD CONSTRAINT files_collection_id_fkey FOREIGN KEY (collection_id) REFERENCES collections (id) NOT VALID",
      );
      const { findings } = await verify(["data"]);
      assert.deepEqual(findings.map(({ details }) => [details["rule"], details["table"], details["count"]]), [
        ["orphans", "files", 30],
      ]);
    }));

  test(`data: a time that Python has no room for (${engine.name})`, () =>
    withHealthy(engine, async ({ query, verify }) => {
      await query("UPDATE files SET created_at = 'infinity' WHERE id = 6");
      const { findings } = await verify(["data"]);
      assert.deepEqual(findings.map(({ details }) => [details["rule"], details["ids"]]), [["wrong_form", [
        6,
      ]]]);
    }));
}
