import assert from "node:assert/strict";
import { readdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import type { HarborError } from "../../src/base/errors.ts";
import { fileFailure } from "../../src/base/files/file_failure.ts";
import { createFile, replaceFile } from "../../src/base/files/replace_file.ts";
import { appendRun } from "../../src/verify/run_log.ts";
import type { RunRecord } from "../../src/verify/rules/run_record.ts";
import { withSmallDisk } from "../support/servers/small_disk.ts";
import { withFolder } from "../support/databases.ts";

test("createFile() makes a file with its rights, and writes over none, nor through a link", () =>
  withFolder((folder) => {
    const path = join(folder, "verify.env");
    createFile(path, "SECRET=1\n", { mode: 0o600 });
    assert.equal(statSync(path).mode & 0o777, 0o600);
    symlinkSync(path, join(folder, "link"));
    for (const name of ["verify.env", "link"]) {
      assert.throws(() => createFile(join(folder, name), "other\n", { mode: 0o600 }), {
        code: "file_failed",
      });
    }
    assert.equal(readFileSync(path, "utf8"), "SECRET=1\n");
    return Promise.resolve();
  }));

test("createFile() leaves nothing under the name of what could not be written whole", () =>
  withSmallDisk(64, (folder) => {
    writeFileSync(join(folder, "some"), "x".repeat(32 * 1024));
    assert.throws(
      () => createFile(join(folder, "verify.env"), "SECRET=1\n".repeat(10_000), { mode: 0o600 }),
      { code: "file_failed", hint: /Free some space/ },
    );
    assert.deepEqual(readdirSync(folder), ["some"]);
    return Promise.resolve();
  }));

test("what a limit refused has the remedy of that limit", () =>
  withSmallDisk(16, (folder) => {
    try {
      writeFileSync(join(folder, "full"), "x".repeat(32_768));
    } catch {
      // Full it is.
    }
    const free = /Free some space on its device/;
    assert.throws(() => replaceFile(join(folder, "metrics.prom"), "new\n"), {
      code: "file_failed",
      hint: free,
    });
    assert.throws(() => appendRun(join(folder, "runs.jsonl"), {} as RunRecord), {
      code: "file_failed",
      hint: free,
    });
    const refused = fileFailure(
      "app.db",
      Object.assign(new Error("EMFILE: …, open '/x'"), { code: "EMFILE" }),
    );
    assert.match(
      (refused as HarborError).message,
      /app\.db": this process has as many files open as it may$/,
    );
    assert.match((refused as HarborError).hint ?? "", /ulimit -n/);
    return Promise.resolve();
  }));

test("replaceFile() puts a text in the place of a file and leaves nothing beside it", () =>
  withFolder((folder) => {
    const path = join(folder, "metrics.prom");
    writeFileSync(path, "old\n");
    replaceFile(path, "new\n", { mode: 0o640 });
    assert.equal(readFileSync(path, "utf8"), "new\n");
    assert.equal(statSync(path).mode & 0o777, 0o640);
    assert.deepEqual(readdirSync(folder), ["metrics.prom"]);
    assert.throws(() => replaceFile(folder, "new\n"), { code: "file_failed" });
    return Promise.resolve();
  }));
