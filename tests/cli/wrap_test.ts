import assert from "node:assert/strict";
import { test } from "node:test";
import { wrap } from "../../src/cli/output/wrap.ts";

// One row a rule: text, width, lines.
const cases: readonly (readonly [string, string, number, readonly string[]])[] = [
  ["breaks between words", "one two three four", 9, ["one two", "three", "four"]],
  ["leaves what fits", "one two  three", 14, ["one two  three"]],
  ["goes on behind a label", "state      one two", 15, ["state      one", "           two"]],
  ["keeps an indentation", "    one two three", 11, ["    one two", "    three"]],
  ["counts no colours", "\x1b[1mone\x1b[22m two three", 7, ["\x1b[1mone\x1b[22m two", "three"]],
  ["counts letters of East Asia twice", "日本語 日本語", 9, ["日本語", "日本語"]],
  ["leaves a word that is too long where it is", "path       /a/very/long/path", 15, [
    "path       /a/very/long/path",
  ]],
  [
    "keeps a command in one piece",
    "See what there is: harbor-db backup list, then go on",
    24,
    ["See what there is:", "harbor-db backup list,", "then go on"],
  ],
  [
    "keeps a command in one piece that is too long, and an option with its value",
    "See them (harbor-db backup list) or say where: --backup-dir 'a b c' and so on",
    12,
    ["See them", "(harbor-db backup list)", "or say", "where:", "--backup-dir 'a b c'", "and so on"],
  ],
  [
    "keeps a statement in one piece to its end",
    "As a superuser: CREATE EXTENSION amcheck; GRANT EXECUTE ON x, y TO z. Then go on",
    30,
    ["As a superuser:", "CREATE EXTENSION amcheck; GRANT EXECUTE ON x, y TO z.", "Then go on"],
  ],
  ["keeps painted commands in one piece", "\x1b[1mharbor-db backup list\x1b[22m", 12, [
    "\x1b[1mharbor-db backup list\x1b[22m",
  ]],
];

for (const [rule, text, width, lines] of cases) {
  test(`wrap() ${rule}`, () => assert.deepEqual(wrap(text, width).split("\n"), lines));
}

test("wrap() breaks nothing where there is no width", () => {
  const text = "word ".repeat(100);
  assert.equal(wrap(text, undefined), text);
});
