import assert from "node:assert/strict";
import { test } from "node:test";
import { readKept } from "../../../src/engines/kept_table.ts";
import type { Dialect } from "../../../src/base/dialect.ts";
import { withTestDatabase } from "../../support/databases.ts";
import { withClient } from "../../support/servers/postgres_server.ts";
import { withOwnedPostgres } from "../../support/postgres_role.ts";
import { migrate } from "../../../src/migrate/migrate.ts";
import { onEngines } from "../../support/each_engine.ts";
import { contextOf } from "../../support/samples/adoption.ts";
import { historyOf } from "../../support/samples/script_history.ts";

/** A table before the revision, what the revision does to it and what undoes that, and rows as they are with it. */
interface Form {
  readonly made?: string;
  readonly up: string;
  readonly down: string;
  /** What is written while the revision is applied. */
  readonly write: string;
  /** What is to be the same afterwards. */
  readonly read: string;
  /** So many rows stay kept; 0 unless said. */
  readonly left?: number;
}

const added = (table: string, column = "d text") => ({
  up: `ALTER TABLE ${table} ADD COLUMN ${column}`,
  down: `ALTER TABLE ${table} DROP COLUMN ${/^"(?:[^"]|"")+"|^\w+/.exec(column)![0]}`,
});

const hostile = '"Ta""ble\'s; -- k"';

const everywhere: Readonly<Record<string, Form>> = {
  "a key of two columns": {
    made: "CREATE TABLE pairs (a integer NOT NULL, b text NOT NULL, PRIMARY KEY (a, b))",
    ...added("pairs"),
    write: "INSERT INTO pairs (a, b, d) VALUES (1, 'x', 'one'), (1, 'y', 'two'), (2, 'x', NULL)",
    read: "SELECT a, b, d FROM pairs ORDER BY a, b",
  },
  "a text as key": {
    made: "CREATE TABLE texts (id text NOT NULL PRIMARY KEY)",
    ...added("texts"),
    write: "INSERT INTO texts (id, d) VALUES ('it''s', '1'), ('IT''S', '2'), ('', '3'), ('ä%_', '4')",
    read: "SELECT id, d FROM texts ORDER BY d",
  },
  "no key": {
    made: "CREATE TABLE loose (a integer, b text)",
    ...added("loose"),
    write:
      "INSERT INTO loose (a, b, d) VALUES (1, 'x', 'one'), (NULL, 'y', 'two'), (3, 'z', NULL), (4, NULL, 'four')",
    read: "SELECT a, b, d FROM loose ORDER BY b, a",
  },
  "no key, and names like those in harbor-db's own statements": {
    made:
      "CREATE TABLE s (t text, k text, o text, p text, size integer, place text, same text, value_0 text)",
    ...added("s"),
    write:
      "INSERT INTO s (t, size, place, d) VALUES ('b', 1, 'x', NULL), ('a', 1, 'x', 'one'), ('a', 2, 'x', 'two'), ('a', 3, 'x', 'three'), ('a', 3, 'y', 'four')",
    read: "SELECT size, place, d FROM s ORDER BY d",
  },
  "no key and no row like another": {
    made: "CREATE TABLE twins (a integer, b text)",
    ...added("twins"),
    write: "INSERT INTO twins (a, b, d) VALUES (1, 'x', 'one'), (1, 'x', 'two'), (2, 'x', 'three')",
    read: "SELECT a, b, CASE WHEN a = 2 THEN d END AS d FROM twins ORDER BY a",
    left: 2,
  },
  "a whole table without a key": {
    up: "CREATE TABLE log (a integer, b text)",
    down: "DROP TABLE log",
    write: "INSERT INTO log VALUES (1, 'x'), (1, 'x'), (NULL, NULL)",
    read: "SELECT * FROM log ORDER BY b",
  },
  "names with quotes, spaces, capitals and semicolons": {
    made: `CREATE TABLE ${hostile} ("I d" integer NOT NULL PRIMARY KEY)`,
    ...added(hostile, `"T.""k"" $1 'Ä" text`),
    write: `INSERT INTO ${hostile} VALUES (1, 'a'), (2, 'b')`,
    read: `SELECT * FROM ${hostile} ORDER BY 1`,
  },
  "a whole table with such names": {
    up: `CREATE TABLE "Select" ("From" integer NOT NULL PRIMARY KEY, "Where ?" text)`,
    down: `DROP TABLE "Select"`,
    write: `INSERT INTO "Select" VALUES (1, 'a'), (2, 'b')`,
    read: `SELECT * FROM "Select" ORDER BY 1`,
  },
};

const forms: Readonly<Record<Dialect, Readonly<Record<string, Form>>>> = {
  sqlite: {
    ...everywhere,
    "bytes as key, without a rowid": {
      made: "CREATE TABLE bytes (id blob NOT NULL PRIMARY KEY) WITHOUT ROWID",
      ...added("bytes"),
      write: "INSERT INTO bytes (id, d) VALUES (x'00ff', 'a'), (x'', 'b'), (x'0000', 'c')",
      read: "SELECT hex(id) AS id, d FROM bytes ORDER BY id",
    },
    "values of every storage class": {
      made: "CREATE TABLE classes (id integer NOT NULL PRIMARY KEY)",
      ...added("classes", "d"),
      write:
        "INSERT INTO classes (id, d) VALUES (1, 1), (2, 1.0), (3, '1'), (4, x'31'), (5, 9007199254740993), (6, 'a' || char(0) || 'b')",
      read: "SELECT id, typeof(d) AS type, quote(d) AS d, hex(d) AS bytes FROM classes ORDER BY id",
    },
    "a counter and a generated column": {
      up:
        "CREATE TABLE counted (id integer PRIMARY KEY AUTOINCREMENT, a integer, twice integer GENERATED ALWAYS AS (a * 2) STORED)",
      down: "DROP TABLE counted",
      write: "INSERT INTO counted (id, a) VALUES (4, 1), (9, 2)",
      read: "SELECT * FROM counted ORDER BY id",
    },
  },
  postgresql: {
    ...everywhere,
    "a UUID as key": {
      made: "CREATE TABLE uuids (id uuid NOT NULL PRIMARY KEY)",
      ...added("uuids", "d jsonb"),
      write:
        `INSERT INTO uuids VALUES ('a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11', '{"a": [1, 2.50]}'), ('a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a12', 'null')`,
      read: "SELECT id, CAST(d AS text) AS d FROM uuids ORDER BY id",
    },
    "bytes as key": {
      made: "CREATE TABLE bytes (id bytea NOT NULL PRIMARY KEY)",
      ...added("bytes", "d json"),
      write: String.raw`INSERT INTO bytes VALUES ('\x00ff', '{"a":  1}'), ('\x', '[]')`,
      read: "SELECT encode(id, 'hex') AS id, CAST(d AS text) AS d FROM bytes ORDER BY id",
    },
    "values that have no plain text": {
      made: "CREATE TABLE many (id integer NOT NULL PRIMARY KEY)",
      up:
        "ALTER TABLE many ADD COLUMN a numeric(30, 10)[], ADD COLUMN b timestamptz, ADD COLUMN c interval, ADD COLUMN d float8, ADD COLUMN e int4range, ADD COLUMN f bpchar, ADD COLUMN g bpchar[]",
      down:
        "ALTER TABLE many DROP COLUMN a, DROP COLUMN b, DROP COLUMN c, DROP COLUMN d, DROP COLUMN e, DROP COLUMN f, DROP COLUMN g",
      write:
        "INSERT INTO many VALUES (1, '[0:1]={1.5,NULL}', '2026-01-02 03:04:05.678901+02', '1 mon -2 days', 'NaN', '[1,5)', 'a  ', '{\"a  \"}'), (2, NULL, 'infinity', '0', 0.1, 'empty', '', NULL)",
      read: "SELECT CAST(m AS text) AS row FROM many m ORDER BY id",
    },
    "an enum that goes with its column": {
      made: "CREATE TABLE moods (id integer NOT NULL PRIMARY KEY)",
      up:
        "CREATE TYPE mood AS ENUM ('good', 'it''s'); ALTER TABLE moods ADD COLUMN d mood, ADD COLUMN l mood[]",
      down: "ALTER TABLE moods DROP COLUMN d, DROP COLUMN l; DROP TYPE mood",
      write: "INSERT INTO moods VALUES (1, 'good', '{good,it''s}'), (2, 'it''s', NULL), (3, NULL, '{}')",
      read: "SELECT id, CAST(d AS text) AS d, CAST(l AS text) AS l FROM moods ORDER BY id",
    },
    "an enum as key that goes with its table": {
      up:
        `CREATE TYPE "Kind of" AS ENUM ('a', 'b'); CREATE TABLE kinds (id "Kind of" NOT NULL PRIMARY KEY, d text)`,
      down: `DROP TABLE kinds; DROP TYPE "Kind of"`,
      write: "INSERT INTO kinds VALUES ('b', 'one'), ('a', 'two')",
      read: "SELECT CAST(id AS text) AS id, d FROM kinds ORDER BY id",
    },
    "a domain that goes with its column": {
      made: "CREATE TABLE shares (id integer NOT NULL PRIMARY KEY)",
      up: "CREATE DOMAIN share AS integer CHECK (VALUE < 100); ALTER TABLE shares ADD COLUMN d share",
      down: "ALTER TABLE shares DROP COLUMN d; DROP DOMAIN share",
      write: "INSERT INTO shares VALUES (1, 7), (2, NULL)",
      read: "SELECT id, CAST(d AS integer) AS d FROM shares ORDER BY id",
    },
    "a composite type that goes with its table": {
      up:
        "CREATE TYPE point2 AS (x integer, y text); CREATE TABLE points (id integer NOT NULL PRIMARY KEY, d point2)",
      down: "DROP TABLE points; DROP TYPE point2",
      write: "INSERT INTO points VALUES (1, ROW(1, 'a, \"b\"')), (2, NULL)",
      read: "SELECT id, CAST(d AS text) AS d FROM points ORDER BY id",
    },
    "an identity that is always made, and a generated column": {
      up:
        "CREATE TABLE counted (id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY, a integer, twice integer GENERATED ALWAYS AS (a * 2) STORED)",
      down: "DROP TABLE counted",
      write: "INSERT INTO counted (a) VALUES (1), (2)",
      read: "SELECT * FROM counted ORDER BY id",
    },
    "a generated column that goes alone": {
      made: "CREATE TABLE sums (id integer NOT NULL PRIMARY KEY, a integer)",
      ...added("sums", "d integer GENERATED ALWAYS AS (a + 1) STORED"),
      write: "INSERT INTO sums (id, a) VALUES (1, 2)",
      read: "SELECT * FROM sums ORDER BY id",
    },
    "a counter that goes from its table": {
      made: "CREATE TABLE numbered (name text NOT NULL PRIMARY KEY)",
      ...added("numbered", "d serial"),
      write: "INSERT INTO numbered (name, d) VALUES ('a', 7), ('b', 3)",
      read: "SELECT * FROM numbered ORDER BY name",
    },
    "a counter of its own, behind what comes back": {
      up:
        "CREATE SEQUENCE own_seq; CREATE TABLE own_numbers (id integer NOT NULL DEFAULT nextval('own_seq') PRIMARY KEY)",
      down: "DROP TABLE own_numbers; DROP SEQUENCE own_seq",
      write: "INSERT INTO own_numbers VALUES (41)",
      read: "SELECT id FROM own_numbers",
    },
    "no key and a JSON that is always there": {
      made: "CREATE TABLE notes (a json NOT NULL, b point NOT NULL)",
      ...added("notes"),
      write: `INSERT INTO notes (a, b, d) VALUES ('{"a":  1}', '(1,2)', 'one'), ('[]', '(2,1)', 'two')`,
      read: "SELECT CAST(a AS text) AS a, CAST(b AS text) AS b, d FROM notes ORDER BY d",
    },
    "an identity that takes no values stays kept": {
      made: "CREATE TABLE fixed (name text NOT NULL PRIMARY KEY)",
      ...added("fixed", "d integer GENERATED ALWAYS AS IDENTITY"),
      write: "INSERT INTO fixed (name, d) OVERRIDING SYSTEM VALUE VALUES ('a', 7), ('b', 3)",
      read: "SELECT name FROM fixed ORDER BY name",
      left: 2,
    },
  },
};

onEngines(
  ["sqlite file", "postgres 18"],
  "every form of key, type and name comes back as it was",
  async (given) => {
    const { database, engine, url } = given;
    const all = Object.values(forms[engine.dialect]);
    const script = (texts: readonly string[]) => texts.join(";--> statement-breakpoint\n");
    const history = historyOf(engine.dialect, [
      [script(all.flatMap(({ made }) => made ?? [])), "SELECT 1"],
      [script(all.map(({ up }) => up)), script(all.map(({ down }) => down))],
    ]);
    const context = contextOf(database, history);
    const go = (direction: "upgrade" | "downgrade", text: string) =>
      migrate(context, { goal: { direction, text }, lockWaitMs: 0 });
    const read = async () =>
      Object.fromEntries(
        await Promise.all(
          Object.entries(forms[engine.dialect]).map(async ([form, { read }]) =>
            [form, await engine.query(url, read)] as const
          ),
        ),
      );
    await go("upgrade", "head");
    for (const { write } of all) await engine.query(url, write);
    const before = await read();
    const { steps: [down] } = await go("downgrade", "-1");
    // PostgreSQL's rows have a head of 24 bytes.
    const head = engine.dialect === "postgresql" ? 24 : 0;
    for (const { table, rows, bytes } of down!.kept) assert.ok(bytes > rows * head, `${table}: ${bytes}`);
    const { steps: [up] } = await go("upgrade", "head");
    assert.deepEqual(await read(), before);
    assert.equal(
      up!.returned.reduce((sum, { left }) => sum + left, 0),
      all.reduce((sum, { left = 0 }) => sum + left, 0),
    );
    if (engine.dialect === "postgresql") {
      const [next] = await engine.query(url, "SELECT CAST(nextval('own_seq') AS integer) AS next");
      assert.equal(next!["next"], 42);
    }
    assert.equal((await readKept(database)).length, all.filter(({ left = 0 }) => left > 0).length);
  },
);

test("postgres 18: what row security hides is not taken for nothing, and nobody else may read what is kept", () =>
  withOwnedPostgres(18, "", async ({ url, adminUrl, role }) => {
    const admin = (statement: string) => withClient(adminUrl, (sql) => sql.unsafe(statement));
    await admin(
      `ALTER DEFAULT PRIVILEGES FOR ROLE ${role} GRANT ALL ON TABLES TO pg_monitor, PUBLIC; ALTER DEFAULT PRIVILEGES FOR ROLE ${role} IN SCHEMA public GRANT SELECT ON TABLES TO pg_monitor`,
    );
    await withTestDatabase(url, async (database) => {
      const history = historyOf("postgresql", [
        ["CREATE TABLE t (id integer NOT NULL PRIMARY KEY)", "SELECT 1"],
        ["ALTER TABLE t ADD COLUMN d text", "ALTER TABLE t DROP COLUMN d"],
      ]);
      const go = (direction: "upgrade" | "downgrade", text: string) =>
        migrate(contextOf(database, history), { goal: { direction, text }, lockWaitMs: 0 });
      const rows = () => admin("SELECT id, d FROM t ORDER BY id");
      await go("upgrade", "head");
      await admin("INSERT INTO t VALUES (1, 'a'), (2, 'b'); ALTER TABLE t ENABLE ROW LEVEL SECURITY");
      await admin("CREATE POLICY own_rows ON t USING (id = 1); ALTER TABLE t FORCE ROW LEVEL SECURITY");
      const before = [...await rows()];
      const refused = await go("downgrade", "-1").catch((error) => error);
      assert.match(refused.message, /the policy own_rows of table t hides rows from the role owned_/);
      assert.match(refused.hint, /NO FORCE ROW LEVEL SECURITY/);
      assert.deepEqual([...await rows()], before);
      assert.deepEqual(await readKept(database), []);

      // An owner sees all rows unless it is forced not to.
      await admin("ALTER TABLE t NO FORCE ROW LEVEL SECURITY");
      const { steps: [down] } = await go("downgrade", "-1");
      assert.deepEqual(down!.kept.map(({ rows }) => rows), [2]);
      const readable = await admin(
        "SELECT relname FROM pg_class WHERE relkind = 'r' AND (relname LIKE 'harbor\\_kept%' OR relname = 't') AND has_table_privilege('pg_monitor', oid, 'SELECT')",
      );
      assert.deepEqual(readable.map(({ relname }) => relname), ["t"]);
      const { steps: [up] } = await go("upgrade", "head");
      assert.deepEqual(up!.returned.map(({ rows, left }) => [rows, left]), [[2, 0]]);
      assert.deepEqual([...await rows()], before);
    });
  }));
