import assert from "node:assert/strict";
import { test } from "node:test";
import { HarborError } from "../../src/base/errors.ts";
import {
  backupId,
  backupPathOf,
  differingTables,
  type Manifest,
  manifestPathOf,
  parseManifest,
  renderManifest,
} from "../../src/backup/rules/manifest.ts";

const digest = "0123456789abcdef".repeat(4);
const manifest: Manifest = {
  id: "openharbor-20260728T101112123Z-71dda59686db",
  version: "0.1.0",
  engine: "sqlite",
  dialect: "sqlite",
  database: "sqlite:////srv/openharbor.db",
  identity: "0123456789abcdef0123456789abcdef",
  home: "folder 7 of 1790000000",
  sequence: 12,
  serverVersion: "3.54.1",
  revision: "71dda59686db",
  unfinished: null,
  reason: "before upgrade",
  createdAt: "2026-07-28T10:11:12.123Z",
  file: "openharbor-20260728T101112123Z-71dda59686db.db.zst",
  bytes: 4096,
  sha256: digest,
  compression: "zstd",
  encryption: null,
  plain: { bytes: 8192, sha256: digest },
  tables: [{ name: "files", rows: 3, digest }],
  schema: digest,
  state: digest,
  proof: "opened",
  notRestored: null,
  host: null,
  notCompared: "index entries",
  notFollowed: ["notes (owner) to auth.users (id)"],
  uncarried: ["function f"],
};

test("a manifest reads back as it was written", () => {
  assert.deepEqual(parseManifest(renderManifest(manifest), "m.json"), manifest);
});

/** What releases wrote only by and by. */
const later = ["state", "notRestored", "host", "notCompared", "notFollowed", "identity", "home", "sequence"];

test("a manifest of an earlier release, which knew neither state nor identity, can be read", () => {
  const written = Object.entries(JSON.parse(renderManifest(manifest)));
  const earlier = Object.fromEntries(written.filter(([name]) => !later.includes(name)));
  const { identity: _, ...known } = manifest;
  assert.deepEqual(parseManifest(JSON.stringify(earlier), "m.json"), {
    ...known,
    state: null,
    home: null,
    sequence: 0,
    notCompared: null,
    notFollowed: [],
  });
});

// One row a refusal: what is wrong, the change to the JSON, what the message says.
const refusals: readonly (readonly [string, Record<string, unknown> | string, RegExp])[] = [
  ["no JSON", "{", /is no JSON/],
  ["a list", "[]", /"format" is missing/],
  ["null", "null", /it is no object/],
  ["a nest without an end", "[".repeat(100_000), /is no JSON/],
  ["a name of all objects", `{"__proto__":{"format":1}}`, /"format" is missing/],
  ["another format", { format: 2 }, /"format" is not 1: another release/],
  ["a file outside the folder", { file: "../../etc/passwd" }, /"file" is no name/],
  ["a hidden file", { file: ".bashrc" }, /"file" is no name/],
  ["an id with a slash", { id: "a/b" }, /"id" is no name/],
  ["a negative size", { bytes: -1 }, /"bytes" is no count/],
  ["a size beyond counting", { bytes: 1e300 }, /"bytes" is no count/],
  ["a size that is no number", { bytes: [[[1]]] }, /"bytes" is no count/],
  ["a size as text", { bytes: "4096" }, /"bytes" is no count/],
  ["a digest that is none", { sha256: "xyz" }, /"sha256" is no digest/],
  ["an engine that is not known", { engine: "mysqldump" }, /"engine" is none of/],
  ["a proof that is not known", { proof: "hoped" }, /"proof" is none of/],
  ["no proof", { proof: null }, /"proof" is none of/],
  ["a time in words", { createdAt: "yesterday" }, /"createdAt" is no time/],
  ["a time that never is", { createdAt: "2026-99-99T99:99:99.999Z" }, /"createdAt" is no time/],
  ["an identity that is none", { identity: "mine" }, /"identity" is no identity/],
  ["a sequence that is no number", { sequence: "last" }, /"sequence" is no count/],
  ["a table without rows", { tables: [{ name: "files", digest }] }, /"tables.0.rows" is missing/],
  ["tables that are no list", { tables: {} }, /"tables" is no list/],
  ["a plain copy without a digest", { plain: { bytes: 1 } }, /"plain.sha256" is missing/],
  ["uncarried things that are no texts", { uncarried: [1] }, /"uncarried.0" is no text/],
];
for (const [what, change, expected] of refusals) {
  test(`parseManifest() refuses ${what}`, () => {
    const whole = JSON.parse(renderManifest(manifest)) as Record<string, unknown>;
    const text = typeof change === "string" ? change : JSON.stringify({ ...whole, ...change });
    assert.throws(() => parseManifest(text, "m.json"), (error) => {
      assert.ok(error instanceof HarborError);
      assert.equal(error.code, "damaged_backup");
      assert.match(error.message, expected);
      return true;
    });
  });
}

// One row a manifest: what is called how, the file it is beside, the change to the JSON, what the message says; null: read.
const names: readonly (readonly [string, string, Record<string, unknown>, RegExp | null])[] = [
  ["its own name", manifest.file, {}, null],
  ["a user's own name", "keep.db.zst", {}, null],
  ["its name with a user's word behind it", `${manifest.id}_keep.db.zst`, {}, null],
  [
    "the name of another",
    "openharbor-20260729T101112123Z-71dda59686db.db.zst",
    {},
    /it is the manifest of openharbor-20260728T101112123Z-71dda59686db, and stands beside openharbor-20260729T/,
  ],
  [
    "another day than its id's",
    manifest.file,
    { createdAt: "2026-07-29T10:11:12.123Z" },
    /its field "createdAt" is 2026-07-29T10:11:12.123Z, and its "id" says another time/,
  ],
  ["an id of a user's", "keep.db", { id: "keep", createdAt: "2026-07-29T10:11:12.123Z" }, null],
];
for (const [what, name, change, expected] of names) {
  test(`parseManifest() ${expected === null ? "reads" : "refuses"} one with ${what}`, () => {
    const text = JSON.stringify({ ...JSON.parse(renderManifest(manifest)), ...change });
    const read = () => parseManifest(text, `/b/${name}.json`);
    if (expected === null) assert.equal(read().sha256, digest);
    else assert.throws(read, { code: "damaged_backup", message: expected });
  });
}

for (const field of Object.keys(manifest).filter((name) => !later.includes(name))) {
  test(`parseManifest() refuses a manifest without "${field}"`, () => {
    const { [field]: _, ...rest } = JSON.parse(renderManifest(manifest)) as Record<string, unknown>;
    assert.throws(() => parseManifest(JSON.stringify(rest), "m.json"), { code: "damaged_backup" });
  });
}

// One row a name: the database, the revision, what the id is.
const ids: readonly (readonly [string, string | null, string])[] = [
  ["openharbor", "71dda59686db", "openharbor-20260728T101112123Z-71dda59686db"],
  ["../Ünïcode db-name", null, "n_code_db_name-20260728T101112123Z-none"],
  ["", null, "database-20260728T101112123Z-none"],
];
for (const [name, revision, expected] of ids) {
  test(`backupId() names "${name}" so that it is a file name anywhere`, () => {
    assert.equal(backupId({ name, createdAt: manifest.createdAt, revision }), expected);
  });
}

test("a manifest's path and its backup's lead to each other", () => {
  assert.equal(backupPathOf(manifestPathOf("/b/x.db")), "/b/x.db");
  assert.equal(backupPathOf("/b/x.db"), null);
});

test("differingTables() finds what is missing, new or other", () => {
  const table = (name: string, rows = 1, hash = digest) => ({ name, rows, digest: hash });
  assert.deepEqual(
    differingTables(
      [table("a"), table("b"), table("c"), table("d")],
      [table("d"), table("c", 2), table("b", 1, "ff".repeat(32)), table("e")],
    ),
    ["a", "b", "c", "e"],
  );
});
