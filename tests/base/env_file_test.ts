import { test } from "node:test";
import assert from "node:assert/strict";
import { parseEnvFile } from "../../src/base/env_file.ts";

const environment = { HOME_DB: "from the environment" };

// One row a rule: the file, what it sets. Each expectation was compared with python-dotenv's own answer.
const cases: readonly (readonly [rule: string, text: string, values: Readonly<Record<string, string>>])[] = [
  ["reads lines", "A=1\nB=2", { A: "1", B: "2" }],
  ["reads Windows line ends", "A=1\r\nB=2\r\n", { A: "1", B: "2" }],
  ["keeps a # inside a value", "A=abc#def", { A: "abc#def" }],
  ["knows no variable that nobody set", "A=${constructor}${toString:-x}\nconstructor=1\nB=${constructor}", {
    A: "x",
    constructor: "1",
    B: "1",
  }],
  [
    "keeps a # in a password",
    "URL=postgresql://u:p#w@host/db # production",
    { URL: "postgresql://u:p#w@host/db" },
  ],
  ["drops a comment after a blank", "A=abc #def", { A: "abc" }],
  ["takes a lone comment as no value", "A=  # later", { A: "" }],
  ["takes a value that begins with #", "A=#x", { A: "#x" }],
  ["skips comments and blank lines", "# c\n\n  \n  # d\nA=1", { A: "1" }],
  ["drops blanks around names and values", "  export  A = x y  ", { A: "x y" }],
  ["leaves a name that only begins with export", "exportA=1", { exportA: "1" }],
  ["keeps blanks in quotes", "A=' x ' # c", { A: " x " }],
  ["takes = in a value", "A==x=y", { A: "=x=y" }],
  ["decodes escapes in double quotes", 'A="x\\ty\\"z\\\\"', { A: 'x\ty"z\\' }],
  ["decodes only quotes and backslashes in single quotes", "A='it\\'s\\n'", { A: "it's\\n" }],
  ["leaves escapes of a bare value", "A=x\\ny", { A: "x\\ny" }],
  ["lets a quoted value span lines", 'A="x\ny"\nB=1', { A: "x\ny", B: "1" }],
  ["lets the last of two win", "A=1\nA=2", { A: "2" }],
  ["reads a quoted name", "'A B'=1", { "A B": "1" }],
  ["sets nothing for a name alone", "A\nB=1", { B: "1" }],
  ["takes back what a name alone repeats", "A=1\nB=2\nA", { B: "2" }],
  ["keeps a backslash at the end of a quoted value", "A='x\\\\'\nB=\"y\\\\\"", { A: "x\\", B: "y\\" }],
  ["skips a byte order mark", "\uFEFFA=1", { A: "1" }],
  ["fills in an earlier variable", "P=s#cret\nU=pg://u:${P}@h", { P: "s#cret", U: "pg://u:s#cret@h" }],
  ["prefers the environment's", "HOME_DB=file\nA=${HOME_DB}!", {
    HOME_DB: "file",
    A: "from the environment!",
  }],
  ["fills in within any quotes", "A='${HOME_DB}'", { A: "from the environment" }],
  ["falls back to the preset", "A=${NOPE:-x}${NOPE}", { A: "x" }],
  ["leaves $NAME without braces", "A=$HOME_DB", { A: "$HOME_DB" }],
  ["keeps a name that objects have already", "__proto__=x", Object.fromEntries([["__proto__", "x"]])],
];
for (const [rule, text, values] of cases) {
  test(`parseEnvFile() ${rule}`, () =>
    assert.deepEqual(parseEnvFile(text, environment), { values, unreadable: [] }));
}

test("parseEnvFile() names the lines that it cannot read and goes on after them", () => {
  assert.deepEqual(parseEnvFile("A=1\nB='never closed\nC=3\n=4\nD=5", environment), {
    values: { A: "1", C: "3", D: "5" },
    unreadable: [2, 4],
  });
});

// One row a rule: what cannot be read, the lines of it, and what can be read all the same.
const unreadable:
  readonly (readonly [string, string, readonly number[], Readonly<Record<string, string>>])[] = [
    ["a name with an open quote", "'A=1\nB=2", [1], { B: "2" }],
    ["a value whose quote is escaped", "A='x\\'\nB=2", [1], { B: "2" }],
    ["export without a name", "export =1\nB=2", [1], { B: "2" }],
    ["text after a value of several lines, with what stands in the value", 'A="x\nC=1\ny" z\nB=2', [1], {
      B: "2",
    }],
  ];
for (const [what, text, lines, values] of unreadable) {
  test(`parseEnvFile() cannot read ${what}`, () =>
    assert.deepEqual(parseEnvFile(text, environment), { values, unreadable: lines }));
}

test("parseEnvFile() refuses text after a closing quote rather than cutting it off", () => {
  assert.deepEqual(parseEnvFile('A="x" y'), { values: {}, unreadable: [1] });
});
