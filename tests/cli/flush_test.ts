import assert from "node:assert/strict";
import { cpSync, readFileSync } from "node:fs";
import { basename, join } from "node:path";
import process from "node:process";
import { test } from "node:test";
import { type BackupCase, backupCase, backupsIn, fill } from "../support/backups.ts";
import { engines, sqlitePath, withFolder } from "../support/databases.ts";
import { projectFile } from "../support/project.ts";
import { runCli } from "../support/run_cli.ts";

// In which order files become visible, and that they are on the disk before that: what only a crash would show, strace
// sees.

const [sqlite] = engines;

function withCase(work: (given: BackupCase) => Promise<void>): Promise<void> {
  return sqlite!.withDatabase((url) => withFolder((cwd) => work(backupCase(sqlite!, url, cwd))));
}

/** Returns the lines of strace on some calls of a command, with so many characters of each text. */
async function strace(
  given: BackupCase,
  args: readonly string[],
  { calls, characters }: { readonly calls: string; readonly characters: number },
): Promise<readonly string[]> {
  const log = join(given.cwd, "trace");
  const result = await runCli(args, {
    cwd: given.cwd,
    env: { DATABASE_URL: given.url, HARBOR_DB_BACKUP_DIR: given.folder },
    under: [
      "strace",
      "-f",
      "--seccomp-bpf",
      "-qq",
      "-y",
      "-s",
      `${characters}`,
      "-e",
      `trace=${calls}`,
      "-o",
      log,
    ],
    limitMs: 300_000,
  });
  assert.equal(result.code, 0, result.stdout + result.stderr);
  return readFileSync(log, "utf8").split("\n");
}

/** Returns what a command did to files, in order: `sync <path>`, `rename <from> <to>`, `remove <path>`. */
async function traced(given: BackupCase, ...args: readonly string[]): Promise<readonly string[]> {
  const calls = "fsync,fdatasync,rename,renameat,renameat2,unlink,unlinkat";
  return (await strace(given, args, { calls, characters: 4096 })).flatMap((line) => {
    const [, name = "", rest = ""] = /^\d+ +(\w+)\((.*)/.exec(line) ?? [];
    if (!/= 0$/.test(line) && !/unfinished/.test(line)) return [];
    const paths = [...rest.matchAll(/"([^"]*)"/g)].map((match) => match[1]!);
    if (/^f(data)?sync$/.test(name)) return [`sync ${/<([^>]*)>/.exec(rest)?.[1]}`];
    if (name.startsWith("rename")) return [`rename ${paths[0]} ${paths[1]}`];
    return name.startsWith("unlink") ? [`remove ${paths[0]}`] : [];
  });
}

/** The most bytes that a command left unflushed of each file, by its name. */
async function unflushed(
  given: BackupCase,
  ...args: readonly string[]
): Promise<ReadonlyMap<string, number>> {
  const calls = "fsync,fdatasync,write,pwrite64,copy_file_range,sendfile";
  const [left, most] = [new Map<string, number>(), new Map<string, number>()];
  for (const line of await strace(given, args, { calls, characters: 0 })) {
    // Of a call that another thread's comes between, the end stands on a line without a name.
    const [, synced] = /^\d+ +f(?:data)?sync\(\d+<([^>]*)>/.exec(line) ?? [];
    const [, path, written] =
      /^\d+ +\w+\((?:\d+<[^>]*>, (?:\[\d+\]|NULL), )?\d+<([^>]*)>.* = (\d+)/.exec(line) ?? [];
    const name = basename(synced ?? path ?? "");
    const bytes = synced !== undefined ? 0 : (left.get(name) ?? 0) + Number(written ?? 0);
    left.set(name, bytes);
    most.set(name, Math.max(most.get(name) ?? 0, bytes));
  }
  return most;
}

/** Asserts that some steps were done in this order, whatever came between. */
function inOrder(steps: readonly string[], ...patterns: readonly RegExp[]): void {
  let at = 0;
  for (const pattern of patterns) {
    const found = steps.findIndex((step, index) => index >= at && pattern.test(step));
    assert.ok(found >= 0, `no ${pattern} after step ${at} of\n${steps.join("\n")}`);
    at = found + 1;
  }
}

test("a backup is on the disk before it has its name, and has its name before its manifest has one", () =>
  withCase(async (given) => {
    await fill(given, 20);
    const steps = await traced(given, "backup");
    const [name] = backupsIn(given.folder);
    const copy = steps.find((step) => step.startsWith("rename") && step.endsWith(`/${name}`))!.split(" ")[1]!;
    inOrder(
      steps,
      new RegExp(`^sync .*${basename(copy)}$`),
      new RegExp(`^rename .* .*/${name}$`),
      new RegExp(`^sync ${given.folder}$`),
      new RegExp(`^rename .*manifest .*/${name}\\.json$`),
      new RegExp(`^sync ${given.folder}$`),
    );
    inOrder(steps, /^sync .*manifest$/, new RegExp(`^rename .* .*/${name}\\.json$`));
  }));

test("the copy of a database that is locked is on the disk after the lock was taken out of it", () =>
  withCase(async (given) => {
    await fill(given, 20);
    const steps = await traced(given, "upgrade");
    const last = steps.findLastIndex((step) => /^remove .*copy-journal$/.test(step));
    assert.ok(last >= 0, steps.join("\n"));
    inOrder(steps.slice(last), /^sync .*copy$/, /^rename .*copy .*\.db$/);
  }));

test("a pruned backup loses its manifest before its file", () =>
  withCase(async (given) => {
    await fill(given, 20);
    await given.expect(0, "backup");
    const [name] = backupsIn(given.folder);
    await given.query("UPDATE files SET size = 1");
    await given.expect(0, "backup");
    const steps = await traced(given, "backup", "prune", "--keep-last", "1", "--yes");
    inOrder(steps, new RegExp(`^remove .*/${name}\\.json$`), new RegExp(`^remove .*/${name}$`));
  }));

test("a revision's files are on the disk before the journal names them", () =>
  withCase(async (given) => {
    const drizzle = join(given.cwd, "drizzle");
    cpSync(projectFile("drizzle"), drizzle, { recursive: true });
    const steps = await traced(
      given,
      "create",
      "Nothing yet",
      "--dir",
      drizzle,
      "--schema",
      projectFile("schema.ts"),
    );
    for (const dialect of ["sqlite", "postgresql"]) {
      const journal = `^rename .*/${dialect}/meta/\\S+ .*/${dialect}/meta/_journal\\.json$`;
      for (const ending of ["\\.sql", "\\.down\\.sql", "_snapshot\\.json", "_journal\\.json"]) {
        inOrder(steps, new RegExp(`^sync .*/${dialect}/.*${ending}\\.`), new RegExp(journal));
      }
      inOrder(
        steps,
        new RegExp(`^rename .*\\.sql$`),
        new RegExp(`^sync .*/${dialect}$`),
        new RegExp(journal),
      );
    }
  }));

test("a restored file is on the disk before it takes the place of the old one", () =>
  withCase(async (given) => {
    await fill(given, 20);
    await given.expect(0, "backup");
    await given.query("UPDATE files SET size = 1");
    const path = sqlitePath(given.url);
    const steps = await traced(given, "restore", join(given.folder, backupsIn(given.folder)[0]!), "--yes");
    // Files are reached through the open folder: only what comes behind it names them.
    const name = basename(path);
    const swap = steps.find((step) => step.startsWith("rename") && step.endsWith(`/${name}`)) ?? "";
    const staged = basename(swap.split(" ")[1] ?? "");
    inOrder(
      steps,
      new RegExp(`^sync .*/${staged}$`),
      new RegExp(`^rename .*/${staged} .*/${name}$`),
      new RegExp(`^sync ${join(path, "..")}$`),
    );
  }));

test("a large copy goes to the disk in stretches, since whoever commits beside it waits for each of them", () =>
  withCase(async (given) => {
    await fill(given, 20);
    const mib = 1024 * 1024;
    // Without a log the copy keeps writers out, who wait for each flush.
    await given.query("PRAGMA journal_mode = WAL");
    await given.query(
      `CREATE TABLE scans AS WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 24) SELECT i, randomblob(${mib}) AS scan FROM n`,
    );
    const most = await unflushed(given, "upgrade", "--rehearse", "--yes");
    // Deno makes a whole copy where it is asked for a clone.
    const names = process.env["HARBOR_DB_BIN"] === undefined ? ["copy"] : ["copy", "copy-trial"];
    for (const name of names) {
      const bytes = most.get(name) ?? 0;
      // What SQLite keeps of it in memory comes on top.
      assert.ok(bytes > mib / 2 && bytes < 4 * mib, `${bytes} bytes of ${name}`);
    }
  }));

test("a page, metrics and a line of the log are on the disk before verify says that all is well", () =>
  withCase(async (given) => {
    await fill(given, 5);
    await given.expect(0, "upgrade", "--no-backup");
    const place = (name: string) => join(given.cwd, name);
    const steps = await traced(
      given,
      ...["verify", "--only", "history", "--report", place("page.html")],
      ...["--prometheus", place("m.prom"), "--log", place("v.jsonl")],
    );
    inOrder(steps, /^sync .*\/v\.jsonl$/);
    for (const name of ["page.html", "m.prom"]) {
      inOrder(
        steps,
        /^sync .*\/new$/,
        new RegExp(`^rename .*/new .*/${name}$`),
        new RegExp(`^sync ${given.cwd}$`),
      );
    }
  }));
