import assert from "node:assert/strict";
import { test } from "node:test";
import { type Kept, sideTableOf } from "../../../src/engines/kept_table.ts";
import type { Applied } from "../../../src/history/applied.ts";
import { leftText } from "../../../src/migrate/kept/count_kept.ts";
import { isTriedAgain } from "../../../src/state/rules/due.ts";
import { historyOf, idOf } from "../../support/samples/script_history.ts";

const history = historyOf("sqlite", ["SELECT 1", "SELECT 1", "SELECT 1"]);

function left(direction: Kept["direction"], revision: string): Kept {
  return {
    id: 1,
    revision,
    direction,
    kind: "changed",
    table: "t",
    keys: ["id"],
    sideTable: sideTableOf(1),
    columns: [{ name: "a", type: "integer", given: null }],
    state: "left",
    lastRow: 0,
    rows: 1,
    bytes: 1,
    madeAt: "2026-11-28T05:00:00.000Z",
  };
}

/** Rows of `1 2 3~`: the last stopped half way. */
function rowsOf(text: string): readonly Applied[] {
  return text.split(" ").filter((each) => each !== "").map((each) => ({
    revision: idOf(parseInt(each) - 1),
    name: "step",
    checksum: "",
    direction: "upgrade",
    statementsDone: 0,
    startedAt: "2026-11-28T05:00:00.000Z",
    finishedAt: each.endsWith("~") ? null : "2026-11-28T05:00:00.000Z",
    ms: null,
    appliedBy: "0.1.0",
    origin: "run",
  }));
}

// What is applied, the step that kept, the way that is told.
const cases: readonly (readonly [rule: string, applied: string, kept: Kept, way: RegExp])[] = [
  ["after the upgrade that undid the downgrade", "1 2", left("downgrade", idOf(1)), /this brings them back/],
  [
    "not above it",
    "1 2 3",
    left("downgrade", idOf(1)),
    /schema of 0+2: harbor-db downgrade 0+2, then harbor-db kept return/,
  ],
  ["not beside what stopped half way", "1 2 3~", left("downgrade", idOf(1)), /half way.*harbor-db status/],
  ["after the downgrade that undid the upgrade", "1", left("upgrade", idOf(1)), /this brings them back/],
  ["before the first revision, too", "", left("upgrade", idOf(0)), /this brings them back/],
  [
    "not below it",
    "1",
    left("upgrade", idOf(2)),
    /schema of 0+2: harbor-db upgrade 0+2, then harbor-db kept return/,
  ],
  ["not of a revision that the history lost", "1", left("upgrade", "lost"), /history stands for lost/],
];
for (const [rule, applied, kept, way] of cases) {
  test(`what stayed kept is tried again ${rule}`, () => {
    const standing = { history, applied: rowsOf(applied) };
    assert.match(leftText(kept, standing).hint, way);
    assert.equal(isTriedAgain(kept, standing), !rule.startsWith("not"));
  });
}
