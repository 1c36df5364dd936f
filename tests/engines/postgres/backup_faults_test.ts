import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { randomBytes } from "node:crypto";
import { execFileSync } from "node:child_process";
import { existsSync, readdirSync } from "node:fs";
import { type AddressInfo, connect, createServer } from "node:net";
import process from "node:process";
import { test } from "node:test";
import { postgresInspector } from "../../../src/engines/postgres/inspector.ts";
import { openTestDatabase, withFolder, withTestDatabase } from "../../support/databases.ts";
import { rejectsWith } from "../../support/harbor_error.ts";
import { never, openHarbor, postgresEngines, run, withCopy } from "../../support/postgres_engines.ts";
import { withOwnedPostgres } from "../../support/postgres_role.ts";
import { startPostgres, withClient } from "../../support/servers/postgres_server.ts";
import { withSmallDisk } from "../../support/servers/small_disk.ts";

const manyRows =
  "CREATE TABLE t AS SELECT g AS id, md5(g::text) || md5((-g)::text) AS x FROM generate_series(1, 200000) g";

for (const { name, version, open } of postgresEngines) {
  test(`${name}: a full disk ends the copy, and nothing is left on it`, () =>
    withOwnedPostgres(version, "", async ({ url }) => {
      await run(url, manyRows);
      const engine = await open(url);
      await withSmallDisk(2_000, async (folder) => {
        const failed = await rejectsWith("disk_full", engine.dump(`${folder}/copy`, never));
        assert.match(failed.hint ?? "", /--backup-dir/);
        assert.deepEqual(readdirSync(folder), []);
      });
    }));

  test(`${name}: a session that an administrator ends ends the copy`, () =>
    withOwnedPostgres(version, "", async ({ url, adminUrl }) => {
      await run(url, manyRows);
      const engine = await open(url);
      await withFolder(async (folder) => {
        let ended = false;
        const end = () => {
          if (ended) return;
          ended = true;
          // Nothing goes on before it is done.
          execFileSync("psql", [
            adminUrl,
            "--command=SELECT pg_terminate_backend(pid) FROM pg_stat_activity " +
            "WHERE datname = current_database() AND pid <> pg_backend_pid()",
          ]);
        };
        await rejectsWith("connection_failed", engine.dump(`${folder}/copy`, never, end));
        assert.ok(!existsSync(`${folder}/copy`));
      });
    }));

  test(`${name}: a copy with rows that refer to nothing is not proven, and what names them is said`, () =>
    withOwnedPostgres(version, "", async ({ url, adminUrl }) => {
      await run(url, "CREATE TABLE p (id int PRIMARY KEY); CREATE TABLE t (p int REFERENCES p)");
      await run(adminUrl, "ALTER TABLE t DISABLE TRIGGER ALL; INSERT INTO t VALUES (1)");
      // Whose role may make a database to restore it in.
      const engine = await open(adminUrl);
      await withCopy(engine, async ({ path }) => {
        const { hint } = await rejectsWith("backup_failed", engine.prove(path, never));
        assert.match(hint!, /harbor-db verify --only data/);
      });
    }));

  test(`${name}: a restore that fails half way leaves the old database`, () =>
    withOwnedPostgres(version, "", async ({ url }) => {
      await run(
        url,
        `CREATE SCHEMA other; CREATE FUNCTION other.one() RETURNS int LANGUAGE sql AS 'SELECT 1';
        CREATE TABLE a (id int); INSERT INTO a VALUES (1);
        CREATE TABLE t (id int PRIMARY KEY, n int CHECK (n > other.one()))`,
      );
      const engine = await open(url);
      await withCopy(engine, async ({ path }) => {
        await run(
          url,
          "DROP TABLE t; DROP SCHEMA other CASCADE; INSERT INTO a VALUES (2); CREATE TABLE since ()",
        );
        const failed = await rejectsWith("backup_failed", engine.restore(path, never));
        assert.match(failed.message, /schema "other" does not exist/);
        assert.deepEqual(await run(url, "SELECT id FROM a"), [{ id: 1 }, { id: 2 }]);
        assert.deepEqual(await run(url, "SELECT * FROM since"), []);
      });
    }));

  test(`${name}: a restore does not commit when the lock was lost meanwhile`, () =>
    withOwnedPostgres(version, "", async ({ url, adminUrl }) => {
      await run(url, "CREATE TABLE t (id int)");
      const engine = await open(url);
      await withCopy(engine, async ({ path }) => {
        await run(url, "INSERT INTO t VALUES (1)");
        const database = await openTestDatabase(url, "write");
        let restored: Promise<unknown> = Promise.resolve();
        try {
          // Giving back a lock that is lost may fail.
          await database.withLock(async () => {
            await run(
              adminUrl,
              "SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory' " +
                "AND database = (SELECT oid FROM pg_database WHERE datname = current_database())",
            );
            restored = engine.restore(path, never, { database });
            await restored;
          }).catch(() => {});
          await rejectsWith("lock_lost", restored);
        } finally {
          await database.close();
        }
        assert.deepEqual(await run(url, "SELECT id FROM t"), [{ id: 1 }]);
      });
    }));

  test(`${name}: a restore whose last answer is lost does not say that nothing was changed`, () =>
    withOwnedPostgres(version, "", async ({ url }) => {
      await run(url, "CREATE TABLE t (id int)");
      await withCopy(await open(url), async ({ path }) => {
        await run(url, "INSERT INTO t VALUES (1)");
        await withLostAnswer(url, async (proxied) => {
          const lost = await rejectsWith("connection_failed", (await open(proxied)).restore(path, never));
          assert.match(lost.message, /whether it is committed, is not known/);
          assert.equal(lost.details["committed"], "unknown");
        });
        assert.deepEqual(await run(url, "SELECT id FROM t"), [], "it was committed");
        // Nor where it was asked to stop right then.
        const asked = new AbortController();
        await withLostAnswer(url, async (proxied) => {
          const stopped = (await open(proxied)).restore(path, asked.signal);
          const lost = await rejectsWith("connection_failed", stopped);
          assert.equal(lost.details["committed"], "unknown");
        }, () => asked.abort());
      });
    }));

  test(`${name}: scratch databases of dead runs are dropped, those of living ones, and that somebody is connected to, are not`, () =>
    withOwnedPostgres(version, "CREATEDB", async ({ url, role }) => {
      await run(url, "CREATE TABLE t (id int)");
      const engine = await open(url);
      await withClient(url, async (sql) => {
        const [own] = await sql<
          { began: string }[]
        >`SELECT concat(pid, '_', floor(extract(epoch FROM backend_start)))
          AS began FROM pg_stat_activity WHERE pid = pg_backend_pid()`;
        const living = `harbor_scratch_${own?.began}_abc123`;
        const foreign = `harbor_scratch_of_${role}`;
        const dead = `harbor_scratch_99999999_1_${randomBytes(4).toString("hex")}`;
        const used = `harbor_scratch_99999999_2_${randomBytes(4).toString("hex")}`;
        for (const name of [living, dead, foreign, used]) await sql.unsafe(`CREATE DATABASE "${name}"`);
        const inside = new URL(url);
        inside.pathname = used;
        await withClient(inside.href, async (looking) => {
          await looking`SELECT`;
          await withTestDatabase(url, async (database) => {
            const left = await postgresInspector.leftCopies(database);
            assert.deepEqual(left.map(({ name }) => name), [dead]);
            assert.ok(left[0]!.bytes! > 1_000_000);
          });
          await withCopy(engine, async ({ path }) => {
            assert.equal((await engine.prove(path, never)).proof, "scratch database");
          });
          await looking`SELECT`;
        });
        const left = await sql`SELECT datname FROM pg_database WHERE datname LIKE 'harbor_scratch_%'
          AND datdba = current_user::regrole ORDER BY datname`;
        assert.deepEqual(left.map((row) => row["datname"]), [living, foreign, used].sort());
      });
    }));
}

/** Runs `work` with an address behind which the connection ends instead of answering a COMMIT of something written. */
async function withLostAnswer(
  url: string,
  work: (proxied: string) => Promise<void>,
  onLoss = () => {},
): Promise<void> {
  let isWriting = false;
  await withProxy(url, (said) => {
    isWriting ||= said.includes("READ WRITE");
    if (!isWriting || !said.includes("COMMIT\0")) return "answer";
    onLoss();
    return "lose the answer";
  }, work);
}

/** Runs `work` with another address of the server. `judge` is told what clients say. */
async function withProxy(
  url: string,
  judge: (said: string) => "answer" | "lose the answer" | "hang up",
  work: (proxied: string) => Promise<void>,
): Promise<void> {
  const proxy = createServer((client) => {
    const upstream = connect(Number(new URL(url).port), "127.0.0.1");
    let isLost = false;
    for (const socket of [client, upstream]) socket.on("error", () => {});
    client.on("data", (data: Uint8Array) => {
      const verdict = judge(Buffer.from(data).toString("latin1"));
      if (verdict === "hang up") return client.destroy();
      isLost ||= verdict === "lose the answer";
      upstream.write(data);
    });
    upstream.on("data", (data: Uint8Array) => isLost ? client.destroy() : client.write(data));
    client.on("close", () => upstream.end());
    upstream.on("close", () => client.destroy());
  });
  await new Promise<void>((resolve) => proxy.listen(0, "127.0.0.1", resolve));
  const proxied = new URL(url);
  proxied.port = String((proxy.address() as AddressInfo).port);
  try {
    await work(proxied.href);
  } finally {
    proxy.close();
  }
}

test("harbor: a connection to a scratch database that breaks off is made once more", () =>
  withOwnedPostgres(15, "CREATEDB", async ({ url }) => {
    await run(url, "CREATE TABLE t (id int); INSERT INTO t VALUES (1)");
    let broken = 0;
    const breaksOff = (said: string) => said.includes("database\0harbor_scratch_") && broken++ === 0;
    await withProxy(url, (said) => breaksOff(said) ? "hang up" : "answer", async (proxied) => {
      const engine = await openHarbor(proxied);
      await withCopy(engine, async ({ path }) => {
        const { proof, notRestored } = await engine.prove(path, never);
        assert.deepEqual([proof, notRestored], ["scratch database", null]);
        assert.ok(broken > 1);
      });
    });
  }));

test("harbor: where only known databases can be connected to, a copy is read back", () =>
  withOwnedPostgres(15, "CREATEDB", async ({ url }) => {
    await run(url, "CREATE TABLE t (id int); INSERT INTO t VALUES (1)");
    const isRefused = (said: string) => said.includes("database\0harbor_scratch_");
    await withProxy(url, (said) => isRefused(said) ? "hang up" : "answer", async (proxied) => {
      const engine = await openHarbor(proxied);
      await withCopy(engine, async ({ path, content }) => {
        assert.deepEqual(await engine.prove(path, never), {
          content,
          proof: "read back",
          notRestored: "the role may not connect to a new database",
          host: null,
        });
      });
    });
    assert.deepEqual(
      await run(
        url,
        "SELECT datname FROM pg_database WHERE datname LIKE 'harbor_scratch%' " +
          "AND datdba = current_user::regrole",
      ),
      [],
    );
  }));

for (const { name, version, open } of postgresEngines.filter((engine) => engine.version === 15)) {
  test(`${name}: a server that dies ends the copy`, async () => {
    const server = await startPostgres(version);
    try {
      await run(server.adminUrl, manyRows);
      const engine = await open(server.adminUrl);
      await withFolder(async (folder) => {
        let killed = false;
        const kill = () => {
          if (!killed) process.kill(server.pid()!, "SIGQUIT");
          killed = true;
        };
        await rejectsWith("connection_failed", engine.dump(`${folder}/copy`, never, kill));
        assert.ok(killed && !existsSync(`${folder}/copy`));
      });
    } finally {
      await server.stop();
    }
  });
}

test("harbor: what no copy holds and cannot be made again is not dropped with the tables", () =>
  withOwnedPostgres(15, "", async ({ url }) => {
    await run(url, "CREATE TABLE t (id int)");
    const engine = await openHarbor(url);
    await withCopy(engine, async ({ path }) => {
      await run(
        url,
        `CREATE FUNCTION pick(t, t) RETURNS t LANGUAGE sql AS 'SELECT $1'; CREATE AGGREGATE first_t (t) (sfunc = pick, stype = t)`,
      );
      const refused = await rejectsWith("backup_failed", engine.restore(path, never));
      assert.match(refused.message, /aggregate public\.first_t\(public\.t\)/);
      assert.deepEqual(await run(url, "SELECT (first_t(t)).id FROM t"), [{ id: null }]);
    });
  }));

test("harbor: a view that does not fit the restored tables keeps the old ones", () =>
  withOwnedPostgres(15, "", async ({ url }) => {
    await run(url, "CREATE TABLE t (id int)");
    const engine = await openHarbor(url);
    await withCopy(engine, async ({ path }) => {
      await run(
        url,
        "ALTER TABLE t ADD later int; CREATE VIEW with_later AS SELECT later FROM t; INSERT INTO t VALUES (1, 2)",
      );
      await rejectsWith("backup_failed", engine.restore(path, never));
      assert.deepEqual(await run(url, "SELECT later FROM with_later"), [{ later: 2 }]);
    });
  }));
