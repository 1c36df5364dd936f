import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { withFolder } from "../support/databases.ts";
import { runCli } from "../support/run_cli.ts";

const word = "s3cret-w0rd";
const serverUrl = `postgresql://harbor:${word}@127.0.0.1:1/harbor`;

// One row a way to hand the address over: the variables, the arguments.
const ways: readonly (readonly [string, Readonly<Record<string, string>>, readonly string[]])[] = [
  ["DATABASE_URL_FILE", { DATABASE_URL_FILE: "secret" }, []],
  ["--database-url-file", {}, ["--database-url-file", "secret"]],
  ["its variable", { HARBOR_DB_DATABASE_URL_FILE: "secret" }, []],
];
for (const [what, env, args] of ways) {
  test(`an address in a file is read by ${what}, before what .env says, and its password is not shown`, () =>
    withFolder(async (cwd) => {
      await writeFile(join(cwd, ".env"), "DATABASE_URL=sqlite:///other.db\n");
      await writeFile(join(cwd, "secret"), "sqlite:///app.db\n");
      const upgraded = await runCli(["upgrade", "--json", ...args], { cwd, env });
      assert.equal(upgraded.code, 0, upgraded.stderr);
      assert.equal((await runCli(["current", "--database-url", "sqlite:///app.db"], { cwd })).code, 0);
      await writeFile(join(cwd, "secret"), serverUrl);
      const failed = await runCli(["status", "--json", ...args], { cwd, env });
      assert.equal(failed.code, 1);
      assert.match(failed.stdout, /127\.0\.0\.1/);
      assert.doesNotMatch(failed.stdout + failed.stderr, new RegExp(word));
    }));

  test(`a schedule of an address by ${what} leads to the file, and has no copy of it`, () =>
    withFolder(async (cwd) => {
      await writeFile(join(cwd, "secret"), serverUrl);
      const { stdout, stderr, code } = await runCli(["schedule", "--cron", ...args], { cwd, env });
      assert.equal(code, 0, stderr);
      assert.match(stdout, /_URL_FILE='?[^ ]*\/secret/);
      assert.doesNotMatch(stdout, new RegExp(`${word}|[^_]DATABASE_URL=`));
    }));
}

// One row a mistake: the variables, the arguments, the exit code, what it says.
const mistakes: readonly (readonly [Readonly<Record<string, string>>, readonly string[], RegExp])[] = [
  [{ DATABASE_URL_FILE: "gone" }, [], /gone", which DATABASE_URL_FILE names: there is no such file/],
  [{ DATABASE_URL_FILE: "empty" }, [], /empty", which DATABASE_URL_FILE names: it is empty/],
  [{ DATABASE_URL_FILE: "fifo" }, [], /fifo": it is a FIFO/],
  [
    { DATABASE_URL_FILE: "secret", DATABASE_URL: "sqlite:///a.db" },
    [],
    /both DATABASE_URL and DATABASE_URL_FILE/,
  ],
  [{}, ["--database-url-file", "gone"], /gone", which --database-url-file names: there is no such file/],
  [
    {},
    ["--database-url-file", "secret", "--database-url", "sqlite:///a.db"],
    /both --database-url and --database-url-file/,
  ],
];
test("a file that holds no secret, and one beside another word for the same, is an error of the configuration", () =>
  withFolder(async (cwd) => {
    await writeFile(join(cwd, "secret"), "sqlite:///app.db");
    await writeFile(join(cwd, "empty"), "\n");
    execFileSync("mkfifo", [join(cwd, "fifo")]);
    for (const [env, args, said] of mistakes) {
      const { code, stderr } = await runCli(["upgrade", ...args], { cwd, env });
      assert.match(stderr, said);
      assert.equal(code, /FIFO/.test(stderr) ? 1 : 2, stderr);
    }
  }));
