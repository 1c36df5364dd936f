import { Buffer } from "node:buffer";
import { sql } from "../../support/user_sql.ts";
import assert from "node:assert/strict";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { DatabaseSync } from "node:sqlite";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import type { Database } from "../../../src/engines/database.ts";
import { withTestDatabase } from "../../support/databases.ts";
import { rejectsWith } from "../../support/harbor_error.ts";
import { longReads, longTable, startSqld, withFreshLibsql } from "../../support/servers/sqld_server.ts";

/**
 * What happens to one request: `late` reaches the server only after the token was replaced; `twice` reaches it twice,
 * and the second answer comes back.
 */
type Fate = "pass" | "drop before" | "drop after" | "late" | "twice" | "500";

/** A server between harbor-db and the libSQL server that loses what it is told to. */
interface Gateway {
  readonly url: string;
  /** Fates of the requests to come that hold a text; all others pass. */
  lose(text: string, ...fates: readonly Fate[]): void;
  /** Resolves when every late request has been answered by the server. */
  settled(): Promise<void>;
}

async function withGateway(work: (gateway: Gateway, database: Database) => Promise<void>): Promise<void> {
  await withFreshLibsql(async (target) => {
    let watched = "";
    let fates: Fate[] = [];
    const late: (() => Promise<unknown>)[] = [];
    const sent: Promise<unknown>[] = [];
    const server = createServer(async (request: IncomingMessage, response: ServerResponse) => {
      const chunks: Uint8Array[] = [];
      for await (const chunk of request) chunks.push(chunk);
      const body = new TextDecoder().decode(Buffer.concat(chunks));
      const forward = async () => {
        const answer = await fetch(target + request.url, { method: "POST", body });
        return { status: answer.status, text: await answer.text() };
      };
      const fate = watched !== "" && body.includes(watched) ? fates.shift() ?? "pass" : "pass";
      if (fate === "late") late.push(forward);
      if (fate === "drop after" || fate === "twice") await forward();
      if (fate === "500") return response.writeHead(500).end("out of order");
      if (fate !== "pass" && fate !== "twice") return request.socket.destroy();
      const { status, text } = await forward();
      if (body.includes("SET token = ?")) { for (const each of late.splice(0)) sent.push(each()); }
      response.writeHead(status, { "content-type": "application/json" }).end(text);
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const gateway: Gateway = {
      url,
      lose(text, ...next) {
        watched = text;
        fates = [...next];
      },
      settled: async () => void await Promise.all(sent),
    };
    try {
      await withTestDatabase(url, (database) => work(gateway, database));
    } finally {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    }
  });
}

const insert = sql`INSERT INTO t (n) VALUES (${7})`;

async function values(database: Database): Promise<readonly number[]> {
  return (await database.read<{ n: number }>(sql`SELECT n FROM t`)).map((row) => row.n);
}

for (const fate of ["drop before", "500", "late"] as const) {
  test(`libsql: under the lock a batch whose request is lost (${fate}) is sent again, and runs once`, () =>
    withGateway(async (gateway, database) => {
      await database.write([sql`CREATE TABLE t (n INTEGER)`]);
      await database.withLock(async () => {
        gateway.lose("INSERT INTO t", fate);
        assert.deepEqual(await database.write([insert]), [1]);
        await gateway.settled();
        assert.deepEqual(await values(database), [7]);
        assert.deepEqual(await database.write([sql`DELETE FROM t`]), [1]);
      });
    }));
}

for (const fate of ["drop after", "twice"] as const) {
  test(`libsql: under the lock a batch that was committed runs once when its answer is lost (${fate})`, () =>
    withGateway(async (gateway, database) => {
      await database.write([sql`CREATE TABLE t (n INTEGER)`]);
      await database.withLock(async () => {
        gateway.lose("INSERT INTO t", fate);
        const error = await rejectsWith("connection_failed", database.write([insert]));
        assert.equal(error.details["committed"], true);
        assert.deepEqual(await values(database), [7]);
        // The lock is still ours: the batch put a new token in place, and that is known now.
        assert.deepEqual(await database.write([insert]), [1]);
      });
      assert.equal(await database.lockHolder(), undefined);
    }));
}

test("libsql: outside the lock a batch is not sent again when it may have been committed", () =>
  withGateway(async (gateway, database) => {
    await database.write([sql`CREATE TABLE t (n INTEGER)`]);
    gateway.lose("INSERT INTO t", "drop after");
    await rejectsWith("connection_failed", database.write([insert]));
    assert.deepEqual(await values(database), [7]);
  }));

test("libsql: a read whose answer is lost is sent again", () =>
  withGateway(async (gateway, database) => {
    gateway.lose("SELECT 5", "drop after", "drop before", "500");
    assert.deepEqual(await database.read(sql`SELECT 5 AS n`), [{ n: 5 }]);
  }));

test("libsql: taking the lock and looking what became of a batch survive lost answers too", () =>
  withGateway(async (gateway, database) => {
    await database.write([sql`CREATE TABLE t (n INTEGER)`]);
    gateway.lose("SET token = ?, owner", "drop after");
    await database.withLock(async () => {
      gateway.lose("harbor_lock", "drop after", "drop after", "drop before");
      const error = await rejectsWith("connection_failed", database.write([insert]));
      assert.equal(error.details["committed"], true);
    });
    assert.deepEqual(await values(database), [7]);
    assert.equal(await database.lockHolder(), undefined);
  }));

test("libsql: a batch that the server takes the write lock from is run again as a whole", async () => {
  const { url, file, stop } = await startSqld();
  try {
    await withTestDatabase(url, (first) =>
      withTestDatabase(url, async (second) => {
        await first.write([sql.raw(longTable)]);
        const slow = longReads.map((text) => sql.raw(text));
        const long = first.write([
          sql`INSERT INTO t (n) VALUES (1)`,
          ...slow,
          sql`INSERT INTO t (n) VALUES (2)`,
        ]);
        while (!isLocked(file)) await sleep(20);
        const began = performance.now();
        await second.write([sql`INSERT INTO t (n) VALUES (99)`]);
        assert.ok(performance.now() - began > 3_000, "the first one was not under way");
        assert.deepEqual(await long, [1, ...slow.map(() => 0), 1]);
        const rows = await first.read<{ n: number }>(sql`SELECT n FROM t ORDER BY rowid`);
        assert.deepEqual(rows.map((row) => row.n), [99, 1, 2]);
      }));
  } finally {
    await stop();
  }
});

/** Says whether somebody writes to a file of SQLite's. */
function isLocked(file: string): boolean {
  const database = new DatabaseSync(file, { timeout: 0 });
  try {
    database.exec("BEGIN IMMEDIATE; ROLLBACK");
    return false;
  } catch {
    return true;
  } finally {
    database.close();
  }
}
