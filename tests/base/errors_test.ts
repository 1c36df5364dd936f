import assert from "node:assert/strict";
import { test } from "node:test";
import { exitCodeOf, HarborError, messageOf } from "../../src/base/errors.ts";

const cause = new Error("no");
const error = new HarborError("statement_failed", 'Cannot run "SELECT x"', {
  state: "no such column: x",
  hint: "Look again.",
  details: { statement: "SELECT x", index: 0 },
  cause,
});

test("a HarborError says what could not be done, and behind it the state", () => {
  assert.equal(error.message, 'Cannot run "SELECT x": no such column: x');
  assert.equal(error.state, "no such column: x");
  assert.equal(error.cause, cause);
});

test("a HarborError without a state of its own has its message for one", () => {
  const { message, state, hint } = new HarborError("usage", "Cannot do that");
  assert.deepEqual([message, state, hint], ["Cannot do that", "Cannot do that", undefined]);
});

// One row a change: what is changed, then code, message, state and hint of the new error.
const changes = [
  [{}, "statement_failed", 'Cannot run "SELECT x": no such column: x', "no such column: x", "Look again."],
  [{ code: "busy" }, "busy", 'Cannot run "SELECT x": no such column: x', "no such column: x", "Look again."],
  [{ state: "busy" }, "statement_failed", 'Cannot run "SELECT x": busy', "busy", "Look again."],
  [{ message: "Cannot go" }, "statement_failed", "Cannot go", "Cannot go", "Look again."],
  [{ message: "Cannot go", state: "so" }, "statement_failed", "Cannot go: so", "so", "Look again."],
  [
    { hint: null },
    "statement_failed",
    'Cannot run "SELECT x": no such column: x',
    "no such column: x",
    undefined,
  ],
] as const;
for (const [change, code, message, state, hint] of changes) {
  test(`HarborError.with(${JSON.stringify(change)}) changes that and nothing else`, () => {
    const changed = error.with(change);
    assert.deepEqual(
      [changed.code, changed.message, changed.state, changed.hint],
      [code, message, state, hint],
    );
    assert.deepEqual(changed.details, { statement: "SELECT x", index: 0 });
    assert.equal(changed.cause, cause);
    assert.equal(error.message, 'Cannot run "SELECT x": no such column: x');
  });
}

test("HarborError.with() adds details to those that there are", () => {
  const { details } = error.with({ details: { index: 1, done: [] } });
  assert.deepEqual(details, { statement: "SELECT x", index: 1, done: [] });
});

// One row an exit code: what scripts and cron jobs go by.
const exits = [
  [1, ["internal", "statement_failed", "connection_failed", "disk_full", "lock_lost", "backup_failed"]],
  [2, ["usage", "bad_config", "bad_history", "bad_script", "unknown_target", "unknown_backup"]],
  [3, ["attention"]],
  [4, [
    "checksum_mismatch",
    "unfinished",
    "unmanaged",
    "schema_mismatch",
    "data_conflict",
    "untrusted_owner",
  ]],
  [4, ["needs_confirmation", "damaged_backup", "in_use", "unsafe_path"]],
  [5, ["locked"]],
  [130, ["interrupted"]],
] as const;
for (const [exit, codes] of exits) {
  test(`exitCodeOf() gives ${exit} for ${codes.join(", ")}`, () => {
    for (const code of codes) assert.equal(exitCodeOf(new HarborError(code, "Cannot")), exit, code);
  });
}

test("exitCodeOf() and messageOf() take whatever was thrown", () => {
  assert.deepEqual([exitCodeOf(error), exitCodeOf("text"), exitCodeOf(undefined)], [1, 1, 1]);
  assert.deepEqual([messageOf(error), messageOf("text"), messageOf(null)], [error.message, "text", "null"]);
});
