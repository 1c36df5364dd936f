import assert from "node:assert/strict";
import { test } from "node:test";
import { attachedQuery } from "../../../src/engines/postgres/catalogs/attached.ts";
import { runHere } from "../../support/run_here.ts";
import { storageFields } from "../../support/samples/application.ts";
import { withClient, withFreshPostgres } from "../../support/servers/postgres_server.ts";
import { withSlowWay } from "../../support/servers/slow_way.ts";

// A server may be far away, and then each way there and back takes longer than what is done there. One version is enough.

/** Runs a command line and returns what was sent once the server had let it in, a text for each way there and back. */
function sentBy(url: string, args: readonly string[]): Promise<readonly string[]> {
  const near = new URL(url);
  return withSlowWay(Number(near.port), async (way) => {
    near.port = String(way.port);
    near.searchParams.set("sslmode", "disable");
    const { code, stderr } = await runHere(args, { env: { DATABASE_URL: near.href } });
    assert.equal(code, 0, stderr);
    // Where a batch takes long, another session looks who is in its way.
    const own = way.sent[0]!;
    const first = own.findIndex((text) => text.includes("pg_backend_pid() AS pid, "));
    return own.slice(first).filter((text) => text !== goodbye && !isAskedAgain(text));
  });
}

/** Whether it is asked only again whose code would run: an answer counts for a second, and a busy machine may take longer. */
function isAskedAgain(text: string): boolean {
  return text.includes("FROM pg_shdepend") && text.indexOf("BEGIN READ ONLY") === 6;
}

/** Protocol message `Terminate`. */
const goodbye = "X\0\0\0\x04";

/** How often a text was sent. */
function countOf(sent: readonly string[], text: string): number {
  return sent.join("").split(text).length - 1;
}

/** What was sent, for a failure: the texts of statements alone can be read. */
function shown(sent: readonly string[]): string {
  return sent.map((text, place) => `${place + 1}: ${text.replaceAll(/[^ -~]+/g, " ")}`).join("\n");
}

test("postgres: an upgrade of a new database, and status, ask together what does not depend on each other", () =>
  withFreshPostgres(15, async (url) => {
    const upgrade = await sentBy(url, ["upgrade", storageFields, "--no-backup"]);
    assert.ok(upgrade.length <= 18, shown(upgrade));
    // Before the first look, under the lock, and in the transaction itself.
    assert.equal(countOf(upgrade, "FROM pg_shdepend"), 3);
    // What the user may do does not change with the lock.
    assert.equal(countOf(upgrade, "pg_is_in_recovery"), 1);
    const status = await sentBy(url, ["status"]);
    assert.ok(status.length <= 5, shown(status));
    assert.equal(countOf(status, "FROM pg_shdepend"), 1);
  }));

test("postgres: what hangs on tables and indexes is read only where something does", () =>
  withFreshPostgres(15, async (url) => {
    await sentBy(url, ["upgrade", storageFields, "--no-backup"]);
    const bare = await sentBy(url, ["upgrade", "head", "--no-backup"]);
    // It builds indexes beside writers, and puts them in the place of others.
    assert.ok(countOf(bare, "CREATE UNIQUE INDEX CONCURRENTLY") > 0, shown(bare));
    assert.equal(countOf(bare, attachedQuery("").slice(0, 30)), 0, shown(bare));
  }));

test("postgres: what hangs on tables and indexes is read again only where some of it is gone", () =>
  withFreshPostgres(15, async (url) => {
    await sentBy(url, ["upgrade", storageFields, "--no-backup"]);
    await withClient(url, async (client) => {
      await client`COMMENT ON TABLE users IS 'of the harbour'`;
    });
    const sent = await sentBy(url, ["upgrade", "head", "--no-backup"]);
    const readings = countOf(sent, attachedQuery("").slice(0, 30));
    assert.ok(readings > 0, shown(sent));
    assert.equal(readings, countOf(sent, "FROM pg_publication_rel) AS used"), shown(sent));
  }));
