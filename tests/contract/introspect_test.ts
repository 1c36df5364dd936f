import { sql } from "../support/user_sql.ts";
import assert from "node:assert/strict";
import type { Column, Snapshot, Table } from "../../src/schema/snapshot.ts";
import type { Database } from "../../src/engines/database.ts";
import { eachEngine } from "../support/each_engine.ts";

function run(database: Database, statements: readonly string[]): Promise<number[]> {
  return database.write(statements.map((text) => sql.raw(text)), "schema");
}

function tableOf(snapshot: Snapshot, name: string): Table {
  return snapshot.tables.find((table) => table.name === name) ?? assert.fail(`no table ${name}`);
}

function column(name: string, type: string, more: Partial<Column> = {}): Column {
  return { name, type, notNull: false, default: null, identity: false, ...more };
}

/** What both dialects take; `ID` and `TIME` stand for their own types. */
const shared = [
  "CREATE TABLE owners (id ID, email VARCHAR(255) NOT NULL, code TEXT, active BOOLEAN DEFAULT FALSE NOT NULL, created_at TIME NOT NULL, UNIQUE (email), UNIQUE (code, email))",
  "CREATE TABLE boats (harbor INTEGER NOT NULL, berth INTEGER NOT NULL, name VARCHAR(100), size INTEGER DEFAULT 10, kind TEXT DEFAULT 'sail', price NUMERIC(10, 2), owner_id INTEGER, tug_harbor INTEGER, tug_berth INTEGER, " +
  "PRIMARY KEY (harbor, berth), FOREIGN KEY (owner_id) REFERENCES owners (id) ON DELETE CASCADE ON UPDATE SET NULL, FOREIGN KEY (tug_harbor, tug_berth) REFERENCES boats (harbor, berth), CONSTRAINT size_positive CHECK (size > 0))",
  "CREATE INDEX ix_boats_name ON boats (name)",
  "CREATE INDEX ix_boats_two ON boats (kind, name)",
  "CREATE UNIQUE INDEX ix_boats_unique ON boats (owner_id, name)",
  "CREATE INDEX ix_boats_partial ON boats (name) WHERE size > 5",
  "CREATE INDEX ix_boats_lower ON boats (lower(kind))",
  "CREATE VIEW large AS SELECT name FROM boats WHERE size > 50",
];

eachEngine("introspect() reads every feature in SQLite's normal form", async ({ database }) => {
  const words = { ID: "integer PRIMARY KEY", TIME: "DATETIME" } as const;
  await run(database, [
    ...shared.map((text) => text.replace("id ID", `id ${words.ID}`).replace(" TIME ", ` ${words.TIME} `)),
    "CREATE TRIGGER boats_named AFTER UPDATE ON boats BEGIN UPDATE owners SET code = new.name WHERE id = new.owner_id; END",
  ]);
  const snapshot = await database.introspect();
  assert.equal(snapshot.dialect, "sqlite");
  assert.deepEqual(snapshot.tables.map((table) => table.name), ["boats", "owners"]);
  assert.deepEqual(tableOf(snapshot, "owners"), {
    name: "owners",
    columns: [
      column("id", "INTEGER", { notNull: true, identity: true }),
      column("email", "VARCHAR(255)", { notNull: true }),
      column("code", "TEXT"),
      column("active", "BOOLEAN", { notNull: true, default: "FALSE" }),
      column("created_at", "DATETIME", { notNull: true }),
    ],
    primaryKey: ["id"],
    foreignKeys: [],
    indexes: [],
    uniques: [{ name: null, columns: ["code", "email"] }, { name: null, columns: ["email"] }],
    checks: [],
  });
  const boats = tableOf(snapshot, "boats");
  assert.deepEqual(boats.columns, [
    column("harbor", "INTEGER", { notNull: true }),
    column("berth", "INTEGER", { notNull: true }),
    column("name", "VARCHAR(100)"),
    column("size", "INTEGER", { default: "10" }),
    column("kind", "TEXT", { default: "'sail'" }),
    column("price", "NUMERIC(10,2)"),
    column("owner_id", "INTEGER"),
    column("tug_harbor", "INTEGER"),
    column("tug_berth", "INTEGER"),
  ]);
  assertBoats(boats);
  assert.deepEqual(boats.foreignKeys.map((key) => key.name), [null, null]);
  assert.deepEqual(boats.indexes.find((index) => index.name === "ix_boats_partial")?.where, "size > 5");
  assert.deepEqual(boats.checks, [{ name: "size_positive", expression: "size > 0", valid: true }]);
  assert.deepEqual(snapshot.others.map(({ kind, name, table }) => ({ kind, name, table })), [
    { kind: "trigger", name: "boats_named", table: "boats" },
    { kind: "view", name: "large", table: null },
  ]);
  assert.match(snapshot.others[0]?.sql ?? "", /^CREATE TRIGGER boats_named/);
}, "sqlite");

eachEngine("introspect() reads every feature in PostgreSQL's normal form", async ({ database }) => {
  const words = { ID: "SERIAL PRIMARY KEY", TIME: "TIMESTAMP WITHOUT TIME ZONE" } as const;
  await run(database, [
    ...shared.map((text) => text.replace("id ID", `id ${words.ID}`).replace(" TIME ", ` ${words.TIME} `)),
    "ALTER TABLE boats ADD CONSTRAINT late CHECK (berth < 900) NOT VALID",
    "CREATE FUNCTION touch() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN new; END $$",
    "CREATE TRIGGER boats_named AFTER UPDATE ON boats FOR EACH ROW EXECUTE FUNCTION touch()",
    "CREATE MATERIALIZED VIEW small AS SELECT name FROM boats WHERE size < 5",
    "CREATE TYPE kind AS ENUM ('sail', 'motor')",
    "CREATE SEQUENCE tickets",
  ]);
  const snapshot = await database.introspect();
  assert.equal(snapshot.dialect, "postgresql");
  assert.deepEqual(snapshot.tables.map((table) => table.name), ["boats", "owners"]);
  assert.deepEqual(tableOf(snapshot, "owners"), {
    name: "owners",
    columns: [
      column("id", "integer", { notNull: true, identity: true }),
      column("email", "character varying(255)", { notNull: true }),
      column("code", "text"),
      column("active", "boolean", { notNull: true, default: "false" }),
      column("created_at", "timestamp without time zone", { notNull: true }),
    ],
    primaryKey: ["id"],
    foreignKeys: [],
    indexes: [],
    uniques: [
      { name: "owners_code_email_key", columns: ["code", "email"] },
      { name: "owners_email_key", columns: ["email"] },
    ],
    checks: [],
  });
  const boats = tableOf(snapshot, "boats");
  assert.deepEqual(boats.columns, [
    column("harbor", "integer", { notNull: true }),
    column("berth", "integer", { notNull: true }),
    column("name", "character varying(100)"),
    column("size", "integer", { default: "10" }),
    column("kind", "text", { default: "'sail'::text" }),
    column("price", "numeric(10,2)"),
    column("owner_id", "integer"),
    column("tug_harbor", "integer"),
    column("tug_berth", "integer"),
  ]);
  assertBoats(boats);
  assert.match(
    boats.indexes.find((index) => index.name === "ix_boats_partial")?.where ?? "",
    /^\(?size > 5\)?$/,
  );
  assert.deepEqual(boats.checks.map(({ name, valid }) => [name, valid]), [["late", false], [
    "size_positive",
    true,
  ]]);
  assert.deepEqual(
    snapshot.others.map(({ kind, name, table }) => [kind, name, table].join(" ").trim()).sort(),
    [
      "function touch",
      "materialized view small",
      "sequence tickets",
      "trigger boats_named boats",
      "type kind",
      "view large",
    ],
  );
}, "postgresql");

/** What is the same in both dialects. */
function assertBoats(boats: Table): void {
  assert.deepEqual(boats.primaryKey, ["harbor", "berth"]);
  const keys = boats.foreignKeys.map(({ name: _, ...key }) => key);
  assert.deepEqual(keys.toSorted((a, b) => a.table < b.table ? -1 : 1), [
    {
      columns: ["tug_harbor", "tug_berth"],
      table: "boats",
      references: ["harbor", "berth"],
      onDelete: "no action",
      onUpdate: "no action",
      valid: true,
    },
    {
      columns: ["owner_id"],
      table: "owners",
      references: ["id"],
      onDelete: "cascade",
      onUpdate: "set null",
      valid: true,
    },
  ]);
  const indexes = boats.indexes.map(({ name, columns, unique, valid }) => ({ name, columns, unique, valid }));
  assert.deepEqual(indexes, [
    { name: "ix_boats_lower", columns: ["lower(kind)"], unique: false, valid: true },
    { name: "ix_boats_name", columns: ["name"], unique: false, valid: true },
    { name: "ix_boats_partial", columns: ["name"], unique: false, valid: true },
    { name: "ix_boats_two", columns: ["kind", "name"], unique: false, valid: true },
    { name: "ix_boats_unique", columns: ["owner_id", "name"], unique: true, valid: true },
  ]);
}

eachEngine("introspect() of an empty database has no tables", async ({ database }) => {
  assert.deepEqual(await database.introspect(), { dialect: database.dialect, tables: [], others: [] });
});

eachEngine(
  "introspect() of some tables says the same of them, and nothing of the rest",
  async ({ database }) => {
    await run(database, [
      "CREATE TABLE docks (id INTEGER PRIMARY KEY, name VARCHAR(20) UNIQUE)",
      "CREATE TABLE boats (id INTEGER PRIMARY KEY, dock INTEGER REFERENCES docks, CHECK (dock > 0))",
      "CREATE INDEX ix_boats_dock ON boats (dock)",
      'CREATE TABLE "it\'s" (id INTEGER PRIMARY KEY)',
      "CREATE VIEW names AS SELECT name FROM docks",
    ]);
    const whole = await database.introspect();
    const some = (...names: readonly string[]) => whole.tables.filter(({ name }) => names.includes(name));
    assert.deepEqual(await database.introspect(["boats", "it's", "none"]), {
      ...whole,
      tables: some("boats", "it's"),
      others: [],
    });
    // As the dialect takes a name.
    const folded = database.dialect === "sqlite" ? some("docks") : [];
    assert.deepEqual((await database.introspect(["DOCKS"])).tables, folded);
  },
);

eachEngine(
  "introspect() leaves out harbor-db's own tables and those of other tools",
  async ({ database }) => {
    await run(database, [
      "CREATE TABLE harbor_version (revision TEXT PRIMARY KEY)",
      "CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL)",
      "CREATE TABLE __drizzle_migrations (id INTEGER PRIMARY KEY, hash TEXT)",
      "CREATE TABLE harbors (id INTEGER PRIMARY KEY)",
    ]);
    await database.withLock(async () => {
      const { tables, others } = await database.introspect();
      assert.deepEqual(tables.map((table) => table.name), ["harbors"]);
      assert.deepEqual(others, []);
    });
  },
);

/** Pairs of ways to write the same schema, whose snapshots must be equal. */
const spellings: Readonly<Record<"sqlite" | "postgresql", readonly (readonly [string, string])[]>> = {
  sqlite: [
    [
      "CREATE TABLE t (id INTEGER PRIMARY KEY NOT NULL, n TEXT)",
      "create table `t` (`id` integer not null, `n` text, primary key (`id`))",
    ],
    [
      "CREATE TABLE t (n VARCHAR(36) DEFAULT 'x')",
      "CREATE TABLE \"t\" (\n  [n] varchar ( 36 ) DEFAULT ('x')\n)",
    ],
    ["CREATE TABLE t (n INTEGER UNIQUE)", "CREATE TABLE t (n INTEGER, UNIQUE (n))"],
    [
      "CREATE TABLE t (n INTEGER PRIMARY KEY, o INTEGER REFERENCES t)",
      "CREATE TABLE t (n INTEGER PRIMARY KEY, o INTEGER, FOREIGN KEY (o) REFERENCES t ON DELETE NO ACTION)",
    ],
  ],
  postgresql: [
    [
      "CREATE TABLE t (id INT GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY)",
      "CREATE TABLE t (id integer GENERATED BY DEFAULT AS IDENTITY, PRIMARY KEY (id))",
    ],
    [
      "CREATE TABLE t (n varchar(36) DEFAULT 'x')",
      "CREATE TABLE t (n character varying(36) DEFAULT 'x'::character varying)",
    ],
    ["CREATE TABLE t (n timestamp)", "CREATE TABLE t (n timestamp without time zone)"],
    ["CREATE TABLE t (n int4, b bool)", "CREATE TABLE t (n integer, b boolean)"],
  ],
};

eachEngine("introspect() gives one snapshot for one schema, however it was written", async ({ database }) => {
  for (const [one, other] of spellings[database.dialect]) {
    const snapshots: Snapshot[] = [];
    for (const text of [one, other]) {
      await run(database, [text]);
      snapshots.push(await database.introspect());
      await run(database, ["DROP TABLE t"]);
    }
    assert.equal(snapshots[0]?.tables.length, 1);
    assert.deepEqual(snapshots[0], snapshots[1], one);
  }
});

eachEngine(
  "introspect() tells a column that the database numbers from one that it does not",
  async ({ database }) => {
    const [numbered, plain] = database.dialect === "sqlite"
      ? ["id INTEGER PRIMARY KEY", "id INT PRIMARY KEY NOT NULL"]
      : ["id SERIAL PRIMARY KEY", "id INTEGER PRIMARY KEY"];
    await run(database, [`CREATE TABLE numbered (${numbered})`, `CREATE TABLE plain (${plain})`]);
    const { tables } = await database.introspect();
    assert.deepEqual(tables.map((table) => [table.name, table.columns[0]?.identity]), [
      ["numbered", true],
      ["plain", false],
    ]);
    if (database.dialect === "sqlite") return;
    assert.equal(tables[0]?.columns[0]?.numbered, undefined);
    await run(database, [
      "ALTER TABLE plain ALTER id ADD GENERATED ALWAYS AS IDENTITY, ADD other INTEGER GENERATED BY DEFAULT AS IDENTITY",
    ]);
    const columns = (await database.introspect()).tables[1]?.columns;
    assert.deepEqual(columns?.map(({ numbered }) => numbered), ["always", "by default"]);
  },
);

eachEngine(
  "introspect() shows an index that CREATE INDEX CONCURRENTLY left half made",
  async ({ database }) => {
    await run(database, ["CREATE TABLE t (n INTEGER)", "INSERT INTO t VALUES (1), (1)"]);
    await assert.rejects(database.write([sql`CREATE UNIQUE INDEX CONCURRENTLY t_n ON t (n)`], "alone"));
    const [table] = (await database.introspect()).tables;
    assert.deepEqual(table?.indexes.map(({ name, valid }) => [name, valid]), [["t_n", false]]);
  },
  "postgresql",
);
