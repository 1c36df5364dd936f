import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { once } from "node:events";
import { chmod, chown, cp, mkdir, readdir, readFile, rename, symlink, writeFile } from "node:fs/promises";
import { type AddressInfo, createServer } from "node:net";
import { join } from "node:path";
import { test } from "node:test";
import { parseDatabaseUrl } from "../../src/base/url/database_url.ts";
import { userFiles } from "../../src/cli/read_url.ts";
import { withFolder } from "../support/databases.ts";
import { projectFile } from "../support/project.ts";
import { runCli } from "../support/run_cli.ts";
import { withOwner } from "../support/other_user.ts";

const limitMs = 15_000;

test("a .env answers no question, leaves out no backup and overwrites no file", () =>
  withFolder(async (cwd) => {
    await runCli(["upgrade"], { cwd });
    const precious = join(cwd, "precious.txt");
    await writeFile(precious, "mine");
    await writeFile(
      join(cwd, ".env"),
      `HARBOR_DB_YES=1\nHARBOR_DB_NO_BACKUP=1\nHARBOR_DB_REPORT=${precious}\nSECRET_KEY=x\n`,
    );
    const refused = await runCli(["downgrade", "base"], { cwd });
    assert.equal(refused.code, 4, refused.stderr);
    assert.match(refused.stderr, /^\.env sets HARBOR_DB_YES, HARBOR_DB_NO_BACKUP, HARBOR_DB_REPORT: /m);
    assert.doesNotMatch(refused.stderr, /SECRET_KEY/);
    await runCli(["verify", "--only", "schema"], { cwd });
    assert.equal(await readFile(precious, "utf8"), "mine");
  }));

test("a .env chooses no program to run", () =>
  withFolder(async (cwd) => {
    const planted = join(cwd, "bin");
    await mkdir(planted);
    await writeFile(join(planted, "pg_dump"), `#!/bin/sh\ntouch '${cwd}/ran'\n`);
    await chmod(join(planted, "pg_dump"), 0o755);
    await writeFile(join(cwd, ".env"), `PATH=${planted}\nDATABASE_URL=sqlite:///x.db\n`);
    // Without a PATH of its own, so that nothing goes before the file's.
    await runCli(["check"], { cwd, env: { PATH: "" } });
    await runCli(["backup", "--backup-engine", "pg_dump"], {
      cwd,
      env: { PATH: "", DATABASE_URL: "postgresql://nobody@127.0.0.1:1/x" },
    });
    assert.deepEqual((await readdir(cwd)).filter((name) => name === "ran"), []);
  }));

test("a .env still says where the database is, and PostgreSQL's variables with it", () =>
  withFolder(async (cwd) => {
    await writeFile(
      join(cwd, ".env"),
      "DATABASE_URL=postgresql:///x\nPGHOST=127.0.0.1\nPGPORT=1\nPGUSER=me\n",
    );
    const { stderr } = await runCli(["status"], { cwd });
    assert.match(stderr, /postgresql:\/\/me@127\.0\.0\.1:1\/x/);
  }));

test("a .env of another user's gets no password out of root's files", () =>
  withOwner(async ({ folder, as }) => {
    const home = join(folder, "..", "roots_home");
    await mkdir(home);
    await writeFile(join(home, ".pgpass"), "*:*:*:*:secret\n", { mode: 0o600 });
    const system = (values: Record<string, string>) => ({
      homeFolder: () => home,
      cwd: folder,
      secretFiles: {},
      settingsFile: null,
      envFile: { values, remarks: [], problem: null },
    });
    const password = (values: Record<string, string>) => {
      const url = parseDatabaseUrl("postgresql://u@h/x", {}, userFiles(system(values)));
      return url.driver === "postgres" ? url.password : null;
    };
    assert.equal(password({}), "secret");
    assert.equal(password({ PGHOST: "evil" }), undefined);
    await writeFile(join(folder, ".env"), "PGHOST=evil\n");
    assert.equal(password({ PGHOST: "evil" }), undefined);
    await chown(folder, 0, 0);
    assert.equal(password({ PGHOST: "mine" }), "secret");
    await chown(join(folder, ".env"), as.uid, as.gid);
    assert.equal(password({ PGHOST: "evil" }), undefined);
  }));

// One row a state: what stands there, how it is made, what is said.
const states: readonly (readonly [string, (path: string) => Promise<unknown> | unknown, RegExp])[] = [
  ["a folder", (path) => mkdir(path), /it is a folder/],
  [
    "a link to nothing",
    (path) => symlink("secrets/env", path),
    /it is a link to "secrets\/env", and there is no such file/,
  ],
  ["a FIFO", (path) => execFileSync("mkfifo", [path]), /it is a FIFO/],
  ["a device", (path) => execFileSync("mknod", [path, "c", "1", "5"]), /it is a device/],
  ["UTF-16", (path) => writeFile(path, "\ufeffDATABASE_URL=sqlite:///x.db\n", "utf16le"), /UTF-16/],
  ["Latin-1", (path) => writeFile(path, "DATABASE_URL=sqlite:///gr\xfc\xdfe.db\n", "latin1"), /not UTF-8/],
  [
    "a quote that never closes",
    (path) => writeFile(path, "DATABASE_URL='sqlite:///x.db\n"),
    /\.env:1 cannot/,
  ],
];

for (const [what, make, words] of states) {
  test(`a .env that is ${what} is one clear error, and a remark when the address comes from elsewhere`, () =>
    withFolder(async (cwd) => {
      await make(join(cwd, ".env"));
      for (const args of [["status"], ["upgrade"]]) {
        const { code, stderr } = await runCli(args, { cwd, limitMs });
        assert.equal(code, 2, stderr);
        assert.match(stderr, words);
        assert.equal(stderr.match(/^error: /gm)?.length, 1);
        assert.doesNotMatch(stderr, /^\s+at /m);
      }
      assert.deepEqual(await readdir(cwd), [".env"], "no default database was made");
      for (const args of [["status"], ["status", "--database-url", "sqlite:///y.db"]]) {
        const env = { DATABASE_URL: "sqlite:///y.db" };
        const { code, stdout, stderr } = await runCli(args, {
          cwd,
          env: args.length > 1 ? {} : env,
          limitMs,
        });
        assert.equal(code, 0, stderr);
        assert.match(stderr, words);
        assert.match(stdout, /y\.db/);
      }
      assert.equal((await runCli(["help"], { cwd, limitMs })).code, 0);
    }));
}

test("a .env that this user may not read is one clear error", () =>
  withOwner(async ({ folder, as }) => {
    await writeFile(join(folder, ".env"), "DATABASE_URL=sqlite:///x.db\n");
    await chmod(join(folder, ".env"), 0o600);
    const { code, stderr } = await runCli(["status"], { cwd: folder, as });
    assert.equal(code, 2);
    assert.match(stderr, /Cannot read ".*\.env": this user may not$/m);
  }));

test("a FIFO where a project or a connection has a file is refused, and waited for by nobody", () =>
  withFolder(async (cwd) => {
    execFileSync("mkfifo", [join(cwd, "fifo")]);
    const schema = await runCli(["generate", "x", "--dir", join(cwd, "drizzle"), "--schema", "fifo"], {
      cwd,
      limitMs,
    });
    assert.equal(schema.code, 2, schema.stderr);
    assert.match(schema.stderr, /^error: Cannot load "\S+fifo": it is a FIFO\n/);
    const server = createServer((socket) => void socket.once("data", () => socket.write("S")));
    await once(server.listen(0, "127.0.0.1"), "listening");
    try {
      const { port } = server.address() as AddressInfo;
      const url = `postgresql://u@127.0.0.1:${port}/d?sslmode=verify-full&sslrootcert=${join(cwd, "fifo")}`;
      const tls = await runCli(["status", "--database-url", url], { cwd, limitMs });
      assert.equal(tls.code, 2, tls.stderr);
      assert.match(
        tls.stderr,
        /^error: Cannot read "\S+fifo": it is a FIFO\nhint: {2}Look at that file, or name another one .*: sslrootcert=FILE\n/,
      );
    } finally {
      server.close();
    }
    await cp(projectFile("drizzle"), join(cwd, "drizzle"), { recursive: true });
    await rename(join(cwd, "fifo"), join(cwd, "drizzle", "SHA256SUMS"));
    const check = await runCli(["check", "--dir", "drizzle", "--schema", projectFile("schema.ts")], {
      cwd,
      limitMs,
    });
    assert.equal(check.code, 1, check.stderr);
    assert.match(check.stderr, /SHA256SUMS": it is a FIFO/);
  }));
