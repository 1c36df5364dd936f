import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { checkReleases } from "../../src/author/check/releases.ts";
import { dialects } from "../../src/base/dialect.ts";
import { readHistory } from "../../src/history/read_history.ts";
import { withFolder } from "../support/databases.ts";
import { projectFile } from "../support/project.ts";

const histories = dialects.map((dialect) => readHistory(projectFile("drizzle"), dialect));

const users = { select: ["id", "email"], insert: ["email", "password_hash", "is_active"] };

// One row a rule: what stands in the file, and what is found.
const cases: readonly (readonly [string, string | null, readonly string[] | null])[] = [
  ["says nothing where there is no such file", null, null],
  ["passes what a revision has", releases({ users }), []],
  [
    "finds a column that no revision ever has",
    releases({ users: { select: ["id", "emial"] } }),
    [
      "fail: releases.json: v1 needs users.emial, which no revision has",
      /no release may run on 7b1f73160408 of sqlite/.source,
      /no release may run on 7b1f73160408 of postgresql/.source,
    ],
  ],
  [
    "finds a table that no revision ever has",
    releases({ users }, { folders: { select: ["id"] } }),
    ["fail: releases.json: v2 needs table folders, which no revision has"],
  ],
  [
    "finds that none may run on head, whose INSERT leaves out what has to be given",
    releases({ collections: { insert: ["name", "uuid"] } }),
    [
      "warn: releases.json: no release may run on 7b1f73160408 of sqlite (v1: collections.user_id needs a value",
      "warn: releases.json: no release may run on 7b1f73160408 of postgresql (v1: collections.user_id needs",
    ],
  ],
  ["finds what cannot be read", "{", ["fail: releases.json: it is no JSON"]],
];

for (const [rule, text, expected] of cases) {
  test(`check ${rule} in releases.json`, () =>
    withFolder((dir) => {
      if (text !== null) writeFileSync(join(dir, "releases.json"), text);
      const found = checkReleases(histories, { paths: { dir, schemaFile: "" }, cwd: dir });
      const said = found?.map(({ status, message }) => `${status}: ${message}`) ?? null;
      assert.equal(said?.length, expected?.length, String(said));
      for (const [at, words] of (expected ?? []).entries()) {
        assert.ok(said![at]!.includes(words), String(said));
      }
      return Promise.resolve();
    }));
}

function releases(...tables: readonly object[]): string {
  return JSON.stringify({ releases: tables.map((each, at) => ({ name: `v${at + 1}`, tables: each })) });
}
