import assert from "node:assert/strict";
import { test } from "node:test";
import { type Dependent, keepDependents } from "../../../src/engines/sqlite/transaction/table_rebuild.ts";

const rebuild = [
  "CREATE TABLE `__new_t` (`id` integer)",
  "INSERT INTO `__new_t` SELECT `id` FROM `t`",
  "DROP TABLE `t`",
  "ALTER TABLE `__new_t` RENAME TO `t`",
];
const view: Dependent = { type: "view", name: "v", table: "v", sql: "CREATE VIEW v AS SELECT 1" };
const own: Dependent = {
  type: "trigger",
  name: 'o"w',
  table: "T",
  sql: "CREATE TRIGGER 'o\"w' AFTER INSERT ON T BEGIN SELECT 1; END",
};
const others: Dependent = {
  type: "trigger",
  name: "x",
  table: "u",
  sql: "CREATE TRIGGER x AFTER INSERT ON u BEGIN DELETE FROM [t]; END",
};
const unrelated: Dependent = {
  type: "trigger",
  name: "y",
  table: "u",
  sql: "CREATE TRIGGER y AFTER INSERT ON u BEGIN DELETE FROM tt WHERE a = 't'; END",
};

const ofView: Dependent = {
  type: "trigger",
  name: "w",
  table: "v",
  sql: "CREATE TRIGGER w INSTEAD OF INSERT ON v BEGIN SELECT 1; END",
};
const index: Dependent = { type: "index", name: "i", table: "t", sql: "CREATE INDEX i ON t (id DESC)" };
const otherIndex: Dependent = { type: "index", name: "j", table: "u", sql: "CREATE INDEX j ON u (t)" };

const cases = [
  ["adds nothing without a rebuild", ["DROP TABLE t", "ALTER TABLE u ADD COLUMN t"], [view], [0, 1]],
  ["adds nothing for a plain rename", ["ALTER TABLE u RENAME TO t"], [view], [0]],
  ["adds nothing where nothing depends", rebuild, [unrelated], [0, 1, 2, 3]],
  ["keeps views, and triggers that name the table", rebuild, [view, own, others, unrelated], [
    0,
    1,
    'DROP TRIGGER "x"',
    'DROP TRIGGER "o""w"',
    'DROP VIEW "v"',
    2,
    3,
    view.sql,
    own.sql,
    others.sql,
  ]],
  ["keeps a trigger of a view, which goes with it", rebuild, [view, ofView], [
    0,
    1,
    'DROP TRIGGER "w"',
    'DROP VIEW "v"',
    2,
    3,
    view.sql,
    ofView.sql,
  ]],
  ["keeps the indexes of the table", rebuild, [index, otherIndex], [0, 1, 'DROP INDEX "i"', 2, 3, index.sql]],
  ["leaves alone an index that the batch makes", [...rebuild, "CREATE UNIQUE INDEX `i` ON `t` (`id`)"], [
    index,
  ], [
    0,
    1,
    2,
    3,
    4,
  ]],
  [
    "leaves alone what the batch sees to",
    ["drop view if exists V", ...rebuild, "CREATE VIEW v AS SELECT 2"],
    [view],
    [
      0,
      1,
      2,
      3,
      4,
      5,
    ],
  ],
  [
    "encloses several rebuilds",
    [
      ...rebuild,
      "DROP TABLE IF EXISTS u;",
      'ALTER TABLE "__new_u" RENAME TO "u";',
      "SELECT 1",
    ],
    [view],
    [0, 1, 'DROP VIEW "v"', 2, 3, 4, 5, view.sql, 6],
  ],
] as const;
for (const [rule, texts, dependents, expected] of cases) {
  test(`keepDependents() ${rule}`, () => {
    const kept = keepDependents(texts.map((text) => ({ text, values: [] })), dependents);
    assert.deepEqual(kept.map(({ index, text }) => index ?? text), expected);
  });
}
