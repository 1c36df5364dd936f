import assert from "node:assert/strict";
import { chown, mkdir, readdir } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { withFolder } from "../support/databases.ts";
import { type Owned, withOwner } from "../support/other_user.ts";
import { runCli } from "../support/run_cli.ts";

const server = "postgresql://127.0.0.1:1/x";

/** Runs `work` as a user that no list of users has, and that has no home. */
async function withStranger(
  work: (owned: Owned, env: Record<string, string>) => Promise<void>,
): Promise<void> {
  await withOwner(async ({ folder, as }) => {
    const uid = 54321;
    const cache = join(folder, "..", "cache");
    await mkdir(cache);
    for (const path of [folder, cache]) await chown(path, uid, as.gid);
    const env = { DENO_DIR: cache, TMPDIR: folder, XDG_STATE_HOME: join(folder, "state") };
    await work({ folder, as: { uid, gid: as.gid, home: "" } }, env);
  });
}

test("without USER the role is the one that the list of users names", () =>
  withOwner(async ({ folder, as }) => {
    const mine = await runCli(["status", "--database-url", server], { cwd: folder });
    assert.match(mine.stderr, /postgresql:\/\/root@127\.0\.0\.1:1\/x/);
    const nobody = await runCli(["status", "--database-url", server], { cwd: folder, as });
    assert.match(nobody.stderr, /postgresql:\/\/nobody@127\.0\.0\.1:1\/x/);
  }));

test("a user whom no list has is told to name the role", () =>
  withStranger(async ({ folder, as }, env) => {
    const result = await runCli(["status", "--database-url", server], { cwd: folder, as, env });
    assert.equal(result.code, 2, result.stderr);
    assert.match(result.stderr, /it names no user/);
    assert.match(result.stderr, /PGUSER/);
  }));

test("a user without a home or a name can do everything else", () =>
  withStranger(async ({ folder, as }, env) => {
    const run = (...args: readonly string[]) => runCli(args, { cwd: folder, as, env });
    assert.equal((await run("upgrade")).code, 0);
    const verified = await run("verify", "--skip", "backup", "--strict");
    assert.equal(verified.code, 0, verified.stdout + verified.stderr);
    const homeless = await run("schedule");
    assert.equal(homeless.code, 2, homeless.stdout);
    assert.match(homeless.stderr, /this user has no home folder/);
    const named = await run("schedule", "--install", "--unit-dir", "units", "--env-file", "e");
    assert.equal(named.code, 0, named.stderr);
    assert.equal((await readdir(join(folder, "units"))).length, 3);
    const cron = await run("schedule", "--cron", "--env-file", "e", "--unit-dir", "units");
    assert.equal(cron.code, 0, cron.stderr);
  }));

const directive = "ExecStartPre=/bin/touch /tmp/harbor_db_was_here";

for (
  const args of [["schedule"], ["schedule", "--install", "--unit-dir", "u", "--env-file", "e"], [
    "schedule",
    "--cron",
  ]]
) {
  test(`${args.slice(0, 2).join(" ")} writes no line of its own for a line break in a name`, () =>
    withFolder(async (cwd) => {
      const names: readonly (readonly [readonly string[], Record<string, string>])[] = [
        [[], { DATABASE_URL: `sqlite:///x\n${directive}\n.db` }],
        [["--report", `r\n${directive}`], {}],
        [["--backup-dir", `b\r${directive}`], {}],
        ...args.includes("--cron") ? [] : [
          [["--user", `app\n${directive}`], {}],
          [["--on-failure", `a.service\n${directive}`], {}],
        ] as const,
        ...args.includes("--env-file") ? [] : [[["--env-file", `e\n${directive}`], {}]] as const,
      ];
      for (const [more, env] of names) {
        // A password, so that the line names the file of secrets.
        const url: Record<string, string> = more.includes("--env-file")
          ? { DATABASE_URL: "postgresql://a:b@127.0.0.1/x" }
          : {};
        const result = await runCli([...args, ...more], { cwd, env: { ...url, ...env } });
        assert.equal(result.code, 2, `${JSON.stringify(more)}: ${result.stdout}`);
        assert.doesNotMatch(result.stdout + result.stderr, /^ExecStartPre/m);
        assert.deepEqual(await readdir(cwd), []);
      }
    }));
}
