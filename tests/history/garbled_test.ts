import assert from "node:assert/strict";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import type { Applied } from "../../src/history/applied.ts";
import { readHistory } from "../../src/history/read_history.ts";
import { plan } from "../../src/migrate/rules/plan.ts";
import { withFolder } from "../support/databases.ts";

// One row a script: what stands in it, its bytes, and whether it may run from the start and from behind its first statement.
const scripts = [
  ["a NUL, behind which SQLite reads nothing", "SELECT 1; INSERT INTO t VALUES (1)\0, (2);", false, false],
  ["a NUL in a statement's comment", "SELECT 1; INSERT INTO t /* \0 */ VALUES (1);", false, false],
  ["a NUL in what is done", "SELECT /* \0 */ 1; SELECT 2;", false, true],
  ["Latin-1", Buffer.from("SELECT 1; INSERT INTO t VALUES ('grün');", "latin1"), false, true],
  ["UTF-16", Buffer.from("\uFEFFSELECT 1; SELECT 2;", "utf16le"), false, false],
  ["letters of any language", "SELECT 1; INSERT INTO t VALUES ('grün ж 日本 😀');", true, true],
  ["U+FFFD in UTF-8, which is meant", "SELECT 1; UPDATE t SET a = replace(a, '\uFFFD', 'ü');", true, true],
  ["a Latin-1 comment between statements", Buffer.from("-- grün\nSELECT 1; SELECT 2;", "latin1"), true, true],
] as const;
for (const [what, bytes, runs, goesOn] of scripts) {
  test(`a script with ${what} ${runs ? "runs" : "is refused"}, and ${goesOn ? "goes" : "does not go"} on half way`, () =>
    withFolder(async (dir) => {
      const folder = join(dir, "sqlite");
      await mkdir(join(folder, "meta"), { recursive: true });
      const journal = { dialect: "sqlite", entries: [{ idx: 0, when: 0, tag: "0000_a" }] };
      await writeFile(join(folder, "meta", "_journal.json"), JSON.stringify(journal));
      for (const ending of [".sql", ".down.sql"]) await writeFile(join(folder, `0000_a${ending}`), bytes);
      const history = readHistory(dir, "sqlite");
      const row = (direction: Applied["direction"], finishedAt: string | null): Applied => ({
        revision: history.revisions[0]!.id,
        name: "a",
        checksum: history.revisions[0]!.checksum,
        direction,
        statementsDone: 1,
        startedAt: "2026-01-01T00:00:00.000Z",
        finishedAt,
        ms: null,
        appliedBy: "0.0.0",
        origin: "run",
      });
      const planned = (direction: Applied["direction"], applied: readonly Applied[]) => {
        try {
          const text = direction === "upgrade" ? "head" : "base";
          return plan(history, applied, { direction, text }).length === 1;
        } catch (error) {
          assert.match(String(error), /0000_a.*\.sql:1": it has a character that is no text/);
          return false;
        }
      };
      assert.deepEqual(
        [planned("upgrade", []), planned("downgrade", [row("upgrade", "2026-01-01T00:00:01.000Z")])],
        [runs, runs],
      );
      assert.deepEqual(
        [planned("upgrade", [row("upgrade", null)]), planned("downgrade", [row("downgrade", null)])],
        [goesOn, goesOn],
      );
    }));
}
