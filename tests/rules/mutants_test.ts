import assert from "node:assert/strict";
import { test } from "node:test";
import { mutants } from "../../scripts/mutants/all.ts";
import { failureIn } from "../../scripts/mutants/failure.ts";
import { faultOf } from "../../scripts/mutants/mutant.ts";

test("every change of scripts/mutants can still be made", async () => {
  const faults = await Promise.all(mutants.map(faultOf));
  assert.deepEqual(faults.filter((fault) => fault !== null), []);
});

/** A report as `deno test --junit-path` writes it: the name of each file, and what is in each of its cases. */
function report(files: Readonly<Record<string, readonly string[]>>): string {
  const suites = Object.entries(files).map(([file, cases]) =>
    `<testsuite name="${file}">${
      cases.map((inside, at) => `<testcase name="case &quot;${at}&quot;">${inside}</testcase>`).join("")
    }</testsuite>`
  );
  return `<testsuites name="deno test">${suites.join("")}</testsuites>`;
}

const skipped = "<skipped/>";

// One row a run: what ran, its exit code, what is said of it.
const runs = [
  ["that passed", { "a_test.ts": ["", skipped], "b_test.ts": [""] }, 0, null],
  ["whose filter fits no test", { "a_test.ts": [skipped, skipped] }, 0, "no test ran of a_test.ts"],
  [
    "whose filter fits no test of one file",
    { "a_test.ts": [""], "b_test.ts": [skipped] },
    0,
    "no test ran of b_test.ts",
  ],
  ["that failed", { "a_test.ts": ["", "<failure/>"], "b_test.ts": [skipped] }, 1, 'case "1"'],
  ["of which no file could be read", {}, 1, "a test file could not be run"],
  ["without a file", {}, 0, "no test ran"],
] as const;

test("a change only counts as seen, or as not seen, where tests of each of its files ran", () => {
  const said = runs.map(([run, files, code]) => [run, failureIn(report(files), code)]);
  assert.deepEqual(said, runs.map(([run, , , expected]) => [run, expected]));
});
