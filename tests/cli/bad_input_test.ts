import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { chmod, cp, mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import process from "node:process";
import { test } from "node:test";
import { initial } from "../support/samples/application.ts";
import { engines, sqliteUrl, withFolder } from "../support/databases.ts";
import { projectFile } from "../support/project.ts";
import { runCli, type RunOptions } from "../support/run_cli.ts";

interface Expected {
  readonly exit: number;
  readonly code: string;
  readonly message: RegExp;
  /** What the remedy holds. */
  readonly hint: RegExp;
}

/** Runs harbor-db and checks its refusal, in JSON and in words. */
async function refuses(args: readonly string[], options: RunOptions, expected: Expected): Promise<void> {
  const result = await runCli([...args, "--json"], options);
  assert.equal(result.code, expected.exit, result.stdout + result.stderr);
  const { ok, error } = result.json<
    { ok: boolean; error: { code: string; message: string; hint: string } }
  >();
  assert.deepEqual([ok, error.code], [false, expected.code]);
  assert.match(error.message, expected.message);
  assert.match(error.hint, expected.hint);
  const words = await runCli(args, options);
  assert.equal(words.code, expected.exit);
  assert.equal(words.stdout, "");
  assert.match(words.stderr, /^error: /m);
  assert.match(words.stderr, /^hint: /m);
}

const writing = [["upgrade"], ["stamp", "head"], ["downgrade", "base", "--yes"]];

test("a file that is no database is refused and left as it is", () =>
  withFolder(async (cwd) => {
    await writeFile(
      join(cwd, "openharbor.db"),
      "this is a shopping list and nothing else, for a while\n".repeat(100),
    );
    const before = await readFile(join(cwd, "openharbor.db"));
    for (const args of [...writing, ["status"], ["history"], ["current"]]) {
      await refuses(args, { cwd }, { exit: 1, code: "not_a_database", message: /openharbor\.db/, hint: /./ });
    }
    assert.deepEqual(await readFile(join(cwd, "openharbor.db")), before);
    assert.deepEqual(await readdir(cwd), ["openharbor.db"]);
  }));

test("a folder in the place of the file is named", () =>
  withFolder(async (cwd) => {
    await mkdir(join(cwd, "openharbor.db"));
    await refuses(["upgrade"], { cwd }, {
      exit: 1,
      code: "connection_failed",
      message: /is a folder/,
      hint: /./,
    });
  }));

test("a missing parent folder is named with the command that makes it", () =>
  withFolder(async (cwd) => {
    const env = { DATABASE_URL: "sqlite:///no/such/x.db" };
    await refuses(["upgrade"], { cwd, env }, {
      exit: 1,
      code: "connection_failed",
      message: /no\/such/,
      hint: /^mkdir -p/,
    });
    assert.deepEqual(await readdir(cwd), []);
  }));

test("a path that the system refuses is no defect of harbor-db's, wherever it is met", () =>
  withFolder(async (cwd) => {
    const name = "x".repeat(3000);
    await refuses(["backup", "verify", name], { cwd }, {
      exit: 1,
      code: "file_failed",
      message: /its name is too long/,
      hint: /path/,
    });
    const env = { DATABASE_URL: `sqlite:///${name}.db` };
    const { code, stdout } = await runCli(["verify", "--json"], { cwd, env });
    assert.equal(code, 1, stdout);
    assert.match(stdout, /"file_failed".*(its name is too long|ENAMETOOLONG)/s);
    assert.doesNotMatch(stdout, /defect|stack/);
  }));

test("an output that cannot be written stands in the one JSON document", () =>
  withFolder(async (cwd) => {
    const result = await runCli(["verify", "--report", "missing/r.html", "--json"], { cwd });
    const { outputs } = result.json<{ outputs: { error: string }[] }>();
    assert.match(outputs[0]!.error, /Cannot write/);
  }));

test("stamp makes no database where there is none", () =>
  withFolder(async (cwd) => {
    await refuses(["stamp", "head"], { cwd }, {
      exit: 1,
      code: "connection_failed",
      message: /there is no file/,
      hint: /./,
    });
    assert.deepEqual(await readdir(cwd), []);
  }));

test("a file that may only be read can be looked at and not be upgraded", () =>
  withFolder(async (cwd) => {
    await runCli(["upgrade", initial], { cwd });
    const path = join(cwd, "openharbor.db");
    const before = await readFile(path);
    await chmod(path, 0o444);
    // Root may write whatever the mode says.
    const isRoot = process.getuid?.() === 0;
    if (isRoot) execFileSync("chattr", ["+i", path]);
    try {
      assert.equal((await runCli(["status"], { cwd })).code, 0);
      await refuses(["upgrade"], { cwd }, {
        exit: 1,
        code: "read_only",
        message: /openharbor\.db/,
        hint: /./,
      });
    } finally {
      if (isRoot) execFileSync("chattr", ["-i", path]);
    }
    assert.deepEqual(await readFile(path), before);
  }));

// One row a mistake on the command line: what, arguments, environment, code, message.
const mistakes: readonly (readonly [string, readonly string[], Record<string, string>, string, RegExp])[] = [
  ["an unknown scheme", ["status"], { DATABASE_URL: "mysql://u:secret@h/x" }, "bad_config", /scheme "mysql"/],
  ["a database in memory", ["upgrade"], { DATABASE_URL: "sqlite:///:memory:" }, "bad_config", /in memory/],
  ["an unknown target", ["upgrade", "nope"], {}, "unknown_target", /"nope"/],
  ["more revisions than there are", ["upgrade", "+99"], {}, "unknown_target", /"\+99"/],
  ["an unknown command", ["upgarde"], {}, "usage", /no such command; did you mean upgrade\?/],
  ["an unknown command below another", ["help", "backup", "lst"], {}, "usage", /did you mean list\?/],
  ["an unknown option", ["status", "--frobnicate"], {}, "usage", /--frobnicate/],
  ["a missing argument", ["downgrade"], {}, "usage", /target/],
  ["an argument too many", ["upgrade", "head", "head"], {}, "usage", /too many/],
  ["a shell that is not known", ["completions", "tcsh"], {}, "usage", /tcsh/],
];
for (const [what, args, env, code, message] of mistakes) {
  test(`${what} is refused with exit 2 before anything is made`, () =>
    withFolder(async (cwd) => {
      await refuses(args, { cwd, env }, { exit: 2, code, message, hint: /./ });
      assert.deepEqual(await readdir(cwd), []);
      assert.doesNotMatch((await runCli(args, { cwd, env })).stderr, /secret/);
    }));
}

test("an option's value that cannot be read is named where it stands", () =>
  withFolder(async (cwd) => {
    const given = await runCli(["status", "--lock-wait", "soon"], { cwd });
    assert.equal(given.code, 2);
    assert.match(given.stderr, /--lock-wait "soon"/);
    const inherited = await runCli(["status"], { cwd, env: { HARBOR_DB_LOCK_WAIT: "soon" } });
    assert.equal(inherited.code, 2);
    assert.match(inherited.stderr, /HARBOR_DB_LOCK_WAIT "soon"/);
  }));

test("a target the other way is refused with the command that goes there", () =>
  withFolder(async (cwd) => {
    await runCli(["upgrade", "+2"], { cwd });
    await refuses(["upgrade", initial], { cwd }, {
      exit: 2,
      code: "wrong_direction",
      message: /is at 5b09ebe23c76, which is after it/,
      hint: new RegExp(`^harbor-db downgrade ${initial}$`),
    });
    await runCli(["downgrade", initial, "--yes"], { cwd });
    await refuses(["downgrade", "head", "--yes"], { cwd }, {
      exit: 2,
      code: "wrong_direction",
      message: /which is before it/,
      hint: /^harbor-db upgrade /,
    });
  }));

test("downgrade without a terminal needs --yes", () =>
  withFolder(async (cwd) => {
    await runCli(["upgrade", "+2"], { cwd });
    await refuses(["downgrade", "-1"], { cwd }, {
      exit: 4,
      code: "needs_confirmation",
      message: /there is no terminal/,
      hint: /--yes/,
    });
    assert.match((await runCli(["current"], { cwd })).stdout, /5b09ebe23c76/);
  }));

test("downgrade on a terminal asks, and takes no for an answer", () =>
  withFolder(async (cwd) => {
    await runCli(["upgrade", "+2"], { cwd });
    for (const stdin of ["n\n", "\n", "yesterday\n"]) {
      const no = await runCli(["downgrade", "-1"], { cwd, tty: true, stdin });
      assert.equal(no.code, 4, no.stdout);
      assert.match(no.stdout, /undoes[^]{1,9} 5b09ebe23c76 \(Add R2 storage fields\)[^]*Undo 1 revision on /);
    }
    assert.match((await runCli(["current"], { cwd })).stdout, /5b09ebe23c76/);
    const yes = await runCli(["downgrade", "-1"], { cwd, tty: true, stdin: "y\n" });
    assert.equal(yes.code, 0, yes.stdout);
    assert.match((await runCli(["current"], { cwd })).stdout, new RegExp(initial));
  }));

/** A copy of the history with one file changed. */
async function withBrokenHistory(
  change: (folder: string) => Promise<void>,
  work: (cwd: string) => Promise<void>,
): Promise<void> {
  await withFolder(async (cwd) => {
    await cp(projectFile("drizzle"), join(cwd, "drizzle"), { recursive: true });
    await change(join(cwd, "drizzle"));
    await work(cwd);
    assert.deepEqual((await readdir(cwd)).filter((name) => name.endsWith(".db")), []);
  });
}

const second = "sqlite/5b09ebe23c76_add_r2_storage_fields.sql";
const append = (text: string) => async (folder: string) => {
  const path = join(folder, second);
  await writeFile(path, await readFile(path, "utf8") + text);
};
// One row a history that is broken: what, how, code, message.
const histories: readonly (readonly [string, (folder: string) => Promise<void>, string, RegExp])[] = [
  [
    "a transaction of its own",
    append("\nCOMMIT;\n"),
    "bad_script",
    /add_r2_storage_fields\.sql:\d+": COMMIT stands in it/,
  ],
  [
    "an unknown directive",
    append("--> statement-breakpoint\n-- harbor:hurry\nSELECT 1;\n"),
    "bad_script",
    /harbor:hurry/,
  ],
  [
    "a string that does not end",
    append("--> statement-breakpoint\nSELECT 'x\n"),
    "bad_script",
    /does not end/,
  ],
  [
    "a broken journal",
    (folder) => writeFile(join(folder, "sqlite/meta/_journal.json"), "{"),
    "bad_history",
    /_journal\.json/,
  ],
];
for (const [what, change, code, message] of histories) {
  test(`a history with ${what} is refused with exit 2 before anything is made`, () =>
    withBrokenHistory(
      change,
      (cwd) => refuses(["upgrade", "--dir", "drizzle"], { cwd }, { exit: 2, code, message, hint: /./ }),
    ));
}

test("an empty or missing history folder is refused with exit 2", () =>
  withFolder(async (cwd) => {
    await mkdir(join(cwd, "empty"));
    for (const dir of ["empty", "missing"]) {
      await refuses(["upgrade", "--dir", dir], { cwd }, {
        exit: 2,
        code: "bad_history",
        message: new RegExp(dir),
        hint: /--dir/,
      });
    }
    assert.deepEqual(await readdir(cwd), ["empty"]);
  }));

for (const engine of engines) {
  test(`a script that fails rolls its batch back and names file and line (${engine.name})`, () =>
    engine.withDatabase((url) =>
      withFolder(async (cwd) => {
        await cp(projectFile("drizzle"), join(cwd, "drizzle"), { recursive: true });
        const path = join(cwd, `drizzle/${engine.dialect}/71dda59686db_initial_schema.sql`);
        const text = await readFile(path, "utf8");
        await writeFile(path, `${text}--> statement-breakpoint\nINSERT INTO nowhere VALUES (1);\n`);
        const line = text.split("\n").length + 1;
        const options = { cwd, env: { DATABASE_URL: url } };
        const result = await runCli(["upgrade", "--dir", "drizzle", "--json"], options);
        assert.equal(result.code, 1, result.stdout);
        const { error } = result.json<{ error: { message: string; details: Record<string, unknown> } }>();
        assert.match(error.message, new RegExp(`71dda59686db_initial_schema\\.sql:${line}.*nowhere`, "s"));
        assert.deepEqual([error.details["revision"], error.details["done"]], [initial, []]);
        await assert.rejects(engine.query(url, "SELECT * FROM users"));
        assert.deepEqual((await runCli(["current", "--json"], options)).json(), {
          ok: true,
          current: null,
          name: null,
        });
        // With the script mended, the same command does it.
        await writeFile(path, text);
        const mended = await runCli(["upgrade", "--dir", "drizzle"], options);
        assert.equal(mended.code, 0, mended.stderr);
      })
    ));
}

test("a server that is not there and a wrong password are told apart, without the password", async () => {
  const postgres = engines.find((engine) => engine.name === "postgres 15")!;
  const nowhere = { DATABASE_URL: "postgresql://harbor:s3cret@127.0.0.1:1/x" };
  await refuses(["status"], { env: nowhere }, {
    exit: 1,
    code: "connection_failed",
    message: /127\.0\.0\.1:1/,
    hint: /./,
  });
  await postgres.withDatabase(async (url) => {
    const wrong = new URL(url);
    wrong.password = "s3cret";
    const env = { DATABASE_URL: wrong.href };
    await refuses(["upgrade"], { env }, {
      exit: 1,
      code: "connection_failed",
      message: /password/,
      hint: /./,
    });
    const { stdout, stderr } = await runCli(["upgrade", "--json"], { env });
    assert.doesNotMatch(stdout + stderr, /s3cret/);
  });
  const libsql = { DATABASE_URL: "libsql://127.0.0.1:1?tls=0&authToken=s3cret" };
  await refuses(["status"], { env: libsql }, {
    exit: 1,
    code: "connection_failed",
    message: /127\.0\.0\.1:1/,
    hint: /./,
  });
});

test("a database URL with a path that is a database elsewhere is not guessed at", () =>
  withFolder(async (cwd) => {
    await runCli(["upgrade"], { cwd });
    const env = { DATABASE_URL: sqliteUrl(join(cwd, "other.db")) };
    assert.equal((await runCli(["status", "--json"], { cwd, env })).json<{ state: string }>().state, "empty");
    assert.deepEqual(await readdir(cwd), ["openharbor.db"]);
  }));

test("what is wrong with the command line is JSON too when the environment asks for it", async () => {
  const result = await runCli(["status", "--frobnicate"], { env: { HARBOR_DB_JSON: "1" } });
  assert.equal(result.code, 2);
  assert.equal(result.json<{ error: { code: string } }>().error.code, "usage");
});

test("help knows nested commands", async () => {
  const { code, stdout } = await runCli(["help", "backup", "list"]);
  assert.equal(code, 0);
  assert.match(stdout, /^Usage: harbor-db backup list/);
});
