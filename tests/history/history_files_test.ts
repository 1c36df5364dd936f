import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { DatabaseSync } from "node:sqlite";
import { test } from "node:test";
import type { Sql } from "postgres";
import { breakpoint } from "../../src/history/scripts/script.ts";
import { withClient, withFreshPostgres } from "../support/servers/postgres_server.ts";
import { projectFile } from "../support/project.ts";

// The scripts run here as any other program would run them: cut at the breakpoints, harbor-db's directives being
// comments, each script in one transaction.

const initial = "71dda59686db_initial_schema";
const r2 = "5b09ebe23c76_add_r2_storage_fields";
const variants = "f27bd10b7ec4_add_image_variant_storage_paths";

type Dialect = "sqlite" | "postgresql";

function statements(dialect: Dialect, file: string): readonly string[] {
  return readFileSync(projectFile(`drizzle/${dialect}/${file}`), "utf8").split(breakpoint);
}

/** The DDL of the application's Alembic scripts; `{id}` and `{datetime}` differ between the dialects. */
const alembicInitial = `
CREATE TABLE users (id {id} NOT NULL, uuid VARCHAR(36) NOT NULL, email VARCHAR(255) NOT NULL,
  password_hash VARCHAR(255) NOT NULL, is_active BOOLEAN, created_at {datetime} NOT NULL, PRIMARY KEY (id));
CREATE INDEX ix_users_uuid ON users (uuid);
CREATE INDEX ix_users_email ON users (email);
CREATE TABLE collections (id {id} NOT NULL, uuid VARCHAR(36) NOT NULL, name VARCHAR(100) NOT NULL, description TEXT,
  privacy VARCHAR(20), password_hash VARCHAR(255), expires_at {datetime}, created_at {datetime} NOT NULL,
  user_id INTEGER NOT NULL, PRIMARY KEY (id), FOREIGN KEY(user_id) REFERENCES users (id));
CREATE INDEX ix_collections_uuid ON collections (uuid);
CREATE TABLE files (id {id} NOT NULL, uuid VARCHAR(36) NOT NULL, filename VARCHAR(255) NOT NULL,
  original_filename VARCHAR(255) NOT NULL, mime_type VARCHAR(100) NOT NULL, size INTEGER NOT NULL,
  storage_path VARCHAR(500) NOT NULL, thumbnail_path VARCHAR(500), upload_complete BOOLEAN,
  created_at {datetime} NOT NULL, collection_id INTEGER NOT NULL, PRIMARY KEY (id),
  FOREIGN KEY(collection_id) REFERENCES collections (id));
CREATE INDEX ix_files_uuid ON files (uuid);`;
const alembicR2 = `
ALTER TABLE files ADD COLUMN storage_backend VARCHAR(20);
ALTER TABLE files ADD COLUMN metadata_json TEXT;
CREATE INDEX ix_files_storage_backend ON files (storage_backend);`;
const alembicVariants = `
ALTER TABLE files ADD COLUMN thumb_path VARCHAR(500);
ALTER TABLE files ADD COLUMN medium_path VARCHAR(500);`;

function alembic(dialect: Dialect, ddl: string): string {
  const types = dialect === "sqlite" ? ["INTEGER", "DATETIME"] : ["SERIAL", "TIMESTAMP WITHOUT TIME ZONE"];
  return ddl.replaceAll("{id}", types[0]!).replaceAll("{datetime}", types[1]!);
}

const rows = `
INSERT INTO users VALUES (1, 'u', 'a@example.org', 'x', NULL, '2025-01-01 00:00:00');
INSERT INTO collections VALUES (1, 'c', 'n', NULL, NULL, NULL, NULL, '2025-01-01 00:00:00', 1);
INSERT INTO files VALUES (1, 'f', 'f', 'f', 't', 1, 'p', NULL, NULL, '2025-01-01 00:00:00', 1);`;
const r2Row = "UPDATE files SET storage_backend = 'r2', metadata_json = '{}'";

function runSqlite(database: DatabaseSync, file: string): void {
  database.exec("BEGIN");
  for (const statement of statements("sqlite", file)) database.exec(statement);
  database.exec("COMMIT");
}

function newSqlite(...ddl: readonly string[]): DatabaseSync {
  const database = new DatabaseSync(":memory:");
  for (const part of ddl) database.exec(alembic("sqlite", part));
  return database;
}

/** All that SQLite tells of its tables: columns, keys and indexes. */
function sqliteShape(database: DatabaseSync): unknown {
  const all = (sql: string) => database.prepare(sql).all().map((row) => ({ ...row }));
  const tables = all("SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name") as {
    name: string;
  }[];
  return tables.map(({ name }) => ({
    name,
    columns: all(`PRAGMA table_info(${name})`),
    foreignKeys: all(`PRAGMA foreign_key_list(${name})`),
    indexes: all(
      `SELECT l.name, l."unique", l.origin, l.partial, i.seqno, i.name AS column
       FROM pragma_index_list('${name}') l, pragma_index_info(l.name) i ORDER BY l.name, i.seqno`,
    ),
  }));
}

/** All that PostgreSQL tells of its tables: columns, keys with their names, indexes and sequences. */
async function postgresShape(sql: Sql): Promise<unknown> {
  return {
    columns: await sql`
      SELECT c.relname, a.attname, a.attnum, format_type(a.atttypid, a.atttypmod) AS type, a.attnotnull,
        pg_get_expr(d.adbin, d.adrelid) AS value
      FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid LEFT JOIN pg_attrdef d ON (d.adrelid, d.adnum) = (c.oid, a.attnum)
      WHERE c.relnamespace = current_schema()::regnamespace AND c.relkind = 'r' AND a.attnum > 0 AND NOT a.attisdropped
      ORDER BY c.relname, a.attname`,
    constraints: await sql`
      SELECT conrelid::regclass::text AS relname, conname, pg_get_constraintdef(oid) AS definition FROM pg_constraint
      WHERE connamespace = current_schema()::regnamespace ORDER BY conname`,
    indexes:
      await sql`SELECT indexname, indexdef FROM pg_indexes WHERE schemaname = current_schema() ORDER BY indexname`,
    sequences:
      await sql`SELECT sequencename FROM pg_sequences WHERE schemaname = current_schema() ORDER BY sequencename`,
  };
}

async function runPostgres(sql: Sql, file: string): Promise<void> {
  await sql.begin(async (transaction) => {
    for (const statement of statements("postgresql", file)) await transaction.unsafe(statement);
  });
}

/** Returns the shape of a PostgreSQL database that Alembic's DDL made. */
function alembicPostgres(...ddl: readonly string[]): Promise<unknown> {
  return withFreshPostgres(15, (url) =>
    withClient(url, async (sql) => {
      for (const part of ddl) await sql.unsafe(alembic("postgresql", part));
      return await postgresShape(sql);
    }));
}

test("the SQLite scripts make the schemas that Alembic made, and undo them", () => {
  const [first, second, third] = [
    newSqlite(alembicInitial),
    newSqlite(alembicInitial, alembicR2),
    newSqlite(alembicInitial, alembicR2, alembicVariants),
  ].map(sqliteShape);
  const database = newSqlite();
  const steps: readonly (readonly [file: string, shape: unknown])[] = [
    [`${initial}.sql`, first],
    [`${r2}.sql`, second],
    [`${variants}.sql`, third],
    [`${variants}.down.sql`, second],
    [`${r2}.down.sql`, first],
    [`${initial}.down.sql`, []],
    [`${initial}.sql`, first],
    [`${r2}.sql`, second],
    [`${variants}.sql`, third],
  ];
  for (const [file, shape] of steps) {
    runSqlite(database, file);
    assert.deepEqual(sqliteShape(database), shape, file);
  }
});

test("the PostgreSQL scripts make the schemas that Alembic made, and undo them", async () => {
  const [empty, first, second, third] = [
    await alembicPostgres(),
    await alembicPostgres(alembicInitial),
    await alembicPostgres(alembicInitial, alembicR2),
    await alembicPostgres(alembicInitial, alembicR2, alembicVariants),
  ];
  const steps: readonly (readonly [file: string, shape: unknown])[] = [
    [`${initial}.sql`, first],
    [`${r2}.sql`, second],
    [`${variants}.sql`, third],
    [`${variants}.down.sql`, second],
    [`${r2}.down.sql`, first],
    [`${initial}.down.sql`, empty],
    [`${initial}.sql`, first],
    [`${r2}.sql`, second],
    [`${variants}.sql`, third],
  ];
  await withFreshPostgres(15, (url) =>
    withClient(url, async (sql) => {
      for (const [file, shape] of steps) {
        await runPostgres(sql, file);
        assert.deepEqual(numbered(await postgresShape(sql)), numbered(shape), file);
      }
    }));
});

/** PostgreSQL never uses the number of a dropped column again, so only a column's place among the others counts. */
function numbered(shape: unknown): unknown {
  const { columns, ...others } = shape as { columns: { relname: string; attnum: number }[] };
  const place = (column: { relname: string; attnum: number }) =>
    columns.filter((other) => other.relname === column.relname && other.attnum < column.attnum).length;
  return { ...others, columns: columns.map((column) => ({ ...column, attnum: place(column) })) };
}

test("the PostgreSQL scripts work in a schema that is not public", async () => {
  await withFreshPostgres(15, (url) =>
    withClient(url, async (sql) => {
      await sql.unsafe("CREATE SCHEMA app; SET search_path = app");
      await runPostgres(sql, `${initial}.sql`);
      await runPostgres(sql, `${r2}.sql`);
      const tables =
        await sql`SELECT schemaname, tablename FROM pg_tables WHERE tablename IN ('users', 'files')
        ORDER BY tablename`;
      assert.deepEqual(tables.map((row) => `${row["schemaname"]}.${row["tablename"]}`), [
        "app.files",
        "app.users",
      ]);
      await runPostgres(sql, `${r2}.down.sql`);
      await runPostgres(sql, `${initial}.down.sql`);
    }));
});

test("the R2 revision calls the files that exist local, on SQLite", () => {
  const database = newSqlite(alembicInitial, rows);
  runSqlite(database, `${r2}.sql`);
  const read = () => ({ ...database.prepare("SELECT storage_backend, metadata_json FROM files").get() });
  assert.deepEqual(read(), { storage_backend: "local", metadata_json: null });
  database.exec(r2Row);
  runSqlite(database, `${r2}.down.sql`);
  runSqlite(database, `${r2}.sql`);
  assert.deepEqual(read(), { storage_backend: "local", metadata_json: null });
});

test("the R2 revision calls the files that exist local, on PostgreSQL", async () => {
  await withFreshPostgres(15, (url) =>
    withClient(url, async (sql) => {
      await sql.unsafe(alembic("postgresql", alembicInitial) + rows);
      const version = async () => (await sql`SELECT xmin::text FROM files`)[0];
      const before = await version();
      const [columns] = statements("postgresql", `${r2}.sql`);
      await sql.unsafe(columns!);
      assert.deepEqual([...await sql`SELECT storage_backend FROM files`], [{ storage_backend: "local" }]);
      assert.deepEqual(await version(), before, "a row was rewritten");
    }));
});

for (const dialect of ["sqlite", "postgresql"] as const) {
  test(`drizzle/${dialect} is whole: every file belongs to the journal`, () => {
    const read = (path: string) =>
      JSON.parse(readFileSync(projectFile(`drizzle/${dialect}/${path}`), "utf8"));
    const journal = read("meta/_journal.json");
    assert.equal(journal.dialect, dialect);
    const tags: readonly string[] = journal.entries.map((entry: { tag: string }) => entry.tag);
    assert.deepEqual(tags.slice(0, 3), [initial, r2, variants]);
    assert.deepEqual(
      journal.entries.slice(0, 3).map((entry: { when: number }) => new Date(entry.when).toISOString()),
      ["2025-09-25T14:04:38.514Z", "2025-09-25T14:05:10.238Z", "2025-09-29T17:52:08.280Z"],
    );
    assert.deepEqual(
      readdirSync(projectFile(`drizzle/${dialect}`)).toSorted(),
      [...tags.flatMap((tag) => [`${tag}.down.sql`, `${tag}.sql`]), "meta"].toSorted(),
    );
    assert.deepEqual(
      readdirSync(projectFile(`drizzle/${dialect}/meta`)).toSorted(),
      [...tags.map((tag) => `${tag.slice(0, 12)}_snapshot.json`), "_journal.json"].toSorted(),
    );
    const snapshots = tags.map((tag) => read(`meta/${tag.slice(0, 12)}_snapshot.json`));
    assert.deepEqual(
      snapshots.map((snapshot) => snapshot.prevId),
      ["00000000-0000-0000-0000-000000000000", ...snapshots.slice(0, -1).map((snapshot) => snapshot.id)],
    );
  });
}
