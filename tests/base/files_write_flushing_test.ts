import assert from "node:assert/strict";
import {
  chmodSync,
  closeSync,
  existsSync,
  fstatSync,
  linkSync,
  openSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { Buffer } from "node:buffer";
import { type FileHandle, open } from "node:fs/promises";
import { join } from "node:path";
import { mock, test } from "node:test";
import type { StoredBackup } from "../../src/backup/store/folder.ts";
import { folderPlace } from "../../src/backup/store/folder_place.ts";
import { copyLargeFile } from "../../src/base/files/copy_large_file.ts";
import { removeLargeFile } from "../../src/base/files/remove.ts";
import { flushBytes, flushingWriter, writeFlushing } from "../../src/base/files/write_flushing.ts";
import { withFolder } from "../support/databases.ts";

const pieceBytes = flushBytes / 4;

/** Pieces that differ, so that none can be taken for another. */
function* pieces(count: number): Generator<Uint8Array> {
  for (let at = 0; at < count; at++) yield new Uint8Array(pieceBytes).fill(at + 1);
}

test("flushingWriter() leaves no more than one stretch to be flushed at once", () =>
  withFolder(async (folder) => {
    const file = await open(join(folder, "copy"), "wx");
    let [unflushed, most, flushes] = [0, 0, 0];
    const seen = {
      write: async (bytes: Uint8Array, at: number) => {
        const written = await file.write(bytes, at);
        most = Math.max(most, unflushed += written.bytesWritten);
        return written;
      },
      datasync: async () => {
        await file.datasync();
        [unflushed, flushes] = [0, flushes + 1];
      },
    } as unknown as FileHandle;
    const write = flushingWriter(seen);
    for (const piece of pieces(11)) await write(piece);
    await file.close();
    assert.equal(most, flushBytes);
    assert.equal(flushes, 2);
    assert.deepEqual(readFileSync(join(folder, "copy")), Buffer.concat([...pieces(11)]));
  }));

test("copyLargeFile() copies a file to one of its owner's, and over no other", () =>
  withFolder(async (folder) => {
    const [from, to, other] = ["from", "to", "other"].map((name) => join(folder, name)) as [
      string,
      string,
      string,
    ];
    await writeFlushing(from, pieces(5));
    chmodSync(from, 0o644);
    const signal = new AbortController().signal;
    await copyLargeFile(from, to, signal);
    assert.deepEqual(readFileSync(to), readFileSync(from));
    assert.equal(statSync(to).mode & 0o777, 0o600);
    writeFileSync(other, "mine");
    await assert.rejects(copyLargeFile(from, other, signal), { code: "EEXIST" });
    assert.equal(readFileSync(other, "utf8"), "mine");
    await assert.rejects(writeFlushing(other, pieces(1)), { code: "EEXIST" });
  }));

test("removeLargeFile() gives a file free in stretches, and nothing that is somebody else's", () =>
  withFolder(async (folder) => {
    const [large, linked, other, link, target] = ["large", "linked", "other", "link", "target"].map((name) =>
      join(folder, name)
    ) as [string, string, string, string, string];
    const bytes = 9 * 1024 * 1024;
    for (const path of [large, linked, target]) writeFileSync(path, new Uint8Array(bytes));
    linkSync(linked, other);
    symlinkSync(target, link);
    const held = openSync(large, "r");
    const { signal } = new AbortController();
    for (const path of [large, linked, link, join(folder, "missing")]) {
      await removeLargeFile(path, signal);
      assert.equal(existsSync(path), false);
    }
    // What is left to the end is what the file still has that nobody finds any more.
    assert.equal(fstatSync(held).size, 1024 * 1024);
    closeSync(held);
    for (const path of [other, target]) assert.equal(statSync(path).size, bytes);
  }));

test("removeLargeFile() removes in one what cannot be cut, and what somebody may still read when it is stopped", () =>
  withFolder(async (folder) => {
    const bytes = 9 * 1024 * 1024;
    const [full, stopped] = ["full", "stopped"].map((name) => join(folder, name)) as [string, string];
    for (const path of [full, stopped]) writeFileSync(path, new Uint8Array(bytes));
    const handle = await open(full);
    const truncate = mock.method(
      Object.getPrototypeOf(handle) as FileHandle,
      "truncate",
      () => Promise.reject(new Error("ENOSPC")),
    );
    try {
      await removeLargeFile(full, new AbortController().signal);
      assert.equal(truncate.mock.callCount(), 1);
    } finally {
      truncate.mock.restore();
      await handle.close();
    }
    const held = openSync(stopped, "r");
    await removeLargeFile(stopped, AbortSignal.abort());
    assert.equal(fstatSync(held).size, bytes);
    closeSync(held);
    for (const path of [full, stopped]) assert.equal(existsSync(path), false);
  }));

test("a backup that is removed stays whole for who reads it", () =>
  withFolder(async (folder) => {
    const bytes = 9 * 1024 * 1024;
    const [path, manifestPath] = [join(folder, "a.db"), join(folder, "a.db.json")];
    writeFileSync(path, new Uint8Array(bytes));
    writeFileSync(manifestPath, "{}");
    const held = openSync(path, "r");
    await folderPlace(folder).remove({ path, manifestPath, isWhole: true } as StoredBackup);
    assert.equal(fstatSync(held).size, bytes);
    closeSync(held);
    for (const each of [path, manifestPath]) assert.equal(existsSync(each), false);
  }));
