import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { test } from "node:test";
import { HarborError } from "../../src/base/errors.ts";
import { buildHistory } from "../../src/history/history.ts";
import { namesSchemas } from "../../src/history/names_schemas.ts";
import { embeddedHistory } from "../../src/history/read_history.ts";
import { projectFile } from "../support/project.ts";

const entry = {
  idx: 0,
  version: "6",
  when: 1_758_809_078_514,
  tag: "71dda59686db_initial_schema",
  breakpoints: true,
};

function build(files: Readonly<Record<string, string>>) {
  return buildHistory("sqlite", { folder: "drizzle/sqlite", read: (path) => files[path] ?? null });
}
function journal(...entries: readonly unknown[]): string {
  return JSON.stringify({ version: "7", dialect: "sqlite", entries });
}

test("buildHistory() reads what drizzle-kit lays out", () => {
  const text = "-- Initial schema\nSELECT 1;\n";
  const { revisions } = build({
    "meta/_journal.json": journal(entry),
    "71dda59686db_initial_schema.sql": text,
    "meta/71dda59686db_snapshot.json": `{"id":"x"}`,
  });
  const [revision] = revisions;
  assert.equal(revision?.id, "71dda59686db");
  assert.equal(revision.name, "Initial schema");
  assert.equal(revision.parent, null);
  assert.equal(revision.createdAt, "2025-09-25T14:04:38.514Z");
  assert.equal(revision.checksum, createHash("sha256").update(text).digest("hex"));
  assert.equal(revision.downgrade(), null);
  assert.deepEqual(revision.snapshot(), {
    path: "drizzle/sqlite/meta/71dda59686db_snapshot.json",
    json: { id: "x" },
  });
});

test("buildHistory() puts revisions in a row, and names one without a name by its file", () => {
  const second = { ...entry, idx: 1, tag: "5b09ebe23c76_add_r2_fields" };
  const files = {
    "meta/_journal.json": journal(entry, second),
    "71dda59686db_initial_schema.sql": "SELECT 1;",
    "71dda59686db_initial_schema.down.sql": "SELECT 2;",
    "5b09ebe23c76_add_r2_fields.sql": "SELECT 3;",
  };
  const { revisions } = build(files);
  assert.deepEqual(revisions.map(({ parent, name }) => [parent, name]), [
    [null, "initial schema"],
    ["71dda59686db", "add r2 fields"],
  ]);
  assert.deepEqual(revisions[0]!.downgrade()?.statements.map(({ sql }) => sql), ["SELECT 2"]);
});

test("buildHistory() finds the snapshots of tags with a time by the number in the journal, where the tag's is not there", () => {
  const entries = [["20240604162900_init", 0], ["20240608182155_columns", 1], ["20241030173332_rights", 2], [
    "0003_more",
    3,
  ], ["20250101000000_last", 3]].map(([tag, idx]) => ({ ...entry, tag, idx }));
  const { revisions } = build({
    "meta/_journal.json": journal(...entries),
    ...Object.fromEntries(entries.map(({ tag }) => [`${tag}.sql`, "SELECT 1;"])),
    ...Object.fromEntries(
      ["0000", "0002", "0003", "20241030173332"].map((name) => [`meta/${name}_snapshot.json`, "{}"]),
    ),
  });
  assert.deepEqual(revisions.map(({ files }) => files[2]), [
    "meta/0000_snapshot.json",
    // Neither is there: it is missed by the name that the kit of today gives it.
    "meta/20240608182155_snapshot.json",
    "meta/20241030173332_snapshot.json",
    "meta/0003_snapshot.json",
    // The one of its number is another's.
    "meta/20250101000000_snapshot.json",
  ]);
});

test("buildHistory() reads a script and a snapshot when they are asked for, and a script once", () => {
  const files = {
    "meta/_journal.json": journal(entry),
    "71dda59686db_initial_schema.sql": "SELECT 'x",
    "meta/71dda59686db_snapshot.json": "{",
  };
  const [revision] = build(files).revisions;
  assert.throws(() => revision!.upgrade(), { code: "bad_script" });
  assert.throws(() => revision!.snapshot(), { code: "bad_history" });
  const [whole] = build({ ...files, "71dda59686db_initial_schema.sql": "SELECT 1" }).revisions;
  assert.equal(whole!.upgrade(), whole!.upgrade());
});

test("buildHistory() gives a checkout with CRLF the same checksum, and the one that drizzle has", () => {
  const at = (text: string) =>
    build({ "meta/_journal.json": journal(entry), "71dda59686db_initial_schema.sql": text }).revisions[0]!;
  assert.equal(at("SELECT 1;\r\nSELECT 2;\r\n").checksum, at("SELECT 1;\nSELECT 2;\n").checksum);
  const raw = "SELECT 1;\r\n";
  assert.equal(at(raw).rawChecksum, createHash("sha256").update(raw).digest("hex"));
});

// Tags as the kits of all versions make them, and people: the ids, and what the revisions are called.
const tagged: readonly (readonly [tags: string, ids: string, names: string])[] = [
  ["0000_brave_hulk 0001_add_notes", "0000 0001", "brave hulk,add notes"],
  ["0007_brave_hulk 0007_add_notes 0008_x", "0007_brave_hulk 0007_add_notes 0008", "brave hulk,add notes,x"],
  ["20250508083758_x 20250508083759_y", "20250508083758 20250508083759", "x,y"],
  ["init add_users add_posts", "init add_users add_posts", "init,add users,add posts"],
  ["_x head_y base", "_x head_y base", "x,head y,base"],
  ["0000 0000_x", "0000 0000_x", "0000,x"],
];
for (const [tags, ids, names] of tagged) {
  test(`buildHistory() takes the tags ${tags} as they stand`, () => {
    const entries = tags.split(" ").map((tag, at) => ({ idx: at * 2, when: at, tag }));
    const scripts = entries.map(({ tag }) => [`${tag}.sql`, "-- Custom SQL migration file\nSELECT 1"]);
    const { revisions } = build({
      ...Object.fromEntries(scripts),
      "meta/_journal.json": journal(...entries),
    });
    assert.equal(revisions.map(({ id }) => id).join(" "), ids);
    assert.equal(revisions.map(({ name }) => name).join(","), names);
    for (const { id, tag, snapshot } of revisions) {
      assert.throws(
        snapshot,
        { details: { path: `drizzle/sqlite/meta/${tag.split("_")[0]}_snapshot.json`, isMissing: true } },
        id,
      );
    }
  });
}

test("buildHistory() reads the journals of kits that called a dialect otherwise", () => {
  const read = (path: string) => path === "meta/_journal.json" ? `{"dialect":"pg","entries":[]}` : null;
  assert.deepEqual(buildHistory("postgresql", { folder: "drizzle", read }).revisions, []);
});

const sql = { "71dda59686db_initial_schema.sql": "SELECT 1" };
// One row a mistake: what is wrong, the files, what the message says.
const mistakes: readonly (readonly [string, Readonly<Record<string, string>>, RegExp])[] = [
  ["no journal", {}, /_journal\.json": there is no such file/],
  ["a journal that is no JSON", { "meta/_journal.json": "{" }, /it is no JSON/],
  [
    "a journal of another dialect",
    { "meta/_journal.json": `{"dialect":"postgresql","entries":[]}` },
    /dialect is "postgresql"/,
  ],
  ["a journal without entries", { "meta/_journal.json": `{"dialect":"sqlite"}` }, /entries is missing/],
  ["a journal of null", { "meta/_journal.json": "null" }, /_journal\.json": it is no object/],
  ["a nest without an end", { "meta/_journal.json": "[".repeat(100_000) }, /it is no JSON/],
  ["an entry that is none", { "meta/_journal.json": journal(null) }, /entries\.0 is no object/],
  [
    "entries that are no list",
    { "meta/_journal.json": `{"dialect":"sqlite","entries":{}}` },
    /entries is no list/,
  ],
  [
    "a tag that is a number",
    { "meta/_journal.json": journal({ ...entry, tag: 1 }) },
    /entries\.0\.tag is no text/,
  ],
  [
    "a time in words",
    { "meta/_journal.json": journal({ ...entry, when: "now" }) },
    /entries\.0\.when is no number/,
  ],
  [
    "half a millisecond",
    { "meta/_journal.json": journal({ ...entry, when: 0.5 }) },
    /entries\.0\.when is no time/,
  ],
  [
    "a time after all times",
    { "meta/_journal.json": journal({ ...entry, when: 1e300 }), ...sql },
    /entries\.0\.when is no time/,
  ],
  [
    "a time before all times",
    { "meta/_journal.json": journal({ ...entry, when: -1e300 }), ...sql },
    /entries\.0\.when is no time/,
  ],
  [
    "a tag that leads out of the folder",
    { "meta/_journal.json": journal({ ...entry, tag: "../0000_initial" }) },
    /entries\.0\.tag is no name of a file/,
  ],
  [
    "a missing script",
    { "meta/_journal.json": journal(entry) },
    /71dda59686db_initial_schema\.sql": the journal names it/,
  ],
  [
    "a revision that stands twice",
    { "meta/_journal.json": journal(entry, { ...entry, idx: 1 }), ...sql },
    /71dda59686db_initial_schema stands in it twice/,
  ],
];
for (const [what, files, expected] of mistakes) {
  test(`buildHistory() refuses ${what}`, () => {
    assert.throws(
      () => build(files),
      (error: HarborError) => error.code === "bad_history" && expected.test(error.message),
    );
  });
}

test("which schemas a built-in history names is said without its snapshots", () => {
  const readings: string[] = [];
  const builtIn = (naming: string | null) =>
    embeddedHistory({
      read: (path) => {
        readings.push(path);
        const file = projectFile(`drizzle/${path}`);
        return existsSync(file) ? readFileSync(file, "utf8") : null;
      },
      namesSchema: (path) => path === naming,
    }, "postgresql");
  const history = builtIn(null);
  assert.equal(namesSchemas(history), false);
  assert.equal(namesSchemas(builtIn(`postgresql/${history.revisions[1]!.files[2]}`)), true);
  assert.ok(readings.length > 0);
  assert.deepEqual(readings.filter((path) => path.endsWith("snapshot.json")), []);
});
