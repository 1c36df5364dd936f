import assert from "node:assert/strict";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { test } from "node:test";
import { addFiles, initial, valueOf, whenFree } from "../support/samples/application.ts";
import { driverEngines, type Engine, engines, withFolder } from "../support/databases.ts";
import { runCli, type RunningCli, type RunResult, startCli } from "../support/run_cli.ts";
import { second, type SecondRevision, writeSecondRevision } from "../support/samples/second_revision.ts";

// What a run that was broken off leaves behind, and what the next one makes of it.

const files = 6_000;
/** Slow enough to be caught in the middle; batches do not shrink to nothing on a busy machine. */
const slowly = ["--max-rate", "2000", "--batch-time", "500"];

/** A database at the application's first revision, with files, and a history with one revision more. */
interface Resumable {
  readonly engine: Engine;
  start(...args: readonly string[]): RunningCli;
  expect(code: number, ...args: readonly string[]): Promise<RunResult>;
  query(statement: string): ReturnType<Engine["query"]>;
  value(statement: string): Promise<string>;
}

async function withResumable(
  engine: Engine,
  revision: SecondRevision,
  work: (given: Resumable) => Promise<void>,
): Promise<void> {
  await engine.withDatabase((url) =>
    withFolder(async (cwd) => {
      const drizzle = join(cwd, "drizzle");
      await writeSecondRevision(drizzle, revision);
      const env = { DATABASE_URL: url, HARBOR_DB_DIR: drizzle };
      const given: Resumable = {
        engine,
        start: (...args) => startCli(args, { env, cwd }),
        expect: async (code, ...args) => {
          const result = await runCli(args, { env, cwd });
          assert.equal(result.code, code, result.stdout + result.stderr);
          return result;
        },
        query: (statement) => whenFree(() => engine.query(url, statement)),
        value: (statement) => whenFree(() => valueOf(engine, url, statement)),
      };
      await given.expect(0, "upgrade", initial);
      await addFiles(engine, url, files);
      await work(given);
    })
  );
}

/** Returns how far the backfill that is under way has come; 0 while there is none. */
async function cursorOf(given: Resumable): Promise<number> {
  const rows = await given.query("SELECT last_key FROM harbor_backfill WHERE finished_at IS NULL").catch(
    () => [],
  );
  return Number(rows[0]?.["last_key"] ?? 0);
}

/** Waits until the cursor is beyond a key, and returns where it is. */
async function beyond(given: Resumable, key: number): Promise<number> {
  for (const began = performance.now(); performance.now() - began < 30_000; await sleep(10)) {
    const at = await cursorOf(given);
    if (at > key) return at;
  }
  throw new Error(`the cursor did not come beyond ${key}`);
}

/** Kills a command with SIGKILL three times, each time farther along, and lets it end the fourth time. */
async function runKilled(given: Resumable, ...args: readonly string[]): Promise<void> {
  let at = 0;
  for (let time = 0; time < 3; time++) {
    const running = given.start(...args, ...slowly);
    const from = await beyond(given, at);
    running.kill("SIGKILL");
    const { code } = await running.result;
    assert.equal(code, null, "it ended before it was killed");
    at = await cursorOf(given);
    assert.ok(at >= from && at < files, `killed at ${at}`);
  }
  await given.expect(0, ...args, "--batch-time", "500");
}

const counting = (sign: "+" | "-") =>
  `-- Count\n-- harbor:backfill table=files key=id\nUPDATE "files" SET "size" = "size" ${sign} 1;\n`;

for (const engine of driverEngines) {
  test(`${engine.name}: a backfill of all rows that is killed three times changes each row once, up and down`, () =>
    withResumable(engine, { up: counting("+"), down: counting("-") }, async (given) => {
      const wrong = (size: string) => given.value(`SELECT count(*) FROM files WHERE size <> ${size}`);
      await runKilled(given, "upgrade", "--no-backup");
      assert.equal(await wrong("id * 1000 + 1"), "0");
      // At the same place of its script, and after an upgrade that ended.
      await runKilled(given, "downgrade", initial, "--yes", "--no-backup");
      assert.equal(await wrong("id * 1000"), "0");
      await given.expect(0, "upgrade", "--no-backup");
      assert.equal(await wrong("id * 1000 + 1"), "0");
    }));

  test(`${engine.name}: rows that change behind the cursor are filled too`, () =>
    withResumable(engine, {
      up:
        `-- Fill\n-- harbor:backfill table=files key=id\nUPDATE "files" SET "thumbnail_path" = 'none' WHERE "thumbnail_path" IS NULL;\n`,
    }, async (given) => {
      const running = given.start("upgrade", "--no-backup", ...slowly);
      const at = await beyond(given, 10);
      await given.query("UPDATE files SET thumbnail_path = NULL WHERE id IN (2, 9)");
      assert.ok(at < files, "the backfill had not ended");
      const { code, stderr } = await running.result;
      assert.equal(code, 0, stderr);
      assert.equal(await given.value("SELECT count(*) FROM files WHERE thumbnail_path IS NULL"), "0");
    }));

  test(`${engine.name}: Ctrl-C is no failure that --restore-on-failure undoes`, () =>
    withResumable(engine, { up: counting("+"), down: counting("-") }, async (given) => {
      const running = given.start("upgrade", "--restore-on-failure", ...slowly);
      const at = await beyond(given, 0);
      running.kill("SIGINT");
      const { code, stdout, stderr } = await running.result;
      assert.equal(code, 130, stdout + stderr);
      assert.doesNotMatch(stdout + stderr, /restored: the database is at/);
      assert.ok(await cursorOf(given) >= at, "what was done stays");
      await given.expect(0, "upgrade", "--no-backup");
      assert.equal(await given.value("SELECT count(*) FROM files WHERE size <> id * 1000 + 1"), "0");
    }));

  test(`${engine.name}: stamp settles a revision that is half done`, () =>
    withResumable(engine, { up: counting("+"), down: counting("-") }, async (given) => {
      const begun = await given.value("SELECT sum(size) FROM files");
      const running = given.start("upgrade", "--no-backup", ...slowly);
      await beyond(given, 0);
      running.kill("SIGKILL");
      await running.result;
      assert.equal(await given.value("SELECT count(*) FROM harbor_version WHERE finished_at IS NULL"), "1");
      await given.expect(0, "stamp", second, "--yes");
      assert.equal(
        await given.value(
          `SELECT count(*) FROM harbor_version WHERE finished_at IS NOT NULL AND revision = '${second}'`,
        ),
        "1",
      );
      const status = (await given.expect(0, "status", "--json")).json<Record<string, unknown>>();
      assert.deepEqual([status["current"], status["pending"], status["backfills"]], [second, [], []]);
      // And nothing of it is taken up again.
      const before = await given.value("SELECT sum(size) FROM files");
      await given.expect(0, "upgrade", "--no-backup");
      assert.equal(await given.value("SELECT sum(size) FROM files"), before);
      await given.expect(0, "stamp", initial, "--yes");
      await given.expect(0, "upgrade", "--no-backup");
      assert.equal(
        Number(await given.value("SELECT sum(size) FROM files")) - Number(begun),
        files,
        "after a stamp back the values that were kept come back, and the backfill begins anew",
      );
    }));
}

for (const engine of engines.filter(({ dialect }) => dialect === "postgresql")) {
  test(`${engine.name}: an index that could not be built is dropped and built again, not taken for made`, () =>
    withResumable(engine, {
      up: `-- Index\n-- harbor:concurrently\nCREATE UNIQUE INDEX "ix_files_size" ON "files" ("size");\n`,
    }, async (given) => {
      const state = () =>
        given.value(
          "SELECT coalesce((SELECT indisvalid::text FROM pg_index WHERE indexrelid = to_regclass('ix_files_size')), 'missing')",
        );
      await given.query("UPDATE files SET size = 7 WHERE id IN (1, 2)");
      await given.expect(1, "upgrade", "--no-backup");
      assert.notEqual(await state(), "true");
      await given.expect(1, "upgrade", "--no-backup");
      assert.notEqual(await state(), "true", "duplicates are still there");
      await given.query("UPDATE files SET size = 8 WHERE id = 2");
      await given.expect(0, "upgrade", "--no-backup");
      assert.equal(await state(), "true");
    }));
}

for (const engine of engines.filter(({ name }) => name === "sqlite file")) {
  test(`${engine.name}: an index of a large table is named when it is killed, abandoned, and built in the end`, () =>
    withResumable(engine, { up: 'CREATE INDEX "ix_size" ON "files" ("size");\n' }, async (given) => {
      await given.query(
        `INSERT INTO files (uuid, filename, original_filename, mime_type, size, storage_path, created_at, collection_id) SELECT 'g' || uuid, filename, original_filename, mime_type, size, storage_path, created_at, collection_id FROM files`,
      );
      const traces = () => given.value("SELECT count(*) FROM sqlite_schema WHERE name LIKE 'harbor_beside%'");
      const kill = async () => {
        const running = given.start("upgrade", "--no-backup");
        while (await given.value("SELECT count(*) FROM sqlite_schema WHERE name = 'harbor_beside'") === "0") {
          await sleep(5);
        }
        running.kill("SIGKILL");
        assert.equal((await running.result).code, null, "it ended before it was killed");
      };
      await kill();
      await given.query("UPDATE files SET size = size + 1 WHERE id % 100 = 0");
      const { stdout } = await given.expect(0, "status");
      assert.match(stdout, /^beside {5}index ix_size of files: /m);
      const verified = await given.expect(3, "verify", "--only", "history");
      assert.match(verified.stdout, /index ix_size of files: .*; it was interrupted/);
      assert.match(verified.stdout, /Go on with .*: harbor-db upgrade.*, or .* give it up: .* --abandon$/m);
      const abandoned = await given.expect(0, "upgrade", "--abandon");
      assert.match(abandoned.stdout, /^abandoned {2}index ix_size of files$/m);
      assert.equal(await traces(), "0");
      await kill();
      await given.expect(0, "upgrade", "--no-backup");
      assert.equal(await traces(), "0");
      assert.equal(
        await given.value("SELECT sql FROM sqlite_schema WHERE name = 'ix_size'"),
        'CREATE INDEX "ix_size" ON "files" ("size")',
      );
      assert.equal(await given.value("PRAGMA integrity_check"), "ok");
      assert.match((await given.expect(0, "upgrade", "--abandon")).stdout, /^nothing to abandon$/m);
    }));
}
