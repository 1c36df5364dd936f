import assert from "node:assert/strict";
import { test } from "node:test";
import { HarborError } from "../../../src/base/errors.ts";
import { type Kept, sideTableOf } from "../../../src/engines/kept_table.ts";
import type { Applied } from "../../../src/history/applied.ts";
import { ranSince } from "../../../src/migrate/kept/rules/ran_since.ts";
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

/** Rows of `1! 2 3~`: the first began in the moment in which {@link left} kept something, the last stopped half way. */
function rowsOf(text: string): readonly Applied[] {
  return text.split(" ").filter((each) => each !== "").map((each) => ({
    revision: idOf(parseInt(each) - 1),
    name: "step",
    checksum: "",
    direction: "upgrade",
    statementsDone: 0,
    startedAt: `2026-11-28T0${each.endsWith("!") ? 5 : 4}:00:00.000Z`,
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

const ways = historyOf("sqlite", [
  ["SELECT 1", "SELECT -1"],
  "SELECT 2",
  ["SELECT 3", "SELECT -3"],
  ["SELECT 4", "SELECT -4"],
]);
// The history that a database's ledger fills up: it lacks the upgrade script.
const { revisions } = ways;
const unread = () => {
  throw new HarborError("missing_revision", "Cannot read it");
};
const recorded = {
  ...ways,
  revisions: revisions.map((each, at) => at < 3 ? each : { ...each, upgrade: unread }),
};
const kept = (direction: Kept["direction"], at: number): Kept => ({
  ...left(direction, idOf(at)),
  state: "kept",
});

// What is applied, what is kept, what ran since; `null`: nobody knows.
const since: readonly (readonly [rule: string, applied: string, of: Kept, texts: string | null])[] = [
  ["nothing", "1 2 3", kept("downgrade", 3), ""],
  ["the scripts of the way down", "1 2", kept("downgrade", 3), "SELECT -3"],
  ["the scripts of the way up", "1 2 3", kept("upgrade", 0), "SELECT 2 SELECT 3"],
  ["not known behind a script that is not there", "1", kept("downgrade", 3), null],
  ["not known behind one that only the ledger has", "1 2 3 4", kept("upgrade", 2), null],
  ["not known while a way down is half done", "1 2 3~", kept("downgrade", 3), null],
  ["not known of a revision that the history lost", "1 2", kept("downgrade", 9), null],
  ["not known beside one that the history lost", "1 2 3 9", kept("upgrade", 2), null],
  ["nothing where what was left is at home", "1 2 3", left("downgrade", idOf(2)), ""],
  ["what was done again in the same moment", "1! 2 3", left("downgrade", idOf(2)), "SELECT -1 SELECT 1"],
  ["not known where what was left is not", "1 2 3 4", left("downgrade", idOf(2)), null],
];
for (const [rule, applied, of, texts] of since) {
  test(`since something was kept ran ${rule}`, () => {
    const found = ranSince(of, { history: recorded, applied: rowsOf(applied) }, {});
    assert.equal(found === null ? null : found.join(" "), texts);
  });
}
