import assert from "node:assert/strict";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { addFiles, initial, storageFields } from "../support/samples/application.ts";
import { type Engine, engines, withFolder, withTestDatabase } from "../support/databases.ts";
import { makeOrigin, origins } from "../support/samples/origins.ts";
import { projectFile } from "../support/project.ts";
import { withOwnedPostgres } from "../support/postgres_role.ts";
import { type HereResult, runHere, withFirstRevision } from "../support/run_here.ts";

// Rows stay few, and the program runs in this process: what is measured is tested in its rooms, here is what the command
// says and leaves.

const [sqlite, libsql, postgres] = ["sqlite file", "libsql", "postgres 15"].map((name) =>
  engines.find((each) => each.name === name)!
);

const models = origins.find(({ name }) => name === "create_all of the newest commit")!;

/** A database at the first revision with some rows, and the program for it. */
interface Given {
  readonly engine: Engine;
  readonly url: string;
  readonly cwd: string;
  readonly folder: string;
  /** Runs harbor-db and fails unless it ends with that exit code. */
  expect(code: number, ...args: readonly string[]): Promise<HereResult>;
}

function givenOn(
  engine: Engine,
  url: string,
  cwd: string,
  more: Readonly<Record<string, string>> = {},
): Given {
  const folder = join(cwd, "kept");
  const env = { DATABASE_URL: url, HARBOR_DB_BACKUP_DIR: folder, ...more };
  return {
    engine,
    url,
    cwd,
    folder,
    async expect(code, ...args) {
      const result = await runHere(args, { cwd, env });
      assert.equal(result.code, code, `${args.join(" ")}\n${result.stdout}${result.stderr}`);
      return result;
    },
  };
}

/** Runs `work` with a SQLite file. */
function withGiven(
  work: (given: Given) => Promise<void>,
  env: Readonly<Record<string, string>> = {},
): Promise<void> {
  return withFirstRevision(async (cwd) => {
    const given = givenOn(sqlite!, `sqlite:///${join(cwd, "openharbor.db")}`, cwd, env);
    await addFiles(sqlite!, given.url, 20);
    await work(given);
  });
}

async function revisionOf(given: Given): Promise<unknown> {
  return (await given.expect(0, "current", "--json")).json<{ current: string }>().current;
}

interface Document {
  readonly ok: boolean;
  readonly to: string;
  readonly rehearsal: {
    readonly ok: boolean;
    readonly ms: number;
    readonly growth: { readonly fileBytes: number; readonly logBytes: number };
    readonly steps: readonly {
      readonly revision: string;
      readonly rowsChanged: number;
      readonly isDone: boolean;
    }[];
    readonly failure: { readonly message: string } | null;
    readonly findings: readonly { readonly status: string }[];
    readonly wayBack: { readonly why: string | null; readonly failure: unknown };
    readonly compared: { readonly columns: number };
    readonly remarks: readonly string[];
    readonly breaches: readonly { readonly budget: string; readonly revision: string }[];
  };
  readonly measured: { readonly steps: readonly { readonly revision: string; readonly isDone: boolean }[] };
  readonly error: {
    readonly code: string;
    readonly message: string;
    readonly hint: string;
    readonly details?: {
      readonly measured: Document["measured"];
      readonly breaches: Document["rehearsal"]["breaches"];
    };
  };
}

/** What a rehearsal says that it cannot know. */
const notKnown: Readonly<Record<string, RegExp>> = {
  "sqlite file": /readers wait for nobody/,
  libsql: /as a SQLite file on this machine: what the server, .* for which it holds its lock/,
  "postgres 15": /WAL is counted for the whole server/,
};

async function rehearsesCleanly(given: Given): Promise<void> {
  const bytes = () =>
    given.engine === sqlite ? readFileSync(join(given.cwd, "openharbor.db")).toString("hex") : "";
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
  assert.match(rehearsal.remarks.join("\n"), notKnown[given.engine.name]!);
  assert.equal(bytes(), before);
  assert.equal(await revisionOf(given), initial);
  assert.ok(!existsSync(given.folder));
}

test("sqlite file: --rehearse says what an upgrade would take, and leaves nothing", () =>
  withGiven(rehearsesCleanly));

test("sqlite file: a rehearsal says where the copy is on another file system than the database", () =>
  withGiven(async (given) => {
    mkdirSync(projectFile(".cache"), { recursive: true });
    // The tests' own folders may be on either.
    const other = ["/dev/shm", projectFile(".cache")].find((place) =>
      statSync(place).dev !== statSync(given.cwd).dev
    );
    const elsewhere = mkdtempSync(`${other}/harbor_db_test_`);
    try {
      const remarksIn = async (...args: readonly string[]) =>
        (await given.expect(0, "upgrade", "--rehearse", "--json", ...args)).json<Document>().rehearsal.remarks
          .filter((remark) => remark.includes("another file system"));
      assert.deepEqual(await remarksIn(), []);
      assert.equal((await remarksIn("--backup-dir", elsewhere)).length, 1);
    } finally {
      rmSync(elsewhere, { recursive: true });
    }
  }));

test("libsql: --rehearse says what an upgrade would take, and leaves nothing", () =>
  libsql!.withDatabase((url) =>
    withFolder(async (cwd) => {
      const given = givenOn(libsql!, url, cwd);
      await given.expect(0, "upgrade", initial, "--no-backup");
      await addFiles(libsql!, url, 20);
      await rehearsesCleanly(given);
    })
  ));

test("postgres 15: --rehearse takes the right to make a database, and drops that again", () =>
  withOwnedPostgres(15, "", ({ url, adminUrl, role }) =>
    withFolder(async (cwd) => {
      const given = givenOn(postgres!, url, cwd);
      await given.expect(0, "upgrade", initial, "--no-backup");
      await addFiles(postgres!, url, 20);
      const { error } = (await given.expect(1, "upgrade", "--rehearse", "--json")).json<Document>();
      assert.match(error.message, /the role may not create databases/);
      assert.match(error.hint, /ALTER ROLE .* CREATEDB/);
      await postgres!.query(adminUrl, `ALTER ROLE ${role} CREATEDB`);
      await rehearsesCleanly(given);
      await postgres!.query(adminUrl, "CREATE SCHEMA guard");
      await postgres!.query(
        adminUrl,
        "CREATE FUNCTION guard.look() RETURNS event_trigger LANGUAGE plpgsql AS 'BEGIN END'",
      );
      await postgres!.query(
        adminUrl,
        "CREATE EVENT TRIGGER looking ON ddl_command_end EXECUTE FUNCTION guard.look()",
      );
      const { rehearsal } = (await given.expect(0, "upgrade", "--rehearse", "--json")).json<Document>();
      assert.match(rehearsal.remarks.join("\n"), /No copy holds the event trigger looking: /);
      // Other tests make theirs on the same server.
      const left =
        `SELECT count(*)::int AS n FROM pg_database WHERE datname LIKE 'harbor_scratch%' AND datdba = '${role}'::regrole`;
      assert.deepEqual(await postgres!.query(adminUrl, left), [{ n: 0 }]);
    })));

test("a budget that the forecast breaks refuses an upgrade with 4; one that it keeps lets it go on", () =>
  withGiven(async (given) => {
    const refused = (await given.expect(4, "upgrade", "--max-disk", "1", "--json")).json<Document>();
    assert.equal(refused.error.code, "over_budget");
    assert.match(refused.error.message, /it takes .* more on the disk, of that .* and --max-disk allows 1 B/);
    assert.equal(await revisionOf(given), initial);

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
    assert.equal(readdirSync(given.folder).filter((name) => name.endsWith(".json")).length, 1);
  }));

/** Upgrades within a budget, and has others do something between the rehearsal and the run. Fails unless it ends with 4. */
async function upgradesMeanwhile(
  given: Given,
  budget: readonly string[],
  ...meanwhile: readonly string[]
): Promise<Document> {
  const before = "touch rehearsed; until test -f written; do sleep 0.02; done";
  const running = given.expect(4, "upgrade", ...budget, "--before", before, "--log", "runs.log", "--json");
  while (!existsSync(join(given.cwd, "rehearsed"))) await sleep(20);
  for (const statement of meanwhile) await given.engine.query(given.url, statement);
  writeFileSync(join(given.cwd, "written"), "");
  return (await running).json<Document>();
}

/** As the application would, so many more files. */
const moreFiles = (rows: number) =>
  `INSERT INTO files (uuid, filename, original_filename, mime_type, size, storage_path, created_at, collection_id)
  WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ${rows})
  SELECT 'g-' || i, filename, original_filename, mime_type, size, storage_path || i, created_at, 1 FROM files, n WHERE id = 1`;

test("a run that goes beyond a budget which its forecast keeps stops where it can go on, and says so", () =>
  withGiven(async (given) => {
    const { rehearsal } = (await given.expect(0, "upgrade", "--rehearse", "--json")).json<Document>();
    const { fileBytes, logBytes } = rehearsal.growth;
    const budget = ["--max-disk", String(fileBytes + logBytes + 100_000)];
    const { error } = await upgradesMeanwhile(given, budget, moreFiles(10_000));
    assert.equal(error.code, "over_budget");
    assert.match(error.message, /goes beyond its budget: it takes [^]*half done: 5b09ebe23c76/);
    assert.match(error.hint, /To go on from there: harbor-db upgrade/);
    const { measured, breaches } = error.details!;
    assert.deepEqual(
      [measured.steps.map(({ isDone }) => isDone), breaches[0]!.budget],
      [[false], "max-disk"],
    );
    const logged = JSON.parse(readFileSync(join(given.cwd, "runs.log"), "utf8"));
    assert.match(logged.error, /beyond its budget/);
    const status = await given.expect(0, "status");
    assert.match(status.stdout, /unfinished +upgrade of 5b09ebe23c76/);
    await given.expect(0, "upgrade", "--no-backup");
    const missing = "SELECT count(*) AS n FROM files WHERE storage_backend IS NULL";
    assert.equal(Number((await given.engine.query(given.url, missing))[0]!["n"]), 0);
  }));

test("libsql: a run that goes beyond its time, since rows came after the rehearsal, stops between batches and goes on", () =>
  libsql!.withDatabase((url) =>
    withFolder(async (cwd) => {
      const given = givenOn(libsql!, url, cwd);
      await given.expect(0, "upgrade", initial, "--no-backup");
      await addFiles(libsql!, url, 20);
      const { rehearsal } = (await given.expect(0, "upgrade", "--rehearse", "--json")).json<Document>();
      assert.match(rehearsal.remarks.join("\n"), /--max-disk holds the forecast/);
      // However fast the machine is, so many take some seconds more.
      const budget = ["--max-time", `${rehearsal.ms + 400}ms`, "--max-rate", "5000"];
      const { error } = await upgradesMeanwhile(given, budget, moreFiles(40_000));
      assert.match(error.message, /goes beyond its budget: all takes [^]*half done: 5b09ebe23c76/);
      assert.match(error.hint, /To go on from there: harbor-db upgrade/);
      const { measured, breaches } = error.details!;
      assert.deepEqual(
        [measured.steps.map(({ isDone }) => isDone), breaches[0]!.budget],
        [[false], "max-time"],
      );
      const left = async () => {
        const missing = "SELECT count(*) AS n FROM files WHERE storage_backend IS NULL";
        return Number((await given.engine.query(given.url, missing))[0]!["n"]);
      };
      assert.ok(await left() > 0);
      await given.expect(0, "upgrade", "--no-backup");
      assert.equal(await left(), 0);
    })
  ));

test("what comes back of kept values is no difference to a rehearsal", () =>
  withGiven(async (given) => {
    await given.expect(0, "upgrade", "--no-backup");
    // The way down fills it.
    await given.engine.query(given.url, "UPDATE files SET created_at = NULL WHERE id = 3");
    await given.expect(0, "downgrade", storageFields, "--yes", "--no-backup");
    const { rehearsal } = (await given.expect(0, "upgrade", "--rehearse", "--json")).json<Document>();
    assert.ok(rehearsal.ok && rehearsal.compared.columns > 10);
  }));

test("a column that somebody adds beside the backup is not lost in a copy: nothing is done", () =>
  withGiven(async (given) => {
    const meanwhile = ["ALTER TABLE files ADD COLUMN note text", "UPDATE files SET note = 'mine'"];
    const { error } = await upgradesMeanwhile(given, ["--max-time", "10m"], ...meanwhile);
    assert.equal(error.code, "schema_mismatch");
    assert.match(error.message, /the copy would lose column files\.note, which no revision knows/);
    assert.equal(await revisionOf(given), initial);
    const notes = "SELECT count(note) AS n FROM files";
    assert.equal(Number((await given.engine.query(given.url, notes))[0]!["n"]), 20);
  }));

test("a run is told beside its forecast, and a budget may come from the environment", () =>
  withGiven(async (given) => {
    const { stdout } = await given.expect(0, "upgrade", storageFields, "--no-backup");
    assert.match(stdout, /^forecast and run$/m);
    assert.match(stdout, /^5b09ebe23c76 Add R2 storage fields +\d/m);
    const logged = JSON.parse(readFileSync(join(given.cwd, "runs.log"), "utf8"));
    assert.deepEqual([logged.change, logged.error], ["upgrade", null]);
    for (const { steps } of [logged.forecast, logged.measured]) {
      assert.equal(steps[0].revision, storageFields);
    }
    // The copy was for the rehearsal alone.
    assert.ok(!existsSync(given.folder));
  }, { HARBOR_DB_MAX_TIME: "10m", HARBOR_DB_LOG: "runs.log" }));

/** Takes over what the models made, within budgets, and looks at what is said of it. */
async function adoptsInBudget(given: Given, rows = "SELECT 1"): Promise<void> {
  await makeOrigin(given.engine, given.url, models);
  await given.engine.query(given.url, rows);
  const broken = (await given.expect(4, "upgrade", "--adopt", "--max-time", "0ms", "--json")).json<
    Document
  >();
  assert.match(broken.error.message, /beyond its budget: all takes/);
  const args = ["--adopt", "--max-time", "10m", "--max-lock", "1m", "--log", "runs.log"];
  const done = (await given.expect(0, "upgrade", ...args, "--json")).json<Document>();
  for (const { steps } of [done.rehearsal, done.measured]) {
    assert.deepEqual(steps.map(({ revision, isDone }) => [revision, isDone]), [[done.to, true]]);
  }
  assert.ok(done.rehearsal.compared.columns > 15, `${done.rehearsal.compared.columns} columns`);
  const logged = JSON.parse(readFileSync(join(given.cwd, "runs.log"), "utf8"));
  assert.deepEqual([logged.change, logged.error], ["adopt", null]);
  assert.equal(logged.measured.steps[0].revision, done.to);
  // One copy, which the backup was proven with.
  assert.equal(readdirSync(given.folder).filter((name) => name.endsWith(".json")).length, 1);
}

test("sqlite file: taking over keeps to budgets as an upgrade does", () =>
  sqlite!.withDatabase((url) => withFolder((cwd) => adoptsInBudget(givenOn(sqlite!, url, cwd)))));

/** So many that their tables are changed beside those who write. */
const manyUsers = "INSERT INTO users (email, password_hash, is_active) " +
  "SELECT 'n' || i, 'h', true FROM generate_series(1, 10000) i";

test("postgres 15: taking over keeps to budgets as an upgrade does", () =>
  withOwnedPostgres(
    15,
    "CREATEDB",
    ({ url }) => withFolder((cwd) => adoptsInBudget(givenOn(postgres!, url, cwd), manyUsers)),
  ));

test("sqlite file: an upgrade behind an adoption is rehearsed with it, and told with it", () =>
  withFolder(async (cwd) => {
    const given = givenOn(sqlite!, `sqlite:///${join(cwd, "openharbor.db")}`, cwd);
    await given.expect(0, "upgrade", initial);
    await sqlite!.query(given.url, "DROP TABLE harbor_version");
    const { stdout } = await given.expect(0, "upgrade", "--adopt", "--max-time", "10m");
    assert.equal(stdout.match(/^forecast$/gm)?.length, 1, stdout);
    const [, told = ""] = stdout.split("forecast and run");
    assert.match(told, /^71dda59686db adoption +\d.*\n5b09ebe23c76 Add R2/m);
  }));

test("a rehearsal beside a run says whose run it is, and blames none that was interrupted", () =>
  withGiven(async (given) => {
    await withTestDatabase(given.url, (database) =>
      database.withLock(async () => {
        const { rehearsal } = (await given.expect(0, "upgrade", "--rehearse", "--json")).json<Document>();
        assert.match(rehearsal.remarks[0]!, /When this began, pid \d+ .* was at work on the database/);
      }));
    const { rehearsal } = (await given.expect(0, "upgrade", "--rehearse", "--json")).json<Document>();
    assert.doesNotMatch(rehearsal.remarks.join("\n"), /at work on the database/);
  }));

test("what a rehearsal left that did not end is named, and removed by the next one, which says so", () =>
  withGiven(async (given) => {
    const left = join(given.folder, ".openharbor-trial-1.4711.any.partial");
    mkdirSync(left, { recursive: true });
    writeFileSync(join(left, "copy"), "rows");
    writeFileSync(`${left}.seen`, "");
    const threeDaysAgo = new Date(Date.now() - 3 * 86_400_000);
    for (const path of [left, `${left}.seen`]) utimesSync(path, threeDaysAgo, threeDaysAgo);
    const listed = await given.expect(0, "backup", "list");
    assert.match(listed.stderr, /of a run that may be at work elsewhere, or did not end: .*partial \(4 B\)/);
    const { stderr } = await given.expect(0, "upgrade", "--rehearse");
    assert.match(stderr, /removed from ".*kept" what a run left that did not end/);
    assert.deepEqual(readdirSync(given.folder), []);
    assert.doesNotMatch((await given.expect(0, "upgrade", "--rehearse")).stderr, /removed from/);
  }));

test("a plan that fails on the copy changes nothing, says why, and ends with 1", () =>
  withGiven(async (given) => {
    await sqlite!.query(given.url, "CREATE TABLE ix_files_storage_backend (id INTEGER)");
    for (const args of [["--rehearse"], ["--max-time", "10m"]]) {
      const { error } = (await given.expect(1, "upgrade", ...args, "--json")).json<Document>();
      assert.equal(error.code, "rehearsal_failed");
      assert.match(error.message, /on its copy it fails: Cannot upgrade "5b09ebe23c76"/);
      assert.equal(await revisionOf(given), initial);
    }
    const { stdout } = await given.expect(1, "upgrade", "--rehearse");
    assert.match(stdout, /in all +[\d.]+ m?s until it fails/);
    assert.deepEqual(existsSync(given.folder) ? readdirSync(given.folder) : [], []);
  }));

test("nothing to rehearse is said, and what contradicts a rehearsal is refused", () =>
  withFolder(async (cwd) => {
    const given = givenOn(sqlite!, `sqlite:///${join(cwd, "openharbor.db")}`, cwd);
    const { stdout } = await given.expect(0, "upgrade", "--rehearse");
    assert.match(stdout, /nothing to rehearse: the database is empty/);
    const { stderr } = await given.expect(2, "upgrade", "--rehearse", "--dry-run");
    assert.match(stderr, /Cannot take "--rehearse" beside --dry-run/);
    for (const limit of ["soon", "200", "10 minutes", "-1s", "1e9"]) {
      await given.expect(2, "upgrade", "--max-lock", limit);
    }
    await given.expect(2, "upgrade", "--max-disk", "much");
  }));
