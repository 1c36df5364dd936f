import { sql } from "../support/user_sql.ts";
import assert from "node:assert/strict";
import { setTimeout as sleep } from "node:timers/promises";
import type { Database, LockHolder } from "../../src/engines/database.ts";
import { type Engine, openTestDatabase, testClient, withTestDatabase } from "../support/databases.ts";
import { eachEngine } from "../support/each_engine.ts";
import { rejectsWith } from "../support/harbor_error.ts";
import { withLockHeldElsewhere } from "../support/other_process.ts";

/** The longest that a lock whose holder died may stay taken, in milliseconds. */
const freedWithinMs = 10_000;

function never(): Promise<never> {
  assert.fail("the work of a client without the lock ran");
}

eachEngine("withLock() returns what its work returns and throws what it throws", async ({ database }) => {
  assert.equal(await database.withLock(() => Promise.resolve("done")), "done");
  const failure = new Error("of the work");
  await assert.rejects(database.withLock(() => Promise.reject(failure)), (error) => error === failure);
});

eachEngine("withLock() keeps out a second client, and tells who holds it", async ({ database, url }) => {
  await withTestDatabase(url, async (second) => {
    await database.withLock(async () => {
      const onWait = () => assert.fail("it waits without being told to");
      const error = await rejectsWith("locked", second.withLock(never, { onWait }));
      assert.match(error.message, new RegExp(`pid ${testClient.pid} on ${testClient.host}`));
      assert.ok(error.hint?.includes("--lock-wait"));
    });
    assert.equal(await second.withLock(() => Promise.resolve("free")), "free");
  });
});

eachEngine("withLock() frees the lock when its work throws", async ({ database, url }) => {
  await assert.rejects(database.withLock(() => Promise.reject(new Error("of the work"))));
  await withTestDatabase(url, (second) => second.withLock(() => Promise.resolve()));
  await database.withLock(() => Promise.resolve());
});

eachEngine("withLock() waits as long as it is told, and says so once", async ({ database, url }) => {
  await withTestDatabase(url, async (second) => {
    const waits: (LockHolder | undefined)[] = [];
    const onWait = (holder: LockHolder | undefined) => void waits.push(holder);
    await database.withLock(async () => {
      const started = performance.now();
      // Somebody puts the clock back meanwhile.
      const now = Date.now;
      let hours = 0;
      Date.now = () => now() - 3_600_000 * hours++;
      try {
        await rejectsWith("locked", second.withLock(never, { waitMs: 700, onWait }));
      } finally {
        Date.now = now;
      }
      const waited = performance.now() - started;
      assert.ok(waited >= 650 && waited < 60_000, `it waited ${waited} ms`);
    });
    assert.deepEqual(waits.map((holder) => holder?.owner), [`pid ${testClient.pid} on ${testClient.host}`]);
  });
});

eachEngine("withLock() gets the lock when the holder frees it", async ({ database, url }) => {
  await withTestDatabase(url, async (second) => {
    const order: string[] = [];
    let waiting: Promise<unknown> = Promise.resolve();
    await database.withLock(async () => {
      const begun = new Promise<void>((resolve) => {
        waiting = second.withLock(() => Promise.resolve(order.push("second")), {
          waitMs: 20_000,
          onWait: () => resolve(),
        });
      });
      await begun;
      await sleep(300);
      order.push("first");
    });
    await waiting;
    assert.deepEqual(order, ["first", "second"]);
  });
});

eachEngine("withLock() lets one of many in at a time", async ({ database, url }) => {
  await database.write([sql`CREATE TABLE counter (n INTEGER)`, sql`INSERT INTO counter VALUES (0)`]);
  const count = (client: Database) =>
    client.withLock(async () => {
      const [row] = await client.read<{ n: number }>(sql`SELECT n FROM counter`);
      await sleep(20);
      await client.write([sql`UPDATE counter SET n = ${(row?.n ?? NaN) + 1}`]);
    }, { waitMs: 30_000 });
  await Promise.all([0, 1, 2, 3].map(() => withTestDatabase(url, count)));
  assert.deepEqual(await database.read(sql`SELECT n FROM counter`), [{ n: 4 }]);
});

eachEngine("withLock() keeps out another process, until that is killed", async ({ database, url }) => {
  await withLockHeldElsewhere(url, async (holder) => {
    await rejectsWith("locked", database.withLock(never));
    assert.equal((await database.lockHolder())?.owner, `pid ${holder.pid} on ${testClient.host}`);
    await holder.kill();
    assert.equal(await database.withLock(() => Promise.resolve("free"), { waitMs: freedWithinMs }), "free");
    assert.equal(await database.lockHolder(), undefined);
  });
});

eachEngine("withLock() gets the lock that another process frees", async ({ database, url }) => {
  await withLockHeldElsewhere(url, async (holder) => {
    const waiting = database.withLock(() => Promise.resolve("free"), {
      waitMs: 20_000,
      onWait: () => void holder.end(),
    });
    assert.equal(await waiting, "free");
  });
});

eachEngine(
  "withLock() keeps the application neither from reading nor from writing",
  async ({ engine, database, url }) => {
    await database.write([sql`CREATE TABLE t (n INTEGER)`]);
    await database.withLock(async () => {
      await engine.query(url, "INSERT INTO t VALUES (1)");
      await database.write([sql`INSERT INTO t VALUES (2)`]);
      await engine.query(url, "INSERT INTO t VALUES (3)");
      assert.deepEqual(await engine.query(url, "SELECT n FROM t ORDER BY n"), [{ n: 1 }, { n: 2 }, { n: 3 }]);
    });
  },
);

eachEngine("lockHolder() tells who holds the lock and since when", async ({ database, url }) => {
  const before = Date.now();
  assert.equal(await database.lockHolder(), undefined);
  const reader = await openTestDatabase(url, "read");
  try {
    await database.withLock(async () => {
      for (const client of [database, reader]) {
        const holder = await client.lockHolder();
        assert.equal(holder?.owner, `pid ${testClient.pid} on ${testClient.host}`);
        if (holder.since === null) continue;
        assert.match(holder.since, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$/);
        const since = Date.parse(holder.since);
        assert.ok(since > before - 60_000 && since < Date.now() + 1_000, holder.since);
      }
    });
    assert.equal(await reader.lockHolder(), undefined);
  } finally {
    await reader.close();
  }
});

/** Takes the lock away from its holder as an administrator or a successor could. */
async function stealLock(engine: Engine, url: string): Promise<void> {
  if (engine.dialect === "sqlite") {
    await engine.query(url, "UPDATE harbor_lock SET token = 'stolen', expires_at = unixepoch() + 60");
    return;
  }
  const ended = await engine.query(
    url,
    "SELECT pg_terminate_backend(pid, 5000) AS ended FROM pg_locks JOIN pg_database d ON d.oid = database " +
      "WHERE locktype = 'advisory' AND datname = current_database()",
  );
  assert.deepEqual(ended, [{ ended: true }]);
}

for (const mode of ["rows", "schema", "alone"] as const) {
  eachEngine(
    `write() in mode ${mode} fails with lock_lost once the lock is lost`,
    async ({ engine, database, url }) => {
      await database.write([sql`CREATE TABLE t (n INTEGER)`]);
      await database.withLock(async () => {
        await database.write([sql`INSERT INTO t VALUES (1)`], mode);
        await stealLock(engine, url);
        await rejectsWith("lock_lost", database.write([sql`INSERT INTO t VALUES (2)`], mode));
        await rejectsWith("lock_lost", database.write([sql`INSERT INTO t VALUES (3)`], mode));
      });
      assert.deepEqual(await engine.query(url, "SELECT n FROM t"), [{ n: 1 }]);
    },
  );
}

eachEngine(
  "write() fails with lock_lost when the lock's row or table is gone",
  async ({ engine, database, url }) => {
    await database.write([sql`CREATE TABLE t (n INTEGER)`]);
    for (const loss of ["DELETE FROM harbor_lock", "DROP TABLE harbor_lock"]) {
      await database.withLock(async () => {
        await engine.query(url, loss);
        await rejectsWith("lock_lost", database.write([sql`INSERT INTO t VALUES (1)`]));
      });
    }
    assert.deepEqual(await engine.query(url, "SELECT n FROM t"), []);
    await database.withLock(() => database.write([sql`INSERT INTO t VALUES (2)`]));
  },
  "sqlite",
);

eachEngine(
  "write() commits nothing when the lock is lost in the middle of it",
  async ({ engine, database, url }) => {
    await database.write([sql`CREATE TABLE t (n INTEGER)`]);
    await database.withLock(async () => {
      const writing = database.write([
        sql`INSERT INTO t VALUES (1)`,
        sql`DO $$ BEGIN PERFORM pg_sleep(5); END $$`,
      ]);
      const failed = rejectsWith("lock_lost", writing);
      await sleep(300);
      await stealLock(engine, url);
      await failed;
    });
    assert.deepEqual(await engine.query(url, "SELECT n FROM t"), []);
  },
  "postgresql",
);

eachEngine(
  "a lock that was lost does not free that of its next holder",
  async ({ engine, database, url }) => {
    await withTestDatabase(url, async (second) => {
      await second.withLock(async () => {
        await withTestDatabase(url, async (third) => {
          await rejectsWith("locked", third.withLock(never));
          await rejectsWith("locked", database.withLock(never));
        });
      });
      await database.withLock(async () => {
        await stealLock(engine, url);
      });
      if (engine.dialect === "sqlite") await rejectsWith("locked", second.withLock(never));
      else await second.withLock(() => Promise.resolve());
    });
  },
);
