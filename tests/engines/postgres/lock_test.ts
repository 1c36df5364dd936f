import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import process from "node:process";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { sql } from "../../support/user_sql.ts";
import type { Database, LockHolder } from "../../../src/engines/database.ts";
import { openTestDatabase, testClient, withTestDatabase } from "../../support/databases.ts";
import { startPooler } from "../../support/servers/postgres_pooler.ts";
import {
  type PostgresVersion,
  sharedPostgres,
  versions,
  withClient,
  withFreshPostgres,
} from "../../support/servers/postgres_server.ts";
import { scriptCommand } from "../../support/script_command.ts";

for (const version of versions) {
  test(`postgres ${version}: a second process is told who holds the lock`, () =>
    withTwo(version, async (first, second) => {
      await first.withLock(async () => {
        const told: (LockHolder | undefined)[] = [];
        await assert.rejects(
          second.withLock(() => Promise.resolve(), { waitMs: 400, onWait: (holder) => told.push(holder) }),
          { code: "locked", message: new RegExp(`pid ${testClient.pid} on ${testClient.host}`) },
        );
        assert.equal(told.length, 1);
        assert.equal(told[0]?.owner, `pid ${testClient.pid} on ${testClient.host}`);
        assert.match(told[0]?.since ?? "", /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
      });
      assert.equal(await second.lockHolder(), undefined);
      assert.equal(await second.withLock(() => Promise.resolve("mine")), "mine");
    }));

  test(`postgres ${version}: waits until the lock is free`, () =>
    withTwo(version, async (first, second) => {
      let freed = false;
      const holding = first.withLock(async () => {
        await sleep(500);
        freed = true;
      });
      await sleep(50);
      await second.withLock(() => Promise.resolve(assert.ok(freed)), { waitMs: 10_000 });
      await holding;
    }));

  for (
    const [doing, statement] of [["being idle", ""], ["running a statement", "SELECT pg_sleep(60)"]] as const
  ) {
    test(`postgres ${version}: a holder killed while ${doing} frees the lock`, () =>
      withFreshPostgres(version, (url) =>
        withTestDatabase(url, async (database) => {
          const holder = await startHolder(url, statement);
          assert.equal((await database.lockHolder())?.owner, `pid ${holder.pid} on ${testClient.host}`);
          holder.kill("SIGKILL");
          // Less than its statement would take.
          await database.withLock(() => Promise.resolve(), { waitMs: 30_000 });
        })));
  }

  test(`postgres ${version}: a session that ends under the lock loses it, and commits nothing more`, () =>
    withTwo(version, async (first, second, url) => {
      await first.write([sql`CREATE TABLE seen (n integer)`], "schema");
      await first.withLock(async () => {
        await first.write([sql`INSERT INTO seen VALUES (1)`]);
        await endOtherSessions(url, "harbor-db%");
        for (const attempt of [1, 2]) {
          await assert.rejects(
            first.write([sql`INSERT INTO seen VALUES (2)`]),
            { code: "lock_lost" },
            `attempt ${attempt}`,
          );
        }
      });
      await assert.rejects(first.read(sql`SELECT 1`), { code: "connection_failed" });
      await assert.rejects(second.read(sql`SELECT 1`), { code: "connection_failed" });
      await withTestDatabase(url, async (third) => {
        assert.deepEqual(await third.read(sql`SELECT n FROM seen`), [{ n: 1 }]);
        assert.equal(await third.withLock(() => Promise.resolve("free")), "free");
      });
    }));

  test(`postgres ${version}: a session that ends in the middle of a batch commits nothing of it`, () =>
    withTwo(version, async (first, _second, url) => {
      await first.write([sql`CREATE TABLE seen (n integer)`], "schema");
      await first.withLock(async () => {
        const writing = first.write([sql`INSERT INTO seen VALUES (1)`, sql`SELECT pg_sleep(30)`]);
        const failing = assert.rejects(writing, { code: "lock_lost", message: /administrator/ });
        await sleep(300);
        await endOtherSessions(url, "harbor-db%");
        await failing;
      });
      await withTestDatabase(url, async (third) => {
        assert.deepEqual(await third.read(sql`SELECT n FROM seen`), []);
      });
    }));

  test(`postgres ${version}: the failure of the work is seen, not that of giving the lock back`, () =>
    withTwo(version, (first, _second, url) =>
      assert.rejects(
        first.withLock(async () => {
          await endOtherSessions(url, "harbor-db%");
          throw new RangeError("the work's own");
        }),
        RangeError,
      )));

  test(`postgres ${version}: a lock that a script gives back is lost`, () =>
    withTwo(version, async (first) => {
      await first.withLock(async () => {
        await first.write([sql`SELECT pg_advisory_unlock_all()`]);
        await assert.rejects(first.write([sql`CREATE TABLE late (n integer)`], "schema"), {
          code: "lock_lost",
        });
        await assert.rejects(first.write([sql`CREATE TABLE late (n integer)`], "alone"), {
          code: "lock_lost",
        });
      });
    }));

  test(`postgres ${version}: those who wait do not stand in the way of CREATE INDEX CONCURRENTLY`, () =>
    withTwo(version, async (first, second) => {
      await first.write([sql`CREATE TABLE indexed (n integer)`], "schema");
      await first.withLock(async () => {
        const waiting = assert.rejects(second.withLock(() => Promise.resolve(), { waitMs: 1_500 }), {
          code: "locked",
        });
        for (const name of ["a", "b", "c"]) {
          await first.write([sql`CREATE INDEX CONCURRENTLY ${sql.identifier(name)} ON indexed (n)`], "alone");
        }
        await waiting;
      });
    }));

  test(`postgres ${version}: refuses to lock through a transaction pooler`, () =>
    withFreshPostgres(version, async (url) => {
      const pooler = await startPooler(Number(new URL(url).port));
      const pooled = new URL(url);
      pooled.port = String(pooler.port);
      pooled.search = "sslmode=disable";
      try {
        await withTestDatabase(pooled.href, async (database) => {
          assert.deepEqual(await database.read(sql`SELECT ${"through the pooler"}::text AS said`), [
            { said: "through the pooler" },
          ]);
          await assert.rejects(
            database.withLock(() => Promise.reject(new Error("must not run"))),
            { code: "connection_failed", message: /pooler/, hint: /session mode/ },
          );
        });
        await withTestDatabase(url, async (database) => assert.equal(await database.lockHolder(), undefined));
      } finally {
        await pooler.stop();
      }
    }));

  test(`postgres ${version}: two schemas of a database have two locks`, () =>
    withFreshPostgres(version, (url) =>
      withTestDatabase(url, async (first) => {
        await first.write([sql`CREATE SCHEMA other`], "schema");
        await withTestDatabase(`${url}?options=-csearch_path%3Dother`, (second) =>
          first.withLock(() => second.withLock(() => Promise.resolve())));
      })));

  test(`postgres ${version}: a role that may only read can ask who holds the lock`, () =>
    withFreshPostgres(version, async (url) => {
      const reader = `reader_${new URL(url).pathname.slice(1)}`;
      const admin = await sharedPostgres(version);
      await withClient(admin, (client) => client.unsafe(`CREATE ROLE ${reader} LOGIN PASSWORD 'r'`));
      try {
        const readerUrl = new URL(url);
        readerUrl.username = reader;
        readerUrl.password = "r";
        const reading = await openTestDatabase(readerUrl.href, "read");
        try {
          await withTestDatabase(url, (first) =>
            first.withLock(async () => {
              assert.equal(
                (await reading.lockHolder())?.owner,
                `pid ${testClient.pid} on ${testClient.host}`,
              );
            }));
        } finally {
          await reading.close();
        }
      } finally {
        await withClient(admin, (client) => client.unsafe(`DROP ROLE ${reader}`));
      }
    }));
}

test("postgres: taking the lock inside the lock is a defect, not a wait", () =>
  withTwo(
    15,
    (first) =>
      first.withLock(() =>
        assert.rejects(first.withLock(() => Promise.resolve(), { waitMs: 60_000 }), { code: "internal" })
      ),
  ));

async function withTwo(
  version: PostgresVersion,
  work: (first: Database, second: Database, url: string) => Promise<unknown>,
): Promise<void> {
  await withFreshPostgres(
    version,
    (url) =>
      withTestDatabase(
        url,
        (first) => withTestDatabase(url, async (second) => void await work(first, second, url)),
      ),
  );
}

async function endOtherSessions(url: string, name: string): Promise<void> {
  await withClient(url, (client) =>
    client`SELECT pg_terminate_backend(pid) FROM pg_stat_activity
      WHERE datname = current_database() AND application_name LIKE ${name}`);
}

/** Starts a process that takes the lock and, when `statement` is not empty, runs it. */
async function startHolder(url: string, statement: string): Promise<ChildProcess> {
  const [file = "", ...args] = scriptCommand("tests/support/postgres_lock_holder.ts");
  const child = spawn(file, args, {
    env: { ...process.env, DATABASE_URL: url, HOLDER_SQL: statement },
    stdio: ["ignore", "pipe", "inherit"],
  });
  await new Promise<void>((resolve, reject) => {
    child.stdout?.once("data", () => resolve());
    child.once("exit", () => reject(new Error("the holder ended")));
  });
  // The statement has begun.
  if (statement !== "") await sleep(300);
  return child;
}
