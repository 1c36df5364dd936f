import assert from "node:assert/strict";
import { test } from "node:test";
import { remedyOf } from "../../src/cli/remedy.ts";
import { environmentName, flag, number, resolveOptions, text } from "../../src/cli/options.ts";
import { HarborError } from "../../src/base/errors.ts";
import { noFiles } from "../../src/base/url/postgres_files.ts";

const options = {
  dir: text("--dir <dir>", ""),
  json: flag("--json", ""),
  lockWait: number("--lock-wait <seconds>", "", 60),
};

function resolve(given: Record<string, string | true>, environment: Record<string, string> = {}) {
  return resolveOptions(options, { given: new Map(Object.entries(given)), environment });
}

test("resolveOptions() takes the command line before the environment before the fallback", () => {
  assert.deepEqual(resolve({}), { dir: undefined, json: false, lockWait: 60 });
  assert.deepEqual(resolve({}, { HARBOR_DB_LOCK_WAIT: "5", HARBOR_DB_JSON: "1" }), {
    dir: undefined,
    json: true,
    lockWait: 5,
  });
  assert.deepEqual(resolve({ "lock-wait": "0", dir: "d" }, { HARBOR_DB_LOCK_WAIT: "5" }), {
    dir: "d",
    json: false,
    lockWait: 0,
  });
});

test("resolveOptions() names where a bad value stands", () => {
  assert.throws(
    () => resolve({ "lock-wait": "soon" }),
    (error: HarborError) => error.code === "usage" && /--lock-wait "soon"/.test(error.message),
  );
  assert.throws(
    () => resolve({}, { HARBOR_DB_JSON: "maybe" }),
    (error: HarborError) => error.code === "bad_config" && /HARBOR_DB_JSON "maybe"/.test(error.message),
  );
});

test("environmentName() is made of the long name", () => {
  assert.equal(environmentName(options.lockWait), "HARBOR_DB_LOCK_WAIT");
});

const pg = "postgresql://own@host/db?options=-csearch_path%3Dapp";
// One row: what the remedy says, the options of the command line, and how it is shown.
const remedies = [
  ["harbor-db adopt", {}, "harbor-db adopt"],
  [
    "harbor-db adopt",
    { "database-url": "sqlite:///it's.db" },
    "harbor-db adopt --database-url 'sqlite:///it'\\''s.db'",
  ],
  [
    "a, then harbor-db stamp base && harbor-db backup list",
    { dir: "d", "backup-dir": "b c" },
    "a, then harbor-db stamp --dir d base && harbor-db backup list --dir d --backup-dir 'b c'",
  ],
  [
    "Use the harbor-db binary, harbor-db derives one",
    { dir: "d" },
    "Use the harbor-db binary, harbor-db derives one",
  ],
  ["harbor-db adopt", { "database-url": pg }, `harbor-db adopt --database-url '${pg}'`],
  [
    "harbor-db adopt",
    { "database-url": "postgresql://own:SECRET@host/db" },
    "harbor-db adopt --database-url postgresql://own@host:5432/db",
  ],
  [
    "harbor-db adopt",
    { "database-url": "libsql://host?authToken=SECRET" },
    "harbor-db adopt --database-url libsql://host",
  ],
  [
    "harbor-db adopt",
    { "database-url": "postgres://a:SECRET@b:SECRET@c", dir: "d" },
    "harbor-db adopt --dir d",
  ],
] as const;
test("a remedy repeats an address of the environment that is shown whole, and none that lacks its secret", () => {
  const remedyIn = (url: string) =>
    remedyOf({
      given: new Map(),
      environment: { HARBOR_DB_DATABASE_URL: url },
      files: noFiles,
      commands: ["adopt"],
    })("harbor-db adopt");
  assert.equal(remedyIn(pg), `harbor-db adopt --database-url '${pg}'`);
  assert.equal(remedyIn("postgresql://own:SECRET@host/db"), "harbor-db adopt");
});

for (const [text, given, shown] of remedies) {
  test(`a remedy is shown as it is pasted: ${shown}`, () => {
    const sources = {
      given: new Map<string, string>(Object.entries(given)),
      environment: { PGPASSWORD: "SECRET" },
      files: noFiles,
      commands: ["backup", "backup list", "adopt", "stamp"],
    };
    assert.equal(remedyOf(sources)(text), shown);
  });
}
