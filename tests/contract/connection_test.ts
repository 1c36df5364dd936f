import { sql } from "../support/user_sql.ts";
import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { test } from "node:test";
import type { HarborError } from "../../src/base/errors.ts";
import { openTestDatabase } from "../support/databases.ts";
import { eachEngine } from "../support/each_engine.ts";
import { rejectsWith } from "../support/harbor_error.ts";
import { startPostgres } from "../support/servers/postgres_server.ts";
import { startSqld } from "../support/servers/sqld_server.ts";

/** Asserts that neither what is shown nor what programs get has the password. */
function assertSilentAbout(secret: string, error: HarborError): void {
  const shown = JSON.stringify([error.message, error.hint, error.details]);
  assert.ok(!shown.includes(secret) && !shown.includes(encodeURIComponent(secret)), shown);
}

function without(url: string, change: (url: URL) => void): string {
  const changed = new URL(url);
  change(changed);
  return changed.href;
}

eachEngine("a wrong password is connection_failed and is not repeated", async ({ url }) => {
  const wrong = without(url, (parts) => parts.password = "not-the-password");
  const error = await rejectsWith("connection_failed", openTestDatabase(wrong));
  assertSilentAbout("not-the-password", error);
  assert.ok(error.hint !== undefined);
}, "postgresql");

eachEngine("a database that the server does not have is connection_failed", async ({ url }) => {
  const missing = without(url, (parts) => parts.pathname = "/no_such_harbor");
  const error = await rejectsWith("connection_failed", openTestDatabase(missing));
  assert.match(error.message, /no_such_harbor/);
  assertSilentAbout("app secret/1", error);
}, "postgresql");

eachEngine("a right that the role does not have is read_only", async ({ database }) => {
  await rejectsWith("read_only", database.read(sql`SELECT * FROM pg_authid`));
}, "postgresql");

for (const scheme of ["postgresql://harbor:secret-word@", "http://", "libsql://"]) {
  test(`${scheme}: a server that is not there is connection_failed`, async () => {
    const closed = createServer().listen(0, "127.0.0.1");
    await once(closed, "listening");
    const { port } = closed.address() as AddressInfo;
    closed.close();
    await once(closed, "close");
    const tls = scheme === "libsql://" ? "?tls=0" : "";
    const path = scheme.startsWith("postgresql") ? "/harbor" : "";
    const url = `${scheme}127.0.0.1:${port}${path}${tls}`;
    const error = await rejectsWith("connection_failed", openTestDatabase(url));
    assert.match(error.message, new RegExp(String(port)));
    assertSilentAbout("secret-word", error);
  });
}

test("libsql: a server that asks for another token is connection_failed and the token is not repeated", async () => {
  const server = await startSqld(["--http-auth", `basic:${btoa("harbor:right")}`]);
  try {
    const url = `${server.url}?authToken=wrong-token`;
    const error = await rejectsWith("connection_failed", openTestDatabase(url));
    assertSilentAbout("wrong-token", error);
    assert.ok(error.hint !== undefined);
  } finally {
    await server.stop();
  }
});

test("libsql: a web server that is no database is connection_failed", async () => {
  const server = createServer((_request, response) => response.writeHead(404).end("<h1>Not here</h1>"));
  await once(server.listen(0, "127.0.0.1"), "listening");
  try {
    const { port } = server.address() as AddressInfo;
    await rejectsWith("connection_failed", openTestDatabase(`http://127.0.0.1:${port}`));
  } finally {
    server.close();
  }
});

test("libsql: a server that goes away is connection_failed, under the lock too", async () => {
  const server = await startSqld();
  const database = await openTestDatabase(server.url);
  await database.write([sql`CREATE TABLE t (n INTEGER)`]);
  await server.stop();
  await rejectsWith("connection_failed", database.read(sql`SELECT n FROM t`));
  await database.close();
});

test("postgres 15: a server that goes away is connection_failed, and lock_lost under the lock", async () => {
  const server = await startPostgres(15);
  try {
    const reader = await openTestDatabase(server.adminUrl);
    const holder = await openTestDatabase(server.adminUrl);
    await holder.withLock(async () => {
      await server.stop();
      await rejectsWith("lock_lost", holder.write([sql`CREATE TABLE t (n INTEGER)`]));
    });
    await rejectsWith("connection_failed", reader.read(sql`SELECT 1`));
    await reader.close();
    await holder.close();
  } finally {
    await server.stop();
  }
});
