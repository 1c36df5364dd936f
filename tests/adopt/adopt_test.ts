import assert from "node:assert/strict";
import { test } from "node:test";
import { compareSnapshots } from "../../src/schema/compare/snapshots.ts";
import type { Snapshot } from "../../src/schema/snapshot.ts";
import {
  adoptDatabase,
  headOfProject,
  headSchemaOf,
  upgradeDatabase,
  withContext,
} from "../support/samples/adoption.ts";
import {
  driverEngines,
  type Engine,
  type EngineRow,
  engines,
  withTestDatabase,
} from "../support/databases.ts";
import { useApplication } from "../support/samples/open_harbor.ts";
import { ddlOf, makeOrigin, origins, readOrigin } from "../support/samples/origins.ts";
import { rejectsWith } from "../support/harbor_error.ts";
import { readApplied } from "../../src/engines/version_table.ts";
import { adopt } from "../../src/adopt/adopt.ts";
import type { Database } from "../../src/engines/database.ts";
import { migrate } from "../../src/migrate/migrate.ts";
import { prepareAdoption } from "../../src/adopt/prepare.ts";

/** Reads the whole of a table, to see that nothing at all was changed. */
async function dump(engine: Engine, url: string): Promise<string> {
  const schema = await introspect(url);
  const contents = [];
  for (const { name } of schema.tables) {
    contents.push(await engine.query(url, `SELECT * FROM ${name} ORDER BY id`));
  }
  return JSON.stringify([schema, contents]);
}

function introspect(url: string): Promise<Snapshot> {
  return withTestDatabase(url, (database) => database.introspect());
}

/** What `rows` are to be afterwards: files without a backend are local. */
function withBackend(rows: readonly EngineRow[], local: string): readonly EngineRow[] {
  return rows.map((row) =>
    "storage_backend" in row && /^null/.test(String(row["storage_backend"]))
      ? { ...row, storage_backend: local }
      : row
  );
}

const latest = origins.find(({ name }) => name.endsWith("stamped, alembic upgrade f27bd10b7ec4"))!;
const alembicHead = origins.find(({ name }) => name === "alembic upgrade f27bd10b7ec4")!;
const models = origins.find(({ name }) => name === "create_all of the newest commit")!;

for (const engine of engines) {
  for (const origin of origins) {
    test(`${engine.name}: "${origin.name}" comes to head with every value, and the application works on it`, () =>
      engine.withDatabase(async (url) => {
        await makeOrigin(engine, url, origin);
        const before = await readOrigin(engine, url, origin);
        const adoption = await adoptDatabase(url);
        assert.equal(adoption.inspection.match.exact, origin.revision !== null);
        if (origin.revision !== null) assert.equal(adoption.to, origin.revision);
        await upgradeDatabase(url);

        assert.deepEqual(compareSnapshots(await headSchemaOf(engine), await introspect(url)), []);
        const local = engine.dialect === "sqlite" ? "text:'local'" : "local";
        const expected = Object.entries(before).map(([table, rows]) =>
          [table, withBackend(rows, local)] as const
        );
        assert.deepEqual(await readOrigin(engine, url, origin), Object.fromEntries(expected));
        if (origin.alembic !== null) {
          const versions = await engine.query(url, "SELECT version_num FROM alembic_version");
          assert.deepEqual(versions.map((row) => row["version_num"]), [headOfProject(engine.dialect)]);
        }
        await useApplication(engine, url);
        const again = await adoptDatabase(url);
        assert.equal(again.action, "none");
      }));
  }

  // How a schema comes to head is what versions of a server may differ in. The rest is decided before that.
  if (!driverEngines.includes(engine)) continue;

  test(`${engine.name}: adopt says what a database is and what its label claims, and reads only`, () =>
    engine.withDatabase(async (url) => {
      await makeOrigin(engine, url, latest);
      const before = await dump(engine, url);
      const { inspection, action, to, refusal } = await withContext(url, prepareAdoption);
      assert.equal(refusal, null);
      assert.deepEqual([action, to], ["bridge", headOfProject(engine.dialect)]);
      assert.deepEqual(
        inspection.labels.map(({ table, rows, revision, isTrue }) => ({ table, rows, revision, isTrue })),
        [
          { table: "alembic_version", rows: ["f27bd10b7ec4"], revision: "f27bd10b7ec4", isTrue: false },
        ],
      );
      assert.ok(
        inspection.match.differences.some(({ path, kind }) =>
          path === "column users.uuid" && kind === "missing"
        ),
      );
      assert.equal(await dump(engine, url), before);
    }));

  test(`${engine.name}: what no revision knows is kept and listed`, () =>
    engine.withDatabase(async (url) => {
      await makeOrigin(engine, url, models);
      const statements = [
        "CREATE TABLE orders (id INTEGER PRIMARY KEY, note VARCHAR(20))",
        "INSERT INTO orders VALUES (1, 'kept')",
        "ALTER TABLE files ADD COLUMN note VARCHAR(30) DEFAULT 'none'",
        "UPDATE files SET note = 'by hand' WHERE id = 2",
        "ALTER TABLE users ADD COLUMN points INTEGER",
        "CREATE INDEX ix_files_note ON files (note)",
        "CREATE VIEW big AS SELECT id, note FROM files WHERE size > 2000000",
      ];
      for (const statement of statements) await engine.query(url, statement);
      const adoption = await adoptDatabase(url);
      const kept = [
        "table orders",
        "column files.note",
        "index ix_files_note",
        "column users.points",
        "view big",
      ];
      assert.deepEqual(adoption.inspection.kept, kept);
      const differences = compareSnapshots(await headSchemaOf(engine), await introspect(url));
      assert.deepEqual(differences.map(({ kind, path }) => `${kind} ${path}`), [
        "extra column files.note",
        "extra index ix_files_note",
        "extra table orders",
        "extra column users.points",
      ]);
      assert.deepEqual(await engine.query(url, "SELECT id, note FROM big ORDER BY id LIMIT 2"), [
        { id: 2, note: "by hand" },
        { id: 3, note: "none" },
      ]);
      assert.deepEqual((await engine.query(url, "SELECT note FROM orders")).map((row) => row["note"]), [
        "kept",
      ]);
      await useApplication(engine, url);
    }));

  // One row a rule: what is done to the newest database of Alembic's or the models', and what adopt says of it.
  const conflicts = [
    [
      "duplicate e-mails",
      alembicHead,
      ["UPDATE users SET email = 'same@example.org' WHERE id IN (1, 7)"],
      /2 rows of users have the same email as another \(id 1, 7\)/,
    ],
    [
      "duplicate uuids",
      alembicHead,
      ["UPDATE files SET uuid = 'same' WHERE id < 4"],
      /3 rows of files have the same uuid as another \(id 1, 2, 3\)/,
    ],
    [
      "a backend that is none",
      models,
      ["UPDATE files SET storage_backend = 's3' WHERE id = 4"],
      /1 row of files has a storage_backend that is not allowed: .* \(id 4\)/,
    ],
    [
      "an empty backend",
      models,
      ["UPDATE files SET storage_backend = '' WHERE id = 4"],
      /1 row of files has a storage_backend that is not allowed/,
    ],
  ] as const;
  for (const [rule, origin, changes, words] of conflicts) {
    test(`${engine.name}: ${rule} are found before the first statement, by adopt and by upgrade`, () =>
      engine.withDatabase(async (url) => {
        await makeOrigin(engine, url, origin);
        // An index of Alembic's that is not exact any more, so that there is a bridge to build.
        for (const change of changes) await engine.query(url, change);
        if (origin === alembicHead) {
          const refused = await rejectsWith("data_conflict", upgradeDatabase(url));
          assert.match(refused.message, words);
          await engine.query(url, "ALTER TABLE users ADD COLUMN points INTEGER");
        }
        const before = await dump(engine, url);
        const error = await rejectsWith("data_conflict", adoptDatabase(url));
        assert.match(error.message, words);
        assert.doesNotMatch(JSON.stringify([error.message, error.details]), /example\.org/);
        // The query that the hint gives shows the rows.
        const [query] = /SELECT [^;]+/.exec(error.hint ?? "") ?? [];
        assert.ok((await engine.query(url, query ?? "")).length > 0);
        assert.equal(await dump(engine, url), before);
      }));
  }

  test(`${engine.name}: a database with an exact schema and a wrong label is stamped at what it is`, () =>
    engine.withDatabase(async (url) => {
      await makeOrigin(engine, url, { ...alembicHead, alembic: ["deadbeef0000", "71dda59686db"] });
      const adoption = await adoptDatabase(url);
      assert.deepEqual([adoption.action, adoption.to], ["stamp", "f27bd10b7ec4"]);
      const versions = await engine.query(url, "SELECT version_num FROM alembic_version");
      assert.deepEqual(versions.map((row) => row["version_num"]), ["f27bd10b7ec4"]);
    }));

  test(`${engine.name}: of two revisions that Alembic names none is taken, though the schema is one's`, () =>
    engine.withDatabase(async (url) => {
      await makeOrigin(engine, url, { ...alembicHead, alembic: ["f27bd10b7ec4", "71dda59686db"] });
      const { message } = await rejectsWith("unmanaged", upgradeDatabase(url));
      assert.match(message, /alembic_version has 2 rows .* instead of one/);
    }));

  test(`${engine.name}: a bridge whose rehearsal does not come to head is not built`, () =>
    engine.withDatabase(async (url) => {
      await makeOrigin(engine, url, models);
      const before = await dump(engine, url);
      await withContext(url, async (context) => {
        const { database } = context;
        const elsewhere: Database = {
          ...database,
          async rehearse(batch, mode) {
            const snapshot = await database.rehearse(batch, mode);
            return { ...snapshot, tables: snapshot.tables.map((table) => ({ ...table, indexes: [] })) };
          },
        };
        const adopting = adopt({ ...context, database: elsewhere }, { lockWaitMs: 0 });
        const { message } = await rejectsWith("schema_mismatch", adopting);
        assert.match(
          message,
          /its schema would not become that of .*index ix_files_storage_backend is missing/,
        );
      });
      assert.equal(await dump(engine, url), before);
    }));

  test(`${engine.name}: an unknown label beside unknown columns is refused`, () =>
    engine.withDatabase(async (url) => {
      await makeOrigin(engine, url, { ...models, alembic: ["deadbeef0000"] });
      await engine.query(url, "ALTER TABLE files ADD COLUMN shared BOOLEAN");
      const error = await rejectsWith("unmanaged", adoptDatabase(url));
      assert.match(
        error.message,
        /alembic_version says deadbeef0000, which this history does not know, nor column files.shared/,
      );
    }));

  test(`${engine.name}: another program's tables are refused`, () =>
    engine.withDatabase(async (url) => {
      await engine.query(url, "CREATE TABLE orders (id INTEGER PRIMARY KEY)");
      const alone = await rejectsWith("unmanaged", adoptDatabase(url));
      assert.match(alone.message, /has the tables orders and none of the application's/);
      await engine.query(url, "CREATE TABLE users (id INTEGER PRIMARY KEY, login VARCHAR(20) NOT NULL)");
      const named = await rejectsWith("unmanaged", adoptDatabase(url));
      assert.match(named.message, /the table users has no email, password_hash: it is another program's/);
      assert.equal((await introspect(url)).tables.length, 2);
    }));

  test(`${engine.name}: a column that nobody fills is refused`, () =>
    engine.withDatabase(async (url) => {
      const users = { columns: [...models.tables["users"]!.columns, "role VARCHAR(9) NOT NULL"] };
      const [ddl] = ddlOf({ ...models, tables: { users }, indexes: [] }, engine.dialect);
      await engine.query(url, ddl!);
      const error = await rejectsWith("unmanaged", adoptDatabase(url));
      assert.match(error.message, /the column users.role is not known, NOT NULL and without a default/);
    }));

  test(`${engine.name}: adopt repairs what harbor-db manages and somebody changed, and the way back stays`, () =>
    engine.withDatabase(async (url) => {
      await upgradeDatabase(url);
      await engine.query(url, "DROP INDEX ix_files_uuid");
      await engine.query(url, "CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL)");
      await engine.query(url, "INSERT INTO alembic_version VALUES ('5b09ebe23c76')");
      const adoption = await adoptDatabase(url);
      assert.deepEqual([adoption.action, adoption.to], ["bridge", headOfProject(engine.dialect)]);
      assert.deepEqual(compareSnapshots(await headSchemaOf(engine), await introspect(url)), []);
      const versions = await engine.query(url, "SELECT version_num FROM alembic_version");
      assert.deepEqual(versions.map((row) => row["version_num"]), [headOfProject(engine.dialect)]);
      await withContext(
        url,
        (context) =>
          migrate(context, { goal: { direction: "downgrade", text: "f27bd10b7ec4" }, lockWaitMs: 0 }),
      );
      const again = await withContext(url, prepareAdoption);
      assert.deepEqual([again.action, again.to, again.inspection.match.exact], [
        "none",
        "f27bd10b7ec4",
        true,
      ]);
    }));

  test(`${engine.name}: a row of a script that was edited is made anew, and the others stay`, () =>
    engine.withDatabase(async (url) => {
      await upgradeDatabase(url);
      const before = await withContext(url, ({ database }) => readApplied(database)) ?? [];
      await engine.query(url, "UPDATE harbor_version SET checksum = 'other' WHERE revision = '71dda59686db'");
      const adoption = await adoptDatabase(url);
      assert.deepEqual([adoption.action, adoption.to], ["stamp", headOfProject(engine.dialect)]);
      for (const row of await withContext(url, ({ database }) => readApplied(database)) ?? []) {
        const old = before.find(({ revision }) => revision === row.revision)!;
        assert.equal(row.checksum, old.checksum);
        assert.equal(row.origin, row.revision === "71dda59686db" ? "adopt" : "run");
      }
    }));

  // One row a change to the version table: what it is, the statement, the error's code and words.
  const rows = [
    [
      "a row that nobody knows",
      `INSERT INTO harbor_version SELECT 'deadbeef0000', name, checksum, direction, statements_done, started_at, finished_at, ms, applied_by, origin FROM harbor_version WHERE revision = '71dda59686db'`,
      "unmanaged",
      /harbor_version says deadbeef0000, which this history does not know/,
    ],
    [
      "a revision that stopped half way",
      `UPDATE harbor_version SET finished_at = NULL WHERE revision = '${headOfProject(engine.dialect)}'`,
      "unfinished",
      /stopped half way/,
    ],
  ] as const;
  for (const [what, statement, code, words] of rows) {
    test(`${engine.name}: ${what} in the version table is not adopted over`, () =>
      engine.withDatabase(async (url) => {
        await upgradeDatabase(url);
        await engine.query(url, statement);
        const before = await dump(engine, url);
        assert.match((await rejectsWith(code, adoptDatabase(url))).message, words);
        assert.equal(await dump(engine, url), before);
      }));
  }

  test(`${engine.name}: a database of drizzle's own migrator is stamped where its hashes say`, () =>
    engine.withDatabase(async (url) => {
      const checksums = await withContext(url, async (context) => {
        const { revisions } = context.history;
        for (const revision of revisions.slice(0, 3)) {
          for (const statement of revision.upgrade().statements) {
            await engine.query(url, statement.sql.replace(" CONCURRENTLY", ""));
          }
        }
        return await Promise.resolve(revisions.slice(0, 3).map(({ checksum }) => checksum));
      });
      const table = engine.dialect === "sqlite" ? "__drizzle_migrations" : "drizzle.__drizzle_migrations";
      if (engine.dialect === "postgresql") await engine.query(url, "CREATE SCHEMA drizzle");
      await engine.query(url, `CREATE TABLE ${table} (id INTEGER, hash TEXT NOT NULL, created_at NUMERIC)`);
      for (const [place, hash] of checksums.entries()) {
        await engine.query(url, `INSERT INTO ${table} VALUES (NULL, '${hash}', ${place})`);
      }
      const adoption = await adoptDatabase(url);
      assert.deepEqual([adoption.action, adoption.to], ["stamp", "f27bd10b7ec4"]);
      assert.deepEqual(adoption.inspection.labels.map(({ table, isTrue }) => [table, isTrue]), [
        ["__drizzle_migrations", true],
      ]);
      await upgradeDatabase(url);
    }));
}
