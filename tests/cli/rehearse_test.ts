import assert from "node:assert/strict";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import {
  type BackupCase,
  backupCase,
  backupsIn,
  fill,
  initial,
  storageFields,
  withCase,
} from "../support/backups.ts";
import { engines, sqlitePath, withFolder } from "../support/databases.ts";
import { withOwnedPostgres } from "../support/postgres_role.ts";
import { runCli } from "../support/run_cli.ts";

// Rows stay few: what is measured is tested in its rooms, here is what the command says and leaves.

const [sqlite, libsql, postgres] = ["sqlite file", "libsql", "postgres 15"].map((name) =>
  engines.find((each) => each.name === name)!
);

interface Document {
  readonly ok: boolean;
  readonly to: string;
  readonly rehearsal: {
    readonly ok: boolean;
    readonly ms: number;
    readonly steps: readonly {
      readonly revision: string;
      readonly rowsChanged: number;
      readonly isDone: boolean;
    }[];
    readonly failure: { readonly message: string } | null;
    readonly findings: readonly { readonly status: string }[];
    readonly wayBack: { readonly why: string | null; readonly failure: unknown };
    readonly compared: { readonly columns: number };
    readonly breaches: readonly { readonly budget: string; readonly revision: string }[];
  };
  readonly measured: { readonly steps: readonly { readonly revision: string }[] };
  readonly error: { readonly code: string; readonly message: string; readonly hint: string };
}

async function rehearsesCleanly(given: BackupCase): Promise<void> {
  const bytes = () => given.engine === sqlite ? readFileSync(sqlitePath(given.url)).toString("hex") : "";
  const before = bytes();
  const { rehearsal } = (await given.expect(0, "upgrade", "--rehearse", "--json")).json<Document>();
  assert.ok(rehearsal.ok);
  assert.deepEqual([rehearsal.steps[0]!.revision, rehearsal.steps[0]!.isDone], [storageFields, true]);
  // On PostgreSQL a default fills the rows that are there.
  if (given.engine !== postgres) assert.ok(rehearsal.steps[0]!.rowsChanged >= 20);
  assert.deepEqual(rehearsal.failure, null);
  assert.deepEqual(rehearsal.findings.filter(({ status }) => status !== "warn"), []);
  assert.deepEqual([rehearsal.wayBack.why, rehearsal.wayBack.failure], [null, null]);
  assert.ok(rehearsal.compared.columns > 10);
  assert.equal(bytes(), before);
  assert.match((await given.expect(0, "current")).stdout, new RegExp(initial));
  assert.ok(!existsSync(given.folder));
}

for (const engine of [sqlite!, libsql!]) {
  test(`${engine.name}: --rehearse says what an upgrade would take, and leaves nothing`, () =>
    withCase(engine, async (given) => {
      await fill(given, 20);
      await rehearsesCleanly(given);
    }));
}

test("postgres 15: --rehearse takes the right to make a database, and drops that again", () =>
  withOwnedPostgres(15, "", ({ url, adminUrl, role }) =>
    withFolder(async (cwd) => {
      const given = backupCase(postgres!, url, cwd);
      await fill(given, 20);
      const { error } = (await given.expect(1, "upgrade", "--rehearse", "--json")).json<Document>();
      assert.match(error.message, /the role may not create databases/);
      assert.match(error.hint, /ALTER ROLE .* CREATEDB/);
      await postgres!.query(adminUrl, `ALTER ROLE ${role} CREATEDB`);
      await rehearsesCleanly(given);
      const left = "SELECT count(*)::int AS n FROM pg_database WHERE datname LIKE 'harbor_scratch%'";
      assert.deepEqual(await postgres!.query(adminUrl, left), [{ n: 0 }]);
    })));

test("a budget that the forecast breaks refuses an upgrade with 4; one that it keeps lets it go on", () =>
  withCase(sqlite!, async (given) => {
    await fill(given, 20);
    const refused = (await given.expect(4, "upgrade", "--max-disk", "1", "--json")).json<Document>();
    assert.equal(refused.error.code, "over_budget");
    assert.match(refused.error.message, /it takes .* more on the disk, of that .* and --max-disk allows 1 B/);
    assert.match((await given.expect(0, "current")).stdout, new RegExp(initial));

    const asked = await given.expect(4, "upgrade", "--rehearse", "--max-time", "1ms");
    assert.match(asked.stdout, /budget +all takes/);

    const done = (await given.expect(0, "upgrade", "--max-time", "10m", "--max-lock", "1m", "--json")).json<
      Document
    >();
    assert.deepEqual(done.rehearsal.breaches, []);
    assert.deepEqual(
      done.measured.steps.map(({ revision }) => revision),
      done.rehearsal.steps.map(({ revision }) => revision),
    );
    assert.equal(backupsIn(given.folder).length, 1);
  }));

test("a run is told beside its forecast, and a budget may come from the environment", () =>
  withCase(sqlite!, async (given) => {
    await fill(given, 20);
    const { stdout, code } = await runCli(["upgrade", storageFields, "--no-backup"], {
      cwd: given.cwd,
      env: {
        DATABASE_URL: given.url,
        HARBOR_DB_BACKUP_DIR: given.folder,
        HARBOR_DB_MAX_TIME: "10m",
        HARBOR_DB_LOG: "runs.log",
      },
    });
    assert.equal(code, 0);
    assert.match(stdout, /^forecast and run$/m);
    assert.match(stdout, /^5b09ebe23c76 Add R2 storage fields +\d/m);
    const logged = JSON.parse(readFileSync(join(given.cwd, "runs.log"), "utf8"));
    assert.deepEqual([logged.change, logged.error], ["upgrade", null]);
    for (const { steps } of [logged.forecast, logged.measured]) {
      assert.equal(steps[0].revision, storageFields);
    }
    // The copy was for the rehearsal alone.
    assert.ok(!existsSync(given.folder));
  }));

test("a plan that fails on the copy changes nothing, says why, and ends with 1", () =>
  withCase(sqlite!, async (given) => {
    await fill(given, 20);
    await given.query("CREATE TABLE ix_files_storage_backend (id INTEGER)");
    for (const args of [["--rehearse"], ["--max-time", "10m"]]) {
      const { error } = (await given.expect(1, "upgrade", ...args, "--json")).json<Document>();
      assert.equal(error.code, "rehearsal_failed");
      assert.match(error.message, /on its copy it fails: Cannot upgrade "5b09ebe23c76"/);
      assert.match((await given.expect(0, "current")).stdout, new RegExp(initial));
    }
    assert.deepEqual(existsSync(given.folder) ? readdirSync(given.folder) : [], []);
  }));

test("nothing to rehearse is said, and what contradicts a rehearsal is refused", () =>
  withCase(sqlite!, async (given) => {
    const { stdout } = await given.expect(0, "upgrade", "--rehearse");
    assert.match(stdout, /nothing to rehearse: the database is empty/);
    const { stderr } = await given.expect(2, "upgrade", "--rehearse", "--dry-run");
    assert.match(stderr, /Cannot take "--rehearse" beside --dry-run/);
    await given.expect(2, "upgrade", "--max-lock", "soon");
    await given.expect(2, "upgrade", "--max-disk", "much");
  }));
