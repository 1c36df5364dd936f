import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { watch } from "node:fs";
import {
  chmod,
  chown,
  lstat,
  mkdir,
  readdir,
  readFile,
  rm,
  stat,
  symlink,
  writeFile,
} from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { DatabaseSync } from "node:sqlite";
import { type Owned, withOwner } from "../support/other_user.ts";
import { runCli } from "../support/run_cli.ts";

interface Given extends Owned {
  /** A file of root's that must stay as it is. */
  readonly victim: string;
  /** Fails unless it has. */
  unharmed(): Promise<void>;
  /** Runs harbor-db as root in the other user's folder. */
  root(...args: readonly string[]): ReturnType<typeof runCli>;
  /** Gives the user a link. */
  plant(target: string, name: string): Promise<void>;
}

const secret = "root's own\n";

/** Runs `work` with a database of another user, in that user's folder. */
async function withForeign(work: (given: Given) => Promise<void>): Promise<void> {
  await withOwner(async (owned) => {
    const { folder, as } = owned;
    const made = await runCli(["upgrade"], { cwd: folder, as });
    assert.equal(made.code, 0, made.stderr);
    // As for the folder.
    await chmod(join(folder, "openharbor.db"), 0o666);
    const hidden = join(folder, "..", "root");
    await mkdir(hidden, { mode: 0o755 });
    const victim = join(hidden, "victim");
    await writeFile(victim, secret, { mode: 0o600 });
    await work({
      ...owned,
      victim,
      unharmed: async () => {
        const { uid, mode, nlink } = await lstat(victim);
        assert.deepEqual([uid, mode & 0o777, nlink], [0, 0o600, 1], "its owner or rights changed");
        assert.equal(await readFile(victim, "utf8"), secret);
        assert.deepEqual(await readdir(hidden), ["victim"]);
      },
      root: (...args) => runCli(args, { cwd: folder, env: { XDG_STATE_HOME: join(hidden, "..", "state") } }),
      plant: async (target, name) => {
        await symlink(target, join(folder, name));
        const { lchown } = await import("node:fs/promises");
        await lchown(join(folder, name), as.uid, as.gid);
      },
    });
  });
}

/** Runs a shell script as the folder's owner, over and over while `work` runs. */
async function whileAttacked<T>({ folder, as }: Owned, script: string, work: () => Promise<T>): Promise<T> {
  const attacker = spawn("sh", ["-c", `while :; do ${script}; done 2>/dev/null`], {
    cwd: folder,
    uid: as.uid,
    gid: as.gid,
    stdio: "ignore",
  });
  try {
    return await work();
  } finally {
    attacker.kill("SIGKILL");
  }
}

test("root's restore makes nobody the owner of another file, whatever the folder's owner swaps", () =>
  withForeign(async (given) => {
    const { folder, victim, unharmed, root } = given;
    // So large that writing and comparing take a while.
    const database = new DatabaseSync(join(folder, "openharbor.db"));
    database.exec(
      "CREATE TABLE filler AS WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 20000) SELECT i, randomblob(500) AS b FROM n",
    );
    database.close();
    const { backup } = (await root("backup", "--json")).json<{ backup: { path: string } }>();
    const swap = [
      `ln -sfn '${victim}' openharbor.db.harbor-restore`,
      `for d in .openharbor.db.harbor-restore-*; do mv "$d" "stolen.$$" && mkdir "$d" && ln -s '${victim}' "$d/new"; done`,
      `for d in .*.partial; do mv "$d" "taken.$$" && mkdir "$d" && ln -s '${victim}' "$d/copy"; done`,
    ].join("; ");
    await whileAttacked(given, swap, async () => {
      for (let round = 0; round < 3; round++) {
        await root("restore", "--yes", backup.path);
        await unharmed();
      }
    });
    // And in peace it works.
    for (const name of await readdir(folder)) {
      if (/stolen|taken|harbor-restore|partial/.test(name)) {
        await rm(join(folder, name), { recursive: true, force: true });
      }
    }
    const restored = await root("restore", "--yes", backup.path);
    assert.equal(restored.code, 0, restored.stderr);
    const { uid, gid } = await stat(join(folder, "openharbor.db"));
    assert.deepEqual([uid, gid], [given.as.uid, given.as.gid]);
    assert.deepEqual((await readdir(folder)).filter((name) => name.startsWith(".")), []);
  }));

test("root's report and metrics overwrite no file through a link that was planted", () =>
  withForeign(async ({ folder, victim, unharmed, root, plant }) => {
    // The number that the system gave out last.
    const last = Number((await readFile("/proc/loadavg", "utf8")).trim().split(" ").at(-1));
    for (let pid = last; pid < last + 800; pid++) await plant(victim, `.r.html.${pid}.tmp`);
    const result = await root("verify", "--skip", "backup", "--report", "r.html", "--prometheus", "m.prom");
    assert.equal(result.code, 0, result.stderr);
    await unharmed();
    assert.match(await readFile(join(folder, "r.html"), "utf8"), /<html/);
    assert.equal((await stat(join(folder, "m.prom"))).mode & 0o777, 0o644);
    assert.deepEqual((await readdir(folder)).filter((name) => name.startsWith(".harbor-db")), []);
  }));

for (const option of ["--report", "--prometheus", "--log"]) {
  for (
    const [what, leadsTo] of [["file", (path: string) => path], [
      "folder",
      (path: string) => `${path}/..`,
    ]] as const
  ) {
    test(`root's verify ${option} follows no link of another user's to a ${what} of root's`, () =>
      withForeign(async ({ victim, unharmed, root, plant }) => {
        await plant(leadsTo(victim).replace("/victim/..", ""), "out");
        const path = what === "file" ? "out" : "out/new";
        const result = await root("verify", "--skip", "backup", option, path);
        assert.equal(result.code, 1, result.stdout);
        assert.match(result.stderr, /another user's link/);
        await unharmed();
      }));
  }
}

test("a link of one's own is followed", () =>
  withForeign(async ({ folder, as, plant }) => {
    await plant(join(folder, "real.html"), "r.html");
    const result = await runCli(["verify", "--skip", "backup", "--report", "r.html"], { cwd: folder, as });
    assert.equal(result.code, 0, result.stderr);
    assert.ok((await lstat(join(folder, "r.html"))).isSymbolicLink());
    assert.match(await readFile(join(folder, "real.html"), "utf8"), /<html/);
  }));

test("root's verify makes no lock file where a link in another user's folder leads", () =>
  withForeign(async ({ folder, as, unharmed, root, plant, victim }) => {
    await chmod(folder, 0o755);
    const seen = new Set<string | null>();
    const watcher = watch(folder, (_, name) => seen.add(name));
    await runCli(["verify", "--skip", "backup", "--log", "v.jsonl"], { cwd: folder, as });
    watcher.close();
    const lock = [...seen].find((name) => name?.endsWith(".lock"));
    assert.ok(lock, "the owner's own lock stands beside the log while it runs");
    await plant(join(victim, "..", "made"), lock);
    const result = await root("verify", "--skip", "backup", "--log", "v.jsonl");
    assert.equal(result.code, 0, result.stderr);
    await unharmed();
  }));

test("root's backup goes into no folder that another user's link leads to", () =>
  withForeign(async ({ victim, unharmed, root, plant }) => {
    await plant(join(victim, ".."), "backups");
    const result = await root("backup");
    assert.equal(result.code, 4, result.stderr);
    assert.match(result.stderr, /another user's link/);
    await unharmed();
  }));

test("root's schedule writes no unit and no secret through another user's link", () =>
  withForeign(async ({ victim, unharmed, plant, folder }) => {
    await plant(join(victim, ".."), "units");
    const env = { DATABASE_URL: "postgresql://a:secret@127.0.0.1:1/x" };
    for (
      const args of [["--unit-dir", "units", "--env-file", "e"], ["--unit-dir", "u", "--env-file", "units/e"]]
    ) {
      const result = await runCli(["schedule", "--install", ...args], { cwd: folder, env });
      assert.equal(result.code, 4, result.stderr);
      await unharmed();
    }
  }));

test("a state folder that another user made among the temporary ones is not used", () =>
  withOwner(async ({ folder, as }) => {
    await runCli(["upgrade"], { cwd: folder, as });
    const planted = join(folder, "harbor-db-54321");
    await mkdir(planted, { mode: 0o777 });
    await chown(planted, as.uid, as.gid);
    const nobodyKnown = { uid: 54321, gid: as.gid, home: "" };
    const home = join(folder, "..", "cache");
    await mkdir(home);
    await chown(home, 54321, as.gid);
    const result = await runCli(["verify", "--skip", "backup", "--json"], {
      cwd: folder,
      as: nobodyKnown,
      env: { TMPDIR: folder, DENO_DIR: join(home, "deno"), XDG_STATE_HOME: "" },
    });
    const { findings } = result.json<{ findings: { check: string; status: string; message: string }[] }>();
    const lock = findings.find(({ check }) => check === "lock");
    assert.equal(lock?.status, "warn", result.stdout + result.stderr);
    assert.match(lock.message, /other users may write in its folder/);
    assert.deepEqual(await readdir(planted), []);
  }));
