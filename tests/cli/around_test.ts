import assert from "node:assert/strict";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { test } from "node:test";
import { engines, sqliteUrl } from "../support/databases.ts";
import { runCli } from "../support/run_cli.ts";
import { type HereOptions, type HereResult, runHere, withFirstRevision } from "../support/run_here.ts";
import { initial, storageFields } from "../support/samples/application.ts";

/** What each command leaves in a file, a line each: what it is for, how it ended, and how many backups there are. */
const hooks = [
  "--before",
  'echo "before $HARBOR_DB_CHANGE $(ls backups/*.db 2>/dev/null | wc -l)" >> log',
  "--after",
  'echo "after $HARBOR_DB_CHANGE $HARBOR_DB_OUTCOME" >> log',
];

interface Case {
  readonly cwd: string;
  /** Runs harbor-db, which has to end with that exit code. */
  expect(code: number, args: readonly string[], options?: Omit<HereOptions, "cwd">): Promise<HereResult>;
  query(statement: string): Promise<unknown>;
  /** The lines of the file. */
  log(): readonly string[];
  current(): Promise<string>;
}

interface Failure {
  readonly error: {
    readonly code: string;
    readonly message: string;
    readonly hint: string;
    readonly details: { readonly outcome: string };
  };
}

/** Runs `work` with a database at the first revision. */
function withDatabase(work: (given: Case) => Promise<void>): Promise<void> {
  return withFirstRevision(async (cwd) => {
    const expect: Case["expect"] = async (code, args, options) => {
      const result = await runHere(args, { cwd, ...options });
      assert.equal(result.code, code, result.stdout + result.stderr);
      return result;
    };
    const path = join(cwd, "log");
    await work({
      cwd,
      expect,
      query: (statement) => engines[0]!.query(sqliteUrl(join(cwd, "openharbor.db")), statement),
      log: () => existsSync(path) ? readFileSync(path, "utf8").trimEnd().split("\n") : [],
      current: async () => (await expect(0, ["current", "--json"])).json<{ current: string }>().current,
    });
  });
}

/** Runs `work` with the address of an application that answers what `status` says. */
async function withApplication(status: () => number, work: (url: string) => Promise<void>): Promise<void> {
  const server = createServer((_, response) => {
    response.writeHead(status(), { connection: "close" }).end("x");
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  try {
    await work(`http://127.0.0.1:${(server.address() as AddressInfo).port}/health?token=secret`);
  } finally {
    await new Promise((resolve) => server.close(resolve));
  }
}

test("the commands run before the backup and after the upgrade, and not at all when nothing is to be done", () =>
  withDatabase(async ({ expect, log }) => {
    await expect(0, ["upgrade", storageFields, ...hooks]);
    const once = ["before upgrade 0", "after upgrade upgraded"];
    assert.deepEqual(log(), once);
    await expect(0, ["upgrade", storageFields, ...hooks]);
    await expect(0, ["upgrade", "--dry-run", ...hooks]);
    assert.deepEqual(log(), once);
    await expect(0, ["downgrade", "-1", "--yes", ...hooks]);
    assert.deepEqual(log().slice(2), ["before downgrade 1", "after downgrade downgraded"]);
  }));

test("--before runs under the lock, and --after when it is free for the application's own harbor-db", () =>
  withDatabase(async ({ cwd, expect, log }) => {
    const lockAt = async (name: string) => {
      while (!existsSync(join(cwd, name))) await sleep(10);
      const { lock } = (await expect(0, ["status", "--json"])).json<{ lock: unknown }>();
      writeFileSync(join(cwd, `${name} seen`), "");
      return lock !== null;
    };
    const wait = (name: string) => `touch ${name}; until test -f '${name} seen'; do sleep 0.02; done`;
    const running = expect(0, [
      "upgrade",
      "--before",
      wait("one"),
      "--after",
      `${wait("two")}; echo x > log`,
    ]);
    assert.deepEqual([await lockAt("one"), await lockAt("two")], [true, false]);
    await running;
    assert.deepEqual(log(), ["x"]);
  }));

// One row a way to fail: what is in the way, more arguments, the error's code and what it says, the log, the outcome.
const failures: readonly (readonly [
  what: string,
  args: readonly string[],
  code: string,
  said: RegExp,
  log: readonly string[],
  outcome: string,
])[] = [
  [
    "a --before that fails",
    ["--before", "echo before >> log; exit 3"],
    "command_failed",
    /command of --before: it ended with exit code 3/,
    ["before", "after upgrade unchanged"],
    "unchanged",
  ],
  [
    "a step that fails",
    [],
    "statement_failed",
    /half done: 5b09ebe23c76/,
    ["before upgrade 0", "after upgrade failed"],
    "failed",
  ],
  [
    "a step that fails, with --restore-on-failure",
    ["--restore-on-failure"],
    "statement_failed",
    /restored: the database is at 71dda59686db again/,
    ["before upgrade 0", "after upgrade restored"],
    "restored",
  ],
  [
    "a delivery that fails",
    ["--after-backup", "false"],
    "delivery_failed",
    /--after-backup/,
    ["before upgrade 0", "after upgrade unchanged"],
    "unchanged",
  ],
  [
    "an --after that fails",
    ["--after", "echo after $HARBOR_DB_OUTCOME >> log; exit 1"],
    "command_failed",
    /command of --after: it ended with exit code 1\n.*the database is upgraded/,
    ["before upgrade 0", "after upgraded"],
    "upgraded",
  ],
  [
    "an --after that fails, with --restore-on-failure",
    [
      "--restore-on-failure",
      "--after",
      "echo after $HARBOR_DB_OUTCOME >> log; test $HARBOR_DB_OUTCOME = restored",
    ],
    "command_failed",
    /restored: the database is at 71dda59686db again\n.*what was there is kept in/,
    ["before upgrade 0", "after upgraded", "before restore 1", "after restored"],
    "restored",
  ],
  [
    "a --before that fails on the way back",
    [
      "--restore-on-failure",
      "--before",
      "echo before >> log; test $HARBOR_DB_CHANGE = upgrade",
      "--after",
      "echo after $HARBOR_DB_OUTCOME >> log; false",
    ],
    "command_failed",
    /NOT restored: Cannot run the command of --before.*\n.*and then: Cannot run the command of --after/,
    ["before", "after upgraded", "before", "after upgraded"],
    "upgraded",
  ],
];
for (const [what, args, code, said, log, outcome] of failures) {
  test(`an upgrade with ${what} says so, and the application is started again`, () =>
    withDatabase(async (given) => {
      const isStep = what.startsWith("a step");
      if (isStep) await given.query("CREATE TABLE ix_files_storage_backend (id INTEGER)");
      const { error } = (await given.expect(1, ["upgrade", storageFields, "--json", ...hooks, ...args]))
        .json<Failure>();
      assert.equal(error.code, code);
      assert.match(error.message, said);
      assert.deepEqual(given.log(), log);
      assert.equal(error.details.outcome, outcome);
      const isAhead = outcome === "upgraded";
      if (outcome !== "failed") assert.equal(await given.current(), isAhead ? storageFields : initial);
      if (isAhead) assert.match(error.hint, /To go back: harbor-db restore /);
    }));
}

test("an application is waited for until it is well", () =>
  withDatabase(async ({ expect, log }) => {
    let asked = 0;
    const status = () => log().length === 2 && ++asked > 2 ? 204 : 503;
    await withApplication(status, async (url) => {
      const { stdout } = await expect(0, ["upgrade", ...hooks, "--health-url", url]);
      assert.match(stdout, /healthy {4}http:\/\/127\.0\.0\.1:\d+\/health answers/);
      assert.doesNotMatch(stdout, /secret/);
    });
    assert.equal(asked, 3);
  }));

test("an application that is not well in time is an error with the way back", () =>
  withDatabase(async ({ expect, current }) => {
    // A redirect may lead to a page that says what is wrong.
    await withApplication(() => 302, async (url) => {
      const args = ["upgrade", storageFields, "--json", "--health-url", url, "--health-timeout", "5s"];
      const { error } = (await expect(1, args)).json<Failure>();
      assert.equal(error.code, "unhealthy");
      assert.match(error.message, /it answers with HTTP status 302, for 5.0 s\n.*the database is upgraded/);
      assert.match(error.hint, /To go back: harbor-db restore /);
      assert.doesNotMatch(JSON.stringify(error), /secret/);
    });
    assert.equal(await current(), storageFields);
  }));

test("with --restore-on-failure the backup is restored for an application that is not well, and the old one started", () =>
  withDatabase(async ({ expect, log, current }) => {
    const status = () => log().at(-1) === "after restore restored" ? 200 : 500;
    await withApplication(status, async (url) => {
      const health = ["--health-url", url, "--health-timeout", "5s", "--restore-on-failure"];
      const { error } = (await expect(1, ["upgrade", "--json", ...hooks, ...health])).json<Failure>();
      assert.equal(error.code, "unhealthy");
      assert.match(error.message, /restored: the database is at 71dda59686db again/);
      assert.doesNotMatch(error.message, /and then/);
    });
    assert.deepEqual(log(), [
      "before upgrade 0",
      "after upgrade upgraded",
      "before restore 1",
      "after restore restored",
    ]);
    assert.equal(await current(), initial);
  }));

test("with --always an application is restarted and asked, and the old one started, where nothing is pending", () =>
  withDatabase(async ({ expect, log }) => {
    const status = () => log().at(-1) === "after restore restored" ? 200 : 500;
    await withApplication(status, async (url) => {
      const health = ["--health-url", url, "--health-timeout", "5s", "--restore-on-failure"];
      const args = ["upgrade", initial, "--always", "--json", ...hooks, ...health];
      const { error } = (await expect(1, args)).json<Failure>();
      assert.match(error.message, /the database is as it was/);
      assert.equal(error.details.outcome, "restored");
    });
    assert.deepEqual(log(), [
      "before upgrade 0",
      "after upgrade upgraded",
      "before restore 0",
      "after restore restored",
    ]);
  }));

test("a stop while --before runs changes nothing, and the application is started again", () =>
  withDatabase(async ({ cwd, expect, log, current }) => {
    const stop = new AbortController();
    const args = ["upgrade", ...hooks, "--before", "touch begun; sleep 60"];
    const running = expect(130, args, { signal: stop.signal });
    while (!existsSync(join(cwd, "begun"))) await sleep(10);
    stop.abort();
    await running;
    assert.deepEqual(log(), ["after upgrade unchanged"]);
    assert.equal(await current(), initial);
  }));

test("a run that is killed before --after is known by status, and the next one runs it", () =>
  withDatabase(async ({ cwd, expect, log }) => {
    // Its parent is harbor-db.
    const killed = await runCli(["upgrade", ...hooks, "--after", "kill -9 $PPID"], {
      cwd,
      env: { XDG_STATE_HOME: join(cwd, ".local/state") },
    });
    assert.equal(killed.code, null);
    const isDead = { env: { XDG_STATE_HOME: join(cwd, ".local/state") } };
    const due = async () =>
      (await expect(0, ["status", "--json"], isDead)).json<{ afterDue: { change: string } | null }>()
        .afterDue;
    assert.equal((await due())?.change, "upgrade");
    assert.match(
      (await expect(3, ["status", "--exit-code"], isDead)).stdout,
      /the application may be stopped/,
    );
    await expect(0, ["upgrade", ...hooks], isDead);
    assert.deepEqual(log(), ["before upgrade 0", "after upgrade upgraded"]);
    assert.equal(await due(), null);
  }));

test("a database that is to be adopted is adopted between the commands, which run once", () =>
  withDatabase(async ({ expect, query, log }) => {
    for (const table of ["harbor_version", "harbor_backfill", "harbor_identity"]) {
      await query(`DROP TABLE ${table}`);
    }
    await expect(0, ["upgrade", "--adopt", ...hooks]);
    assert.deepEqual(log(), ["before adopt 0", "after adopt upgraded"]);
  }));

// One row an address that cannot be asked.
for (const url of ["ftp://127.0.0.1/", "health", "http://me:secret@127.0.0.1/?token=secret"]) {
  test(`--health-url ${url} is refused before anything is done`, () =>
    withDatabase(async ({ expect, log, current }) => {
      const { stdout, stderr } = await expect(2, ["upgrade", ...hooks, "--health-url", url, "--json"]);
      assert.doesNotMatch(stdout + stderr, /secret/);
      assert.deepEqual(log(), []);
      assert.equal(await current(), initial);
    }));
}
