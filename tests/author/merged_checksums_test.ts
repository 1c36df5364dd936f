import assert from "node:assert/strict";
import { test } from "node:test";
import { mergedChecksums } from "../../src/author/rebase/checksums.ts";
import { renderChecksums } from "../../src/history/checksum_list.ts";

const sum = (letter: string) => letter.repeat(64);
const line = (path: string, letter: string) => `${sum(letter)}  ${path}\n`;
const sides = (own: string, other: string) => `<<<<<<< HEAD\n${own}=======\n${other}>>>>>>> main\n`;

// One row a rule: the list, what each file's sum is now, and the list that comes of it.
const cases: readonly (readonly [
  rule: string,
  list: string,
  now: Readonly<Record<string, string>>,
  expected: string,
])[] = [
  ["leaves one without marks as it is", line("a", "0") + line("b", "1"), {}, line("a", "0") + line("b", "1")],
  [
    "takes what each side has new",
    line("a", "0") + sides(line("b", "1"), line("c", "2")),
    { a: "0", b: "1", c: "2" },
    line("a", "0") + line("b", "1") + line("c", "2"),
  ],
  [
    "leaves out what only one side has and is not there",
    sides(line("b", "1"), line("c", "2")),
    { c: "2" },
    line("c", "2"),
  ],
  ["keeps what both have and is not there", line("a", "0") + sides("", line("c", "2")), {}, line("a", "0")],
  [
    "takes of two sums the one that the file has, with that of its statements",
    sides(line("a", "1") + `# ${line("a", "5")}`, line("a", "2") + `# ${line("a", "6")}`),
    { a: "1" },
    line("a", "1") + `# ${line("a", "5")}`,
  ],
  [
    "takes the other branch's where the file has neither",
    sides(line("a", "1"), line("a", "2")),
    { a: "3" },
    line("a", "2"),
  ],
];
for (const [rule, list, now, expected] of cases) {
  test(`mergedChecksums() ${rule}`, () => {
    const merged = mergedChecksums(list, (path) => now[path] === undefined ? null : sum(now[path]));
    assert.equal(renderChecksums(merged), expected);
  });
}
