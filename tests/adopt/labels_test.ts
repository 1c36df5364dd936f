import assert from "node:assert/strict";
import { test } from "node:test";
import { describeLabel, type LabelSources, readLabels } from "../../src/adopt/rules/labels.ts";
import { matchRevision } from "../../src/state/rules/match_revision.ts";
import type { Snapshot, Table } from "../../src/schema/snapshot.ts";

const revisions = ["a", "b", "c"].map((id) => ({ id, checksum: `hash ${id}` }));

/** A database whose schema is that of `b`. */
function read(sources: Partial<LabelSources>) {
  const none = { alembic: null, drizzle: null, own: null };
  return readLabels({ revisions, bearsOut: (revision) => revision === "b", ...none, ...sources });
}

// One row a rule: what the table says, the revision that it stands for, and in words.
const cases = [
  ["alembic", ["b"], "b", "alembic_version says b, and that is true"],
  ["alembic", ["a"], "a", "alembic_version says a, and that is not true: the schema is not that revision's"],
  ["alembic", [], undefined, "alembic_version is empty, which says nothing"],
  ["alembic", ["a", "b"], undefined, "alembic_version says a, b, which is no one revision"],
  ["alembic", ["x"], undefined, "alembic_version says x: this history does not know x"],
  ["drizzle", ["hash a", "hash b"], "b", "__drizzle_migrations says b, and that is true"],
  ["drizzle", ["hash b"], undefined, "__drizzle_migrations says hash b, which is no one revision"],
  [
    "drizzle",
    ["hash a", "edited"],
    undefined,
    "__drizzle_migrations says hash a, edited: this history does not know edited",
  ],
  ["own", ["b", "a"], "b", "harbor_version says b, and that is true"],
  ["own", ["a", "c"], undefined, "harbor_version says a, c, which is no one revision"],
] as const;
for (const [source, rows, revision, words] of cases) {
  test(`readLabels() reads ${source} ${JSON.stringify(rows)}`, () => {
    const [label, ...others] = read({ [source]: rows });
    assert.ok(label);
    assert.deepEqual(others, []);
    assert.equal(label.revision, revision);
    assert.equal(describeLabel(label), words);
  });
}

function table(name: string, columns: readonly string[]): Table {
  return {
    name,
    columns: columns.map((name) => ({ name, type: "TEXT", notNull: false, default: null, identity: false })),
    primaryKey: [],
    foreignKeys: [],
    indexes: [],
    uniques: [],
    checks: [],
  };
}

function snapshot(...tables: readonly Table[]): Snapshot {
  return { dialect: "sqlite", tables, others: [] };
}

const schemas = [
  { revision: "a", snapshot: snapshot(table("files", ["x"])) },
  { revision: "b", snapshot: snapshot(table("files", ["x", "y"])) },
  { revision: "c", snapshot: snapshot(table("files", ["x", "y", "z"])) },
];

// One row a rule: the live tables, the revision, whether it is exactly that, how much differs.
const matches = [
  ["knows the same schema", [table("files", ["y", "x"])], "b", true, 0],
  [
    "passes over tables that no revision knows",
    [table("files", ["x"]), table("orders", ["q"])],
    "a",
    true,
    0,
  ],
  ["takes the nearest", [table("files", ["x", "y", "z", "w"])], "c", false, 1],
  ["takes the latest of several", [table("files", ["x", "z"])], "c", false, 1],
  ["is base without a known table", [table("orders", ["q"])], null, true, 0],
] as const;
for (const [rule, tables, revision, exact, differences] of matches) {
  test(`matchRevision() ${rule}`, () => {
    const match = matchRevision(schemas, snapshot(...tables));
    assert.deepEqual([match.revision, match.exact, match.differences.length], [revision, exact, differences]);
  });
}
