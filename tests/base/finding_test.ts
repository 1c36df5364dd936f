import assert from "node:assert/strict";
import { test } from "node:test";
import { exitCodeOfFindings, type FindingStatus, summarize, worstStatus } from "../../src/base/finding.ts";

// Statuses, the worst one, the exit code, the exit code when warnings count.
const cases = [
  ["", "pass", 0, 0],
  ["pass pass", "pass", 0, 0],
  ["pass warn", "warn", 0, 3],
  ["warn error pass", "error", 1, 1],
  ["error fail warn", "fail", 3, 3],
  ["fail", "fail", 3, 3],
] as const;

for (const [words, worst, code, strictCode] of cases) {
  test(`findings "${words}" are ${worst} and end with ${code}, strictly with ${strictCode}`, () => {
    const findings = words.split(" ").filter(Boolean).map((status) => ({ status: status as FindingStatus }));
    assert.equal(worstStatus(findings), worst);
    assert.equal(exitCodeOfFindings(findings), code);
    assert.equal(exitCodeOfFindings(findings, true), strictCode);
  });
}

test("summarize() counts every status, also those that do not occur", () => {
  const findings = (["fail", "pass", "fail"] as const).map((status) => ({ status }));
  assert.deepEqual(summarize(findings), { pass: 1, warn: 0, fail: 2, error: 0 });
});
