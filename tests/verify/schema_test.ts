import assert from "node:assert/strict";
import type { Database } from "../../src/engines/database.ts";
import { oddSettings } from "../../src/verify/checks/table_settings.ts";
import { tableOf } from "../support/samples/snapshot_parts.ts";
import { firingOf } from "../../src/verify/rules/left_triggers.ts";
import { leftOpen } from "../../src/state/rules/left_open.ts";
import { leftSettings } from "../../src/verify/rules/table_settings.ts";
import { ddlOf, schemaHistory } from "../support/samples/schema_history.ts";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { parseDatabaseUrl } from "../../src/base/url/database_url.ts";
import { openBackupEngine } from "../../src/engines/open/backup_engine.ts";
import { clearBeside } from "../../src/migrate/clear_beside.ts";
import { handToAlembic, initial, storageFields } from "../support/samples/application.ts";
import { HarborError } from "../../src/base/errors.ts";
import { engines, testClient, withTestDatabase } from "../support/databases.ts";
import { withOwnedPostgres } from "../support/postgres_role.ts";
import { migrate } from "../../src/migrate/migrate.ts";
import { contextOf } from "../support/samples/adoption.ts";
import { historyOf } from "../support/samples/script_history.ts";
import { inspect } from "../../src/adopt/inspect.ts";
import { readState } from "../../src/state/read_state.ts";
import { planStamp } from "../../src/state/stamp.ts";
import type { State } from "../../src/state/state.ts";
import { historyTo, inEachWay, verifyUrl, withHealthy } from "../support/verified.ts";

// One row a way to drift: the statement, the kind of difference and its path. Each comes on top of those before.
const drifts = [
  ["an index is dropped", "DROP INDEX ix_files_uuid", "missing", "index ix_files_uuid"],
  ["a column is added", "ALTER TABLE files ADD COLUMN colour TEXT", "extra", "column files.colour"],
  [
    "a column is dropped",
    "ALTER TABLE files DROP COLUMN metadata_json",
    "missing",
    "column files.metadata_json",
  ],
  ["an index is added", "CREATE INDEX ix_files_size ON files (size)", "extra", "index ix_files_size"],
] as const;

const postgresDrifts = [
  [
    "a type is changed",
    "ALTER TABLE users ALTER COLUMN email TYPE varchar(120)",
    "changed",
    "column users.email",
  ],
  [
    "NOT NULL is dropped",
    "ALTER TABLE files ALTER COLUMN size DROP NOT NULL",
    "changed",
    "column files.size",
  ],
  ["a default is set", "ALTER TABLE files ALTER COLUMN size SET DEFAULT 0", "changed", "column files.size"],
  [
    "a primary key is dropped",
    "ALTER TABLE files DROP CONSTRAINT files_pkey",
    "missing",
    "primary key files",
  ],
  [
    "a foreign key is dropped",
    "ALTER TABLE files DROP CONSTRAINT files_collection_id_fkey",
    "missing",
    "foreign key files(collection_id)",
  ],
  [
    "row-level security is enabled",
    "ALTER TABLE users ENABLE ROW LEVEL SECURITY",
    "extra",
    "row-level security of users",
  ],
  [
    "row-level security is forced on the owner",
    "ALTER TABLE users FORCE ROW LEVEL SECURITY",
    "extra",
    "forced row-level security of users",
  ],
  ["a table is unlogged", "ALTER TABLE files SET UNLOGGED", "extra", "unlogged of files"],
  [
    "a rule is made",
    "CREATE RULE lose AS ON INSERT TO users DO INSTEAD NOTHING",
    "extra",
    "rule lose of users",
  ],
  [
    "a check is added",
    "ALTER TABLE files ADD CONSTRAINT small CHECK (size < 1000000000)",
    "extra",
    "check small",
  ],
] as const;

function shownState({ kind, refusal, applied }: State) {
  return [kind, refusal, applied.map(({ revision }) => revision)];
}

/** Copies a database and returns the names of the tables in the copy. */
async function copiedTables(url: string): Promise<readonly string[]> {
  const folder = await mkdtemp(join(tmpdir(), "harbor_db_copied_"));
  try {
    const engine = await openBackupEngine({
      url: parseDatabaseUrl(url),
      client: testClient,
      environment: {},
    });
    const { tables } = await engine.dump(join(folder, "copy"), new AbortController().signal);
    return tables.map(({ name }) => name);
  } finally {
    await rm(folder, { recursive: true });
  }
}

for (const engine of engines) {
  test(`schema: each way to drift is a failure by its kind and path (${engine.name})`, () =>
    withHealthy(engine, async ({ query, verify }) => {
      const expected: unknown[] = [];
      for (
        const [what, statement, kind, path] of [
          ...drifts,
          ...engine.dialect === "postgresql" ? postgresDrifts : [],
        ]
      ) {
        await query(statement);
        expected.push(["fail", kind, path]);
        const { findings } = await verify(["schema"]);
        assert.deepEqual(
          findings.map(({ status, details }) => [status, details["kind"], details["path"]]).toSorted(),
          expected.toSorted(),
          what,
        );
        for (const { hint } of findings) assert.notEqual(hint, null, what);
      }
    }));

  test(`schema: a table is dropped (${engine.name})`, () =>
    withHealthy(engine, async ({ query, verify }) => {
      await query("DROP TABLE files");
      const { findings } = await verify(["schema"]);
      assert.deepEqual(
        findings.map(({ status, details }) => [status, details["kind"], details["path"]]),
        [["fail", "missing", "table files"]],
      );
      assert.notEqual(findings[0]!.hint, null);
    }));

  test(`schema: what no revision makes is named and left alone (${engine.name})`, () =>
    withHealthy(engine, async ({ query, verify }) => {
      await query("CREATE TABLE sessions (id INTEGER PRIMARY KEY)");
      await query("CREATE VIEW big AS SELECT id FROM files WHERE size > 10");
      const { findings } = await verify(["schema"]);
      assert.deepEqual(findings.map(({ status, details }) => [status, details["objects"]]), [
        ["warn", ["table sessions", "view big"]],
      ]);
    }));

  test(`schema: what a database had of its own when it was taken over is no failure (${engine.name})`, () =>
    withHealthy(engine, async ({ query, verify }) => {
      await query("ALTER TABLE files ADD COLUMN colour TEXT");
      for (const origin of ["adopt", "bridge"]) {
        await query(`UPDATE harbor_version SET origin = '${origin}'`);
        const { findings } = await verify(["schema"]);
        assert.deepEqual(findings.map(({ status, details }) => [status, details["path"]]), [
          ["warn", "column files.colour"],
        ], origin);
        await query("DROP INDEX ix_files_uuid");
        const { findings: later, summary } = await verify(["schema"]);
        assert.equal(summary.fail, 1, origin);
        await query(later.find(({ status }) => status === "fail")!.hint!);
      }
    }));

  test(`schema: tables at base are no revision's (${engine.name})`, () =>
    withHealthy(engine, async ({ query, verify }) => {
      await query("DELETE FROM harbor_version");
      const { findings } = await verify(["schema"]);
      assert.deepEqual(findings.map(({ status, hint }) => [status, hint]), [
        ["fail", "harbor-db upgrade --adopt"],
      ]);
      assert.match(
        findings[0]!.message,
        /no revision is applied, and the tables collections, files, users are there/,
      );
    }));

  test(`schema: an old snapshot that is missing is nothing to a database that is past it, and its own is (${engine.name})`, () =>
    withHealthy(engine, async ({ query, url }) => {
      const { dialect, revisions } = historyTo(engine.dialect, storageFields);
      const missing = () => {
        throw new HarborError("bad_history", 'Cannot read "meta/x.json": there is no such file');
      };
      const statuses = async (lost: number) => {
        const known = revisions.map((each, at) => at === lost ? { ...each, snapshot: missing } : each);
        const { findings } = await verifyUrl(url, {
          history: { dialect, revisions: known },
          checks: ["schema", "data"],
        });
        return findings.map(({ check, status }) => `${check} ${status}`);
      };
      assert.deepEqual(await statuses(0), ["schema pass", "data pass"]);
      const [schema, data] = await statuses(revisions.length - 1);
      assert.deepEqual([schema, data], ["schema error", "data warn"]);
      const rename = (from: string, to: string) =>
        query(`UPDATE harbor_version SET revision = '${to}' WHERE revision = '${from}'`);
      // Where a newer release left it, nobody here can tell what it is past.
      await rename(storageFields, "ffffffffffff");
      assert.deepEqual(await statuses(0), ["schema error", "data warn"]);
      await rename("ffffffffffff", storageFields);
      await query("DROP INDEX ix_files_uuid");
      await query("UPDATE files SET size = -1 WHERE id = 6");
      assert.deepEqual(await statuses(0), ["schema fail", "data fail"]);
    }));

  test(`schema: the remedy for a missing index makes it (${engine.name})`, () =>
    withHealthy(engine, async ({ query, verify }) => {
      await query("DROP INDEX ix_files_storage_backend");
      await query((await verify(["schema"])).findings[0]!.hint!);
      assert.deepEqual((await verify(["schema"])).findings.map(({ status }) => status), ["pass"]);
    }));

  // One row a way for the version table to disagree: a statement, the status, words of the message.
  const disagreements = [
    [
      "a script was edited",
      `UPDATE harbor_version SET checksum = 'x' WHERE revision = '${initial}'`,
      /was edited after it was applied/,
    ],
    ["a revision is missing", `DELETE FROM harbor_version WHERE revision = '${initial}'`, /before it is not/],
    [
      "a revision is unknown",
      `UPDATE harbor_version SET revision = 'ffffffffffff' WHERE revision = '${storageFields}'`,
      /the history does not/,
    ],
    [
      "head is not reached",
      `DELETE FROM harbor_version WHERE revision = '${storageFields}'`,
      /1 revision is not applied: 5b09ebe23c76/,
    ],
  ] as const;
  test(`history: each way for the version table to disagree is a failure (${engine.name})`, () =>
    withHealthy(
      engine,
      (healthy) =>
        inEachWay(healthy, { table: "harbor_version", ways: disagreements }, async ([, , words]) => {
          const { findings } = await healthy.verify(["history"]);
          assert.deepEqual(findings.map(({ status }) => status), ["fail"], JSON.stringify(findings));
          assert.match(findings[0]!.message, words);
          assert.notEqual(findings[0]!.hint, null);
        }),
    ));

  test(`schema and history: a trigger is named whatever it is called, and fails on a table of harbor-db's own (${engine.name})`, () =>
    withHealthy(engine, async ({ query, verify }) => {
      const isSqlite = engine.dialect === "sqlite";
      if (!isSqlite) {
        await query(
          "CREATE FUNCTION harbor_looks() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NEW; END $$",
        );
      }
      const names = isSqlite
        ? ["harbor_u", "harbor_beside_u", "harbor_beside_1_u", "harbor_beside_guard_insert_files"]
        : ["harbor_u", "harbor_ahead_1", "harbor_ahead_1_noted", "harbor_ahead_1_noted_all"];
      const make = (name: string, table: string) =>
        query(
          isSqlite
            ? `CREATE TRIGGER ${name} AFTER INSERT ON ${table} BEGIN SELECT 1; END`
            : `CREATE TRIGGER ${name} AFTER INSERT ON ${table} FOR EACH ROW EXECUTE FUNCTION harbor_looks()`,
        );
      for (const name of names) await make(name, "users");
      const [stranger] = (await verify(["schema"])).findings;
      assert.deepEqual([stranger?.status, stranger?.details["objects"]], ["warn", [
        ...isSqlite ? [] : ["function harbor_looks"],
        ...names.map((name) => `trigger ${name} on users`).sort(),
      ]]);
      await make("harbor_t", "harbor_version");
      await make("t", "harbor_backfill");
      const { findings } = await verify(["history"]);
      const told = findings.filter(({ details }) => details["table"] !== "users");
      assert.deepEqual(told.map(({ status, message }) => [status, message]), [
        ["fail", "the trigger t hangs on harbor_backfill, a table of harbor-db's own"],
        ["fail", "the trigger harbor_t hangs on harbor_version, a table of harbor-db's own"],
      ]);
      const drops = told.map(({ hint }) => /DROP TRIGGER .*$/.exec(hint!)![0]);
      for (const drop of drops) await query(drop);
      const after = (await verify(["history"])).findings;
      assert.deepEqual(after.filter(({ message }) => message.includes("hangs on")), []);
    }));

  test(`what only begins as harbor-db's own is somebody's: it is seen, counted, backed up and let stand (${engine.name})`, () =>
    withHealthy(engine, async ({ query, verify, url }) => {
      const names = [
        "harbor_ahead_3",
        "harbor_beside_7",
        "harbor_beside_notes",
        "harbor_keeping_1",
        "harbor_kept_7",
        "harbor_kept_notes",
        "harbor_logs",
        "harbor_restore_1",
      ];
      for (const name of names) {
        await query(`CREATE TABLE ${name} (id INTEGER PRIMARY KEY)`);
        await query(`INSERT INTO ${name} VALUES (7)`);
      }
      await query("CREATE VIEW harbor_view AS SELECT id FROM harbor_logs");
      if (engine.dialect === "sqlite") {
        await query("CREATE TRIGGER harbor_beside_guard AFTER INSERT ON harbor_logs BEGIN SELECT 1; END");
        await query("CREATE TRIGGER harbor_beside_1_insert AFTER INSERT ON files BEGIN SELECT 1; END");
      }
      const here = async () =>
        (await withTestDatabase(url, (database) => database.introspect())).tables.map(({ name }) => name)
          .filter((name) => name.startsWith("harbor_"));
      assert.deepEqual(await here(), names);
      const findings = (await verify(["schema", "history"])).findings;
      assert.deepEqual(findings.filter(({ status }) => status === "fail"), []);
      assert.match(JSON.stringify(findings), /harbor_view/);
      const copied = await copiedTables(url);
      assert.deepEqual(names.filter((name) => !copied.includes(name)), []);
      // What takes away what was left of harbor-db's own leaves these.
      await withTestDatabase(url, (database) => clearBeside(contextOf(database), [], { lockWaitMs: 0 }));
      await withTestDatabase(
        url,
        (database) =>
          migrate(contextOf(database), { goal: { direction: "downgrade", text: "base" }, lockWaitMs: 0 }),
      );
      assert.deepEqual(await here(), names);
      for (const name of names) {
        assert.deepEqual((await engine.query(url, `SELECT id FROM ${name}`)).map(({ id }) => Number(id)), [
          7,
        ]);
      }
      if (engine.dialect === "sqlite") await query("DROP TRIGGER harbor_beside_guard");
    }));

  test(`history: a revision and a backfill that stopped half way fail, and only warn while they run (${engine.name})`, () =>
    withHealthy(engine, async ({ query, verify, url }) => {
      await query(`UPDATE harbor_version SET finished_at = NULL WHERE revision = '${storageFields}'`);
      await query("UPDATE harbor_backfill SET finished_at = NULL");
      const { findings } = await verify(["history", "schema"]);
      const statuses = findings.map(({ check, status }) => `${check} ${status}`);
      assert.ok(statuses.filter((each) => each === "history fail").length >= 2, JSON.stringify(findings));
      assert.equal(statuses.at(-1), "schema error");
      assert.match(findings[0]!.message, /the upgrade of 5b09ebe23c76 .* stopped half way/);
      assert.match(findings[1]!.message, /the backfill of files stopped at key/);
      await withTestDatabase(url, (database) =>
        database.withLock(async () => {
          const { findings } = await verify(["history"]);
          assert.ok(findings.every(({ status }) => status === "warn"), JSON.stringify(findings));
          assert.match(findings[0]!.message, /is being done by/);
        }));
    }));

  test(`history and schema: a database in Alembic's hands (${engine.name})`, () =>
    withHealthy(engine, async ({ query, verify, url }) => {
      await handToAlembic(engine, url, storageFields);
      const healthy = await verify(["history", "schema"]);
      assert.deepEqual(
        healthy.findings.map(({ status }) => status),
        ["warn", "pass"],
        JSON.stringify(healthy.findings),
      );
      await query("DELETE FROM alembic_version");
      const { findings } = await verify(["history", "schema"]);
      assert.deepEqual(findings.map(({ status }) => status), ["fail", "error"], JSON.stringify(findings));
      assert.equal(findings[0]!.hint, "harbor-db adopt");
    }));

  test(`history and schema: an empty database lacks all revisions (${engine.name})`, () =>
    engine.withDatabase(async (url) => {
      const history = historyTo(engine.dialect, storageFields);
      const { findings } = await verifyUrl(url, { history });
      assert.deepEqual(findings.map(({ check, status }) => `${check} ${status}`), [
        "history fail",
        "schema pass",
        // amcheck is not installed, and PostgreSQL 15 keeps no checksums unless told to.
        ...engine.dialect === "postgresql" ? ["integrity warn"] : [],
        ...engine.name === "postgres 15" ? ["integrity warn"] : [],
        "integrity pass",
        "data pass",
      ]);
      assert.match(findings[0]!.message, /2 revisions are not applied/);
    }));
}

const scripts = {
  sqlite: [
    "CREATE VIEW seen AS SELECT 1 AS one",
    "CREATE TABLE t (id INTEGER PRIMARY KEY)",
    'CREATE TRIGGER IF NOT EXISTS "looks" AFTER INSERT ON t BEGIN SELECT 1; END',
  ],
  postgresql: [
    'CREATE OR REPLACE VIEW "public"."seen" AS SELECT 1 AS one',
    "CREATE MATERIALIZED VIEW kept AS SELECT 1 AS one",
    "CREATE TYPE mood AS ENUM ('glad')",
    "CREATE FUNCTION looks() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN RETURN NEW; END$$",
    "CREATE TABLE t (id integer PRIMARY KEY)",
    "CREATE TRIGGER looks BEFORE INSERT ON t FOR EACH ROW EXECUTE FUNCTION public.looks()",
  ],
} as const;

for (const engine of engines) {
  test(`schema: what a revision's own script makes is no stranger (${engine.name})`, () =>
    engine.withDatabase(async (url) => {
      const history = historyOf(engine.dialect, [
        scripts[engine.dialect].join("\n--> statement-breakpoint\n"),
      ]);
      await withTestDatabase(url, async (database) => {
        await migrate({ ...contextOf(database), history }, {
          goal: { direction: "upgrade", text: "head" },
          lockWaitMs: 0,
        });
      });
      await engine.query(url, "CREATE VIEW seen_by_others AS SELECT 2 AS two");
      const { findings } = await verifyUrl(url, { history, checks: ["schema"] });
      // No snapshot of this history has the table.
      assert.deepEqual(findings.map(({ status, details }) => [status, details["objects"]]), [
        ["warn", ["view seen_by_others"]],
        ["warn", ["table t"]],
      ]);
      // What it left and is gone is missed; what a later revision drops is not.
      const kept = engine.dialect === "postgresql" ? "kept" : "seen";
      await engine.query(url, `DROP ${kept === "kept" ? "MATERIALIZED VIEW" : "VIEW"} ${kept}`);
      await engine.query(url, "DROP TRIGGER looks" + (engine.dialect === "postgresql" ? " ON t" : ""));
      const gone = (await verifyUrl(url, { history, checks: ["schema"] })).findings;
      assert.deepEqual(gone.map(({ status, details }) => [status, details["path"]]).slice(0, -2), [
        ["fail", `${kept === "kept" ? "materialized view" : "view"} ${kept}`],
        ["fail", "trigger looks"],
      ]);
      // A stamp runs no script.
      await engine.query(url, "UPDATE harbor_version SET origin = 'stamp'");
      const stamped = (await verifyUrl(url, { history, checks: ["schema"] })).summary;
      assert.deepEqual([stamped.fail, stamped.warn], [0, 4]);
    }));
}

for (const engine of engines.filter(({ dialect }) => dialect === "postgresql")) {
  test(`schema: an index compares as its script says, where the snapshot does not, and not otherwise (${engine.name})`, () =>
    engine.withDatabase(async (url) => {
      const things = {
        columns: { id: "integer!", name: "text" },
        unique: { things_name: "name" },
      } as const;
      const index = (words: string) => `CREATE UNIQUE INDEX "things_name" ON "things" ("name"${words})`;
      const history = schemaHistory(engine.dialect, [{
        tables: { things },
        up: [...ddlOf("things", { columns: things.columns }), index(" text_pattern_ops")],
        down: ['DROP TABLE "things"'],
      }]);
      await withTestDatabase(
        url,
        (database) =>
          migrate({ ...contextOf(database), history }, {
            goal: { direction: "upgrade", text: "head" },
            lockWaitMs: 0,
          }),
      );
      // A release that did not compare it has nothing of it on record.
      await engine.query(url, "DROP TABLE IF EXISTS harbor_drift");
      const look = async () => (await verifyUrl(url, { history, checks: ["schema"] })).findings;
      assert.deepEqual((await look()).map(({ status, message }) => [status, message]), [
        ["pass", "1 table exactly as revision 000000000001 leaves it"],
      ]);
      await engine.query(url, `DROP INDEX things_name; ${index(' COLLATE "C"')}`);
      assert.deepEqual((await look()).map(({ status, details }) => [status, details["path"]]), [
        ["fail", "index things_name"],
      ]);
    }));

  test(`schema: what a script leaves NOT VALID is no drift, and another condition is (${engine.name})`, () =>
    engine.withDatabase(async (url) => {
      const things = { columns: { id: "integer!", size: "integer" }, checks: { positive: "size > 0" } };
      const parts = { columns: { id: "integer!", thing: "integer" }, references: { thing: "things" } };
      const constraints = (state: string) => [
        `ALTER TABLE "things" ADD CONSTRAINT "positive" CHECK ("things"."size" > 0)${state}`,
        `ALTER TABLE "parts" ADD CONSTRAINT "parts_thing_fkey" FOREIGN KEY ("thing") REFERENCES "things"("id")${state}`,
      ];
      const history = schemaHistory(engine.dialect, [{
        tables: { things, parts },
        up: [
          ...ddlOf("things", { columns: things.columns }),
          ...ddlOf("parts", { columns: parts.columns }),
          ...constraints(" NOT VALID"),
        ],
        down: ['DROP TABLE "parts"', 'DROP TABLE "things"'],
      }]);
      await withTestDatabase(
        url,
        (database) =>
          migrate({ ...contextOf(database), history }, {
            goal: { direction: "upgrade", text: "head" },
            lockWaitMs: 0,
          }),
      );
      const look = async () => (await verifyUrl(url, { history, checks: ["schema"] })).findings;
      assert.deepEqual((await look()).map(({ message }) => message), [
        "2 tables exactly as revision 000000000001 leaves them",
      ]);
      await withTestDatabase(url, async (database) => {
        const { differences } = await planStamp({ ...contextOf(database), history }, "head");
        assert.deepEqual(differences, []);
      });
      await engine.query(
        url,
        "ALTER TABLE things DROP CONSTRAINT positive, ADD CONSTRAINT positive CHECK (size > 1) NOT VALID",
      );
      assert.deepEqual((await look()).map(({ status, details }) => [status, details["path"]]), [
        ["fail", "check positive"],
      ]);
      // What Alembic says is borne out by the same rule.
      await engine.query(url, "ALTER TABLE things DROP CONSTRAINT positive");
      await engine.query(url, constraints(" NOT VALID")[0]!);
      await handToAlembic(engine, url, "000000000001");
      await withTestDatabase(url, async (database) => {
        const context = { ...contextOf(database), history };
        assert.deepEqual(shownState(await readState(context)), ["alembic", null, ["000000000001"]]);
        assert.deepEqual((await inspect(context)).labels.map(({ by, isTrue }) => [by, isTrue]), [
          ["alembic", true],
        ]);
      });
    }));
}

for (const engine of engines.filter(({ dialect }) => dialect === "sqlite")) {
  test(`schema: ON CONFLICT REPLACE that no script says fails, and what else no snapshot says is named (${engine.name})`, () =>
    engine.withDatabase(async (url) => {
      const ddl = (words: string) =>
        `CREATE TABLE things (id INTEGER PRIMARY KEY NOT NULL, name TEXT COLLATE NOCASE NOT NULL ${words})`;
      const things = { columns: { id: "integer!", name: "text!" } } as const;
      const history = schemaHistory(engine.dialect, [{ tables: { things }, up: [ddl("")], down: [] }]);
      await withTestDatabase(url, async (database) => {
        await migrate(contextOf(database, history), {
          goal: { direction: "upgrade", text: "head" },
          lockWaitMs: 0,
        });
      });
      const look = async (known = history) =>
        (await verifyUrl(url, { history: known, checks: ["schema"] })).findings;
      assert.match(
        (await look())[0]!.message,
        /^1 table exactly .*; not compared: COLLATE NOCASE of things$/,
      );
      for (const word of ["REPLACE", "IGNORE"]) {
        await engine.query(url, "DROP TABLE things");
        await engine.query(url, ddl(`ON CONFLICT ${word}`));
        const found = await look();
        assert.deepEqual(found.map(({ status, details }) => [status, details["path"]]), [
          ["fail", `ON CONFLICT ${word} of things`],
        ]);
        assert.notEqual(found[0]!.hint, null);
        const meant = schemaHistory(engine.dialect, [
          { tables: { things }, up: [ddl(`ON CONFLICT ${word}`)], down: [] },
        ]);
        assert.deepEqual((await look(meant)).map(({ status }) => status), ["pass"]);
      }
    }));
}

for (const engine of engines.filter(({ dialect }) => dialect === "postgresql")) {
  test(`schema: a trigger of a script's that is disabled fails, and what no snapshot says is named (${engine.name})`, () =>
    engine.withDatabase(async (url) => {
      const users = { columns: { id: "integer!" } } as const;
      const up = [
        ...ddlOf("users", users),
        "CREATE FUNCTION stop() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NEW; END $$",
        "CREATE TRIGGER looks BEFORE INSERT ON users FOR EACH ROW EXECUTE FUNCTION stop()",
        "CREATE TRIGGER quiet BEFORE INSERT ON users FOR EACH ROW EXECUTE FUNCTION stop()",
        "ALTER TABLE users DISABLE TRIGGER quiet",
        // While a script writes.
        "ALTER TABLE users DISABLE TRIGGER looks",
        "ALTER TABLE users ENABLE TRIGGER looks",
      ];
      const history = schemaHistory(engine.dialect, [{ tables: { users }, up, down: [] }]);
      await withTestDatabase(url, async (database) => {
        await migrate(contextOf(database, history), {
          goal: { direction: "upgrade", text: "head" },
          lockWaitMs: 0,
        });
      });
      const look = async () => (await verifyUrl(url, { history, checks: ["schema"] })).findings;
      assert.deepEqual((await look()).map(({ status }) => status), ["pass"]);
      await engine.query(url, "ALTER TABLE users DISABLE TRIGGER looks");
      const [found] = await look();
      assert.deepEqual([found?.status, found?.details["path"]], ["fail", "trigger looks of users"]);
      await engine.query(url, found!.hint!);
      await engine.query(
        url,
        "ALTER TABLE users DROP CONSTRAINT users_pkey, ADD CONSTRAINT own PRIMARY KEY (id) DEFERRABLE",
      );
      assert.match(
        (await look())[0]!.message,
        /; not compared: trigger quiet of users, own DEFERRABLE of users$/,
      );
    }));
}

test("schema: an event trigger that a script makes is missed when somebody dropped it", () =>
  withOwnedPostgres(15, "SUPERUSER", async ({ url }) => {
    const [engine] = engines.filter(({ dialect }) => dialect === "postgresql");
    const users = { columns: { id: "integer!" } } as const;
    const up = [
      ...ddlOf("users", users),
      "CREATE FUNCTION watch() RETURNS event_trigger LANGUAGE plpgsql AS $$ BEGIN END $$",
      "CREATE EVENT TRIGGER watches ON ddl_command_end EXECUTE FUNCTION watch()",
    ];
    const history = schemaHistory("postgresql", [{ tables: { users }, up, down: [] }]);
    await withTestDatabase(url, async (database) => {
      await migrate(contextOf(database, history), {
        goal: { direction: "upgrade", text: "head" },
        lockWaitMs: 0,
      });
    });
    const look = async () => (await verifyUrl(url, { history, checks: ["schema"] })).findings;
    assert.deepEqual((await look()).map(({ status }) => status), ["pass"]);
    await engine!.query(url, "DROP EVENT TRIGGER watches");
    assert.deepEqual(
      (await look()).map(({ status, details }) => [status, details["path"]]),
      [["fail", "event trigger watches"]],
    );
  }));

test("schema: what scripts leave of row-level security and unlogged tables is theirs", () => {
  const { left, perhaps } = leftSettings([
    'CREATE UNLOGGED TABLE "public"."a" (id int)',
    "ALTER TABLE IF EXISTS ONLY b ADD c int, ENABLE ROW LEVEL SECURITY",
    "ALTER TABLE b RENAME TO d",
    "CREATE UNLOGGED TABLE e (id int)",
    "ALTER TABLE e SET LOGGED",
    "ALTER TABLE f ENABLE ROW LEVEL SECURITY",
    "DROP TABLE archive.a, g, f",
    "CREATE UNLOGGED TABLE archive.h (id int)",
    'ALTER TABLE Users ENABLE ROW LEVEL SECURITY; -- "Users" is another one',
    'ALTER TABLE "Users" ENABLE ROW LEVEL SECURITY',
    "DO $$ BEGIN EXECUTE 'ALTER TABLE x SET UNLOGGED'; END $$",
  ]);
  assert.deepEqual(left, [
    { table: "a", setting: "unlogged" },
    { table: "d", setting: "row-level security" },
    { table: "users", setting: "row-level security" },
    { table: "Users", setting: "row-level security" },
  ]);
  assert.deepEqual(perhaps, ["unlogged"]);
});

test("schema: what a script leaves NOT VALID stays so whatever is done to a table of that name in another schema", () => {
  const left = leftOpen([
    "ALTER TABLE public.files ADD CONSTRAINT k CHECK (a > 0) NOT VALID",
    "CREATE TABLE archive.files (a int CONSTRAINT j CHECK (a > 0) NOT ENFORCED)",
    "ALTER TABLE archive.files VALIDATE CONSTRAINT k",
    "DROP TABLE archive.files",
  ]);
  assert.deepEqual(left, [{ table: "files", name: "k", is: "NOT VALID" }]);
});

test("schema: what the code of a DO block leaves NOT VALID is left by the script", () => {
  const add = (name: string) =>
    `IF NOT EXISTS (SELECT 1 FROM pg_constraint WHERE conname = '${name}') THEN
    ALTER TABLE "files" ADD CONSTRAINT "${name}" CHECK (a > 0) NOT VALID;
  END IF;`;
  const left = leftOpen([
    `DO $$ BEGIN ${add("j")} ${add("k")} END $$`,
    "DO $$ BEGIN ALTER TABLE files VALIDATE CONSTRAINT j; EXCEPTION WHEN OTHERS THEN NULL; END $$",
  ]);
  assert.deepEqual(left, [{ table: "files", name: "k", is: "NOT VALID" }]);
});

test("schema: what scripts leave of a trigger is what the last of them says", () => {
  const last = (...statements: readonly string[]) => firingOf({ table: "t", name: "a" }, statements);
  const made = "CREATE TRIGGER a BEFORE INSERT ON t EXECUTE FUNCTION f()";
  const cases: readonly (readonly [statements: readonly string[], fires: string])[] = [
    [[made], "as made"],
    [[made, "ALTER TABLE t DISABLE TRIGGER a"], "never"],
    [[made, "ALTER TABLE ONLY public.t DISABLE TRIGGER user, ADD c int"], "never"],
    [[made, 'ALTER TABLE t DISABLE TRIGGER "user"'], "as made"],
    [[made, "ALTER TABLE t DISABLE TRIGGER b"], "as made"],
    [[made, "ALTER TABLE u DISABLE TRIGGER a"], "as made"],
    [[made, "ALTER TABLE t DISABLE TRIGGER ALL", "ALTER TABLE t ENABLE TRIGGER a"], "as made"],
    [[made, "ALTER TABLE t DISABLE TRIGGER a", "ALTER TABLE t ENABLE REPLICA TRIGGER a"], "in a replica"],
    [[made, "ALTER TABLE t DISABLE TRIGGER a", "ALTER TABLE t ENABLE ALWAYS TRIGGER a"], "as made"],
    [[made, "ALTER TABLE t DISABLE TRIGGER a", "DROP TRIGGER a ON t", made], "as made"],
    [[made, "ALTER TABLE t DISABLE TRIGGER a", made.replace("CREATE", "CREATE OR REPLACE")], "as made"],
    [["ALTER TABLE t DISABLE TRIGGER USER", made], "as made"],
    [["DO $$ BEGIN CREATE TRIGGER a; END $$", "ALTER TABLE t DISABLE TRIGGER USER"], "never"],
    [
      ["ALTER TABLE r DISABLE TRIGGER b", "ALTER TABLE s DISABLE TRIGGER a", "ALTER TABLE s RENAME TO t"],
      "never",
    ],
    [["ALTER TABLE t DISABLE TRIGGER b", "ALTER TRIGGER b ON t RENAME TO a"], "never"],
    [["ALTER TABLE t DISABLE TRIGGER a", made.replace(" t ", " archive.t ")], "never"],
    [["ALTER TABLE t DISABLE TRIGGER a", "ALTER TABLE archive.t ENABLE TRIGGER a"], "never"],
    [["ALTER TABLE t DISABLE TRIGGER a", "ALTER TRIGGER a ON archive.t RENAME TO b"], "never"],
    [["ALTER TABLE t DISABLE TRIGGER a", "DROP TABLE IF EXISTS x, t CASCADE"], "as made"],
    [["DO $$ BEGIN ALTER TABLE t DISABLE TRIGGER a; END $$"], "not to be told"],
    [[made, "DO $$ BEGIN ALTER TABLE t DISABLE TRIGGER a; END $$"], "not to be told"],
    [[made, "SELECT 'ALTER TABLE t DISABLE TRIGGER a'"], "not to be told"],
    [["DO $$ BEGIN ALTER TABLE t DISABLE TRIGGER a; END $$", made], "as made"],
    [[
      "DO $$ BEGIN EXECUTE 'ALTER TABLE t DISABLE TRIGGER a'; END $$",
      "ALTER TABLE t ENABLE TRIGGER a",
    ], "as made"],
  ];
  for (const [statements, fires] of cases) assert.equal(last(...statements), fires, statements.join("; "));
});

test("schema: a table is not judged by one of the same name in another schema", async () => {
  const settings = [{ table: "auth.users", setting: "unlogged", hasPolicy: false }];
  const database = { dialect: "postgresql", schema: "public", schemas: ["auth"], read: () => settings };
  const found = await oddSettings(database as unknown as Database, {
    tables: [tableOf("users"), tableOf("auth.users")],
    statements: [],
  });
  assert.deepEqual(found.map(({ details }) => details["path"]), ["unlogged of auth.users"]);
});

test("schema: row-level security is meant where the schema has policies, whoever enabled it", async () => {
  const setting = "row-level security";
  const settings = ["users", "files"].map((table) => ({ table, setting, hasPolicy: true }));
  const database = { dialect: "postgresql", schema: "public", schemas: [], read: () => settings };
  const found = await oddSettings(database as unknown as Database, {
    tables: [tableOf("users"), tableOf("files"), tableOf("sizes")],
    statements: [],
    guarded: ["users", "sizes"],
  });
  assert.deepEqual(found.map(({ details }) => details["path"]), ["row-level security of files"]);
});

for (const engine of engines.filter(({ dialect }) => dialect === "postgresql")) {
  test(`schema: policies that somebody made are not to be switched off (${engine.name})`, () =>
    withHealthy(engine, async ({ query, verify }) => {
      await query("ALTER TABLE users ENABLE ROW LEVEL SECURITY");
      await query("CREATE POLICY own ON users USING (true)");
      const { findings } = await verify(["schema"]);
      const [found] = findings.filter(({ details }) => details["path"] === "row-level security of users");
      assert.deepEqual([found?.status, found?.hint], ["warn", "What is meant belongs into a revision."]);
    }));

  test(`schema: row-level security that a revision enables is meant, and missed when it is off (${engine.name})`, () =>
    engine.withDatabase(async (url) => {
      const users = { columns: { id: "integer!" } } as const;
      const up = [...ddlOf("users", users), "ALTER TABLE users ENABLE ROW LEVEL SECURITY"];
      const history = schemaHistory(engine.dialect, [{ tables: { users }, up, down: [] }]);
      await withTestDatabase(url, async (database) => {
        await migrate(contextOf(database, history), {
          goal: { direction: "upgrade", text: "head" },
          lockWaitMs: 0,
        });
      });
      const look = async () =>
        (await verifyUrl(url, { history, checks: ["schema"] })).findings.map((
          { status, hint },
        ) => [status, hint]);
      assert.deepEqual(await look(), [["pass", null]]);
      await engine.query(url, "ALTER TABLE users DISABLE ROW LEVEL SECURITY");
      const [[status, hint] = []] = await look();
      assert.equal(status, "fail");
      await engine.query(url, hint!);
      assert.deepEqual(await look(), [["pass", null]]);
    }));
}
