import assert from "node:assert/strict";
import { open, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { HarborError } from "../../../src/base/errors.ts";
import { copyFailure } from "../../../src/engines/sqlite/backup/copy_failure.ts";
import { withSmallDisk } from "../../support/servers/small_disk.ts";

const ways: Readonly<Record<string, (path: string, bytes: Uint8Array) => Promise<unknown>>> = {
  "a whole file": (path, bytes) => writeFile(path, bytes),
  "a file handle": async (path, bytes) => {
    const file = await open(path, "wx");
    try {
      await file.writeFile(bytes);
    } finally {
      await file.close();
    }
  },
};

for (const [name, write] of Object.entries(ways)) {
  test(`a disk that is full while ${name} is written is disk_full`, () =>
    withSmallDisk(64, async (folder) => {
      const error = await write(join(folder, "copy"), new Uint8Array(1024 * 1024)).then(
        () => assert.fail("it was written"),
        (error: unknown) => copyFailure("sqlite:///x.db", error),
      );
      assert.ok(error instanceof HarborError, String(error));
      assert.equal(error.code, "disk_full");
    }));
}

test("what is no failure of the disk or the database stays what it is", () => {
  const defect = new TypeError("x is not a function");
  assert.equal(copyFailure("sqlite:///x.db", defect), defect);
});
