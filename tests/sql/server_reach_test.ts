import assert from "node:assert/strict";
import { test } from "node:test";
import { readReach } from "../../src/sql/reach/server_reach.ts";

// One row a statement: what of it reaches out of its database, and where that is.
const statements = [
  ["ALTER SYSTEM SET work_mem TO '8MB'", "ALTER SYSTEM", "statement"],
  ["CREATE DATABASE other", "CREATE DATABASE", "statement"],
  ["drop database if exists other", "DROP DATABASE", "statement"],
  ['ALTER DATABASE "Other" SET work_mem TO 1', "ALTER DATABASE", "statement"],
  ["CREATE TABLESPACE fast LOCATION '/srv'", "CREATE TABLESPACE", "statement"],
  ["CREATE SUBSCRIPTION s CONNECTION 'host=a' PUBLICATION p", "CREATE SUBSCRIPTION", "statement"],
  ["COMMENT ON DATABASE other IS 'ours'", "COMMENT ON DATABASE", "statement"],
  ["GRANT CONNECT ON DATABASE other TO reader", "GRANT CONNECT ON DATABASE", "statement"],
  ["REVOKE ALL ON TABLESPACE fast FROM reader", "REVOKE ALL ON TABLESPACE", "statement"],
  ["SECURITY LABEL FOR x ON ROLE reader IS 'y'", "SECURITY LABEL FOR X ON ROLE", "statement"],
  ["ALTER ROLE reader IN DATABASE other SET work_mem TO 1", "ALTER ROLE READER IN DATABASE", "statement"],
  ["COPY (SELECT ' to ') TO '/tmp/a'", "COPY TO", "statement"],
  ["COPY t FROM PROGRAM 'cat /etc/passwd'", "COPY FROM PROGRAM", "statement"],
  [
    "/* why */ SELECT pg_catalog.PG_Terminate_Backend(pid) FROM pg_stat_activity",
    "pg_terminate_backend",
    "statement",
  ],
  [`WITH a AS (SELECT "dblink_exec"('x', 'y')) SELECT 1`, "dblink_exec", "statement"],
  ["INSERT INTO t SELECT * FROM dblink('x', 'y') AS d(a int)", "dblink", "statement"],
  ["SELECT known()", "known", "statement"],
  ["DO $$ BEGIN PERFORM dblink_exec('x', 'y'); END $$", "dblink_exec", "code"],
  ["DO $$ BEGIN EXECUTE 'ALTER  SYSTEM SET a TO 1'; END $$", "ALTER SYSTEM", "code"],
  ["DO $$ BEGIN PERFORM known(); END $$", "known", "code"],
  [
    "CREATE OR REPLACE FUNCTION a.say(x int) RETURNS void LANGUAGE sql AS $$ SELECT dblink('x', 'y') $$",
    "dblink",
    "function",
  ],
  [
    "CREATE FUNCTION say() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM dblink('x', 'y'); END $$",
    "dblink",
    "trigger",
  ],
  ["CREATE TABLE a AS SELECT * FROM dblink('x', 'y') AS d(a int)", "dblink", "code"],
  ["DO $$ BEGIN EXECUTE format('COPY t TO PROGRAM %L', 'x'); END $$", "COPY", "code"],
  ["DO $$ BEGIN IF TRUE THEN COPY t TO '/tmp/a'; END IF; END $$", "COPY", "code"],
  ["DO $$ BEGIN EXECUTE 'DROP DATABASE ' || 'other'; END $$", "DROP DATABASE", "code"],
  ["DO $$ BEGIN GRANT CONNECT ON DATABASE other TO reader; END $$", "GRANT CONNECT ON DATABASE", "code"],
  [
    "DO $$ BEGIN ALTER DATABASE other SET a TO 1; PERFORM current_database(); END $$",
    "ALTER DATABASE",
    "code",
  ],
  [
    "CREATE FUNCTION say() RETURNS event_trigger LANGUAGE plpgsql AS 'BEGIN PERFORM dblink(''x'', ''y''); END'",
    "dblink",
    "trigger",
  ],
  ["DO $$ DECLARE x text := 'DROP DATABASE other'; BEGIN EXECUTE x; END $$", "DROP DATABASE", "code"],
  [
    "DO $$ DECLARE x text := 'DROP DATABASE other'; BEGIN PERFORM jobs.run(x); END $$",
    "DROP DATABASE",
    "code",
  ],
  ["DO LANGUAGE plpython3u $$ run('DROP DATABASE other') $$", "DROP DATABASE", "code"],
  ["DO 'BEGIN PERFORM dblink(''x'', ''y''); END'", "dblink", "code"],
  ["IMPORT FOREIGN SCHEMA a FROM SERVER b INTO c", "IMPORT FOREIGN SCHEMA", "statement"],
  ["CREATE FOREIGN TABLE IF NOT EXISTS a.rates (b int) SERVER c", "CREATE FOREIGN TABLE", "relation"],
  ["CREATE OR REPLACE VIEW v AS SELECT * FROM abroad", "abroad", "relation"],
  ['UPDATE "abroad" SET a = 1', "abroad", "statement"],
  ["TRUNCATE a.abroad", "abroad", "statement"],
  ["COPY abroad FROM STDIN", "abroad", "statement"],
  ["CREATE TABLE a AS TABLE abroad", "abroad", "code"],
  ["DO $$ BEGIN INSERT INTO abroad (a) VALUES (1); END $$", "abroad", "code"],
  // What stays in its database.
  ["ALTER FOREIGN TABLE abroad ADD COLUMN a int", null, null],
  [
    "DO $$ DECLARE x text := 'DROP DATABASE other'; BEGIN INSERT INTO kept (a) VALUES (lower(x)); END $$",
    null,
    null,
  ],
  ["CREATE FUNCTION say() RETURNS text LANGUAGE sql RETURN 'ALTER SYSTEM SET a TO 1'", null, null],
  [
    "CREATE FUNCTION say(a text DEFAULT 'DROP DATABASE x') RETURNS text LANGUAGE sql AS 'SELECT a'",
    null,
    null,
  ],
  ["SECURITY LABEL ON TABLE t IS ' on role reader'", null, null],
  ["DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET a TO 1', current_database()); END $$", null, null],
  ["DO $$ BEGIN EXECUTE 'GRANT ALL ON DATABASE ' || current_database() || ' TO a'; END $$", null, null],
  ["DO $$ BEGIN /* drop database x */ PERFORM 1; -- dblink('x'), copy it to 'y'\nEND $$", null, null],
  [
    "DO $$ BEGIN RAISE EXCEPTION 'Create subscription first' USING HINT = 'Alter system x'; END $$",
    null,
    null,
  ],
  [
    "DO $$ BEGIN INSERT INTO rights VALUES ('create subscription'), ('may drop database x'); END $$",
    null,
    null,
  ],
  ["DO $$ BEGIN INSERT INTO t SELECT copy FROM program, known; END $$", null, null],
  [
    "DO $$ BEGIN INSERT INTO audit.dblink_log (a) VALUES (1); INSERT INTO known(a) VALUES (1); END $$",
    null,
    null,
  ],
  ["INSERT INTO audit.dblink_log (a) VALUES (1)", null, null],
  ['CREATE VIEW v AS SELECT 1 AS "table"', null, null],
  ["CREATE TABLE a (b int GENERATED ALWAYS AS (abs(1)) STORED)", null, null],
  ["COPY t FROM '/srv/rows.csv'", null, null],
  ["COPY t TO STDOUT", null, null],
  ["CREATE ROLE reader", null, null],
  ["GRANT SELECT ON t TO reader", null, null],
  ["GRANT EXECUTE ON FUNCTION dblink_exec(text) TO reader", null, null],
  ["CREATE FUNCTION dblink(x int) RETURNS int LANGUAGE sql AS $$ SELECT 1 $$", null, null],
  ["CREATE VIEW v AS SELECT 'dblink(' AS a", null, null],
  ["SELECT 'pg_terminate_backend(1)'", null, null],
  ["CREATE TABLE database (system int)", null, null],
  ["COMMENT ON TABLE database IS 'x'", null, null],
  ["DO $$ BEGIN UPDATE t SET a = 'copy to b'; END $$", null, null],
] as const;
for (const [statement, by, where] of statements) {
  test(`${statement} reaches out ${by === null ? "of nothing" : `by ${by}`}`, () => {
    const found = readReach(statement, new Set(["known(", "abroad"]));
    assert.deepEqual([found?.by ?? null, found?.in ?? null], [by, where]);
  });
}
