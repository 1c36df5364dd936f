import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { copyFile, mkdir, readFile, rename } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { addFiles, handToAlembic, initial, storageFields, valueOf } from "../support/samples/application.ts";
import { driverEngines, engines, sqliteUrl, withFolder } from "../support/databases.ts";
import { makeOrigin, origins } from "../support/samples/origins.ts";
import { runCli, type RunOptions } from "../support/run_cli.ts";

/** Runs harbor-db and returns its JSON document; fails when the exit code is another than expected. */
async function json(args: readonly string[], options: RunOptions, code = 0) {
  const result = await runCli([...args, "--json"], options);
  assert.equal(result.code, code, result.stdout + result.stderr);
  // deno-lint-ignore no-explicit-any
  return result.json<any>();
}

test("harbor-db upgrade makes openharbor.db at head in an empty folder, and status agrees", async () => {
  await withFolder(async (cwd) => {
    const before = await json(["status"], { cwd });
    assert.deepEqual([before.state, before.current, before.pending.length > 0], ["empty", null, true]);
    assert.equal(existsSync(join(cwd, "openharbor.db")), false, "status made the file");

    const upgraded = await runCli(["upgrade"], { cwd });
    assert.equal(upgraded.code, 0, upgraded.stderr);
    assert.match(upgraded.stdout, new RegExp(`upgraded +${initial} +Initial schema`));
    assert.match(upgraded.stdout, new RegExp(`upgraded +${storageFields} +Add R2 storage fields`));

    const after = await json(["status"], { cwd });
    assert.deepEqual([after.state, after.current, after.pending], ["managed", after.head, []]);
    assert.deepEqual(after.database, { dialect: "sqlite", url: "sqlite:///openharbor.db" });
    const again = await runCli(["upgrade"], { cwd });
    assert.match(again.stdout, /nothing to do/);
    assert.equal(again.code, 0);
  });
});

test("a relative SQLite file that only instance/ has is taken from there, and harbor-db says so", async () => {
  await withFolder(async (cwd) => {
    await runCli(["upgrade", initial], { cwd });
    await mkdir(join(cwd, "instance"));
    await rename(join(cwd, "openharbor.db"), join(cwd, "instance", "openharbor.db"));
    const result = await runCli(["current"], { cwd });
    assert.match(result.stdout, new RegExp(initial));
    assert.match(result.stderr, /using instance\/openharbor\.db/);
  });
});

test("DATABASE_URL comes from .env, and the environment goes before it", async () => {
  await withFolder(async (cwd) => {
    const { writeFile } = await import("node:fs/promises");
    await writeFile(join(cwd, ".env"), "DATABASE_URL=sqlite:///one.db\n");
    assert.equal((await json(["status"], { cwd })).database.url, "sqlite:///one.db");
    const env = { DATABASE_URL: "sqlite:///two.db" };
    assert.equal((await json(["status"], { cwd, env })).database.url, "sqlite:///two.db");
    assert.equal(
      (await json(["status", "--database-url", "sqlite:///three.db"], { cwd, env })).database.url,
      "sqlite:///three.db",
    );
  });
});

for (const engine of engines) {
  const on = (name: string) => `${name} (${engine.name})`;
  const withUrl = (work: (options: RunOptions, url: string) => Promise<void>) =>
    engine.withDatabase((url) => work({ env: { DATABASE_URL: url } }, url));

  test(on("the examples of the old tool's table work"), () =>
    withUrl(async (options) => {
      assert.equal((await json(["upgrade", initial], options)).to, initial);
      assert.equal((await json(["upgrade", "+1"], options)).to, storageFields);
      assert.equal((await json(["downgrade", initial, "--yes"], options)).to, initial);
      assert.equal((await json(["current"], options)).current, initial);
      assert.equal((await json(["upgrade", storageFields.slice(0, 4)], options)).to, storageFields);
      assert.equal((await json(["downgrade", "base", "--yes"], options)).to, null);
      assert.deepEqual(await json(["current"], options), { ok: true, current: null, name: null });
      assert.equal((await runCli(["current"], options)).stdout, "base\n");
    }));

  test(
    on("a database of Alembic's at 71dda59686db goes on from there, with every row"),
    () =>
      withUrl(async (options, url) => {
        await json(["upgrade", initial], options);
        await addFiles(engine, url, 2_500);
        await handToAlembic(engine, url, initial);
        const before = await engine.query(url, "SELECT * FROM files ORDER BY id");

        const status = await json(["status"], options);
        assert.deepEqual([status.state, status.current], ["alembic", initial]);
        const result = await json(["upgrade", storageFields], options);
        const [step, ...others] = result.steps;
        assert.deepEqual([result.from, result.to, step.revision, others], [
          initial,
          storageFields,
          storageFields,
          [],
        ]);
        assert.equal(step.name, "Add R2 storage fields");
        assert.equal(step.direction, "upgrade");

        const after = await engine.query(url, "SELECT * FROM files ORDER BY id");
        const withNew = before.map((row) => ({ ...row, storage_backend: "local", metadata_json: null }));
        assert.deepEqual(after, withNew);
        assert.equal(await valueOf(engine, url, "SELECT version_num FROM alembic_version"), storageFields);
        const { revisions } = await json(["history"], options);
        assert.deepEqual(
          revisions.slice(0, 2).map((
            each: Record<string, unknown>,
          ) => [each["revision"], each["applied"], each["checksumMatches"]]),
          [[initial, true, true], [storageFields, true, true]],
        );
        assert.deepEqual([revisions[0].origin, revisions[0].appliedAt, revisions[0].appliedBy], [
          "alembic",
          null,
          null,
        ]);
        assert.match(revisions[1].appliedAt, /^20/);
        await json(["downgrade", initial, "--yes"], options);
        assert.equal(await valueOf(engine, url, "SELECT version_num FROM alembic_version"), initial);
        await json(["downgrade", "base", "--yes"], options);
        assert.deepEqual(await engine.query(url, "SELECT * FROM alembic_version"), []);
      }),
  );

  // What follows is said of a label or of the version table, before any statement that versions could differ in.
  if (!driverEngines.includes(engine)) continue;

  test(
    on("a database whose schema is not what Alembic's label says is refused, unchanged"),
    () =>
      withUrl(async (options, url) => {
        await json(["upgrade", initial], options);
        await handToAlembic(engine, url, initial);
        await engine.query(url, "ALTER TABLE users ADD COLUMN nickname VARCHAR(20)");
        const { error } = await json(["upgrade"], options, 4);
        assert.equal(error.code, "unmanaged");
        assert.match(error.message, /alembic_version says 71dda59686db.*users\.nickname/);
        await assert.rejects(engine.query(url, "SELECT * FROM harbor_version"));
        await assert.rejects(engine.query(url, "SELECT * FROM harbor_lock"));
        assert.equal((await json(["status"], options)).state, "unmanaged");
      }),
  );

  test(
    on("a database with tables and no label is refused, unchanged"),
    () =>
      withUrl(async (options, url) => {
        await engine.query(url, "CREATE TABLE users (id INTEGER PRIMARY KEY)");
        const { error } = await json(["upgrade"], options, 4);
        assert.equal(error.code, "unmanaged");
        assert.match(error.hint, /harbor-db adopt/);
        await assert.rejects(engine.query(url, "SELECT * FROM harbor_lock"));
        // Nobody knows where it is: it is not at base.
        const { problem, ...rest } = await json(["current"], options, 3);
        assert.deepEqual([rest, problem.message], [{ ok: false, current: null, name: null }, error.message]);
        const { code, stdout, stderr } = await runCli(["current"], options);
        assert.deepEqual([code, stdout], [3, "unknown\n"]);
        assert.ok(stderr.includes(error.message), stderr);
        assert.equal((await json(["history"], options)).problem.message, error.message);
      }),
  );

  test(on("Alembic going on behind harbor-db's back is noticed"), () =>
    withUrl(async (options, url) => {
      await json(["upgrade", initial], options);
      await engine.query(url, "CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL PRIMARY KEY)");
      await engine.query(url, `INSERT INTO alembic_version VALUES ('${storageFields}')`);
      const { error } = await json(["upgrade"], options, 4);
      assert.equal(error.code, "schema_mismatch");
      assert.equal((await json(["current"], options)).current, initial);
      // Everybody says it in the same words.
      const words = `alembic_version says ${storageFields} and harbor_version says ${initial}`;
      assert.ok(error.message.endsWith(words), error.message);
      assert.equal((await json(["status"], options)).problem.message, error.message);
      const { findings } = await json(["verify", "--only", "history"], options, 3);
      assert.deepEqual(findings.map(({ message }: { message: string }) => message), [error.message]);
      assert.equal((await json(["adopt", "--dry-run"], options)).disagreement, words);
      const done = await json(["upgrade", "--adopt", "--no-backup"], options);
      assert.deepEqual(done.adopted.labels.map((label: { true: boolean }) => label.true), [false, true]);
      assert.equal((await json(["status"], options)).problem, null);
    }));

  test(
    on("a database in Alembic's hands has a history of which the times are unknown"),
    () =>
      withUrl(async (options, url) => {
        await json(["upgrade", initial], options);
        await handToAlembic(engine, url, initial);
        const [first] = (await json(["history"], options)).revisions;
        assert.deepEqual(
          [
            first.applied,
            first.appliedAt,
            first.appliedBy,
            first.recordedAt,
            first.checksumMatches,
            first.origin,
          ],
          [true, null, null, null, null, "alembic"],
        );
        const { stdout } = await runCli(["history"], { ...options });
        assert.match(stdout, /71dda59686db .* by Alembic, nobody knows when$/m);
      }),
  );

  test(
    on("a revision that the history lacks is not one that was edited"),
    () =>
      withUrl(async (options, url) => {
        await json(["upgrade", initial], options);
        await engine.query(url, `UPDATE harbor_version SET revision = 'ffffffffffff'`);
        const { revisions } = await json(["history"], options);
        assert.deepEqual([revisions.at(-1).inHistory, revisions.at(-1).checksumMatches], [false, null]);
        const { stdout } = await runCli(["history"], { ...options });
        assert.match(stdout, /ffffffffffff .*\(not in the history\)$/m);
        assert.doesNotMatch(stdout, /edited/i);
      }),
  );

  test(
    on("a database managed at base, in which the application then made its tables, is taken over"),
    () =>
      withUrl(async (options, url) => {
        await json(["stamp", "base"], options);
        const origin = origins.find(({ name }) => name === "create_all of the newest commit")!;
        await makeOrigin(engine, url, origin);
        const { error } = await json(["upgrade"], options, 4);
        assert.match(
          error.message,
          /it is managed at base, and the application has made its tables collections, files, users; its schema is/,
        );
        assert.equal((await json(["status"], options)).problem.message, error.message);
        const { findings } = await json(["verify", "--only", "history"], options, 3);
        assert.equal(findings[0].message, error.message);
        assert.equal(error.hint, "harbor-db upgrade --adopt");
        assert.equal((await json(["upgrade", "--adopt", "--no-backup"], options)).adopted.action, "bridge");
        assert.equal((await json(["status"], options)).pending.length, 0);
      }),
  );

  test(on("an empty alembic_version says nothing and blocks nothing"), () =>
    withUrl(async (options, url) => {
      await json(["upgrade", initial], options);
      await engine.query(url, "CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL PRIMARY KEY)");
      assert.equal((await json(["status"], options)).problem, null);
      const looked = await json(["adopt", "--dry-run"], options);
      assert.deepEqual([looked.action, looked.disagreement], ["none", null]);
      await json(["upgrade", storageFields, "--no-backup"], options);
      assert.equal(await valueOf(engine, url, "SELECT version_num FROM alembic_version"), storageFields);
    }));

  test(on("a label is true only of the revision whose schema it is"), () =>
    withUrl(async (options, url) => {
      await json(["upgrade", storageFields], options);
      await handToAlembic(engine, url, initial);
      const looked = await json(["adopt", "--dry-run"], options);
      assert.deepEqual(
        [looked.matched, looked.exact, looked.action, looked.to, looked.labels[0].true],
        [storageFields, true, "stamp", storageFields, false],
      );
    }));

  test(
    on("--dry-run and --sql change nothing, and the script does what upgrade does"),
    () =>
      withUrl(async (options, url) => {
        const plan = await json(["upgrade", "--dry-run"], options);
        assert.equal(plan.steps[0].revision, initial);
        const script = await runCli(["upgrade", storageFields, "--sql"], options);
        assert.equal(script.code, 0);
        assert.equal(script.stderr, "");
        assert.match(
          script.stdout,
          /CREATE TABLE IF NOT EXISTS "harbor_version"[\s\S]*CREATE TABLE [`"]users[`"]/,
        );
        assert.deepEqual((await json(["status"], options)).state, "empty");
        await assert.rejects(engine.query(url, "SELECT * FROM harbor_version"));
      }),
  );

  test(on("stamp sets the version table and nothing else"), () =>
    withUrl(async (options, url) => {
      await json(["upgrade", initial], options);
      const stamped = await json(["stamp", storageFields, "--yes"], options);
      assert.deepEqual([stamped.ok, stamped.from, stamped.to], [true, initial, storageFields]);
      await assert.rejects(engine.query(url, "SELECT storage_backend FROM files"));
      assert.equal((await json(["current"], options)).current, storageFields);
      await json(["stamp", "base", "--yes"], options);
      assert.equal((await json(["current"], options)).current, null);
    }));

  test(
    on("history and database that disagree are refused with exit 4, each with its own words"),
    () =>
      withUrl(async (options, url) => {
        await json(["upgrade", storageFields], options);
        const refused = async (expected: string) => {
          for (const command of [["upgrade"], ["downgrade", "-1", "--yes"]]) {
            assert.equal((await json(command, options, 4)).error.code, expected);
          }
        };
        await engine.query(
          url,
          `UPDATE harbor_version SET checksum = 'edited' WHERE revision = '${initial}'`,
        );
        await refused("checksum_mismatch");
        assert.equal((await json(["history"], options)).revisions[0].checksumMatches, false);
        await json(["stamp", storageFields], options);
        await json(["upgrade", storageFields], options);
        await engine.query(url, `DELETE FROM harbor_version WHERE revision = '${initial}'`);
        await refused("out_of_order");
        await json(["stamp", storageFields], options);
        await engine.query(
          url,
          `UPDATE harbor_version SET revision = 'ffffffffffff' WHERE revision = '${storageFields}'`,
        );
        await refused("missing_revision");
      }),
  );
}

test("upgrade --sql runs in sqlite3 and leaves what upgrade leaves", async () => {
  await withFolder(async (cwd) => {
    const { execFileSync } = await import("node:child_process");
    const script = await runCli(["upgrade", "--sql"], { cwd });
    execFileSync("sqlite3", ["-bail", join(cwd, "by_script.db")], { input: script.stdout });
    await runCli(["upgrade"], { cwd });
    const url = (name: string) => sqliteUrl(join(cwd, name));
    const [sqlite] = engines;
    for (
      const statement of [
        "SELECT type, name, tbl_name, sql FROM sqlite_schema WHERE name <> 'harbor_lock' ORDER BY name",
        "SELECT revision, name, checksum, statements_done FROM harbor_version ORDER BY revision",
      ]
    ) {
      assert.deepEqual(
        await sqlite!.query(url("by_script.db"), statement),
        await sqlite!.query(url("openharbor.db"), statement),
      );
    }
    const { current } = await json(["status"], { cwd, env: { DATABASE_URL: "sqlite:///by_script.db" } });
    assert.equal(current, (await json(["status"], { cwd })).head);
  });
});

test("a large table's definition changes beside writers, there and back: --dry-run says it, and --sql is what an older sqlite3 runs", async () => {
  await withFolder(async (cwd) => {
    const { execFileSync } = await import("node:child_process");
    const [sqlite] = engines;
    const url = (name: string) => sqliteUrl(join(cwd, name));
    const expect = async (...args: readonly string[]) => {
      // A script keeps nothing.
      const result = await runCli([...args, "--no-backup", "--no-keep", "--yes"], { cwd });
      assert.equal(result.code, 0, result.stderr);
      return result.stdout;
    };
    await expect("upgrade", "f27bd10b7ec4");
    await addFiles(sqlite!, url("openharbor.db"), 10_001);
    for (const direction of ["upgrade", "downgrade"]) {
      const args = direction === "upgrade" ? ["upgrade"] : ["downgrade", "f27bd10b7ec4"];
      await copyFile(join(cwd, "openharbor.db"), join(cwd, "by_script.db"));
      const plan = await runCli([...args, "--dry-run"], { cwd });
      assert.match(plan.stdout, /files: its definition changes beside writers, no row moves/);
      assert.match(plan.stdout, direction === "upgrade" ? /users: its def/ : /users: it is copied/);
      const script = await runCli([...args, "--sql"], { cwd });
      execFileSync("sqlite3", ["-bail", join(cwd, "by_script.db")], { input: script.stdout });
      await expect(...args);
      for (const name of ["openharbor.db", "by_script.db"]) {
        assert.equal(execFileSync("sqlite3", [join(cwd, name), "PRAGMA integrity_check"]).toString(), "ok\n");
      }
      for (
        const statement of [
          "SELECT type, name, tbl_name, sql FROM sqlite_schema WHERE name <> 'harbor_lock' ORDER BY name",
          "SELECT revision, statements_done, finished_at IS NULL AS is_open FROM harbor_version ORDER BY revision",
          "SELECT storage_backend, count(*) AS n FROM files GROUP BY storage_backend",
        ]
      ) {
        assert.deepEqual(
          await sqlite!.query(url("by_script.db"), statement),
          await sqlite!.query(url("openharbor.db"), statement),
        );
      }
    }
  });
});

test("reading commands leave every byte of a SQLite file as it is", async () => {
  await withFolder(async (cwd) => {
    await runCli(["upgrade", initial], { cwd });
    const before = await readFile(join(cwd, "openharbor.db"));
    for (
      const command of [["status"], ["current"], ["history"], ["upgrade", "--dry-run"], ["upgrade", "--sql"]]
    ) {
      assert.equal((await runCli(command, { cwd })).code, 0);
    }
    assert.deepEqual(await readFile(join(cwd, "openharbor.db")), before);
  });
});
