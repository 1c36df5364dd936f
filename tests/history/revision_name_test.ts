import assert from "node:assert/strict";
import { test } from "node:test";
import { HarborError } from "../../src/base/errors.ts";
import {
  deriveRevisionId,
  readCreationTime,
  readRevisionId,
  readRevisionName,
  revisionName,
  slug,
} from "../../src/history/revision_name.ts";

const refused = (error: unknown) => error instanceof HarborError && error.code === "usage";

// A name, and what its files are called.
const slugs = [
  ["Initial schema", "initial_schema"],
  ["Add R2 storage fields", "add_r2_storage_fields"],
  ["  Naïve café — über ß ", "naive_cafe_uber"],
  ["a.b/c\\d:e*f", "a_b_c_d_e_f"],
  ["__private__ thing_", "private_thing"],
  ["日本語", "revision"],
  ["Add a column that holds what nobody had thought of", "add_a_column_that_holds_what_nobody_had"],
  ["x".repeat(60), "x".repeat(40)],
] as const;
for (const [name, expected] of slugs) {
  test(`slug() of "${name}" is ${expected}`, () => assert.equal(slug(name), expected));
}

// A tag, the script of it, and what the revision is called.
const names = [
  ["71dda59686db_initial_schema", "-- Initial schema\nSELECT 1", "Initial schema"],
  ["71dda59686db_initial_schema", "\uFEFF-- Initial schema\r\nSELECT 1", "Initial schema"],
  ["71dda59686db_initial_schema", "SELECT 1", "initial schema"],
  ["71dda59686db_initial_schema", "-- harbor:alone\nSELECT 1", "initial schema"],
  ["0007_brave_hulk", "-- Custom SQL migration file, put your code below! --\nSELECT 1", "brave hulk"],
  ["0007_brave_hulk", "-- Brave Hulk\nSELECT 1", "Brave Hulk"],
] as const;
for (const [tag, script, expected] of names) {
  test(`revisionName() of ${tag} with ${JSON.stringify(script)} is ${expected}`, () => {
    assert.equal(revisionName(tag, script), expected);
  });
}

test("a derived id is the same for the same revision and another for any other", () => {
  const content = { parent: "71dda59686db", name: "Add notes", scripts: ["up", "down"] };
  const id = deriveRevisionId(content);
  assert.match(id, /^[0-9a-f]{12}$/);
  assert.equal(deriveRevisionId({ ...content }), id);
  const others = [{ parent: null }, { name: "Add note" }, { scripts: ["up", "down "] }, {
    scripts: ["updown"],
  }];
  const ids = others.map((other) => deriveRevisionId({ ...content, ...other }));
  assert.equal(new Set([id, ...ids]).size, 5);
});

// A time as people write it, and what it is.
const times = [
  ["2025-09-29 17:52:08.280054", "2025-09-29T17:52:08.280Z"],
  ["2025-09-29T17:52:08Z", "2025-09-29T17:52:08.000Z"],
  ["2025-09-29T17:52:08+02:00", "2025-09-29T15:52:08.000Z"],
  ["2025-09-29 17:52", "2025-09-29T17:52:00.000Z"],
  ["2025-09-29", "2025-09-29T00:00:00.000Z"],
  ["2025-13-01", null],
  ["29.9.2025", null],
  ["", null],
] as const;
for (const [text, expected] of times) {
  test(`readCreationTime() reads "${text}" as ${expected ?? "no time"}`, () => {
    if (expected === null) assert.throws(() => readCreationTime(text), refused);
    else assert.equal(new Date(readCreationTime(text)).toISOString(), expected);
  });
}

test("names and ids that cannot be are refused", () => {
  for (const name of ["", " \t", "a\nb", "harbor:alone"]) {
    assert.throws(() => readRevisionName(name), refused);
  }
  for (const id of ["", "f27", "F27BD10B7EC4", "f27bd10b7ec4 ", "g27bd10b7ec4"]) {
    assert.throws(() => readRevisionId(id), refused);
  }
  assert.equal(readRevisionName("  Add notes "), "Add notes");
});
