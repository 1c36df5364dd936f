import assert from "node:assert/strict";
import { mkdirSync, readdirSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { clearLeftovers, withWorkspace } from "../../src/backup/store/workspace.ts";
import { testClient, withFolder } from "../support/databases.ts";

const now = new Date("2026-08-01T12:00:00Z");
const client = { ...testClient, pid: 10, isAlive: (pid: number) => pid === 11 };
const hoursAgo = (hours: number) => new Date(now.getTime() - hours * 3_600_000);

// One row a folder: whose it is (its process and where that runs), how old it is, whether it is cleared away.
const folders = [
  ["this process's number, from an earlier one", { pid: 10 }, 1, true],
  ["a process that is no more", { pid: 12 }, 1, true],
  ["a process that is alive", { pid: 11 }, 1, false],
  ["a process that is alive, since yesterday's day before", { pid: 11 }, 49, false],
  ["another machine's process", { pid: 12, processSpace: "elsewhere" }, 1, false],
  [
    "another machine's process, since long, at the first look",
    { pid: 12, processSpace: "elsewhere" },
    49,
    false,
  ],
  ["a process of which nothing is known", { pid: 12, processSpace: null }, 1, false],
] as const;
for (const [whose, owner, hours, isCleared] of folders) {
  test(`clearLeftovers() ${isCleared ? "removes" : "leaves alone"} what is of ${whose}`, () =>
    withFolder(async (folder) => {
      const names = await withWorkspace(folder, { id: "kept", client: { ...client, ...owner } }, async () => {
        return await Promise.resolve(readdirSync(folder));
      });
      const path = join(folder, names[0]!);
      mkdirSync(path);
      writeFileSync(join(path, "copy"), "half");
      utimesSync(path, hoursAgo(hours), hoursAgo(hours));
      assert.equal(await clearLeftovers(folder, client, now), isCleared ? 1 : 0);
      const left = readdirSync(folder).filter((name) => !name.endsWith(".seen"));
      assert.deepEqual(left, isCleared ? [] : names);
    }));
}

test("clearLeftovers() takes a file that had got its name and no manifest, and no finished backup", () =>
  withFolder(async (folder) => {
    const id = "harbor-20260801T000000000Z-none";
    for (const name of [`${id}.db`, "other-1.db", "other-1.db.json"]) writeFileSync(join(folder, name), "");
    const lost = await withWorkspace(folder, { id, client }, () => Promise.resolve(readdirSync(folder)[0]!));
    const done = await withWorkspace(folder, { id: "other-1", client }, () => {
      return Promise.resolve(readdirSync(folder).find((name) => name.startsWith(".other"))!);
    });
    for (const name of [lost, done]) mkdirSync(join(folder, name));
    assert.equal(await clearLeftovers(folder, client, now), 2);
    assert.deepEqual(readdirSync(folder).sort(), ["other-1.db", "other-1.db.json"]);
  }));
