import assert from "node:assert/strict";
import { test } from "node:test";
import type { HarborError } from "../../src/base/errors.ts";
import { markLine, sidesOf } from "../../src/base/merge_marks.ts";
import { parseScript } from "../../src/history/scripts/script.ts";

// One row a rule: the text, the line of the first mark, and the two sides.
const texts: readonly (readonly [
  rule: string,
  text: string,
  line: number | null,
  sides: readonly [string, string],
])[] = [
  ["finds none in a plain text", "a\nb\n", null, ["a\nb\n", "a\nb\n"]],
  [
    "reads both sides",
    "a\n<<<<<<< HEAD\nb\n=======\nc\nd\n>>>>>>> main\ne\n",
    2,
    ["a\nb\ne\n", "a\nc\nd\ne\n"],
  ],
  ["reads a side that is empty", "<<<<<<< HEAD\n=======\nc\n>>>>>>> main\n", 1, ["", "c\n"]],
  [
    "leaves out what both had before",
    "<<<<<<< HEAD\nb\n||||||| 1234567\na\n=======\nc\n>>>>>>> main\n",
    1,
    ["b\n", "c\n"],
  ],
  [
    "reads several conflicts",
    "<<<<<<< a\n1\n=======\n2\n>>>>>>> b\nx\n<<<<<<< a\n3\n=======\n4\n>>>>>>> b\n",
    1,
    ["1\nx\n3\n", "2\nx\n4\n"],
  ],
  [
    "reads line ends of Windows",
    "a\r\n<<<<<<< HEAD\r\nb\r\n=======\r\nc\r\n>>>>>>> main\r\n",
    2,
    ["a\r\nb\r\n", "a\r\nc\r\n"],
  ],
  ["reads one at the end of a text", "<<<<<<<\nb\n=======\nc\n>>>>>>>", 1, ["b\n", "c\n"]],
  ["finds what was taken out by half", "a\n>>>>>>> main\n", 2, ["a\n>>>>>>> main\n", "a\n>>>>>>> main\n"]],
  ["takes no line of signs for one", "a\n=======\n<<<<<<<<\n", null, [
    "a\n=======\n<<<<<<<<\n",
    "a\n=======\n<<<<<<<<\n",
  ]],
];
for (const [rule, text, line, sides] of texts) {
  test(`sidesOf() and markLine(): ${rule}`, () => {
    assert.equal(markLine(text), line);
    assert.deepEqual(sidesOf(text), sides);
  });
}

// One row a rule: a script, and the line that is refused.
const scripts = [
  [
    "refuses marks between statements",
    "SELECT 1;\n<<<<<<< HEAD\nSELECT 2;\n=======\nSELECT 3;\n>>>>>>> b\n",
    2,
  ],
  ["refuses what is left of them", "SELECT 1;\n>>>>>>> b\n", 2],
  ["refuses marks that cut a string", "SELECT '\n<<<<<<< HEAD\na';\n=======\nb;\n>>>>>>> b\n", 2],
  [
    "takes those that a string says",
    "INSERT INTO help VALUES ('\n<<<<<<< HEAD\n=======\n>>>>>>> b\n');",
    null,
  ],
  ["takes those in a comment", "/*\n<<<<<<< HEAD\n*/ SELECT 1;", null],
  [
    "refuses both sides of a conflict in the body of a function",
    "CREATE FUNCTION f() RETURNS int AS $$\n<<<<<<< HEAD\nSELECT 1\n=======\nSELECT 2\n>>>>>>> b\n$$ LANGUAGE sql;",
    2,
  ],
  ["takes half of them there", "DO $$ BEGIN\n>>>>>>> b\nEND $$;", null],
] as const;
for (const [rule, text, line] of scripts) {
  test(`parseScript() ${rule}`, () => {
    const dialect = text.includes("$$") ? "postgresql" : "sqlite";
    const parse = () => parseScript({ file: "drizzle/a.sql", dialect, text });
    if (line === null) return void parse();
    assert.throws(parse, ({ code, message, hint }: HarborError) => {
      assert.equal(code, "bad_script");
      assert.equal(message, `Cannot read "drizzle/a.sql:${line}": a merge left its marks in it`);
      assert.match(String(hint), /git checkout --ours -- drizzle\/a\.sql; or --theirs$/);
      return true;
    });
  });
}
