import assert from "node:assert/strict";
import { test } from "node:test";
import { environmentName, flag, number, resolveOptions, text } from "../../src/cli/options.ts";
import { HarborError } from "../../src/base/errors.ts";

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
