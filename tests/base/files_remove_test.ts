import assert from "node:assert/strict";
import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { removeFile, removeLeft, removingBehind } from "../../src/base/files/remove.ts";
import { removeFileSync } from "../../src/base/files/remove_sync.ts";
import { withFolder } from "../support/databases.ts";

test("removeFile() removes what is there, and says of what it cannot remove what the system said", () =>
  withFolder(async (folder) => {
    for (const remove of [removeFile, (path: string) => Promise.resolve(path).then(removeFileSync)]) {
      const path = join(folder, "some");
      writeFileSync(path, "");
      await remove(path);
      assert.ok(!existsSync(path));
      await remove(path);
      mkdirSync(join(folder, "full", "in"), { recursive: true });
      await assert.rejects(remove(join(folder, "full")), { code: /^(?:EISDIR|EPERM|ENOTEMPTY)$/ });
    }
  }));

test("removeLeft() passes over what it cannot remove, and returns that", () =>
  withFolder(async (folder) => {
    const [a, b, c] = ["a", "b", "c"].map((name) => join(folder, name)) as [string, string, string];
    writeFileSync(a, "");
    mkdirSync(join(b, "in"), { recursive: true });
    writeFileSync(c, "");
    assert.deepEqual(await removeLeft([a, b, c]), [b]);
    assert.deepEqual([a, b, c].map((path) => existsSync(path)), [false, true, false]);
  }));

test("removingBehind() says why work failed, and where it is done what could not be removed", async () => {
  const removed: string[] = [];
  const fails = (words: string) => () => Promise.reject(new Error(words));
  const remove = () => Promise.resolve(removed.push("it")).then(() => {});
  assert.equal(await removingBehind(remove, () => Promise.resolve(1)), 1);
  await assert.rejects(removingBehind(remove, fails("work")), { message: "work" });
  assert.deepEqual(removed, ["it", "it"]);
  await assert.rejects(removingBehind(fails("remove"), fails("work")), { message: "work" });
  await assert.rejects(removingBehind(fails("remove"), () => Promise.resolve()), { message: "remove" });
});
