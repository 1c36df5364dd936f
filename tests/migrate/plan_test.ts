import { type Applied, locate } from "../../src/history/applied.ts";
import { resolveTarget } from "../../src/history/target.ts";
import assert from "node:assert/strict";
import { test } from "node:test";
import { HarborError } from "../../src/base/errors.ts";
import { buildHistory, type History, scriptChecksum } from "../../src/history/history.ts";
import { plan } from "../../src/migrate/rules/plan.ts";

const names = ["000000000001", "000000000002", "00000000abcd", "00000000abef"];
const history = historyOf(names);

function historyOf(ids: readonly string[]): History {
  return historyOfTags(ids.map((id) => `${id}_step`));
}

function historyOfTags(tags: readonly string[]): History {
  const files = new Map<string, string>([[
    "meta/_journal.json",
    JSON.stringify({
      dialect: "sqlite",
      entries: tags.map((tag, idx) => ({ idx, when: idx, tag, breakpoints: true })),
    }),
  ]]);
  for (const tag of tags) {
    const id = tag.replace(/_step$/, "");
    files.set(`${tag}.sql`, `SELECT '${id}';`);
    // The third has no way back.
    if (id !== names[2]) files.set(`${tag}.down.sql`, `SELECT 'not ${id}';`);
  }
  return buildHistory("sqlite", { folder: "drizzle/sqlite", read: (path) => files.get(path) ?? null });
}

/** `1 2! 3^ 4v`: revisions by number; `!` edited since, `^` upgrade under way, `v` downgrade under way, `b` bridged, `x` unknown. */
function appliedOf(text: string): readonly Applied[] {
  return text.split(" ").filter(Boolean).map((word) => {
    const revision = word.startsWith("x") ? "ffffffffffff" : names[Number(word[0]) - 1]!;
    const underWay = /[\^v]/.test(word);
    return {
      revision,
      name: "step",
      checksum: word.includes("!") ? "0" : scriptChecksum(`SELECT '${revision}';`),
      direction: word.includes("v") ? "downgrade" : "upgrade",
      statementsDone: 1,
      startedAt: "2026-01-01T00:00:00.000Z",
      finishedAt: underWay ? null : "2026-01-01T00:00:01.000Z",
      ms: null,
      appliedBy: "0.0.0",
      origin: word.includes("b") ? "bridge" : "run",
    };
  });
}

function show(applied: string, direction: "upgrade" | "downgrade", text: string): string {
  try {
    const steps = plan(history, appliedOf(applied), { direction, text });
    return steps.map((step) => {
      const number = names.indexOf(step.revision.id) + 1;
      return `${step.direction === "upgrade" ? "+" : "-"}${number}${
        step.resume ? `@${step.resume.statementsDone}` : ""
      }`;
    }).join(" ");
  } catch (error) {
    if (error instanceof HarborError) return error.code;
    throw error;
  }
}

// One row a rule: applied, direction, target, steps or the error's code.
const cases = [
  ["upgrades an empty database to head", "", "upgrade", "head", "+1 +2 +3 +4"],
  ["upgrades only what is pending", "1 2", "upgrade", "head", "+3 +4"],
  ["takes rows in any order", "2 1", "upgrade", "head", "+3 +4"],
  ["finds nothing to do at head", "1 2 3 4", "upgrade", "head", ""],
  ["upgrades to a revision", "1", "upgrade", "00000000abcd", "+2 +3"],
  ["upgrades to a unique prefix", "", "upgrade", "00000000abc", "+1 +2 +3"],
  ["takes a prefix in any case", "", "upgrade", "00000000ABC", "+1 +2 +3"],
  ["upgrades by a number of revisions", "1", "upgrade", "+2", "+2 +3"],
  ["refuses more than there are", "1 2 3", "upgrade", "+2", "unknown_target"],
  ["refuses a prefix of two", "", "upgrade", "00000000ab", "ambiguous_target"],
  ["refuses an unknown id", "", "upgrade", "dddd", "unknown_target"],
  ["refuses a word that is no id", "", "upgrade", "latest", "unknown_target"],
  ["never downgrades on upgrade", "1 2", "upgrade", "000000000001", "wrong_direction"],
  ["never downgrades on upgrade -1", "1 2", "upgrade", "-1", "wrong_direction"],
  ["stays where it is", "1 2", "upgrade", "000000000002", ""],
  ["downgrades to a revision", "1 2", "downgrade", "000000000001", "-2"],
  ["downgrades to base", "1 2", "downgrade", "base", "-2 -1"],
  ["downgrades by a number", "1 2", "downgrade", "-1", "-2"],
  ["never upgrades on downgrade", "1", "downgrade", "head", "wrong_direction"],
  ["has nothing to downgrade at base", "", "downgrade", "base", ""],
  ["refuses to go below base", "1", "downgrade", "-2", "unknown_target"],
  ["refuses a step that has no way back", "1 2 3 4", "downgrade", "000000000002", "irreversible"],
  ["undoes what a bridge made", "1b 2b", "downgrade", "base", "-2 -1"],
  ["undoes what came after a bridge", "1b 2", "downgrade", "-1", "-2"],
  ["refuses a gap", "1 3", "upgrade", "head", "out_of_order"],
  ["refuses a missing first revision", "2", "upgrade", "head", "out_of_order"],
  ["refuses an edited script", "1! 2", "upgrade", "head", "checksum_mismatch"],
  [
    "refuses an edited script when there is nothing to do",
    "1! 2 3 4",
    "upgrade",
    "head",
    "checksum_mismatch",
  ],
  ["refuses to downgrade past an edited script", "1! 2", "downgrade", "-1", "checksum_mismatch"],
  ["refuses a revision that the history does not have", "1 2 3 4 x", "upgrade", "head", "missing_revision"],
  ["names the stranger before the gap", "1 x", "downgrade", "base", "missing_revision"],
  ["resumes an upgrade", "1 2^", "upgrade", "head", "+2@1 +3 +4"],
  ["does not count an unfinished upgrade", "1 2^", "upgrade", "+1", "+2@1"],
  ["refuses to downgrade half an upgrade", "1 2^", "downgrade", "-1", "unfinished"],
  ["resumes a downgrade", "1 2v", "downgrade", "000000000001", "-2@1"],
  ["refuses to upgrade half a downgrade", "1 2v", "upgrade", "head", "unfinished"],
  ["refuses to resume an edited script", "1 2^!", "upgrade", "head", "checksum_mismatch"],
] as const;

// One row a target: the tags, what the user writes, how many are applied there (or the error's code).
const targets = [
  ["0000_a 0001_b 0010_c", "0001", 2],
  ["0000_a 0001_b 0010_c", "001", 3],
  ["0000_a 0001_b 0010_c", "0001_B", 2],
  ["0000_a 0001_b 0010_c", "00", "ambiguous_target"],
  ["1_a 10_b", "1", 1],
  ["0007_a 0007_b", "0007_b", 2],
  ["0007_a 0007_b", "0007", "ambiguous_target"],
  ["0007_a 0007_b", "b", "unknown_target"],
  ["0007_a 0007_b", "", "unknown_target"],
] as const;
for (const [tags, text, expected] of targets) {
  test(`resolveTarget() of "${text}" among ${tags} is ${expected}`, () => {
    const found = () => resolveTarget(historyOfTags(tags.split(" ")), 0, text);
    if (typeof expected === "number") assert.equal(found(), expected);
    else assert.throws(found, { code: expected });
  });
}

for (const [rule, applied, direction, target, expected] of cases) {
  test(`plan() ${rule}`, () => assert.equal(show(applied, direction, target), expected));
}

test("plan() names the command that goes the other way", () => {
  assert.throws(
    () => plan(history, appliedOf("1 2"), { direction: "upgrade", text: "000000000001" }),
    (error: HarborError) => error.hint === "harbor-db downgrade 000000000001",
  );
});

test("locate() counts an unfinished downgrade as applied and an unfinished upgrade not", () => {
  assert.equal(locate(history, appliedOf("1 2v")).done, 2);
  assert.equal(locate(history, appliedOf("1 2^")).done, 1);
  assert.equal(locate(history, appliedOf("1 2")).unfinished, null);
});

test("resolveTarget() counts revisions", () => {
  assert.equal(resolveTarget(history, 2, "head"), 4);
  assert.equal(resolveTarget(history, 2, "base"), 0);
  assert.equal(resolveTarget(history, 2, "-1"), 1);
});

for (
  const [what, applied] of [["an edited script", "1! 2 3"], ["a gap", "1 3 4"], [
    "an edited head",
    "1 2!",
  ]] as const
) {
  test(`the stamp that settles ${what} takes no later revision out of the version table`, () => {
    const rows = appliedOf(applied);
    assert.throws(
      () => plan(history, rows, { direction: "upgrade", text: "head" }),
      (error: HarborError) => error.hint?.includes(`harbor-db stamp ${rows.at(-1)!.revision}`) === true,
    );
  });
}
