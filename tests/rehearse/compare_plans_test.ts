import assert from "node:assert/strict";
import { test } from "node:test";
import type { Access, QueryPlan } from "../../src/engines/plans/query_planner.ts";
import { newScans, worseIn } from "../../src/rehearse/rules/compare_plans.ts";
import { judgeQueries } from "../../src/rehearse/rules/queries.ts";

/** `files` is a scan, `files/ix` a search by an index, `files/ix*` a walk over all of one. */
function planOf(accesses: string, cost: number | null = null): QueryPlan {
  return {
    lines: [accesses],
    cost,
    accesses: accesses.split(" ").filter((word) => word !== "").map((word): Access => {
      const [, table, index, walk] = /^(\w+)(?:\/(\w+))?(\*?)$/.exec(word)!;
      return { table: table!, index: index ?? null, isScan: index === undefined || walk === "*" };
    }),
  };
}

const cases = [
  ["finds the same plan no worse", "files/ix", null, "files/ix", null, ""],
  ["tells an index that is no longer used", "small/ix", null, "small", null, "it no longer uses ix of small"],
  [
    "tells that all of a large table is read",
    "files/ix",
    null,
    "files",
    null,
    "it no longer uses ix of files; it reads all of files",
  ],
  [
    "tells of a table that was not there before",
    "users/pk",
    null,
    "users/pk files",
    null,
    "it reads all of files",
  ],
  ["takes no other index for a loss", "files/ix", null, "files/ix2", null, ""],
  ["tells one of two indexes", "files/a files/b", null, "files/a", null, "it no longer uses b of files"],
  ["knows a scan that was there before", "files", null, "files", null, ""],
  ["knows a walk over an index as a scan", "files/ix*", null, "files/ix", null, ""],
  ["believes an estimate that is lower", "files/ix", 9, "files", 8, ""],
  ["believes one that is higher", "small/ix", 8, "small", 9, "it no longer uses ix of small"],
  [
    "tells a cost that is several times higher",
    "files/ix",
    50,
    "files/ix",
    500,
    "its estimated cost goes from 50 to 500",
  ],
  ["tells none below three times", "files/ix", 600, "files/ix", 1500, ""],
  ["tells none that is small", "files/ix", 8, "files/ix", 90, ""],
] as const;

for (const [rule, was, wasCost, now, nowCost, words] of cases) {
  test(`worseIn() ${rule}`, () => {
    const reasons = worseIn(planOf(was, wasCost), planOf(now, nowCost), new Set(["files"]));
    assert.equal(reasons.join("; "), words);
  });
}

test("newScans() names tables whose size has to be known", () => {
  assert.deepEqual(newScans(planOf("a/ix b"), planOf("a b c")), ["a", "c"]);
});

test("judgeQueries() tells what broke, got worse, is new, and what judges nothing", () => {
  const names = ["same", "broken", "worse", "unjudged", "added"];
  const queries = names.map((name) => ({ place: name, sql: name }));
  const good = (accesses: string) => ({ plan: planOf(accesses), why: null });
  const bad = (why: string) => ({ plan: null, why });
  const report = judgeQueries(queries, {
    before: [good("a/ix"), good("a"), good("a/ix"), bad("was"), bad("was")],
    after: [good("a/ix"), bad("gone"), good("a"), bad("is"), good("a")],
    large: new Set(),
  }, ["a remark"]);
  assert.deepEqual(report, {
    count: 5,
    broken: [{ place: "broken", sql: "broken", why: "gone" }],
    worse: [{
      place: "worse",
      sql: "worse",
      reasons: ["it no longer uses ix of a"],
      before: ["a/ix"],
      after: ["a"],
    }],
    unjudged: [{ place: "unjudged", sql: "unjudged", why: "is" }],
    added: [{ place: "added", sql: "added" }],
    remarks: ["a remark"],
  });
});
