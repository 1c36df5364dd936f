import assert from "node:assert/strict";
import { test } from "node:test";
import { withPlaces } from "../../src/sql/placeholders.ts";

const cases = [
  ["leaves a query without values", "SELECT 1", "SELECT 1", "SELECT 1"],
  ["knows question marks", "a = ? AND b = ?", "a = ? AND b = ?", "a = $1 AND b = $2"],
  [
    "knows numbered places",
    "a = $2 AND b = $1 AND c = $2",
    "a = ? AND b = ? AND c = ?",
    "a = $2 AND b = $1 AND c = $2",
  ],
  ["knows names", "a = :first AND b = :first", "a = ? AND b = ?", "a = $1 AND b = $2"],
  ["knows percent signs", "a = %s AND b = %(name)s", "a = ? AND b = ?", "a = $1 AND b = $2"],
  [
    "halves doubled percent signs",
    "a LIKE '50%%' AND b = %s",
    "a LIKE '50%' AND b = ?",
    "a LIKE '50%' AND b = $1",
  ],
  ["leaves them doubled without places", "a LIKE '50%%'", "a LIKE '50%%'", "a LIKE '50%%'"],
  ["takes no remainder for a place", "a % 2 + b%s", "a % 2 + b%s", "a % 2 + b%s"],
  ["takes no cast for a name", "a = :x::text", "a = ?::text", "a = $1::text"],
  [
    "looks into no string, name or comment",
    `':a' ":b" /* ? */ = ?`,
    `':a' ":b" /* ? */ = ?`,
    `':a' ":b" /* ? */ = $1`,
  ],
  ["makes a list of a place behind IN", "a IN %s", "a IN (?)", "a IN ($1)"],
  ["leaves a list that is one", "a IN (?, ?)", "a IN (?, ?)", "a IN ($1, $2)"],
] as const;

for (const [rule, query, sqlite, postgresql] of cases) {
  test(`withPlaces() ${rule}`, () => {
    assert.equal(withPlaces(query, "sqlite").text, sqlite);
    assert.equal(withPlaces(query, "postgresql").text, postgresql);
  });
}

test("withPlaces() knows what only one dialect has", () => {
  assert.equal(withPlaces("a = ?1 AND b = @b AND c = $c", "sqlite").text, "a = ? AND b = ? AND c = ?");
  assert.equal(withPlaces("d ? 'key' AND d ?| $1", "postgresql").text, "d ? 'key' AND d ?| $1");
  assert.equal(withPlaces("d ? :key", "postgresql").text, "d ? $1");
  assert.equal(withPlaces("d[1:n] = ?", "postgresql").text, "d[1:n] = $1");
  assert.equal(withPlaces("a = $$?$$ AND b = ?", "postgresql").text, "a = $$?$$ AND b = $1");
});

test("withPlaces() counts the values", () => {
  assert.equal(withPlaces("a = $2 AND b = $2", "postgresql").count, 2);
  assert.equal(withPlaces("a = :x AND b = :x", "postgresql").count, 2);
  assert.equal(withPlaces("a = :x AND b = :x", "sqlite").count, 2);
});
