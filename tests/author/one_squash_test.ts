import assert from "node:assert/strict";
import { test } from "node:test";
import { withOneSquash } from "../../src/author/rebase/one_squash.ts";

type Entries = Readonly<Record<string, string | null>>;

/** A journal in which each revision stands, with the one that stands for it. */
function journalOf(entries: Entries): string {
  const lines = Object.entries(entries).map(([tag, coveredBy], when) =>
    `{ "when": ${when}, "tag": "${tag}"${coveredBy === null ? "" : `, "coveredBy": "${coveredBy}"`} }\n`
  );
  return `{ "dialect": "sqlite", "entries": [\n${lines.join(",")}] }\n`;
}

const conflict = (own: string, other: string) => `<<<<<<< HEAD\n${own}=======\n${other}>>>>>>> main\n`;

/** What a merge leaves: each side's revisions, and which of them its squashes stand for. */
function merged(
  own: readonly [Entries, Entries],
  other: readonly [Entries, Entries],
  files: readonly string[],
) {
  return {
    dialect: "sqlite" as const,
    place: "",
    folder: "drizzle",
    files: new Map([
      ["meta/_journal.json", conflict(journalOf(own[0]), journalOf(other[0]))],
      ["covered/meta/_journal.json", conflict(journalOf(own[1]), journalOf(other[1]))],
      ...files.map((path) => [path, `text of ${path}`] as const),
    ]),
  };
}

/** Both squashed what was before the fork: HEAD two of three revisions, the other branch all. */
const two: readonly [Entries, Entries] = [{ s_two: null, c_3: null, d_own: null }, {
  a_1: "s_two",
  b_2: "s_two",
}];
const three: readonly [Entries, Entries] = [{ s_three: null, e_other: null }, {
  a_1: "s_three",
  b_2: "s_three",
  c_3: "s_three",
}];
const files = ["s_two.sql", "s_three.sql", "d_own.sql", "e_other.sql", "covered/c_3.sql"];

test("withOneSquash() leaves the squash of the side that keeps its place", () => {
  const { folder, changed } = withOneSquash(merged(two, three, files), 1);
  assert.deepEqual([...changed], [
    ["covered/meta/_journal.json", journalOf(three[1])],
    ["s_two.sql", null],
  ]);
  assert.equal(folder.files.has("s_two.sql"), false);
});

test("withOneSquash() takes out of the covered ones what that side did not squash", () => {
  const { changed } = withOneSquash(merged(two, three, files), 0);
  assert.deepEqual([...changed], [
    ["covered/meta/_journal.json", journalOf(two[1])],
    ["c_3.sql", "text of covered/c_3.sql"],
    ["covered/c_3.sql", null],
    ["s_three.sql", null],
  ]);
});

test("withOneSquash() refuses where the other side squashed what that one does not have", () => {
  const more: readonly [Entries, Entries] = [{ s_more: null }, { ...two[1], d_own: "s_more" }];
  assert.throws(() => withOneSquash(merged(more, three, files), 1), {
    code: "bad_history",
    message: /covered\/meta\/_journal\.json:1": both branches squashed, and only one has d_own/,
  });
});

test("withOneSquash() has nothing to do without marks", () => {
  const folder = { ...merged(two, three, files), files: new Map([["covered/meta/_journal.json", "{}"]]) };
  assert.deepEqual(withOneSquash(folder, 1), { folder, changed: new Map() });
});
