import assert from "node:assert/strict";
import { setTimeout as sleep } from "node:timers/promises";
import { test } from "node:test";
import { addFiles, initial, storageFields, valueOf, whenFree } from "../support/samples/application.ts";
import { driverEngines, type Engine, withFolder, withTestDatabase } from "../support/databases.ts";
import { runCli, startCli } from "../support/run_cli.ts";

const files = 20_000;

interface Saved {
  readonly last_key: string | null;
  readonly batches: number;
}

/** Makes a database at the first revision with files in it. */
async function prepare(engine: Engine, url: string): Promise<void> {
  const result = await runCli(["upgrade", initial], { env: { DATABASE_URL: url } });
  assert.equal(result.code, 0, result.stderr);
  await addFiles(engine, url, files);
}

async function savedOf(engine: Engine, url: string): Promise<Saved | undefined> {
  const rows = await engine.query(url, "SELECT last_key, batches FROM harbor_backfill").catch(() => []);
  return rows[0] as Saved | undefined;
}

async function assertComplete(engine: Engine, url: string): Promise<void> {
  assert.equal(
    await valueOf(engine, url, "SELECT count(*) FROM files WHERE storage_backend = 'local'"),
    String(files),
  );
  assert.equal(await valueOf(engine, url, "SELECT count(*) FROM files"), String(files));
  assert.equal(
    await valueOf(
      engine,
      url,
      `SELECT count(*) FROM harbor_version WHERE finished_at IS NOT NULL AND revision = '${storageFields}'`,
    ),
    "1",
  );
}

for (const engine of driverEngines) {
  test(`kill -9 at any moment leaves what the next run completes, from where it stopped (${engine.name})`, () =>
    engine.withDatabase((url) =>
      withFolder(async (cwd) => {
        await prepare(engine, url);
        const env = { DATABASE_URL: url };
        let furthest = 0;
        for (const delayMs of [0, 40, 150]) {
          const running = startCli(["upgrade", storageFields], { env, cwd });
          await Promise.race([running.until(/upgrading 5b09/), running.result]).catch(() => {});
          await sleep(delayMs);
          running.kill("SIGKILL");
          await running.result;
          const saved = await savedOf(engine, url);
          const key = Number(saved?.last_key ?? 0);
          assert.ok(key >= furthest, `the cursor went back from ${furthest} to ${key}`);
          furthest = key;
        }
        const last = await runCli(["upgrade", storageFields, "--json"], { env, limitMs: 90_000 });
        assert.equal(last.code, 0, last.stdout + last.stderr);
        await assertComplete(engine, url);
        const status = (await runCli(["status", "--json"], { env })).json<Record<string, unknown>>();
        assert.deepEqual([status["lock"], status["unfinished"], status["backfills"]], [null, null, []]);
      })
    ));

  test(`Ctrl-C ends the batch, says what is left and exits with 130; the next run goes on (${engine.name})`, () =>
    engine.withDatabase((url) =>
      withFolder(async (cwd) => {
        await prepare(engine, url);
        const env = { DATABASE_URL: url };
        const running = startCli(["upgrade", storageFields, "--json"], { env, cwd });
        await running.until(/upgrading 5b09/);
        running.kill("SIGINT");
        const { code, stdout, stderr, json } = await running.result;
        assert.equal(code, 130, stdout + stderr);
        const { ok, error } = json<
          { ok: boolean; error: { code: string; details: Record<string, unknown> } }
        >();
        assert.deepEqual([ok, error.code, error.details["revision"]], [false, "interrupted", storageFields]);
        const saved = await savedOf(engine, url);
        const status = (await runCli(["status", "--json"], { env }))
          .json<{ unfinished: { revision: string } | null; backfills: unknown[]; lock: unknown }>();
        assert.equal(status.lock, null);
        assert.equal(status.backfills.length, saved === undefined ? 0 : 1);
        const last = await runCli(["upgrade", storageFields], { env });
        assert.equal(last.code, 0, last.stderr);
        await assertComplete(engine, url);
      })
    ));

  test(`the backfill leaves no NULL behind while others insert and update (${engine.name})`, () =>
    engine.withDatabase((url) =>
      withFolder(async (cwd) => {
        await prepare(engine, url);
        const running = startCli(["upgrade", storageFields], { env: { DATABASE_URL: url }, cwd });
        let inserted = 0;
        let ended = false;
        const result = running.result.finally(() => ended = true);
        while (!ended) {
          inserted++;
          await whenFree(() =>
            engine.query(
              url,
              `INSERT INTO files (uuid, filename, original_filename, mime_type, size, storage_path, created_at, collection_id) VALUES ('new-${inserted}', 'a', 'a', 'a', 1, 'uploads/c-1/a', '2025-09-25 13:06:54.566933', 1)`,
            )
          );
          await whenFree(() => engine.query(url, `UPDATE files SET size = size + 1 WHERE id = ${inserted}`));
          await sleep(5);
        }
        const { code, stderr } = await result;
        assert.equal(code, 0, stderr);
        const nulls = await valueOf(
          engine,
          url,
          "SELECT count(*) FROM files WHERE storage_backend IS NULL AND uuid NOT LIKE 'new-%'",
        );
        assert.equal(nulls, "0");
        // A row written after the last batch is the application's to fill; all others are filled.
        const late = Number(
          await valueOf(engine, url, "SELECT count(*) FROM files WHERE storage_backend IS NULL"),
        );
        assert.ok(late < inserted, `${late} of ${inserted} new rows were left NULL`);
        const total = await valueOf(engine, url, "SELECT count(*) FROM files");
        assert.equal(total, String(files + inserted));
      })
    ));
}

for (const engine of driverEngines) {
  test(`Ctrl-C while waiting for another harbor-db's lock ends at once with 130 (${engine.name})`, () =>
    engine.withDatabase((url) =>
      withFolder(async (cwd) => {
        await withTestDatabase(url, (database) =>
          database.withLock(async () => {
            const waiting = startCli(["upgrade"], { env: { DATABASE_URL: url }, cwd });
            await waiting.until(/waiting for the lock, held by /);
            waiting.kill("SIGINT");
            const started = performance.now();
            const { code, stderr } = await waiting.result;
            assert.equal(code, 130, stderr);
            assert.ok(performance.now() - started < 45_000);
          }));
        const locked = await withTestDatabase(url, (database) =>
          database.withLock(() =>
            runCli(["upgrade", "--lock-wait", "0", "--json"], { env: { DATABASE_URL: url }, cwd })
          ));
        assert.equal(locked.code, 5, locked.stdout);
        assert.equal(locked.json<{ error: { code: string } }>().error.code, "locked");
      })
    ));
}
