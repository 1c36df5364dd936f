import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import {
  chmod,
  chown,
  copyFile,
  link,
  lstat,
  mkdir,
  readdir,
  readFile,
  rename,
  rm,
  stat,
  symlink,
  writeFile,
} from "node:fs/promises";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { test } from "node:test";
import { withFolder } from "../support/databases.ts";
import { runCli } from "../support/run_cli.ts";

interface Given {
  readonly cwd: string;
  readonly database: string;
  /** A backup of it. */
  readonly backup: string;
  run(...args: readonly string[]): ReturnType<typeof runCli>;
}

const limitMs = 20_000;

/** Runs `work` in a folder with a database at head and a backup of it. */
async function withDatabase(work: (given: Given) => Promise<void>): Promise<void> {
  await withFolder(async (cwd) => {
    const run = (...args: readonly string[]) => runCli(args, { cwd, limitMs });
    assert.equal((await run("upgrade")).code, 0);
    const made = await run("backup", "--json");
    const { path: backup } = made.json<{ backup: { path: string } }>().backup;
    await work({ cwd, database: join(cwd, "openharbor.db"), backup, run });
  });
}

const shell = (command: string, args: readonly string[]) => execFileSync(command, args, { encoding: "utf8" });

test("a restore keeps owner, rights, ACL and extended attributes", () =>
  withDatabase(async ({ database, backup, run }) => {
    await chown(database, 0, 65534);
    await chmod(database, 0o640);
    shell("setfacl", ["-m", "u:1234:rw,g:4321:r", database]);
    shell("setfattr", ["-n", "user.origin", "-v", "kept", database]);
    const look = async () => {
      const { uid, gid, mode } = await stat(database);
      return [
        uid,
        gid,
        mode.toString(8),
        shell("getfacl", ["--absolute-names", "--numeric", database]),
        shell("getfattr", ["--absolute-names", "-d", database]),
      ];
    };
    const before = await look();
    assert.match(String(before[3]), /user:1234:rw-/);
    const result = await run("restore", "--yes", backup);
    assert.equal(result.code, 0, result.stderr);
    assert.doesNotMatch(result.stderr, /not kept/);
    assert.deepEqual(await look(), before);
  }));

test("a restore says so when it cannot keep an ACL", () =>
  withDatabase(async ({ cwd, backup, database }) => {
    await chmod(database, 0o640);
    const result = await runCli(["restore", "--yes", backup], { cwd, env: { PATH: "/nonexistent" } });
    assert.equal(result.code, 0, result.stderr);
    assert.match(
      result.stderr,
      /ACL and extended attributes were not kept, if there were any: there is no cp/,
    );
    assert.equal((await stat(database)).mode & 0o777, 0o640);
  }));

test("a restore onto the backup itself, or another one, is refused", () =>
  withDatabase(async ({ backup, run, cwd }) => {
    const before = await readFile(backup);
    await symlink(backup, join(cwd, "link.db"));
    for (const to of [backup, join(cwd, "link.db"), `${backup}.json`]) {
      const result = await run("restore", backup, "--to", `sqlite:///${to}`, "--yes");
      assert.equal(result.code, 4, result.stderr);
      assert.match(result.stderr, /it is the backup/);
    }
    const other = join(cwd, "backups", "other.db");
    await copyFile(backup, other);
    await copyFile(`${backup}.json`, `${other}.json`);
    const result = await run("restore", backup, "--to", `sqlite:///${other}`, "--yes");
    assert.equal(result.code, 4, result.stderr);
    assert.deepEqual(await readFile(backup), before);
  }));

/** What writes to a database. */
const writing = (backup: string): readonly (readonly string[])[] => [
  ["upgrade"],
  ["downgrade", "-1", "--yes"],
  ["stamp", "base", "--yes"],
  ["restore", backup, "--yes"],
];

test("a database with a hard link is written by nothing, and can be read", () =>
  withDatabase(async ({ cwd, database, backup, run }) => {
    await link(database, join(cwd, "other.db"));
    const before = await readFile(database);
    for (const args of writing(backup)) {
      const result = await run(...args);
      assert.equal(result.code, 4, `${args[0]}: ${result.stderr}`);
      assert.match(result.stderr, /has other names \(hard links\)/);
    }
    assert.deepEqual(await readFile(database), before);
    assert.equal((await run("status")).code, 0);
  }));

test("a damaged database that a failed restore kept under another name is still replaced", () =>
  withDatabase(async ({ database, backup, run }) => {
    await writeFile(database, "no database any more\n".repeat(300));
    await link(database, `${database}.damaged-20260101T000000Z`);
    const result = await run("restore", backup, "--yes");
    assert.equal(result.code, 0, result.stderr);
    assert.equal((await run("status", "--exit-code")).code, 0);
  }));

test("a damaged database is kept beside those that others of the same second were kept as", () =>
  withDatabase(async ({ database, backup, run }) => {
    const damaged = "no database any more\n".repeat(300);
    await writeFile(database, damaged);
    const taken = Array.from({ length: limitMs / 1000 }, (_, second) => {
      const at = new Date(Date.now() + second * 1000).toISOString().replaceAll(/[-:]|\.\d+/g, "");
      return `${database}.damaged-${at}`;
    });
    await Promise.all(taken.map((path) => writeFile(path, "another")));
    const result = await run("restore", backup, "--yes", "--json");
    assert.equal(result.code, 0, result.stderr);
    const { safetyBackup } = result.json<{ safetyBackup: string }>();
    assert.equal(await readFile(safetyBackup, "utf8"), damaged);
    for (const path of taken) assert.equal(await readFile(path, "utf8"), "another");
  }));

for (const mode of ["DELETE", "WAL"]) {
  test(`a database whose lock cannot be read is replaced, and kept as it was (journal mode ${mode})`, () =>
    withDatabase(async ({ database, backup, run }) => {
      const handle = new DatabaseSync(database);
      handle.exec(`PRAGMA journal_mode = ${mode}`);
      const { page } = handle.prepare("SELECT rootpage AS page FROM sqlite_schema WHERE name = 'harbor_lock'")
        .get() as { page: number };
      const { page_size: size } = handle.prepare("PRAGMA page_size").get() as { page_size: number };
      handle.close();
      const damaged = (await readFile(database)).fill(0xa5, (page - 1) * size, page * size);
      await writeFile(database, damaged);
      const result = await run("restore", backup, "--yes", "--json");
      assert.equal(result.code, 0, result.stderr);
      const { safetyBackup } = result.json<{ safetyBackup: string }>();
      assert.match(safetyBackup, /\.damaged-/);
      assert.deepEqual((await readFile(safetyBackup)).subarray(100), damaged.subarray(100));
      assert.equal((await run("status", "--exit-code")).code, 0);
    }));
}

test("a database that is a mount of a single file is written by nothing, and can be read", () =>
  withDatabase(async ({ cwd, database, backup, run }) => {
    // A name that the list of mounts writes in octal.
    const mounted = join(cwd, "in a container");
    await mkdir(mounted);
    const inside = join(mounted, "openharbor.db");
    await writeFile(inside, "");
    shell("mount", ["--bind", database, inside]);
    try {
      for (const args of writing(backup)) {
        const result = await run(
          ...args,
          args[0] === "restore" ? "--to" : "--database-url",
          `sqlite:///${inside}`,
        );
        assert.equal(result.code, 4, `${args[0]}: ${result.stderr}`);
        assert.match(result.stderr, /is a mount of that file alone/);
      }
      assert.equal((await run("status", "--database-url", `sqlite:///${inside}`)).code, 0);
    } finally {
      shell("umount", [inside]);
    }
  }));

test("a dangling link is not replaced by a file, and no database is made where it leads", () =>
  withDatabase(async ({ cwd, database, backup, run }) => {
    await rename(database, join(cwd, "away.db"));
    await symlink(join(cwd, "unmounted.db"), database);
    for (const args of [["upgrade"], ["restore", backup, "--yes"]]) {
      const result = await run(...args);
      assert.equal(result.code, 4, `${args[0]}: ${result.stderr}`);
      assert.match(result.stderr, /is a link to a file that does not exist/);
    }
    assert.ok((await lstat(database)).isSymbolicLink());
    assert.ok(!(await readdir(cwd)).includes("unmounted.db"));
  }));

test("a link in the place of what SQLite keeps beside a database is named", () =>
  withDatabase(async ({ cwd, database, run }) => {
    await writeFile(join(cwd, "elsewhere"), "");
    await symlink(join(cwd, "elsewhere"), `${database}-wal`);
    for (const args of [["status"], ["upgrade"], ["backup"]]) {
      const result = await run(...args);
      assert.equal(result.code, 1, `${args[0]}: ${result.stderr}`);
      assert.match(result.stderr, /-wal" is a link, and SQLite opens none beside a database/);
    }
  }));

const kinds = [
  ["a FIFO", (path: string) => shell("mkfifo", [path])],
  ["a device", (path: string) => shell("mknod", [path, "c", "1", "5"])],
] as const;

for (const [what, make] of kinds) {
  test(`${what} in the place of a database, or beside it, is refused at once`, () =>
    withDatabase(async ({ database, backup, run }) => {
      for (const ending of ["", "-journal", "-wal"]) {
        const path = database + ending;
        await rm(path, { force: true });
        make(path);
        for (const args of [["status"], ["verify", "--skip", "backup"], ["backup"], ...writing(backup)]) {
          const result = await run(...args);
          // verify reports what it could not check.
          assert.equal(result.code, 1, `${args[0]} ${ending}: ${result.stdout}${result.stderr}`);
          assert.match(result.stdout + result.stderr, new RegExp(`is ${what}`), `${args[0]} ${ending}`);
        }
        await rm(path);
        if (ending === "") await copyFile(backup, database);
      }
    }));

  test(`${what} among the backups is no backup, and keeps nothing waiting`, () =>
    withDatabase(async ({ cwd, backup, run }) => {
      const folder = join(cwd, "backups");
      make(join(folder, "x.db.json"));
      make(join(folder, "y.db"));
      await copyFile(`${backup}.json`, join(folder, "y.db.json"));
      const list = await run("backup", "list", "--json");
      assert.equal(list.code, 0, list.stderr);
      const { backups } = list.json<{ backups: { path: string; verified: boolean }[] }>();
      assert.deepEqual(backups.filter(({ verified }) => verified).map(({ path }) => path), [backup]);
      assert.equal((await run("status")).code, 0);
      assert.notEqual((await run("restore", join(folder, "x.db"), "--yes")).code, null);
      assert.equal((await run("restore", join(folder, "y.db"), "--yes")).code, 4);
      assert.equal((await run("backup", "verify", join(folder, "y.db"))).code, 3);
      assert.equal((await run("backup", "prune", "--yes", "--keep-last", "1")).code, 0);
      assert.equal((await run("verify")).code === null, false);
    }));

  test(`${what} in the place of a log, metrics or a report is refused at once`, () =>
    withDatabase(async ({ cwd, run }) => {
      for (const option of ["--log", "--prometheus", "--report"]) {
        const path = join(cwd, "out");
        make(path);
        const result = await run("verify", "--skip", "backup", option, "out");
        assert.equal(result.code, 1, result.stdout + result.stderr);
        assert.match(result.stderr, new RegExp(`it is ${what}`));
        const stat = await lstat(path);
        assert.ok(!stat.isFile(), "it stays what it is");
        await rm(path);
      }
    }));
}

test("who has a locked database open is named, by every command that waits for it", () =>
  withFolder(async (cwd) => {
    assert.equal((await runCli(["upgrade"], { cwd })).code, 0);
    const holder = new DatabaseSync(join(cwd, "openharbor.db"));
    holder.exec("BEGIN EXCLUSIVE");
    try {
      const named = new RegExp(`These have it open for writing: .*pid ${process.pid} \\(`);
      for (const args of [["status"], ["verify", "--only", "integrity"]]) {
        const { code, stdout, stderr } = await runCli(args, { cwd });
        assert.equal(code, 1);
        assert.match(stdout + stderr, named);
        assert.doesNotMatch(stdout + stderr, /\\n/);
      }
    } finally {
      holder.close();
    }
  }));
