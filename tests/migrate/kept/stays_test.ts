import assert from "node:assert/strict";
import { test } from "node:test";
import type { Direction } from "../../../src/history/applied.ts";
import { readKept } from "../../../src/engines/kept_table.ts";
import { migrate } from "../../../src/migrate/migrate.ts";
import { pruneKept } from "../../../src/migrate/kept/prune.ts";
import { type Engine, engines, withTestDatabase } from "../../support/databases.ts";
import { contextOf } from "../../support/samples/adoption.ts";
import { historyOf } from "../../support/samples/script_history.ts";
import { dyingAt, returnWords } from "../../support/dying_database.ts";

/** What happens to data from its step to the return that undoes it. */
interface Story {
  readonly engine?: Engine["name"];
  readonly made: readonly string[];
  readonly up: readonly string[];
  readonly down: readonly string[];
  /** Upgrades and downgrades of the one revision, and what is written between them. */
  readonly course: readonly string[];
  readonly read: string;
  readonly rows: readonly (readonly unknown[])[];
  /** Why rows stay kept; none do where nothing is said. */
  readonly reason?: RegExp;
  /** In so many side tables; one unless said. */
  readonly left?: number;
}

const users = "CREATE TABLE users (id integer NOT NULL PRIMARY KEY, name varchar(32) NOT NULL UNIQUE)";
const bio = {
  up: ["ALTER TABLE users ADD COLUMN bio text"],
  down: ["ALTER TABLE users DROP COLUMN bio"],
  read: "SELECT id, bio FROM users ORDER BY id",
};
const add = (values: string) => `INSERT INTO users VALUES ${values}`;

/** The rules of a table, and when they fire. */
const rulesOf = (table: string) =>
  `(SELECT string_agg(rulename || ' ' || ev_enabled::text, ', ' ORDER BY rulename) FROM pg_rewrite WHERE ev_class = '${table}'::regclass)`;

/** Names change with values, of the key and of the table as well; one value is written in between. */
function renamed(engine: Engine["name"]): Story {
  return {
    engine,
    made: [users],
    up: [
      "UPDATE users SET name = upper(name)",
      "ALTER TABLE users RENAME COLUMN name TO nick",
      "ALTER TABLE users RENAME COLUMN id TO number",
      "ALTER TABLE users RENAME TO people",
    ],
    down: [
      "ALTER TABLE people RENAME TO users",
      "ALTER TABLE users RENAME COLUMN number TO id",
      "ALTER TABLE users RENAME COLUMN nick TO name",
      "UPDATE users SET name = lower(name)",
    ],
    read: "SELECT number, nick FROM people ORDER BY number",
    course: [
      add("(1, 'Ann'), (2, 'Bob'), (3, 'Cid')"),
      "up",
      "UPDATE people SET nick = 'New' WHERE number = 3",
      "down",
      "INSERT INTO users SELECT id + 10, name || '!' FROM users",
      "up",
    ],
    rows: [[1, "ANN"], [2, "BOB"], [3, "New"], [11, "ANN!"], [12, "BOB!"], [13, "NEW!"]],
  };
}

/** Each of its rows has to have a parent. */
function tree(engine: Engine["name"]): Story {
  return {
    engine,
    made: ["SELECT 1"],
    up: [
      "CREATE TABLE nodes (a integer NOT NULL, id integer NOT NULL, parent integer NOT NULL, PRIMARY KEY (a, id), FOREIGN KEY (a, parent) REFERENCES nodes (a, id))",
    ],
    down: ["DROP TABLE nodes"],
    read: "SELECT a, id, parent FROM nodes ORDER BY a, id",
    course: ["up", "INSERT INTO nodes VALUES (1, 1, 1), (1, 2, 3), (1, 3, 1), (2, 1, 1)", "down", "up"],
    rows: [[1, 1, 1], [1, 2, 3], [1, 3, 1], [2, 1, 1]],
  };
}

/** Of a query: the numbers from 1 on. */
const numbers = (count: number) =>
  `WITH RECURSIVE numbers (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < ${count})`;

/** Of a table without a key: at one look at the table for each row it would take minutes. */
const manyWithoutKey: Story = {
  made: ["CREATE TABLE log (a integer, rowid text)"],
  up: ["ALTER TABLE log ADD COLUMN d text"],
  down: ["ALTER TABLE log DROP COLUMN d"],
  read:
    "SELECT CAST(count(*) AS integer) AS n, CAST(sum(CASE WHEN d = 'd' || a THEN 1 ELSE 0 END) AS integer) AS back FROM log",
  course: [
    "up",
    `INSERT INTO log ${numbers(12_000)} SELECT n, 'x', 'd' || n FROM numbers`,
    "INSERT INTO log VALUES (NULL, NULL, 'd1'), (7, NULL, 'd7'), (8, 'x', 'e'), (9, 'x', 'd9')",
    "down",
    "DELETE FROM log WHERE a = 9",
    "INSERT INTO log VALUES (9, 'x')",
    "up",
  ],
  // One of those is like another, one came anew, and what two of them had is not to be told apart.
  rows: [[12_003, 11_999]],
  reason: /^4 rows are not to be told from others$/,
};

/** What is changed of one. */
const manyChanged: Story = {
  made: ["CREATE TABLE log (a integer, b text)"],
  up: ["UPDATE log SET b = upper(b)"],
  down: ["UPDATE log SET b = b"],
  read: "SELECT CAST(count(*) AS integer) AS n FROM log WHERE b = 'b'",
  course: [
    `INSERT INTO log ${numbers(12_000)} SELECT n, 'b' FROM numbers`,
    "INSERT INTO log VALUES (8, 'b')",
    "up",
    "down",
  ],
  rows: [[11_999]],
  reason: /^2 rows are not to be told from others$/,
};

/** Of a backfill that gives something else each time that it is asked. */
const byChance: Story = {
  made: [users, ...bio.up, "CREATE TABLE rates (rate integer)", "INSERT INTO rates VALUES (7)"],
  up: [
    "-- harbor:backfill table=users key=id\nUPDATE users SET bio = CAST(random() AS text) WHERE random() IS NOT NULL",
    "-- harbor:backfill table=users key=id\nUPDATE users SET name = name || (SELECT max(rate) FROM rates) WHERE id <> 3",
  ],
  down: ["SELECT 1"],
  read: "SELECT id, name, bio FROM users ORDER BY id",
  course: [
    add("(1, 'ann', 'a'), (2, 'bob', NULL), (3, 'cid', 'c')"),
    "up",
    "UPDATE rates SET rate = 8",
    "UPDATE users SET bio = 'new' WHERE id = 3",
    "down",
  ],
  rows: [[1, "ann", "a"], [2, "bob", null], [3, "cid", "new"]],
  reason: /^,1 row holds something else than the upgrade made of it$/,
};

/** Of one whose table has a trigger that makes something else of what is written. */
const byTrigger: Story = {
  engine: "postgres 15",
  made: [
    users,
    ...bio.up,
    "CREATE FUNCTION trimmed() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN NEW.bio = NEW.bio || clock_timestamp(); RETURN NEW; END $$",
    "CREATE TRIGGER trimmed BEFORE UPDATE ON users FOR EACH ROW EXECUTE FUNCTION trimmed()",
  ],
  up: ["-- harbor:backfill table=users key=id\nUPDATE users SET (bio) = ROW(upper(bio))"],
  down: ["SELECT 1"],
  read: bio.read,
  course: [add("(1, 'ann', 'a'), (2, 'bob', 'b')"), "up", "down"],
  rows: [[1, "a"], [2, "b"]],
};

/** Of which the way up makes another value each time, and the way down always the same. */
function byRandom(engine: NonNullable<Story["engine"]>, token: string): Story {
  return {
    engine,
    made: [
      "CREATE TABLE users (id integer NOT NULL PRIMARY KEY, token text)",
      "CREATE TABLE was (token text)",
    ],
    up: [`UPDATE users SET token = ${token}`],
    down: ["UPDATE users SET token = 'none'"],
    read:
      "SELECT id, CASE WHEN token = (SELECT max(token) FROM was) THEN 'as it was' ELSE token END AS token FROM users ORDER BY id",
    course: [
      add("(1, 'old'), (2, NULL), (3, 'c')"),
      "up",
      "INSERT INTO was SELECT token FROM users WHERE id = 1",
      "UPDATE users SET token = 'own' WHERE id = 2",
      "down",
      "UPDATE users SET token = 'then' WHERE id = 3",
      "up",
      "down",
      "up",
      "UPDATE users SET token = 'end' WHERE id = 3",
    ],
    rows: [[1, "as it was"], [2, "own"], [3, "end"]],
    reason: /./,
  };
}

/** Tables that the script fills, one without a key, of which rows are changed, deleted and added by others. */
function madeAgain(engine: NonNullable<Story["engine"]>): Readonly<Record<string, Story>> {
  const numbers = "INSERT INTO users VALUES (1, 'a'), (2, 'b'), (3, 'c')";
  return {
    [`rows that the script makes again on ${engine} give way to those that are kept`]: {
      engine,
      made: [users, numbers],
      up: [
        "CREATE TABLE s (id integer NOT NULL PRIMARY KEY, v text, ref integer REFERENCES s (id))",
        "INSERT INTO s SELECT id, name, NULL FROM users",
      ],
      down: ["DROP TABLE s"],
      read: "SELECT id, v, ref FROM s ORDER BY id",
      course: [
        "up",
        "UPDATE s SET v = 'edited', ref = 1 WHERE id = 2",
        "UPDATE s SET v = NULL WHERE id = 3",
        "INSERT INTO s VALUES (9, 'own', 2)",
        "down",
        add("(4, 'd')"),
        "up",
        "UPDATE s SET v = 'again' WHERE id = 1",
        "down",
        "up",
      ],
      rows: [[1, "again", null], [2, "edited", 1], [3, null, null], [4, "d", null], [9, "own", 2]],
    },
    [`rows without a key that the script makes again on ${engine} are not there twice`]: {
      engine,
      made: [users, numbers],
      up: [
        "CREATE TABLE s (id integer, v text)",
        "INSERT INTO s SELECT id, name FROM users",
        "INSERT INTO s VALUES (7, NULL), (7, NULL)",
      ],
      down: ["DROP TABLE s"],
      read: "SELECT id, v FROM s ORDER BY id, v",
      course: ["up", "INSERT INTO s VALUES (1, 'z'), (7, NULL)", "down", add("(4, 'd')"), "up"],
      rows: [[1, "a"], [1, "z"], [2, "b"], [3, "c"], [4, "d"], [7, null], [7, null], [7, null]],
    },
    [`what others write before the kept rows are back on ${engine} stays`]: {
      engine,
      made: [users, numbers],
      up: [
        "CREATE TABLE s (id integer NOT NULL PRIMARY KEY, v text)",
        "INSERT INTO s SELECT id, name FROM users",
      ],
      down: ["DROP TABLE s"],
      read: "SELECT id, v FROM s ORDER BY id",
      course: ["up", "UPDATE s SET v = 'old'", "down", "killed", "UPDATE s SET v = 'new' WHERE id = 1", "up"],
      rows: [[1, "new"], [2, "old"], [3, "old"]],
      reason: /^1 row holds something newer$/,
    },
  };
}

const stories: Readonly<Record<string, Story>> = {
  "values come back past rules, which are then as they were": {
    ...bio,
    engine: "postgres 15",
    made: [users],
    read: `SELECT id, bio, ${rulesOf("users")} AS rules FROM users ORDER BY id`,
    course: [
      "up",
      "INSERT INTO users VALUES (1, 'Ann', 'x'), (2, 'Bob', 'y'), (3, 'Cid', 'z')",
      "CREATE RULE mute AS ON UPDATE TO users DO INSTEAD NOTHING",
      "CREATE RULE few AS ON UPDATE TO users WHERE old.id = 2 DO INSTEAD NOTHING",
      "CREATE RULE off AS ON UPDATE TO users DO INSTEAD NOTHING",
      "CREATE RULE echo AS ON UPDATE TO users DO ALSO NOTIFY changed",
      "CREATE RULE stay AS ON DELETE TO users DO INSTEAD NOTHING",
      "ALTER TABLE users DISABLE RULE off",
      "ALTER TABLE users ENABLE ALWAYS RULE few",
      "down",
      "ALTER TABLE users DISABLE RULE stay",
      "DELETE FROM users WHERE id = 3",
      "ALTER TABLE users ENABLE REPLICA RULE stay",
      "up",
    ],
    rows: [1, 2].map((id) => [id, id === 1 ? "x" : "y", "echo O, few A, mute O, off D, stay R"]),
  },
  "values with a deferred reference come back past triggers and rules": {
    engine: "postgres 15",
    made: [users],
    up: ["ALTER TABLE users ADD COLUMN boss integer REFERENCES users DEFERRABLE INITIALLY DEFERRED"],
    down: ["ALTER TABLE users DROP COLUMN boss"],
    read: "SELECT id, boss FROM users ORDER BY id",
    course: [
      "up",
      "INSERT INTO users VALUES (1, 'Ann', 2), (2, 'Bob', 1)",
      "CREATE FUNCTION no() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END'",
      "CREATE TRIGGER no BEFORE UPDATE ON users FOR EACH ROW EXECUTE FUNCTION no()",
      "CREATE RULE mute AS ON UPDATE TO users DO INSTEAD NOTHING",
      "down",
      "up",
    ],
    rows: [[1, 2], [2, 1]],
  },
  "rows of a table without a key come back past a rule that would do something else": {
    engine: "postgres 15",
    made: ["SELECT 1"],
    up: [
      "CREATE TABLE log (a integer)",
      "CREATE RULE small AS ON INSERT TO log WHERE new.a > 5 DO INSTEAD NOTHING",
    ],
    down: ["DROP TABLE log"],
    read: `SELECT a, ${rulesOf("log")} AS rules FROM log ORDER BY a`,
    course: ["up", "INSERT INTO log VALUES (1), (2), (9)", "UPDATE log SET a = a + 5", "down", "up"],
    rows: [[6, "small O"], [7, "small O"]],
  },
  "the rows of a SQLite table without a key are found in a time that grows with their number": manyWithoutKey,
  "and so are those of a PostgreSQL table": { ...manyWithoutKey, engine: "postgres 15" },
  "what was changed of a SQLite table without a key comes back": manyChanged,
  "what was changed of a PostgreSQL table without a key comes back": {
    ...manyChanged,
    engine: "postgres 15",
  },
  "a row that got another name is not a deleted one": {
    made: [users],
    ...bio,
    course: [
      "up",
      add("(1, 'ann', 'a'), (2, 'bob', 'b')"),
      "down",
      "UPDATE users SET name = 'eve' WHERE id = 1",
      "prune",
      "up",
    ],
    rows: [[1, "a"], [2, "b"]],
  },
  "a row that got another UUID is neither deleted nor surely the same": {
    made: ["CREATE TABLE users (id integer NOT NULL PRIMARY KEY, uuid varchar(36) NOT NULL UNIQUE)"],
    ...bio,
    course: [
      "up",
      add("(1, 'u1', 'a'), (2, 'u2', 'b')"),
      "down",
      "UPDATE users SET uuid = 'u9' WHERE id = 1",
      "prune",
      "up",
    ],
    rows: [[1, null], [2, "b"]],
    reason: /^1 row finds no row with the same id and uuid$/,
  },
  "a value whose column does not come again stays, the others come back": {
    made: [users, "ALTER TABLE users ADD COLUMN town text"],
    up: ["ALTER TABLE users DROP COLUMN town", "ALTER TABLE users DROP COLUMN bio"],
    down: bio.up,
    read: bio.read,
    course: [
      "ALTER TABLE users ADD COLUMN bio text",
      add("(1, 'ann', 't', 'a'), (2, 'bob', NULL, 'b')"),
      "up",
      "down",
    ],
    rows: [[1, "a"], [2, "b"]],
    reason: /^1 row has values of columns that are not there$/,
  },
  "what something newer has overtaken once does not come back by chance": {
    made: [users],
    ...bio,
    course: [
      "up",
      add("(1, 'ann', 'old')"),
      "down",
      "killed",
      "UPDATE users SET bio = 'new'",
      "up",
      "UPDATE users SET bio = NULL",
      "down",
      "up",
    ],
    rows: [[1, null]],
    reason: /^1 row holds something newer$/,
  },
  "tables and rows that refer to each other": {
    made: ["CREATE TABLE other (id integer NOT NULL PRIMARY KEY)"],
    up: [
      "CREATE TABLE users (id integer NOT NULL PRIMARY KEY, avatar integer REFERENCES files(id), friend integer REFERENCES users(id))",
      "CREATE TABLE files (id integer NOT NULL PRIMARY KEY, user_id integer NOT NULL REFERENCES users(id))",
    ],
    down: ["DROP TABLE files", "DROP TABLE users"],
    course: [
      "up",
      "INSERT INTO users VALUES (1, NULL, NULL), (2, NULL, 1)",
      "INSERT INTO files VALUES (11, 1), (12, 2)",
      "UPDATE users SET avatar = id + 10, friend = 3 - id",
      "down",
      "up",
    ],
    read:
      "SELECT u.id, u.avatar, u.friend, f.user_id FROM users u JOIN files f ON f.id = u.avatar ORDER BY u.id",
    rows: [[1, 11, 2, 1], [2, 12, 1, 2]],
  },
  "the root of a tree that refers to itself, on SQLite": tree("sqlite file"),
  "the root of a tree that refers to itself, on PostgreSQL": tree("postgres 15"),
  "what a conversion cut comes back where nobody wrote": {
    engine: "postgres 18",
    made: ["CREATE TABLE sums (id integer NOT NULL PRIMARY KEY, a numeric(10, 4), b float8, c timestamp)"],
    up: [
      "ALTER TABLE sums ALTER COLUMN a TYPE numeric(10, 2), ALTER COLUMN b TYPE real, ALTER COLUMN c TYPE date",
    ],
    down: [
      "ALTER TABLE sums ALTER COLUMN a TYPE numeric(10, 4), ALTER COLUMN b TYPE float8, ALTER COLUMN c TYPE timestamp",
    ],
    course: [
      "INSERT INTO sums VALUES (1, 1.2345, 0.1, '2026-01-02 03:04:05'), (2, 7.8912, 0.7, '2026-02-03 04:05:06')",
      "up",
      "UPDATE sums SET a = 5 WHERE id = 2",
      "down",
    ],
    read: "SELECT id, CAST(a AS text) AS a, b, CAST(c AS text) AS c FROM sums ORDER BY id",
    rows: [[1, "1.2345", 0.1, "2026-01-02 03:04:05"], [2, "5.0000", 0.7, "2026-02-03 04:05:06"]],
    reason: /^1 row holds something else than the upgrade made of it$/,
  },
  "what another expression made on the way back gives way to what it was, where nobody wrote": {
    made: [users, ...bio.up],
    up: ["UPDATE users SET bio = upper(bio)"],
    down: ["UPDATE users SET bio = lower(bio)"],
    read: bio.read,
    course: [
      add("(1, 'ann', 'MacAnn'), (2, 'bob', 'McBob'), (3, 'cid', 'Mc')"),
      "up",
      "UPDATE users SET bio = 'New' WHERE id = 2",
      "down",
      "UPDATE users SET name = 'c' WHERE id = 3",
      "up",
      "down",
    ],
    rows: [[1, "MacAnn"], [2, "new"], [3, "Mc"]],
    reason: /^,1 row holds something else than the upgrade made of it$/,
  },
  "what USING worked out on the way back gives way to what it was, where nobody wrote": {
    engine: "postgres 15",
    made: ["CREATE TABLE sums (id integer NOT NULL PRIMARY KEY, a text NOT NULL)"],
    up: ["ALTER TABLE sums ALTER COLUMN a TYPE integer USING length(a)"],
    down: ["ALTER TABLE sums ALTER COLUMN a TYPE text USING repeat('x', a)"],
    course: [
      "INSERT INTO sums VALUES (1, 'one'), (2, 'three')",
      "up",
      "UPDATE sums SET a = 2 WHERE id = 2",
      "down",
    ],
    read: "SELECT id, a FROM sums ORDER BY id",
    rows: [[1, "one"], [2, "xx"]],
    reason: /^1 row holds something else than the upgrade made of it$/,
  },
  "what casts cut to less than the column's type comes back": {
    engine: "postgres 15",
    made: [
      "CREATE TABLE users (id integer NOT NULL PRIMARY KEY, at timestamptz, price numeric, name text, tags text[], code varchar(9))",
    ],
    up: [
      "ALTER TABLE users ALTER at TYPE timestamptz USING at::date, ALTER price TYPE numeric USING price::int, ALTER name TYPE text USING name::varchar(3), ALTER tags TYPE text[] USING tags::varchar(2)[], ALTER code TYPE varchar(3)",
    ],
    down: ["ALTER TABLE users ALTER code TYPE varchar(9)"],
    read:
      "SELECT id, CAST(at AT TIME ZONE 'UTC' AS text) AS at, CAST(price AS text) AS price, name, CAST(tags AS text) AS tags, code FROM users ORDER BY id",
    course: [
      "INSERT INTO users VALUES (1, '2026-01-02 03:04:05Z', 1.5, 'abcdef', '{abc,d}', 'abc  '), (2, '2026-01-02Z', 2, 'ab', '{d}', 'abc')",
      "up",
      "down",
    ],
    rows: [
      [1, "2026-01-02 03:04:05", "1.5", "abcdef", "{abc,d}", "abc  "],
      [2, "2026-01-02 00:00:00", "2", "ab", "{d}", "abc"],
    ],
  },
  "blanks that a shorter type cuts come back": {
    engine: "postgres 15",
    made: ["CREATE TABLE users (id integer NOT NULL PRIMARY KEY, name varchar(9))"],
    up: ["ALTER TABLE users ALTER name TYPE varchar(3)"],
    down: ["ALTER TABLE users ALTER name TYPE varchar(9)"],
    read: "SELECT id, name FROM users ORDER BY id",
    course: [add("(1, 'abc  '), (2, 'ab ')"), "up", "down"],
    rows: [[1, "abc  "], [2, "ab "]],
  },
  "a fraction that was cut comes back where nobody wrote": {
    made: ["CREATE TABLE users (id integer NOT NULL PRIMARY KEY, a real)"],
    up: [
      "CREATE TABLE __new_users (id integer NOT NULL PRIMARY KEY, a integer)",
      "INSERT INTO __new_users (id, a) SELECT id, CAST(a AS integer) FROM users",
      "DROP TABLE users",
      "ALTER TABLE __new_users RENAME TO users",
    ],
    down: [
      "CREATE TABLE __new_users (id integer NOT NULL PRIMARY KEY, a real)",
      "INSERT INTO __new_users (id, a) SELECT id, a FROM users",
      "DROP TABLE users",
      "ALTER TABLE __new_users RENAME TO users",
    ],
    course: ["INSERT INTO users VALUES (1, 1.5), (2, 2.0)", "up", "down"],
    read: "SELECT id, a FROM users ORDER BY id",
    rows: [[1, 1.5], [2, 2]],
  },
  "two backfills of one column, the second of what the first made": {
    made: [users, ...bio.up],
    up: ["x", "y"].map((end) =>
      `-- harbor:backfill table=users key=id\nUPDATE users SET bio = bio || '${end}'`
    ),
    down: ["SELECT 1"],
    read: bio.read,
    course: [add("(1, 'ann', 'a'), (2, 'bob', 'b')"), "up", "down"],
    rows: [[1, "a"], [2, "b"]],
  },
  "what a backfill makes by chance, or of what changes, of a SQLite table comes back": byChance,
  "what a backfill makes by chance, or of what changes, of a PostgreSQL table comes back": {
    ...byChance,
    engine: "postgres 15",
  },
  "what a trigger made of what a backfill wrote gives way to what it was": byTrigger,
  "a backfill that is run again beside what an earlier run left": {
    made: [users, ...bio.up],
    up: [
      "UPDATE users SET name = upper(name)",
      "-- harbor:backfill table=users key=id\nUPDATE users SET bio = bio || 'x'",
    ],
    down: ["SELECT 1"],
    read: "SELECT id, name, bio FROM users",
    course: [add("(1, 'ann', 'a')"), "up", "UPDATE users SET bio = 'new'", "down", "up", "down"],
    rows: [[1, "ann", "new"]],
    reason: /^,+1 row holds something else than the upgrade made of it$/,
  },
  "what is written where another column is empty comes back": {
    made: ["CREATE TABLE users (id integer NOT NULL PRIMARY KEY, bio text, town text)"],
    up: ["UPDATE users SET bio = 'x' WHERE town IS NULL"],
    down: ["SELECT 1"],
    read: bio.read,
    course: [add("(1, 'a', NULL), (2, 'b', 't')"), "up", "down"],
    rows: [[1, "a"], [2, "b"]],
  },
  "what changes its storage class alone comes back": {
    made: ["CREATE TABLE users (id integer NOT NULL PRIMARY KEY, bio, town text)"],
    up: ["UPDATE users SET bio = CAST(bio AS text), town = CAST(town AS blob)"],
    down: ["SELECT 1"],
    read: "SELECT id, typeof(bio) AS b, typeof(town) AS t FROM users ORDER BY id",
    course: [
      add("(1, 1, 'a'), (2, '1', x'61'), (3, x'31', NULL), (4, 1.5, ''), (5, NULL, 'a')"),
      "up",
      "down",
    ],
    rows: [[1, "integer", "text"], [2, "text", "blob"], [3, "blob", "null"], [4, "real", "text"], [
      5,
      "null",
      "text",
    ]],
  },
  "what a text of a number does not say comes back": {
    made: [users, "ALTER TABLE users ADD COLUMN size real"],
    up: [
      "CREATE TABLE __new_users (id integer NOT NULL PRIMARY KEY, name varchar(32) NOT NULL UNIQUE, size text)",
      "INSERT INTO __new_users (id, name, size) SELECT id, name, size FROM users",
      "DROP TABLE users",
      "ALTER TABLE __new_users RENAME TO users",
    ],
    down: [
      "CREATE TABLE __new_users (id integer NOT NULL PRIMARY KEY, name varchar(32) NOT NULL UNIQUE, size real)",
      "INSERT INTO __new_users (id, name, size) SELECT id, name, size FROM users",
      "DROP TABLE users",
      "ALTER TABLE __new_users RENAME TO users",
    ],
    read: "SELECT id, typeof(size) AS class, size FROM users ORDER BY id",
    course: [add("(1, 'a', 9e999), (2, 'b', -9e999), (3, 'c', 0.1 + 0.2)"), "up", "down"],
    rows: [[1, "real", Infinity], [2, "real", -Infinity], [3, "real", 0.1 + 0.2]],
  },
  "what a double precision loses as a real comes back": {
    engine: "postgres 15",
    made: [
      "CREATE TABLE users (id integer NOT NULL PRIMARY KEY, bio double precision, town double precision[])",
    ],
    up: ["ALTER TABLE users ALTER COLUMN bio TYPE real, ALTER COLUMN town TYPE real[]"],
    down: [
      "ALTER TABLE users ALTER COLUMN bio TYPE double precision, ALTER COLUMN town TYPE double precision[]",
    ],
    read: "SELECT id, CAST(bio AS text) AS bio, CAST(town AS text) AS town FROM users ORDER BY id",
    course: [
      add("(1, 0.1, '{0.1,NaN}'), (2, 0.5, NULL), (3, 'NaN', '{-0,1e-40}'), (4, NULL, '{}')"),
      "up",
      "UPDATE users SET bio = 0.3 WHERE id = 2",
      "down",
    ],
    rows: [[1, "0.1", "{0.1,NaN}"], [2, "0.30000001192092896", null], [3, "NaN", "{-0,1e-40}"], [
      4,
      null,
      "{}",
    ]],
  },
  "what rows had goes to none whose key a row of a table has that inherits from theirs": {
    engine: "postgres 15",
    made: [
      "CREATE TABLE users (id integer NOT NULL PRIMARY KEY, name text)",
      "CREATE TABLE heirs (PRIMARY KEY (id)) INHERITS (users)",
    ],
    up: bio.up,
    down: bio.down,
    read: bio.read,
    course: [
      "up",
      add("(1, 'x', 'a'), (2, 'x', 'b'), (3, 'y', 'c')"),
      "INSERT INTO heirs VALUES (1, 'x', 'd'), (4, 'z', 'e')",
      "down",
      "up",
    ],
    rows: [[1, null], [1, null], [2, "b"], [3, "c"], [4, "e"]],
    reason: /^2 rows are not to be told from others$/,
  },
  "nor where that came meanwhile": {
    engine: "postgres 15",
    made: [
      "CREATE TABLE users (id integer NOT NULL PRIMARY KEY)",
      "CREATE TABLE heirs (PRIMARY KEY (id)) INHERITS (users)",
    ],
    up: bio.up,
    down: bio.down,
    read: bio.read,
    course: [
      "up",
      add("(1, 'a'), (2, 'b')"),
      "INSERT INTO heirs VALUES (3, 'c')",
      "down",
      "INSERT INTO heirs VALUES (1)",
      "up",
    ],
    rows: [[1, null], [1, null], [2, "b"], [3, "c"]],
    reason: /^1 row is not to be told from others$/,
  },
  "whole tables of which one inherits from the other": {
    engine: "postgres 15",
    made: ["SELECT 1"],
    up: [
      "CREATE TABLE users (id integer NOT NULL PRIMARY KEY, bio text)",
      "CREATE TABLE heirs (PRIMARY KEY (id), town text) INHERITS (users)",
    ],
    down: ["DROP TABLE heirs", "DROP TABLE users"],
    read: "SELECT CAST(tableoid AS regclass)::text AS own, id, bio FROM users ORDER BY 1, 2",
    course: ["up", add("(1, 'a')"), "INSERT INTO heirs VALUES (1, 'b', 't'), (2, 'c', 't')", "down", "up"],
    rows: [["heirs", 1, "b"], ["heirs", 2, "c"], ["users", 1, "a"]],
  },
  "what a row had whose key is NULL goes to no other": {
    made: ["CREATE TABLE users (id integer, part text, bio text, town text, PRIMARY KEY (id, part))"],
    up: ["ALTER TABLE users DROP COLUMN bio", "UPDATE users SET town = upper(town)"],
    down: ["ALTER TABLE users ADD COLUMN bio text", "UPDATE users SET town = lower(town)"],
    read: "SELECT id, part, bio, town FROM users ORDER BY id, town",
    course: [add("(1, NULL, 'one', 'A'), (1, NULL, 'two', 'B'), (2, 'x', 'three', 'C')"), "up", "down"],
    rows: [[1, null, null, "a"], [1, null, null, "b"], [2, "x", "three", "C"]],
    reason: /^(2 rows have a NULL in their key \(id and part\), which names no row,?){2}$/,
    left: 2,
  },
  "what is changed under another name of a SQLite table comes back": renamed("sqlite file"),
  "what is changed under another name of a PostgreSQL table comes back": renamed("postgres 15"),
  "what a SQLite script cannot make twice comes back": byRandom("sqlite file", "lower(hex(randomblob(8)))"),
  "what a PostgreSQL script cannot make twice comes back": byRandom("postgres 15", "md5(random()::text)"),
  ...madeAgain("sqlite file"),
  ...madeAgain("postgres 15"),
  "what an upsert changed comes back on its own row": {
    made: [users, ...bio.up, add("(1, 'ann', 'a'), (2, 'bob', 'b')")],
    up: [
      "INSERT INTO users (id, name, bio) VALUES (1, 'ann', 'x') ON CONFLICT (id) DO UPDATE SET bio = excluded.bio",
    ],
    down: ["SELECT 1"],
    read: bio.read,
    course: ["up", "down"],
    rows: [[1, "a"], [2, "b"]],
  },
  "what refers to a row of the host's that is gone stays kept, and the rest of its own row comes back": {
    engine: "postgres 15",
    made: [users, "CREATE SCHEMA auth", "CREATE TABLE auth.people (id integer NOT NULL PRIMARY KEY)"],
    up: [...bio.up, "ALTER TABLE users ADD COLUMN owner integer REFERENCES auth.people (id)"],
    down: ["ALTER TABLE users DROP COLUMN owner", ...bio.down],
    read: "SELECT id, bio, owner FROM users ORDER BY id",
    course: [
      "up",
      "INSERT INTO auth.people VALUES (7), (8)",
      add("(1, 'ann', 'a', 7), (2, 'bob', 'b', 8)"),
      "down",
      "DELETE FROM auth.people WHERE id = 8",
      "up",
    ],
    rows: [[1, "a", 7], [2, "b", null]],
    reason: /^1 row refers to rows that are not there$/,
  },
  "a table that comes back under other capitals": {
    made: ["CREATE TABLE other (id integer NOT NULL PRIMARY KEY)"],
    up: ["DROP TABLE users"],
    down: ["CREATE TABLE Users (ID integer NOT NULL PRIMARY KEY, Name text, BIO text)"],
    read: bio.read,
    course: [users, ...bio.up, add("(1, 'ann', 'a')"), "up", "down"],
    rows: [[1, "a"]],
  },
};

const breakpoint = ";--> statement-breakpoint\n";

for (const [rule, story] of Object.entries(stories)) {
  const engine = engines.find(({ name }) => name === (story.engine ?? "sqlite file"))!;
  test(`${engine.name}: ${rule}`, () =>
    engine.withDatabase((url) =>
      withTestDatabase(url, async (database) => {
        const history = historyOf(engine.dialect, [
          [story.made.join(breakpoint), "SELECT 1"],
          [story.up.join(breakpoint), story.down.join(breakpoint)],
        ]);
        // Dies when the step is done and nothing has come back.
        const dying = dyingAt(database, returnWords);
        const go = (direction: Direction, text: string, on = database) =>
          migrate(contextOf(on, history), { goal: { direction, text }, lockWaitMs: 0 });
        let reason = "";
        const acts: Readonly<Record<string, () => Promise<unknown>>> = {
          up: () => go("upgrade", "head").then(note),
          down: () => go("downgrade", "-1").then(note),
          killed: () => assert.rejects(go("upgrade", "head", dying), /killed/),
          prune: () => pruneKept(contextOf(database, history)),
        };
        const note = ({ steps, returned }: Awaited<ReturnType<typeof migrate>>) => {
          const found = [...returned, ...steps.flatMap((step) => step.returned)];
          if (found.length > 0) reason = found.map((each) => each.reason ?? "").join();
        };
        await go("upgrade", "+1");
        for (const act of story.course) await (acts[act]?.() ?? engine.query(url, act));
        assert.deepEqual((await engine.query(url, story.read)).map(Object.values), story.rows);
        assert.match(reason, story.reason ?? /^,*$/);
        // What the way down itself changes is kept for another way up.
        const left = (await readKept(database)).map(({ state }) => state).filter((state) => state === "left");
        assert.deepEqual(left, story.reason === undefined ? [] : Array(story.left ?? 1).fill("left"));
      })
    ));
}
