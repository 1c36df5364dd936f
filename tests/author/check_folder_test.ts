import assert from "node:assert/strict";
import { test } from "node:test";
import { checkFolder } from "../../src/author/rules/folder/check_folder.ts";
import { journalPath, scriptChecksum } from "../../src/history/history.ts";
import { originId, snapshotId } from "../../src/schema/kit_ends.ts";
import { emptySnapshots } from "../support/samples/script_history.ts";

const ids = ["00000000000a", "00000000000b", "00000000000c"] as const;
const tags = ids.map((id) => `${id}_step`);
type Files = Readonly<Record<string, string | undefined>>;

function journal(changes: readonly Readonly<Record<string, unknown>>[] = []): string {
  const entries = tags.map((tag, idx) => ({ idx, when: (idx + 1) * 1_000, tag, ...changes[idx] }));
  return JSON.stringify({ dialect: "sqlite", entries }, null, 2);
}

function snapshotOf(id: string, prevId: string): string {
  return JSON.stringify({ ...emptySnapshots.sqlite, id, prevId });
}

/** A folder in order; what is given takes the place of its files, `undefined` removes one. */
function filesWith(changes: Files): ReadonlyMap<string, string> {
  const whole: Files = {
    [journalPath]: journal(),
    ...Object.fromEntries(ids.flatMap((id, at) => [
      [`${tags[at]}.sql`, `-- Step\nSELECT ${at};\n`],
      [`${tags[at]}.down.sql`, `-- Step\nSELECT -${at + 2};\n`],
      [
        `meta/${id}_snapshot.json`,
        snapshotOf(snapshotId(id), at === 0 ? originId : snapshotId(ids[at - 1]!)),
      ],
    ])),
    ...changes,
  };
  return new Map(
    Object.entries(whole).flatMap(([path, text]) => text === undefined ? [] : [[path, text] as const]),
  );
}

/** Each finding: its check, the file (and line) below the folder, and the remedy. */
function findings(changes: Files, checksums: ReadonlyMap<string, string> | null = null): readonly string[] {
  const folder = {
    dialect: "sqlite",
    place: "sqlite/",
    folder: "drizzle/sqlite",
    files: filesWith(changes),
  } as const;
  return checkFolder(folder, checksums).findings.map(({ check, message, hint, status, details }) => {
    assert.ok(status === "fail" || (status === "warn" && message.includes("left out")));
    assert.ok(message.startsWith(String(details["file"])));
    return `${check} ${message.replace("drizzle/sqlite/", "")} | ${hint}`;
  });
}

const [a, b, c] = ids;
const git = (path: string) => `git checkout -- drizzle/sqlite/${path}`;
const line = (text: string, words: string) => text.slice(0, text.indexOf(words)).split("\n").length;
const late = journal([{}, { when: 500 }]);
const conflict = `{\n<<<<<<< ours\n"a"\n=======\n"b"\n>>>>>>> theirs\n}`;

// One row a rule: what is changed in a folder in order, and what is found.
const cases: readonly (readonly [rule: string, changes: Files, expected: readonly (string | RegExp)[]])[] = [
  ["finds nothing in a folder in order", {}, []],
  ["finds that there is no journal", { [journalPath]: undefined }, [
    new RegExp(`^journal ${journalPath}: there is no such file \\| ${git(journalPath)}$`),
  ]],
  ["finds a journal that is no JSON", { [journalPath]: "{" }, [
    /^journal meta\/_journal\.json: it is no JSON/,
  ]],
  ["finds the marks of a merge, with their line", { [journalPath]: conflict }, [
    `journal ${journalPath}:2: a merge left its marks in it | harbor-db rebase`,
  ]],
  ["finds a script that is missing", { [`${tags[1]}.sql`]: undefined }, [
    `files ${tags[1]}.sql: the journal names it, and there is no such file | ${git(`${tags[1]}.sql`)}`,
  ]],
  ["finds a snapshot that is missing", { [`meta/${b}_snapshot.json`]: undefined }, [
    `files meta/${b}_snapshot.json: there is no such file | ${git(`meta/${b}_snapshot.json`)}`,
  ]],
  ["finds a snapshot that is no JSON", { [`meta/${c}_snapshot.json`]: "{" }, [
    /^snapshot meta\/00000000000c_snapshot\.json: it is no JSON/,
  ]],
  ["finds a snapshot that is none of drizzle-kit's", { [`meta/${c}_snapshot.json`]: "{}" }, [
    /^snapshot meta\/00000000000c_snapshot\.json: /,
  ]],
  ["finds a script that cannot be read, with its line", { [`${tags[0]}.sql`]: "-- Step\nSELECT 'x" }, [
    `script ${tags[0]}.sql:2: a string does not end | It opens on that line: close it.`,
  ]],
  ["finds a way back that cannot be read", { [`${tags[0]}.down.sql`]: "SELECT 1; COMMIT" }, [
    /^downgrade 00000000000a_step\.down\.sql:1: COMMIT stands in it/,
  ]],
  ["names words for transactions that are left out", {
    [`${tags[1]}.sql`]: "-- Step\nBEGIN; SELECT 1;\nCOMMIT",
  }, [
    /^script 00000000000b_step\.sql:2: the BEGIN and COMMIT in lines 2, 3 are left out: .*\| Nothing has to be done/,
  ]],
  ["finds that there is no way back", { [`${tags[2]}.down.sql`]: undefined }, [
    `downgrade ${
      tags[2]
    }.down.sql: there is no such file, so the revision cannot be undone | Write it: what undoes drizzle/sqlite/${
      tags[2]
    }.sql. Or, where databases have it: harbor-db check --baseline ${c}`,
  ]],
  ["finds a way back that does nothing", { [`${tags[2]}.down.sql`]: "select 1;" }, [
    /^downgrade 00000000000c_step\.down\.sql: it does nothing, and the upgrade does something/,
  ]],
  ["takes one that says why", {
    [`${tags[2]}.down.sql`]: "-- harbor:allow idle_downgrade it cannot be\nSELECT 1;",
  }, []],
  ["takes one where the upgrade does nothing either", {
    [`${tags[2]}.sql`]: "SELECT 1;",
    [`${tags[2]}.down.sql`]: "SELECT 1;",
  }, []],
  ["finds a script of no revision", { "notes.sql": "SELECT 1" }, [
    "files notes.sql: the journal does not name it | rm drizzle/sqlite/notes.sql",
  ]],
  ["finds a revision that the journal does not name", { "00000000000d_more.sql": "SELECT 1" }, [
    "files 00000000000d_more.sql: the journal does not name it | Take the rest of its revision from where that was written; or: rm drizzle/sqlite/00000000000d_more.sql",
  ]],
  ["gives no revision's snapshot to a script of the same number", { "00000000000b_other.sql": "SELECT 1" }, [
    "files 00000000000b_other.sql: the journal does not name it | Take the rest of its revision from where that was written; or: rm drizzle/sqlite/00000000000b_other.sql",
  ]],
  ["gives what is whole of one the same remedy", {
    "00000000000d_more.sql": "SELECT 1",
    "00000000000d_more.down.sql": "SELECT 1",
    "meta/00000000000d_snapshot.json": "{}",
  }, [
    "files 00000000000d_more.sql: the journal does not name it | harbor-db rebase 00000000000d",
    "files 00000000000d_more.down.sql: the journal does not name it | harbor-db rebase 00000000000d",
    "files meta/00000000000d_snapshot.json: the journal does not name it | harbor-db rebase 00000000000d",
  ]],
  ["quotes what it would remove", { "it's.sql": "SELECT 1" }, [
    "files it's.sql: the journal does not name it | rm 'drizzle/sqlite/it'\\''s.sql'",
  ]],
  ["finds what is left of one", { "00000000000d_more.down.sql": "SELECT 1" }, [
    "files 00000000000d_more.down.sql: the journal does not name it | rm drizzle/sqlite/00000000000d_more.down.sql",
  ]],
  [
    "finds two revisions after one",
    { [`meta/${c}_snapshot.json`]: snapshotOf(snapshotId(c), snapshotId(a)) },
    [
      `branches ${journalPath}:${
        line(journal(), tags[2]!)
      }: ${b} and ${c} both come after ${a}: two branches were merged | harbor-db rebase ${c}. Or, where databases have it: harbor-db check --baseline ${c}`,
    ],
  ],
  ["finds two first revisions", { [`meta/${b}_snapshot.json`]: snapshotOf(snapshotId(b), originId) }, [
    new RegExp(`^branches .*: ${a} and ${b} both come after base`),
  ]],
  ["finds a revision that was made on something else", {
    [`meta/${c}_snapshot.json`]: snapshotOf(snapshotId(c), snapshotId("00000000000d")),
  }, [new RegExp(`^branches .*: ${c} stands after ${b} and was not made on top of it`)]],
  ["finds a date that does not rise", { [journalPath]: late }, [
    `journal ${journalPath}:${
      line(late, tags[1]!)
    }: ${b} is not dated later than ${a} before it, so drizzle-kit migrate would pass over it | harbor-db rebase ${b}. Or, where databases have it: harbor-db check --baseline ${b}`,
  ]],
  ["finds the same date twice", { [journalPath]: journal([{}, { when: 1_000 }]) }, [
    /is not dated later than/,
  ]],
  ["finds all of it at once", {
    [`${tags[2]}.down.sql`]: undefined,
    "notes.sql": "x",
    [`meta/${c}_snapshot.json`]: "{",
  }, [
    /^files notes/,
    /^snapshot/,
    /^downgrade/,
  ]],
];
for (const [rule, changes, expected] of cases) {
  test(`checkFolder() ${rule}`, () => {
    const found = findings(changes);
    assert.equal(found.length, expected.length, found.join("\n"));
    for (const [at, wanted] of expected.entries()) {
      if (typeof wanted === "string") assert.equal(found[at], wanted);
      else assert.match(found[at]!, wanted);
    }
  });
}

test("checkFolder() compares with the list of checksums, where there is one", () => {
  const whole = filesWith({});
  const sums = new Map([...whole].map(([path, text]) => [`sqlite/${path}`, scriptChecksum(text)]));
  assert.deepEqual(findings({}, sums), []);
  assert.deepEqual(
    findings({ [`${tags[0]}.sql`]: "-- Step\r\nSELECT 0;\r\n" }, sums),
    [],
    "line ends do not count",
  );
  assert.deepEqual(findings({ [`${tags[0]}.sql`]: "SELECT 7;" }, sums), [
    `edited ${
      tags[0]
    }.sql: it was edited since it was written | If that is meant: harbor-db check --prove --accept-edits`,
  ]);
  assert.match(
    findings({ [`${tags[0]}.down.sql`]: undefined }, sums)[0]!,
    /^edited \S+: SHA256SUMS lists it, and/,
  );
  sums.delete(`sqlite/meta/${b}_snapshot.json`);
  assert.deepEqual(findings({}, sums), [
    `edited meta/${b}_snapshot.json: SHA256SUMS does not list it, so it was never proven | Prove it: harbor-db check --prove --accept-edits`,
  ]);
  assert.deepEqual(
    findings({ [journalPath]: `${journal()}\n` }, sums).length,
    1,
    "the journal is not in the list",
  );
});

test("checkFolder() gives the history that it read, or none", () => {
  const folder = (changes: Files) =>
    ({ dialect: "sqlite", place: "sqlite/", folder: "d", files: filesWith(changes) }) as const;
  assert.deepEqual(checkFolder(folder({}), null).history?.revisions.map(({ id }) => id), [...ids]);
  assert.equal(checkFolder(folder({ [journalPath]: "{" }), null).history, null);
});

test("checkFolder() names the snapshots of two revisions of drizzle-kit 1.0 that come after one, and asks for no rebase", () => {
  const files = new Map(tags.flatMap((_, at) => {
    const folder = `2025010${at + 1}000000_step`;
    const ends = { id: snapshotId(ids[at]!), prevIds: [at === 0 ? originId : snapshotId(a)] };
    return [
      [`${folder}/migration.sql`, `SELECT ${at};`],
      [`${folder}/down.sql`, `SELECT -${at + 2};`],
      [`${folder}/snapshot.json`, JSON.stringify({ version: "7", dialect: "sqlite", ...ends, ddl: [] })],
    ] as const;
  }));
  const { findings } = checkFolder({ dialect: "sqlite", place: "", folder: "drizzle", files }, null);
  assert.deepEqual(findings.map(({ check, status, message, hint }) => [check, status, message, hint]), [[
    "branches",
    "warn",
    "drizzle/20250103000000_step/snapshot.json: 20250102000000 and 20250103000000 both come after 20250101000000: two branches were merged",
    "Where both change the same, write one of them anew with the project's own kit. Else nothing has to be done. Where databases have it: harbor-db check --baseline 20250103000000",
  ]]);
});

test("checkFolder() says nothing of the BEGIN and COMMIT of what a squashed revision stands for", () => {
  const only = (entry: object) =>
    JSON.stringify({ dialect: "sqlite", entries: [{ idx: 0, when: 0, ...entry }] });
  const snapshot = snapshotOf(snapshotId(a), originId);
  const files = new Map([
    ["meta/_journal.json", only({ tag: "0001_whole" })],
    ["0001_whole.sql", "SELECT 1;"],
    ["0001_whole.down.sql", "SELECT 1;"],
    ["meta/0001_snapshot.json", snapshot],
    ["covered/meta/_journal.json", only({ tag: "0000_first", coveredBy: "0001_whole" })],
    ["covered/0000_first.sql", "BEGIN; SELECT 1; COMMIT;"],
    ["covered/meta/0000_snapshot.json", snapshot],
  ]);
  const { findings } = checkFolder({ dialect: "sqlite", place: "", folder: "drizzle", files }, null);
  assert.deepEqual(findings.map(({ message }) => message), []);
});
