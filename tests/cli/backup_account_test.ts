import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import { ownTableNames } from "../../src/sql/own/tables.ts";
import { type BackupCase, eachCase, fill, initial, storageFields } from "../support/backups.ts";
import { engines } from "../support/databases.ts";

// What a copy says of itself is compared with what its manifest says of it.

async function makeBackup(given: BackupCase): Promise<{ readonly path: string; readonly manifest: string }> {
  const result = await given.expect(0, "backup", "--json");
  return result.json<{ backup: { path: string; manifest: string } }>().backup;
}

eachCase("a manifest that says another revision than the copy's own tables is found", async (given) => {
  await fill(given, 10);
  await given.expect(0, "upgrade", "--no-backup", storageFields);
  const { path, manifest } = await makeBackup(given);
  const text = readFileSync(manifest, "utf8");
  await given.expect(0, "backup", "verify", path);
  for (
    const [field, said] of [["revision", `"${initial}"`], ["revision", "null"], [
      "unfinished",
      `"${initial}"`,
    ]]
  ) {
    writeFileSync(manifest, text.replace(new RegExp(`"${field}": ?(?:"\\w+"|null)`), `"${field}":${said}`));
    const { stdout } = await given.expect(3, "backup", "verify", path);
    assert.match(stdout, new RegExp(`its manifest says .*, and its own version table ${storageFields}`));
  }
  // A restore goes by the copy.
  const { stdout, stderr } = await given.expect(0, "restore", "--yes", path);
  assert.match(stdout + stderr, new RegExp(`is at ${storageFields}`));
});

eachCase(
  "a manifest that names another database than the copy's own is found, and nothing is restored",
  async (given) => {
    await fill(given, 10);
    const { path, manifest } = await makeBackup(given);
    const text = readFileSync(manifest, "utf8");
    const other = "0123456789abcdef".repeat(2);
    const edited = text.replace(/"identity": ?"\w+"/, `"identity":"${other}"`);
    assert.notEqual(edited, text);
    writeFileSync(manifest, edited);
    const { stdout } = await given.expect(3, "backup", "verify", path);
    assert.match(stdout, new RegExp(`its manifest says .*${other}, and the copy itself says [0-9a-f]{32}`));
    const { stderr } = await given.run("restore", "--yes", path);
    assert.match(stderr, /and the copy itself says/);
  },
);

eachCase(
  "a manifest that says of no database what the copy says is found, and what it leaves out is named",
  async (given) => {
    await fill(given, 10);
    const { path, manifest } = await makeBackup(given);
    const text = readFileSync(manifest, "utf8");
    writeFileSync(manifest, text.replace(/"identity": ?"\w+"/, '"identity":null'));
    const { stdout } = await given.expect(3, "backup", "verify", path);
    assert.match(stdout, /its manifest says .* no identity, and the copy itself says [0-9a-f]{32}/);
    assert.match(
      (await given.expect(4, "restore", "--yes", path)).stderr,
      /no identity, and the copy itself says/,
    );
    // As earlier releases wrote it.
    writeFileSync(manifest, text.replace(/"(?:identity|state)": ?"\w+",/g, ""));
    const earlier = await given.expect(0, "backup", "verify", path);
    assert.match(
      earlier.stdout,
      /not compared, since not both manifest and copy say it: sequences, identity/,
    );
    await given.expect(0, "restore", "--yes", path);
  },
);

eachCase(
  "what a manifest leaves out is named also where the copy's index entries are wrong",
  async (given) => {
    await fill(given, 10);
    await given.query("CREATE TABLE boats (id INTEGER PRIMARY KEY, name TEXT)");
    await given.query("CREATE INDEX by_name ON boats (name)");
    await given.query("INSERT INTO boats VALUES (4321, 'the one boat')");
    const { path, manifest } = await makeBackup(given);
    const bytes = readFileSync(path);
    // In the table and in the index, which was made later.
    const at = bytes.lastIndexOf("the one boat");
    assert.notEqual(at, bytes.indexOf("the one boat"));
    bytes.write("the old boat", at);
    writeFileSync(path, bytes);
    const sha256 = createHash("sha256").update(bytes).digest("hex");
    const text = readFileSync(manifest, "utf8").replace(/"sha256": ?"\w+"/, `"sha256":"${sha256}"`);
    writeFileSync(manifest, text.replace(/"(?:identity|state)": ?"\w+",/g, ""));
    const { stdout } = await given.expect(0, "backup", "verify", path);
    assert.match(
      stdout,
      /entries of by_name are not those of their rows; not compared, .*: sequences, identity/,
    );
  },
  engines.filter(({ name }) => name === "sqlite file"),
);

// One row a database that nobody took over: what makes it, what its manifest rightly says, and a field that then lies.
const strangers = [
  [
    "that Alembic manages",
    initial,
    ["revision", `"${storageFields}"`],
    /says \w+, and its own alembic_version table \w+/,
  ],
  [
    "that Alembic manages",
    initial,
    ["unfinished", `"${initial}"`],
    /half done, and its own alembic_version table \w+/,
  ],
  [
    "that nobody manages",
    null,
    ["revision", `"${initial}"`],
    /says \w+, and the copy itself says no revision/,
  ],
  [
    "that nobody manages",
    null,
    ["identity", `"${"0123456789abcdef".repeat(2)}"`],
    /and the copy itself says no identity/,
  ],
] as const;
for (const [what, alembic, [field, lie], words] of strangers) {
  eachCase(
    `a backup of a database ${what} is whole, and a manifest with another ${field} is found`,
    async (given) => {
      await fill(given, 10);
      for (const table of ownTableNames) await given.query(`DROP TABLE IF EXISTS ${table}`);
      if (alembic !== null) {
        await given.query("CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL PRIMARY KEY)");
        await given.query(`INSERT INTO alembic_version VALUES ('${alembic}')`);
      }
      const { path, manifest } = await makeBackup(given);
      const text = readFileSync(manifest, "utf8");
      assert.equal(JSON.parse(text).revision, alembic);
      assert.match((await given.expect(0, "backup", "verify", path)).stdout, / is whole/);
      writeFileSync(manifest, text.replace(new RegExp(`"${field}": ?(?:"\\w+"|null)`), `"${field}":${lie}`));
      assert.match((await given.expect(3, "backup", "verify", path)).stdout, words);
    },
  );
}
