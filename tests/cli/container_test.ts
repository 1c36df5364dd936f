import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { chown, mkdir, readdir, realpath } from "node:fs/promises";
import { join } from "node:path";
import process from "node:process";
import { test } from "node:test";
import { sqliteUrl, withFolder, withTestDatabase } from "../support/databases.ts";
import { runCli, startCli } from "../support/run_cli.ts";

/** A user that no list of users has. */
const uid = 54_321;

/** Leaves one folder that can be written, and neither a user's name nor a folder of its own. */
const inContainer = `set -e
mount --make-rprivate /
mount --bind "$1" "$1"
mount --options remount,ro,bind /
cd "$1"
shift
exec env -u HOME -u XDG_STATE_HOME -u TMPDIR -u USER setpriv --reuid=${uid} --regid=${uid} --clear-groups "$@"`;

test("all works in a container: no entry in /etc/passwd, no HOME, and nothing to write but the volume", () =>
  withFolder(async (folder) => {
    const cwd = await realpath(folder);
    // Deno, which runs the sources, keeps what it translated.
    const env = { DENO_DIR: join(cwd, "deno") };
    await mkdir(env.DENO_DIR);
    for (const path of [cwd, env.DENO_DIR]) await chown(path, uid, uid);
    const under = ["unshare", "--mount", "sh", "-c", inContainer, "sh", cwd];
    const run = async (line: string) => {
      const result = await runCli(line.split(" "), { cwd, env, under });
      assert.equal(result.code, 0, `${line}: ${result.stdout}${result.stderr}`);
      return result.stdout;
    };
    await run("upgrade 5b09ebe23c76");
    assert.match(await run("upgrade"), /^backed up .*proven \(opened\)$/m);
    assert.match(await run("verify --log verify.jsonl --report verify.html"), /^healthy: 5 passed/m);
    assert.match(
      await run("verify"),
      /^warn +lock .*\n +Give a folder that this user may write: --log FILE/m,
    );
    await run(
      "restore openharbor --yes --to sqlite:///look.db".replace("openharbor", (await backupIn(cwd))!),
    );
    assert.ok((await readdir(cwd)).includes("verify.html"));
  }));

async function backupIn(cwd: string): Promise<string | undefined> {
  return (await readdir(join(cwd, "backups"))).find((file) => file.endsWith(".db"))?.replace(/\.db$/, "");
}

test("as process 1 of a container it stops when it is told to, with 130", () =>
  withFolder(async (cwd) => {
    const url = sqliteUrl(join(cwd, "openharbor.db"));
    assert.equal((await runCli(["upgrade", "71dda59686db"], { cwd })).code, 0);
    await withTestDatabase(url, (database) =>
      database.withLock(async () => {
        for (const signal of ["SIGTERM", "SIGINT"] as const) {
          const under = ["unshare", "--pid", "--fork", "--mount-proc"];
          const cli = startCli(["upgrade"], { cwd, under });
          await cli.until(/waiting for the lock/);
          process.kill(firstProcessOf(cli.pid), signal);
          const { code, stderr } = await cli.result;
          assert.equal(code, 130, stderr);
          assert.match(stderr, /Stopped on request/);
        }
      }));
  }));

/** Returns the child that `unshare` started, as the machine numbers it. */
function firstProcessOf(pid: number): number {
  const [child] = readdirSync(`/proc/${pid}/task`).flatMap((task) =>
    readFileSync(`/proc/${pid}/task/${task}/children`, "utf8").split(" ").filter((each) => each !== "")
  );
  return Number(child);
}
