import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { snapshotOf } from "../../src/history/revision_schema.ts";
import { readHistory } from "../../src/history/read_history.ts";
import { releasesThatRun } from "../../src/releases/may_run.ts";
import { readReleases } from "../../src/releases/releases.ts";
import { stoppedReleases } from "../../src/releases/words.ts";
import { dialects } from "../../src/base/dialect.ts";
import { projectFile } from "../support/project.ts";

const releases = readReleases(readFileSync(projectFile("drizzle/releases.json"), "utf8"));
const all = ["ec13aa6", "24de3e0", "80527ac", "f5b2770"];

for (const dialect of dialects) {
  test(`every release of The Open Harbor runs on head and none on what Alembic made, on ${dialect}`, () => {
    const revisions = readHistory(projectFile("drizzle"), dialect).revisions;
    const stopped = revisions.map((revision) =>
      stoppedReleases(releasesThatRun(snapshotOf(revision), releases))
    );
    const none = [{ releases: all, reason: "users.last_login is missing" }];
    assert.deepEqual(stopped, [none, none, none, []]);
  });
}
