import assert from "node:assert/strict";
import { test } from "node:test";
import { carryWords, isAutoincrement } from "../../../src/engines/sqlite/rebuild/carried_words.ts";

// One row a rule: the columns of the table that is copied, those of its copy, and what becomes of them.
const cases = [
  [
    "takes a collation along",
    "`a` TEXT COLLATE nocase NOT NULL",
    "`a` TEXT NOT NULL",
    "`a` TEXT NOT NULL COLLATE nocase",
  ],
  ["leaves one that the copy has", "a COLLATE nocase", "a COLLATE rtrim", "a COLLATE rtrim"],
  [
    "takes AUTOINCREMENT along",
    "id INTEGER PRIMARY KEY AUTOINCREMENT",
    "`ID` integer PRIMARY KEY NOT NULL",
    "`ID` integer PRIMARY KEY AUTOINCREMENT NOT NULL",
  ],
  [
    "puts AUTOINCREMENT behind the order",
    "id INTEGER PRIMARY KEY ASC AUTOINCREMENT",
    "id INTEGER PRIMARY KEY ASC, b",
    "id INTEGER PRIMARY KEY ASC AUTOINCREMENT, b",
  ],
  [
    "numbers no key of another type",
    "id INTEGER PRIMARY KEY AUTOINCREMENT",
    "id TEXT PRIMARY KEY",
    "id TEXT PRIMARY KEY",
  ],
  [
    "takes ON CONFLICT along, in front of a collation",
    "a NOT NULL ON CONFLICT IGNORE COLLATE rtrim",
    "a NOT NULL",
    "a NOT NULL ON CONFLICT IGNORE COLLATE rtrim",
  ],
  [
    "takes ON CONFLICT of a key along",
    "a INTEGER PRIMARY KEY ON CONFLICT REPLACE AUTOINCREMENT",
    "a integer PRIMARY KEY",
    "a integer PRIMARY KEY ON CONFLICT REPLACE AUTOINCREMENT",
  ],
  ["leaves what happens where the constraint is gone", "a NOT NULL ON CONFLICT IGNORE", "a", "a"],
  [
    "passes over columns that are gone, and names like the words",
    "collate COLLATE nocase, b",
    "b, `c` TEXT DEFAULT 'COLLATE x'",
    "b, `c` TEXT DEFAULT 'COLLATE x'",
  ],
  [
    "passes over checks and table constraints",
    "a CHECK (a COLLATE nocase <> ''), UNIQUE (a COLLATE nocase)",
    "a",
    "a",
  ],
  [
    "finds a column by the name that it got",
    "old TEXT COLLATE nocase",
    "new TEXT",
    "new TEXT COLLATE nocase",
  ],
] as const;
for (const [rule, from, to, expected] of cases) {
  test(`carryWords() ${rule}`, () => {
    const table = (name: string, columns: string) => `CREATE TABLE ${name} (${columns})`;
    assert.equal(
      carryWords(table("`__new_t`", to), table('"t"', from), new Map([["old", "new"]])),
      table("`__new_t`", expected),
    );
  });
}

test("isAutoincrement() reads the column and nothing like it", () => {
  assert.equal(isAutoincrement("CREATE TABLE t (id INTEGER PRIMARY KEY AUTOINCREMENT)"), true);
  assert.equal(isAutoincrement("CREATE TABLE t (autoincrement TEXT DEFAULT 'AUTOINCREMENT')"), false);
});
