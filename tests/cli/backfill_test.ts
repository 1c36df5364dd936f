import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import { addFiles, initial, valueOf } from "../support/samples/application.ts";
import { driverEngines, withFolder } from "../support/databases.ts";
import { runCli } from "../support/run_cli.ts";
import { writeSecondRevision } from "../support/samples/second_revision.ts";

const files = 12_000;

const fills = {
  up:
    `-- Fill\n-- harbor:backfill table=files key=id\nUPDATE "files" SET "thumbnail_path" = 'none' WHERE "thumbnail_path" IS NULL;\n`,
};

const cases: Readonly<Record<string, readonly number[]>> = {
  "nothing": [],
  "only the first row": [1],
  "only the last row": [files],
  "a few rows far apart": [1, 777, 5_000, 5_001, files - 1, files],
};

for (const engine of driverEngines) {
  for (const [what, ids] of Object.entries(cases)) {
    test(`a backfill that has ${what} to change changes that, and says how much (${engine.name})`, () =>
      engine.withDatabase((url) =>
        withFolder(async (cwd) => {
          await writeSecondRevision(join(cwd, "drizzle"), fills);
          const env = { DATABASE_URL: url, HARBOR_DB_DIR: join(cwd, "drizzle") };
          assert.equal((await runCli(["upgrade", initial], { env, cwd })).code, 0);
          await addFiles(engine, url, files);
          await engine.query(url, "UPDATE files SET thumbnail_path = 'there'");
          if (ids.length > 0) {
            await engine.query(url, `UPDATE files SET thumbnail_path = NULL WHERE id IN (${ids})`);
          }
          const result = await runCli(["upgrade", "--no-backup", "--json"], { env, cwd });
          assert.equal(result.code, 0, result.stdout + result.stderr);
          const { steps: [step] } = result.json<{ steps: { backfills: { rows: number }[] }[] }>();
          assert.equal(step!.backfills[0]!.rows, ids.length);
          const count = (value: string) =>
            valueOf(engine, url, `SELECT count(*) FROM files WHERE thumbnail_path = '${value}'`);
          assert.deepEqual([await count("none"), await count("there")], [
            String(ids.length),
            String(files - ids.length),
          ]);
        })
      ));
  }
  test(`a batched DELETE deletes what its condition says and no other row (${engine.name})`, () =>
    engine.withDatabase((url) =>
      withFolder(async (cwd) => {
        const condition = "id % 3 = 0 AND thumbnail_path IS NULL";
        await writeSecondRevision(join(cwd, "drizzle"), {
          up: `-- Delete\n-- harbor:batches table=files key=id\nDELETE FROM "files" WHERE ${condition};\n`,
        });
        const env = { DATABASE_URL: url, HARBOR_DB_DIR: join(cwd, "drizzle") };
        assert.equal((await runCli(["upgrade", initial], { env, cwd })).code, 0);
        await addFiles(engine, url, files);
        await engine.query(url, "UPDATE files SET thumbnail_path = 'kept' WHERE id = 6");
        const result = await runCli(["upgrade", "--no-backup", "--json"], { env, cwd });
        assert.equal(result.code, 0, result.stdout + result.stderr);
        type Backfills = { rows: number; batches: number; deletes?: boolean }[];
        const { steps: [step] } = result.json<{ steps: { backfills: Backfills }[] }>();
        const [{ rows, batches, deletes }] = step!.backfills as [Backfills[number]];
        assert.deepEqual([rows, deletes, batches > 1], [files / 3 - 1, true, true]);
        const count = (where: string) => valueOf(engine, url, `SELECT count(*) FROM files WHERE ${where}`);
        assert.deepEqual([await count("TRUE"), await count("id % 3 = 0")], [String(files * 2 / 3 + 1), "1"]);
      })
    ));
}
