import assert from "node:assert/strict";
import { test } from "node:test";
import { describeLabel, type LabelSources, readLabels } from "../../src/adopt/rules/labels.ts";
import { matchRevision } from "../../src/state/rules/match_revision.ts";
import type { Snapshot, Table } from "../../src/schema/snapshot.ts";

const revisions = ["a", "b", "c"].map((id, at) => ({
  id,
  tag: `${id}_step`,
  createdAt: new Date((at + 1) * 60_000).toISOString(),
  checksum: `hash ${id}`,
  rawChecksum: `raw ${id}`,
}));

/** A database whose schema is that of `b`. */
function read(sources: Partial<LabelSources>) {
  const none = { alembic: null, drizzle: [], own: null };
  return readLabels({ revisions, bearsOut: (revision) => revision === "b", ...none, ...sources });
}

// One row a rule: what the table says, the revision that it stands for, and in words.
const cases = [
  ["alembic", ["b"], "b", "alembic_version says b, and that is true"],
  ["alembic", ["a"], "a", "alembic_version says a, and that is not true: the schema is not that revision's"],
  ["alembic", [], undefined, "alembic_version is empty, which says nothing"],
  ["alembic", ["a", "b"], undefined, "alembic_version says a, b, which is no one revision"],
  ["alembic", ["x"], undefined, "alembic_version says x: this history does not know x"],
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

const minute = 60_000;
// One row a rule: rows of drizzle's table (hash, date, name), the revision that they stand for, and in words.
const drizzleCases = [
  ["raw bytes", [["raw a"], ["raw b"]], "b", "__drizzle_migrations says b, and that is true"],
  ["any order", [["hash b"], ["hash a"]], "b", "__drizzle_migrations says b, and that is true"],
  ["no row", [], null, "__drizzle_migrations is empty, and that is not true: the schema is not empty"],
  [
    "a script that its migrator did not run",
    [["hash b"]],
    undefined,
    "__drizzle_migrations has 1 row, without a, which the history has before what ran",
  ],
  [
    "a date",
    [["raw a"], ["edited", 2 * minute]],
    "b",
    "__drizzle_migrations says b (edited since: b), and that is true",
  ],
  ["a date in whole seconds", [["raw a"], ["edited", 2 * minute + 400]], "b", /edited since: b/],
  ["a folder", [["raw a", 0, "a_step"], ["edited", 7, "b_step"]], "b", /edited since: b/],
  [
    "what nobody knows, and does not print it",
    [["raw a"], ["0123456789abcdef0123456789abcdef", 7], ["f".repeat(64), 8]],
    undefined,
    "__drizzle_migrations has 3 rows: this history does not know 2 of them (the first hash 0123456789ab…)",
  ],
] as const;
for (const [what, rows, revision, words] of drizzleCases) {
  test(`readLabels() reads ${what} in drizzle's table`, () => {
    const table = rows.map(([hash, createdAt, name]: readonly [string, number?, string?]) => ({
      hash,
      createdAt: createdAt ?? null,
      name: name ?? null,
    }));
    const [label] = read({ drizzle: [{ name: "__drizzle_migrations", rows: table }] });
    assert.equal(label!.revision, revision);
    const said = describeLabel(label!);
    if (typeof words === "string") assert.equal(said, words);
    else assert.match(said, words);
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
