import assert from "node:assert/strict";
import { test } from "node:test";
import { HarborError } from "../../src/base/errors.ts";
import { migrate } from "../../src/migrate/migrate.ts";
import { stamp } from "../../src/state/stamp.ts";
import { readProjectRules } from "../../src/verify/rules/project_rules.ts";
import { engines, withTestDatabase } from "../support/databases.ts";
import { contextOf } from "../support/samples/adoption.ts";
import { ddlOf, schemaHistory } from "../support/samples/schema_history.ts";
import { verifyUrl } from "../support/verified.ts";

const rules = `-- Rules of the shop.

-- rule named: files that have no name
SELECT id FROM files WHERE name IS NULL; -- the key comes first

-- rule only_here (sqlite): files of this dialect
SELECT id FROM files WHERE typeof(id) = 'text'
-- rule sane: sizes beyond reason
WITH big AS (SELECT id, size FROM files WHERE size > 100) SELECT * FROM big -- none
-- rule joined: files of which another is called the same
SELECT a.id, b.id FROM files a JOIN files b ON a.name = b.name AND a.id < b.id
-- rule broken: what no table has
SELECT id FROM nowhere
-- rule writes: what must not happen
WITH gone AS (DELETE FROM files RETURNING id) SELECT * FROM gone
`;

for (const engine of engines) {
  test(`${engine.name}: another project's rows are looked at by its schema and its own rules`, () =>
    engine.withDatabase(async (url) => {
      const files = { columns: { id: "integer!", name: "text!", size: "integer", code: "text" } };
      const [before, after] = [{ name: "name" }, { name: "name", code: "code" }];
      const history = schemaHistory(engine.dialect, [
        { tables: { files: { ...files, unique: before } }, up: ddlOf("files", files), down: [] },
        { tables: { files: { ...files, unique: after } }, up: ["SELECT 1"], down: [] },
      ]);
      // As somebody left it who took the guards away.
      await engine.query(
        url,
        "CREATE TABLE files (id integer NOT NULL PRIMARY KEY, name text, size integer, code text)",
      );
      await engine.query(
        url,
        "INSERT INTO files VALUES (1, 'a', -1, 'x'), (2, 'a', 2, 'x'), (3, NULL, 3, NULL)",
      );
      const [first] = history.revisions;
      await withTestDatabase(url, (database) => stamp(contextOf(database, history), first!.id, 0));
      const { findings } = await verifyUrl(url, { history, rules, checks: ["data"] });
      assert.deepEqual(
        findings.map(({ status, details }) => [status, details["rule"], details["count"], details["ids"]]),
        [
          ["fail", "null_values", 1, [3]],
          ["fail", "duplicates", 2, [1, 2]],
          ["warn", "duplicates", 2, [1, 2]],
          ["fail", "named", 1, [3]],
          ["fail", "joined", 1, [1]],
          ["error", undefined, undefined, undefined],
          ["error", undefined, undefined, undefined],
        ],
      );
      assert.match(findings[2]!.message, /have the same code as another, which 000000000002 does not allow/);
      assert.equal(findings[3]!.message, "named: 1 row: files that have no name (3)");
      assert.match(findings[5]!.message, /^the rule broken \(rules\.sql:12\) could not be checked/);
      assert.match(findings[6]!.message, /^the rule writes \(rules\.sql:14\)/);
      assert.equal((await engine.query(url, "SELECT id FROM files")).length, 3);
    }));
}

// One row a rule: a file, and what is said of it.
const refused = [
  ["what has no name above it", "SELECT 1;", /line 1: no rule's name stands above it/],
  ["a rule without words", "-- rule a\nSELECT 1", /line 1: it is not a name, a colon/],
  ["a rule twice", "-- rule a: b\nSELECT 1\n-- rule a: b\nSELECT 1", /line 3: there is another rule "a"/],
  ["another statement", "-- rule a: b\nDELETE FROM t", /line 1: the rule "a" is no SELECT/],
  ["two statements", "-- rule a: b\nSELECT 1; DELETE FROM t;", /has a second statement/],
  ["a way out of its parentheses", "-- rule a: b\nSELECT 1) AS x, (SELECT 2", /has a parenthesis too many/],
  ["a string without an end", "-- rule a: b\nSELECT 'x", /line 1: /],
  ...[
    'SELECT "pg_terminate_backend" (pid) FROM pg_stat_activity',
    "SELECT * FROM pg_catalog.PG_ADVISORY_LOCK(1)",
    "SELECT * FROM dblink('', 'DELETE FROM t') AS x (id int)",
    "SELECT pg_stat_reset_shared('bgwriter')",
  ].map((query) =>
    [
      `"${query}"`,
      `-- rule a: b\n${query}`,
      /the rule "a" calls \w+, which does more than read/,
      "postgresql",
    ] as const
  ),
] as const;

test("readProjectRules() lets a rule call what ends with its transaction", () => {
  const text = "-- rule a: b\nSELECT pg_try_advisory_xact_lock(1), pg_stat_get_numscans(2) FROM dblink";
  assert.equal(readProjectRules(text, "postgresql").length, 1);
});

for (const engine of engines.filter(({ dialect }) => dialect === "postgresql")) {
  test(`${engine.name}: what a rule calls leaves nothing behind`, () =>
    engine.withDatabase(async (url) => {
      const files = { columns: { id: "integer!" } };
      const history = schemaHistory(engine.dialect, [{
        tables: { files },
        up: ddlOf("files", files),
        down: [],
      }]);
      await withTestDatabase(url, async (database) => {
        await migrate(contextOf(database, history), {
          goal: { direction: "upgrade", text: "head" },
          lockWaitMs: 0,
        });
      });
      // Servers from 16 on refuse it themselves.
      await verifyUrl(url, {
        history,
        rules: "-- rule makes: objects\nSELECT lo_create(0)",
        checks: ["data"],
      });
      assert.deepEqual(await engine.query(url, "SELECT oid FROM pg_largeobject_metadata"), []);
    }));
}
for (const [what, text, message, dialect = "sqlite"] of refused) {
  test(`readProjectRules() refuses ${what}`, () => {
    assert.throws(() => readProjectRules(text, dialect), (error) => {
      assert.ok(error instanceof HarborError && error.code === "bad_script");
      assert.match(error.message, message);
      return true;
    });
  });
}
