import assert from "node:assert/strict";
import { test } from "node:test";
import { netRenames, orderRenames } from "../../src/author/rules/change/rename_order.ts";
import type { ColumnRename } from "../../src/author/rules/change/renames.ts";

/** Reads `a>b`, of table `t` where none is named. */
function renamesOf(text: string): readonly ColumnRename[] {
  return text.split(" ").filter((each) => each !== "").map((each) => {
    const [, table = "t", from, to] = /^(?:(\w+)\.)?(\w+)>(\w+)$/.exec(each)!;
    return { table, from: from!, to: to! };
  });
}

const shown = (renames: readonly ColumnRename[]) =>
  renames.map(({ table, from, to }) => `${table === "t" ? "" : `${table}.`}${from}>${to}`).join(" ");

// One row a rule: renames, the names that tables have besides, and the order.
const orders = [
  ["leaves one as it is", "a>b", "a b", "a>b"],
  ["begins with the name that is free", "a>b b>c", "a b c", "b>c a>b"],
  ["takes a third name where two change places", "a>b b>a", "a b", "a>a_old b>a a_old>b"],
  ["takes a third name that nothing has", "a>b b>a", "a b a_old", "a>a_old2 b>a a_old2>b"],
  ["turns three around", "a>b b>c c>a", "a b c", "a>a_old c>a b>c a_old>b"],
  ["keeps tables apart", "t.a>b u.b>a", "a b", "a>b u.b>a"],
  ["knows names in other letters", "a>B b>c", "a b c", "b>c a>B"],
  ["gives a name other letters", "a>A", "a", "a>A"],
  [
    "takes two pairs one after the other",
    "a>b b>a c>d d>c",
    "a b c d",
    "a>a_old b>a a_old>b c>c_old d>c c_old>d",
  ],
] as const;
for (const [rule, renames, taken, expected] of orders) {
  test(`orderRenames() ${rule}`, () => {
    const isTaken = (_: string, name: string) => taken.split(" ").includes(name);
    assert.equal(shown(orderRenames(renamesOf(renames), { dialect: "sqlite", isTaken })), expected);
  });
}

const nets = [
  ["leaves one as it is", "a>b", "a>b"],
  ["leaves the third name out", "a>a_old b>a a_old>b", "a>b b>a"],
  ["leaves out what is called as before in the end", "a>b b>a", ""],
  ["keeps tables apart", "a>b u.b>c", "a>b u.b>c"],
  ["knows names in other letters", "a>A_old b>a a_OLD>b", "a>b b>a"],
] as const;
for (const [rule, steps, expected] of nets) {
  test(`netRenames() ${rule}`, () => assert.equal(shown(netRenames(renamesOf(steps), "sqlite")), expected));
}
