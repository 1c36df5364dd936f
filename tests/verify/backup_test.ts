import assert from "node:assert/strict";
import { appendFile, mkdir, readdir, readFile, rename, rm, truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { test } from "node:test";
import postgres from "postgres";
import { withFolder } from "../support/databases.ts";
import { withOwnedPostgres } from "../support/postgres_role.ts";
import { runCli } from "../support/run_cli.ts";

interface Given {
  readonly cwd: string;
  /** Of the one backup. */
  readonly file: string;
  /** Runs the check and returns its findings and the exit code. */
  check(
    ...args: readonly string[]
  ): Promise<{ readonly code: number | null; readonly findings: readonly Finding[] }>;
}

interface Finding {
  readonly status: string;
  readonly message: string;
  readonly hint: string | null;
}

/** Runs `work` with a database that has rows, and one backup of it. */
async function withBackup(work: (given: Given) => Promise<void>): Promise<void> {
  await withFolder(async (cwd) => {
    const options = { cwd, env: { XDG_STATE_HOME: join(cwd, "state") } };
    const run = async (...args: readonly string[]) => {
      const result = await runCli(args, options);
      assert.equal(result.code, 0, result.stdout + result.stderr);
    };
    await run("upgrade");
    const database = new DatabaseSync(join(cwd, "openharbor.db"));
    database.exec(
      "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 500) INSERT INTO users (uuid, email, password_hash) SELECT 'u' || i, 'e' || i, hex(randomblob(100)) FROM n",
    );
    database.close();
    await run("backup");
    const [name] = (await readdir(join(cwd, "backups"))).filter((each) => each.endsWith(".db"));
    await work({
      cwd,
      file: join(cwd, "backups", name!),
      check: async (...args) => {
        const result = await runCli(["verify", "--only", "backup", "--json", ...args], options);
        return { code: result.code, findings: result.json<{ findings: Finding[] }>().findings };
      },
    });
  });
}

async function flipByte(path: string, share: number): Promise<void> {
  const bytes = await readFile(path);
  const at = Math.floor(bytes.length * share);
  bytes[at] = bytes[at]! ^ 0x20;
  await writeFile(path, bytes);
}

test("backup: a young and whole one passes, and a drill restores it", () =>
  withBackup(async ({ check, cwd }) => {
    const before = await readdir(join(cwd, "backups"));
    const { code, findings } = await check();
    assert.deepEqual([code, findings.map(({ status }) => status)], [0, ["pass"]], JSON.stringify(findings));
    assert.match(findings[0]!.message, /^the newest of 1 is .* old: /);
    const drill = await check("--restore-drill");
    assert.deepEqual([drill.code, drill.findings.length], [0, 1], JSON.stringify(drill.findings));
    assert.match(
      drill.findings[0]!.message,
      /restored aside now: \d+ tables and \d+ rows, as they were copied \(opened\)/,
    );
    assert.deepEqual(await readdir(join(cwd, "backups")), before);
  }));

test("backup: what was only read back is said everywhere, with the reason, and is not green", () =>
  withOwnedPostgres(15, "", ({ url }) =>
    withFolder(async (cwd) => {
      const options = { cwd, env: { DATABASE_URL: url, XDG_STATE_HOME: cwd } };
      const reason = "the role may not create databases";
      const run = (...args: readonly string[]) => runCli(args, options);
      assert.equal((await run("upgrade")).code, 0);
      const { backup } = (await run("backup", "--json")).json<{ backup: Record<string, string> }>();
      assert.deepEqual([backup["proof"], backup["notRestored"]], ["read back", reason]);
      for (const args of [["backup"], ["backup", "list"], ["status"]]) {
        const { stdout } = await run(...args);
        assert.ok(stdout.includes(`read back, NOT restored: ${reason}`), stdout);
        assert.doesNotMatch(stdout, /proven \(/);
      }
      for (const args of [[], ["--restore-drill"]]) {
        const document = (await run("verify", "--only", "backup", "--json", ...args))
          .json<{ findings: readonly Finding[]; notChecked: readonly string[] }>();
        assert.deepEqual(document.findings.map(({ status }) => status), ["warn"]);
        assert.match(document.findings[0]!.message, /NOT restored: the role may not create databases/);
        assert.match(document.findings[0]!.hint ?? "", /CREATEDB/);
        assert.equal(document.notChecked.at(-1), "restore");
      }
      const { stdout } = await run("backup", "verify", backup["path"]!);
      assert.match(stdout, /^warn +content .*NOT restored/m);
      assert.match(stdout, / is whole as far as it was checked$/m);
      assert.equal((await run("restore", backup["path"]!, "--yes")).code, 0);
      const down = (await run("downgrade", "-1", "--yes", "--json")).json<
        { backup: { notRestored: string } }
      >();
      assert.equal(down.backup.notRestored, reason);
    })));

// One row a way to break a backup, and what is said about it.
const breaks = [
  [
    "its first third is flipped",
    (file: string) => flipByte(file, 0.2),
    /its bytes are not those that were written/,
  ],
  [
    "its middle is flipped",
    (file: string) => flipByte(file, 0.5),
    /its bytes are not those that were written/,
  ],
  ["its end is flipped", (file: string) => flipByte(file, 0.9), /its bytes are not those that were written/],
  ["it is cut off", (file: string) => truncate(file, 5_000), /5\s000 bytes long instead of/],
  ["it is longer", (file: string) => appendFile(file, "x"), /bytes long instead of/],
  ["it is gone", (file: string) => rm(file), /is missing/],
  ["its manifest is cut off", (file: string) => truncate(`${file}.json`, 100), /it is no JSON/],
  ["its manifest is gone", (file: string) => rm(`${file}.json`), /there is no backup of this database/],
] as const;
for (const [what, breakIt, words] of breaks) {
  test(`backup: fails when ${what}`, () =>
    withBackup(async ({ check, file }) => {
      await breakIt(file);
      const { code, findings } = await check();
      assert.equal(code, 3, JSON.stringify(findings));
      assert.ok(findings.every(({ status, hint }) => status === "fail" && hint !== null));
      assert.match(findings[0]!.message, words);
    }));
}

test("backup: fails when the newest is too old, and says how old", () =>
  withBackup(async ({ check, file }) => {
    const manifest = JSON.parse(await readFile(`${file}.json`, "utf8"));
    const old = new Date(Date.now() - 27 * 3_600_000).toISOString();
    const redate = (text: string) => text.replace(/\d{8}T\d{9}Z/, old.replaceAll(/[-:.]/g, ""));
    const [id, name] = [redate(manifest.id), redate(manifest.file)];
    await rename(file, redate(file));
    await rm(`${file}.json`);
    await writeFile(
      `${redate(file)}.json`,
      JSON.stringify({ ...manifest, id, file: name, createdAt: old }),
    );
    const { code, findings } = await check();
    assert.deepEqual([code, findings.length], [3, 1]);
    assert.match(findings[0]!.message, /^the newest backup is 27 h.* old, older than 26 h$/);
    assert.equal((await check("--max-backup-age", "2d")).code, 0);
  }));

test("backup: a manifest that was given a younger date, or another's name, is told", () =>
  withBackup(async ({ check, cwd, file }) => {
    const text = await readFile(`${file}.json`, "utf8");
    const manifest = JSON.parse(text);
    const young = new Date(Date.parse(manifest.createdAt) + 1).toISOString();
    await writeFile(`${file}.json`, JSON.stringify({ ...manifest, createdAt: young }));
    const redated = await check();
    assert.equal(redated.code, 3);
    assert.match(redated.findings[0]!.message, /"createdAt" is .*, and its "id" says another time/);

    // Of the same length, so that what it is beside looks whole: it hid that one, and was listed twice.
    await writeFile(`${file}.json`, text);
    const options = { cwd, env: { XDG_STATE_HOME: join(cwd, "state") } };
    const second = (await runCli(["backup", "--json"], options)).json<{ backup: { path: string } }>();
    await writeFile(`${second.backup.path}.json`, text);
    const { backups, problems } = (await runCli(["backup", "list", "--json"], options)).json<
      { backups: { path: string }[]; problems: string[] }
    >();
    assert.deepEqual(backups.map(({ path }) => path), [file]);
    assert.match(problems[0]!, /it is the manifest of .*, and stands beside /);
    assert.equal((await check()).code, 3);
    assert.equal((await runCli(["restore", "latest", "--yes"], options)).code, 4);
  }));

test("backup: a drill finds what a right checksum hides", () =>
  withBackup(async ({ check, file }) => {
    const database = new DatabaseSync(file);
    database.exec("UPDATE users SET email = 'changed' WHERE id = 7");
    database.close();
    const bytes = await readFile(file);
    const { createHash } = await import("node:crypto");
    const manifest = JSON.parse(await readFile(`${file}.json`, "utf8"));
    const sha256 = createHash("sha256").update(bytes).digest("hex");
    await writeFile(`${file}.json`, JSON.stringify({ ...manifest, sha256, bytes: bytes.length }));
    assert.equal((await check()).code, 0);
    const drill = await check("--restore-drill");
    assert.equal(drill.code, 3);
    assert.match(drill.findings[0]!.message, /the rows of users are not those that were copied/);
  }));

test("backup: one of another database does not count", () =>
  withBackup(async ({ check, cwd }) => {
    await mkdir(join(cwd, "other"));
    await writeFile(join(cwd, "other", "empty.db"), "");
    const { findings } = await check("--database-url", "sqlite:///other/empty.db", "--backup-dir", "backups");
    assert.match(findings[0]!.message, /there is no backup of this database/);
  }));

test("backup: with no row in any table a missing one is a remark, until the first row is there", () =>
  withFolder(async (cwd) => {
    const options = { cwd, env: { XDG_STATE_HOME: join(cwd, "state") } };
    const run = async (...args: readonly string[]) => {
      const result = await runCli(args, options);
      return { code: result.code, findings: result.json<{ findings: Finding[] }>().findings };
    };
    const change = (statement: string) => {
      const database = new DatabaseSync(join(cwd, "openharbor.db"));
      database.exec(statement);
      database.close();
    };
    assert.equal((await runCli(["upgrade"], options)).code, 0);
    const whole = await run("verify", "--json", "--prometheus", "verify.prom");
    const remarks = whole.findings.filter(({ status }) => status !== "pass");
    assert.deepEqual([whole.code, remarks.length], [0, 1], JSON.stringify(remarks));
    assert.equal(remarks[0]!.status, "warn");
    assert.match(
      remarks[0]!.message,
      /^there is no backup of this database in ".*backups": none of its tables has a row yet$/,
    );
    assert.match(
      await readFile(join(cwd, "verify.prom"), "utf8"),
      /harbor_db_check_status\{.*check="backup",status="warn"\} 1/,
    );

    change("INSERT INTO users (uuid, email, password_hash) VALUES ('u', 'e', 'h')");
    const filled = await run("verify", "--only", "backup", "--json");
    assert.deepEqual([filled.code, filled.findings[0]?.status], [3, "fail"]);
    assert.match(filled.findings[0]!.message, /^there is no backup of this database in ".*backups"$/);
  }));

for (
  const [what, statement] of [
    ["a virtual table", "CREATE VIRTUAL TABLE notes USING fts5(text)"],
    ["a table of kept data", "CREATE TABLE harbor_kept_1 (harbor_row INTEGER)"],
  ] as const
) {
  test(`backup: ${what} may hold what none of the tables has, and a missing backup fails`, () =>
    withFolder(async (cwd) => {
      const options = { cwd, env: { XDG_STATE_HOME: join(cwd, "state") } };
      assert.equal((await runCli(["upgrade"], options)).code, 0);
      const database = new DatabaseSync(join(cwd, "openharbor.db"));
      database.exec(statement);
      database.close();
      const { code, stdout } = await runCli(["verify", "--only", "backup"], options);
      assert.equal(code, 3, stdout);
      assert.match(stdout, /FAIL\s+backup\s+there is no backup of this database in ".*backups"\n/);
    }));
}

test("backup: rows that a policy hides from the role are not taken for none", () =>
  withOwnedPostgres(15, "", ({ url }) =>
    withFolder(async (cwd) => {
      const options = { cwd, env: { DATABASE_URL: url, XDG_STATE_HOME: cwd } };
      const check = async () => {
        const result = await runCli(["verify", "--only", "backup", "--json"], options);
        return result.json<{ findings: Finding[] }>().findings.map(({ status }) => status);
      };
      assert.equal((await runCli(["upgrade"], options)).code, 0);
      assert.deepEqual(await check(), ["warn"]);
      const client = postgres(url, { max: 1 });
      await client`ALTER TABLE users ENABLE ROW LEVEL SECURITY`;
      await client`ALTER TABLE users FORCE ROW LEVEL SECURITY`;
      await client.end();
      assert.deepEqual(await check(), ["fail"]);
    })));
