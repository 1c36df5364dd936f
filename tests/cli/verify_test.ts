import assert from "node:assert/strict";
import { appendFile, cp, readdir, readFile, realpath, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { hostname } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { test } from "node:test";
import { engines, withFolder } from "../support/databases.ts";
import { projectFile } from "../support/project.ts";
import { withFreezingProxy } from "../support/servers/freezing_proxy.ts";
import { withMonitor } from "../support/servers/monitor.ts";
import { sharedPostgres, withClient } from "../support/servers/postgres_server.ts";
import { runCli, type RunOptions, startCli } from "../support/run_cli.ts";

interface Given {
  readonly cwd: string;
  readonly options: RunOptions & { readonly cwd: string };
  run(...args: readonly string[]): ReturnType<typeof runCli>;
  sql(statements: string): void;
}

/** Runs `work` in a folder with a healthy openharbor.db at head, and a state folder beside it. */
async function withOpenHarbor(work: (given: Given) => Promise<void>): Promise<void> {
  await withFolder(async (folder) => {
    const cwd = join(folder, "app");
    const { mkdir } = await import("node:fs/promises");
    await mkdir(cwd);
    const options = { cwd, env: { XDG_STATE_HOME: join(folder, "state") } };
    const upgraded = await runCli(["upgrade"], options);
    assert.equal(upgraded.code, 0, upgraded.stderr);
    await work({
      cwd,
      options,
      run: (...args) => runCli(["verify", "--skip", "backup", ...args], options),
      sql: (statements) => {
        const database = new DatabaseSync(join(cwd, "openharbor.db"));
        database.exec(statements);
        database.close();
      },
    });
  });
}

test("verify says that all is well, and leaves every byte and the folder as they are", () =>
  withOpenHarbor(async ({ cwd, run }) => {
    const before = await readFile(join(cwd, "openharbor.db"));
    const files = await readdir(cwd);
    const result = await run();
    assert.equal(result.code, 0, result.stdout + result.stderr);
    assert.match(result.stdout, /^pass +history /m);
    assert.match(
      result.stdout,
      /^healthy as far as it was checked: 4 passed, after .*; not checked: backup$/m,
    );
    assert.deepEqual(await readFile(join(cwd, "openharbor.db")), before);
    assert.deepEqual(await readdir(cwd), files);
    const quiet = await run("--quiet");
    assert.deepEqual([quiet.code, quiet.stdout, quiet.stderr], [0, "", ""]);
  }));

test("verify --json has the findings, their summary, each check and the tables", () =>
  withOpenHarbor(async ({ run }) => {
    const document = (await run("--json")).json<Record<string, unknown>>();
    assert.equal(document["ok"], true);
    assert.deepEqual(document["summary"], { pass: 4, warn: 0, fail: 0, error: 0 });
    const findings = document["findings"] as Record<string, unknown>[];
    assert.deepEqual(
      findings.map((finding) => Object.keys(finding).toSorted()),
      Array(4).fill(["check", "details", "hint", "message", "status"]),
    );
    assert.deepEqual((document["checks"] as { check: string }[]).map(({ check }) => check), [
      "history",
      "schema",
      "integrity",
      "data",
    ]);
    assert.deepEqual(
      (document["tables"] as { name: string; rows: number }[]).map(({ name, rows }) => [name, rows]),
      [["collections", 0], ["files", 0], ["users", 0]],
    );
  }));

test("verify exits with 3 when something fails, with 1 when something cannot be checked, and prints it even with --quiet", () =>
  withOpenHarbor(async ({ run, sql, cwd }) => {
    sql("DROP INDEX ix_files_uuid");
    const failed = await run("--quiet");
    assert.equal(failed.code, 3);
    assert.match(
      failed.stdout,
      /FAIL schema: index ix_files_uuid is missing.*\n +CREATE UNIQUE INDEX ix_files_uuid ON files\(uuid\)/,
    );
    assert.equal((await run("--only", "history,integrity")).code, 0);
    assert.equal((await run("--skip", "backup,schema")).code, 0);
    await writeFile(join(cwd, "openharbor.db"), "no database at all, but long enough to be read");
    const broken = await run("--only", "history", "--json");
    assert.equal(broken.code, 1);
    assert.equal(broken.json<{ ok: boolean }>().ok, false);
  }));

test("verify on a file that is not there could not check, and does not make it", () =>
  withFolder(async (cwd) => {
    const options = { cwd, env: { XDG_STATE_HOME: join(cwd, "state") } };
    const result = await runCli(["verify", "--skip", "backup"], options);
    assert.equal(result.code, 1, result.stdout);
    assert.match(result.stdout, /^NOT CHECKED history +could not be checked: .*there is no file/m);
    assert.doesNotMatch(result.stdout, /^pass/m);
    assert.deepEqual(await readdir(cwd), ["state"]);
  }));

test("warnings are shown and do no harm, but with --strict they count", () =>
  withOpenHarbor(async ({ run, sql }) => {
    sql("CREATE TABLE sessions (id INTEGER)");
    const shown = await run("--only", "schema");
    assert.equal(shown.code, 0);
    assert.match(shown.stdout, /^warn +schema +objects that no revision makes: table sessions/m);
    assert.equal((await run("--only", "schema", "--strict")).code, 3);
  }));

test("verify --list explains every check and what it costs, without a database", async () => {
  const result = await runCli(["verify", "--list"], {
    env: { DATABASE_URL: "postgresql://nobody@192.0.2.1/none" },
  });
  assert.equal(result.code, 0, result.stderr);
  for (const name of ["history", "schema", "integrity", "data"]) {
    assert.match(result.stdout, new RegExp(`^${name} `, "m"));
  }
  assert.match(result.stdout, /cost: /);
});

test("verify refuses a check that it does not know, and to check nothing", async () => {
  const unknown = await runCli(["verify", "--only", "histroy"]);
  assert.equal(unknown.code, 2);
  assert.match(unknown.stderr, /Cannot check "histroy": known checks are history, schema/);
  assert.equal((await runCli(["verify", "--only", "data", "--skip", "data"])).code, 2);
  const time = await runCli(["verify", "--max-duration", "soon"]);
  assert.equal(time.code, 2);
  assert.match(time.stderr, /Cannot read --max-duration "soon"/);
});

test("runs are kept in a log, which the report and status read, also after a line that was cut off", () =>
  withOpenHarbor(async ({ run, sql, cwd, options }) => {
    const log = join(cwd, "verify.jsonl");
    await run("--log", "verify.jsonl");
    await appendFile(log, '{"at":"2025-01-01T00:0');
    sql("DROP INDEX ix_files_uuid");
    await run("--log", "verify.jsonl", "--report", "verify.html");
    const lines = (await readFile(log, "utf8")).trimEnd().split("\n");
    assert.equal(lines.length, 3);
    const last = JSON.parse(lines[2]!);
    assert.deepEqual([last.status, last.exitCode, last.problems.length, last.summary.fail], [
      "fail",
      3,
      1,
      1,
    ]);
    const page = await readFile(join(cwd, "verify.html"), "utf8");
    assert.ok(page.includes(join(await realpath(cwd), "openharbor.db")));
    assert.ok(page.includes(`on ${hostname()}`));
    assert.match(page, /Database file<\/dt>\s*<dd>\d+ kB\s*<small>\d.* of \d.* free</);
    assert.match(page, /1 of the last 2 runs found nothing wrong/);
    const status = await runCli(["status", "--log", "verify.jsonl"], options);
    assert.match(status.stdout, /^verified +1 failed \(schema\), .* ago$/m);
    const json = await runCli(["status", "--json"], {
      ...options,
      env: { ...options.env, HARBOR_DB_LOG: log },
    });
    assert.equal(json.json<{ lastVerify: { exitCode: number } }>().lastVerify.exitCode, 3);
  }));

test("metrics are written whole, and when all was last well outlives a bad run", () =>
  withOpenHarbor(async ({ run, sql, cwd }) => {
    const path = join(cwd, "harbor.prom");
    await run("--prometheus", "harbor.prom");
    const good = await readFile(path, "utf8");
    sql("DROP INDEX ix_files_uuid");
    await run("--only", "schema", "--prometheus", "harbor.prom");
    const bad = await readFile(path, "utf8");
    const value = (text: string, sample: RegExp) => sample.exec(text)?.[1];
    const success = /^harbor_db_verify_last_success_timestamp_seconds\{[^}]*\} (.+)$/m;
    assert.equal(value(bad, success), value(good, success));
    assert.match(bad, /^harbor_db_check_status\{.*check="schema",status="fail"\} 1$/m);
    assert.match(bad, /^harbor_db_check_status\{.*check="schema",status="pass"\} 0$/m);
    assert.match(
      bad,
      /^harbor_db_check_status\{.*check="data",status="pass"\} 1$/m,
      "what did not run is kept",
    );
    assert.deepEqual((await readdir(cwd)).filter((name) => name.endsWith(".tmp")), []);
  }));

test("a rule that never ends is left when the time is up, and counts as not checked", () =>
  withOpenHarbor(async ({ cwd, run }) => {
    await cp(projectFile("drizzle"), join(cwd, "kept"), { recursive: true });
    await writeFile(
      join(cwd, "kept", "rules.sql"),
      "-- rule endless: nothing\nWITH RECURSIVE s (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM s) SELECT i FROM s WHERE i < 0",
    );
    const only = ["--dir", "kept", "--only", "data", "--max-duration", "4s", "--prometheus", "harbor.prom"];
    const result = await run(...only);
    assert.equal(result.code, 1);
    assert.match(result.stdout, /not checked to the end: the 4 s .*, at the rule endless \(rules\.sql:1\)/);
    assert.match(await readFile(join(cwd, "harbor.prom"), "utf8"), /^harbor_db_check_not_checked\{.*\} 1$/m);
  }));

test("what cannot be written is said, and all else is written", () =>
  withOpenHarbor(async ({ run, cwd }) => {
    const result = await run("--report", "missing/page.html", "--prometheus", "harbor.prom");
    assert.equal(result.code, 1);
    assert.match(result.stderr, /Cannot write ".*missing\/page\.html"/);
    assert.ok((await readdir(cwd)).includes("harbor.prom"));
  }));

test("a monitor is told of start and success, and of failure with the summary; its address is not printed", () =>
  withOpenHarbor(async ({ run, sql }) => {
    await withMonitor(async ({ url, told }) => {
      await run("--ping", url);
      assert.deepEqual(told.map(({ path }) => path), ["/ping/secret-uuid/start", "/ping/secret-uuid"]);
      sql("DROP INDEX ix_files_uuid");
      await run("--ping", `${url}?create=1`);
      assert.deepEqual(told.slice(2).map(({ path }) => path), [
        "/ping/secret-uuid/start?create=1",
        "/ping/secret-uuid/fail?create=1",
      ]);
      assert.match(
        told[3]!.body,
        /^not healthy: 1 failed, 3 passed.*\nFAIL schema: index ix_files_uuid is missing/,
      );
    });
    await withMonitor(async ({ url }) => {
      const result = await run("--only", "history", "--ping", url);
      assert.equal(result.code, 0);
      assert.match(
        result.stderr,
        /Cannot tell the monitor at "127\.0\.0\.1:\d+": it answered with HTTP status 503/,
      );
      assert.doesNotMatch(result.stderr + result.stdout, /secret-uuid/);
    }, 503);
    const nobody = await run("--only", "history", "--ping", "http://127.0.0.1:1/secret-uuid");
    assert.equal(nobody.code, 0);
    const said = /^error: Cannot tell the monitor at "127\.0\.0\.1:1": it cannot be reached$/;
    const quiet = await run("--only", "history", "--ping", "http://127.0.0.1:1/secret-uuid", "--quiet");
    assert.deepEqual([quiet.code, quiet.stdout], [0, ""]);
    assert.match(quiet.stderr.trim(), said);
    const told = await run("--only", "history", "--ping", "http://127.0.0.1:1/secret-uuid", "--json");
    assert.match(`error: ${told.json<{ monitorError: string }>().monitorError}`, said);
    for (const address of ["no address", "foo", "ftp://monitor.example/x"]) {
      const wrong = await run("--only", "history", "--ping", address);
      assert.equal(wrong.code, 2);
      assert.match(wrong.stderr, /--ping.*https:\/\//);
    }
  }));

test("a second run waits and then gives up with 5; one that was killed holds nothing back", () =>
  withOpenHarbor(async ({ options, run }) => {
    // A server that accepts and never answers keeps the first run busy.
    const silent = createServer(() => {});
    await new Promise<void>((resolve) => silent.listen(0, "127.0.0.1", resolve));
    const address = silent.address();
    const url = `http://127.0.0.1:${typeof address === "object" ? address?.port : 0}`;
    try {
      const env = { ...options.env, HARBOR_DB_PING: url };
      const first = startCli(["verify", "--log", "v.jsonl"], { ...options, env });
      const lock = async () => (await readdir(options.cwd)).some((name) => name.endsWith(".lock"));
      while (!(await lock())) await new Promise((resolve) => setTimeout(resolve, 20));
      await new Promise((resolve) => setTimeout(resolve, 300));
      const second = await run("--log", "v.jsonl", "--lock-wait", "0.3");
      assert.equal(second.code, 5, second.stdout + second.stderr);
      assert.match(second.stderr, /waiting for another run of verify/);
      assert.match(
        second.stderr,
        /Cannot verify "sqlite:\/\/\/openharbor\.db": another harbor-db holds the lock/,
      );
      first.kill("SIGKILL");
      await first.result;
      assert.equal((await run("--log", "v.jsonl", "--lock-wait", "5")).code, 0);
      assert.equal(await lock(), false, "its lock file is left");
    } finally {
      silent.close();
    }
  }));

test("where no lock can be, verify runs and says so", () =>
  withOpenHarbor(async ({ options }) => {
    const result = await runCli(["verify", "--only", "history"], {
      ...options,
      env: { XDG_STATE_HOME: "/proc/none" },
    });
    assert.equal(result.code, 0);
    assert.match(result.stdout, /^warn +lock +another run could begin beside this one/m);
  }));

const postgres = engines.filter(({ dialect }) => dialect === "postgresql");

for (const engine of engines.filter(({ name }) => name !== "sqlite file")) {
  test(`a server that hangs in the middle is given up when the time is up (${engine.name})`, () =>
    engine.withDatabase(async (url) => {
      await runCli(["upgrade"], { env: { DATABASE_URL: url } });
      const { port } = new URL(url);
      await withFreezingProxy(Number(port), /pg_get_indexdef|pragma_table_xinfo/, async (proxy) => {
        await withFolder(async (cwd) => {
          const frozen = new URL(url);
          frozen.port = String(proxy.port);
          const started = performance.now();
          const result = await runCli(["verify", "--skip", "backup", "--max-duration", "8s"], {
            cwd,
            env: { DATABASE_URL: frozen.href, XDG_STATE_HOME: cwd },
          });
          assert.equal(result.code, 1, result.stdout + result.stderr);
          assert.ok(performance.now() - started < 120_000);
          assert.match(result.stdout, /^pass +history/m);
          assert.match(result.stdout, /^NOT CHECKED schema +not checked to the end: .* 8 s .*over/m);
          assert.match(result.stdout, /^NOT CHECKED data/m);
        });
      });
    }));
}

for (const engine of postgres) {
  test(`a role that may only read is enough, and what it may not read is not checked (${engine.name})`, () =>
    engine.withDatabase(async (url) => {
      await runCli(["upgrade"], { env: { DATABASE_URL: url } });
      const admin = new URL(await sharedPostgres(engine.name === "postgres 15" ? 15 : 18));
      const role = `reader_${new URL(url).pathname.slice(1, 20)}`;
      await withClient(admin.href, (sql) => sql.unsafe(`CREATE ROLE ${role} LOGIN PASSWORD 'reader'`));
      const reader = new URL(url);
      reader.username = role;
      reader.password = "reader";
      try {
        await withFolder(async (cwd) => {
          const verify = () =>
            runCli(["verify", "--skip", "backup", "--json"], {
              cwd,
              env: { DATABASE_URL: reader.href, XDG_STATE_HOME: cwd },
            });
          const statuses = async () =>
            (await verify()).json<{ findings: { check: string; status: string; message: string }[] }>()
              .findings;
          await engine.query(url, `GRANT SELECT ON ALL TABLES IN SCHEMA public TO ${role}`);
          const withoutSequences = await statuses();
          assert.ok(
            withoutSequences.some(({ check, status, message }) =>
              check === "integrity" && status === "error" && /permission denied for sequence/.test(message)
            ),
            JSON.stringify(withoutSequences),
          );
          await engine.query(url, `GRANT SELECT ON ALL SEQUENCES IN SCHEMA public TO ${role}`);
          // What is not installed or not switched on is a warning, and said in the document, too.
          const unread = engine.name === "postgres 15" ? ["checksums", "amcheck"] : ["amcheck"];
          assert.deepEqual(
            (await statuses()).map(({ status }) => status),
            ["pass", "pass", ...unread.map(() => "warn"), "pass", "pass"],
          );
          assert.deepEqual((await verify()).json<{ notChecked: string[] }>().notChecked, [
            "backup",
            ...unread,
          ]);
          await engine.query(url, `REVOKE SELECT ON files FROM ${role}`);
          const withoutFiles = await verify();
          assert.equal(withoutFiles.code, 1);
          assert.match(
            withoutFiles.stdout,
            /the rows of files could not be checked: permission denied for table files/,
          );
        });
      } finally {
        await engine.query(url, `DROP OWNED BY ${role}`).catch(() => {});
        await withClient(
          admin.href.replace(/\/[^/]*$/, new URL(url).pathname),
          (sql) => sql.unsafe(`DROP OWNED BY ${role}`),
        );
        await withClient(admin.href, (sql) => sql.unsafe(`DROP ROLE ${role}`));
      }
    }));
}

test("a server that is not there cannot be checked, and nothing passes (libsql and PostgreSQL)", async () => {
  for (const url of ["http://127.0.0.1:1", "postgresql://harbor:secret@127.0.0.1:1/harbor"]) {
    await withFolder(async (cwd) => {
      const result = await runCli(["verify", "--skip", "backup"], {
        cwd,
        env: { DATABASE_URL: url, XDG_STATE_HOME: cwd },
      });
      assert.equal(result.code, 1, result.stdout + result.stderr);
      assert.doesNotMatch(result.stdout, /^pass|secret/m);
      assert.match(result.stdout, /^not all could be checked: 4 could not be checked/m);
    });
  }
});
