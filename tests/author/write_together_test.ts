import assert from "node:assert/strict";
import { mkdir, readdir, readFile, utimes, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { HarborError } from "../../src/base/errors.ts";
import type { Client } from "../../src/engines/database.ts";
import { type FileChange, undoUnfinished, writeTogether } from "../../src/author/write_together.ts";
import { testClient, withFolder } from "../support/databases.ts";

const mark = ".harbor-db-writing.json";
const options = { client: testClient, waitMs: 100 };

async function contents(dir: string): Promise<Readonly<Record<string, string>>> {
  const entries = await readdir(dir, { recursive: true, withFileTypes: true });
  const paths = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  const texts = paths.sort().map(async (path) =>
    [path.slice(dir.length + 1), await readFile(path, "utf8")] as const
  );
  return Object.fromEntries(await Promise.all(texts));
}

function refusal(code: string, message: RegExp): (error: unknown) => boolean {
  return (error) => error instanceof HarborError && error.code === code && message.test(error.message);
}

const added: FileChange = { path: "a/new.sql", text: "new", before: null };
const replaced: FileChange = { path: "journal.json", text: "two", before: "one" };

/** A folder with a journal. */
function withJournal(work: (dir: string) => Promise<void>): Promise<void> {
  return withFolder(async (dir) => {
    await writeFile(join(dir, "journal.json"), "one");
    await work(dir);
  });
}

test("writeTogether() adds, replaces and removes, and leaves nothing else", () =>
  withJournal(async (dir) => {
    await writeFile(join(dir, "old"), "old");
    await writeTogether(dir, [added, replaced, { path: "old", text: null, before: "old" }], options);
    assert.deepEqual(await contents(dir), { "a/new.sql": "new", "journal.json": "two" });
  }));

// What is in the way, and how the refusal begins.
const obstacles = [
  [
    "a file that is there already",
    (dir: string) => writeFile(join(dir, "a"), "a file, no folder"),
    /Cannot write/,
  ],
  [
    "a journal that somebody changed",
    (dir: string) => writeFile(join(dir, "journal.json"), "three"),
    /changed it since/,
  ],
] as const;
for (const [what, put, message] of obstacles) {
  test(`writeTogether() writes nothing when it meets ${what}`, () =>
    withJournal(async (dir) => {
      await put(dir);
      const before = await contents(dir);
      await assert.rejects(writeTogether(dir, [replaced, added], options), refusal("file_failed", message));
      assert.deepEqual(await contents(dir), before);
    }));
}

test("writeTogether() undoes what a writer left that was killed, but for what was edited since", () =>
  withJournal(async (dir) => {
    const dead: Client = { ...testClient, isAlive: () => false };
    await mkdir(join(dir, "a"));
    // It was killed after it had written two of its three files and half of the third.
    const changes = [
      { path: "a/half.sql", text: "half", before: null },
      { path: "a/edited.sql", text: "as written", before: null },
      { path: "journal.json", text: "half", before: "one" },
    ];
    const left = { owner: "pid 1 on web1", pid: 1, processSpace: testClient.processSpace, changes };
    await writeFile(join(dir, mark), JSON.stringify(left));
    await writeFile(join(dir, "a/half.sql"), "half");
    await writeFile(join(dir, "a/edited.sql"), "mine now");
    await writeFile(join(dir, "journal.json.new"), "ha");
    await writeTogether(dir, [added, replaced], { ...options, client: dead });
    assert.deepEqual(await contents(dir), {
      "a/edited.sql": "mine now",
      "a/new.sql": "new",
      "journal.json": "two",
    });
  }));

test("a mark without text is a dead writer's, once it is old", () =>
  withJournal(async (dir) => {
    await writeFile(join(dir, mark), "");
    await assert.rejects(
      writeTogether(dir, [added], options),
      refusal("locked", /another harbor-db is writing/),
    );
    await utimes(join(dir, mark), new Date(), new Date(Date.now() - 5_000));
    await writeTogether(dir, [added], options);
    assert.deepEqual(await contents(dir), { "a/new.sql": "new", "journal.json": "one" });
  }));

test("undoUnfinished() puts back before anything is read, and leaves a living writer alone", () =>
  withJournal(async (dir) => {
    const changes = [{ path: "journal.json", text: "half", before: "one" }];
    const other = { owner: "pid 1 on web1", pid: 1, processSpace: testClient.processSpace, changes };
    await writeFile(join(dir, mark), JSON.stringify(other));
    await writeFile(join(dir, "journal.json"), "half");
    assert.equal(undoUnfinished(dir, { ...testClient, isAlive: () => true }), false);
    assert.equal(undoUnfinished(dir, { ...testClient, isAlive: () => false }), true);
    assert.deepEqual(await contents(dir), { "journal.json": "one" });
    assert.equal(undoUnfinished(dir, testClient), false);
  }));

test("writeTogether() waits for another writer and then says who it is", () =>
  withJournal(async (dir) => {
    const other = { owner: "pid 4711 on web1", pid: 4711, processSpace: "another machine", changes: [] };
    await writeFile(join(dir, mark), JSON.stringify(other));
    await assert.rejects(
      writeTogether(dir, [added], options),
      refusal("locked", /pid 4711 on web1 is writing there/),
    );
    assert.deepEqual(Object.keys(await contents(dir)), [mark, "journal.json"]);
  }));

test("of writers at once all write, one after the other, unless they want the same file", () =>
  withJournal(async (dir) => {
    const own = (n: number) =>
      writeTogether(dir, [{ path: `${n}.sql`, text: `${n}`, before: null }], { ...options, waitMs: 5_000 });
    await Promise.all([1, 2, 3, 4, 5].map(own));
    assert.equal(Object.keys(await contents(dir)).length, 6);
    const same = await Promise.allSettled(
      [1, 2, 3].map(() => writeTogether(dir, [replaced], { ...options, waitMs: 5_000 })),
    );
    assert.equal(same.filter(({ status }) => status === "fulfilled").length, 1);
    assert.equal((await contents(dir))["journal.json"], "two");
  }));
