import assert from "node:assert/strict";
import process from "node:process";
import { setTimeout as sleep } from "node:timers/promises";
import { test } from "node:test";
import { driverEngines, type Engine } from "../support/databases.ts";
import { ddlOf, type SampleTable, schemaHistory } from "../support/samples/schema_history.ts";
import { asAdmin, withClient } from "../support/servers/postgres_server.ts";
import { verifyUrl } from "../support/verified.ts";

// The rows of a project that is not The Open Harbor: general checks alone, whatever its keys and forms are.

type Tables = Readonly<Record<string, SampleTable>>;

/** Returns what is found in the rows: status, rule, table, what they are called by, and the message. */
async function look(engine: Engine, url: string, tables: Tables, rules: string | null = null) {
  const history = schemaHistory(engine.dialect, [{ tables, up: [], down: [] }]);
  const { findings } = await verifyUrl(url, { history, checks: ["data"], rules });
  return findings.map(({ status, details, message, hint }) => ({ status, details, message, hint }));
}

async function run(engine: Engine, url: string, statements: readonly string[]): Promise<void> {
  for (const statement of statements) await engine.queryUnchecked(url, statement);
}

const [sqlite] = driverEngines;
const postgres = driverEngines.filter(({ dialect }) => dialect === "postgresql");

for (const engine of driverEngines) {
  test(`data: broken rows are named by whatever key their table has (${engine.name})`, () =>
    engine.withDatabase(async (url) => {
      const bytes = engine.dialect === "sqlite" ? "blob" : "bytea";
      const literal = engine.dialect === "sqlite" ? "x'00ff'" : "'\\x00ff'";
      // One row a table: the columns of its key, and of the one row that refers to nothing the values.
      const kinds = [
        ["composite", "a integer NOT NULL, b text NOT NULL, PRIMARY KEY (a, b)", "1, 'x'"],
        ["texts", "code text NOT NULL PRIMARY KEY", "'o''k'"],
        ["blobs", `hash ${bytes} NOT NULL PRIMARY KEY`, literal],
        ["keyless", "a integer", "1"],
        ...engine.dialect === "sqlite"
          ? [["unrowed", "a integer NOT NULL, b text NOT NULL, PRIMARY KEY (b, a)", "1, 'x'"]]
          : [["singleton", "a boolean NOT NULL PRIMARY KEY", "true"]],
      ];
      const references = "REFERENCES parents (id)";
      await run(engine, url, [
        "CREATE TABLE parents (id integer NOT NULL PRIMARY KEY)",
        ...kinds.flatMap(([name, columns, values]) => {
          const key = `${columns}, parent integer`.replace(
            /^(.*?)(, PRIMARY KEY .*?\))?(, parent.*)$/,
            "$1$3$2",
          );
          return engine.dialect === "sqlite"
            ? [
              `CREATE TABLE ${name} (${key.replace("parent integer", `parent integer ${references}`)})${
                name === "unrowed" ? " WITHOUT ROWID" : ""
              }`,
              `INSERT INTO ${name} VALUES (${values}, 7)`,
            ]
            : [
              `CREATE TABLE ${name} (${key})`,
              `INSERT INTO ${name} VALUES (${values}, 7)`,
              `ALTER TABLE ${name} ADD FOREIGN KEY (parent) ${references} NOT VALID`,
            ];
        }),
      ]);
      const tables = Object.fromEntries(
        ["parents", ...kinds.map(([name]) => name!)].map((name) => [name, { columns: { id: "integer" } }]),
      );
      const found = await look(engine, url, tables);
      const named = Object.fromEntries(
        found.map(({ status, details, message }) => [
          details["table"],
          [
            status,
            details["rule"],
            details["key"],
            details["ids"],
            /\((?!.*\().*\)$|\(\S+ \(.*\)\)$|\([^()]+\([^()]*\)\)$/.exec(message)?.[0],
          ],
        ]),
      );
      assert.deepEqual(named, {
        composite: ["fail", "orphans", ["a", "b"], [[1, "x"]], "(a, b (1, x))"],
        texts: ["fail", "orphans", ["code"], ["o'k"], "(code o'k)"],
        blobs: ["fail", "orphans", ["hash"], ["x'00ff'"], "(hash x'00ff')"],
        ...engine.dialect === "sqlite"
          ? {
            keyless: ["fail", "orphans", ["rowid"], [1], "(rowid 1)"],
            unrowed: ["fail", "orphans", ["b", "a"], [["x", 1]], "(b, a (x, 1))"],
          }
          : {
            keyless: ["fail", "orphans", ["ctid"], ["(0,1)"], "(ctid (0,1))"],
            singleton: ["fail", "orphans", ["a"], [true], "(a true)"],
          },
      });
      // What is shown to look at them does so.
      const query = /See them: (.*)$/.exec(found[0]!.hint!)![1]!;
      assert.equal((await engine.query(url, query)).length, 1);
    }));

  test(`data: the project's rules are told where all are kept, and a placeholder is none (${engine.name})`, () =>
    engine.withDatabase(async (url) => {
      const tables = { t: { columns: { id: "integer!", name: "text" } } };
      await run(engine, url, ddlOf("t", tables.t));
      await run(engine, url, ["INSERT INTO t VALUES (1, 'a')"]);
      const kept =
        "-- rule a: b\nSELECT id FROM t WHERE id > 1\n-- rule c: d\nSELECT id FROM t WHERE name IS NULL";
      assert.deepEqual(
        (await look(engine, url, tables, kept)).map(({ status, message }) => [status, message]),
        [
          ["pass", "1 row of t, 2 rules of rules.sql"],
        ],
      );
      for (const place of engine.dialect === "sqlite" ? ["?", "?1", ":id", "@id", "$id"] : ["$1"]) {
        const [found] = await look(engine, url, tables, `-- rule a: b\nSELECT id FROM t WHERE id = ${place}`);
        assert.equal(found?.status, "error", place);
        assert.match(found.message, /rules\.sql" line 1: the rule "a" has a placeholder/);
      }
      const bytes = engine.dialect === "sqlite" ? "x'0aff'" : "'\\x0aff'::bytea";
      const [found] = await look(engine, url, tables, `-- rule a: b\nSELECT ${bytes}`);
      assert.deepEqual([found?.message, found?.details["ids"]], ["a: 1 row: b (x'0aff')", ["x'0aff'"]]);
    }));
}

// One row a column: its type, the values that its application writes, and one that none of it can read (or that is unlike them).
const forms = [
  ["times with a T", "DATETIME", "('2026-01-02T03:04:05.678Z'), ('2026-02-03T03:04:05Z')", "'soon'"],
  ["days with a T", "DATETIME", "('2026-01-02T03:04:05Z')", "'2026-02-30T03:04:05Z'"],
  ["times in seconds", "DATETIME", "(1767323045), (1767323046)", "x'00'"],
  [
    "a time unlike the others",
    "DATETIME",
    "('2026-01-02 03:04:05'), ('2026-02-03 03:04:05.123456')",
    "'2026-01-02T03:04:05Z'",
  ],
  ["days with a time", "DATE", "('2026-01-02T00:00:00Z'), ('2026-02-03T00:00:00Z')", "'soon'"],
  ["times of day without seconds", "TIME", "('03:04'), ('23:59')", "'25:61'"],
  ["booleans in words", "BOOLEAN", "('true'), ('false')", "'maybe'"],
  ["UUIDs in bytes", "UUID", "(x'00112233445566778899aabbccddeeff')", "'none'"],
  ["JSON in bytes", "JSON", "(jsonb('{\"a\":1}'))", "'{'"],
  ["a numeric with times, as Drizzle takes a TIMESTAMP for", "NUMERIC", "('2026-01-02 03:04:05')", "x'00'"],
  ["numbers", "NUMERIC", "(1), (2.5), ('12345678901234567890.5')", "'many'"],
  ["bytes of which a default is a text", "BLOB DEFAULT '{}'", "(x'7b7d'), ('{}')", "'[]'"],
  ["texts in a column for bytes", "BLOB", "('{}'), ('[]')", "7"],
  [
    "whole numbers for a flag, a time in seconds or milliseconds",
    "integer",
    "(0), (1), (1767323045), (1767323045678)",
    "'now'",
  ],
  ["a type that nobody knows", "MONEY", "('12'), (12), (x'00')", "CAST(x'ff' AS TEXT)"],
] as const;

test("data: a column in a form of its own throughout is right, and a value unlike the others is not", () =>
  sqlite!.withDatabase(async (url) => {
    const named = forms.map((
      [, type],
      at,
    ) => [`t${at}`, { columns: { id: "integer!", v: type.replace(/ .*/, "") } }]);
    const tables = Object.fromEntries(named) as Tables;
    await run(
      sqlite!,
      url,
      forms.flatMap(([, type, values], at) => [
        `CREATE TABLE t${at} (id integer NOT NULL PRIMARY KEY, v ${type})`,
        `INSERT INTO t${at} (v) VALUES ${values}`,
      ]),
    );
    const healthy = await look(sqlite!, url, tables);
    assert.deepEqual(healthy.map(({ status }) => status), ["pass"]);
    assert.match(healthy[0]!.message, /^2 rows of t0 \(v: all in a form of their own\), .*, 2 rows of t3, /);
    await run(sqlite!, url, forms.map(([, , , odd], at) => `INSERT INTO t${at} (id, v) VALUES (99, ${odd})`));
    const found = await look(sqlite!, url, tables);
    for (const [at, [what]] of forms.entries()) {
      const own = found.filter(({ details }) => details["table"] === `t${at}`);
      assert.deepEqual(own.map(({ status, details }) => [status, details["ids"]]), [["fail", [99]]], what);
    }
  }));

test("data: the bytes of what is no text are seen by whatever key its table has (sqlite file)", () =>
  sqlite!.withDatabase(async (url) => {
    const tables = { order: { columns: { "order": "integer!", name: "text" } } };
    await run(sqlite!, url, ddlOf("order", tables.order));
    await run(sqlite!, url, [`INSERT INTO "order" VALUES (7, CAST(x'4bfc' AS TEXT))`]);
    const [found] = await look(sqlite!, url, tables);
    const query = /anew: (.*)$/.exec(found!.hint!)![1]!.replace("…", "7");
    const rows = await sqlite!.query(url, query);
    assert.deepEqual(rows.map((row) => Object.values(row)), [["4BFC"]]);
  }));

test("data: rows without a key are looked at to the last (sqlite file)", () =>
  sqlite!.withDatabase(async (url) => {
    const tables = { t: { columns: { id: "text", n: "integer" } } };
    await run(sqlite!, url, [
      "CREATE TABLE t (id text PRIMARY KEY, n integer)",
      "WITH RECURSIVE s (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM s WHERE i < 5000) INSERT INTO t SELECT NULL, i FROM s",
      "INSERT INTO t VALUES ('last', 'many')",
    ]);
    const found = await look(sqlite!, url, tables);
    assert.deepEqual(found.map(({ details }) => [details["rule"], details["ids"]]), [["wrong_form", [
      "last",
    ]]]);
  }));

test("data: a rule that does not end is left when the time is up (sqlite file)", () =>
  sqlite!.withDatabase(async (url) => {
    const tables = { t: { columns: { id: "integer!" } } };
    await run(sqlite!, url, ddlOf("t", tables.t));
    const history = schemaHistory("sqlite", [{ tables, up: [], down: [] }]);
    // It ends by itself, after the test.
    const rules =
      "-- rule slow: never\nWITH RECURSIVE s (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM s WHERE i < 50000000) SELECT i FROM s WHERE i < 0";
    const began = performance.now();
    const { findings } = await verifyUrl(url, {
      history,
      checks: ["data"],
      rules,
      options: { maxDurationMs: 2_000 },
    });
    assert.ok(performance.now() - began < 10_000);
    assert.deepEqual(findings.map(({ status }) => status), ["error"]);
    assert.match(
      findings[0]!.message,
      /not checked to the end: the 2 s .* at the rule slow \(rules\.sql:1\)/,
    );
  }));

for (const engine of postgres) {
  test(`data: times without an end are another project's own affair (${engine.name})`, () =>
    engine.withDatabase(async (url) => {
      const tables = {
        t: { columns: { id: "integer!", until: "timestamp with time zone", day: "date", at: "time" } },
      };
      await run(engine, url, ddlOf("t", tables.t));
      await run(engine, url, ["INSERT INTO t VALUES (1, 'infinity', '-infinity', '24:00:00')"]);
      assert.deepEqual((await look(engine, url, tables)).map(({ status }) => status), ["pass"]);
    }));

  test(`data: references are compared as their type compares them (${engine.name})`, () =>
    engine.withDatabase(async (url) => {
      const tables = {
        people: { columns: { email: "citext!" } },
        posts: { columns: { id: "integer!", author: "citext" } },
        roots: { columns: { path: "ltree!" } },
        leaves: { columns: { id: "integer!", root: "ltree" } },
      };
      await run(engine, url, [
        "CREATE EXTENSION citext",
        "CREATE EXTENSION ltree",
        "CREATE TABLE people (email citext PRIMARY KEY)",
        "CREATE TABLE posts (id integer PRIMARY KEY, author citext REFERENCES people)",
        "CREATE TABLE roots (path ltree PRIMARY KEY)",
        "CREATE TABLE leaves (id integer PRIMARY KEY, root ltree REFERENCES roots)",
        "INSERT INTO people VALUES ('Ann@Example.org')",
        "INSERT INTO posts VALUES (1, 'ann@example.org')",
        "INSERT INTO roots VALUES ('a.b')",
        "INSERT INTO leaves VALUES (1, 'a.b')",
      ]);
      assert.deepEqual((await look(engine, url, tables)).map(({ status, message }) => [status, message]), [
        ["pass", "1 row of people, 1 row of posts, 1 row of roots, 1 row of leaves"],
      ]);
    }));

  test(`data: of a rule that does not end nothing runs on (${engine.name})`, () =>
    engine.withDatabase(async (url) => {
      const tables = { t: { columns: { id: "integer!" } } };
      await run(engine, url, ddlOf("t", tables.t));
      const history = schemaHistory(engine.dialect, [{ tables, up: [], down: [] }]);
      const rules =
        "-- rule slow: never\nWITH RECURSIVE s (i) AS (SELECT 1::bigint UNION ALL SELECT i + 1 FROM s) SELECT i FROM s WHERE i < 0";
      const { findings } = await verifyUrl(url, {
        history,
        checks: ["data"],
        rules,
        options: { maxDurationMs: 2_000 },
      });
      assert.match(findings[0]!.message, /at the rule slow/);
      const atWork =
        "SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND query LIKE '%UNION ALL SELECT i + 1%' AND pid <> pg_backend_pid()";
      const end = performance.now() + 5_000;
      while ((await engine.query(url, atWork)).length > 0) {
        assert.ok(performance.now() < end, "the server still works on it");
        await sleep(100);
      }
    }));

  test(`data: rows are read in slices by keys of any type (${engine.name})`, () =>
    engine.withDatabase(async (url) => {
      const tables = {
        nodes: { columns: { mac: "macaddr!" } },
        events: { columns: { at: "timestamp with time zone!" } },
        seasons: { columns: { during: "daterange!" } },
      };
      await run(engine, url, [
        "CREATE TABLE nodes (mac macaddr PRIMARY KEY)",
        "INSERT INTO nodes SELECT lpad(to_hex(i), 12, '0')::macaddr FROM generate_series(1, 4500) i",
        "CREATE TABLE events (at timestamptz PRIMARY KEY)",
        "INSERT INTO events SELECT timestamptz '2026-01-01' + i * interval '1 microsecond' FROM generate_series(1, 4500) i",
        "CREATE TABLE seasons (during daterange PRIMARY KEY)",
        "INSERT INTO seasons SELECT daterange(date '2026-01-01' + i, NULL) FROM generate_series(1, 4500) i",
      ]);
      assert.deepEqual((await look(engine, url, tables)).map(({ status, message }) => [status, message]), [
        ["pass", "4\u00a0500 rows of nodes, 4\u00a0500 rows of events, 4\u00a0500 rows of seasons"],
      ]);
    }));

  test(`data: a database of SQL_ASCII takes any bytes for a text (${engine.name})`, () =>
    engine.withDatabase(async (url) => {
      const name = `ascii_${process.pid}`;
      const other = Object.assign(new URL(url), { pathname: `/${name}` });
      const admin = (statement: string) => asAdmin(15, (sql) => sql.unsafe(statement));
      await admin(
        `CREATE DATABASE ${name} OWNER ${other.username} TEMPLATE template0 ENCODING 'SQL_ASCII' LOCALE_PROVIDER libc LC_COLLATE 'C' LC_CTYPE 'C'`,
      );
      try {
        const tables = { t: { columns: { id: "integer!", name: "text", data: "json" } } };
        await withClient(other.href, async (sql) => {
          for (const statement of ddlOf("t", tables.t)) await sql.unsafe(statement);
          await sql.unsafe(
            "INSERT INTO t VALUES (1, 'Küche'), (2, 'plain'), (3, convert_from('\\x4bfc63686521', 'SQL_ASCII'))",
          );
          await sql.unsafe(
            "INSERT INTO t VALUES (4, NULL, CAST(convert_from('\\x224bfc22', 'SQL_ASCII') AS json))",
          );
        });
        const found = await look(engine, other.href, tables);
        assert.deepEqual(
          found.map(({ status, details }) => [status, details["rule"], details["ids"]]),
          [["fail", "not_utf8", [3]], ["fail", "not_utf8", [4]]],
        );
        // What is shown to see the bytes does so.
        const queries = found.map(({ hint }) => /anew: (.*)$/.exec(hint!)![1]!);
        await withClient(other.href, async (sql) => {
          for (const [place, query] of queries.entries()) {
            const id = place === 0 ? "3" : "4";
            assert.equal((await sql.unsafe(query.replace("…", id))).length, 1, query);
          }
        });
      } finally {
        await admin(`DROP DATABASE ${name} WITH (FORCE)`);
      }
    }));
}
