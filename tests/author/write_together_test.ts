import assert from "node:assert/strict";
import { mkdir, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { HarborError } from "../../src/base/errors.ts";
import { withFileLock } from "../../src/base/files/file_lock.ts";
import {
  type FileChange,
  type WriteOptions,
  writeTogether,
} from "../../src/author/writing/write_together.ts";
import { withFolder } from "../support/databases.ts";
import { failureOf } from "../support/harbor_error.ts";
import { withSmallDisk } from "../support/servers/small_disk.ts";

/** How a test writes, with a lock of its own beside the folder. */
function optionsFor(dir: string): WriteOptions {
  return { lock: `${dir}.lock`, waitMs: 100, signal: new AbortController().signal };
}

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
    await work(dir).finally(() => rm(`${dir}.lock`, { force: true }));
  });
}

test("writeTogether() adds, replaces and removes, and leaves nothing else", () =>
  withJournal(async (dir) => {
    await writeFile(join(dir, "old"), "old");
    await writeTogether(dir, [added, replaced, { path: "old", text: null, before: "old" }], optionsFor(dir));
    assert.deepEqual(await contents(dir), { "a/new.sql": "new", "journal.json": "two" });
  }));

test("writeTogether() on a full disk changes nothing, and names what helps", () =>
  withSmallDisk(64, async (disk) => {
    await writeFile(join(disk, "journal.json"), "one");
    await writeFile(join(disk, "all"), new Uint8Array(64 * 1024)).catch(() => {});
    const error = await failureOf(writeTogether(disk, [added, replaced], optionsFor(disk)));
    await rm(`${disk}.lock`, { force: true });
    assert.match(error.hint ?? "", /^Free some space/);
    assert.deepEqual(Object.keys(await contents(disk)), ["all", "journal.json"]);
    assert.equal(await readFile(join(disk, "journal.json"), "utf8"), "one");
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
      await assert.rejects(
        writeTogether(dir, [replaced, added], optionsFor(dir)),
        refusal("file_failed", message),
      );
      assert.deepEqual(await contents(dir), before);
    }));
}

test("writeTogether() goes over what a killed writer left without a name", () =>
  withJournal(async (dir) => {
    await mkdir(join(dir, "a"));
    await writeFile(join(dir, "a/.other.sql.harbor-db-new"), "ot");
    await writeFile(join(dir, ".journal.json.harbor-db-new"), "tw");
    await writeTogether(dir, [added, replaced], optionsFor(dir));
    assert.deepEqual(await contents(dir), { "a/new.sql": "new", "journal.json": "two" });
  }));

test("writeTogether() takes a new file that is there as it will be for one that a killed writer named", () =>
  withJournal(async (dir) => {
    await mkdir(join(dir, "a"));
    await writeFile(join(dir, "a/new.sql"), "new");
    await writeTogether(dir, [added, replaced], optionsFor(dir));
    assert.deepEqual(await contents(dir), { "a/new.sql": "new", "journal.json": "two" });
  }));

test("writeTogether() waits for another writer, but not for ever", () =>
  withJournal(async (dir) => {
    const { lock, signal } = optionsFor(dir);
    const other = { what: "write", waitMs: 0, signal, onWait: () => {}, onUnlocked: () => {} };
    const patient = await withFileLock(lock, async () => {
      const message = /Cannot write in ".*": another harbor-db holds the lock/;
      await assert.rejects(writeTogether(dir, [added], optionsFor(dir)), refusal("locked", message));
      assert.deepEqual(await contents(dir), { "journal.json": "one" });
      return { done: writeTogether(dir, [added], { ...optionsFor(dir), waitMs: 5_000 }) };
    }, other);
    await patient.done;
    assert.deepEqual(await contents(dir), { "a/new.sql": "new", "journal.json": "one" });
  }));

test("of writers at once all write, one after the other, unless they want the same file", () =>
  withJournal(async (dir) => {
    const own = (n: number) =>
      writeTogether(dir, [{ path: `${n}.sql`, text: `${n}`, before: null }], {
        ...optionsFor(dir),
        waitMs: 5_000,
      });
    await Promise.all([1, 2, 3, 4, 5].map(own));
    assert.equal(Object.keys(await contents(dir)).length, 6);
    const same = await Promise.allSettled(
      [1, 2, 3].map(() => writeTogether(dir, [replaced], { ...optionsFor(dir), waitMs: 5_000 })),
    );
    assert.equal(same.filter(({ status }) => status === "fulfilled").length, 1);
    assert.equal((await contents(dir))["journal.json"], "two");
  }));
