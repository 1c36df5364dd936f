import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import process from "node:process";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { engines, sqliteUrl, withFolder } from "../support/databases.ts";
import { runCli, type RunningCli, startCli } from "../support/run_cli.ts";
import { addFiles, initial, valueOf } from "../support/samples/application.ts";
import { makeOrigin, origins } from "../support/samples/origins.ts";
import { writeSecondRevision } from "../support/samples/second_revision.ts";
import { withSchemaProject } from "../support/samples/schema_project.ts";

const sqlite = engines.find(({ name }) => name === "sqlite file")!;
const interrupt = "\x03";
const endOfInput = "\x04";

/** Stops a run at its question and fails unless it ends at once, saying so. */
async function stopAtQuestion(running: RunningCli, question: RegExp, stop: () => void): Promise<void> {
  await running.until(question);
  const began = performance.now();
  stop();
  const { code, stdout } = await running.result;
  assert.equal(code, 130, stdout);
  assert.match(stdout, /\nerror: Stopped at the question: nothing was changed\n/);
  assert.doesNotMatch(stdout, /stopping/);
  assert.ok(performance.now() - began < 60_000, "it did not end at once");
}

/** Returns the process that `script` gave a terminal. */
function onTerminal({ pid }: RunningCli): number {
  return Number(readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8"));
}

test("Ctrl-C, Ctrl-D, SIGTERM and a closed terminal at a question end the run at once, and nothing is changed", () =>
  withFolder(async (cwd) => {
    const tty = { cwd, tty: true, env: { NO_COLOR: "1" } };
    await runCli(["upgrade", "+2"], { cwd });
    const { backup } = (await runCli(["backup", "--json"], { cwd })).json<{ backup: { path: string } }>();
    const install = ["schedule", "--install", "--unit-dir", "units"];
    await runCli(install, { cwd });
    const file = join(cwd, "openharbor.db");
    const before = readFileSync(file);
    const questions = [
      [["downgrade", "-1"], interrupt],
      [["restore", backup.path], endOfInput],
      [["stamp", initial], interrupt],
      [[...install, "--at", "01:23"], endOfInput],
    ] as const;
    for (const [args, key] of questions) {
      const running = startCli(args, tty);
      await stopAtQuestion(running, /\[y\/N\] $/, () => running.type(key));
    }
    const terminated = startCli(["downgrade", "-1"], tty);
    await stopAtQuestion(terminated, /\[y\/N\] $/, () => process.kill(onTerminal(terminated), "SIGTERM"));

    const closed = startCli(["downgrade", "-1"], tty);
    await closed.until(/\[y\/N\] $/);
    const pid = onTerminal(closed);
    closed.kill("SIGKILL");
    for (let waited = 0; existsSync(`/proc/${pid}`); waited++) {
      assert.ok(waited < 100, "it outlived its terminal");
      await sleep(50);
    }

    const told = startCli(["downgrade", "-1"], {
      ...tty,
      under: ["sh", "-c", 'trap "" HUP; exec "$@"', "nohup"],
    });
    await told.until(/\[y\/N\] $/);
    process.kill(onTerminal(told), "SIGHUP");
    told.type("n\n");
    assert.equal((await told.result).code, 4);
    assert.deepEqual(readFileSync(file), before);
  }));

test("Ctrl-C at adopt's question, and at generate's, changes nothing", async () => {
  await withFolder(async (cwd) => {
    const path = join(cwd, "openharbor.db");
    await writeFile(path, "");
    await makeOrigin(sqlite, sqliteUrl(path), origins[0]!);
    const before = readFileSync(path);
    const running = startCli(["adopt"], { cwd, tty: true, env: { NO_COLOR: "1" } });
    await stopAtQuestion(running, /\[y\/N\] $/, () => running.type(interrupt));
    assert.deepEqual(readFileSync(path), before);
  });
  await withSchemaProject(async (project) => {
    await project.edit("thumb_path:", "preview_path:");
    const before = await project.files();
    const running = startCli(["generate", "Call it preview"], {
      cwd: project.cwd,
      tty: true,
      columns: 52,
      env: { NO_COLOR: "1" },
    });
    await stopAtQuestion(running, /\[1-2\] $/, () => running.type(interrupt));
    const { stdout } = await running.result;
    const asked = stdout.slice(stdout.indexOf("files.thumb_path"), stdout.indexOf("[1-2]"));
    assert.equal(Math.max(...asked.split("\n").map((line) => line.length)) <= 52, true, asked);
    assert.match(asked, /\n {2}2 {2}it is dropped, with what it holds\n$/);
    assert.deepEqual(await project.files(), before);
  });
});

test("an upgrade says in one line that fits what it does, never goes back, and names each revision when it is done", () =>
  withFolder(async (cwd) => {
    const file = join(cwd, "openharbor.db");
    await runCli(["upgrade", initial], { cwd });
    await addFiles(sqlite, sqliteUrl(file), 3_000);
    const { code, stdout } = await runCli(["upgrade", "--batch-time", "10000"], {
      cwd,
      tty: true,
      columns: 60,
      env: { NO_COLOR: "1" },
    });
    assert.equal(code, 0, stdout);
    const drawn = stdout.split("\r\x1b[J").map((text) => text.split("\n")[0]!);
    const works = ["looking ahead", "backup:", "backfill files", "upgrading"];
    for (const work of works) {
      const lines = drawn.filter((text) => text.startsWith(work));
      assert.ok(lines.length > 0 && lines.every((text) => text.length < 60), stdout);
    }
    assert.match(stdout, /\d %/);
    for (const work of ["backup:", "backfill files"]) {
      const shares = drawn.filter((text) => text.startsWith(work))
        .flatMap((text) => /(\d+) %/.exec(text)?.[1] ?? []).map(Number);
      assert.deepEqual(shares, shares.toSorted((a, b) => a - b));
    }
    const said = stdout.match(/(upgrading|upgraded) +[0-9a-f]{12}/g)!;
    assert.deepEqual(
      said.map((text) => text.split(" ")[0]),
      ["upgrading", "upgraded", "upgrading", "upgraded", "upgrading", "upgraded"],
    );

    const quiet = await runCli(["verify", "--quiet", "--skip", "backup"], { cwd, tty: true });
    assert.equal(quiet.stdout, "");
  }));

test("a second Ctrl-C ends at once a statement on a large file that would never end, and nothing is half done", () =>
  withFolder(async (cwd) => {
    const env = { NO_COLOR: "1", HARBOR_DB_DIR: join(cwd, "drizzle") };
    await writeSecondRevision(env.HARBOR_DB_DIR, {
      up:
        "UPDATE users SET email = (WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT max(i) FROM n)",
    });
    await runCli(["upgrade", initial], { cwd, env });
    const url = sqliteUrl(join(cwd, "openharbor.db"));
    await addFiles(sqlite, url, 1);
    await sqlite.query(url, "UPDATE files SET storage_path = CAST(zeroblob(17000000) AS TEXT)");
    const running = startCli(["upgrade", "--no-backup"], { cwd, env, tty: true });
    await running.until(/upgrading 0000/);
    running.type(interrupt);
    await running.until(/stopping as soon as nothing is half done; once more stops at once/);
    // A second one that comes with the first is no second word.
    await sleep(400);
    running.type(interrupt);
    assert.equal((await running.result).code, 130);
    const { current, lock } = (await runCli(["status", "--json"], { cwd, env })).json();
    assert.deepEqual([current, lock], [initial, null]);
    assert.equal(await valueOf(sqlite, url, "SELECT email FROM users"), "köchin@example.org");
  }));
