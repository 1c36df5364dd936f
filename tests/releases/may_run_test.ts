import assert from "node:assert/strict";
import { test } from "node:test";
import { releasesThatRun, straysIn } from "../../src/releases/may_run.ts";
import { readReleases, type TableUse } from "../../src/releases/releases.ts";
import { verdictLines } from "../../src/releases/words.ts";
import type { Dialect } from "../../src/base/dialect.ts";
import type { Column, Snapshot } from "../../src/schema/snapshot.ts";

type Columns = Readonly<Record<string, Partial<Column>>>;

function schema(tables: Readonly<Record<string, Columns>>, dialect: Dialect = "sqlite"): Snapshot {
  return {
    dialect,
    tables: Object.entries(tables).map(([name, columns]) => ({
      name,
      columns: Object.entries(columns).map(([column, more]) => ({
        name: column,
        type: "TEXT",
        notNull: false,
        default: null,
        identity: false,
        ...more,
      })),
      primaryKey: [],
      foreignKeys: [],
      indexes: [],
      uniques: [],
      checks: [],
    })),
    others: [{ kind: "view", name: "latest", table: null, sql: null }],
  };
}

const given = { notNull: true };
const files = {
  files: {
    id: { notNull: true, identity: true },
    name: given,
    size: {},
    kind: { notNull: true, default: "'a'" },
    twice: { default: "GENERATED ALWAYS AS (size * 2) STORED" },
  },
};

// One row a rule: what a release does with tables, the dialect, and why it may not run.
const cases: readonly (readonly [string, Readonly<Record<string, TableUse>>, Dialect, string])[] = [
  ["that finds all", { files: { select: ["id", "name", "size"], insert: ["name"] } }, "sqlite", ""],
  ["without a table", { folders: { select: ["id"] } }, "sqlite", "table folders is missing"],
  [
    "without a column that it reads",
    { files: { select: ["id", "path"] } },
    "sqlite",
    "files.path is missing",
  ],
  ["without a column that it sets", { files: { update: ["path"] } }, "sqlite", "files.path is missing"],
  [
    "without a column that it inserts",
    { files: { insert: ["name", "path"] } },
    "sqlite",
    "files.path is missing",
  ],
  [
    "whose INSERT leaves out what has to be given",
    { files: { select: ["id"], insert: ["size"] } },
    "sqlite",
    "files.name needs a value that it does not insert",
  ],
  ["that inserts nothing", { files: { select: ["size"], update: ["size"] } }, "sqlite", ""],
  ["that names a table and no column", { files: {} }, "sqlite", ""],
  [
    "that writes what is generated",
    { files: { insert: ["name", "twice"] } },
    "sqlite",
    "files.twice is generated, and it writes there",
  ],
  ["that reads what is generated", { files: { select: ["twice"] } }, "sqlite", ""],
  ["that spells names otherwise", { FILES: { select: ["Name"] } }, "sqlite", ""],
  ["that spells a table otherwise", { FILES: { select: ["name"] } }, "postgresql", "table FILES is missing"],
  ["that spells a column otherwise", { files: { select: ["Name"] } }, "postgresql", "files.Name is missing"],
  ["that reads a view", { latest: { select: ["anything"] } }, "postgresql", ""],
  [
    "that asks for what every object has",
    { constructor: { select: ["id"] } },
    "sqlite",
    "table constructor is missing",
  ],
];

for (const [rule, tables, dialect, reason] of cases) {
  test(`releasesThatRun() judges a release ${rule}`, () => {
    const json = JSON.stringify({ releases: [{ name: "v1", tables }] });
    const verdicts = releasesThatRun(schema(files, dialect), readReleases(json));
    assert.equal(verdicts[0]!.mayRun, reason === "");
    assert.deepEqual(
      verdictLines(verdicts),
      reason === "" ? ["v1 may run"] : ["none may run", `not v1: ${reason}`],
    );
  });
}

test("releases that fail for the same are named together, those that may run first", () => {
  const use = (...select: string[]) => ({ files: { select } });
  const releases = readReleases(JSON.stringify({
    releases: [
      { name: "1", tables: use("id") },
      { name: "2", tables: use("id", "path", "more") },
      { name: "3", tables: use("hash") },
      { name: "4", tables: use("path") },
      { name: "5", tables: use("size") },
    ],
  }));
  const verdicts = releasesThatRun(schema(files), releases);
  assert.deepEqual(verdicts.map(({ reasons }) => reasons.length), [0, 2, 1, 1, 0]);
  assert.deepEqual(verdictLines(verdicts), [
    "1, 5 may run",
    "not 2, 4: files.path is missing",
    "not 3: files.hash is missing",
  ]);
});

test("straysIn() names what none of the schemas has, once", () => {
  const before = schema({ users: { id: {} } });
  const after = schema({ users: { id: {} }, files: { id: {}, path: {} } });
  const releases = readReleases(JSON.stringify({
    releases: [{
      name: "v1",
      tables: {
        users: { select: ["id", "emial"] },
        files: { select: ["id", "path", "size"] },
        folders: { select: ["id"] },
      },
    }],
  }));
  const named = straysIn([before, after], releases).map(({ table, column }) => `${table}.${column}`);
  assert.deepEqual(named.toSorted(), ["files.size", "folders.null", "users.emial"]);
  assert.deepEqual(straysIn([after, schema({ folders: { id: {} } })], releases).map(({ table }) => table), [
    "users",
    "files",
  ]);
});

// One row a fault: the file, and what is said of it.
const faults: readonly (readonly [string, unknown, RegExp])[] = [
  ["what is no JSON", "{", /Cannot read "releases.json": it is no JSON/],
  ["a text", '"v1"', /it is no object/],
  ["no releases", {}, /releases is missing/],
  ["a release without a name", { releases: [{ tables: {} }] }, /releases\.0\.name is missing/],
  ["an empty name", { releases: [{ name: "", tables: {} }] }, /releases\.0\.name is empty/],
  [
    "a name that stands twice",
    { releases: [{ name: "a", tables: {} }, { name: "a", tables: {} }] },
    /releases\.1\.name stands twice: "a"/,
  ],
  [
    "a column that is no text",
    { releases: [{ name: "a", tables: { users: { select: [1] } } }] },
    /releases\.0\.tables\.users\.select\.0 is no text/,
  ],
  [
    "a misspelt word, which would claim too much",
    { releases: [{ name: "a", tables: { users: { inserts: ["id"] } } }] },
    /releases\.0\.tables\.users\.inserts is no field that is known here/,
  ],
];

for (const [rule, json, message] of faults) {
  test(`readReleases() refuses ${rule}`, () => {
    const text = typeof json === "string" ? json : JSON.stringify(json);
    assert.throws(() => readReleases(text), { code: "bad_config", message });
  });
}
