import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { chmod, chown, cp, lchown, mkdir, readdir, rename, stat, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { test } from "node:test";
import { projectFile } from "../support/project.ts";
import { type Owned, withOwner } from "../support/other_user.ts";
import { runCli } from "../support/run_cli.ts";

interface Given extends Owned {
  /** Run harbor-db in the other user's folder, and fail unless it ends with that exit code. */
  root(code: number, ...args: readonly string[]): ReturnType<typeof runCli>;
  owner(code: number, ...args: readonly string[]): ReturnType<typeof runCli>;
  /** Fails unless a path below the folder belongs to that user. */
  isOwners(...paths: readonly string[]): Promise<void>;
}

async function withUser(work: (given: Given) => Promise<void>): Promise<void> {
  await withOwner(async (owned) => {
    const { folder, as } = owned;
    const state = join(folder, "..", "state");
    const run = async (code: number, args: readonly string[], options: Parameters<typeof runCli>[1]) => {
      const result = await runCli(args, { cwd: folder, ...options });
      assert.equal(result.code, code, `${args.join(" ")}\n${result.stdout}${result.stderr}`);
      return result;
    };
    await work({
      ...owned,
      root: (code, ...args) => run(code, args, { env: { XDG_STATE_HOME: state } }),
      owner: (code, ...args) => run(code, args, { as, env: { XDG_STATE_HOME: as.home } }),
      isOwners: async (...paths) => {
        for (const path of paths) {
          const { uid, gid } = await stat(join(folder, path));
          assert.deepEqual([path, uid, gid], [path, as.uid, as.gid]);
        }
      },
    });
  });
}

/** Makes the database, which Deno lets root write only when all may. */
async function makeDatabase({ folder, root }: Given, ...args: readonly string[]): Promise<void> {
  await root(0, "upgrade", ...args);
  await chmod(join(folder, "openharbor.db"), 0o666);
}

test("a database that root makes in another user's folder is that user's", () =>
  withUser(async (given) => {
    const { root, owner, isOwners, folder } = given;
    await root(0, "upgrade", "71dda59686db");
    await isOwners("openharbor.db");
    assert.equal((await stat(join(folder, "openharbor.db"))).mode & 0o777, 0o644);
    await owner(0, "upgrade");
    await owner(0, "verify", "--only", "backup,schema");
  }));

test("root makes no database where another user's instance/ leads", () =>
  withUser(async ({ folder, as, root }) => {
    const target = join(folder, "..", "root");
    await mkdir(target, { mode: 0o777 });
    await symlink(target, join(folder, "instance"));
    await lchown(join(folder, "instance"), as.uid, as.gid);
    assert.match((await root(4, "upgrade")).stderr, /another user's link/);
    assert.deepEqual(await readdir(target), []);
  }));

test("the backups of root's upgrade can be read by the nightly check of the database's owner", () =>
  withUser(async (given) => {
    const { root, owner, isOwners, folder } = given;
    await makeDatabase(given, "71dda59686db");
    await root(0, "upgrade");
    const names = await readdir(join(folder, "backups"));
    assert.equal(names.length, 2);
    await isOwners("backups", ...names.map((name) => join("backups", name)));
    assert.equal((await stat(join(folder, "backups"))).mode & 0o777, 0o700);
    assert.match((await owner(0, "status")).stdout, /^backup .* at 71dda59686db, proven/m);
    await owner(0, "verify", "--only", "backup", "--restore-drill");
    // And root goes on in the owner's folder.
    await root(0, "downgrade", "-1", "--yes");
    await owner(0, "backup", "list");
    await owner(0, "backup");
    await root(0, "backup", "--backup-dir", join(folder, "deep", "down"));
    await isOwners("deep", "deep/down");
  }));

test("what root restores where nothing was, and writes beside a database, is the folder's owner's", () =>
  withUser(async (given) => {
    const { root, owner, isOwners, folder } = given;
    await makeDatabase(given);
    const { backup } = (await root(0, "backup", "--json")).json<{ backup: { path: string } }>();
    await root(0, "restore", backup.path, "--to", `sqlite:///${folder}/look.db`);
    await isOwners("look.db");
    const outputs = ["--report", "r.html", "--prometheus", "m.prom", "--log", "v.jsonl"];
    await root(0, "verify", ...outputs);
    await isOwners("r.html", "m.prom", "v.jsonl");
    await owner(0, "verify", ...outputs);
  }));

test("what SQLite puts beside the file while root writes is the owner's", () =>
  withUser(async (given) => {
    const { root, folder, isOwners } = given;
    await makeDatabase(given, "71dda59686db");
    const database = new DatabaseSync(join(folder, "openharbor.db"));
    // A reader keeps the log in place.
    database.exec("PRAGMA journal_mode = WAL");
    database.exec("BEGIN; SELECT * FROM users");
    await root(0, "upgrade", "--no-backup");
    await isOwners("openharbor.db-wal", "openharbor.db-shm");
    database.close();
  }));

test("backups that a user may not read are said, with the command that helps", () =>
  withUser(async (given) => {
    const { root, owner, folder } = given;
    await makeDatabase(given);
    await root(0, "backup");
    const backups = join(folder, "backups");
    const names = await readdir(backups);
    const files = names.map((name) => join(backups, name));
    for (const [closed, code] of [[[backups], 1], [files, 3]] as const) {
      for (const path of closed) await chown(path, 0, 0);
      const { stdout } = await owner(0, "status");
      assert.match(stdout, /^backup +unknown: Cannot read ".*": this user may not$/m);
      const [, command] = /As root: (chown .*)$/m.exec(stdout) ?? [];
      assert.ok(command !== undefined, stdout);
      const { findings } = (await owner(code, "verify", "--only", "backup", "--json"))
        .json<{ findings: { hint: string; message: string }[] }>();
      assert.match(findings[0]!.message, /this user may not/);
      assert.ok(findings[0]!.hint.includes(command), JSON.stringify(findings));
      // One file that cannot be read is in nobody's way.
      const made = await owner(closed[0] === backups ? 1 : 0, "backup");
      if (made.code === 1) assert.ok(made.stderr.includes(`hint:  As root: ${command}`), made.stderr);
      execFileSync("sh", ["-c", command]);
      assert.match((await owner(0, "status")).stdout, /proven/);
      await owner(0, "verify", "--only", "backup");
    }
  }));

test("a database that a user may not read or write is said, with the command that helps", () =>
  withUser(async (given) => {
    const { owner, folder } = given;
    await makeDatabase(given);
    const file = join(folder, "openharbor.db");
    for (const [mode, args] of [[0o600, ["status"]], [0o644, ["stamp", "head"]]] as const) {
      await chown(file, 0, 0);
      await chmod(file, mode);
      const { stderr } = await owner(1, ...args);
      const [, command] = /as root: (chown .*)$/m.exec(stderr) ?? [];
      assert.ok(command !== undefined, stderr);
      execFileSync("sh", ["-c", command]);
      await owner(0, ...args);
    }
  }));

test("nobody is told to take away what belongs to a third user, whose program would lose it", () =>
  withUser(async (given) => {
    const { owner, folder } = given;
    await makeDatabase(given);
    const file = join(folder, "openharbor.db");
    await chown(file, 1234, 1234);
    await chmod(file, 0o644);
    for (
      const [closed, args] of [[file, ["stamp", "head"]], [join(folder, "backups"), [
        "backup",
        "list",
      ]]] as const
    ) {
      if (closed !== file) {
        await mkdir(closed, { mode: 0o700 });
        await chown(closed, 1234, 1234);
      }
      const { stderr } = await owner(1, ...args);
      assert.match(stderr, /^hint: +Run as the user that owns (?:the database|it): user 1234$/m);
      assert.doesNotMatch(stderr, /chown/);
    }
  }));

test("verify names the file of a database that a user may not read, and who may", () =>
  withUser(async (given) => {
    const { owner, folder } = given;
    await makeDatabase(given);
    const file = join(folder, "openharbor.db");
    const database = new DatabaseSync(file);
    database.exec("PRAGMA journal_mode = WAL");
    database.exec("BEGIN; SELECT * FROM users");
    for (const closed of [`${file}-wal`, file]) {
      await chown(closed, 1234, 1234);
      await chmod(closed, 0o600);
      const { stdout } = await owner(1, "verify", "--only", "schema");
      assert.match(stdout, new RegExp(`"${closed}" may not be read$`, "m"));
      // It is the owner of the database who asks where only what is beside it is another's.
      const what = closed === file ? "database" : "file";
      assert.match(stdout, new RegExp(`Run as the user that owns the ${what}: user 1234$`, "m"));
    }
    database.close();
  }));

test("a database that a user may only read is upgraded where there is nothing to do, and refused where there is", () =>
  withUser(async (given) => {
    const { owner, folder } = given;
    await makeDatabase(given);
    const file = join(folder, "openharbor.db");
    await chown(file, 0, 0);
    await chmod(file, 0o644);
    assert.match((await owner(0, "upgrade")).stdout, /^nothing to do: the database is at /m);
    assert.match((await owner(1, "downgrade", "-1", "--yes")).stderr, /openharbor\.db" may not be written$/m);
  }));

test("a restore by an owner who is not in the file's group changes nothing, and says what helps", () =>
  withUser(async (given) => {
    const { owner, folder, as } = given;
    await makeDatabase(given);
    const file = join(folder, "openharbor.db");
    await owner(0, "backup");
    await chown(file, as.uid, 0);
    const { ino } = await stat(file);
    const { stderr } = await owner(1, "restore", "latest", "--yes", "--no-backup");
    assert.match(
      stderr,
      new RegExp(
        `^error: Cannot replace "${file}": this user cannot make a file of user ${as.uid} and group 0`,
        "m",
      ),
    );
    assert.equal((await stat(file)).ino, ino);
    const [, command] = /Or give it this user's group: (chgrp .*)$/m.exec(stderr) ?? [];
    execFileSync("sh", ["-c", command!], { uid: as.uid, gid: as.gid });
    await owner(0, "restore", "latest", "--yes", "--no-backup");
    // Nobody gives the file of another user another group.
    await chown(file, 0, as.gid);
    await chmod(file, 0o666);
    const others = (await owner(1, "restore", "latest", "--yes", "--no-backup")).stderr;
    assert.match(others, /cannot make a file of user 0 and group/);
    assert.doesNotMatch(others, /chgrp/);
  }));

test("who owns what has no right to be written or read gets it by chmod, and another user by that as well", () =>
  withUser(async (given) => {
    const { owner, folder, as } = given;
    await makeDatabase(given);
    const file = join(folder, "openharbor.db");
    for (
      const [path, uid, mode, args, helps] of [
        [folder, as.uid, 0o555, ["stamp", "head"], /^hint: +(chmod u\+w .*)$/m],
        [file, as.uid, 0o444, ["stamp", "head"], /^hint: +(chmod u\+w .*)$/m],
        [file, as.uid, 0o044, ["status"], /^hint: +(chmod u\+r .*)$/m],
        [folder, 0, 0o555, ["stamp", "head"], /^hint: +As root: (chown \d+ .* && chmod u\+w .*)$/m],
      ] as const
    ) {
      await chown(path, uid, uid);
      await chmod(path, mode);
      const { stderr } = await owner(1, ...args);
      const [, command] = helps.exec(stderr) ?? [];
      assert.ok(command !== undefined, stderr);
      assert.doesNotMatch(stderr, /Run as the user/);
      const user = command.startsWith("chmod") ? { uid: as.uid, gid: as.gid } : {};
      execFileSync("sh", ["-c", command], user);
      await owner(0, ...args);
      await chmod(file, 0o666);
    }
  }));

test("what is in a folder that a user may not look into is not missing, and no path of ours is told", () =>
  withUser(async (given) => {
    const { owner, folder } = given;
    await makeDatabase(given);
    const closed = join(folder, "it's closed");
    await mkdir(closed);
    await cp(projectFile("drizzle"), join(closed, "drizzle"), { recursive: true });
    await rename(join(folder, "openharbor.db"), join(closed, "openharbor.db"));
    await chmod(closed, 0o700);
    const url = ["--database-url", "sqlite:///it's closed/openharbor.db"];
    for (const [code, ...args] of [[1, "status"], [1, "upgrade"], [2, "schedule"]] as const) {
      const { stdout, stderr } = await owner(code, ...args, ...url);
      assert.match(stderr, /may not (?:look into its folder|read)/);
      assert.doesNotMatch(stdout, /does not exist|state/);
    }
    const missing = (await owner(0, "status", "--database-url", "sqlite:///no/where.db")).stdout;
    assert.match(missing, /^database +sqlite:\/\/\/no\/where\.db \(does not exist\)$/m);
    const { stderr } = await owner(2, "history", "--dir", "it's closed/drizzle");
    const [, command] = /as root: (chown .*)$/m.exec(stderr) ?? [];
    execFileSync("sh", ["-c", command!]);
    await chown(closed, 65534, 65534);
    await owner(0, "history", "--dir", "it's closed/drizzle");
    await owner(0, "status", ...url);
    await mkdir(join(folder, "backups"), { mode: 0o500 });
    await chown(join(folder, "backups"), 65534, 65534);
    const failed = await owner(1, "backup", ...url, "--backup-dir", "backups");
    assert.match(failed.stderr, /Cannot write in ".*backups": this user may not\nhint: .*--backup-dir <dir>/);
    const verified = await owner(1, "verify", ...url, "--only", "history", "--report", "no/page.html");
    assert.match(
      verified.stderr,
      /Cannot write ".*page\.html": there is no such .*\nhint: {2}Give a folder that exists/,
    );
  }));

test("schedule runs as who can read the backups, and refuses a user who cannot read what is to be checked", () =>
  withUser(async (given) => {
    const { root, as, folder } = given;
    const env = { DATABASE_URL: "postgresql://harbor@db.example.org/harbor" };
    const backups = join(folder, "backups");
    await mkdir(backups, { mode: 0o700 });
    await chown(backups, as.uid, as.gid);
    const units = (...args: readonly string[]) => runCli(["schedule", ...args], { cwd: folder, env });
    assert.match((await units()).stdout, new RegExp(`^User=${as.uid}$`, "m"));
    assert.match((await units("--skip", "backup")).stdout, /^DynamicUser=yes$/m);
    await chown(backups, 0, 0);
    assert.match((await units()).stdout, /^User=0$/m);
    const refused = await units("--user", "daemon");
    assert.equal(refused.code, 2, refused.stdout);
    assert.match(refused.stderr, /the user daemon may not read ".*backups"/);
    const [, command] = /as root: (chown .*)$/m.exec(refused.stderr) ?? [];
    execFileSync("sh", ["-c", command!]);
    assert.match((await units("--user", "daemon")).stdout, /^User=daemon$/m);

    // One row an output: what is in the way of it, and the command that helps.
    const closed = join(folder, "closed");
    await mkdir(closed, { mode: 0o755 });
    await chown(closed, 0, 0);
    await writeFile(join(folder, "root.jsonl"), "");
    await writeFile(join(folder, "root.html"), "", { mode: 0o600 });
    for (
      const [option, path, words] of [
        ["--report", join(closed, "page.html"), /the user daemon may not write ".*\/closed"/],
        ["--prometheus", join(folder, "no", "m.prom"), /there is no folder ".*\/no"/],
        ["--log", join(folder, "root.jsonl"), /the user daemon may not write ".*root\.jsonl"/],
        ["--report", join(folder, "root.html"), /the user daemon may not write ".*root\.html"/],
      ] as const
    ) {
      const { code, stderr } = await units("--user", "daemon", "--skip", "backup", option, path);
      assert.equal(code, 2, stderr);
      assert.match(stderr, words);
      const made = await units("--skip", "backup", option, path);
      assert.match(made.stderr, /a user that systemd makes up may not|there is no folder/);
      const [, command] = /Or let it, as root: (.*)$/m.exec(stderr) ?? [];
      if (command === undefined) continue;
      execFileSync("sh", ["-c", command]);
      assert.equal((await units("--user", "daemon", "--skip", "backup", option, path)).code, 0, command);
    }
    // systemd makes the service's own folder, for whichever user; cron makes none.
    const [its, others] = ["harbor-db-other", "harbor-db-another"].map((name) =>
      `/var/lib/${name}/page.html`
    );
    for (
      const [args, code] of [
        [["--report", its!], 0],
        [["--report", its!, "--user", "daemon"], 0],
        [["--report", others!], 2],
        [["--report", its!, "--cron"], 2],
      ] as const
    ) {
      const result = await units("--skip", "backup", "--name", "harbor-db-other", ...args);
      assert.equal(result.code, code, args.join(" ") + result.stderr);
    }
    const missing = join(folder, "no");
    const [, make] = /^hint: +Make it: (.*)$/m.exec(
      (await units("--user", "daemon", "--skip", "backup", "--report", join(missing, "p.html"))).stderr,
    ) ?? [];
    execFileSync("sh", ["-c", make!]);
    assert.equal(
      (await units("--user", "daemon", "--skip", "backup", "--report", join(missing, "p.html"))).code,
      0,
    );
    assert.equal((await units("--cron", "--skip", "backup", "--report", join(closed, "p.html"))).code, 0);

    await chown(backups, as.uid, as.gid);
    await makeDatabase(given);
    await chmod(join(folder, "openharbor.db"), 0o600);
    assert.match((await root(0, "schedule")).stdout, new RegExp(`^User=${as.uid}$`, "m"));
    assert.match((await root(2, "schedule", "--user", "daemon")).stderr, /may not read ".*openharbor\.db"/);
  }));
