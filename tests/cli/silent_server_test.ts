import assert from "node:assert/strict";
import { test } from "node:test";
import { withFolder } from "../support/databases.ts";
import { startCli } from "../support/run_cli.ts";
import { withFreezingProxy } from "../support/servers/freezing_proxy.ts";
import { withFreshPostgres } from "../support/servers/postgres_server.ts";
import { withProxy } from "../support/servers/proxy.ts";
import { withFreshLibsql } from "../support/servers/sqld_server.ts";

// One row a place: what the client says to which there is no answer, and with which commands.
const places: readonly (readonly [string, RegExp | readonly RegExp[], readonly (readonly string[])[]])[] = [
  ["lets nobody in", /user/, [["status"], ["upgrade"], ["backup"]]],
  ["answers no question", /READ ONLY|default_transaction_read_only/, [["status"], ["kept", "list"]]],
  ["answers no question of a plan", /BEGIN READ ONLY/, [["upgrade"], ["downgrade", "base", "--yes"]]],
  ["answers no question under the lock", [/pg_try_advisory_lock/, /BEGIN READ ONLY/], [["upgrade"], [
    "stamp",
    "head",
    "--yes",
  ]]],
];

for (const [what, silentAt, commands] of places) {
  test(`postgres 15: one signal ends what waits for a server that ${what}`, () =>
    withFreshPostgres(15, (url) =>
      withFolder(async (cwd) => {
        for (const args of commands) {
          const { port } = new URL(url);
          await withFreezingProxy(Number(port), silentAt, async (proxy) => {
            const address = new URL(url);
            address.port = String(proxy.port);
            address.searchParams.set("sslmode", "disable");
            const env = { DATABASE_URL: address.href };
            const running = startCli(args, { cwd, env, limitMs: 30_000 });
            await proxy.frozen;
            running.kill("SIGTERM");
            const { code, stderr } = await running.result;
            assert.equal(code, 130, `${args.join(" ")}\n${stderr}`);
            assert.match(stderr, /^error: Stopped on request/m);
          });
        }
      })));
}

for (
  const [what, silentAt, command] of [
    ["answers no question of a plan", [/SELECT 1/, /sqlite_schema/], "upgrade"],
    ["answers no question under the lock", [/UPDATE harbor_lock/, /sqlite_schema/], "upgrade"],
    ["does not give the lock", [/CREATE TABLE IF NOT EXISTS harbor_lock/], "upgrade"],
    ["does not send what is copied", [/SELECT 1 FROM sqlite_schema LIMIT 1/], "backup"],
  ] as const
) {
  test(`libsql: one signal ends what waits for a server that ${what}`, () =>
    withFreshLibsql((url) =>
      withFolder((cwd) =>
        withFreezingProxy(Number(new URL(url).port), silentAt, async (proxy) => {
          const env = { DATABASE_URL: `http://127.0.0.1:${proxy.port}` };
          const running = startCli([command], { cwd, env, limitMs: 30_000 });
          await proxy.frozen;
          running.kill("SIGTERM");
          const { code, stderr } = await running.result;
          assert.equal(code, 130, stderr);
          assert.match(stderr, /^error: Stopped on request/m);
        })
      )
    ));
}

test("libsql: one signal ends what waits for a server that never answers", () =>
  withFolder(async (cwd) => {
    let heard = () => {};
    const hearing = new Promise<void>((resolve) => heard = resolve);
    await withProxy(1, (client) => client.on("data", () => heard()), async (port) => {
      const running = startCli(["status"], { cwd, env: { DATABASE_URL: `http://127.0.0.1:${port}` } });
      await hearing;
      running.kill("SIGINT");
      const { code, stderr } = await running.result;
      assert.equal(code, 130, stderr);
    });
  }));
