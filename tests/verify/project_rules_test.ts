import assert from "node:assert/strict";
import { test } from "node:test";
import { HarborError } from "../../src/base/errors.ts";
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
] as const;
for (const [what, text, message] of refused) {
  test(`readProjectRules() refuses ${what}`, () => {
    assert.throws(() => readProjectRules(text, "sqlite"), (error) => {
      assert.ok(error instanceof HarborError && error.code === "bad_script");
      assert.match(error.message, message);
      return true;
    });
  });
}
