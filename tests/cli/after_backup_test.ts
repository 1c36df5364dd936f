import assert from "node:assert/strict";
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { test } from "node:test";
import { deliveriesPathOf, recordDelivery } from "../../src/backup/store/deliveries.ts";
import { type HereOptions, type HereResult, runHere, withFirstRevision } from "../support/run_here.ts";

interface Case {
  readonly cwd: string;
  run(args: readonly string[], options?: Omit<HereOptions, "cwd">): Promise<HereResult>;
  /** The same, which has to end with that exit code. */
  expect(code: number, args: readonly string[], options?: Omit<HereOptions, "cwd">): Promise<HereResult>;
}

/** Runs `work` with a database at the first revision, in a folder of its own. */
function withDatabase(work: (given: Case) => Promise<void>): Promise<void> {
  return withFirstRevision(async (cwd) => {
    const run: Case["run"] = (args, options) => runHere(args, { cwd, ...options });
    const expect: Case["expect"] = async (code, args, options) => {
      const result = await run(args, options);
      assert.equal(result.code, code, result.stdout + result.stderr);
      return result;
    };
    await work({ cwd, run, expect });
  });
}

interface Backup {
  readonly id: string;
  readonly path: string;
  readonly manifest: string;
  readonly deliveries: readonly { readonly to: string; readonly at: string; readonly error: string | null }[];
}
interface Document {
  readonly backup: Backup;
  readonly backups: readonly Backup[];
  readonly findings: readonly { readonly status: string; readonly message: string }[];
  readonly error: { readonly code: string; readonly message: string; readonly hint: string };
}

test("--after-backup is told where the copy and its manifest are, and prints to stderr alone", () =>
  withDatabase(async ({ cwd, expect }) => {
    mkdirSync(join(cwd, "far"));
    const command =
      'echo hello; test -f "$HARBOR_DB_BACKUP_MANIFEST" && cp "$HARBOR_DB_BACKUP_PATH" "far/$HARBOR_DB_BACKUP_ID"; env > far/environment';
    const { backup } = (await expect(0, ["backup", "--json", "--after-backup", command], {
      env: { HARBOR_DB_HOOK_TIMEOUT: "1m", OWN: "seen", HARBOR_DB_AFTER: "false" },
    })).json<Document>();
    assert.deepEqual(readFileSync(join(cwd, "far", backup.id)), readFileSync(backup.path));
    assert.deepEqual(backup.deliveries.map(({ to, error }) => [to, error]), [["--after-backup", null]]);
    const environment = readFileSync(join(cwd, "far/environment"), "utf8");
    assert.match(environment, /^OWN=seen$/m);
    // A harbor-db that it runs must not call it, or others, again.
    assert.doesNotMatch(environment, /^HARBOR_DB_AFTER/m);
  }));

// One row a way to fail: the command, the limit, what is said of it.
const failures: readonly (readonly [string, string, RegExp])[] = [
  ["exit 23", "1m", /it ended with exit code 23/],
  ["kill -9 $$", "1m", /it was ended by SIGKILL/],
  ["no-such-program", "1m", /it ended with exit code 127/],
  ["sleep 60 & echo $! > pid; wait", "0.3s", /it did not end within 300 ms, and was ended/],
];
for (const [command, limit, said] of failures) {
  test(`a backup that "${command}" was to deliver stands, and is said not to be delivered`, () =>
    withDatabase(async ({ cwd, expect }) => {
      const made = await expect(1, [
        "backup",
        "--json",
        "--after-backup",
        command,
        "--hook-timeout",
        limit,
      ]);
      const { backup, error } = made.json<Document>();
      assert.equal(error.code, "delivery_failed");
      assert.match(error.message, said);
      assert.match(error.hint, /The backup stands, proven and not delivered: \//);
      assert.match(backup.deliveries[0]!.error!, said);
      await expect(0, ["backup", "verify", backup.path]);

      const verified = await expect(3, ["verify", "--only", "backup", "--json", "--prometheus", "m.prom"]);
      const [finding] = verified.json<Document>().findings;
      assert.equal(finding!.status, "fail");
      assert.match(finding!.message, /the newest backup: not delivered \(--after-backup, .*\): /);
      const metrics = readFileSync(join(cwd, "m.prom"), "utf8");
      assert.match(metrics, /^harbor_db_backup_deliveries_failed\{.*,to="--after-backup"\} 1$/m);
      assert.match((await expect(0, ["backup", "list"])).stdout, /delivered[^]*\bNO\b/);
      if (!existsSync(join(cwd, "pid"))) return;
      // Not only the shell is ended.
      const pid = Number(readFileSync(join(cwd, "pid"), "utf8"));
      for (let tries = 0; isAlive(pid); tries++) {
        assert.ok(tries < 50, "what the command started goes on");
        await sleep(100);
      }
    }));
}

function isAlive(pid: number): boolean {
  try {
    return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, "utf8"));
  } catch {
    return false;
  }
}

test("an upgrade whose backup is not delivered changes nothing, and delivers that backup the next time", () =>
  withDatabase(async ({ cwd, expect }) => {
    const upgrade = ["upgrade", "--after-backup", "test -f is-mounted", "--json"];
    const failed = (await expect(1, upgrade)).json<Document>();
    assert.equal(failed.error.code, "delivery_failed");
    assert.match(failed.error.hint, /Nothing was changed\./);
    assert.match((await expect(0, ["current"])).stdout, /71dda59686db/);
    writeFileSync(join(cwd, "is-mounted"), "");
    await expect(0, upgrade);
    const { backups } = (await expect(0, ["backup", "list", "--json"])).json<Document>();
    assert.deepEqual(backups.map(({ deliveries }) => deliveries.map(({ error }) => error)), [[null]]);
  }));

test("a restore delivers what it replaced once it is replaced, and says where it is when that fails", () =>
  withDatabase(async ({ expect }) => {
    const { backup } = (await expect(0, ["backup", "--json"])).json<Document>();
    await expect(0, ["upgrade", "--no-backup"]);
    const restored = await expect(1, ["restore", backup.path, "--yes", "--json", "--after-backup", "false"]);
    const { error, safetyBackup } = restored.json<Document & { readonly safetyBackup: string }>();
    assert.equal(error.code, "delivery_failed");
    assert.ok(error.hint.includes(safetyBackup));
    assert.match((await expect(0, ["current"])).stdout, /71dda59686db/);
  }));

test("a stop ends the command, whose backup is then known not to be delivered", () =>
  withDatabase(async ({ cwd, run, expect }) => {
    const stop = new AbortController();
    const args = [
      "backup",
      "--json",
      "--after-backup",
      `sh -c 'trap "" TERM; echo $$ > pid; sleep 60; sleep 60' & touch begun; wait`,
    ];
    const running = run(args, { signal: stop.signal });
    while (!existsSync(join(cwd, "begun"))) await sleep(20);
    // As it is while the command runs, and stays when harbor-db is killed.
    const during = (await expect(3, ["verify", "--only", "backup", "--json"])).json<Document>();
    assert.match(during.findings[0]!.message, /it did not come to its end/);
    stop.abort();
    const { code } = await running;
    assert.equal(code, 130);
    // What does not listen is ended, too.
    assert.ok(!isAlive(Number(readFileSync(join(cwd, "pid"), "utf8"))));
    assert.equal((await expect(3, ["verify", "--only", "backup"])).code, 3);
  }));

test("the record of deliveries goes with its backup, and one that cannot be read is no delivery", () =>
  withDatabase(async ({ cwd, expect }) => {
    const { backup } = (await expect(0, ["backup", "--json", "--after-backup", "true"])).json<Document>();
    writeFileSync(deliveriesPathOf(backup.path), "[");
    const found = (await expect(3, ["verify", "--only", "backup", "--json"])).json<Document>().findings;
    assert.match(found[0]!.message, /not delivered \(unknown\): Cannot read ".*\.deliveries"/);
    recordDelivery(backup.path, { to: "s3://bucket", at: "2026-01-01T00:00:00.000Z", error: null });
    await expect(0, ["verify", "--only", "backup"]);
    await expect(0, ["backup", "delete", backup.path, "--yes"]);
    assert.deepEqual(readdirSync(join(cwd, "backups")), []);
  }));
