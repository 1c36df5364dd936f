import assert from "node:assert/strict";
import { test } from "node:test";
import { HarborError } from "../../src/base/errors.ts";
import { hiderOf, hideSecrets } from "../../src/base/secrets/hide_secrets.ts";

// One row a text: what is said, and what is shown of it.
const texts = [
  [
    "CREATE ROLE app LOGIN PASSWORD 'hunter2' VALID UNTIL 'infinity'",
    "CREATE ROLE app LOGIN PASSWORD *** VALID UNTIL 'infinity'",
  ],
  [
    "ALTER ROLE app WITH ENCRYPTED PASSWORD -- new\n 'it''s'",
    "ALTER ROLE app WITH ENCRYPTED PASSWORD -- new\n ***",
  ],
  ["ALTER ROLE app PASSWORD NULL", "ALTER ROLE app PASSWORD NULL"],
  [String.raw`ALTER ROLE app PASSWORD E'a\'b' NOLOGIN`, "ALTER ROLE app PASSWORD *** NOLOGIN"],
  ["ALTER ROLE app PASSWORD $x$hunter2$x$ NOLOGIN", "ALTER ROLE app PASSWORD *** NOLOGIN"],
  ["CREATE ROLE app PASSWORD 'hunter2", "CREATE ROLE app PASSWORD ***"],
  [
    "CREATE USER MAPPING FOR app SERVER s OPTIONS (user 'bob', password 'hunter2')",
    "CREATE USER MAPPING FOR app SERVER s OPTIONS (user 'bob', password ***)",
  ],
  [
    `ALTER USER MAPPING FOR app SERVER s OPTIONS (SET "password" 'hunter2')`,
    `ALTER USER MAPPING FOR app SERVER s OPTIONS (SET "password" ***)`,
  ],
  [
    "CREATE SUBSCRIPTION s CONNECTION 'host=a password=hunter2 dbname=b' PUBLICATION p",
    "CREATE SUBSCRIPTION s CONNECTION 'host=a password=*** dbname=b' PUBLICATION p",
  ],
  [
    "SELECT dblink_connect('postgresql://bob:hunter2@a/b?x=y')",
    "SELECT dblink_connect('postgresql://bob:***@a/b?x=y')",
  ],
  ["SELECT dblink('password = hunter2', 'SELECT 1')", "SELECT dblink('password = ***', 'SELECT 1')"],
  [
    "DO $$ BEGIN EXECUTE 'CREATE ROLE a PASSWORD ''hunter2'' LOGIN'; END $$",
    "DO $$ BEGIN EXECUTE 'CREATE ROLE a PASSWORD *** LOGIN'; END $$",
  ],
  ["DO $$ BEGIN CREATE ROLE a PASSWORD 'hunter2'; END $$", "DO $$ BEGIN CREATE ROLE a PASSWORD ***; END $$"],
  ["ALTER ROLE a PASSWORD'hunter2' LOGIN", "ALTER ROLE a PASSWORD*** LOGIN"],
  ["ALTER ROLE a PASSWORD hunter2 LOGIN", "ALTER ROLE a PASSWORD *** LOGIN"],
  [
    "DO $$ BEGIN EXECUTE 'ALTER ROLE a PASSWORD ' || quote_literal('hunter2'); END $$",
    "DO $$ BEGIN EXECUTE 'ALTER ROLE a PASSWORD ***",
  ],
  [
    "DO $$ BEGIN EXECUTE format('ALTER ROLE %I PASSWORD %L', 'a', 'hunter2'); END $$",
    "DO $$ BEGIN EXECUTE format('ALTER ROLE %I PASSWORD %L'***; END $$",
  ],
  ["DO $$ DECLARE my_password text := 'hunter2'; BEGIN", "DO $$ DECLARE my_password text := ***; BEGIN"],
  ["ALTER DATABASE d SET app.jwt_secret TO 'hunter2'", "ALTER DATABASE d SET app.jwt_secret TO ***"],
  ["SELECT set_config('app.api_key', 'hunter2', true)", "SELECT set_config('app.api_key', ***, true)"],
  ["SELECT vault.create_secret('hunter2', 'stripe')", "SELECT vault.create_secret(***, 'stripe')"],
  ["UPDATE users SET password = 'hunter2' WHERE id = 1", "UPDATE users SET password = *** WHERE id = 1"],
  ["cannot reach libsql://a.example?authToken=hunter2&x=y", "cannot reach libsql://a.example?authToken=***"],
  [
    "DO $$ DECLARE api_key character varying := 'x'; BEGIN",
    "DO $$ DECLARE api_key character varying := ***; BEGIN",
  ],
  ["UPDATE users SET token = '' WHERE name <> ''", "UPDATE users SET token = *** WHERE name <> ''"],
  [
    "INSERT INTO users (name, \"password\", api_key, n) VALUES ('bob', 'a, (b', '', 1), ('it''s', crypt('x', gen_salt('bf')), NULL, 2)",
    "INSERT INTO users (name, \"password\", api_key, n) VALUES ('bob', ***, ***, 1), ('it''s', ***, NULL, 2)",
  ],
  [
    "INSERT INTO settings (name, value) VALUES ('', ''), ('smtp_password', 'hunter2'), ('host', 'a'), ('api_key', E'a\\'b') RETURNING 1",
    "INSERT INTO settings (name, value) VALUES ('', ''), ('smtp_password', ***), ('host', 'a'), ('api_key', ***) RETURNING 1",
  ],
  [
    "INSERT OR IGNORE INTO t (id, -- (its own)\n  token) /* a */ VALUES -- it's one\n  (1, 'a'), /* it's */ (2 /* it's */, 'b')",
    "INSERT OR IGNORE INTO t (id, -- (its own)\n  token) /* a */ VALUES -- it's one\n  (1, ***), /* it's */ (2 /* it's */, ***)",
  ],
  ["REPLACE INTO t (a, token) VALUES (1, 'b')", "REPLACE INTO t (a, token) VALUES (1, ***)"],
  [
    "INSERT INTO settings VALUES ('host', 'a'), ('smtp_password', 'b')",
    "INSERT INTO settings VALUES ('host', 'a'), ('smtp_password', ***)",
  ],
  [
    "DO $$ BEGIN EXECUTE 'INSERT INTO t (a, token) VALUES (''x, y'', ''hunter, 2'')'; END $$",
    "DO $$ BEGIN EXECUTE 'INSERT INTO t (a, token) VALUES (''x, y'', ***)'; END $$",
  ],
  ["INSERT INTO t (token) VALUES ($x$a, b$x$", "INSERT INTO t (token) VALUES (***"],
  [
    "UPDATE users SET hash = crypt('hunter2', gen_salt('bf'))",
    "UPDATE users SET hash = crypt(***, gen_salt('bf'))",
  ],
  ["SELECT pgp_sym_decrypt(a, 'hunter2')", "SELECT pgp_sym_decrypt(a, ***)"],
  [
    `UPDATE t SET a = '{"smtp": {"password": "hun\\"ter2", "port": "25"}}'`,
    `UPDATE t SET a = '{"smtp": {"password": "***", "port": "25"}}'`,
  ],
  [
    "INSERT INTO users (name, password) SELECT 'bob', 'hunter2' FROM t WHERE name = 'a' UNION ALL SELECT 'eve', lower('x')",
    "INSERT INTO users (name, password) SELECT 'bob', *** FROM t WHERE name = 'a' UNION ALL SELECT 'eve', ***",
  ],
  [
    "INSERT INTO settings SELECT 'smtp_password', 'b', 1 WHERE NOT EXISTS (SELECT 'c'); SELECT 'd'",
    "INSERT INTO settings SELECT 'smtp_password', ***, 1 WHERE NOT EXISTS (SELECT 'c'); SELECT 'd'",
  ],
  [
    "UPDATE settings SET value = 'hunter2', seen = 1 WHERE name = 'smtp_password' OR 'x' = 'y'; UPDATE t SET a = 'b'",
    "UPDATE settings SET value = ***, seen = 1 WHERE name = 'smtp_password' OR 'x' = 'y'; UPDATE t SET a = 'b'",
  ],
  [
    "UPDATE settings SET value = CASE name WHEN 'api.token' THEN $x$a;b$x$ ELSE value END",
    "UPDATE settings SET value = CASE name WHEN 'api.token' THEN *** ELSE value END",
  ],
  [
    "DO $$ BEGIN EXECUTE 'UPDATE settings SET value = ''hunter2'' WHERE name = ''smtp_password'''; END $$",
    "DO $$ BEGIN EXECUTE 'UPDATE settings SET value = *** WHERE name = ''smtp_password'''; END $$",
  ],
  [
    "INSERT INTO settings (name, value) SELECT 'smtp_password' AS name, 'hunter2' AS value WHERE NOT EXISTS (SELECT 1)",
    "INSERT INTO settings (name, value) SELECT 'smtp_password' AS name, *** WHERE NOT EXISTS (SELECT 1)",
  ],
  [
    "INSERT INTO settings VALUES ('smtp_password'::character varying, 'hunter2'::text)",
    "INSERT INTO settings VALUES ('smtp_password'::character varying, ***)",
  ],
  [
    "UPDATE t SET note = ''; UPDATE settings SET value = 'hunter2' WHERE name = 'smtp_password'",
    "UPDATE t SET note = ''; UPDATE settings SET value = *** WHERE name = 'smtp_password'",
  ],
  [
    "UPDATE settings SET note=''::text, value='hunter2' WHERE name = 'smtp_password'",
    "UPDATE settings SET note=***::text, value=*** WHERE name = 'smtp_password'",
  ],
  [
    `UPDATE settings SET "when" = 'now', value = CASE WHEN name = 'smtp_password' THEN 'hunter2' WHEN name = 'host' THEN 'a' END`,
    `UPDATE settings SET "when" = ***, value = CASE WHEN name = 'smtp_password' THEN *** WHEN name = 'host' THEN *** END`,
  ],
  [
    "UPDATE settings SET whereabouts = 'hunter2' WHERE name = 'smtp_password'",
    "UPDATE settings SET whereabouts = *** WHERE name = 'smtp_password'",
  ],
  // What only looks like it.
  [
    "UPDATE users SET kind = 'token', name = 'bob' WHERE id = 1",
    "UPDATE users SET kind = 'token', name = 'bob' WHERE id = 1",
  ],
  [
    "INSERT INTO users (name, token) SELECT name, token FROM old WHERE kind = 'a'",
    "INSERT INTO users (name, token) SELECT name, token FROM old WHERE kind = 'a'",
  ],
  [
    `CREATE TABLE "users" ("password" text DEFAULT 'x', "token" text)`,
    `CREATE TABLE "users" ("password" text DEFAULT 'x', "token" text)`,
  ],
  [
    `INSERT INTO users (password, token) VALUES ($1, $2)`,
    `INSERT INTO users (password, token) VALUES ($1, $2)`,
  ],
  ["CREATE TYPE login AS ENUM ('password', 'google')", "CREATE TYPE login AS ENUM ('password', 'google')"],
  ["COMMENT ON COLUMN a.b IS 'the token'; SELECT 'x'", "COMMENT ON COLUMN a.b IS 'the token'; SELECT 'x'"],
  ["COMMENT ON COLUMN users.password IS 'hashed'", "COMMENT ON COLUMN users.password IS 'hashed'"],
  [
    "SELECT 1 FROM users WHERE token=$1 AND password = ?",
    "SELECT 1 FROM users WHERE token=$1 AND password = ?",
  ],
  [
    "INSERT INTO users (token_type, name) VALUES ('bearer', 'bob')",
    "INSERT INTO users (token_type, name) VALUES ('bearer', 'bob')",
  ],
  ["SELECT 1 FROM t WHERE token_type = 'bearer'", "SELECT 1 FROM t WHERE token_type = 'bearer'"],
  ["write postgresql://user:password@host/database", "write postgresql://user:password@host/database"],
] as const;
for (const [text, shown] of texts) {
  test(`of ${text} is shown ${text === shown ? "all" : shown}`, () => {
    assert.equal(hideSecrets(text), shown);
    assert.equal(hideSecrets(shown), shown, "hidden twice");
  });
}

// One row a text of which each part could be the beginning of one with a secret: each is looked at once, and not again from everywhere.
const long = [
  "PASSWORD /* a */ x ",
  "/* a */ ",
  " ",
  "token",
  "create role a ",
  "http://a:80,",
  "password % ",
  "password '' ",
  "insert into ",
  "insert into a (token) values (",
  "insert into a values (1), ",
  "replace into /* a */ ",
  "insert into a (token) select ",
  "insert into a select 1 union select ",
  "update a set token ",
  "update a set b = 'c' where token ",
  "hmac(",
];
for (const part of long) {
  test(`a long text of "${part}" is looked through to its end`, () => {
    const text = `PASSWORD ${part.repeat(100_000 / part.length)}x`;
    assert.equal(hideSecrets(text), text.replaceAll("''", "***"));
  });
}

// One row a statement, and what a server says of it: without its name a secret is known by the statement.
const said = [
  ["ALTER ROLE a PASSWORD 'hunter2'", `at or near "'hunter2'"`, `at or near "'***'"`],
  ["ALTER ROLE a PASSWORD 'x'", `at or near "x", next`, `at or near "***", next`],
  ["CREATE ROLE app PASSWORD 'app'", 'role "app" already exists', 'role "app" already exists'],
  ["ALTER ROLE a PASSWORD 'word'", "no words, no password, no word", "no words, no password, no ***"],
  ["ALTER ROLE a PASSWORD '+word+'", "x+word+x", "x***x"],
  [
    "INSERT INTO s SELECT 'smtp_password', 'hunter2'::varchar(9)",
    'of integer: "hunter2"',
    'of integer: "***"',
  ],
  ["INSERT INTO s SELECT 'api_key' AS a, 'hunter2' AS b", 'at or near "hunter2"', 'at or near "***"'],
  ["ALTER ROLE a PASSWORD 'a.b+c'", "said a.b+c and axb+c", "said *** and axb+c"],
] as const;
for (const [statement, words, shown] of said) {
  test(`a server's "${words}" of ${statement} is shown as ${shown}`, () => {
    assert.equal(hiderOf(statement)(words), shown);
  });
}

test("an error shows no secret of its statement, in no part of it", () => {
  const error = new HarborError("statement_failed", "Cannot run it", {
    state: 'syntax error at or near "hunter2"',
    hint: ["The role:", "CREATE ROLE a PASSWORD 'hunter2'"],
    details: { statement: "CREATE ROLE a PASSWORD 'hunter2' NOW", index: 0 },
  });
  assert.doesNotMatch(JSON.stringify(error.with({ details: { more: 1 } })) + error.stack, /hunter2/);
  assert.equal(error.details.statement, "CREATE ROLE a PASSWORD *** NOW");
});
