import assert from "node:assert/strict";
import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { engines } from "../support/databases.ts";
import { type HereResult, runHere } from "../support/run_here.ts";
import { addFiles, initial } from "../support/samples/application.ts";
import { withSmallDisk } from "../support/servers/small_disk.ts";

const imageVariants = "f27bd10b7ec4";

/** A database with large rows on a disk of its own, and the program for it. */
function withLargeRows(kilobytes: number, work: (given: Given) => Promise<void>): Promise<void> {
  return withSmallDisk(kilobytes, async (cwd) => {
    const path = join(cwd, "openharbor.db");
    const env = { DATABASE_URL: `sqlite:///${path}` };
    const expect: Given["expect"] = async (code, ...args) => {
      const result = await runHere(args, { cwd, env });
      assert.equal(result.code, code, `${args.join(" ")}\n${result.stdout}${result.stderr}`);
      return result;
    };
    const sqlite = engines[0]!;
    await expect(0, "upgrade", imageVariants, "--no-backup");
    await addFiles(sqlite, env.DATABASE_URL, 200);
    await sqlite.query(
      env.DATABASE_URL,
      "UPDATE files SET thumb_path = 'uploads/' || id, metadata_json = hex(randomblob(10000))",
    );
    const current = async () => (await expect(0, "current", "--json")).json<{ current: string }>().current;
    await work({ cwd, path, expect, current });
  });
}

interface Given {
  readonly cwd: string;
  readonly path: string;
  /** Runs harbor-db and fails unless it ends with that exit code. */
  expect(code: number, ...args: readonly string[]): Promise<HereResult>;
  current(): Promise<string>;
}

test("what to do without room for a backup is true of a change with a budget, too", () =>
  withLargeRows(14_000, async ({ expect, current }) => {
    const { stderr } = await expect(1, "upgrade", "--max-time", "10m");
    assert.match(
      stderr,
      /without one: --no-backup, and none of --max-lock, --max-time, --max-disk and --queries/,
    );
    await expect(1, "upgrade", "--max-time", "10m", "--no-backup");
    assert.equal(await current(), imageVariants);
    await expect(0, "upgrade", "--no-backup");
  }));

test("a downgrade of which a later step has no room on its disk is refused before anything, and goes through when there is some", () =>
  withLargeRows(17_000, async ({ cwd, path, expect, current }) => {
    const other = join(cwd, "other");
    writeFileSync(other, new Uint8Array(10_000_000));
    const before = readFileSync(path);
    for (const how of ["--yes", "--dry-run", "--rehearse"]) {
      const { stderr } = await expect(1, "downgrade", initial, "--no-backup", how);
      assert.match(
        stderr,
        /on the way past 5b09ebe23c76 what goes is put aside in ".*", which takes at least 4\.\d MB, and there is room for 3\.\d MB/,
      );
      assert.match(stderr, /hint: +Free some space on that device .*--no-keep\. Nothing was changed\./);
      assert.ok(readFileSync(path).equals(before));
    }
    assert.equal(await current(), imageVariants);
    rmSync(other);
    await expect(0, "downgrade", initial, "--no-backup", "--yes");
    const { kept } = (await expect(0, "kept", "list", "--json")).json<{ kept: { rows: number }[] }>();
    assert.deepEqual(kept.map(({ rows }) => rows), [200, 200]);
  }));
