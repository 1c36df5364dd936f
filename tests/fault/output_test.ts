import assert from "node:assert/strict";
import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { closeSync, openSync } from "node:fs";
import { readFile, stat, writeFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { test } from "node:test";
import { withFolder } from "../support/databases.ts";
import { withOwner } from "../support/other_user.ts";
import { baseEnvironment, cliCommand, runCli } from "../support/run_cli.ts";
import { runHere } from "../support/run_here.ts";
import { withSmallDisk } from "../support/servers/small_disk.ts";

type Broken = "stdout" | "stderr";

/** Runs harbor-db with an output that takes nothing: on a full disk, or a pipe whose reader is gone. */
async function runBroken(
  args: readonly string[],
  { cwd, broken, by }: { readonly cwd: string; readonly broken: Broken; readonly by: "disk" | "pipe" },
): Promise<{ readonly code: number | null; readonly other: string }> {
  const full = by === "disk" ? openSync("/dev/full", "w") : "pipe";
  const [file = "", ...rest] = cliCommand(args);
  const child = spawn(file, rest, {
    cwd,
    env: baseEnvironment(),
    stdio: ["ignore", broken === "stdout" ? full : "pipe", broken === "stderr" ? full : "pipe"],
  });
  if (typeof full === "number") closeSync(full);
  else child[broken]!.destroy();
  const chunks: string[] = [];
  child[broken === "stdout" ? "stderr" : "stdout"]!.setEncoding("utf8").on(
    "data",
    (text) => chunks.push(text),
  );
  const [code] = await once(child, "close");
  return { code, other: chunks.join("") };
}

/** Whether the database in a folder is at the last revision. */
async function isAtHead(cwd: string): Promise<boolean> {
  const status = (await runCli(["status", "--json"], { cwd })).json<{ state: string; pending: unknown[] }>();
  return status.state === "managed" && status.pending.length === 0;
}

// Who closes a pipe wants no more of it, as `head` does; on a full disk what was done is not on record.
for (const [by, exits] of [["disk", 1], ["pipe", 0]] as const) {
  for (const broken of ["stdout", "stderr"] as const) {
    test(`an upgrade goes on to its end when its ${broken} is a ${by} that takes nothing, and exits with ${exits}`, () =>
      withFolder(async (cwd) => {
        const { code, other } = await runBroken(["upgrade"], { cwd, broken, by });
        assert.equal(code, exits);
        assert.ok(await isAtHead(cwd));
        assert.doesNotMatch(other, /^\s+at .*:\d+/m, "no stack trace");
        if (broken === "stdout" && by === "disk") {
          assert.match(other, /^error: Cannot print the result: .*no space/im);
        }
      }));
  }
}

test("a failure keeps its own exit code when it cannot be printed", () =>
  withFolder(async (cwd) => {
    assert.equal((await runBroken(["upgrade", "nope"], { cwd, broken: "stderr", by: "disk" })).code, 2);
  }));

test("verify writes over nothing that no run of its own wrote", () =>
  withFolder(async (cwd) => {
    assert.equal((await runHere(["upgrade"], { cwd })).code, 0);
    const made =
      (await runHere(["backup", "--json"], { cwd })).json<{ backup: { path: string } }>().backup.path;
    await writeFile(join(cwd, "key.pem"), "-----BEGIN PRIVATE KEY-----\n");
    const verify = (...args: readonly string[]) => runHere(["verify", "--only", "history", ...args], { cwd });
    for (const option of ["--log", "--report", "--prometheus"]) {
      for (const path of ["openharbor.db", made, `${made}.json`, "key.pem"]) {
        const before = await readFile(resolve(cwd, path));
        const { code, stderr } = await verify(option, path);
        assert.equal(code, 1, `${option} ${path}`);
        assert.match(stderr, /^error: Cannot write ".*": what is there is no [\w ]+ of harbor-db's$/m);
        assert.deepEqual(await readFile(resolve(cwd, path)), before);
      }
    }
    // What they wrote themselves they write again, and what is empty.
    for (const name of ["a.jsonl", "b.html", "c.prom"]) await writeFile(join(cwd, name), "");
    for (let run = 0; run < 2; run++) {
      assert.equal(
        (await verify("--log", "a.jsonl", "--report", "b.html", "--prometheus", "c.prom")).code,
        0,
      );
    }
  }));

test("verify writes over nothing that it may not read, and does not say what that is", () =>
  withOwner(async ({ folder, as }) => {
    assert.equal((await runCli(["upgrade"], { cwd: folder, as })).code, 0);
    const page = join(folder, "page.html");
    await writeFile(page, "root's", { mode: 0o600 });
    const { code, stderr } = await runCli(["verify", "--only", "history", "--report", page], {
      cwd: folder,
      as,
    });
    assert.equal(code, 1, stderr);
    assert.match(stderr, /^error: Cannot write ".*": what is there may not be read, and may be no page of/m);
    assert.equal(await readFile(page, "utf8"), "root's");
  }));

test("a database on a file system that can only be read is no matter of its owner", () =>
  withSmallDisk(1_024, async (disk) => {
    assert.equal((await runCli(["upgrade", "71dda59686db", "--no-backup"], { cwd: disk })).code, 0);
    execFileSync("mount", ["-o", "remount,ro", disk]);
    const { code, stderr } = await runCli(["upgrade", "--no-backup"], { cwd: disk });
    assert.equal(code, 1, stderr);
    // Deno does not ask the system whether a file may be written; SQLite then does.
    assert.match(stderr, /file system can only be read|readonly database/);
    const [, command] = /as root: (mount .*)$/m.exec(stderr) ?? [];
    assert.doesNotMatch(stderr, /chown|user that owns/);
    execFileSync("sh", ["-c", command ?? `mount -o remount,rw ${disk}`]);
    assert.equal((await runCli(["upgrade", "--no-backup"], { cwd: disk })).code, 0);
  }));

test("a run of which the log took only a part is not one that went well", () =>
  withFolder((cwd) =>
    withSmallDisk(64, async (disk) => {
      assert.equal((await runCli(["upgrade"], { cwd })).code, 0);
      const log = join(disk, "verify.jsonl");
      // Of the page that it has there are some bytes left, and no other page.
      await writeFile(log, `${" ".repeat(4_000)}\n`);
      await writeFile(join(disk, "all"), new Uint8Array(64 * 1024)).catch(() => {});
      const { code, stderr } = await runCli(["verify", "--only", "history", "--log", log], {
        cwd,
        env: { XDG_STATE_HOME: cwd },
      });
      assert.equal(code, 1, stderr);
      assert.match(stderr, /^error: Cannot write ".*verify\.jsonl": no space is left on the device$/m);
      assert.equal((await stat(log)).size, 4_096);
    })
  ));

test("what a full disk keeps from being written has its remedy, and not that of a folder", () =>
  withFolder((cwd) =>
    withSmallDisk(64, async (disk) => {
      assert.equal((await runCli(["upgrade"], { cwd })).code, 0);
      await writeFile(join(disk, "all"), new Uint8Array(64 * 1024));
      const env = { XDG_STATE_HOME: disk };
      const unlocked = (await runCli(["verify", "--skip", "backup", "--json"], { cwd, env })).json<
        { findings: readonly { check: string; hint: string }[] }
      >();
      assert.equal(
        unlocked.findings.find(({ check }) => check === "lock")?.hint,
        "Free some space on its device.",
      );
      const unit = await runCli(
        ["schedule", "--install", "--unit-dir", join(disk, "units"), "--env-file", join(cwd, "env")],
        { cwd },
      );
      assert.equal(unit.code, 1, unit.stdout);
      assert.match(unit.stderr, /^error: Cannot write ".*\.service": no space is left on the device$/m);
      assert.match(unit.stderr, /^hint: +Free some space on its device\.$/m);
    })
  ));
