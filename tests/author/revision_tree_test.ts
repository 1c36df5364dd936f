import assert from "node:assert/strict";
import { test } from "node:test";
import type { HarborError } from "../../src/base/errors.ts";
import { journalPath } from "../../src/history/history.ts";
import { originId, snapshotId } from "../../src/schema/kit_ends.ts";
import {
  baseOf,
  forksOf,
  moveBehind,
  readTree,
  tagsBehind,
  type TreeRevision,
  withDescendants,
} from "../../src/author/rules/revision_tree.ts";
import { tagsIn } from "../../src/author/rules/journal_entries.ts";
import { kitSnapshot } from "../support/samples/kit_parts.ts";

const idOf = (letter: string) => letter.repeat(12);

/** `a b<a c<b`: revisions by letter, each after what it was made on; the first on nothing. */
function tree(text: string): readonly TreeRevision[] {
  return text.split(" ").filter(Boolean).map((word) => {
    const [own = "", base] = word.split("<");
    const prevId = base === undefined ? originId : snapshotId(idOf(base));
    const snapshot = { ...kitSnapshot("sqlite"), id: snapshotId(idOf(own)), prevId };
    return {
      id: idOf(own),
      tag: `${idOf(own)}_step`,
      name: "Step",
      checksum: "",
      when: 1,
      entry: {},
      ends: snapshot,
      snapshotText: JSON.stringify(snapshot),
      snapshot: () => snapshot,
    };
  });
}

const show = (revisions: readonly TreeRevision[]) => revisions.map(({ id }) => id[0]).join("");
const badHistory = (state: RegExp) => (error: HarborError) =>
  error.code === "bad_history" && state.test(error.message);

// One row a rule: the tree, and the revisions at which it forks.
const forks = [
  ["", ""],
  ["a b<a c<b", ""],
  ["a b<a c<a", "bc"],
  ["a b", "ab"],
  ["a b<a c<a d<b e<d", "bc"],
  ["a b<a c<a d<b e<b", "bcde"],
] as const;
for (const [text, expected] of forks) {
  test(`forksOf() finds ${expected || "none"} in "${text}"`, () =>
    assert.equal(show(forksOf(tree(text))), expected));
}

// One row a rule: the tree, a revision, and what goes with it.
const descendants = [
  ["a b<a c<b", "a", "abc"],
  ["a b<a c<b", "b", "bc"],
  ["a b<a c<b", "c", "c"],
  ["a b<a c<a d<b", "b", "bd"],
  ["c<b b<a a", "a", "abc"],
] as const;
for (const [text, start, expected] of descendants) {
  test(`withDescendants() of ${start} in "${text}" are ${expected}`, () => {
    assert.equal(
      [...withDescendants(tree(text), idOf(start))].map((id) => id[0]).toSorted().join(""),
      expected,
    );
  });
}

// One row a rule: the tree, what is moved, and what is kept and moved in order, or what is wrong.
const moves: readonly (readonly [text: string, moved: string, expected: string | RegExp])[] = [
  ["a b<a c<b", "", "abc | "],
  ["c<b a b<a", "", "abc | "],
  ["a b<a c<a", "b", "ac | b"],
  ["a b<a c<a d<b", "bd", "ac | bd"],
  ["a b<a c<a d<b", "c", "abd | c"],
  ["a b<a c<a", "", /bbbbbbbbbbbb and cccccccccccc both come next/],
  ["a b<a c<a d<a", "b", /cccccccccccc and dddddddddddd both come next/],
  ["a b<a c<b", "b", /aaaaaaaaaaaa and cccccccccccc both come next/],
];
for (const [text, moved, expected] of moves) {
  test(`moveBehind() puts "${moved}" of "${text}" last`, () => {
    const put = () => moveBehind(tree(text), new Set([...moved].map(idOf)));
    if (typeof expected === "string") assert.equal(`${show(put().kept)} | ${show(put().moved)}`, expected);
    else assert.throws(put, badHistory(expected));
  });
}

// One row a rule: the tags that keep their place, those behind them, and what these are called then.
const counted = [
  ["0000_a 0001_b", "0001_c 0002_d", "0002_c 0003_d"],
  ["0000_a", "0001_c", "0001_c"],
  ["0000_a 0007_b", "0003_c 0012_d 0012_e", "0008_c 0012_d 0013_e"],
  ["0000_a bbbbbbbbbbbb_b", "0000_c", "0001_c"],
  ["999_a", "999_b", "1000_b"],
  [
    "0000_a 0001_b",
    "bbbbbbbbbbbb_c 20260101120000_d 1767225600_e",
    "bbbbbbbbbbbb_c 20260101120000_d 1767225600_e",
  ],
  ["20260101120000_a", "0000_b", "0000_b"],
  ["0001", "0001", "0002"],
] as const;
for (const [kept, moved, expected] of counted) {
  test(`tagsBehind() calls ${moved} behind ${kept} ${expected}`, () => {
    const [first] = tree("a");
    const revisions = (tags: string) => tags.split(" ").map((tag) => ({ ...first!, tag }));
    assert.equal(tagsBehind({ kept: revisions(kept), moved: revisions(moved) }).join(" "), expected);
  });
}

test("moveBehind() names the later of two in its remedy", () => {
  assert.throws(() => moveBehind(tree("a b<a c<a"), new Set()), { hint: `harbor-db rebase ${idOf("c")}` });
});

test("baseOf() gives what a revision was made on", () => {
  const all = tree("a b<a c<x");
  assert.equal(baseOf(all, all[0]!), null);
  assert.equal(baseOf(all, all[1]!), all[0]!.snapshot());
  assert.throws(
    () => baseOf(all, all[2]!),
    badHistory(/Cannot place revision "cccccccccccc" \(Step\): what it was made on is not here/),
  );
});

const entry = (tag: string, when: unknown) =>
  `{ "idx": 0, "when": ${when}, "tag": "${tag}", "breakpoints": true }`;
const [one, two] = [`${idOf("a")}_first_step`, `${idOf("b")}_second`];

// One row a rule: the journal's text, and the tags in it.
const journals = [
  ["reads entries in order", `{"entries":[${entry(one, 1)},${entry(two, 2)}]}`, [one, two]],
  [
    "reads those between the marks of a merge",
    `<<<<<<< a\n${entry(one, 1)}\n=======\n${entry(two, 2)}\n>>>>>>> b`,
    [one, two],
  ],
  [
    "reads both of two that an editor put into one",
    `{ "idx": 1, "when": 1, "tag": "${one}", "when": 2, "tag": "${two}", "breakpoints": true }`,
    [one, two],
  ],
  ["takes one that stands twice once", `${entry(one, 1)}${entry(one, 1)}`, [one]],
  ["passes over one without a time", `${entry(one, '"x"')}${entry(two, 2)}`, [two]],
  ["finds none in nothing", "", []],
] as const;
for (const [rule, text, expected] of journals) {
  test(`tagsIn() ${rule}`, () => assert.deepEqual(tagsIn(text), expected));
}

const snapshotText = (letter: string, prevId = originId) =>
  JSON.stringify({ ...kitSnapshot("sqlite"), id: snapshotId(idOf(letter)), prevId });
const folder = (files: Readonly<Record<string, string>>) => ({
  dialect: "sqlite",
  place: "sqlite/",
  folder: "drizzle/sqlite",
  files: new Map(Object.entries(files)),
} as const);

test("readTree() reads the journal's revisions first, then those that it does not name", () => {
  const files = {
    [`${one}.sql`]: "-- First step\nSELECT 1;",
    [`${one}.down.sql`]: "SELECT 1;",
    [`${two}.sql`]: "SELECT 1;",
    [`meta/${idOf("a")}_snapshot.json`]: snapshotText("a"),
    [`meta/${idOf("b")}_snapshot.json`]: snapshotText("b", snapshotId(idOf("a"))),
    "0000_other.sql": "SELECT 1;",
    [`${idOf("b")}_of_the_same_number.sql`]: "SELECT 1;",
    [journalPath]: `{"entries":[${entry(two, 7)},${entry(`${idOf("f")}_gone`, 8)}]}`,
  };
  assert.deepEqual(readTree(folder(files)).map(({ id, tag, name, when }) => ({ id, tag, name, when })), [
    { id: idOf("b"), tag: two, name: "second", when: 7 },
    { id: idOf("a"), tag: one, name: "First step", when: null },
  ]);
});

// What two branches have of the number 0001, and what git makes of it.
const [ours, theirs] = ["0001_ours", "0001_theirs"];
const sides = (own: string, other: string) => `<<<<<<< HEAD\n${own}\n=======\n${other}\n>>>>>>> main\n`;
const twins = {
  "0000_first.sql": "SELECT 0;",
  [`${ours}.sql`]: "SELECT 1;",
  [`${theirs}.sql`]: "SELECT 2;",
  "meta/0000_snapshot.json": snapshotText("a"),
  "meta/0001_snapshot.json": sides(
    snapshotText("b", snapshotId(idOf("a"))),
    snapshotText("c", snapshotId(idOf("a"))),
  ),
  [journalPath]: `{"entries":[${entry("0000_first", 1)},\n${sides(entry(ours, 2), entry(theirs, 3))}]}`,
};

test("readTree() reads both sides of a merge, each with its own snapshot and date", () => {
  const read = readTree(folder(twins)).map(({ id, when, snapshotText }) => ({ id, when, snapshotText }));
  assert.deepEqual(read, [
    { id: "0000", when: 1, snapshotText: snapshotText("a") },
    { id: ours, when: 2, snapshotText: `${snapshotText("b", snapshotId(idOf("a")))}\n` },
    { id: theirs, when: 3, snapshotText: `${snapshotText("c", snapshotId(idOf("a")))}\n` },
  ]);
});

// One row a rule: what of the folder is otherwise, what is wrong, and the remedy.
const unclear = [
  [
    "a snapshot of which nobody says whose side is whose",
    { [journalPath]: `{"entries":[${entry("0000_first", 1)},${entry(ours, 2)},${entry(theirs, 3)}]}` },
    /^Cannot read "drizzle\/sqlite\/meta\/0001_snapshot\.json:1": a merge left its marks in it, and the journal none/,
    /git checkout --merge -- drizzle\/sqlite\/meta\/_journal\.json$/,
  ],
  [
    "a snapshot of one revision that both branches changed",
    { "meta/0000_snapshot.json": sides(snapshotText("a"), `${snapshotText("a")} `) },
    /^Cannot read "drizzle\/sqlite\/meta\/0000_snapshot\.json:1": a merge left its marks in it$/,
    /git checkout --ours -- drizzle\/sqlite\/meta\/0000_snapshot\.json; or --theirs$/,
  ],
  [
    "marks that somebody took out by half",
    { "meta/0000_snapshot.json": `${snapshotText("a")}\n>>>>>>> main\n` },
    /^Cannot read "drizzle\/sqlite\/meta\/0000_snapshot\.json": a merge left its marks in it$/,
    /git checkout --ours/,
  ],
  [
    "the journal of what squashed revisions stand for",
    { [`covered/${journalPath}`]: sides("{}", "[]") },
    /^Cannot read "drizzle\/sqlite\/covered\/meta\/_journal\.json:1": a merge left/,
    /git checkout --ours/,
  ],
  [
    "two revisions of one name",
    { [journalPath]: sides(`{"entries":[${entry(ours, 2)}]}`, `{"entries":[${entry(ours, 3)}]}`) },
    /^Cannot tell two revisions "0001_ours" apart: both branches have one of that name$/,
    /git checkout --theirs -- drizzle\/sqlite;/,
  ],
] as const;
for (const [what, changes, message, hint] of unclear) {
  test(`readTree() refuses ${what}`, () => {
    assert.throws(() => readTree(folder({ ...twins, ...changes })), (error: HarborError) => {
      assert.match(error.message, message);
      assert.match(String(error.hint), hint);
      return error.code === "bad_history";
    });
  });
}

// One row a rule: the snapshot's text, and what is wrong with it.
const snapshots = [
  ["no JSON", "{", /: it is no JSON \(.+\)$/],
  ["without ids", "{}", /: dialect is missing$/],
  ["a list", "[]", /: dialect is missing$/],
] as const;
for (const [what, text, state] of snapshots) {
  test(`readTree() refuses a snapshot that is ${what}`, () => {
    const path = `meta/${idOf("a")}_snapshot.json`;
    const files = { [`${one}.sql`]: "SELECT 1;", [path]: text };
    assert.throws(() => readTree(folder(files)), ({ code, message }: HarborError) => {
      assert.equal(code, "bad_history");
      assert.ok(message.startsWith(`Cannot read "drizzle/sqlite/${path}": `), message);
      assert.match(message, state);
      return true;
    });
  });
}

test("readTree() places revisions whose snapshots are lost by their neighbours, and asks for none of them", () => {
  const tag = (letter: string) => `${idOf(letter)}_step`;
  const meta = (letter: string) => `meta/${idOf(letter)}_snapshot.json`;
  const letters = ["a", "b", "c", "d", "e"];
  const read = readTree(folder({
    ...Object.fromEntries(letters.map((letter) => [`${tag(letter)}.sql`, "SELECT 1;"])),
    [journalPath]: letters.map((letter, at) => entry(tag(letter), at)).join(),
    [meta("c")]: snapshotText("c", snapshotId(idOf("b"))),
    [meta("d")]: snapshotText("d", snapshotId(idOf("c"))),
    [meta("e")]: snapshotText("e", snapshotId(idOf("c"))),
  }));
  assert.equal(show(forksOf(read)), "de");
  const { kept, moved } = moveBehind(read, new Set([idOf("d")]));
  assert.deepEqual([show(kept), show(moved)], ["abce", "d"]);
  assert.equal(baseOf(read, moved[0]!)?.id, snapshotId(idOf("c")));
  assert.throws(
    () => read[1]!.snapshot(),
    badHistory(/^Cannot read ".*bbbb_snapshot\.json": there is no such file$/),
  );
});

test("readTree() takes no snapshot of a branch's beginning for that of the lost revision before it", () => {
  const tags = ["a", "b", "c"].map((letter) => `${idOf(letter)}_step`);
  const read = readTree(folder({
    ...Object.fromEntries(tags.map((tag) => [`${tag}.sql`, "SELECT 1;"])),
    [journalPath]: tags.map((tag, at) => entry(tag, at)).join(),
    [`meta/${idOf("a")}_snapshot.json`]: snapshotText("a"),
    [`meta/${idOf("c")}_snapshot.json`]: snapshotText("c", snapshotId(idOf("a"))),
  }));
  assert.equal(show(forksOf(read)), "bc");
  assert.equal(new Set(read.map(({ ends }) => ends.id)).size, 3);
});
