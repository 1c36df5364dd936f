import type { SQL } from "drizzle-orm";
import assert from "node:assert/strict";
import { readFile, writeFile } from "node:fs/promises";
import { DatabaseSync } from "node:sqlite";
import { test } from "node:test";
import { runHere } from "../support/run_here.ts";
import type { Database } from "../../src/engines/database.ts";
import { compareIndexes } from "../../src/engines/sqlite/compare_indexes.ts";
import { migrate } from "../../src/migrate/migrate.ts";
import { contextOf, withContext } from "../support/samples/adoption.ts";
import { historyOf } from "../support/samples/script_history.ts";
import { engines, sqlitePath, withTestDatabase } from "../support/databases.ts";
import { sharedPostgres, withClient } from "../support/servers/postgres_server.ts";
import { type Healthy, historyTo, verifyUrl, withHealthy } from "../support/verified.ts";
import { storageFields } from "../support/samples/application.ts";

const [sqliteFile] = engines;
const postgres = engines.filter(({ dialect }) => dialect === "postgresql");

/** Asserts that the check fails, by that probe first, and returns what it says. */
/** What is found but for the pages on the disk: a cluster of PostgreSQL 15 has no checksums unless told to. */
async function lookOf(healthy: Healthy, quick = false) {
  const { findings } = await healthy.verify(["integrity"], { quick });
  const unwatched = findings.filter(({ details }) => details["probe"] === "checksums");
  const isUnwatched = healthy.engine.name === "postgres 15";
  assert.deepEqual(unwatched.map(({ details }) => details["notChecked"]), isUnwatched ? [["checksums"]] : []);
  return findings.filter((finding) => !unwatched.includes(finding));
}

async function failure(healthy: Healthy, probe: string, quick = false): Promise<string> {
  const { findings } = await healthy.verify(["integrity"], { quick });
  // That amcheck is not installed is a remark beside it.
  const bad = findings.filter(({ status, details }) =>
    status !== "pass" && details["notChecked"] === undefined
  );
  assert.ok(bad.every(({ status, hint }) => status === "fail" && hint !== null), JSON.stringify(findings));
  assert.equal(bad[0]?.details["probe"], probe, JSON.stringify(findings));
  return bad[0]!.message;
}

/** Changes an entry of an index behind SQLite's back: the row's own value stays. */
async function breakIndexEntry(url: string, from: string, to: string): Promise<void> {
  const path = sqlitePath(url);
  const database = new DatabaseSync(path);
  const pageSize = Number(database.prepare("PRAGMA page_size").get()!["page_size"]);
  const root = Number(
    database.prepare("SELECT rootpage FROM sqlite_schema WHERE name = 'ix_files_uuid'").get()!["rootpage"],
  );
  database.close();
  const bytes = await readFile(path);
  // The index of 30 rows is one page.
  const page = bytes.subarray((root - 1) * pageSize, root * pageSize);
  const at = page.indexOf(from);
  assert.ok(at > 0, "the index has no such entry on its root page");
  page.write(to, at);
  await writeFile(path, bytes);
}

test("integrity: index entries that are not their rows' are found as integrity_check does, but not by --quick (sqlite file)", () =>
  withHealthy(sqliteFile!, async (healthy) => {
    await breakIndexEntry(healthy.url, "f-22", "f-2x");
    const [, count] = /(\d+) rows of files are missing from index ix_files_uuid, the first with id 22/
      .exec(await failure(healthy, "indexes")) ?? [];
    const database = new DatabaseSync(sqlitePath(healthy.url));
    const missing = database.prepare("PRAGMA integrity_check").all().filter((row) =>
      /row \d+ missing from index ix_files_uuid/.test(String(row["integrity_check"]))
    );
    database.close();
    assert.equal(Number(count), missing.length);
    const quick = await healthy.verify(["integrity"], { quick: true });
    assert.deepEqual(quick.findings.map(({ status }) => status), ["pass"]);
    assert.deepEqual(quick.notChecked.filter((name) => name === "indexes"), ["indexes"]);
  }));

/** Takes a partial index for a whole one: only the schema's text says that it has every row. */
function breakIndex(url: string): void {
  const database = new DatabaseSync(sqlitePath(url), { defensive: false });
  database.exec("DROP INDEX ix_files_uuid; CREATE INDEX ix_files_uuid ON files (uuid) WHERE id > 5");
  database.exec(
    "PRAGMA writable_schema = ON; UPDATE sqlite_schema SET sql = 'CREATE INDEX ix_files_uuid ON files (uuid)' WHERE name = 'ix_files_uuid'",
  );
  database.close();
}

test("integrity: an index without some of its entries is found (sqlite file)", () =>
  withHealthy(sqliteFile!, async (healthy) => {
    breakIndex(healthy.url);
    const { findings } = await healthy.verify(["integrity"]);
    const problems = findings.flatMap(({ details }) => details["problems"] ?? []);
    assert.ok(problems.includes("5 rows of files are missing from index ix_files_uuid, the first with id 1"));
    assert.ok(problems.includes("wrong # of entries in index ix_files_uuid"));
  }));

test("integrity: entries are counted where quick_check does not, as on older servers (sqlite file)", () =>
  withHealthy(sqliteFile!, async ({ url }) => {
    breakIndex(url);
    await withTestDatabase(url, async (database) => {
      const older: Database = {
        ...database,
        read: async <Row>(statement: SQL) => {
          const rows = await database.read<Row>(statement);
          const [row] = rows as { version?: string }[];
          if (row?.version !== undefined) row.version = "3.45.1";
          return rows;
        },
      };
      const { problems } = await compareIndexes(older, { next: () => Promise.resolve() });
      assert.deepEqual(problems, [
        "5 rows of files are missing from index ix_files_uuid, the first with id 1",
        "index ix_files_uuid has 25 entries for the 30 rows of files",
      ]);
    });
  }));

test("integrity: a page that is overwritten is found, by --quick too (sqlite file)", () =>
  withHealthy(sqliteFile!, async (healthy) => {
    const path = sqlitePath(healthy.url);
    const database = new DatabaseSync(path);
    const root = Number(
      database.prepare("SELECT rootpage FROM sqlite_schema WHERE name = 'users'").get()!["rootpage"],
    );
    database.close();
    const bytes = await readFile(path);
    bytes.fill(0xff, (root - 1) * 4096, (root - 1) * 4096 + 64);
    await writeFile(path, bytes);
    assert.match(await failure(healthy, "quick_check", true), /damaged/);
    const { findings } = await healthy.verify(["data"]);
    assert.ok(findings.every(({ status }) => status === "error"), JSON.stringify(findings));
    assert.match(findings[0]!.message, /^the rows of users could not be checked: .*malformed/);
  }));

test("integrity: a file that is no database is damaged, and nothing else can be checked (sqlite file)", () =>
  withHealthy(sqliteFile!, async (healthy) => {
    await writeFile(sqlitePath(healthy.url), "This was a database once.".repeat(100));
    const { findings } = await healthy.verify();
    assert.deepEqual(findings.map(({ check, status }) => `${check} ${status}`), [
      "history error",
      "schema error",
      "integrity fail",
      "data error",
    ]);
  }));

for (const engine of engines.filter(({ dialect }) => dialect === "sqlite")) {
  test(`integrity: rows that refer to nothing (${engine.name})`, () =>
    withHealthy(engine, async (healthy) => {
      await engine.queryUnchecked(healthy.url, "DELETE FROM users");
      assert.match(await failure(healthy, "foreign_key_check"), /1 of collections to users/);
    }));
}

for (const engine of postgres) {
  test(`integrity: an index whose making was broken off (${engine.name})`, () =>
    withHealthy(engine, async (healthy) => {
      await healthy.query("UPDATE files SET uuid = 'same' WHERE id < 3");
      await assert.rejects(healthy.query("CREATE UNIQUE INDEX CONCURRENTLY ix_broken ON files (uuid)"));
      assert.match(await failure(healthy, "invalid_indexes"), /ix_broken/);
      const { findings } = await healthy.verify(["schema"]);
      assert.match(findings[0]!.message, /ix_broken .*INVALID/);
    }));

  test(`integrity: a constraint that was never validated (${engine.name})`, () =>
    withHealthy(engine, async (healthy) => {
      await healthy.query("ALTER TABLE files ADD CONSTRAINT size_check CHECK (size >= 0) NOT VALID");
      assert.match(await failure(healthy, "unvalidated_constraints"), /size_check of files/);
    }));

  test(`integrity: a constraint whose triggers are disabled, on either table, and its remedy (${engine.name})`, () =>
    withHealthy(engine, async (healthy) => {
      const admin = new URL(await sharedPostgres(engine.name === "postgres 15" ? 15 : 18));
      admin.pathname = new URL(healthy.url).pathname;
      const run = (statement: string) => withClient(admin.href, (sql) => sql.unsafe(statement));
      await run("ALTER TABLE files DISABLE TRIGGER ALL; ALTER TABLE users DISABLE TRIGGER ALL");
      const message = await failure(healthy, "silenced_constraints");
      assert.match(
        message,
        /: collections_user_id_fkey of collections \(triggers of users\), .*files_collection_id_fkey of files/,
      );
      // Before anybody is asked, too.
      for (const options of [["--dry-run"], []]) {
        const { stderr } = await runHere(["downgrade", "-1", ...options], {
          env: { DATABASE_URL: healthy.url },
          answer: "n",
        });
        assert.match(stderr, /not enforced, .*: files_collection_id_fkey of files/);
      }
      const notes: string[] = [];
      await withContext(
        healthy.url,
        (context) =>
          migrate({ ...context, notify: (event) => event.kind === "note" && notes.push(event.text) }, {
            goal: { direction: "downgrade", text: "-1" },
            lockWaitMs: 0,
          }),
      );
      assert.match(notes.join("\n"), /not enforced, .*: files_collection_id_fkey of files/);
      const { hint } = (await lookOf(healthy))[0]!;
      await run(hint!.replace("As a superuser: ", ""));
      const whole = (await lookOf(healthy)).at(-1);
      assert.match(whole!.message, /every constraint is enforced/);
      const name = new URL(healthy.url).pathname.slice(1);
      await run(`ALTER DATABASE ${name} SET session_replication_role = replica`);
      assert.match(
        await failure(healthy, "silenced_constraints"),
        /in sessions of every role in this database$/,
      );
      await run((await lookOf(healthy))[0]!.hint!);
      assert.match((await lookOf(healthy)).at(-1)!.message, /every constraint is enforced/);
      // Of a constraint with both its tables silent, each is said, and it is there once.
      await run("ALTER TABLE collections DISABLE TRIGGER ALL; ALTER TABLE users DISABLE TRIGGER ALL");
      const [found] = await lookOf(healthy);
      assert.match(
        found!.message,
        /: collections_user_id_fkey of collections, collections_user_id_fkey of .* \(triggers of users\)/,
      );
      const own = (found!.details["constraints"] as readonly { name: string }[]).map(({ name }) => name);
      assert.deepEqual(own.filter((name) => name === "collections_user_id_fkey").length, 1);
    }));

  test(`integrity: a constraint that its script leaves NOT VALID is no damage, and another is (${engine.name})`, () =>
    engine.withDatabase(async (url) => {
      const history = historyOf("postgresql", [
        "CREATE TABLE t (a int); ALTER TABLE t ADD CONSTRAINT meant CHECK (a > 0) NOT VALID",
        "ALTER TABLE t ADD CONSTRAINT seen CHECK (a < 9) NOT VALID; ALTER TABLE ONLY t VALIDATE CONSTRAINT seen",
      ]);
      await withTestDatabase(
        url,
        (database) =>
          migrate(contextOf(database, history), {
            goal: { direction: "upgrade", text: "head" },
            lockWaitMs: 0,
          }),
      );
      const constraints = async () => {
        const { findings } = await verifyUrl(url, {
          history,
          checks: ["integrity"],
          options: { quick: true },
        });
        return findings.flatMap(({ status, message }) =>
          /validated/.test(message) ? [[status, /constraint[^·]*?: ([^·]*\w)/.exec(message)?.[1]]] : []
        );
      };
      assert.deepEqual(await constraints(), [["pass", "meant of t"]]);
      await engine.query(
        url,
        "ALTER TABLE t DROP CONSTRAINT seen, ADD CONSTRAINT seen CHECK (a < 9) NOT VALID",
      );
      assert.deepEqual(await constraints(), [["fail", "seen of t"]]);
    }));

  if (engine.name === "postgres 18") {
    test("integrity: a constraint that is NOT ENFORCED is damage where no script leaves it so, and its remedy (postgres 18)", () =>
      engine.withDatabase(async (url) => {
        const history = historyOf("postgresql", [
          "CREATE TABLE t (id int, a int CONSTRAINT ref CHECK (a > 0) NOT ENFORCED); DROP TABLE t; CREATE TABLE p (id int PRIMARY KEY); CREATE TABLE t (id int PRIMARY KEY, a int CHECK (a > 0) NOT ENFORCED, p int CONSTRAINT own REFERENCES p NOT ENFORCED, CONSTRAINT meant CHECK (a > 0) NOT ENFORCED)",
          "ALTER TABLE T ADD CONSTRAINT Seen CHECK (a < 9), ADD CONSTRAINT ref FOREIGN KEY (p) REFERENCES p, ADD CONSTRAINT later FOREIGN KEY (p) REFERENCES p (id) NOT ENFORCED; ALTER TABLE t ALTER CONSTRAINT later ENFORCED; ALTER TABLE t ALTER CONSTRAINT later NOT ENFORCED",
          "ALTER TABLE t ADD CONSTRAINT old CHECK (a <> 5) NOT VALID; ALTER TABLE t RENAME CONSTRAINT old TO open; ALTER TABLE t RENAME TO u",
        ]);
        await withTestDatabase(url, (database) =>
          migrate(contextOf(database, history), {
            goal: { direction: "upgrade", text: "head" },
            lockWaitMs: 0,
          }));
        const look = async () => {
          const options = { quick: true };
          const { findings } = await verifyUrl(url, { history, checks: ["integrity"], options });
          return findings.find(({ message }) => /enforce/.test(message))!;
        };
        const left =
          /every constraint is validated but what its scripts leave NOT VALID: open of u · every constraint is enforced but what its scripts leave NOT ENFORCED: later of u, meant of u, own of u, t_a_check of u/;
        assert.match((await look()).message, left);
        await engine.query(
          url,
          "ALTER TABLE u ALTER CONSTRAINT ref NOT ENFORCED, DROP CONSTRAINT seen, ADD CONSTRAINT seen CHECK (a < 9) NOT ENFORCED",
        );
        const found = await look();
        assert.deepEqual([found.status, found.details["probe"]], ["fail", "silenced_constraints"]);
        assert.match(found.message, /because they are NOT ENFORCED, .*: ref of u, seen of u$/);
        await engine.query(url, found.hint!);
        assert.match((await look()).message, left);
        await assert.rejects(engine.query(url, "INSERT INTO u VALUES (1, 9)"), /seen/);
        await assert.rejects(engine.query(url, "INSERT INTO u VALUES (1, 1, 1)"), /ref/);
      }));
  }

  test(`integrity: a sequence behind its column, and its remedy (${engine.name})`, () =>
    withHealthy(engine, async (healthy) => {
      await healthy.query(
        "INSERT INTO users (id, uuid, email, password_hash, created_at) VALUES (500, 'u-500', 'x', 'x', now())",
      );
      assert.match(await failure(healthy, "sequences"), /users\.id \(next 2, highest 500\)/);
      await healthy.query((await lookOf(healthy))[0]!.hint!);
      assert.equal((await healthy.verify(["integrity"])).summary.fail, 0);
    }));

  test(`integrity: a collation whose version changed, and its remedy (${engine.name})`, () =>
    withHealthy(engine, async (healthy) => {
      const admin = new URL(await sharedPostgres(engine.name === "postgres 15" ? 15 : 18));
      admin.pathname = new URL(healthy.url).pathname;
      const run = (statement: string) => withClient(admin.href, (sql) => sql.unsafe(statement));
      await run("CREATE COLLATION german (provider = icu, locale = 'de')");
      await run("ALTER TABLE files ALTER COLUMN filename TYPE varchar(255) COLLATE german");
      await run("UPDATE pg_collation SET collversion = '1.2' WHERE collname = 'german'");
      assert.match(
        await failure(healthy, "collations"),
        /the order of texts may have changed .*: collation german, version 1\.2, now /,
      );
      for (const statement of (await lookOf(healthy))[0]!.hint!.split("; ")) await run(statement);
      assert.equal((await healthy.verify(["integrity"])).summary.fail, 0);
      // Nobody noted with which version the indexes were made.
      await run("UPDATE pg_collation SET collversion = NULL WHERE collname = 'german'");
      const [unknown] = await lookOf(healthy);
      assert.match(unknown!.message, /^not checked: whether texts sort as they did, .* collation german$/);
      assert.deepEqual([unknown!.status, unknown!.details["notChecked"]], ["warn", ["collations"]]);
      const remedy = unknown!.hint!.replace(/^.*: /, "");
      assert.match(remedy, /^REINDEX DATABASE CONCURRENTLY /, "it keeps everybody from logging in");
      await run(remedy);
    }));

  test(`integrity: without amcheck it says what was not looked at (${engine.name})`, () =>
    withHealthy(engine, async (healthy) => {
      const findings = await lookOf(healthy);
      assert.deepEqual(findings.map(({ status }) => status), ["warn", "pass"], JSON.stringify(findings));
      assert.match(findings[0]!.message, /^not checked: .* amcheck is not installed/);
      assert.deepEqual(findings[0]!.details["notChecked"], ["amcheck"]);
    }));

  test(`integrity: amcheck looks at every index and table, if the role may use it (${engine.name})`, () =>
    withHealthy(engine, async (healthy) => {
      const admin = new URL(await sharedPostgres(engine.name === "postgres 15" ? 15 : 18));
      admin.pathname = new URL(healthy.url).pathname;
      await withClient(
        admin.href,
        (sql) => sql.unsafe("CREATE SCHEMA tools; CREATE EXTENSION amcheck SCHEMA tools"),
      );
      const refused = await lookOf(healthy);
      assert.deepEqual(refused.map(({ status }) => status), ["warn", "pass"], JSON.stringify(refused));
      assert.match(refused[0]!.message, /not checked: .* this role may not use/);
      await withClient(
        admin.href,
        (sql) =>
          sql.unsafe(
            "GRANT USAGE ON SCHEMA tools TO PUBLIC; GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA tools TO PUBLIC",
          ),
      );
      for (const quick of [false, true]) {
        const findings = await lookOf(healthy, quick);
        assert.deepEqual(findings.map(({ status }) => status), ["pass"], JSON.stringify(findings));
        const unread = quick ? ["rows in indexes", "pages of tables"] : undefined;
        assert.deepEqual(findings[0]!.details["notChecked"], unread);
        assert.match(findings[0]!.message, /amcheck finds \d+ indexes as they should be/);
      }
    }));
}

/**
 * Runs `work` with a copy of a database in which bytes of a relation's file were changed. The copy is made of files,
 * so that nothing of it is in the server's memory yet, and perl works on it.
 */
async function withDamagedCopy(
  { engine, url }: Healthy,
  relation: string,
  perl: string,
  work: (url: string) => Promise<void>,
): Promise<void> {
  const admin = new URL(await sharedPostgres(engine.name === "postgres 15" ? 15 : 18));
  const source = new URL(url).pathname.slice(1);
  const copy = `${source}_copy`;
  const [file] = await engine.query(url, `SELECT relfilenode FROM pg_class WHERE relname = '${relation}'`);
  await withClient(admin.href, async (sql) => {
    // The connection that the engine keeps would be in the way.
    await sql`select pg_terminate_backend(pid, 5000) from pg_stat_activity where datname = ${source}`;
    await sql.unsafe(`CREATE DATABASE ${copy} TEMPLATE ${source} STRATEGY file_copy OWNER harbor_app`);
    try {
      const [{ oid } = { oid: 0 }] = await sql.unsafe(
        `SELECT oid FROM pg_database WHERE datname = '${copy}'`,
      );
      await sql.unsafe(
        `COPY (SELECT 1) TO PROGRAM 'cat > /dev/null; perl ${perl} base/${oid}/${file!["relfilenode"]}'`,
      );
      const copyUrl = new URL(url);
      copyUrl.pathname = `/${copy}`;
      const inCopy = new URL(admin.href);
      inCopy.pathname = `/${copy}`;
      await withClient(
        inCopy.href,
        (copied) =>
          copied.unsafe(
            "CREATE EXTENSION amcheck; GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA public TO PUBLIC",
          ),
      );
      await work(copyUrl.href);
    } finally {
      await sql.unsafe(`DROP DATABASE ${copy} WITH (FORCE)`);
    }
  });
}

/**
 * Makes the last row of a page say that it has more columns than its table: the line pointers end where the number at
 * byte 12 says, and the row has that of its columns in the low 11 bits at its byte 18. Nothing worse comes of reading it.
 */
const moreColumns =
  '-e "open F,q(+<),shift; seek F,12,0; read F,\\$b,2; seek F,unpack(q(v),\\$b)-4,0; read F,\\$b,4; \\$o=unpack(q(V),\\$b)&0x7fff; seek F,\\$o+18,0; read F,\\$b,2; \\$m=unpack(q(v),\\$b); seek F,\\$o+18,0; print F pack(q(v),(\\$m&0xf800)|0x7f); close F"';

for (const engine of postgres) {
  test(`integrity: amcheck finds an index entry that is not its row's (${engine.name})`, () =>
    withHealthy(
      engine,
      (healthy) =>
        withDamagedCopy(healthy, "ix_files_uuid", '-pi -e "s/f-22/f-2x/"', async (url) => {
          const { findings } = await verifyUrl(url, {
            history: historyTo("postgresql", storageFields),
            checks: ["integrity"],
          });
          const [bad] = findings.filter(({ status }) => status === "fail");
          assert.deepEqual(
            [bad?.status, bad?.details["probe"]],
            ["fail", "amcheck"],
            JSON.stringify(findings),
          );
          assert.match(bad!.message, /^the database is damaged: index ix_files_uuid: /);
          assert.doesNotMatch(JSON.stringify(findings), /f-22/);
        }),
    ));

  test(`integrity: a page of a table that is damaged is found (${engine.name})`, () =>
    withHealthy(engine, (healthy) =>
      withDamagedCopy(healthy, "files", moreColumns, async (url) => {
        const history = historyTo("postgresql", storageFields);
        const first = await verifyUrl(url, { history, checks: ["integrity", "data"] });
        const bad = first.findings.find(({ details }) => details["probe"] === "amcheck");
        assert.equal(bad?.status, "fail", JSON.stringify(first.findings));
        // PostgreSQL 15 keeps no checksums unless told to, so there amcheck alone sees it.
        if (engine.name === "postgres 15") return assert.match(bad!.message, /table files, block 0: /);
        assert.ok(
          first.findings.some(({ check, status, message }) =>
            check === "data" && status === "error" &&
            /the rows of files could not be checked: invalid page/.test(message)
          ),
          JSON.stringify(first.findings),
        );
        // The server writes its statistics down within a second.
        await new Promise((resolve) => setTimeout(resolve, 1_500));
        const second = await verifyUrl(url, { history, checks: ["integrity"], options: { quick: true } });
        const failures = second.findings.find(({ details }) => details["probe"] === "checksums");
        assert.equal(failures?.status, "fail", JSON.stringify(second.findings));
        assert.match(failures!.message, /\d+ pages failed their checksum/);
      })));
}
