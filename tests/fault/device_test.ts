import assert from "node:assert/strict";
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { type BackupCase, backupCase, backupsIn, fill } from "../support/backups.ts";
import { engines, sqliteUrl, withFolder } from "../support/databases.ts";
import { projectFile } from "../support/project.ts";
import { runCli, type RunResult } from "../support/run_cli.ts";

// What a command comes to when the device fails in the middle of it. strace has one call of a kind fail, and one row a call; it
// counts those of each thread.

const [sqlite] = engines;

function withCase(work: (given: BackupCase) => Promise<void>): Promise<void> {
  return withFolder((cwd) => work(backupCase(sqlite!, sqliteUrl(join(cwd, "app.db")), cwd)));
}

interface Fault {
  /** A system call, or several. */
  readonly calls: string;
  readonly error?: "EIO" | "ENOSPC" | "EPERM";
  /** Which of them fails, from 1, or from which on. */
  readonly at: number | "1+";
  /** The file or folder with which they have to do; left out for any. */
  readonly of?: string;
}

/** Runs a command of which one call fails; `null` when it made no such call. */
async function runFailing(
  { cwd, url, folder }: BackupCase,
  args: readonly string[],
  { calls, error = "EIO", at, of }: Fault,
): Promise<{ readonly result: RunResult; readonly failed: readonly string[] } | null> {
  const trace = join(cwd, "trace");
  const inject = `inject=${calls}:error=${error}:when=${at}`;
  const result = await runCli(args, {
    cwd,
    env: { DATABASE_URL: url, HARBOR_DB_BACKUP_DIR: folder },
    under: [
      "strace",
      "-f",
      "-qq",
      "-y",
      "-e",
      `trace=${calls}`,
      "-e",
      inject,
      "-o",
      trace,
      ...of === undefined ? [] : ["-P", of],
    ],
    limitMs: 300_000,
  });
  const failed = readFileSync(trace, "utf8").split("\n").filter((line) => line.includes("(INJECTED)"));
  return failed.length === 0 ? null : { result, failed };
}

/** Has each call of a kind (or every fifth, say) fail, one run each, and looks at what came of it where it was about a file of the case. */
async function eachFault(
  given: BackupCase,
  args: readonly string[],
  { every = 1, ...fault }: Omit<Fault, "at"> & { readonly every?: number },
  look: (result: RunResult, at: number) => Promise<void> | void,
): Promise<void> {
  let looked = 0;
  for (let at = 1; at <= 60; at += every) {
    const run = await runFailing(given, args, { ...fault, at });
    if (run === null) return assert.ok(looked > 0, `${args.join(" ")} makes no ${fault.calls}`);
    // The runtime has files of its own.
    if (!run.failed.some((call) => call.includes(given.cwd) || call.includes("/proc/"))) continue;
    looked++;
    await look(run.result, at);
  }
}

test("a backup of which the device fails to keep a part is none, and nothing of it is left", () =>
  withCase(async (given) => {
    await fill(given, 20);
    await eachFault(given, ["backup"], { calls: "fsync,fdatasync" }, async ({ code, stdout, stderr }, at) => {
      const words = `${at}: ${stdout}${stderr}`;
      if (code === 0) {
        // SQLite does not care for the folder of its own journal.
        await given.expect(0, "backup", "verify", "latest");
        rmSync(given.folder, { recursive: true });
        return;
      }
      assert.equal(code, 1, words);
      assert.match(stderr, /device failed \(input\/output error\)|disk I\/O error|os error 5/, words);
      assert.match(stderr, /^hint: .*dmesg/m, words);
      assert.doesNotMatch(stdout, /backed up/, words);
      assert.doesNotMatch(stderr, /\/proc\//, words);
      assert.deepEqual(readdirSync(given.folder), [], words);
    });
    await given.expect(0, "backup");
  }));

test("a backup that cannot be removed is said, with what is left of it", () =>
  withCase(async (given) => {
    await fill(given, 5);
    await given.expect(0, "backup");
    const [name] = backupsIn(given.folder);
    await eachFault(
      given,
      ["backup", "delete", name!, "--yes"],
      { calls: "unlink,unlinkat" },
      (result, at) => {
        if (result.code === 0) return;
        const words = `${at}: ${result.stdout}${result.stderr}`;
        assert.equal(result.code, 1, words);
        assert.match(result.stderr, /^error: Cannot remove ".*": its device failed/m, words);
        assert.doesNotMatch(result.stdout, /removed/, words);
        if (existsSync(join(given.folder, `${name}.json`))) return;
        assert.match(result.stderr, new RegExp(`Then remove the rest: rm .*${name}$`, "m"), words);
      },
    );
  }));

test("a backup whose folder aside cannot be removed is one, and what is left is named", () =>
  withCase(async (given) => {
    await fill(given, 5);
    await eachFault(given, ["backup"], { calls: "unlinkat,rmdir" }, async ({ code, stderr }, at) => {
      if (code !== 0) {
        assert.equal(code, 1, `${at}: ${stderr}`);
        assert.doesNotMatch(stderr, /bad address/);
        const [, left] = /^ {7}It may hold a copy of the database\. Remove it: rm -r (\S+)$/m.exec(stderr) ??
          [];
        assert.ok(left !== undefined && existsSync(left), `${at}: ${stderr}`);
      }
      await given.expect(0, "backup", "verify", "latest");
      rmSync(given.folder, { recursive: true });
    });
  }));

test("a page, metrics and a log that the device does not take are said, and the old ones stay", () =>
  withCase(async (given) => {
    await fill(given, 5);
    const outputs = ["--report", "page.html", "--prometheus", "m.prom", "--log", "v.jsonl"];
    const verify = ["verify", "--only", "history,integrity", ...outputs];
    await given.run(...verify);
    const read = (name: string) => readFileSync(join(given.cwd, name), "utf8");
    const before = ["page.html", "m.prom"].map(read);
    await eachFault(given, verify, { calls: "fsync" }, ({ code, stderr }, at) => {
      assert.notEqual(code, 0, `${at}: ${stderr}`);
      assert.match(stderr, /^error: Cannot write ".*": its device failed/m);
      assert.match(stderr, /^hint: .*dmesg/m);
      for (const [index, name] of ["page.html", "m.prom"].entries()) {
        const now = read(name);
        assert.ok(now === before[index] || now.length > before[index]!.length / 2, `${at}: ${name}`);
      }
      assert.deepEqual(
        readdirSync(given.cwd).filter((name) => name.startsWith(".harbor-db-")),
        [],
      );
    });
  }));

test("a revision of which the device does not take a file is not there", () =>
  withCase(async (given) => {
    const drizzle = join(given.cwd, "drizzle");
    cpSync(projectFile("drizzle"), drizzle, { recursive: true });
    const files = () => readdirSync(drizzle, { recursive: true }).sort();
    const before = files();
    const create = ["create", "Nothing yet", "--dir", drizzle, "--schema", projectFile("schema.ts")];
    await eachFault(given, create, { calls: "fsync", every: 5 }, ({ code, stderr }, at) => {
      assert.equal(code, 1, `${at}: ${stderr}`);
      assert.match(stderr, /its device failed/);
      assert.deepEqual(files(), before, `${at}: ${stderr}`);
    });
  }));

test("secrets of which not all could be written are not there, so that the next run writes them", () =>
  withCase(async (given) => {
    const units = join(given.cwd, "units");
    mkdirSync(units);
    const secrets = join(given.cwd, "secrets.env");
    const install = [
      ...["schedule", "--install", "--unit-dir", units, "--env-file", secrets, "--skip", "backup"],
      ...["--ping", "https://hc.example.org/3f2c-secret-uuid"],
    ];
    await eachFault(given, install, { calls: "fsync", error: "ENOSPC" }, ({ code, stderr }, at) => {
      assert.equal(code, 1, `${at}: ${stderr}`);
      assert.match(stderr, /no space is left on the device/);
      const text = existsSync(secrets) ? readFileSync(secrets, "utf8") : "";
      assert.ok(text === "" || text.includes("secret-uuid"), text);
    });
    // A file system without hard links, as FAT is.
    rmSync(secrets, { force: true });
    const linkless = await runFailing(given, install, { calls: "link,linkat", error: "EPERM", at: 1 });
    assert.equal(linkless?.result.code, 0, `${linkless?.result.stderr}`);
    assert.match(readFileSync(secrets, "utf8"), /secret-uuid/);
    assert.deepEqual(readdirSync(given.cwd).filter((name) => name.startsWith(".harbor-db-")), []);
  }));

test("a restore does not call what it replaces damaged where only the copy of it could not be kept", () =>
  withCase(async (given) => {
    await fill(given, 5);
    await given.expect(0, "backup");
    const [name] = backupsIn(given.folder);
    await given.query("UPDATE files SET size = 77");
    const restore = ["restore", join(given.folder, name!), "--yes"];
    await eachFault(given, restore, { calls: "rename,renameat,renameat2" }, async ({ code, stderr }, at) => {
      assert.equal(code, 1, `${at}: ${stderr}`);
      assert.equal(await given.value("SELECT count(*) FROM files WHERE size = 77"), "5");
      assert.deepEqual(readdirSync(given.cwd).filter((each) => /damaged|harbor-restore/.test(each)), []);
      assert.deepEqual(backupsIn(given.folder).length, 1, `${at}`);
    });
  }));

test("a restore of which the last flush fails does not say that the database is as it was", () =>
  withCase(async (given) => {
    await fill(given, 5);
    await given.expect(0, "backup");
    const [name] = backupsIn(given.folder);
    await given.query("UPDATE files SET size = 77");
    const restore = ["restore", join(given.folder, name!), "--yes", "--no-backup"];
    const run = await runFailing(given, restore, {
      calls: "fsync",
      error: "ENOSPC",
      at: "1+",
      of: given.cwd,
    });
    assert.equal(run?.result.code, 1, `${run?.result.stdout}`);
    assert.match(
      run!.result.stderr,
      /^error: Cannot confirm "the restore of .*": no space is left on the device$/m,
    );
    assert.match(run!.result.stderr, /^hint: {2}The backup is in its place\. /m);
    assert.doesNotMatch(run!.result.stderr, /as it was/);
    assert.equal(await given.value("SELECT count(*) FROM files WHERE size = 77"), "0");
  }));
